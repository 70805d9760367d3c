//! The partitions that a worker holds, and their checkpoints.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use rdkafka::message::{BorrowedMessage, Message};

use super::dead_letters::Letter;
use super::keeper::Outcome;
use super::partition::Partition;
use super::worker::Shared;
use crate::ledger::Fate;
use crate::view::ShardLabel;

/// A checkpoint is made early once this many contacts have changed, so that none takes long.
const EARLY_CONTACTS: usize = 100_000;
const ANSWER_POLL: Duration = Duration::from_millis(100);
const BACK_OFF_MAX: Duration = Duration::from_secs(30);

/// The partitions of a session, apart from its consumer, so that records borrowed from that can be folded into them.
pub(super) struct Held<'s> {
    shared: &'s Shared,
    pub(super) partitions: Vec<Partition>,
    /// Index of the partition that the last record was of; the next is mostly of the same.
    last: usize,
    /// The checkpoint that is being stored, with the labels of its jobs.
    in_flight: Option<(Receiver<Outcome>, Vec<ShardLabel>)>,
    captured_at: Instant,
    /// Checkpoints that failed since the last that was stored.
    failures: u32,
}

impl<'s> Held<'s> {
    pub(super) fn new(shared: &'s Shared) -> Self {
        Held { shared, partitions: Vec::new(), last: 0, in_flight: None, captured_at: Instant::now(), failures: 0 }
    }

    pub(super) fn find(&mut self, topic: &str, partition: i32) -> Option<&mut Partition> {
        if !self.partitions.get(self.last).is_some_and(|last| last.is(topic, partition)) {
            self.last = self.partitions.iter().position(|held| held.is(topic, partition))?;
        }
        self.partitions.get_mut(self.last)
    }

    /// Folds a record. Returns whether it was refused.
    pub(super) fn fold<'m>(&mut self, record: &'m BorrowedMessage<'_>, headers: &mut Vec<(&'m str, &'m [u8])>) -> bool {
        let shared = self.shared;
        if self.find(record.topic(), record.partition()).is_some_and(|partition| partition.advances()) {
            // The advance comes before this record, if it is stored: the same order as after a restart.
            self.await_checkpoint(None);
        }
        let Some(partition) = self.find(record.topic(), record.partition()) else {
            tracing::debug!(partition = record.partition(), "record of a partition that is not held");
            return false;
        };
        if partition.advances() {
            // The process stops and nobody knows what was stored: the next owner reads the record again.
            return false;
        }
        let Some(rejection) = partition.fold(record, headers) else { return false };
        let label = partition.label();
        tracing::debug!(topic = %label.topic, partition = label.partition, offset = record.offset(),
            reason = rejection.reason.as_str(), detail = rejection.detail, "record refused");
        let bytes_max = shared.options.record_bytes_max;
        let letter = Letter::new(label, record.offset(), rejection, record.key(), record.payload(), bytes_max);
        shared.dead_letters.send(letter, partition.letters());
        true
    }

    pub(super) fn send_orphans(&mut self) {
        for partition in &mut self.partitions {
            for orphan in partition.take_orphans() {
                let letter = Letter::orphan(partition.label(), orphan.position);
                self.shared.dead_letters.send(letter, partition.letters());
            }
        }
    }

    /// Hears of the last checkpoint, and makes the next where it is due. Stream time of partitions at their end
    /// advances to `advance_to_ms` with it.
    pub(super) fn keep(&mut self, advance_to_ms: Option<i64>) {
        self.hear();
        let interval = self.shared.options.ledger.checkpoint_interval;
        let interval = (interval * 2_u32.saturating_pow(self.failures.min(8))).min(BACK_OFF_MAX.max(interval));
        let changed: usize = self.partitions.iter().map(Partition::changed_contacts).sum();
        let is_early = self.failures == 0 && changed >= EARLY_CONTACTS;
        if self.in_flight.is_none() && (is_early || self.captured_at.elapsed() >= interval) {
            // While the ledger fails nothing advances without records: what is published could not be kept.
            let advance_to_ms = advance_to_ms.filter(|_| self.failures == 0);
            self.begin_checkpoint(advance_to_ms, false);
        }
    }

    /// Stores what there is of every partition, and waits for it until `deadline`. Also finds out which partitions
    /// another instance has taken over.
    pub(super) fn keep_all(&mut self, deadline: Instant) {
        self.await_checkpoint(Some(deadline));
        if self.in_flight.is_none() {
            self.begin_checkpoint(None, true);
            self.await_checkpoint(Some(deadline));
        }
    }

    fn begin_checkpoint(&mut self, advance_to_ms: Option<i64>, all: bool) {
        let began = Instant::now();
        self.captured_at = began;
        let (mut jobs, mut labels) = (Vec::new(), Vec::new());
        for partition in &mut self.partitions {
            if let Some(job) = partition.checkpoint(advance_to_ms, all) {
                labels.push(partition.label().clone());
                jobs.push(job);
            }
        }
        if !jobs.is_empty() {
            self.in_flight = Some((self.shared.keeper.store(jobs), labels));
            self.shared.keeper.health.paused(began.elapsed());
        }
    }

    fn hear(&mut self) {
        let Some((answer, _)) = &self.in_flight else { return };
        match answer.try_recv() {
            Ok(outcome) => self.settle(outcome),
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => self.in_flight = None,
        }
    }

    /// Waits for the answer to the checkpoint in flight; until `deadline`, or else until the process stops.
    fn await_checkpoint(&mut self, deadline: Option<Instant>) {
        let began = Instant::now();
        while let Some((answer, _)) = &self.in_flight {
            match answer.recv_timeout(ANSWER_POLL) {
                Ok(outcome) => self.settle(outcome),
                Err(RecvTimeoutError::Disconnected) => self.in_flight = None,
                Err(RecvTimeoutError::Timeout) => {
                    let is_over = match deadline {
                        Some(deadline) => Instant::now() >= deadline,
                        None => self.shared.stop.load(Ordering::Relaxed),
                    };
                    if is_over {
                        return;
                    }
                }
            }
        }
        self.shared.keeper.health.paused(began.elapsed());
    }

    fn settle(&mut self, outcome: Outcome) {
        let Some((_, labels)) = self.in_flight.take() else { return };
        match outcome.fates {
            Ok(fates) => {
                self.failures = 0;
                for (label, fate) in labels.iter().zip(fates) {
                    match fate {
                        Fate::Stored => {
                            if let Some(partition) = self.find(&label.topic, label.partition) {
                                partition.stored();
                            }
                        }
                        Fate::Fenced => self.give_up(label),
                    }
                }
            }
            Err(_) => {
                self.failures = self.failures.saturating_add(1);
                for (label, job) in labels.iter().zip(outcome.jobs) {
                    if let Some(partition) = self.find(&label.topic, label.partition) {
                        partition.not_stored(job.checkpoint);
                    }
                }
            }
        }
    }

    /// Another instance has the partition: what this one knows of it is past.
    fn give_up(&mut self, label: &ShardLabel) {
        tracing::warn!(topic = %label.topic, partition = label.partition,
            "another instance has taken the partition over, it is given up");
        self.partitions.retain(|partition| partition.label() != label);
        self.shared.board.withdraw(label);
    }

    /// Takes everything off the board until the ledger has confirmed it.
    pub(super) fn doubt(&mut self) {
        for partition in &mut self.partitions {
            partition.doubt();
            self.shared.board.withdraw(partition.label());
        }
        self.captured_at = Instant::now().checked_sub(BACK_OFF_MAX).unwrap_or(self.captured_at);
    }

    /// Lets go of every partition.
    pub(super) fn clear(&mut self) {
        self.partitions.clear();
        self.in_flight = None;
    }
}
