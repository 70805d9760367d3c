//! Live gauges: values as of stream time.

use serde::{Deserialize, Serialize};

use crate::measures::histogram::BucketHistogram;
use crate::time::{Millis, Timestamp};

/// The live gauges of a series, as of stream time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// Visits that wait.
    pub waiting: u64,
    /// Visits that wait longer than the target.
    pub waiting_over_target: u64,
    /// Longest wait so far; 0 if nobody waits.
    pub longest_wait: Millis,
    /// Age of the oldest waiting visit, on the clock of the queue; 0 if nobody waits.
    pub oldest_waiting: Millis,
    /// Contacts in service: answered and not yet ended.
    pub in_service: u64,
    /// Issues that are not resolved; they exist only in channels that are not immediate.
    pub open: u64,
    /// Open issues past the target, on the clock of the queue.
    pub open_overdue: u64,
    /// Age of the oldest open issue, on the clock of the queue; 0 if none is open.
    pub oldest_open: Millis,
}

/// The waiting contacts by the count of the source, from an event `queue.observed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// Event time of the observation.
    pub event_time: Timestamp,
    /// Contacts that wait.
    pub waiting: u64,
    /// Longest of their waits, if the source gives it.
    pub oldest_wait: Option<Millis>,
}

/// Agent time of a queue within one window, up to stream time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentWindow {
    /// Milliseconds by [`crate::event::AgentState::index`].
    pub state_ms: [u64; 5],
}

/// Numbers of one follow-up unit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FollowupSnapshot {
    /// Follow-ups opened since the first record.
    pub opened: u64,
    /// Follow-ups informed since the first record.
    pub informed: u64,
    /// Time from opened to informed.
    pub duration: BucketHistogram,
    /// Follow-ups that are open at stream time.
    pub open: u64,
    /// Open follow-ups that are past their due time at stream time.
    pub overdue: u64,
}
