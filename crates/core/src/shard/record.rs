//! A record of the log, and what became of it.

use crate::event::Rejection;

/// Where a record stands in its log, and when the log got it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordMeta {
    /// Kafka offset, or line number of a file.
    pub position: i64,
    /// Kafka record timestamp in milliseconds since the Unix epoch; `None` in a replay, where it neither stands in for
    /// an absent event time nor clamps one.
    pub timestamp_ms: Option<i64>,
}

/// What became of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordOutcome {
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
    /// WindowCursor of the record.
    pub position: i64,
}
