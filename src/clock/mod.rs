//! The clocks of the host. The daemon reads them here and nowhere else; the core gets time as an
//! argument.

mod trusted;

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use nabiz_core::time::WallTime;

pub use trusted::{ClockReading, ClockView, TrustedClock};

/// A wall clock: that of the system, or one that a test moves.
pub type WallClock = Arc<dyn Fn() -> WallTime + Send + Sync>;

/// A clock that runs at an even pace and never jumps: that of the system, or one that a test moves.
pub type MonotonicClock = Arc<dyn Fn() -> Instant + Send + Sync>;

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

/// Returns the monotonic clock of the system.
pub fn system_monotonic() -> MonotonicClock {
    Arc::new(Instant::now)
}
