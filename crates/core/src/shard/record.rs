//! The position of a record in the log, and its result.

use crate::event::{Rejection, Text};
use crate::ids::Offset;
use crate::shard::event_time::Standing;
use crate::time::{Timestamp, WallTime};

/// The offset and the Kafka timestamp of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordMeta {
    /// Kafka offset, or line number of a file.
    pub offset: Offset,
    /// Kafka record timestamp. It replaces an absent event time, and limits how far an event time
    /// can be ahead. `None` in a replay, which does neither.
    pub timestamp: Option<WallTime>,
}

impl RecordMeta {
    /// Returns the Kafka timestamp as an event time. Only here a wall clock meets event time: the
    /// broker or the producer stamps a record close to its event.
    pub(super) fn event_time(&self) -> Option<Timestamp> {
        self.timestamp.map(|timestamp| Timestamp(timestamp.get()))
    }
}

/// The result of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordOutcome {
    /// The record was applied: it says something new.
    Applied,
    /// The record was seen before, or says nothing new.
    Duplicate,
    /// The record was applied, but is older than the longest window and `allowed_lateness`.
    Late,
    /// The record is an ending that waits for its start. A later record or a timeout decides.
    Held,
    /// The record is a tombstone: it has no value, and says nothing.
    Ignored,
    /// The record was rejected.
    Rejected(Rejection),
}

impl RecordOutcome {
    /// Returns the result of a record of several events: rejected if one of them is, else the one
    /// that says most.
    pub(super) fn with_part(self, part: RecordOutcome) -> Self {
        let rank = |outcome: &RecordOutcome| match outcome {
            RecordOutcome::Ignored => 0,
            RecordOutcome::Held => 1,
            RecordOutcome::Duplicate => 2,
            RecordOutcome::Late => 3,
            RecordOutcome::Applied => 4,
            RecordOutcome::Rejected(_) => 5,
        };
        if rank(&part) > rank(&self) { part } else { self }
    }
}

/// A held ending whose start did not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// Kafka offset of the record, or line number of a file.
    pub offset: Offset,
}

/// What a record says about the clock at its reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness<'m> {
    /// The system that wrote the record.
    pub source: Text<'m>,
    /// Where the record stands by the clock.
    pub standing: Standing,
}

/// What the fold says about a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoldResult<'m> {
    /// Its result.
    pub outcome: RecordOutcome,
    /// What it says about the clock; `None` if it could not be decoded.
    pub witness: Option<Witness<'m>>,
}

impl<'m> FoldResult<'m> {
    /// Returns the first witness that is ahead of the clock, else the first one.
    pub(super) fn first_ahead(
        known: Option<Witness<'m>>,
        next: Option<Witness<'m>>,
    ) -> Option<Witness<'m>> {
        match (known, next) {
            (Some(known), Some(next))
                if known.standing != Standing::Ahead && next.standing == Standing::Ahead =>
            {
                Some(next)
            }
            (known, next) => known.or(next),
        }
    }
}
