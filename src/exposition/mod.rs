//! The metric catalogue and the collector.
