//! What the brokers say about the ends of the logs: questions of the workers, answers of the log
//! watcher.
//!
//! A worker names the partitions that it holds, with their positions. The watcher asks the brokers
//! and leaves an answer for each. Neither waits for the other.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nabiz_core::ids::Offset;

use super::standstill::{AskError, Standstill};
use super::undecodable::SkippedRange;
use crate::readmodel::ShardLabel;

/// A partition that a worker holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HeldPartition {
    pub label: ShardLabel,
    /// The next offset to read; `None` before the first record.
    pub position: Option<Offset>,
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
    is_urgent: bool,
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
        self.lock().held.insert(worker, partitions);
    }

    /// Asks the watcher to ask the brokers soon.
    pub(super) fn ask_soon(&self) {
        self.lock().is_urgent = true;
        self.wake.notify_all();
    }

    /// Returns the number of the last round of answers.
    pub(super) fn round(&self) -> u64 {
        self.round.load(Ordering::Acquire)
    }

    /// Returns the last answer about a partition.
    pub(super) fn answer(&self, label: &ShardLabel) -> Option<LogAnswer> {
        self.lock().answers.get(label).cloned()
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

    /// Replaces the answers by those of a new round.
    pub(super) fn publish(&self, answers: BTreeMap<ShardLabel, LogAnswer>) {
        self.lock().answers = answers;
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
}
