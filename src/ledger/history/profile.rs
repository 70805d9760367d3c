//! The profile of a week: what is usual on a weekday in a step of the day.

use std::collections::BTreeMap;

use jiff::civil::{Date, Time, Weekday};
use nabiz_core::measures::ServiceLevelCounts;
use nabiz_core::settings::Settings;
use nabiz_core::time::{Millis, TimeRange};

use super::fill::RowKey;
use super::query::Fill;
use super::reader::History;
use super::row::HistoryRow;
use super::step::Step;
use crate::ledger::error::LedgerError;

/// Days that are like each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DayClass {
    /// A weekday, 0 is Monday, that is no holiday.
    Weekday(u8),
    /// A holiday of a queue.
    Holiday,
}

/// The names of the classes, holidays last.
const DAY_NAMES: [&str; 8] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "holiday"];

impl DayClass {
    /// Returns the name of the class.
    pub fn name(self) -> &'static str {
        let index = match self {
            DayClass::Weekday(index) => usize::from(index).min(6),
            DayClass::Holiday => 7,
        };
        DAY_NAMES.get(index).copied().unwrap_or_default()
    }
}

/// How values that are like each other spread.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread {
    /// The number of values.
    pub n: u64,
    /// Their mean; of a ratio, the sum of the numerators divided by that of the denominators.
    pub mean: Option<f64>,
    /// The 10th, 50th and 90th percentile, interpolated between the two nearest values.
    pub percentiles: Option<[f64; 3]>,
}

/// What is usual for a queue and channel, on days of a class, in a step of the day.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileRow {
    /// Queue id and channel; an empty text where the row is over all of them.
    pub key: RowKey,
    /// The days.
    pub day: DayClass,
    /// The local time at which the step begins.
    pub time: Time,
    /// Offered visits in a step.
    pub offered: Spread,
    /// Mean handle time of a step in seconds, in the steps that have one.
    pub aht: Spread,
    /// Service level of a step, in the steps that have one.
    pub service_level: Spread,
}

/// Reads a history to its end and returns its profile, by queue, channel, class of the day and time.
///
/// Only whole steps that are closed count, and those without any visit count as zeros. The query
/// must ask for a profile.
///
/// # Errors
/// [`LedgerError`] of the history.
pub fn profile(mut history: History) -> Result<Vec<ProfileRow>, LedgerError> {
    let mut slots: BTreeMap<(RowKey, DayClass, i32), Slot> = BTreeMap::new();
    while let Some(row) = history.next() {
        let row = row?;
        let (settings, query) = (history.settings(), history.query());
        let start = jiff::Timestamp::from_millisecond(row.range.start.get());
        let Some(start) = start.ok().filter(|_| is_whole(&row, query.step, settings)) else {
            continue;
        };
        let local = settings.windows.business_day.zone().to_datetime(start);
        let queues = history.queues_of(&row);
        let hours =
            || queues.iter().filter_map(|queue| settings.queue(queue).opening_hours.as_ref());
        let day = match hours().any(|hours| hours.is_holiday(local.date())) {
            true => DayClass::Holiday,
            false => class_of(local.date()),
        };
        let is_open = || queues.iter().any(|queue| is_open(settings, queue, row.range));
        let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
        let key = (row.queue.clone(), row.channel.clone());
        let slot = slots.entry((key, day, minute)).or_default();
        // An hour that comes twice in autumn gives its date one value, as every hour does.
        if slot.last_date.replace(local.date()) == Some(local.date()) {
            continue;
        }
        slot.is_wanted = slot.is_wanted
            || query.fill != Fill::Open
            || row.counts.visits.offered > 0
            || is_open();
        slot.add(&row);
    }
    let rows = slots.into_iter().filter(|(_, slot)| slot.is_wanted);
    Ok(rows.map(|((key, day, minute), slot)| slot.into_row(key, day, minute)).collect())
}

fn is_open(settings: &Settings, queue: &str, range: TimeRange) -> bool {
    let hours = settings.queue(queue).opening_hours.as_ref();
    hours.is_none_or(|hours| hours.open_between(range.start, range.end) > Millis::ZERO)
}

/// Returns whether a row is final and has the whole length of its step.
fn is_whole(row: &HistoryRow, step: Step, settings: &Settings) -> bool {
    let is_cut = match step.clock_length() {
        // A change of the clocks may cut a step too.
        Some(length) => row.range.end.since(row.range.start) != length,
        None => step.around(row.range.start, &settings.windows.business_day) != Some(row.range),
    };
    !row.open && !is_cut
}

fn class_of(date: Date) -> DayClass {
    let offset = match date.weekday() {
        Weekday::Monday => 0,
        Weekday::Tuesday => 1,
        Weekday::Wednesday => 2,
        Weekday::Thursday => 3,
        Weekday::Friday => 4,
        Weekday::Saturday => 5,
        Weekday::Sunday => 6,
    };
    DayClass::Weekday(offset)
}

/// The steps of one row. Values are kept small, because a year has many steps.
#[derive(Default)]
struct Slot {
    is_wanted: bool,
    /// The date of the last step that was added.
    last_date: Option<Date>,
    offered: Vec<u32>,
    offered_sum: u64,
    handle_means: Vec<f32>,
    handled: u64,
    handle_sum: u64,
    levels: Vec<f32>,
    level_counts: ServiceLevelCounts,
}

impl Slot {
    fn add(&mut self, row: &HistoryRow) {
        let (counts, window) = (&row.counts, row.window());
        self.offered.push(u32::try_from(counts.visits.offered).unwrap_or(u32::MAX));
        self.offered_sum = self.offered_sum.saturating_add(counts.visits.offered);
        if let Some(mean) = window.handle_mean_seconds() {
            self.handle_means.push(mean as f32);
            self.handled = self.handled.saturating_add(counts.sums.handled);
            self.handle_sum = self.handle_sum.saturating_add(counts.sums.handle_sum_ms);
        }
        if let Some(level) = window.service_level(nabiz_core::settings::Formula::Live) {
            self.levels.push(level as f32);
            self.level_counts.add(&counts.service_level);
        }
    }

    fn into_row(self, key: RowKey, day: DayClass, minute: i32) -> ProfileRow {
        let ServiceLevelCounts { met, missed } = self.level_counts;
        let offered: Vec<f64> = self.offered.iter().copied().map(f64::from).collect();
        let hour = i8::try_from(minute / 60).unwrap_or(0);
        let minute = i8::try_from(minute % 60).unwrap_or(0);
        ProfileRow {
            key,
            day,
            time: Time::new(hour, minute, 0, 0).unwrap_or_default(),
            offered: spread(&offered, self.offered_sum as f64, self.offered.len() as u64),
            aht: spread(&wide(&self.handle_means), self.handle_sum as f64 / 1000.0, self.handled),
            service_level: spread(&wide(&self.levels), met as f64, met.saturating_add(missed)),
        }
    }
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

fn spread(values: &[f64], numerator: f64, denominator: u64) -> Spread {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let percentiles = [0.1, 0.5, 0.9].map(|ratio| percentile(&sorted, ratio));
    Spread {
        n: sorted.len() as u64,
        mean: (denominator > 0).then(|| numerator / denominator as f64),
        percentiles: match percentiles {
            [Some(p10), Some(p50), Some(p90)] => Some([p10, p50, p90]),
            _ => None,
        },
    }
}

/// Returns the value at `ratio` of the way from the first to the last of sorted values, as
/// PERCENTILE.INC of spreadsheets: with a few values, the nearest one would be too coarse.
fn percentile(sorted: &[f64], ratio: f64) -> Option<f64> {
    let place = ratio * sorted.len().checked_sub(1)? as f64;
    let below = sorted.get(place.floor() as usize)?;
    let above = sorted.get(place.ceil() as usize)?;
    Some(below + (above - below) * place.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentile_lies_between_the_nearest_values() {
        let values = [10.0, 20.0, 30.0, 40.0, 60.0];
        let near = |ratio, expected: f64| {
            let found = percentile(&values, ratio).unwrap();
            assert!((found - expected).abs() < 1e-9, "{ratio}: {found}");
        };
        near(0.1, 14.0);
        near(0.5, 30.0);
        near(0.9, 52.0);
        assert_eq!(percentile(&values[..1], 0.9), Some(10.0));
        assert_eq!(percentile(&[], 0.5), None);
    }
}
