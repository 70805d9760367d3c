//! What comes out of the life of contacts.

use crate::event::LeftReason;
use crate::ids::SeriesId;

/// Something that happened to a contact and counts in a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fact {
    pub(crate) series: SeriesId,
    /// Event time of the fact.
    pub(crate) at_ms: i64,
    /// The windows that it may enter.
    pub(crate) scope: WindowScope,
    pub(crate) kind: FactKind,
}

/// The kinds of facts. Durations in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum FactKind {
    Offered,
    Answered { wait_ms: u64 },
    Abandoned { wait_ms: u64 },
    Left { reason: LeftReason },
    Lost,
    Met,
    Missed,
    Handled { handle_ms: u64 },
    FirstResponse { response_ms: u64 },
    Resolution { resolution_ms: u64 },
    NotAnswered,
    Transferred,
    Reopened,
    Survey { score: u16 },
}

/// Which windows a fact may enter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WindowScope {
    /// Every window that covers its time.
    Windows,
    /// Only the business day, if it covers its time (late records).
    Today,
    /// None (late records of another day).
    Nothing,
}
