//! A query of the interval history, validated.

use nabiz_core::time::TimeRange;

use super::step::Step;

/// The rows that a reader wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The intervals that begin in it.
    pub period: TimeRange,
    /// The length of a row.
    pub step: Step,
    /// Queue ids, not aliases; all queues where empty.
    pub queues: Vec<String>,
    /// Channels; all where empty.
    pub channels: Vec<String>,
}
