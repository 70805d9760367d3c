//! Steps of a history: which stretch of time an interval is added to.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use nabiz_core::calendar::BusinessDay;

const MINUTE_MS: u64 = 60_000;

/// Length of the rows of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A quarter of an hour.
    QuarterHour,
    /// Half an hour of local time.
    HalfHour,
    /// An hour of local time.
    Hour,
    /// A business day, of 23 or 25 hours where the clocks change.
    Day,
    /// The whole period in one row.
    All,
}

impl Step {
    /// Every step with its word, from the shortest.
    pub const ALL: [(Step, &'static str); 5] = [
        (Step::QuarterHour, "15m"),
        (Step::HalfHour, "30m"),
        (Step::Hour, "1h"),
        (Step::Day, "1d"),
        (Step::All, "all"),
    ];

    /// The step of a word.
    pub fn from_word(word: &str) -> Option<Step> {
        Self::ALL.into_iter().find(|(_, known)| *known == word).map(|(step, _)| step)
    }

    /// Whether intervals of this length fit into the step.
    pub fn holds(self, interval_ms: u64) -> bool {
        let length_ms = match self {
            Step::QuarterHour => 15 * MINUTE_MS,
            Step::HalfHour => 30 * MINUTE_MS,
            Step::Hour => 60 * MINUTE_MS,
            Step::Day | Step::All => return true,
        };
        interval_ms <= length_ms
    }

    /// The words of the steps into which intervals of this length fit, shortest first.
    pub fn words(interval_ms: u64) -> impl Iterator<Item = &'static str> {
        Self::ALL.into_iter().filter(move |(step, _)| step.holds(interval_ms)).map(|(_, word)| word)
    }

    /// The shortest step into which intervals of this length fit.
    pub fn shortest(interval_ms: u64) -> Step {
        Self::ALL
            .into_iter()
            .map(|(step, _)| step)
            .find(|step| step.holds(interval_ms))
            .unwrap_or(Step::All)
    }

    /// Start (inclusive) and end (exclusive) of the step that holds `time_ms`; `None` for the one that has no bounds.
    pub(super) fn around(self, time_ms: i64, day: &BusinessDay) -> Option<(i64, i64)> {
        let minutes = match self {
            Step::QuarterHour => 15,
            Step::HalfHour => 30,
            Step::Hour => 60,
            Step::Day => {
                let day = day.around(nabiz_core::time::Timestamp(time_ms));
                return Some((day.start.get(), day.end.get()));
            }
            Step::All => return None,
        };
        Some(local_around(time_ms, minutes * 60_000, day.zone()))
    }
}

/// The stretch between two multiples of `length_ms` of local time. A change of the zone's offset within it ends it, so
/// that an hour that comes twice makes two, and no two overlap.
fn local_around(time_ms: i64, length_ms: i64, zone: &TimeZone) -> (i64, i64) {
    let (Ok(time), Ok(after)) =
        (Timestamp::from_millisecond(time_ms), Timestamp::from_millisecond(time_ms + 1))
    else {
        let start_ms = time_ms.div_euclid(length_ms).saturating_mul(length_ms);
        return (start_ms, start_ms.saturating_add(length_ms));
    };
    let offset_ms = |time| i64::from(zone.to_offset(time).seconds()) * 1000;
    let offset_here_ms = offset_ms(time);
    let mut start_ms =
        (time_ms + offset_here_ms).div_euclid(length_ms) * length_ms - offset_here_ms;
    let mut end_ms = start_ms + length_ms;
    for change in zone.preceding(after) {
        let change_ms = change.timestamp().as_millisecond();
        if change_ms <= start_ms {
            break;
        }
        let before = Timestamp::from_millisecond(change_ms - 1);
        if before.is_ok_and(|before| offset_ms(before) != offset_here_ms) {
            start_ms = change_ms;
            break;
        }
    }
    for change in zone.following(time) {
        let change_ms = change.timestamp().as_millisecond();
        if change_ms >= end_ms {
            break;
        }
        if offset_ms(change.timestamp()) != offset_here_ms {
            end_ms = change_ms;
            break;
        }
    }
    (start_ms, end_ms)
}

#[cfg(test)]
mod tests {
    use jiff::civil::Time;
    use proptest::prelude::*;

    use super::*;
    use nabiz_core::calendar::time_zone;

    const HOUR_MS: i64 = 3_600_000;

    fn day(zone: &str) -> BusinessDay {
        BusinessDay::new(time_zone(zone).unwrap(), Time::midnight())
    }

    fn ms(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn around(step: Step, time: &str, zone: &str) -> (i64, i64) {
        step.around(ms(time), &day(zone)).unwrap()
    }

    #[test]
    fn hours_are_hours_of_the_zone() {
        let hour = around(Step::Hour, "2026-01-05T10:20:00+05:45", "Asia/Kathmandu");
        assert_eq!(hour, (ms("2026-01-05T10:00:00+05:45"), ms("2026-01-05T11:00:00+05:45")));
        let half = around(Step::HalfHour, "2026-01-05T10:20:00+05:45", "Asia/Kathmandu");
        assert_eq!(half, (ms("2026-01-05T10:00:00+05:45"), ms("2026-01-05T10:30:00+05:45")));
        let half = around(Step::HalfHour, "2026-01-05T10:31:00+03:00", "Europe/Istanbul");
        assert_eq!(half, (ms("2026-01-05T10:30:00+03:00"), ms("2026-01-05T11:00:00+03:00")));
    }

    #[test]
    fn days_have_the_hours_that_the_zone_gives_them() {
        for (noon, hours) in [
            ("2026-03-29T12:00:00+02:00", 23),
            ("2026-10-25T12:00:00+01:00", 25),
            ("2026-10-26T12:00:00+01:00", 24),
        ] {
            let (start_ms, end_ms) = around(Step::Day, noon, "Europe/Berlin");
            assert_eq!(end_ms - start_ms, hours * HOUR_MS, "{noon}");
        }
    }

    #[test]
    fn an_hour_that_comes_twice_is_two_hours() {
        let first = around(Step::Hour, "2026-10-25T02:30:00+02:00", "Europe/Berlin");
        let second = around(Step::Hour, "2026-10-25T02:30:00+01:00", "Europe/Berlin");
        assert_eq!(first, (ms("2026-10-25T02:00:00+02:00"), ms("2026-10-25T02:00:00+01:00")));
        assert_eq!(second, (ms("2026-10-25T02:00:00+01:00"), ms("2026-10-25T03:00:00+01:00")));
    }

    #[test]
    fn a_change_of_half_an_hour_cuts_the_hour() {
        // Lord Howe Island goes back from 02:00 to 01:30.
        let zone = "Australia/Lord_Howe";
        let before = around(Step::Hour, "2026-04-05T01:45:00+11:00", zone);
        let after = around(Step::Hour, "2026-04-05T01:45:00+10:30", zone);
        assert_eq!(before, (ms("2026-04-05T01:00:00+11:00"), ms("2026-04-05T02:00:00+11:00")));
        assert_eq!(after, (ms("2026-04-05T01:30:00+10:30"), ms("2026-04-05T02:00:00+10:30")));
    }

    #[test]
    fn steps_shorter_than_an_interval_are_not_offered() {
        assert_eq!(Step::words(30 * MINUTE_MS).collect::<Vec<_>>(), ["30m", "1h", "1d", "all"]);
        assert_eq!(Step::shortest(120 * MINUTE_MS), Step::Day);
        assert_eq!(Step::shortest(15 * MINUTE_MS), Step::QuarterHour);
    }

    proptest! {
        #[test]
        fn steps_follow_each_other_without_gap_or_overlap(
            time_ms in -2_000_000_000_000i64..4_000_000_000_000,
            zone in prop::sample::select(vec![
                "UTC", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns", "Africa/Casablanca",
                "Pacific/Apia", "Europe/Istanbul",
            ]),
            step in prop::sample::select(vec![Step::QuarterHour, Step::HalfHour, Step::Hour, Step::Day]),
        ) {
            let day = day(zone);
            let (start_ms, end_ms) = step.around(time_ms, &day).unwrap();
            prop_assert!(start_ms <= time_ms && time_ms < end_ms);
            prop_assert_eq!(step.around(start_ms, &day), Some((start_ms, end_ms)));
            prop_assert_eq!(step.around(end_ms - 1, &day), Some((start_ms, end_ms)));
            prop_assert_eq!(step.around(end_ms, &day).map(|next| next.0), Some(end_ms));
        }
    }
}
