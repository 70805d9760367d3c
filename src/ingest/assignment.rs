//! The partitions that a worker owns, with their checkpoints.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use nabiz_core::ids::Offset;
use nabiz_core::time::Timestamp;
use rdkafka::message::{BorrowedMessage, Message};

use super::dead_letters::DeadLetter;
use super::ledger_handle::CheckpointResult;
use super::partition::{CheckpointScope, Partition};
use super::record_clock::RecordClock;
use super::shared::Shared;
use super::stall::StallDetector;
use super::worker_status::{WorkerReport, WorkerStatus};
use crate::ledger::{CheckpointRequest, CommitOutcome};
use crate::readmodel::ShardLabel;

/// With this many changed contacts a checkpoint is made early, so that none takes long.
const EARLY_CONTACTS: usize = 100_000;
/// Rows of the interval history that may wait for the ledger; with more, reading pauses. They are
/// all that grows while the ledger fails, by about a kilobyte each.
const UNSAVED_INTERVALS_MAX: usize = 50_000;
/// The pause between two reports, as a multiple of the time that a report takes. A worker that
/// always has records to read spends about a sixteenth of its time on reports.
const REPORT_PAUSE_BUSY: u32 = 16;
/// The same for a worker that waits for records: it may spend a fifth of its time.
const REPORT_PAUSE_IDLE: u32 = 4;
/// The longest pause between two reports, however long a report takes: a worker reports well before
/// readers withhold its numbers.
const REPORT_PAUSE_MAX: Duration = Duration::from_secs(1);
/// Time between two reads of the clock while waiting for the ledger.
const REPLY_POLL: Duration = Duration::from_millis(100);
/// The longest pause between two checkpoints while the ledger fails.
const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// The checkpoint interval doubles with each failure, at most this often.
const BACKOFF_DOUBLINGS_MAX: u32 = 8;

/// How long to wait for the reply of the ledger.
#[derive(Clone, Copy)]
enum Wait<'a> {
    Until(Instant),
    /// Until ingest stops, with reports meanwhile.
    UntilStopped(&'a WorkerStatus),
}

/// Whether records are waiting to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Load {
    /// The last poll found no record.
    Idle,
    /// The last batch was full.
    Busy,
}

/// A checkpoint on its way to the ledger.
struct InFlight {
    reply: Receiver<CheckpointResult>,
    /// The partitions of its requests, in their order.
    labels: Vec<ShardLabel>,
    /// Its rows of the interval history.
    intervals: usize,
}

/// The partitions of a session. They are apart from the consumer, so that a record borrowed from it
/// can be folded into them.
pub(super) struct Assignment<'s> {
    worker: usize,
    shared: &'s Shared,
    pub(super) partitions: Vec<Partition>,
    pub(super) clock: RecordClock,
    /// The index of the partition of the last record; the next record is mostly of the same.
    last_index: usize,
    in_flight: Option<InFlight>,
    checkpointed_at: Instant,
    /// Failed checkpoints since the last one that was stored.
    failures: u32,
    pub(super) stall: StallDetector,
    reported_at: Instant,
    report_took: Duration,
    load: Load,
    /// When the ledger fenced a checkpoint, if the group has not assigned anything since.
    fenced_at: Option<Instant>,
}

impl<'s> Assignment<'s> {
    pub(super) fn new(worker: usize, shared: &'s Shared) -> Self {
        let now = Instant::now();
        Assignment {
            worker,
            shared,
            partitions: Vec::new(),
            clock: RecordClock::new(
                Arc::clone(&shared.clock),
                Arc::clone(&shared.status_hub),
                &shared.settings.windows,
            ),
            last_index: 0,
            in_flight: None,
            checkpointed_at: now,
            failures: 0,
            stall: StallDetector::new(now),
            reported_at: now,
            report_took: Duration::ZERO,
            load: Load::Idle,
            fenced_at: None,
        }
    }

    /// Replaces the partitions by those of a new assignment.
    pub(super) fn replace(&mut self, partitions: Vec<Partition>) {
        self.leave_partitions();
        self.partitions = partitions;
        self.fenced_at = None;
    }

    /// Drops all partitions.
    pub(super) fn clear(&mut self) {
        self.leave_partitions();
        self.in_flight = None;
        self.fenced_at = None;
    }

    fn leave_partitions(&mut self) {
        for partition in self.partitions.drain(..) {
            self.shared.unstored.on_left(partition.label(), partition.left_as());
        }
    }

    /// Returns how long ago the ledger fenced a checkpoint, if no assignment has come since.
    pub(super) fn fenced_for(&self) -> Option<Duration> {
        self.fenced_at.map(|fenced_at| fenced_at.elapsed())
    }

    pub(super) fn set_load(&mut self, load: Load) {
        self.load = load;
    }

    /// Returns whether it is time for the next report.
    pub(super) fn report_is_due(&self) -> bool {
        // A snapshot of many queues takes long; most of the time is left for reading.
        let factor = match self.load {
            Load::Idle => REPORT_PAUSE_IDLE,
            Load::Busy => REPORT_PAUSE_BUSY,
        };
        let pause = self.report_took.saturating_mul(factor).min(REPORT_PAUSE_MAX);
        self.reported_at.elapsed() >= self.shared.options.publish_interval.max(pause)
    }

    /// Reports the status of the worker, and the partitions if the group has assigned them.
    pub(super) fn report(&mut self, status: &WorkerStatus) {
        self.reported_at = Instant::now();
        let report = WorkerReport {
            status: status.clone(),
            fenced_at: self.fenced_at,
            unsaved_intervals: self.unsaved_intervals(),
            // A process that is suspended after its last tick must not confirm its partitions.
            as_of: self.stall.running_at(),
        };
        let hub = &self.shared.status_hub;
        let partitions = if status.phase.is_assigned() {
            let partitions = self.partitions.iter_mut();
            let clock = &self.clock;
            partitions
                .map(|partition| {
                    // The snapshot decides which stream time is shown.
                    let snapshot = partition.take_snapshot();
                    (partition.health(clock), snapshot)
                })
                .collect()
        } else {
            Vec::new()
        };
        hub.report(self.worker, report, partitions);
        self.report_took = self.reported_at.elapsed();
    }

    /// Returns the first partition that matches. Tries the partition of the last record first.
    pub(super) fn find(&mut self, matches: impl Fn(&Partition) -> bool) -> Option<&mut Partition> {
        if !self.partitions.get(self.last_index).is_some_and(&matches) {
            self.last_index = self.partitions.iter().position(matches)?;
        }
        self.partitions.get_mut(self.last_index)
    }

    /// Returns whether a log has turned out to be another one, or has lost its last record.
    pub(super) fn has_other_log(&self) -> bool {
        self.partitions.iter().any(|partition| partition.identity().needs_search())
    }

    fn find_by_label(&mut self, label: &ShardLabel) -> Option<&mut Partition> {
        self.find(|partition| partition.label() == label)
    }

    /// Returns the partition of a record.
    fn find_by_record(&mut self, record: &BorrowedMessage<'_>) -> Option<&mut Partition> {
        // With one topic there is no need for the name, which costs a length and a comparison.
        let has_one_topic = self.shared.options.topics.len() == 1;
        self.find(|partition| {
            let label = partition.label();
            label.partition == record.partition()
                && (has_one_topic || *label.topic == *record.topic())
        })
    }

    /// Folds a record, and sends it to the dead-letter topic if it is rejected. Returns whether it
    /// is. `status` is what the worker reports if it has to wait for the ledger.
    pub(super) fn fold<'m>(
        &mut self,
        record: &'m BorrowedMessage<'_>,
        headers: &mut Vec<(&'m str, &'m [u8])>,
        status: &WorkerStatus,
    ) -> bool {
        let shared = self.shared;
        if self.find_by_record(record).is_some_and(|partition| partition.is_changing()) {
            // If the change is stored, it comes before this record, as after a restart.
            self.await_checkpoint(Wait::UntilStopped(status));
        }
        if self.find_by_record(record).is_none() {
            tracing::debug!(partition = record.partition(), "record of a partition not owned");
            return false;
        }
        // Finding the partition has set its index.
        let Some(partition) = self.partitions.get_mut(self.last_index) else { return false };
        if partition.is_changing() {
            // Ingest stops, and it is unknown whether the change is stored. The next owner reads
            // this record again.
            return false;
        }
        let Some(rejection) = partition.fold(record, headers, &mut self.clock) else {
            return false;
        };
        let label = partition.label();
        tracing::debug!(
            topic = %label.topic,
            partition = label.partition,
            offset = record.offset(),
            reason = rejection.reason.as_str(),
            detail = rejection.detail,
            "record rejected"
        );
        let letter = DeadLetter::new(
            label,
            Offset(record.offset()),
            rejection,
            record.key(),
            record.payload(),
            shared.options.record_bytes_max,
        );
        shared.dead_letters.send(letter, partition.dead_letters());
        true
    }

    /// Sends orphans to the dead-letter topic.
    pub(super) fn send_orphans(&mut self) {
        for partition in &mut self.partitions {
            for orphan in partition.take_orphans() {
                let letter = DeadLetter::orphan(partition.label(), orphan.offset);
                self.shared.dead_letters.send(letter, partition.dead_letters());
            }
        }
    }

    /// Returns whether there is room for more unsaved rows of the interval history.
    pub(super) fn has_room(&self) -> bool {
        self.unsaved_intervals() < UNSAVED_INTERVALS_MAX
    }

    /// Returns whether paused reading may resume. The mark is lower than that of
    /// [`Self::has_room`], because each pause discards what was prefetched.
    pub(super) fn has_plenty_of_room(&self) -> bool {
        self.unsaved_intervals() < UNSAVED_INTERVALS_MAX / 2
    }

    fn unsaved_intervals(&self) -> usize {
        let in_flight = self.in_flight.as_ref().map_or(0, |in_flight| in_flight.intervals);
        self.partitions.iter().map(Partition::unsaved_intervals).sum::<usize>() + in_flight
    }

    /// Handles the result of the last checkpoint, and makes the next one if it is due. Partitions
    /// at the end of their log advance stream time to `advance_to` with it.
    pub(super) fn maybe_checkpoint(&mut self, advance_to: Option<Timestamp>) {
        self.poll_checkpoint_result();
        let interval = self.shared.options.ledger.checkpoint_interval;
        let backoff = interval * 2_u32.saturating_pow(self.failures.min(BACKOFF_DOUBLINGS_MAX));
        let interval = backoff.min(BACKOFF_MAX.max(interval));
        let changed: usize = self.partitions.iter().map(Partition::changed_contacts).sum();
        let is_early = self.failures == 0 && (changed >= EARLY_CONTACTS || !self.has_room());
        if self.in_flight.is_none() && (is_early || self.checkpointed_at.elapsed() >= interval) {
            // While the ledger fails, stream time does not advance without records: an advance
            // that is published must be stored.
            let advance_to = advance_to.filter(|_| self.failures == 0);
            self.begin_checkpoint(advance_to, CheckpointScope::Changed);
        }
    }

    /// Stores all partitions, and blocks until they are stored, at most until `deadline`. Also
    /// finds the partitions that another instance has acquired.
    pub(super) fn checkpoint_all_blocking(&mut self, deadline: Instant) {
        self.await_checkpoint(Wait::Until(deadline));
        if self.in_flight.is_none() {
            self.begin_checkpoint(None, CheckpointScope::All);
            self.await_checkpoint(Wait::Until(deadline));
        }
    }

    fn begin_checkpoint(&mut self, advance_to: Option<Timestamp>, scope: CheckpointScope) {
        let began = Instant::now();
        self.checkpointed_at = began;
        let (mut requests, mut labels) = (Vec::new(), Vec::new());
        for partition in &mut self.partitions {
            if let Some(request) = partition.checkpoint(advance_to, scope) {
                labels.push(partition.label().clone());
                requests.push(request);
            }
        }
        let ledger = &self.shared.ledger;
        if !requests.is_empty() {
            let intervals = requests.iter().map(intervals_of).sum();
            self.in_flight = Some(InFlight { reply: ledger.store(requests), labels, intervals });
            ledger.record_pause(began.elapsed());
        } else if self.failures == 0
            && !self.partitions.is_empty()
            && self.partitions.iter().all(Partition::is_stored)
        {
            ledger.nothing_to_store((self.shared.options.clock)());
        }
    }

    fn poll_checkpoint_result(&mut self) {
        let Some(InFlight { reply, .. }) = &self.in_flight else { return };
        match reply.try_recv() {
            Ok(result) => self.on_checkpoint_result(result),
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => self.in_flight = None,
        }
    }

    /// Waits for the result of the checkpoint on its way.
    fn await_checkpoint(&mut self, wait: Wait<'_>) {
        let began = Instant::now();
        while let Some(InFlight { reply, .. }) = &self.in_flight {
            match reply.recv_timeout(REPLY_POLL) {
                Ok(result) => self.on_checkpoint_result(result),
                Err(RecvTimeoutError::Disconnected) => self.in_flight = None,
                Err(RecvTimeoutError::Timeout) => {
                    let now = Instant::now();
                    self.stall.tick(now);
                    match wait {
                        Wait::Until(deadline) if now >= deadline => return,
                        Wait::UntilStopped(_) if self.shared.is_stopping() => return,
                        // The ledger may be slow or locked; the numbers stay true meanwhile.
                        Wait::UntilStopped(status) if self.report_is_due() => self.report(status),
                        Wait::Until(_) | Wait::UntilStopped(_) => {}
                    }
                }
            }
        }
        self.shared.ledger.record_pause(began.elapsed());
    }

    fn on_checkpoint_result(&mut self, result: CheckpointResult) {
        let Some(InFlight { labels, .. }) = self.in_flight.take() else { return };
        match result.outcomes {
            Ok(outcomes) => {
                self.failures = 0;
                for (label, outcome) in labels.iter().zip(outcomes) {
                    match outcome {
                        CommitOutcome::Stored => {
                            if let Some(partition) = self.find_by_label(label) {
                                partition.on_stored();
                            }
                        }
                        CommitOutcome::Fenced => self.drop_fenced(label),
                    }
                }
            }
            // The ledger thread has logged the error.
            Err(_) => {
                self.failures = self.failures.saturating_add(1);
                for (label, request) in labels.iter().zip(result.requests) {
                    if let Some(partition) = self.find_by_label(label) {
                        partition.on_store_failed(request.checkpoint);
                    }
                }
            }
        }
    }

    /// Drops a partition that another instance has acquired.
    fn drop_fenced(&mut self, label: &ShardLabel) {
        tracing::warn!(
            topic = %label.topic,
            partition = label.partition,
            "partition fenced, another instance has acquired it"
        );
        self.partitions.retain(|partition| partition.label() != label);
        self.fenced_at.get_or_insert_with(Instant::now);
        self.shared.status_hub.withhold(self.worker, label);
    }

    /// Withholds all partitions until the ledger has confirmed that this process owns them.
    pub(super) fn suspend_until_confirmed(&mut self) {
        for partition in &mut self.partitions {
            partition.suspend_until_confirmed();
            self.shared.status_hub.withhold(self.worker, partition.label());
        }
        // Makes the next checkpoint due at once.
        let long_ago = Instant::now().checked_sub(BACKOFF_MAX);
        self.checkpointed_at = long_ago.unwrap_or(self.checkpointed_at);
    }
}

fn intervals_of(request: &CheckpointRequest) -> usize {
    let checkpoint = &request.checkpoint;
    checkpoint.intervals.len() + checkpoint.agent_intervals.len() + checkpoint.further.len()
}
