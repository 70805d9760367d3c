//! What happened in one interval of event time: the increments that a checkpoint adds to the interval history.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::event::ChannelId;
use crate::measures::counters::{
    ContactCounts, DurationSums, ResponseSums, ServiceLevelCounts, VisitCounts,
};
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
    /// What became of visits.
    pub visits: VisitCounts,
    /// Service-level events.
    pub service_level: ServiceLevelCounts,
    /// What else happened to contacts.
    pub contacts: ContactCounts,
    /// Sums of waits and handle times.
    pub sums: DurationSums,
    /// Sums of responses and surveys.
    pub responses: ResponseSums,
    /// Left in another way, by [`crate::event::LeftReason::index`].
    pub left: [u64; 8],
    /// Visits that never ended.
    pub lost: u64,
    /// Longest wait of an answered visit, in milliseconds.
    pub wait_max_ms: u64,
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
        if let Some(update) = update {
            update.count(&mut counts.visits, &mut counts.service_level);
            update.sum(&mut counts.sums);
        }
        match kind {
            FactKind::Answered { wait_ms } => {
                counts.wait_max_ms = counts.wait_max_ms.max(wait_ms);
                self.wait_answered.increment(wait_ms);
            }
            FactKind::Abandoned { wait_ms } => self.wait_abandoned.increment(wait_ms),
            FactKind::Handled { handle_ms } => self.handle.increment(handle_ms),
            FactKind::Left { reason } => counts.left[reason.index()] += 1,
            FactKind::Lost => counts.lost += 1,
            FactKind::FirstResponse { response_ms } => {
                counts.responses.first_responses += 1;
                counts.responses.first_response_sum_ms += response_ms;
            }
            FactKind::Resolution { resolution_ms } => {
                counts.responses.resolutions += 1;
                counts.responses.resolution_sum_ms += resolution_ms;
            }
            FactKind::NotAnswered => counts.contacts.not_answered += 1,
            FactKind::Transferred => counts.contacts.transfers += 1,
            FactKind::Reopened => counts.contacts.reopened += 1,
            FactKind::Survey { score } => {
                counts.responses.surveys += 1;
                counts.responses.survey_score_sum += u64::from(score);
            }
            FactKind::Offered | FactKind::Met | FactKind::Missed => {}
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
    /// Adds counts and sums; the maximum is the larger of the two.
    pub fn add(&mut self, more: &IntervalCounts) {
        self.visits.add(&more.visits);
        self.service_level.add(&more.service_level);
        self.contacts.add(&more.contacts);
        self.sums.add(&more.sums);
        self.responses.add(&more.responses);
        for (left, more) in self.left.iter_mut().zip(more.left) {
            *left = left.saturating_add(more);
        }
        self.lost = self.lost.saturating_add(more.lost);
        self.wait_max_ms = self.wait_max_ms.max(more.wait_max_ms);
    }
}
