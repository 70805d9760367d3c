//! What happened in one interval of event time: the increments that a checkpoint adds to the interval history.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::event::ChannelId;
use crate::measures::fact::FactKind;
use crate::measures::hdr_counts::SparseHdrCounts;
use crate::measures::update::WindowUpdate;

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
    pub wait_answered: SparseHdrCounts,
    /// Wait of abandoned visits.
    pub wait_abandoned: SparseHdrCounts,
    /// Handle times.
    pub handle: SparseHdrCounts,
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

/// Numbers of one (interval, series) as they grow.
#[derive(Debug, Default)]
pub(crate) struct IntervalNumbers {
    counts: IntervalCounts,
    wait_answered: SparseHdrCounts,
    wait_abandoned: SparseHdrCounts,
    handle: SparseHdrCounts,
}

impl IntervalNumbers {
    /// Counts a fact; `update` is what it adds to a window, if anything.
    pub(crate) fn count(&mut self, kind: FactKind, update: Option<WindowUpdate>) {
        let counts = &mut self.counts;
        match (kind, update) {
            (FactKind::Offered, _) => counts.offered += 1,
            (_, Some(WindowUpdate::Answered { wait_ms, in_target })) => {
                counts.answered += 1;
                counts.answered_in_target += u64::from(in_target);
                counts.wait_sum_ms += wait_ms;
                counts.wait_max_ms = counts.wait_max_ms.max(wait_ms);
                self.wait_answered.increment(wait_ms);
            }
            (_, Some(WindowUpdate::Abandoned { wait_ms, in_target, short })) => {
                counts.abandoned += 1;
                counts.abandoned_in_target += u64::from(in_target);
                counts.abandoned_short += u64::from(short);
                counts.abandon_wait_sum_ms += wait_ms;
                self.wait_abandoned.increment(wait_ms);
            }
            (FactKind::Handled { handle_ms }, _) => {
                counts.handled += 1;
                counts.handle_sum_ms += handle_ms;
                self.handle.increment(handle_ms);
            }
            (FactKind::Left { reason }, _) => counts.left[reason.index()] += 1,
            (FactKind::Lost, _) => counts.lost += 1,
            (FactKind::Met, _) => counts.met += 1,
            (FactKind::Missed, _) => counts.missed += 1,
            (FactKind::FirstResponse { response_ms }, _) => {
                counts.first_responses += 1;
                counts.first_response_sum_ms += response_ms;
            }
            (FactKind::Resolution { resolution_ms }, _) => {
                counts.resolutions += 1;
                counts.resolution_sum_ms += resolution_ms;
            }
            (FactKind::NotAnswered, _) => counts.not_answered += 1,
            (FactKind::Transferred, _) => counts.transfers += 1,
            (FactKind::Reopened, _) => counts.reopened += 1,
            (FactKind::Survey { score }, _) => {
                counts.surveys += 1;
                counts.survey_score_sum += u64::from(score);
            }
            (FactKind::Answered { .. } | FactKind::Abandoned { .. }, _) => {}
        }
    }

    /// Adds other numbers of the same interval.
    pub(crate) fn add(
        &mut self,
        counts: &IntervalCounts,
        [answered, abandoned, handle]: [&SparseHdrCounts; 3],
    ) {
        self.counts.add(counts);
        self.wait_answered.add(answered);
        self.wait_abandoned.add(abandoned);
        self.handle.add(handle);
    }

    /// The increments for the ledger.
    pub(crate) fn into_delta(
        self,
        start_ms: i64,
        queue: Arc<str>,
        channel: ChannelId,
        target_wait_ms: u64,
        target_ratio: f64,
    ) -> IntervalDelta {
        let IntervalNumbers { counts, wait_answered, wait_abandoned, handle } = self;
        IntervalDelta {
            start_ms,
            queue,
            channel,
            target_wait_ms,
            target_ratio,
            counts,
            wait_answered,
            wait_abandoned,
            handle,
        }
    }
}

impl IntervalCounts {
    /// Adds counts and sums; the maximum is the larger.
    pub fn add(&mut self, more: &IntervalCounts) {
        self.offered += more.offered;
        self.answered += more.answered;
        self.answered_in_target += more.answered_in_target;
        self.abandoned += more.abandoned;
        self.abandoned_in_target += more.abandoned_in_target;
        self.abandoned_short += more.abandoned_short;
        for (left, more) in self.left.iter_mut().zip(more.left) {
            *left += more;
        }
        self.lost += more.lost;
        self.met += more.met;
        self.missed += more.missed;
        self.wait_sum_ms += more.wait_sum_ms;
        self.wait_max_ms = self.wait_max_ms.max(more.wait_max_ms);
        self.abandon_wait_sum_ms += more.abandon_wait_sum_ms;
        self.handled += more.handled;
        self.handle_sum_ms += more.handle_sum_ms;
        self.first_responses += more.first_responses;
        self.first_response_sum_ms += more.first_response_sum_ms;
        self.resolutions += more.resolutions;
        self.resolution_sum_ms += more.resolution_sum_ms;
        self.not_answered += more.not_answered;
        self.transfers += more.transfers;
        self.reopened += more.reopened;
        self.surveys += more.surveys;
        self.survey_score_sum += more.survey_score_sum;
    }
}
