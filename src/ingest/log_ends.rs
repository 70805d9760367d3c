//! What the brokers say about the ends of the logs: questions of the workers, answers of the two
//! watches.
//!
//! A worker names the partitions that it holds, with their positions. The broker watch asks the
//! brokers and leaves an answer for each; the standstill watch leaves what it finds. None of them
//! waits for another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nabiz_core::ids::Offset;

use super::known_topic::ToldId;
use super::standstill::{AskError, Standstill};
use super::undecodable::SkippedRange;
use crate::readmodel::ShardLabel;

/// A partition that a worker holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HeldPartition {
    pub label: ShardLabel,
    /// The offset from which the client reads; `None` before the first record.
    pub read_from: Option<Offset>,
    pub reading: Reading,
}

/// Whether a worker reads a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// It reads, or waits for records.
    Active,
    /// It waits for something else than records.
    Paused,
    /// The leader answers its fetches with an error.
    Refused,
}

/// What is known about the end of one log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LogAnswer {
    /// When the broker was asked.
    pub asked_at: Instant,
    pub high_watermark: Result<Offset, AskError>,
}

/// What a try to read one partition has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LogFinding {
    /// Why the partition stands still, if it does.
    pub standstill: Option<Standstill>,
    /// What is to be passed over, if that is wanted.
    pub skip: Option<SkippedRange>,
}

#[derive(Default)]
struct State {
    /// By worker.
    held: BTreeMap<usize, Vec<HeldPartition>>,
    answers: BTreeMap<ShardLabel, LogAnswer>,
    /// With the offset from which the partition was read then: elsewhere a finding means nothing.
    findings: BTreeMap<ShardLabel, (Option<Offset>, LogFinding)>,
    /// By topic.
    topic_ids: BTreeMap<String, ToldId>,
    is_urgent: bool,
    wants_topic_ids: bool,
}

/// Shared by the workers and the broker watch.
#[derive(Default)]
pub(super) struct LogEnds {
    state: Mutex<State>,
    wake: Condvar,
    /// Counts the rounds of answers, so that a worker sees a new one without the mutex.
    round: AtomicU64,
}

impl LogEnds {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the partitions that a worker holds.
    pub(super) fn hold(&self, worker: usize, partitions: Vec<HeldPartition>) {
        let mut state = self.lock();
        for HeldPartition { label, read_from, .. } in &partitions {
            if state.findings.get(label).is_some_and(|(found_at, _)| found_at != read_from) {
                state.findings.remove(label);
            }
        }
        state.held.insert(worker, partitions);
    }

    /// Asks the watcher to ask the brokers soon.
    pub(super) fn ask_soon(&self) {
        self.lock().is_urgent = true;
        self.wake.notify_all();
    }

    /// Asks the watcher to ask the brokers soon, also for the ids of the topics.
    pub(super) fn ask_all_soon(&self) {
        self.lock().wants_topic_ids = true;
        self.ask_soon();
    }

    /// Returns whether a worker has asked for the ids of the topics since the last call.
    pub(super) fn take_wants_topic_ids(&self) -> bool {
        std::mem::take(&mut self.lock().wants_topic_ids)
    }

    /// Returns the number of the last round of answers.
    pub(super) fn round(&self) -> u64 {
        self.round.load(Ordering::Acquire)
    }

    /// Returns the last answer about a partition, and what was found there.
    pub(super) fn answer(&self, label: &ShardLabel) -> Option<(LogAnswer, LogFinding)> {
        let state = self.lock();
        let finding = state.findings.get(label).map(|(_, finding)| finding.clone());
        Some((state.answers.get(label)?.clone(), finding.unwrap_or_default()))
    }

    /// Blocks until the next round is due, or for at most `within`: at `regular`, or already at
    /// `urgent` if a worker has asked for it. Returns whether the round is due.
    pub(super) fn wait_for_round(
        &self,
        regular: Instant,
        urgent: Instant,
        within: Duration,
    ) -> bool {
        let state = self.lock();
        let due = if state.is_urgent { urgent } else { regular };
        let wait = due.saturating_duration_since(Instant::now()).min(within);
        let mut state = if wait.is_zero() {
            state
        } else {
            let waited = self.wake.wait_timeout(state, wait);
            waited.unwrap_or_else(PoisonError::into_inner).0
        };
        let due = if state.is_urgent { urgent } else { regular };
        let is_due = Instant::now() >= due;
        if is_due {
            state.is_urgent = false;
        }
        is_due
    }

    /// Returns all partitions that workers hold.
    pub(super) fn held(&self) -> Vec<HeldPartition> {
        self.lock().held.values().flatten().cloned().collect()
    }

    /// Returns all partitions that workers hold, with the ends of their logs as last told.
    pub(super) fn held_with_ends(&self) -> Vec<(HeldPartition, Option<Offset>)> {
        let state = self.lock();
        let end = |label: &ShardLabel| state.answers.get(label)?.high_watermark.as_ref().ok();
        let held = state.held.values().flatten();
        held.map(|held| (held.clone(), end(&held.label).copied())).collect()
    }

    /// Drops the findings about other partitions than these.
    pub(super) fn keep_findings(&self, labels: &BTreeSet<&ShardLabel>) {
        self.lock().findings.retain(|label, _| labels.contains(label));
    }

    /// Replaces the finding about a partition, if its worker still reads from there.
    pub(super) fn found(&self, partition: &HeldPartition, finding: LogFinding) {
        let mut state = self.lock();
        let is_there = |held: &HeldPartition| {
            held.label == partition.label && held.read_from == partition.read_from
        };
        if !state.held.values().flatten().any(is_there) {
            return;
        }
        let known = state.findings.get(&partition.label).map(|(_, known)| known);
        if *known.unwrap_or(&LogFinding::default()) == finding {
            return;
        }
        state.findings.insert(partition.label.clone(), (partition.read_from, finding));
        self.round.fetch_add(1, Ordering::Release);
    }

    /// Returns the last answer about the id of a topic.
    pub(super) fn topic_id(&self, topic: &str) -> Option<ToldId> {
        self.lock().topic_ids.get(topic).copied()
    }

    /// Replaces the answers by those of a new round.
    pub(super) fn publish(&self, answers: BTreeMap<ShardLabel, LogAnswer>) {
        self.lock().answers = answers;
        self.round.fetch_add(1, Ordering::Release);
    }

    /// Replaces the answers about the ids of the topics. For the workers this is a new round.
    pub(super) fn publish_topic_ids(&self, topic_ids: BTreeMap<String, ToldId>) {
        self.lock().topic_ids = topic_ids;
        self.round.fetch_add(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_is_due_early_when_a_worker_asks_for_it() {
        let ends = LogEnds::default();
        let now = Instant::now();
        let later = now + Duration::from_secs(60);
        assert!(!ends.wait_for_round(later, now, Duration::ZERO));
        ends.ask_soon();
        assert!(!ends.wait_for_round(later, later, Duration::ZERO), "not before its time");
        assert!(ends.wait_for_round(later, now, Duration::ZERO));
        assert!(!ends.wait_for_round(later, now, Duration::ZERO), "once");
    }

    #[test]
    fn finding_is_dropped_when_the_worker_reads_from_elsewhere() {
        let ends = LogEnds::default();
        let label = ShardLabel { topic: "calls".into(), partition: 0 };
        let held = |offset| HeldPartition {
            label: label.clone(),
            read_from: Some(Offset(offset)),
            reading: Reading::Active,
        };
        let unread = LogFinding { standstill: Some(Standstill::Unread), ..LogFinding::default() };
        let answer = LogAnswer { asked_at: Instant::now(), high_watermark: Ok(Offset(9)) };
        ends.hold(0, vec![held(5)]);
        ends.publish([(label.clone(), answer)].into());
        assert_eq!(ends.held_with_ends(), [(held(5), Some(Offset(9)))]);
        let found = || ends.answer(&label).and_then(|(_, finding)| finding.standstill);

        ends.found(&held(4), unread.clone());
        assert_eq!(found(), None, "the worker has moved during the try");
        let round = ends.round();
        ends.found(&held(5), unread.clone());
        assert_eq!((found(), ends.round()), (Some(Standstill::Unread), round + 1));
        ends.found(&held(5), unread);
        assert_eq!(ends.round(), round + 1, "nothing new");
        ends.hold(0, vec![held(6)]);
        assert_eq!(found(), None);
    }
}
