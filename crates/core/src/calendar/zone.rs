//! Time zones and instants for `jiff`.

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// The zone of an IANA name such as `Europe/Istanbul`, from the rules that are compiled in; `None` for an unknown name.
/// Upper and lower case are the same.
pub fn time_zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok().filter(|zone| !zone.is_unknown())
}

/// The nearest instant that the calendar reaches (years -9999 to 9999).
pub(crate) fn timestamp(time_ms: i64) -> Timestamp {
    let limit = if time_ms < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_millisecond(time_ms).unwrap_or(limit)
}
