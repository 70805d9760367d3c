//! What happened in one interval of event time: the increments that a checkpoint adds to the interval history.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::event::ChannelId;
use crate::view::Cells;

/// Increments of one (interval, queue, channel) since the last checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct IntervalDelta {
    /// Start of the interval, a multiple of its length since the Unix epoch, in milliseconds.
    pub start_ms: i64,
    /// Queue id.
    pub queue: Arc<str>,
    /// Channel.
    pub channel: ChannelId,
    /// T in force, in milliseconds.
    pub target_wait_ms: u64,
    /// Target of the service level in force, 0 to 1.
    pub target_ratio: f64,
    /// Counts and sums.
    pub counts: IntervalCounts,
    /// Wait of answered visits.
    pub wait_answered: Cells,
    /// Wait of abandoned visits.
    pub wait_abandoned: Cells,
    /// Handle times.
    pub handle: Cells,
}

/// Exact counts and sums of one interval, placed by the time of each fact. Durations in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntervalCounts {
    /// Visits that entered.
    pub offered: u64,
    /// Visits answered.
    pub answered: u64,
    /// Answered with wait <= T.
    pub answered_in_target: u64,
    /// Abandoned while waiting.
    pub abandoned: u64,
    /// Abandoned with wait <= T.
    pub abandoned_in_target: u64,
    /// Abandoned with wait <= S.
    pub abandoned_short: u64,
    /// Left in another way, by [`crate::event::LeftReason::index`].
    pub left: [u64; 8],
    /// Never ended.
    pub lost: u64,
    /// Service-level events met.
    pub met: u64,
    /// Service-level events missed.
    pub missed: u64,
    /// Sum of the waits of answered visits.
    pub wait_sum_ms: u64,
    /// Longest wait of an answered visit.
    pub wait_max_ms: u64,
    /// Sum of the waits of abandoned visits.
    pub abandon_wait_sum_ms: u64,
    /// Conversations with a handle time.
    pub handled: u64,
    /// Sum of handle times.
    pub handle_sum_ms: u64,
    /// First responses.
    pub first_responses: u64,
    /// Sum of first response times, on the queue's clock.
    pub first_response_sum_ms: u64,
    /// Resolutions.
    pub resolutions: u64,
    /// Sum of resolution times, on the queue's clock.
    pub resolution_sum_ms: u64,
    /// Offers that the agent did not take.
    pub not_answered: u64,
    /// Handed over while in service.
    pub transfers: u64,
    /// Matters opened again.
    pub reopened: u64,
    /// Survey answers.
    pub surveys: u64,
    /// Sum of survey scores.
    pub survey_score_sum: u64,
}

/// Agent time of one (interval, queue) booked since the last checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentIntervalDelta {
    /// Start of the interval in milliseconds.
    pub start_ms: i64,
    /// Queue id.
    pub queue: Arc<str>,
    /// Milliseconds by [`crate::event::AgentState::index`].
    pub state_ms: [u64; 5],
}
