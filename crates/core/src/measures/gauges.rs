//! Values as of stream time.

use serde::{Deserialize, Serialize};

use crate::measures::histogram::BucketHistogram;

/// What is so at stream time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// Visits that wait.
    pub waiting: u64,
    /// Visits that wait longer than T.
    pub waiting_over_target: u64,
    /// Longest wait so far; 0 where nobody waits.
    pub longest_wait_ms: u64,
    /// Age of the oldest waiting visit, on the queue's clock; 0 where nobody waits.
    pub oldest_waiting_ms: u64,
    /// Contacts answered and not yet ended.
    pub in_service: u64,
    /// Matters of mail-like channels that are not resolved.
    pub open: u64,
    /// Open past the target, on the queue's clock.
    pub open_overdue: u64,
    /// Age of the oldest open matter, on the queue's clock; 0 where none is open.
    pub oldest_open_ms: u64,
}

/// `queue.observed`: who waits, by the source's own count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// Event time.
    pub time_ms: i64,
    /// Visits waiting.
    pub waiting: u64,
    /// The longest of their waits, where the source says so.
    pub oldest_wait_ms: Option<u64>,
}

/// Agent time of a queue within one window, up to stream time, by [`crate::event::AgentState::index`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentWindow {
    /// Milliseconds by state.
    pub state_ms: [u64; 5],
}

/// Numbers of one follow-up unit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FollowupSnapshot {
    /// Opened since the beginning.
    pub opened: u64,
    /// Informed since the beginning.
    pub informed: u64,
    /// Informed minus opened.
    pub duration: BucketHistogram,
    /// Owed at stream time.
    pub open: u64,
    /// Owed and past due at stream time.
    pub overdue: u64,
}
