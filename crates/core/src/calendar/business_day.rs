//! The business day: from a fixed local time to the same local time of the next date.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use crate::calendar::zone::{from_jiff, to_jiff};
use crate::time::{TimeRange, Timestamp};

/// The rule by which business days begin and end. A day has 23 or 25 hours where the zone's rules
/// say so.
///
/// A local start that a change of the clocks skips moves forward by the length of the gap (02:30
/// becomes 03:30 where 02:00 to 03:00 is left out). Of a local start that comes twice, the first
/// counts.
#[derive(Clone, Debug)]
pub struct BusinessDay {
    zone: TimeZone,
    starts: Time,
}

impl BusinessDay {
    /// Creates the rule for days of `zone` that begin at local time `starts`.
    pub fn new(zone: TimeZone, starts: Time) -> Self {
        BusinessDay { zone, starts }
    }

    /// Returns the time zone.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Returns the business day that contains `time`.
    pub fn around(&self, time: Timestamp) -> TimeRange {
        self.dated_around(time).1
    }

    /// Returns the date whose business day contains `time`.
    pub fn date_of(&self, time: Timestamp) -> Date {
        self.dated_around(time).0
    }

    fn dated_around(&self, time: Timestamp) -> (Date, TimeRange) {
        let time = to_jiff(time);
        // The walk begins two dates ahead. Where the clocks go back over midnight, the end of a
        // date comes again after the next one has begun, and the day that contains the instant is
        // that of the next date.
        let mut date = following(following(self.zone.to_datetime(time).date()));
        let time = from_jiff(time);
        let mut end = from_jiff(jiff::Timestamp::MAX);
        loop {
            let start = self.start_of(date);
            if start <= time {
                // Where a zone leaves out a whole date, two starts are the same instant: the day
                // of the date that is left out is empty.
                return (date, TimeRange { start, end });
            }
            end = start;
            match date.yesterday() {
                Ok(before) => date = before,
                Err(_) => {
                    let start = from_jiff(jiff::Timestamp::MIN);
                    return (date, TimeRange { start, end });
                }
            }
        }
    }

    /// Returns the instant at which the business day of a date begins.
    pub fn start_of(&self, date: Date) -> Timestamp {
        let limit = if date.year() < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        from_jiff(self.zone.to_timestamp(date.to_datetime(self.starts)).unwrap_or(limit))
    }
}

fn following(date: Date) -> Date {
    date.tomorrow().unwrap_or(Date::MAX)
}
