//! Counts of records by result.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::{OptionalField, Reason};

/// Counts of the records read. Each record counts in exactly one of the results.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordTotals {
    /// Records that were applied in time.
    pub applied: u64,
    /// Records that were seen before, or that say nothing new.
    pub duplicate: u64,
    /// Records that were applied, but are older than the longest window and `allowed_lateness`.
    pub late: u64,
    /// Rejected records, by reason.
    pub rejected: BTreeMap<Reason, u64>,
    /// Records whose ending waits for its start now. The only count that can go down.
    pub held: u64,
    /// Tombstones: records without a value, which say nothing.
    #[serde(skip)]
    pub ignored: u64,
    /// Optional fields that were left out because of a fault, by field. No result: the record
    /// counts beside it.
    #[serde(skip)]
    pub fields_dropped: BTreeMap<OptionalField, u64>,
    /// Events by result. A record of a format that nabiz reads itself is one event; a mapping makes
    /// any number of one.
    #[serde(skip)]
    pub events: EventTotals,
}

/// Counts of events. Each counts in exactly one of the results; an ending that waits for its start
/// counts when that is decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventTotals {
    /// Events that were applied in time.
    pub applied: u64,
    /// Events that were seen before, or that say nothing new.
    pub duplicate: u64,
    /// Events that were applied, but are older than the longest window and `allowed_lateness`.
    pub late: u64,
    /// Events that were rejected, endings included whose start never came.
    pub rejected: u64,
}

impl EventTotals {
    /// Returns the counts with the values of their `result` label.
    pub fn by_result(&self) -> [(&'static str, u64); 4] {
        let EventTotals { applied, duplicate, late, rejected } = *self;
        [("applied", applied), ("duplicate", duplicate), ("late", late), ("rejected", rejected)]
    }

    /// Adds the counts of another partition.
    pub(crate) fn add(&mut self, other: &EventTotals) {
        self.applied += other.applied;
        self.duplicate += other.duplicate;
        self.late += other.late;
        self.rejected += other.rejected;
    }

    fn by_result_mut(&mut self, result: &str) -> Option<&mut u64> {
        match result {
            "applied" => Some(&mut self.applied),
            "duplicate" => Some(&mut self.duplicate),
            "late" => Some(&mut self.late),
            "rejected" => Some(&mut self.rejected),
            _ => None,
        }
    }
}

/// The name of [`RecordTotals::ignored`] in [`RecordTotals::named`].
const IGNORED: &str = "ignored";

/// The prefix of a count of events in [`RecordTotals::named`].
const EVENTS: &str = "events ";

/// The prefix of a dropped field in [`RecordTotals::named`].
const DROPPED: &str = "dropped ";

impl RecordTotals {
    /// Returns the number of rejected records.
    pub fn rejected_sum(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// Returns the number of records read.
    pub fn read_sum(&self) -> u64 {
        let RecordTotals { applied, duplicate, late, ignored, held, .. } = self;
        applied + duplicate + late + self.rejected_sum() + ignored + held
    }

    /// Returns the counts that are stored by name, without those that are 0. They are newer than
    /// the stored form of the others, which is by position.
    pub(crate) fn named(&self) -> BTreeMap<String, u64> {
        let dropped = self.fields_dropped.iter();
        let events = self.events.by_result().into_iter().filter(|(_, count)| *count > 0);
        let events = events.map(|(result, count)| (format!("{EVENTS}{result}"), count));
        let ignored = (self.ignored > 0).then(|| (IGNORED.to_owned(), self.ignored));
        dropped
            .map(|(field, count)| (format!("{DROPPED}{}", field.as_str()), *count))
            .chain(ignored)
            .chain(events)
            .collect()
    }

    /// Sets the counts that are stored by name.
    pub(crate) fn set_named(&mut self, counts: BTreeMap<String, u64>) {
        for (name, count) in counts {
            if name == IGNORED {
                self.ignored = count;
            }
            let events = name.strip_prefix(EVENTS);
            if let Some(events) = events.and_then(|result| self.events.by_result_mut(result)) {
                *events = count;
            }
            let dropped = name.strip_prefix(DROPPED).and_then(OptionalField::from_wire);
            if let Some(field) = dropped {
                self.fields_dropped.insert(field, count);
            }
        }
    }
}
