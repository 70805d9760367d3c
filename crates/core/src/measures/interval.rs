//! Numbers of one interval of event time: the increments that a checkpoint adds to the interval
//! history.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::event::ChannelId;
use crate::measures::counters::{
    CohortCounts, ContactCounts, DurationSums, ResponseSums, ServiceLevelCounts, VisitCounts,
    WaitSums,
};
use crate::measures::fact::{FactKind, VisitEnd, VisitOutcome};
use crate::measures::hdr_counts::SparseHdrCounts;
use crate::measures::update::WindowUpdate;
use crate::time::{Millis, Timestamp};

/// Increments of one (interval, queue, channel) since the last checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct IntervalDelta {
    /// Start of the interval, a multiple of its length since the Unix epoch.
    pub start: Timestamp,
    /// Queue id.
    pub queue: Arc<str>,
    /// Channel of the series.
    pub channel: ChannelId,
    /// T in force at the checkpoint: the target of the wait.
    pub target_wait: Millis,
    /// Target of the service level in force at the checkpoint, 0 to 1.
    pub target_ratio: f64,
    /// Counts and sums.
    pub counts: IntervalCounts,
    /// Waits of answered visits, in milliseconds.
    pub wait_answered: SparseHdrCounts,
    /// Waits of abandoned visits, in milliseconds.
    pub wait_abandoned: SparseHdrCounts,
    /// Handle times, in milliseconds.
    pub handle: SparseHdrCounts,
}

/// Exact counts and sums of one interval. The event time of a fact selects its interval.
///
/// In a stored row, and in sums of stored rows, the misses are without the revoked ones. In an
/// increment they are with them, because an increment can revoke the misses of an earlier one:
/// [`Self::add_increment`] adds it to a row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntervalCounts {
    /// Visits by outcome.
    pub visits: VisitCounts,
    /// Service-level events.
    pub service_level: ServiceLevelCounts,
    /// Other events of contacts.
    pub contacts: ContactCounts,
    /// Sums of waits and handle times.
    pub sums: DurationSums,
    /// Counts and sums of responses and survey answers.
    pub responses: ResponseSums,
    /// Visits that left, by [`crate::event::LeftReason::index`].
    pub left: [u64; 8],
    /// Lost visits.
    pub lost: u64,
    /// Longest wait of an answered visit.
    pub wait_max: Millis,
    /// Visits that entered in the interval, by their ending.
    pub cohort: CohortCounts,
    /// Sums of other waits, and what the measured patience needs.
    pub waits: WaitSums,
}

/// Agent time of one (interval, queue) booked since the last checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentIntervalDelta {
    /// Start of the interval, a multiple of its length since the Unix epoch.
    pub start: Timestamp,
    /// Queue id.
    pub queue: Arc<str>,
    /// Booked milliseconds by [`crate::event::AgentState::index`].
    pub state_ms: [u64; 5],
}

/// The targets of a queue with which intervals compare waits and durations.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IntervalTargets {
    pub(crate) wait: Millis,
    pub(crate) short_abandon: Millis,
    pub(crate) first_response: Millis,
    pub(crate) resolution: Millis,
}

/// Numbers of one (interval, series) that no checkpoint contains yet.
#[derive(Debug, Default)]
pub(crate) struct IntervalNumbers {
    counts: IntervalCounts,
    wait_answered: SparseHdrCounts,
    wait_abandoned: SparseHdrCounts,
    handle: SparseHdrCounts,
}

impl IntervalNumbers {
    /// Counts a fact. `update` is the window update of the same fact, if windows count it.
    pub(crate) fn count(
        &mut self,
        targets: &IntervalTargets,
        kind: FactKind,
        update: Option<WindowUpdate>,
    ) {
        let counts = &mut self.counts;
        if let Some(update) = update {
            update.count(&mut counts.visits, &mut counts.service_level);
            update.sum(&mut counts.sums);
        }
        match kind {
            FactKind::VisitEnded(end) => {
                counts.waits.sum(&end, targets.short_abandon);
                match end.outcome {
                    VisitOutcome::Answered => {
                        counts.wait_max = counts.wait_max.max(end.wait);
                        self.wait_answered.increment(end.wait.get());
                    }
                    VisitOutcome::Abandoned => self.wait_abandoned.increment(end.wait.get()),
                    VisitOutcome::Left(reason) => counts.left[reason.index()] += 1,
                    VisitOutcome::Lost => counts.lost += 1,
                }
            }
            FactKind::Handled { duration } => self.handle.increment(duration.get()),
            FactKind::FirstResponse { duration } => {
                let is_in_target = duration <= targets.first_response;
                counts.responses.first_responses += 1;
                counts.responses.first_responses_in_target += u64::from(is_in_target);
                counts.responses.first_response_sum_ms += duration.get();
            }
            FactKind::Resolution { duration } => {
                let is_in_target = duration <= targets.resolution;
                counts.responses.resolutions += 1;
                counts.responses.resolutions_in_target += u64::from(is_in_target);
                counts.responses.resolution_sum_ms += duration.get();
            }
            FactKind::Callback => counts.contacts.callbacks += 1,
            FactKind::Ended { by } => counts.contacts.count_end(by),
            FactKind::NotAnswered => counts.contacts.not_answered += 1,
            FactKind::Transferred => counts.contacts.transfers += 1,
            FactKind::Reopened => counts.contacts.reopened += 1,
            FactKind::MissRevoked => counts.contacts.service_level_revoked += 1,
            FactKind::Survey { score } => {
                counts.responses.surveys += 1;
                counts.responses.survey_score_sum += u64::from(score);
            }
            FactKind::Offered | FactKind::Met | FactKind::Missed => {}
        }
    }

    /// Counts the ending of a visit that entered in the interval.
    pub(crate) fn count_cohort(&mut self, targets: &IntervalTargets, end: &VisitEnd) {
        self.counts.cohort.count(end, targets.wait, targets.short_abandon);
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

    /// Returns the increments for the ledger.
    pub(crate) fn into_delta(
        self,
        start: Timestamp,
        queue: Arc<str>,
        channel: ChannelId,
        target_wait: Millis,
        target_ratio: f64,
    ) -> IntervalDelta {
        let IntervalNumbers { counts, wait_answered, wait_abandoned, handle } = self;
        IntervalDelta {
            start,
            queue,
            channel,
            target_wait,
            target_ratio,
            counts,
            wait_answered,
            wait_abandoned,
            handle,
        }
    }
}

impl IntervalCounts {
    /// Returns whether all that this increment counts are visits by arrival: endings of visits that
    /// entered in the interval. Such an increment can come days after the interval.
    pub fn is_by_arrival_alone(&self) -> bool {
        let by_arrival = IntervalCounts { cohort: self.cohort, ..IntervalCounts::default() };
        self.cohort != CohortCounts::default() && *self == by_arrival
    }

    /// Adds an increment, and takes the misses that it revokes from the misses.
    pub fn add_increment(&mut self, increment: &IntervalCounts) {
        self.add(increment);
        let revoked = increment.contacts.service_level_revoked;
        self.service_level.missed = self.service_level.missed.saturating_sub(revoked);
    }

    /// Adds the counts and sums of `more` and keeps the larger maximum.
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
        self.wait_max = self.wait_max.max(more.wait_max);
        self.cohort.add(&more.cohort);
        self.waits.add(&more.waits);
    }
}
