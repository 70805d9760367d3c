//! Opening hours of a queue.

use jiff::civil::Date;
use jiff::tz::TimeZone;

/// When a queue is open: weekly hours, less holidays, in a time zone.
#[derive(Clone, Debug)]
pub struct OpeningHours {
    zone: TimeZone,
    holidays: Vec<Date>,
}

/// Why a text is not opening hours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct OpeningHoursError {
    /// Names the part that is wrong and what is allowed.
    pub detail: String,
}

impl OpeningHours {
    /// Reads `Mo-Fr 08:00-17:30; Sa 09:00-13:00`, the weekly subset of the OpenStreetMap notation.
    ///
    /// # Errors
    /// [`OpeningHoursError`] names the part that could not be read.
    pub fn parse(text: &str, holidays: &[Date], zone: TimeZone) -> Result<Self, OpeningHoursError> {
        let _ = (text, holidays, zone);
        todo!()
    }

    /// Whether `time_ms` lies in opening hours.
    pub fn is_open(&self, time_ms: i64) -> bool {
        let _ = (time_ms, &self.zone, &self.holidays);
        todo!()
    }

    /// Open milliseconds between two instants; 0 where `to_ms` is not after `from_ms`.
    pub fn open_ms_between(&self, from_ms: i64, to_ms: i64) -> u64 {
        let _ = (from_ms, to_ms);
        todo!()
    }

    /// The earliest instant by which `open_ms` of opening time have gone by since `from_ms`; `None` where that is more
    /// than ten years away.
    pub fn after_open_ms(&self, from_ms: i64, open_ms: u64) -> Option<i64> {
        let _ = (from_ms, open_ms);
        todo!()
    }
}
