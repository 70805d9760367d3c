//! The partitions that a worker holds, and their checkpoints.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use rdkafka::message::{BorrowedMessage, Message};

use super::dead_letters::DeadLetter;
use super::ledger_handle::Outcome;
use super::partition::Partition;
use super::status_hub::WorkerState;
use super::worker::Shared;
use crate::ledger::{CheckpointRequest, CommitOutcome};
use crate::readmodel::ShardLabel;

/// A checkpoint is made early once this many contacts have changed, so that none takes long.
const EARLY_CONTACTS: usize = 100_000;
/// Rows of the interval history that wait to be stored; with more, reading pauses. They alone grow for as long as the
/// ledger fails, by a kilobyte or so for each.
const UNSAVED_INTERVALS_MAX: usize = 50_000;
/// Publishing takes at most about the sixteenth part of the time where there is always something to read.
const PUBLICATION_SHARE: u32 = 16;
/// And the fifth part where reading has to wait for records: there is time to spare.
const PUBLICATION_SHARE_TO_SPARE: u32 = 4;
/// What a worker said is not believed for long: it speaks up well before that, however long speaking takes.
const PUBLICATION_REST_MAX: Duration = Duration::from_secs(1);
const ANSWER_POLL: Duration = Duration::from_millis(100);
const BACK_OFF_MAX: Duration = Duration::from_secs(30);

/// A loop that takes longer to come round stood still. Shorter than the time after which readers stop believing what was
/// published before.
const STALL: Duration = Duration::from_secs(3);

/// How long the ledger's answer is waited for.
#[derive(Clone, Copy)]
enum Wait<'a> {
    Until(Instant),
    /// Until the process stops; what is held is published meanwhile.
    UntilStopped {
        said: &'a WorkerState,
    },
}

/// Tells whether the process stood still.
struct StallDetector {
    /// The last look at the clock; the last before the process stood still, until that is taken note of.
    at: Instant,
    stalled: bool,
}

impl StallDetector {
    fn tick(&mut self) {
        // One look at the clock for both, so that a stop between them is seen the next time.
        let now = Instant::now();
        self.stalled |= now.duration_since(self.at) > STALL;
        if !self.stalled {
            self.at = now;
        }
    }

    fn take_stall(&mut self) -> bool {
        let stalled = std::mem::take(&mut self.stalled);
        if stalled {
            self.at = Instant::now();
        }
        stalled
    }
}

/// A checkpoint that is being stored.
struct InFlight {
    answer: Receiver<Outcome>,
    /// Of its jobs.
    labels: Vec<ShardLabel>,
    /// Rows of the interval history in it.
    intervals: usize,
}

/// The partitions of a session, apart from its consumer, so that records borrowed from that can be folded into them.
pub(super) struct Assignment<'s> {
    worker: usize,
    shared: &'s Shared,
    pub(super) partitions: Vec<Partition>,
    /// Index of the partition that the last record was of; the next is mostly of the same.
    last: usize,
    /// The checkpoint that is being stored.
    in_flight: Option<InFlight>,
    captured_at: Instant,
    /// Checkpoints that failed since the last that was stored.
    failures: u32,
    pulse: StallDetector,
    published_at: Instant,
    publication_took: Duration,
    /// The last look for records found none left.
    has_read_all: bool,
    /// When the ledger refused a checkpoint because another instance has the partition.
    refused_at: Option<Instant>,
}

impl<'s> Assignment<'s> {
    pub(super) fn new(worker: usize, shared: &'s Shared) -> Self {
        let now = Instant::now();
        Assignment {
            worker,
            shared,
            partitions: Vec::new(),
            last: 0,
            in_flight: None,
            captured_at: now,
            failures: 0,
            pulse: StallDetector { at: now, stalled: false },
            published_at: now,
            publication_took: Duration::ZERO,
            has_read_all: true,
            refused_at: None,
        }
    }

    /// Holds these from now on.
    pub(super) fn take(&mut self, partitions: Vec<Partition>) {
        self.partitions = partitions;
        self.refused_at = None;
    }

    /// How long ago another instance was found to have taken a partition over, where no assignment has come since.
    pub(super) fn refused_for(&self) -> Option<Duration> {
        self.refused_at.map(|refused_at| refused_at.elapsed())
    }

    /// Looks at the clock, as whoever waits for something does again and again.
    pub(super) fn tick(&mut self) {
        self.pulse.tick();
    }

    /// Whether the process stood still since the last call.
    pub(super) fn take_stall(&mut self) -> bool {
        self.pulse.take_stall()
    }

    /// Whether it is time to publish.
    pub(super) fn publication_is_due(&self) -> bool {
        // Many queues take long to lay out: reading keeps most of the time.
        let share = if self.has_read_all { PUBLICATION_SHARE_TO_SPARE } else { PUBLICATION_SHARE };
        let rest = self.publication_took.saturating_mul(share).min(PUBLICATION_REST_MAX);
        self.published_at.elapsed() >= self.shared.options.publish_interval.max(rest)
    }

    /// Publishes what is held, and what the worker says of itself.
    pub(super) fn publish(&mut self, said: &WorkerState) {
        self.published_at = Instant::now();
        let said = WorkerState {
            unsaved_intervals: self.unsaved_intervals(),
            taken_over: self.refused_at.is_some(),
            ..said.clone()
        };
        self.shared
            .status_hub
            .count_log_resets(self.partitions.iter_mut().map(Partition::take_log_resets).sum());
        let partitions = match said.holding {
            true => self
                .partitions
                .iter_mut()
                .map(|partition| (partition.health(), partition.news()))
                .collect(),
            false => Vec::new(),
        };
        // The word is as old as the last look at the clock: a process that is stopped between the two is not believed.
        self.shared.status_hub.report(self.worker, &said, self.pulse.at, Some(partitions));
        self.publication_took = self.published_at.elapsed();
    }

    /// Takes note of whether the last look for records found none left.
    pub(super) fn note_read_all(&mut self, has_read_all: bool) {
        self.has_read_all = has_read_all;
    }

    /// The partition that `is_it` tells; the one of the last record is asked first.
    pub(super) fn find(&mut self, is_it: impl Fn(&Partition) -> bool) -> Option<&mut Partition> {
        if !self.partitions.get(self.last).is_some_and(&is_it) {
            self.last = self.partitions.iter().position(is_it)?;
        }
        self.partitions.get_mut(self.last)
    }

    /// The partition of a record.
    fn find_of(&mut self, record: &BorrowedMessage<'_>) -> Option<&mut Partition> {
        // The client gives the topic as a text of its own, whose length and bytes have to be looked at first.
        let one_topic = self.shared.options.topics.len() == 1;
        self.find(|held| {
            let label = held.label();
            label.partition == record.partition() && (one_topic || *label.topic == *record.topic())
        })
    }

    /// Folds a record, of a worker that says `said` of itself. Returns whether it was refused.
    pub(super) fn fold<'m>(
        &mut self,
        record: &'m BorrowedMessage<'_>,
        headers: &mut Vec<(&'m str, &'m [u8])>,
        said: &WorkerState,
    ) -> bool {
        let shared = self.shared;
        if self.find_of(record).is_some_and(|partition| partition.advances()) {
            // The advance comes before this record, if it is stored: the same order as after a restart.
            self.await_checkpoint(Wait::UntilStopped { said });
        }
        let Some(partition) = self.find_of(record) else {
            tracing::debug!(
                partition = record.partition(),
                "record of a partition that is not held"
            );
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
        let letter = DeadLetter::new(
            label,
            record.offset(),
            rejection,
            record.key(),
            record.payload(),
            bytes_max,
        );
        shared.dead_letters.send(letter, partition.letters());
        true
    }

    pub(super) fn send_orphans(&mut self) {
        for partition in &mut self.partitions {
            for orphan in partition.take_orphans() {
                let letter = DeadLetter::orphan(partition.label(), orphan.position);
                self.shared.dead_letters.send(letter, partition.letters());
            }
        }
    }

    /// Whether the rows of the interval history that are not stored leave room for more.
    pub(super) fn has_room(&self) -> bool {
        self.unsaved_intervals() < UNSAVED_INTERVALS_MAX
    }

    /// Whether reading that has paused may go on; a lower mark, because each pause discards what was prefetched.
    pub(super) fn has_plenty_of_room(&self) -> bool {
        self.unsaved_intervals() < UNSAVED_INTERVALS_MAX / 2
    }

    fn unsaved_intervals(&self) -> usize {
        let in_flight = self.in_flight.as_ref().map_or(0, |in_flight| in_flight.intervals);
        self.partitions.iter().map(Partition::unsaved_intervals).sum::<usize>() + in_flight
    }

    /// Hears of the last checkpoint, and makes the next where it is due. Stream time of partitions at their end
    /// advances to `advance_to_ms` with it.
    pub(super) fn maybe_checkpoint(&mut self, advance_to_ms: Option<i64>) {
        self.poll_checkpoint_result();
        let interval = self.shared.options.ledger.checkpoint_interval;
        let interval =
            (interval * 2_u32.saturating_pow(self.failures.min(8))).min(BACK_OFF_MAX.max(interval));
        let changed: usize = self.partitions.iter().map(Partition::changed_contacts).sum();
        let is_early = self.failures == 0 && (changed >= EARLY_CONTACTS || !self.has_room());
        if self.in_flight.is_none() && (is_early || self.captured_at.elapsed() >= interval) {
            // While the ledger fails nothing advances without records: what is published could not be kept.
            let advance_to_ms = advance_to_ms.filter(|_| self.failures == 0);
            self.begin_checkpoint(advance_to_ms, false);
        }
    }

    /// Stores what there is of every partition, and waits for it until `deadline`. Also finds out which partitions
    /// another instance has taken over.
    pub(super) fn checkpoint_all_blocking(&mut self, deadline: Instant) {
        self.await_checkpoint(Wait::Until(deadline));
        if self.in_flight.is_none() {
            self.begin_checkpoint(None, true);
            self.await_checkpoint(Wait::Until(deadline));
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
            let of = |job: &CheckpointRequest| {
                job.checkpoint.intervals.len() + job.checkpoint.agent_intervals.len()
            };
            let intervals = jobs.iter().map(of).sum();
            self.in_flight =
                Some(InFlight { answer: self.shared.keeper.store(jobs), labels, intervals });
            self.shared.keeper.health.paused(began.elapsed());
        } else if self.failures == 0
            && !self.partitions.is_empty()
            && self.partitions.iter().all(Partition::is_stored)
        {
            self.shared.keeper.health.nothing_to_store((self.shared.options.clock)().get());
        }
    }

    fn poll_checkpoint_result(&mut self) {
        let Some(InFlight { answer, .. }) = &self.in_flight else { return };
        match answer.try_recv() {
            Ok(outcome) => self.on_checkpoint_result(outcome),
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => self.in_flight = None,
        }
    }

    /// Waits for the answer to the checkpoint in flight.
    fn await_checkpoint(&mut self, wait: Wait<'_>) {
        let began = Instant::now();
        while let Some(InFlight { answer, .. }) = &self.in_flight {
            match answer.recv_timeout(ANSWER_POLL) {
                Ok(outcome) => self.on_checkpoint_result(outcome),
                Err(RecvTimeoutError::Disconnected) => self.in_flight = None,
                Err(RecvTimeoutError::Timeout) => {
                    self.tick();
                    match wait {
                        Wait::Until(deadline) if Instant::now() >= deadline => return,
                        Wait::UntilStopped { .. } if self.shared.stop.load(Ordering::Relaxed) => {
                            return;
                        }
                        // The ledger may be slow, or locked: what was read stays true.
                        Wait::UntilStopped { said } if self.publication_is_due() => {
                            self.publish(said)
                        }
                        Wait::Until(_) | Wait::UntilStopped { .. } => {}
                    }
                }
            }
        }
        self.shared.keeper.health.paused(began.elapsed());
    }

    fn on_checkpoint_result(&mut self, outcome: Outcome) {
        let Some(InFlight { labels, .. }) = self.in_flight.take() else { return };
        match outcome.outcomes {
            Ok(outcomes) => {
                self.failures = 0;
                for (label, outcome) in labels.iter().zip(outcomes) {
                    match outcome {
                        CommitOutcome::Stored => {
                            if let Some(partition) = self.find(|held| held.label() == label) {
                                partition.stored();
                            }
                        }
                        CommitOutcome::Fenced => self.give_up(label),
                    }
                }
            }
            Err(_) => {
                self.failures = self.failures.saturating_add(1);
                for (label, job) in labels.iter().zip(outcome.jobs) {
                    if let Some(partition) = self.find(|held| held.label() == label) {
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
        self.refused_at.get_or_insert_with(Instant::now);
        self.shared.status_hub.withdraw(self.worker, label);
    }

    /// Takes everything off the board until the ledger has confirmed it.
    pub(super) fn suspend_until_confirmed(&mut self) {
        for partition in &mut self.partitions {
            partition.suspend_until_confirmed();
            self.shared.status_hub.withdraw(self.worker, partition.label());
        }
        self.captured_at = Instant::now().checked_sub(BACK_OFF_MAX).unwrap_or(self.captured_at);
    }

    /// Lets go of every partition.
    pub(super) fn clear(&mut self) {
        self.partitions.clear();
        self.in_flight = None;
        self.refused_at = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_from_before_a_stop_stays_old_until_the_stop_is_taken_note_of() {
        let before = Instant::now() - STALL - Duration::from_secs(1);
        let mut pulse = StallDetector { at: before, stalled: false };
        pulse.tick();
        pulse.tick();
        assert_eq!(pulse.at, before, "what is published now is not believed");
        assert!(pulse.take_stall());
        assert!(pulse.at > before && !pulse.take_stall());
        pulse.tick();
        assert!(!pulse.take_stall(), "a tick in time is no stop");
    }
}
