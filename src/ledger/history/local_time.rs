//! Instants as text in a time zone.

use jiff::tz::TimeZone;
use nabiz_core::time::Timestamp;

/// Returns an instant in RFC 3339 with the offset of a zone; an empty text where the instant is
/// outside the calendar.
pub fn local_time(time: Timestamp, zone: &TimeZone) -> String {
    match jiff::Timestamp::from_millisecond(time.get()) {
        Ok(time) => time.display_with_offset(zone.to_offset(time)).to_string(),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_time_has_the_offset_of_its_zone() {
        let berlin = nabiz_core::calendar::time_zone("Europe/Berlin").unwrap();
        for (time, expected) in [
            (1_767_596_400_000, "2026-01-05T08:00:00+01:00"),
            (1_783_148_400_000, "2026-07-04T09:00:00+02:00"),
            (i64::MAX, ""),
        ] {
            assert_eq!(local_time(Timestamp(time), &berlin), expected);
        }
    }
}
