//! Time zones, and instants as `jiff` has them.

use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::time::Timestamp;

/// Returns the zone of an IANA name such as `Europe/Istanbul`, from the rules that are compiled in;
/// `None` for an unknown name. Upper and lower case are the same.
pub fn time_zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok().filter(|zone| !zone.is_unknown())
}

/// Returns the nearest instant that `jiff` can express (years -9999 to 9999).
pub(crate) fn to_jiff(time: Timestamp) -> jiff::Timestamp {
    let limit = if time < Timestamp(0) { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
    jiff::Timestamp::from_millisecond(time.get()).unwrap_or(limit)
}

/// Returns the instant of `jiff` in whole milliseconds.
pub(crate) fn from_jiff(time: jiff::Timestamp) -> Timestamp {
    Timestamp(time.as_millisecond())
}
