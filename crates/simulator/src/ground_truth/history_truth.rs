//! What an interval history must say: its rows and their numbers.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::ser::SerializeMap;

use crate::ground_truth::value::Value;

/// A kind of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Table {
    Visits,
    QueueAgents,
    Arrivals,
    Units,
    Scores,
    Pauses,
    Agents,
}

impl Table {
    fn as_str(self) -> &'static str {
        match self {
            Table::Visits => "visits",
            Table::QueueAgents => "queue_agents",
            Table::Arrivals => "arrivals",
            Table::Units => "units",
            Table::Scores => "scores",
            Table::Pauses => "pauses",
            Table::Agents => "agents",
        }
    }

    /// Returns the names of the labels of a row.
    fn labels(self) -> &'static [&'static str] {
        match self {
            Table::Visits => &["queue", "channel"],
            Table::QueueAgents => &["queue"],
            Table::Arrivals => &["channel", "entry_point"],
            Table::Units => &["unit"],
            Table::Scores => &["queue", "channel", "score"],
            Table::Pauses => &["reason"],
            Table::Agents => &[],
        }
    }
}

/// The labels of a row; unused ones are empty.
pub(super) type Labels = [&'static str; 3];

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RowKey {
    pub(super) table: Table,
    pub(super) start_ms: i64,
    pub(super) labels: Labels,
}

/// A distribution of a visits row.
#[derive(Clone, Copy, Debug)]
pub(super) enum Times {
    Wait,
    AbandonWait,
    Handle,
}

/// The numbers of one row.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    /// Counts, and sums in milliseconds, whose names end with `_seconds`. No number is 0.
    pub(super) sums: Vec<(&'static str, u64)>,
    /// Milliseconds of waits of answered visits, waits of abandoned visits, and handle times.
    times: Option<Box<[Vec<u32>; 3]>>,
}

impl Numbers {
    pub(super) fn push(&mut self, times: Times, value_ms: u32) {
        self.times.get_or_insert_default()[times as usize].push(value_ms);
    }

    pub(super) fn add(&mut self, name: &'static str, more: u64) {
        if more == 0 {
            return;
        }
        match self.sums.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += more,
            None => self.sums.push((name, more)),
        }
    }
}

/// What the interval history of a correct reader says of the simulated events, by interval: every
/// count, sum, maximum and percentile, for the default configuration.
///
/// Numbers that are 0 are left out, and so are rows without a number.
#[derive(Clone, Debug)]
pub struct HistoryTruth {
    pub(super) interval_ms: u64,
    pub(super) rows: BTreeMap<RowKey, Numbers>,
}

/// One row of a [`HistoryTruth`]. It serializes to one flat object with `of`, `start`, the labels
/// and the values.
#[derive(Clone, Copy, Debug)]
pub struct HistoryTruthRow<'a> {
    key: &'a RowKey,
    numbers: &'a Numbers,
}

impl HistoryTruth {
    /// Returns the length of the intervals in milliseconds.
    pub fn interval_ms(&self) -> u64 {
        self.interval_ms
    }

    /// Returns an iterator over the rows, by kind, start and labels.
    pub fn rows(&self) -> impl Iterator<Item = HistoryTruthRow<'_>> {
        let rows = self.rows.iter().map(|(key, numbers)| HistoryTruthRow { key, numbers });
        rows.filter(|row| !row.numbers.sums.is_empty())
    }
}

impl<'a> HistoryTruthRow<'a> {
    /// Returns the kind of the row: `visits`, `queue_agents` (agent time by queue), `arrivals`,
    /// `units`, `scores`, `pauses` or `agents` (agent time once over all queues).
    pub fn of(&self) -> &'static str {
        self.key.table.as_str()
    }

    /// Returns the start of the interval in milliseconds since the Unix epoch.
    pub fn start_ms(&self) -> i64 {
        self.key.start_ms
    }

    /// Returns the names and values of the labels.
    pub fn labels(&self) -> impl Iterator<Item = (&'static str, &'static str)> + use<'a> {
        self.key.table.labels().iter().copied().zip(self.key.labels)
    }

    /// Returns the value of a label; empty if the row does not have it.
    pub fn label(&self, name: &str) -> &'static str {
        self.labels().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    /// Returns the names and values of the counts and sums. None is 0.
    pub fn sums(&self) -> impl Iterator<Item = (&'static str, Value)> + use<'a> {
        self.numbers.sums.iter().map(|(name, number)| {
            let is_time = name.ends_with("_seconds");
            (*name, if is_time { seconds(*number) } else { Value::Count(*number) })
        })
    }

    /// Returns the names and values of the exact maximum and percentiles: the smallest time that at
    /// least this share of the times does not exceed.
    pub fn percentiles(&self) -> Vec<(&'static str, Value)> {
        let mut values = Vec::new();
        let times = self.numbers.times.iter().flat_map(|times| times.iter());
        for (times, names) in times.zip(PERCENTILES) {
            let mut times = times.clone();
            times.sort_unstable();
            for (name, share) in names {
                let rank = (share * times.len() as f64).ceil().max(1.0) as usize;
                if let Some(time_ms) = times.get(rank - 1) {
                    values.push((*name, seconds(u64::from(*time_ms))));
                }
            }
        }
        values
    }
}

fn seconds(sum_ms: u64) -> Value {
    Value::Seconds(sum_ms as f64 / 1000.0)
}

/// Names of the percentiles of each distribution.
const PERCENTILES: [&[(&str, f64)]; 3] = [
    &[
        ("wait_p50_seconds", 0.5),
        ("wait_p90_seconds", 0.9),
        ("wait_p95_seconds", 0.95),
        ("wait_p99_seconds", 0.99),
        ("wait_max_seconds", 1.0),
    ],
    &[("abandon_wait_p90_seconds", 0.9)],
    &[("handle_p90_seconds", 0.9)],
];

impl Serialize for HistoryTruthRow<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("of", self.of())?;
        let start = jiff::Timestamp::from_millisecond(self.start_ms());
        map.serialize_entry("start", &start.map_err(serde::ser::Error::custom)?.to_string())?;
        for (name, value) in self.labels() {
            map.serialize_entry(name, value)?;
        }
        for (name, value) in self.sums().chain(self.percentiles()) {
            map.serialize_entry(name, &value)?;
        }
        map.end()
    }
}
