//! What the past of one queue and channel teaches: counts of like days, handle times, patience,
//! pauses, and how many agents were there.

use std::collections::BTreeMap;

use jiff::civil::{Date, Weekday};
use nabiz_core::settings::QueueSettings;
use nabiz_core::time::{TimeRange, Timestamp};
use nabiz_planning::day::{Day, DayClass};

use super::grid::Grid;
use super::past::{Agents, Counts, Past};
use super::settings::PlanningSettings;

/// Handled contacts from which on a mean handle time is of the step itself. The mean of so many is
/// within about 5 % by chance; a few long calls would otherwise ask for agents in one half hour.
const HANDLED_MIN: f64 = 400.0;

/// Where a handle time comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AhtBasis {
    /// This step of the like days.
    LikeDays,
    /// This time of all days, because the like days have too few contacts.
    TimeOfDay,
    /// All contacts, because the time of day has too few.
    AllContacts,
}

/// What was learned from complete days.
#[derive(Clone, Debug, Default)]
pub(super) struct Learned {
    /// The days, for the forecast.
    pub(super) days: Vec<Day>,
    /// The first and the last of them.
    pub(super) dates: Option<(Date, Date)>,
    /// Sums over all of them.
    pub(super) total: Counts,
    /// Handled contacts and their time, for each number of a step.
    by_time: Vec<(f64, f64)>,
    by_class: BTreeMap<DayClass, OfClass>,
}

#[derive(Clone, Debug, Default)]
struct OfClass {
    /// Handled contacts and their time, for each number of a step.
    handled: Vec<(f64, f64)>,
    /// Agents who were there on average, and how many steps were known, for each number.
    there: Vec<(f64, f64)>,
}

/// Returns the kind of a day for a queue. A noted day is no holiday, because its name says more.
pub(super) fn class_of(planning: &PlanningSettings, queue: &str, date: Date) -> DayClass {
    if let Some(name) = planning.noted(date) {
        return DayClass::Noted(name.to_string());
    }
    if planning.is_holiday(queue, date) {
        return DayClass::Holiday;
    }
    DayClass::Weekday(weekday_number(date.weekday()))
}

fn weekday_number(weekday: Weekday) -> u8 {
    u8::try_from(weekday.to_monday_zero_offset()).unwrap_or(0)
}

/// Returns the number of a date: consecutive dates differ by 1.
pub(super) fn date_number(date: Date) -> i64 {
    date.duration_since(Date::constant(1970, 1, 1)).as_hours() / 24
}

/// Returns whether a queue is open at any time of a range.
pub(super) fn is_open(queue: &QueueSettings, range: TimeRange) -> bool {
    open_seconds(queue, range) > 0.0
}

/// Returns how long a queue is open in a range, in seconds.
pub(super) fn open_seconds(queue: &QueueSettings, range: TimeRange) -> f64 {
    let hours = queue.opening_hours.as_ref();
    let open = hours.map(|hours| hours.open_between(range.start, range.end));
    open.unwrap_or(range.end.since(range.start)).as_secs_f64()
}

/// A queue and channel to learn about.
pub(super) struct Lesson<'a> {
    pub(super) past: &'a Past,
    pub(super) steps: &'a BTreeMap<Timestamp, Counts>,
    pub(super) grid: &'a Grid,
    pub(super) queue: &'a QueueSettings,
    /// Contacts arrive in closed hours too, as letters do and calls do not.
    pub(super) is_written: bool,
}

impl Learned {
    /// Learns from those of the dates that are complete.
    pub(super) fn of(
        lesson: &Lesson<'_>,
        class_of: &dyn Fn(Date) -> DayClass,
        dates: impl Iterator<Item = Date>,
    ) -> Learned {
        let Lesson { past, steps: series, grid, queue, is_written } = *lesson;
        let numbers = grid.numbers();
        let mut learned = Learned { by_time: vec![(0.0, 0.0); numbers], ..Learned::default() };
        let Some(begins) = series.keys().next().map(|first| grid.date(*first)) else {
            return learned;
        };
        for date in dates {
            if date < begins || !past.is_complete(grid.range(date)) {
                continue;
            }
            let class = class_of(date);
            let of_class = learned.by_class.entry(class.clone()).or_insert_with(|| OfClass {
                handled: vec![(0.0, 0.0); numbers],
                there: vec![(0.0, 0.0); numbers],
            });
            // A number that comes twice, where the clocks go back, counts as the mean of both.
            let mut steps = vec![(0.0, 0u32); numbers];
            let mut is_known = false;
            let slots = grid.slots(date);
            let is_shut = slots.iter().all(|slot| !is_open(queue, slot.range));
            for slot in slots {
                let known = past.step(series, (date, is_shut), slot.range);
                let Some(counts) = known else { continue };
                is_known = true;
                // Special days are like no others: they teach about their own kind alone.
                if matches!(class, DayClass::Weekday(_)) {
                    learned.total.add(&counts);
                    let handled = (counts.handled, counts.handle_seconds);
                    add(&mut learned.by_time, slot.number, handled);
                }
                let number = slot.number;
                let handled = (counts.handled, counts.handle_seconds);
                let seconds = slot.range.end.since(slot.range.start).as_secs_f64();
                add(&mut of_class.there, number, (counts.agents.staffed() / seconds, 1.0));
                add(&mut of_class.handled, number, handled);
                if let Some(step) = steps.get_mut(number)
                    && (is_written || is_open(queue, slot.range))
                {
                    *step = (step.0 + counts.offered, step.1 + 1);
                }
            }
            if is_known {
                let mean = |(sum, times): (f64, u32)| (times > 0).then(|| sum / f64::from(times));
                let steps = steps.into_iter().map(mean).collect();
                learned.days.push(Day { date: date_number(date), class, steps });
                let first = learned.dates.map_or(date, |(first, _)| first.min(date));
                let last = learned.dates.map_or(date, |(_, last)| last.max(date));
                learned.dates = Some((first, last));
            }
        }
        learned
    }

    /// Returns the mean handle time of a step of a kind of day, and where it comes from; `None`
    /// where no contact was handled.
    pub(super) fn aht(&self, class: &DayClass, number: usize) -> Option<(f64, AhtBasis)> {
        let of = |sums: Option<&(f64, f64)>, least: f64| {
            sums.filter(|(count, seconds)| *count >= least && *seconds > 0.0)
                .map(|(count, seconds)| seconds / count)
        };
        let like = self.by_class.get(class).and_then(|of_class| of_class.handled.get(number));
        let all = (self.total.handled, self.total.handle_seconds);
        of(like, HANDLED_MIN)
            .map(|aht| (aht, AhtBasis::LikeDays))
            .or_else(|| {
                of(self.by_time.get(number), HANDLED_MIN).map(|aht| (aht, AhtBasis::TimeOfDay))
            })
            .or_else(|| of(Some(&all), 1.0).map(|aht| (aht, AhtBasis::AllContacts)))
    }

    /// Returns the mean handle time of all contacts.
    pub(super) fn mean_aht(&self) -> Option<f64> {
        (self.total.handled > 0.0).then(|| self.total.handle_seconds / self.total.handled)
    }

    /// Returns how many agents were there on average in a step of a kind of day; `None` where the
    /// history has no agents, or no such day.
    pub(super) fn there(&self, class: &DayClass, number: usize) -> Option<f64> {
        if !self.has_agents() {
            return None;
        }
        let (agents, times) = self.by_class.get(class)?.there.get(number)?;
        (*times > 0.0).then(|| agents / times)
    }

    /// Returns whether the history has time of agents of the queue.
    pub(super) fn has_agents(&self) -> bool {
        let Agents { paused, .. } = self.total.agents;
        self.total.agents.staffed() + paused > 0.0
    }
}

fn add(sums: &mut [(f64, f64)], number: usize, more: (f64, f64)) {
    if let Some(sum) = sums.get_mut(number) {
        *sum = (sum.0 + more.0, sum.1 + more.1);
    }
}
