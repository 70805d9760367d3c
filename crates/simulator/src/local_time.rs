//! Local time at the site: a fixed offset from UTC.

/// One minute in milliseconds.
pub(crate) const MINUTE_MS: i64 = 60_000;
/// One hour in milliseconds.
pub(crate) const HOUR_MS: i64 = 60 * MINUTE_MS;
/// A day in milliseconds: the default duration.
pub const DAY_MS: u64 = 86_400_000;
/// The site's offset from UTC, in milliseconds.
///
/// Türkiye has had no daylight saving time since 2016, and the simulated site never has it.
pub const UTC_OFFSET_MS: i64 = 3 * 3_600_000;

const DAY: i64 = DAY_MS as i64;

/// Returns the local days since the Unix epoch, and the milliseconds since local midnight.
pub(crate) fn local_day(time_ms: i64) -> (i64, i64) {
    let local_ms = time_ms.saturating_add(UTC_OFFSET_MS);
    (local_ms.div_euclid(DAY), local_ms.rem_euclid(DAY))
}

/// Returns the instant at which a local day begins.
pub(crate) fn day_begins_ms(day: i64) -> i64 {
    day.saturating_mul(DAY).saturating_sub(UTC_OFFSET_MS)
}

/// Returns the weekday of a local day; Monday is 0.
pub(crate) fn weekday(day: i64) -> usize {
    // The Unix epoch was a Thursday.
    day.saturating_add(3).rem_euclid(7) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::DEFAULT_START_MS;

    #[test]
    fn local_day_is_a_monday_midnight_when_time_is_the_default_start() {
        let (day, of_day_ms) = local_day(DEFAULT_START_MS);
        assert_eq!((weekday(day), of_day_ms), (0, 0));
        assert_eq!(day_begins_ms(day), DEFAULT_START_MS);
    }
}
