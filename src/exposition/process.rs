//! The `process_*` metrics.

use prometheus::core::Collector;

/// Returns the collector of this process, on platforms where the prometheus crate has one.
pub(super) fn collector() -> Option<Box<dyn Collector>> {
    #[cfg(target_os = "linux")]
    let process: Option<Box<dyn Collector>> =
        Some(Box::new(prometheus::process_collector::ProcessCollector::for_self()));
    #[cfg(not(target_os = "linux"))]
    let process = None;
    process
}
