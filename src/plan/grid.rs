//! The steps of business days, and which of them are alike.

use jiff::civil::Date;
use nabiz_core::calendar::BusinessDay;
use nabiz_core::settings::Settings;
use nabiz_core::time::{Millis, TimeRange, Timestamp};

use crate::config::PlanStep;
use crate::ledger::history::Step;

const MINUTES_OF_DAY: u16 = 1440;

/// The steps of business days. A step has the number of its local time, so that days of 23, 24 and
/// 25 hours have the same numbers: one that the clocks skip is missing, one that comes twice has its
/// number twice.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    day: BusinessDay,
    step: Step,
    minutes: u16,
    /// Minutes of local time at which number 0 begins.
    first: u16,
}

/// One step of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) range: TimeRange,
    pub(super) number: usize,
}

impl Grid {
    /// Creates the steps of a length for the business days of settings.
    pub(super) fn new(settings: &Settings, step: PlanStep) -> Grid {
        let day = settings.windows.business_day.clone();
        let minutes = step.minutes();
        // A day that begins within a step has that step as its first.
        let starts = local_minutes(&day, day.start_of(Date::constant(2026, 1, 5)));
        let first = starts - starts % minutes;
        let step = match step {
            PlanStep::QuarterHour => Step::QuarterHour,
            PlanStep::HalfHour => Step::HalfHour,
            PlanStep::Hour => Step::Hour,
        };
        Grid { day, step, minutes, first }
    }

    /// Returns whether no business day begins within a step of a length. The history counts by
    /// whole steps, so what came in such a step would be of two days.
    pub(super) fn fits(settings: &Settings, step: PlanStep) -> bool {
        let day = &settings.windows.business_day;
        let starts = local_minutes(day, day.start_of(Date::constant(2026, 1, 5)));
        starts.is_multiple_of(step.minutes())
    }

    /// Returns the IANA name of the time zone; empty where it has none.
    pub(super) fn time_zone(&self) -> String {
        self.day.zone().iana_name().unwrap_or_default().to_string()
    }

    /// Returns the step of the history that has the same rows.
    pub(super) fn step(&self) -> Step {
        self.step
    }

    /// Returns the numbers of a day: 24 for hours.
    pub(super) fn numbers(&self) -> usize {
        usize::from(MINUTES_OF_DAY / self.minutes)
    }

    /// Returns the number of the step that begins at an instant, or contains it.
    pub(super) fn number(&self, time: Timestamp) -> usize {
        let minutes = local_minutes(&self.day, time) + MINUTES_OF_DAY - self.first;
        usize::from(minutes % MINUTES_OF_DAY / self.minutes)
    }

    /// Returns the date of the business day that contains an instant.
    pub(super) fn date(&self, time: Timestamp) -> Date {
        self.day.date_of(time)
    }

    /// Returns the business day of a date.
    pub(super) fn range(&self, date: Date) -> TimeRange {
        let next = date.tomorrow().unwrap_or(Date::MAX);
        TimeRange { start: self.day.start_of(date), end: self.day.start_of(next) }
    }

    /// Returns the steps of a day in order, without gaps.
    pub(super) fn slots(&self, date: Date) -> Vec<Slot> {
        let day = self.range(date);
        let mut slots = Vec::with_capacity(self.numbers());
        let mut start = day.start;
        while start < day.end {
            let around = self.step.around(start, &self.day).unwrap_or(day);
            let end = around.end.min(day.end).max(start.saturating_add(Millis(1)));
            slots.push(Slot { range: TimeRange { start, end }, number: self.number(start) });
            start = end;
        }
        slots
    }
}

fn local_minutes(day: &BusinessDay, time: Timestamp) -> u16 {
    let instant = jiff::Timestamp::from_millisecond(time.get()).unwrap_or(jiff::Timestamp::MIN);
    let local = day.zone().to_datetime(instant);
    let part = |value: i8| u16::try_from(value).unwrap_or(0);
    part(local.hour()) * 60 + part(local.minute())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn grid(toml: &str, step: PlanStep) -> Grid {
        let config = Config::parse(toml, "nabiz.toml", std::iter::empty()).unwrap();
        Grid::new(&config.settings(), step)
    }

    #[test]
    fn days_have_the_same_numbers_when_the_clocks_change() {
        let grid = grid("[windows]\ntime_zone = 'Europe/Berlin'", PlanStep::HalfHour);
        let numbers =
            |date| -> Vec<usize> { grid.slots(date).iter().map(|slot| slot.number).collect() };
        let ordinary: Vec<usize> = (0..48).collect();
        assert_eq!(numbers(Date::constant(2026, 3, 28)), ordinary);
        // 02:00 to 03:00 is left out in spring, and comes twice in autumn.
        assert_eq!(numbers(Date::constant(2026, 3, 29)), [&ordinary[..4], &ordinary[6..]].concat());
        assert_eq!(
            numbers(Date::constant(2026, 10, 25)),
            [&ordinary[..6], &[4, 5], &ordinary[6..]].concat()
        );
    }

    #[test]
    fn day_of_another_start_begins_with_number_0_and_contains_the_next_morning() {
        let grid = grid("[windows]\nbusiness_day_starts = '06:30'", PlanStep::Hour);
        let slots = grid.slots(Date::constant(2026, 1, 5));
        assert_eq!(slots.first().map(|slot| slot.number), Some(0));
        for slot in &slots {
            assert_eq!(grid.date(slot.range.start), Date::constant(2026, 1, 5));
        }
        let next = slots.last().unwrap().range.end;
        assert_eq!(grid.date(next), Date::constant(2026, 1, 6));
    }
}
