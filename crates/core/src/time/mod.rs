//! Time: instants and durations as types, RFC 3339, and durations as people write them.

mod duration;
mod instant;
mod rfc3339;
mod wall_time;

pub use duration::{DURATION_MAX, DurationError, format_duration, parse_duration};
pub(crate) use instant::EventTimes;
pub use instant::{Millis, TimeRange, Timestamp};
pub use rfc3339::parse_rfc3339;
pub use wall_time::WallTime;
