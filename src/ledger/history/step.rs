//! Steps of a history: the stretches of time that become one row.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};
use nabiz_core::calendar::BusinessDay;
use nabiz_core::time::{Millis, TimeRange, Timestamp};

/// The length of the rows of a history.
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
    /// Seven business days from a Monday on.
    Week,
    /// The business days of a month.
    Month,
    /// The business days of a year.
    Year,
    /// The whole period in one row.
    All,
}

impl Step {
    /// Every step with its name, from the shortest.
    pub const ALL: [(Step, &'static str); 8] = [
        (Step::QuarterHour, "15m"),
        (Step::HalfHour, "30m"),
        (Step::Hour, "1h"),
        (Step::Day, "1d"),
        (Step::Week, "1w"),
        (Step::Month, "1mo"),
        (Step::Year, "1y"),
        (Step::All, "all"),
    ];

    /// Returns the step of a name.
    pub fn from_name(name: &str) -> Option<Step> {
        Self::ALL.into_iter().find(|(_, known)| *known == name).map(|(step, _)| step)
    }

    /// Returns whether intervals of this length fit into the step.
    pub fn holds(self, interval: Millis) -> bool {
        self.clock_length().is_none_or(|length| interval <= length)
    }

    /// Returns the length of a step that follows the clock; `None` for a day and longer steps,
    /// whose length is not fixed.
    pub fn clock_length(self) -> Option<Millis> {
        match self {
            Step::QuarterHour => Some(Millis::from_mins(15)),
            Step::HalfHour => Some(Millis::from_mins(30)),
            Step::Hour => Some(Millis::from_mins(60)),
            Step::Day | Step::Week | Step::Month | Step::Year | Step::All => None,
        }
    }

    /// Returns the names of the steps into which intervals of this length fit, shortest first.
    pub fn names(interval: Millis) -> impl Iterator<Item = &'static str> {
        Self::ALL.into_iter().filter(move |(step, _)| step.holds(interval)).map(|(_, name)| name)
    }

    /// Returns the shortest step into which intervals of this length fit.
    pub fn shortest(interval: Millis) -> Step {
        Self::ALL
            .into_iter()
            .map(|(step, _)| step)
            .find(|step| step.holds(interval))
            .unwrap_or(Step::All)
    }

    /// Returns the step that contains an instant; `None` for [`Step::All`], which has no bounds.
    pub fn around(self, time: Timestamp, day: &BusinessDay) -> Option<TimeRange> {
        let of_dates = |first: fn(Date) -> Date, length: Span| {
            let first = first(day.date_of(time));
            let next = first.checked_add(length).unwrap_or(Date::MAX);
            Some(TimeRange { start: day.start_of(first), end: day.start_of(next) })
        };
        match self {
            Step::QuarterHour | Step::HalfHour | Step::Hour => {
                let length = i64::try_from(self.clock_length()?.get()).ok()?;
                let (start, end) = local_around(time.get(), length, day.zone());
                Some(TimeRange { start: Timestamp(start), end: Timestamp(end) })
            }
            Step::Day => Some(day.around(time)),
            Step::Week => of_dates(monday_of, 7.days()),
            Step::Month => of_dates(Date::first_of_month, 1.month()),
            Step::Year => of_dates(Date::first_of_year, 1.year()),
            Step::All => None,
        }
    }
}

/// Returns the Monday of the week of a date.
fn monday_of(date: Date) -> Date {
    let since = i64::from(date.weekday().to_monday_zero_offset());
    date.checked_sub(since.days()).unwrap_or(Date::MIN)
}

/// Returns the start and the end of the stretch between two multiples of `length_ms` of local time.
/// It ends where the zone's offset changes, so that an hour that comes twice makes two stretches,
/// and no two overlap.
///
/// Plain milliseconds, because local time as a number is neither an instant nor a duration.
fn local_around(time_ms: i64, length_ms: i64, zone: &TimeZone) -> (i64, i64) {
    let instant = jiff::Timestamp::from_millisecond;
    let (Ok(time), Ok(after)) = (instant(time_ms), instant(time_ms.saturating_add(1))) else {
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
        let before = instant(change_ms - 1);
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

    fn day(zone: &str) -> BusinessDay {
        BusinessDay::new(time_zone(zone).unwrap(), Time::midnight())
    }

    fn time(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    fn range(start: &str, end: &str) -> TimeRange {
        TimeRange { start: time(start), end: time(end) }
    }

    fn around(step: Step, text: &str, zone: &str) -> TimeRange {
        step.around(time(text), &day(zone)).unwrap()
    }

    #[test]
    fn step_begins_at_a_full_hour_of_its_zone() {
        let hour = around(Step::Hour, "2026-01-05T10:20:00+05:45", "Asia/Kathmandu");
        assert_eq!(hour, range("2026-01-05T10:00:00+05:45", "2026-01-05T11:00:00+05:45"));
        let half = around(Step::HalfHour, "2026-01-05T10:20:00+05:45", "Asia/Kathmandu");
        assert_eq!(half, range("2026-01-05T10:00:00+05:45", "2026-01-05T10:30:00+05:45"));
        let half = around(Step::HalfHour, "2026-01-05T10:31:00+03:00", "Europe/Istanbul");
        assert_eq!(half, range("2026-01-05T10:30:00+03:00", "2026-01-05T11:00:00+03:00"));
    }

    #[test]
    fn day_has_23_or_25_hours_when_the_clocks_change() {
        for (noon, hours) in [
            ("2026-03-29T12:00:00+02:00", 23),
            ("2026-10-25T12:00:00+01:00", 25),
            ("2026-10-26T12:00:00+01:00", 24),
        ] {
            let day = around(Step::Day, noon, "Europe/Berlin");
            assert_eq!(day.end.since(day.start), Millis::from_hours(hours), "{noon}");
        }
    }

    #[test]
    fn week_month_and_year_are_made_of_business_days() {
        let berlin =
            BusinessDay::new(time_zone("Europe/Berlin").unwrap(), "06:00".parse::<Time>().unwrap());
        for (step, text, expected) in [
            // Monday before six is still the business day of Sunday.
            (
                Step::Week,
                "2026-03-30T05:59:00+02:00",
                range("2026-03-23T06:00:00+01:00", "2026-03-30T06:00:00+02:00"),
            ),
            (
                Step::Week,
                "2026-01-01T12:00:00+01:00",
                range("2025-12-29T06:00:00+01:00", "2026-01-05T06:00:00+01:00"),
            ),
            (
                Step::Month,
                "2026-03-01T05:00:00+01:00",
                range("2026-02-01T06:00:00+01:00", "2026-03-01T06:00:00+01:00"),
            ),
            (
                Step::Month,
                "2026-10-31T12:00:00+01:00",
                range("2026-10-01T06:00:00+02:00", "2026-11-01T06:00:00+01:00"),
            ),
            (
                Step::Year,
                "2024-02-29T12:00:00+01:00",
                range("2024-01-01T06:00:00+01:00", "2025-01-01T06:00:00+01:00"),
            ),
        ] {
            assert_eq!(step.around(time(text), &berlin), Some(expected), "{text}");
        }
    }

    #[test]
    fn hour_becomes_two_steps_when_it_comes_twice() {
        let first = around(Step::Hour, "2026-10-25T02:30:00+02:00", "Europe/Berlin");
        let second = around(Step::Hour, "2026-10-25T02:30:00+01:00", "Europe/Berlin");
        assert_eq!(first, range("2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"));
        assert_eq!(second, range("2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00"));
    }

    #[test]
    fn hour_ends_early_when_the_offset_changes_by_half_an_hour() {
        // Lord Howe Island goes back from 02:00 to 01:30.
        let zone = "Australia/Lord_Howe";
        let before = around(Step::Hour, "2026-04-05T01:45:00+11:00", zone);
        let after = around(Step::Hour, "2026-04-05T01:45:00+10:30", zone);
        assert_eq!(before, range("2026-04-05T01:00:00+11:00", "2026-04-05T02:00:00+11:00"));
        assert_eq!(after, range("2026-04-05T01:30:00+10:30", "2026-04-05T02:00:00+10:30"));
    }

    #[test]
    fn step_is_not_offered_when_shorter_than_an_interval() {
        assert_eq!(
            Step::names(Millis::from_mins(30)).collect::<Vec<_>>(),
            ["30m", "1h", "1d", "1w", "1mo", "1y", "all"]
        );
        assert_eq!(Step::shortest(Millis::from_mins(120)), Step::Day);
        assert_eq!(Step::shortest(Millis::from_mins(15)), Step::QuarterHour);
    }

    proptest! {
        #[test]
        fn steps_follow_each_other_without_gap_or_overlap(
            time_ms in -2_000_000_000_000i64..4_000_000_000_000,
            zone in prop::sample::select(vec![
                "UTC", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe",
                "America/St_Johns", "Africa/Casablanca", "Pacific/Apia", "Europe/Istanbul",
            ]),
            step in prop::sample::select(
                vec![
                    Step::QuarterHour, Step::HalfHour, Step::Hour, Step::Day, Step::Week,
                    Step::Month, Step::Year,
                ],
            ),
        ) {
            let day = day(zone);
            let range = step.around(Timestamp(time_ms), &day).unwrap();
            let last = range.end.saturating_sub(Millis(1));
            prop_assert!(range.contains(Timestamp(time_ms)));
            prop_assert_eq!(step.around(range.start, &day), Some(range));
            prop_assert_eq!(step.around(last, &day), Some(range));
            prop_assert_eq!(step.around(range.end, &day).map(|next| next.start), Some(range.end));
        }
    }
}
