//! The business day: from a fixed local time to the same local time of the next date.

use jiff::civil::Time;
use jiff::tz::TimeZone;

/// Where business days begin and end. A day has 23 or 25 hours where the zone's rules say so.
#[derive(Clone, Debug)]
pub struct BusinessDay {
    zone: TimeZone,
    starts: Time,
}

impl BusinessDay {
    /// Business days of `zone` that begin at local time `starts`.
    pub fn new(zone: TimeZone, starts: Time) -> Self {
        BusinessDay { zone, starts }
    }

    /// The zone.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Start (inclusive) and end (exclusive) of the business day that holds `time_ms`.
    pub fn around(&self, time_ms: i64) -> (i64, i64) {
        let _ = (time_ms, &self.starts);
        todo!()
    }
}
