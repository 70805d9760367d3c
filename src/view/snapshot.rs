//! The shape of a snapshot. All durations are milliseconds, all instants milliseconds since the Unix epoch.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Cells, NativeCounts};
use crate::event::{ChannelId, Reason, SelfServiceOutcome};

/// Numbers of one partition, or of several added together, as of their stream time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Stream time; of several partitions the smallest. Absent before the first record.
    pub stream_time_ms: Option<i64>,
    /// Per (queue, channel), sorted by queue and channel. Configured queues are always there.
    pub series: Vec<Arc<SeriesSnapshot>>,
    /// Per queue, sorted by queue: what has no channel. Configured queues are always there.
    pub queues: Vec<QueueSnapshot>,
    /// Contacts started, by [`ChannelId`].
    pub contacts_started: Vec<u64>,
    /// Self-service outcomes by entry point, indexed by [`SelfServiceOutcome::index`].
    pub self_service: BTreeMap<Arc<str>, [u64; SelfServiceOutcome::ALL.len()]>,
    /// Follow-ups by unit.
    pub followups: BTreeMap<Arc<str>, FollowupSnapshot>,
    /// What became of the records.
    pub records: RecordTotals,
    /// Clock differences that were negative or too far ahead.
    pub clock_skew: u64,
    /// Label sets that were folded into `other` because of a bound.
    pub series_refused: u64,
    /// Contacts in memory.
    pub open_contacts: u64,
    /// Contacts, agents or follow-ups forgotten or refused because of a bound.
    pub evicted: u64,
}

/// What became of the records read, each in exactly one of these (or held at the moment).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordTotals {
    /// Applied in time.
    pub applied: u64,
    /// Seen before, or without a new fact.
    pub duplicate: u64,
    /// Applied, older than every window.
    pub late: u64,
    /// Refused, by reason.
    pub rejected: BTreeMap<Reason, u64>,
    /// Endings that wait for their start.
    pub held: u64,
}

impl RecordTotals {
    /// All refused records.
    pub fn rejected_sum(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// All records read.
    pub fn read_sum(&self) -> u64 {
        self.applied + self.duplicate + self.late + self.rejected_sum() + self.held
    }
}

/// Numbers of one (queue, channel).
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesSnapshot {
    /// Queue id (aliases resolved), `none` or `other`.
    pub queue: Arc<str>,
    /// Channel.
    pub channel: ChannelId,
    /// Since the beginning.
    pub totals: Totals,
    /// At stream time.
    pub live: Live,
    /// One per configured length, in configured order, then `today`.
    pub windows: Vec<WindowSnapshot>,
}

/// Counts since the beginning; never go down.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Visits that entered.
    pub offered: u64,
    /// A: visits answered.
    pub answered: u64,
    /// N: answered with wait <= T.
    pub answered_in_target: u64,
    /// Ab: abandoned while waiting.
    pub abandoned: u64,
    /// AbT: abandoned with wait <= T.
    pub abandoned_in_target: u64,
    /// AbS: abandoned with wait <= S.
    pub abandoned_short: u64,
    /// F: left in another way, by [`crate::event::LeftReason::index`].
    pub left: [u64; 8],
    /// L: never ended.
    pub lost: u64,
    /// Service-level events met.
    pub met: u64,
    /// Service-level events missed.
    pub missed: u64,
    /// Wait of answered visits.
    pub wait_answered: BucketHistogram,
    /// Wait of abandoned visits.
    pub wait_abandoned: BucketHistogram,
    /// Talk + hold + wrap-up.
    pub handle: BucketHistogram,
    /// First response, on the queue's clock.
    pub first_response: BucketHistogram,
    /// Resolution, on the queue's clock.
    pub resolution: BucketHistogram,
    /// Offers that the agent did not take.
    pub not_answered: u64,
    /// Handed over while in service.
    pub transfers: u64,
    /// Matters opened again.
    pub reopened: u64,
    /// Survey answers by score.
    pub survey: BTreeMap<u16, u64>,
}

impl Totals {
    /// The native counts of the five histograms, to be stored.
    pub(crate) fn natives(&self) -> [&NativeCounts; 5] {
        let Totals { wait_answered, wait_abandoned, handle, first_response, resolution, .. } = self;
        [wait_answered, wait_abandoned, handle, first_response, resolution].map(|histogram| &histogram.native)
    }

    /// Takes over what [`Self::natives`] gave.
    pub(crate) fn set_natives(&mut self, natives: [NativeCounts; 5]) {
        let Totals { wait_answered, wait_abandoned, handle, first_response, resolution, .. } = self;
        let histograms = [wait_answered, wait_abandoned, handle, first_response, resolution];
        for (histogram, native) in histograms.into_iter().zip(natives) {
            histogram.native = native;
        }
    }
}

/// Exact counts per classic bucket, with the exact sum, and the counts of the native histogram. The bounds stand in
/// [`crate::shard::Settings`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketHistogram {
    /// Observations per bucket, not cumulated; one more than there are bounds, the last for all above. Empty before the
    /// first observation.
    pub counts: Vec<u64>,
    /// Sum of all observed values.
    pub sum_ms: u64,
    /// The same observations in native buckets. Stored in a piece of its own, because it came with the second schema.
    #[serde(skip)]
    pub native: NativeCounts,
}

impl BucketHistogram {
    /// Adds an observation; a value equal to a bound belongs to that bound's bucket.
    pub fn observe(&mut self, value_ms: u64, bounds_ms: &[u64]) {
        if self.counts.is_empty() {
            self.counts = vec![0; bounds_ms.len() + 1];
        }
        let bucket = bounds_ms.partition_point(|bound| *bound < value_ms);
        self.counts[bucket] += 1;
        self.sum_ms = self.sum_ms.saturating_add(value_ms);
        self.native.observe(value_ms);
    }

    /// Makes native counts of the classic ones, for a state that was stored by a version without them: each observation
    /// counts at the upper bound of its bucket, or at the last bound. So both have the same number.
    pub(crate) fn native_from_classic(&mut self, bounds_ms: &[u64]) {
        self.native = NativeCounts::default();
        for (bucket, &count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let bound_ms = bounds_ms.get(bucket).or(bounds_ms.last()).copied().unwrap_or(0);
            self.native.observe_many(bound_ms, count);
        }
    }

    /// Moves the counts to other bounds. What was counted at a bound that is gone counts at the next higher one; at a
    /// bound that is new, the observations from before count only as far as a lower bound vouches for them.
    pub(crate) fn move_to(&mut self, from_ms: &[u64], to_ms: &[u64]) {
        if from_ms == to_ms || self.counts.is_empty() {
            return;
        }
        let mut counts = vec![0; to_ms.len() + 1];
        for (bucket, count) in self.counts.iter().enumerate() {
            let place = from_ms.get(bucket).map_or(to_ms.len(), |bound| to_ms.partition_point(|to| to < bound));
            counts[place] += count;
        }
        self.counts = counts;
    }

    /// Number of observations.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Adds the observations of another histogram with the same bounds.
    pub fn add(&mut self, other: &BucketHistogram) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.sum_ms = self.sum_ms.saturating_add(other.sum_ms);
        self.native.add(&other.native);
    }
}

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

/// A window of a series: the counts, the label, and the wait distribution.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WindowSnapshot {
    /// Exact counts and sums.
    pub counts: WindowCounts,
    /// Wait of answered visits, in HDR cells.
    pub waits: Cells,
}

/// Exact counts and sums of one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowCounts {
    /// Visits that entered.
    pub offered: u64,
    /// A
    pub answered: u64,
    /// N
    pub answered_in_target: u64,
    /// Ab
    pub abandoned: u64,
    /// AbT
    pub abandoned_in_target: u64,
    /// AbS
    pub abandoned_short: u64,
    /// F, all reasons
    pub left: u64,
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
}

/// Numbers of one queue that have no channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueueSnapshot {
    /// Queue id.
    pub queue: Arc<str>,
    /// The source's own count; the newest by event time where several partitions have one.
    pub observed: Option<Observation>,
    /// Agents by [`crate::event::AgentState::index`].
    pub agents: [u64; 5],
    /// Booked agent time by state.
    pub agent_ms: [u64; 5],
    /// Agent time per window, in the order of [`SeriesSnapshot::windows`].
    pub windows: Vec<AgentWindow>,
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
