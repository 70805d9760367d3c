//! The business day: from a fixed local time to the same local time of the next date.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use crate::calendar::zone::timestamp;

/// Where business days begin and end. A day has 23 or 25 hours where the zone's rules say so.
///
/// A local start that the clocks skip moves forward by what they skip (02:30 becomes 03:30 where 02:00 to 03:00 is left
/// out); of a local start that comes twice, the first counts.
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
        let time_ms = timestamp(time_ms).as_millisecond();
        // The walk begins two dates ahead: where clocks go back over midnight, the end of a date comes again after the
        // next one has begun, and the day that holds the instant is that of the next date.
        let mut date = following(following(self.zone.to_datetime(timestamp(time_ms)).date()));
        let mut end_ms = Timestamp::MAX.as_millisecond();
        loop {
            let start_ms = self.start_of_ms(date);
            if start_ms <= time_ms {
                // Where a zone leaves out a whole date, two starts are the same instant: that day is empty.
                return (start_ms, end_ms);
            }
            end_ms = start_ms;
            match date.yesterday() {
                Ok(before) => date = before,
                Err(_) => return (Timestamp::MIN.as_millisecond(), end_ms),
            }
        }
    }

    /// When the business day of a date begins.
    pub fn start_of_ms(&self, date: Date) -> i64 {
        let limit = if date.year() < 0 { Timestamp::MIN } else { Timestamp::MAX };
        self.zone.to_timestamp(date.to_datetime(self.starts)).unwrap_or(limit).as_millisecond()
    }
}

fn following(date: Date) -> Date {
    date.tomorrow().unwrap_or(Date::MAX)
}
