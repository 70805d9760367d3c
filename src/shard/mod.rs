//! One partition: decode, life of the contact, windows.

mod settings;

use std::sync::Arc;

pub use settings::{Clock, Formula, Limits, QueueSettings, Settings, WindowLength, WindowSettings};

use crate::event::decode::{Format, Message};
use crate::event::{Reason, Rejection};
use crate::view::Snapshot;

/// Where a record stands in its log, and when the log got it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Kafka offset, or line number of a file.
    pub position: i64,
    /// Kafka record timestamp in milliseconds since the Unix epoch; `None` in a replay, where it neither stands in for
    /// an absent event time nor clamps one.
    pub timestamp_ms: Option<i64>,
}

/// What became of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It changed, or confirmed, what we know.
    Applied,
    /// Seen before, or stale.
    Duplicate,
    /// Applied, but older than every window.
    Late,
    /// An ending that waits for its start; a later record or time decides.
    Held,
    /// Refused.
    Rejected(Rejection),
}

/// A held ending whose start never came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// Position of the record.
    pub position: i64,
}

/// The state of one partition: a pure fold of its log and of the idle advances of stream time.
pub struct Shard {
    settings: Arc<Settings>,
}

impl Shard {
    /// An empty shard. `hash_key` keys the hashes under which contacts, agents and records are remembered.
    pub fn new(settings: Arc<Settings>, hash_key: [u8; 16]) -> Self {
        let _ = hash_key;
        Shard { settings }
    }

    /// Folds one record.
    pub fn fold(&mut self, format: Format, message: &Message<'_>, arrival: Arrival) -> Fate {
        let _ = (format, message, arrival, &self.settings);
        Fate::Rejected(Rejection::new(Reason::NotJson, "not built yet"))
    }

    /// Advances stream time without a record; an earlier instant does nothing.
    pub fn advance(&mut self, to_ms: i64) {
        let _ = to_ms;
    }

    /// Rejects what is still held, as the end of a replay does.
    pub fn reject_held(&mut self) {}

    /// Endings that became orphans since the last call, for the dead-letter topic.
    pub fn take_orphans(&mut self) -> Vec<Orphan> {
        Vec::new()
    }

    /// Stream time; absent before the first record.
    pub fn stream_time_ms(&self) -> Option<i64> {
        None
    }

    /// The numbers as of stream time.
    pub fn snapshot(&mut self) -> Snapshot {
        Snapshot::default()
    }
}
