//! Facts: the results of events that series count.

use crate::event::{EndedBy, LeftReason};
use crate::ids::SeriesId;
use crate::time::{Millis, Timestamp};

/// Something that happened to a contact and counts in one series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fact {
    /// Series in which the fact counts.
    pub(crate) series: SeriesId,
    pub(crate) event_time: Timestamp,
    /// The windows that the fact may enter.
    pub(crate) scope: WindowScope,
    pub(crate) kind: FactKind,
}

/// The kinds of facts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum FactKind {
    /// A visit entered the queue.
    Offered,
    /// That visit is a callback.
    Callback,
    /// A visit ended.
    VisitEnded(VisitEnd),
    /// A service-level event met the target.
    Met,
    /// A service-level event missed the target.
    Missed,
    /// A miss of the same time, which windows may contain, is revoked: its visit ended in target.
    MissRevoked,
    /// A conversation ended with a handle time.
    Handled { duration: Millis },
    /// A party ended the contact.
    Ended { by: EndedBy },
    /// The first response to an issue, on the clock of the queue.
    FirstResponse { duration: Millis },
    /// The resolution of an issue, on the clock of the queue.
    Resolution { duration: Millis },
    /// An agent did not take an offer.
    NotAnswered,
    /// A contact in service was handed over.
    Transferred,
    /// An issue was reopened.
    Reopened,
    /// A citizen answered a survey.
    Survey { score: u16 },
}

/// The end of a visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VisitEnd {
    pub(crate) outcome: VisitOutcome,
    pub(crate) wait: Millis,
    /// When the visit entered.
    pub(crate) entered: Timestamp,
    /// The interval history has the entry: stream time was not set back before it.
    pub(crate) has_entry: bool,
    /// The citizen waited on the line, and was not called back, as far as that is known.
    pub(crate) waits_on_line: bool,
}

/// How a visit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VisitOutcome {
    /// An agent answered the contact.
    Answered,
    /// The citizen abandoned the visit.
    Abandoned,
    /// It ended in another way.
    Left(LeftReason),
    /// Its ending never came.
    Lost,
}

/// The windows that a fact may enter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WindowScope {
    /// Every window that covers the time of the fact.
    Windows,
    /// Only the business day, if it covers the time of the fact (late records).
    Today,
    /// No window (late records of another business day).
    Nothing,
}
