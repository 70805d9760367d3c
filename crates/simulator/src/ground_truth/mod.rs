//! The simulation's own counts, in whole milliseconds, and the report of them.
//!
//! Nothing here knows how the pipeline counts. The definitions are those of docs/spec/measures.md
//! with the default configuration.

mod counts;
mod report;

pub(crate) use counts::{AgentState, GroundTruth, LeftReason, Stretch};
pub use report::{Sample, Truth, Value};
