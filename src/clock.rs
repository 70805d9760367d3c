//! The wall clock. The daemon reads it here and nowhere else; the core gets time as an argument.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use nabiz_core::time::WallTime;

/// A wall clock: that of the system, or one that a test moves.
pub type WallClock = Arc<dyn Fn() -> WallTime + Send + Sync>;

/// Returns the time of the system's wall clock.
#[allow(clippy::disallowed_methods, reason = "this is the one place that reads it")]
pub fn system_time() -> WallTime {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    WallTime(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

/// Returns the wall clock of the system.
pub fn system_clock() -> WallClock {
    Arc::new(system_time)
}
