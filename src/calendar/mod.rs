//! Civil time: opening hours with holidays, and business days, in a real time zone.
//!
//! Pure: every instant comes in as milliseconds since the Unix epoch; the time zone rules are compiled in.

mod business_day;
mod opening_hours;
mod weekly_hours;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

pub use business_day::BusinessDay;
pub use opening_hours::{OpeningHours, OpeningHoursError};

/// The zone of an IANA name such as `Europe/Istanbul`, from the rules that are compiled in; `None` for an unknown name.
/// Upper and lower case are the same.
pub fn time_zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok().filter(|zone| !zone.is_unknown())
}

/// The nearest instant that the calendar reaches (years -9999 to 9999).
fn timestamp(time_ms: i64) -> Timestamp {
    let limit = if time_ms < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_millisecond(time_ms).unwrap_or(limit)
}

#[cfg(test)]
mod tests;
