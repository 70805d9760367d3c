//! The life of one consumer: its poll loop, from the first assignment to the last commit.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use nabiz_core::decode::Format;
use nabiz_core::shard::Calls;
use nabiz_core::state::RestoreError;
use nabiz_core::time::Timestamp;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};

use super::assignment::{Assignment, Load};
use super::consumer_context::{Absence, ConsumerEvent, METADATA_TIMEOUT, WorkerContext};
use super::consumer_stats::ConsumerStats;
use super::dead_letters::DeadLetter;
use super::partition::Partition;
use super::seek::{SeekTarget, start_offset};
use super::shared::Shared;
use super::topic_check::{QUERY_TIMEOUT, TopicCheck};
use super::worker_status::{Connection, Phase, WorkerStatus};
use crate::ledger::{AcquiredPartition, LedgerError};
use crate::readmodel::ShardLabel;

/// Records that are folded before anything else is done.
const BATCH_RECORDS: usize = 1024;
/// Longest wait for a record. Bounds the delay of an event, a report or a stop.
const POLL_TIMEOUT: Duration = Duration::from_millis(50);
const COMMIT_INTERVAL: Duration = Duration::from_secs(5);
/// Time between two looks at the number of partitions.
const COUNT_INTERVAL: Duration = Duration::from_secs(1);
/// Time between an offset out of range and the search for another one. Longer than the interval of
/// the client's statistics, which show whether the partition has stopped.
const RESEEK_INTERVAL: Duration = Duration::from_secs(2);
/// Longest wait for one answer in a search. The broker answers a connection in order, so that a
/// fetch that waits for records comes first.
const RESEEK_ANSWER_TIMEOUT: Duration = Duration::from_secs(1);
/// Time after which a search asks the broker for no further partition.
const RESEEK_TIMEOUT: Duration = Duration::from_secs(2);
/// After a fenced checkpoint, the worker rejoins the group if it assigns nothing within this time.
const REJOIN_AFTER: Duration = Duration::from_secs(10);
/// Longest wait for dead letters when partitions are revoked.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);
/// Longest wait for the number of partitions of a topic, on which the numbers of agents depend.
const CALLS_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for the ledger when partitions are revoked.
const STORE_TIMEOUT: Duration = Duration::from_secs(2);

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    /// The client cannot continue; a new one may.
    #[error("kafka client failed")]
    Client(#[from] KafkaError),
    /// The stored state of a partition is unusable. To continue without it would restart the
    /// counters.
    #[error("partition {label} of the ledger is unusable")]
    State { label: ShardLabel, source: RestoreError },
    /// Another instance has acquired a partition, and the group has assigned nothing since.
    #[error("another instance has acquired partitions, and the group assigned none since")]
    Fenced,
    /// A member with the same `group.instance.id` has taken the place of this one. A new consumer
    /// would take it back, and so on.
    #[error(
        "another process has joined the consumer group with the same kafka.instance_id: give each \
         process an id of its own"
    )]
    SameInstanceId,
}

/// One consumer with the partitions that the group has assigned to it.
pub(super) struct Session<'s> {
    worker: usize,
    shared: &'s Shared,
    consumer: BaseConsumer<WorkerContext>,
    assignment: Assignment<'s>,
    status: WorkerStatus,
    /// When to look for another offset, if the log of a partition does not have the next record.
    reseek_at: Option<Instant>,
    /// Until then, statistics about the ends of logs may be from before the last pause or seek.
    ignore_log_end_until: Instant,
    committed_at: Instant,
    /// A broker was connected before: what is read may have been replaced while none was.
    was_connected: bool,
    topic_check: TopicCheck,
    /// The last round of answers about the ends of the logs.
    log_round: u64,
    /// The partitions of all topics that the client was last made to look at.
    counted: usize,
    counted_at: Instant,
}

impl<'s> Session<'s> {
    pub(super) fn new(
        worker: usize,
        shared: &'s Shared,
        consumer: BaseConsumer<WorkerContext>,
    ) -> Self {
        let now = Instant::now();
        Session {
            worker,
            shared,
            consumer,
            assignment: Assignment::new(worker, shared),
            status: WorkerStatus::default(),
            reseek_at: None,
            ignore_log_end_until: now,
            committed_at: now,
            was_connected: false,
            topic_check: TopicCheck::new(now),
            log_round: 0,
            counted: 0,
            counted_at: now,
        }
    }

    /// Reads until ingest stops, or until the consumer cannot continue.
    pub(super) fn run(mut self) -> Result<(), SessionError> {
        let result = self.poll_until_stopped().map_err(|error| self.explain(error));
        if result.is_ok() {
            self.shared.dead_letters.flush(FLUSH_TIMEOUT);
            self.assignment.checkpoint_all_blocking(Instant::now() + STORE_TIMEOUT);
            self.report();
            self.commit_stored();
        }
        self.assignment.clear();
        self.hold_partitions();
        result
    }

    /// Returns the cause if the client has failed for good, whichever call has shown it.
    fn explain(&self, error: SessionError) -> SessionError {
        match (error, self.consumer.client().fatal_error()) {
            (SessionError::Client(_), Some((RDKafkaErrorCode::FencedInstanceId, _))) => {
                SessionError::SameInstanceId
            }
            (error, _) => error,
        }
    }

    fn poll_until_stopped(&mut self) -> Result<(), SessionError> {
        while !self.shared.is_stopping() {
            self.read_batch()?;
            self.check_stall()?;
            if self.status.phase == Phase::Reading && !self.has_room() {
                self.pause_or_resume()?;
            }
            for event in self.consumer.context().take_events() {
                self.handle(event)?;
            }
            self.take_log_answers()?;
            if self.assignment.report_is_due() {
                self.assignment.send_orphans();
                self.pause_or_resume()?;
                self.report();
            }
            let advance_to = self.advance_to();
            self.assignment.maybe_checkpoint(advance_to);
            if self.reseek_at.is_none() && self.committed_at.elapsed() >= COMMIT_INTERVAL {
                self.committed_at = Instant::now();
                self.commit_stored();
            }
            if self.status.phase.is_assigned() {
                if self.reseek_at.is_none() && self.assignment.has_other_log() {
                    self.reseek_at = Some(Instant::now());
                }
                if self.reseek_at.is_some_and(|reseek_at| Instant::now() >= reseek_at) {
                    self.reseek_all()?;
                }
                if self.assignment.fenced_for().is_some_and(|since| since > REJOIN_AFTER) {
                    self.on_revoked();
                    return Err(SessionError::Fenced);
                }
            }
            self.topic_check.run(self.worker, &self.consumer, &mut self.status);
            self.notice_partitions();
        }
        Ok(())
    }

    /// Fetches the metadata of all topics when the broker watch has counted other partitions: the
    /// client then makes the group assign the new ones. By itself it looks every five minutes.
    fn notice_partitions(&mut self) {
        if self.counted_at.elapsed() < COUNT_INTERVAL
            || self.status.connection != Connection::Up
            || !self.status.phase.is_assigned()
        {
            return;
        }
        self.counted_at = Instant::now();
        let counted = self.shared.status_hub.partition_counts().total();
        if counted == self.counted {
            return;
        }
        match self.consumer.fetch_metadata(None, QUERY_TIMEOUT) {
            Ok(_) => self.counted = counted,
            Err(error) => {
                tracing::debug!(worker = self.worker, %error, "metadata request failed");
            }
        }
    }

    /// Withholds all partitions if the process was suspended: another instance may have acquired
    /// them meanwhile.
    fn check_stall(&mut self) -> Result<(), SessionError> {
        let now = Instant::now();
        self.assignment.stall.tick(now);
        if self.assignment.stall.take_stall(now) && !self.assignment.partitions.is_empty() {
            tracing::warn!(
                worker = self.worker,
                "process was suspended, partitions withheld until the ledger confirms them"
            );
            self.assignment.suspend_until_confirmed();
            // The client does not report that it found another topic of the same name.
            self.recheck_logs(None)?;
        }
        Ok(())
    }

    /// Reads and compares the last records of a topic, or of all topics, once more: their logs may
    /// have been replaced meanwhile.
    fn recheck_logs(&mut self, topic: Option<&str>) -> Result<(), SessionError> {
        if !self.status.phase.is_assigned() {
            return Ok(());
        }
        let mut is_any = false;
        for partition in &mut self.assignment.partitions {
            if topic.is_none_or(|topic| *partition.label().topic == *topic) {
                partition.recheck();
                is_any |= partition.read_from() != partition.position();
            }
        }
        if is_any { self.assign_positions() } else { Ok(()) }
    }

    fn read_batch(&mut self) -> Result<(), SessionError> {
        let mut headers = Vec::new();
        // Blocks only for the first record. Later polls use a zero timeout, which saves librdkafka
        // a clock read per record.
        let mut timeout = POLL_TIMEOUT;
        for _ in 0..BATCH_RECORDS {
            // `Assignment::fold` may drop a record when ingest stops. None may be folded after it:
            // the position would pass the dropped record.
            if self.shared.is_stopping() {
                return Ok(());
            }
            match self.consumer.poll(std::mem::take(&mut timeout)) {
                // Also after a rebalance, which is handled before the next record.
                None => {
                    self.assignment.set_load(Load::Idle);
                    return Ok(());
                }
                Some(Ok(record)) => {
                    let mut scratch = recycle(headers);
                    let is_rejected = self.assignment.fold(&record, &mut scratch, &self.status);
                    headers = recycle(scratch);
                    if is_rejected && !self.shared.dead_letters.has_room() {
                        return Ok(());
                    }
                }
                Some(Err(error)) => return Ok(self.on_poll_error(error)?),
            }
        }
        self.assignment.set_load(Load::Busy);
        Ok(())
    }

    /// Returns a fatal error. librdkafka recovers from all others by itself, and its callback has
    /// logged them.
    fn on_poll_error(&mut self, error: KafkaError) -> KafkaResult<()> {
        match error {
            KafkaError::MessageConsumptionFatal(_) => Err(error),
            other if other.rdkafka_error_code() == Some(RDKafkaErrorCode::AutoOffsetReset) => {
                // The error does not name the partition. The partition stays stopped until the
                // session finds another offset.
                self.reseek_at = Some(Instant::now() + RESEEK_INTERVAL);
                self.distrust_log_ends();
                Ok(())
            }
            other => {
                self.distrust_log_ends();
                tracing::debug!(worker = self.worker, error = %other, "poll error");
                Ok(())
            }
        }
    }

    /// Takes no earlier answer about the end of a log for a proof, because the error does not name
    /// its partition, and asks again. An error that a known standstill explains is about that
    /// partition alone: the client repeats it for as long as the partition stands still.
    fn distrust_log_ends(&mut self) {
        let partitions = &mut self.assignment.partitions;
        if partitions.iter().any(Partition::explains_errors) {
            return;
        }
        partitions.iter_mut().for_each(Partition::on_client_error);
        self.shared.log_ends.ask_soon();
    }

    /// Applies the answers about the ends of the logs, if there are new ones.
    fn take_log_answers(&mut self) -> Result<(), SessionError> {
        let round = self.shared.log_ends.round();
        if round == self.log_round {
            return Ok(());
        }
        self.log_round = round;
        let mut has_skipped = false;
        for partition in &mut self.assignment.partitions {
            let Some(mut answer) = self.shared.log_ends.answer(partition.label()) else { continue };
            let skip = answer.skip.take();
            partition.on_log_answer(answer);
            if let Some(skipped) = skip
                && partition.skip_batch(&skipped)
            {
                self.shared.status_hub.count_offsets_skipped(skipped.offsets());
                let letter = DeadLetter::undecodable(partition.label(), &skipped);
                self.shared.dead_letters.send(letter, partition.skip_letters());
                has_skipped = true;
            }
        }
        if has_skipped { self.assign_positions() } else { Ok(()) }
    }

    /// Tells the broker watch which partitions this worker holds, and how far it has read.
    fn hold_partitions(&self) {
        let phase = self.status.phase;
        let held = self.assignment.partitions.iter().map(|partition| partition.held(phase));
        self.shared.log_ends.hold(self.worker, held.collect());
    }

    fn handle(&mut self, event: ConsumerEvent) -> Result<(), SessionError> {
        match event {
            ConsumerEvent::Assigned(labels) => self.on_assigned(labels)?,
            ConsumerEvent::Revoked => self.on_revoked(),
            ConsumerEvent::Stats(stats) => self.on_stats(stats)?,
            ConsumerEvent::TopicMissing(topic, absence) => {
                self.recheck_logs(Some(&topic))?;
                match absence {
                    Absence::Unknown => self.status.denied_topics.remove(&topic),
                    Absence::Denied => self.status.denied_topics.insert(topic.clone()),
                };
                if self.status.missing_topics.insert(topic.clone()) {
                    let why = match absence {
                        Absence::Unknown => "it does not exist",
                        Absence::Denied => "no right to describe it",
                    };
                    tracing::warn!(worker = self.worker, topic, why, "topic is missing, waiting");
                }
            }
        }
        Ok(())
    }

    /// Stores the partitions and drops them.
    fn on_revoked(&mut self) {
        let partitions = self.assignment.partitions.len();
        tracing::info!(worker = self.worker, partitions, "partitions revoked");
        self.shared.dead_letters.flush(FLUSH_TIMEOUT);
        self.assignment.checkpoint_all_blocking(Instant::now() + STORE_TIMEOUT);
        self.commit_stored();
        self.assignment.clear();
        self.hold_partitions();
        self.status.phase = Phase::Rebalancing;
        self.report();
    }

    /// Acquires the partitions in the ledger, restores them, and reads from their stored offsets.
    fn on_assigned(&mut self, labels: Vec<ShardLabel>) -> Result<(), SessionError> {
        tracing::info!(worker = self.worker, partitions = labels.len(), "partitions assigned");
        let mut starts = TopicPartitionList::with_capacity(labels.len());
        let mut partitions = Vec::with_capacity(labels.len());
        for label in labels {
            let Some(acquired) = self.acquire(&label) else {
                // Ingest stops. Without an answer to the group the consumer could not close.
                return Ok(self.consumer.unassign()?);
            };
            self.status.missing_topics.remove(&*label.topic);
            let mut partition = self.restore(label, acquired)?;
            // If the broker does not answer, reading starts at the stored offset, and the client
            // reports an offset out of range.
            if let Some(target) = self.seek_target(&partition, METADATA_TIMEOUT) {
                target.apply(&mut partition);
            }
            let label = partition.label();
            let start = start_offset(&partition);
            starts.add_partition_offset(&label.topic, label.partition, start)?;
            partitions.push(partition);
        }
        self.topic_check.on_assigned(&mut self.status.missing_topics);
        self.assign(&starts)?;
        self.assignment.replace(partitions);
        self.hold_partitions();
        self.shared.log_ends.ask_soon();
        self.reseek_at = None;
        Ok(())
    }

    /// Acquires a partition in the ledger. Waits for the ledger as long as it takes, and reports
    /// that. Returns `None` if ingest stops.
    fn acquire(&mut self, label: &ShardLabel) -> Option<AcquiredPartition> {
        loop {
            let reply = self.shared.ledger.acquire(label.clone());
            match self.await_acquired(&reply)? {
                Ok(acquired) => {
                    self.status.ledger_wait = None;
                    return Some(acquired);
                }
                Err(error) => {
                    self.status.ledger_wait = Some(error.chain());
                    self.report();
                    thread::sleep(POLL_TIMEOUT);
                }
            }
        }
    }

    /// Waits for the reply of the ledger. Returns `None` if ingest stops.
    fn await_acquired(
        &mut self,
        reply: &Receiver<Result<AcquiredPartition, LedgerError>>,
    ) -> Option<Result<AcquiredPartition, LedgerError>> {
        loop {
            if self.shared.is_stopping() {
                return None;
            }
            self.assignment.stall.tick(Instant::now());
            match reply.recv_timeout(POLL_TIMEOUT) {
                Ok(acquired) => return Some(acquired),
                Err(RecvTimeoutError::Timeout) => {
                    let no_reply = || "it has not replied yet".to_owned();
                    self.status.ledger_wait.get_or_insert_with(no_reply);
                    self.report();
                }
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    fn restore(
        &mut self,
        label: ShardLabel,
        acquired: AcquiredPartition,
    ) -> Result<Partition, SessionError> {
        let options = &self.shared.options;
        let topic = options.topics.iter().find(|topic| topic.name == *label.topic);
        let format = topic.map_or(Format::CloudEvents, |topic| topic.format);
        let (settings, hash_key) = (Arc::clone(&self.shared.settings), options.ledger.hash_key);
        let calls = self.calls(&label, format);
        let mut partition = Partition::restore(label.clone(), format, settings, hash_key, acquired)
            .map_err(|source| SessionError::State { label, source })?;
        partition.set_calls(calls);
        Ok(partition)
    }

    /// Returns whether calls drive agents: only where the agents of the calls can be in no other
    /// partition. A second reading of the log has to decide the same, so the broker is asked until it
    /// answers. If it does not answer within [`CALLS_TIMEOUT`], they do not.
    fn calls(&mut self, label: &ShardLabel, format: Format) -> Calls {
        let topics = &self.shared.options.topics;
        let is_alone =
            topics.iter().filter(|topic| topic.format == Format::CloudEvents).count() == 1;
        match format {
            Format::AsteriskQueueLog => return Calls::DriveAgents,
            Format::CloudEvents if !is_alone => return Calls::Apart,
            Format::CloudEvents => {}
        }
        let asked_at = Instant::now();
        while !self.shared.is_stopping() && asked_at.elapsed() < CALLS_TIMEOUT {
            self.assignment.stall.tick(Instant::now());
            match self.consumer.fetch_metadata(Some(&label.topic), METADATA_TIMEOUT) {
                Ok(metadata) => {
                    let found = metadata.topics().iter().find(|one| one.name() == &*label.topic);
                    match found.map(|topic| topic.partitions().len()) {
                        Some(1) => return Calls::DriveAgents,
                        Some(count) if count > 1 => return Calls::Apart,
                        // A broker that has just started knows no topic yet.
                        Some(_) | None => thread::sleep(POLL_TIMEOUT),
                    }
                }
                Err(error) => tracing::debug!(topic = &*label.topic, %error, "partitions unknown"),
            }
        }
        tracing::warn!(
            topic = &*label.topic,
            partition = label.partition,
            "the broker did not tell the number of partitions; calls do not drive agents"
        );
        Calls::Apart
    }

    fn seek_target(&self, partition: &Partition, timeout: Duration) -> Option<SeekTarget> {
        SeekTarget::find(&self.consumer, &self.shared.settings.windows, partition, timeout)
    }

    /// Moves every partition whose log does not have the next record, and continues to read. Tries
    /// again later if a broker does not answer.
    fn reseek_all(&mut self) -> Result<(), SessionError> {
        let began = Instant::now();
        let mut targets = Vec::with_capacity(self.assignment.partitions.len());
        for partition in &self.assignment.partitions {
            let is_in_time = began.elapsed() < RESEEK_TIMEOUT;
            targets.push(if is_in_time {
                self.seek_target(partition, RESEEK_ANSWER_TIMEOUT)
            } else {
                None
            });
            self.assignment.stall.tick(Instant::now());
        }
        let is_answered = targets.iter().all(Option::is_some);
        self.reseek_at = (!is_answered).then(|| Instant::now() + RESEEK_INTERVAL);
        let moves = |target: &Option<SeekTarget>| {
            target.is_some_and(|target| target != SeekTarget::Position)
        };
        if !targets.iter().any(moves) {
            return Ok(());
        }
        for (partition, target) in self.assignment.partitions.iter_mut().zip(targets) {
            if let Some(target) = target {
                target.apply(partition);
            }
        }
        self.assign_positions()
    }

    /// Reads every partition from where it continues.
    fn assign_positions(&mut self) -> Result<(), SessionError> {
        let partitions = &self.assignment.partitions;
        let mut positions = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions {
            let label = partition.label();
            let position = start_offset(partition);
            positions.add_partition_offset(&label.topic, label.partition, position)?;
        }
        // Records that were fetched and not yet polled are fetched again.
        self.assign(&positions)?;
        self.ignore_log_end();
        Ok(())
    }

    /// Reads these partitions from these offsets, none of them paused.
    fn assign(&mut self, offsets: &TopicPartitionList) -> Result<(), SessionError> {
        // In librdkafka a pause outlasts an assignment. `resume` fails for partitions that the
        // client has not loaded yet; these are not paused.
        let _ = self.consumer.resume(offsets);
        self.consumer.assign(offsets)?;
        self.status.phase = Phase::Reading;
        Ok(())
    }

    /// Commits the stored offsets to the group, for lag monitors only. Does not block, and a
    /// failure has no effect.
    fn commit_stored(&self) {
        let mut offsets = TopicPartitionList::with_capacity(self.assignment.partitions.len());
        for partition in &self.assignment.partitions {
            if let Some(offset) = partition.stored_offset() {
                let label = partition.label();
                let offset = rdkafka::Offset::Offset(offset.0);
                let _ = offsets.add_partition_offset(&label.topic, label.partition, offset);
            }
        }
        if offsets.count() > 0
            && let Err(error) = self.consumer.commit(&offsets, CommitMode::Async)
        {
            tracing::debug!(worker = self.worker, %error, "offset commit failed");
        }
    }

    fn on_stats(&mut self, mut stats: ConsumerStats) -> Result<(), SessionError> {
        let connection = if stats.is_connected { Connection::Up } else { Connection::Down };
        if connection != self.status.connection {
            self.status.connection = connection;
            if stats.is_connected {
                tracing::info!(worker = self.worker, "kafka connected");
                self.consumer.context().on_connected();
                if std::mem::replace(&mut self.was_connected, true) {
                    self.recheck_logs(None)?;
                }
            } else {
                tracing::warn!(worker = self.worker, "no kafka broker can be reached, retrying");
            }
        }
        if self.status.phase == Phase::Paused || Instant::now() < self.ignore_log_end_until {
            // A pause discards what was fetched. For a moment the client still counts that as
            // handed over.
            stats.partitions.iter_mut().for_each(|partition| partition.drained_to = None);
        }
        for of_partition in &stats.partitions {
            let partition = self.assignment.find(|partition| {
                let label = partition.label();
                label.partition == of_partition.partition && *label.topic == *of_partition.topic
            });
            if let Some(partition) = partition {
                partition.observe(of_partition);
            }
        }
        self.hold_partitions();
        Ok(())
    }

    /// Returns whether there is room for more dead letters and unsaved intervals.
    fn has_room(&self) -> bool {
        self.shared.dead_letters.has_room() && self.assignment.has_room()
    }

    /// Pauses reading while too much waits to be written. Polling continues, so that the worker
    /// stays in the group.
    fn pause_or_resume(&mut self) -> Result<(), SessionError> {
        let letters = &self.shared.dead_letters;
        match self.status.phase {
            Phase::Reading if !self.has_room() => {
                let waits_for = if letters.has_room() { "checkpoint" } else { "dead letters" };
                let assigned = self.consumer.assignment()?;
                tracing::warn!(worker = self.worker, waits_for, "partitions paused");
                self.consumer.pause(&assigned)?;
                self.assignment.partitions.iter_mut().for_each(Partition::mark_leader_silent);
                self.status.phase = Phase::Paused;
            }
            Phase::Paused
                if letters.has_plenty_of_room() && self.assignment.has_plenty_of_room() =>
            {
                let assigned = self.consumer.assignment()?;
                tracing::info!(worker = self.worker, "partitions resumed");
                self.consumer.resume(&assigned)?;
                self.status.phase = Phase::Reading;
            }
            Phase::Joining | Phase::Rebalancing | Phase::Reading | Phase::Paused => return Ok(()),
        }
        self.ignore_log_end();
        Ok(())
    }

    /// Ignores statistics about the ends of logs until they are from after now.
    fn ignore_log_end(&mut self) {
        self.ignore_log_end_until = Instant::now() + self.shared.options.leader_timeout();
    }

    /// Reads the clock, and returns the stream time of partitions that have no more records: the
    /// believed wall clock less the transport delay.
    fn advance_to(&mut self) -> Option<Timestamp> {
        let now = self.assignment.clock.advance_time()?;
        let delay = self.shared.settings.windows.transport_delay;
        let is_reading = self.status.phase != Phase::Paused;
        is_reading.then(|| Timestamp(now.saturating_sub(delay).get()))
    }

    fn report(&mut self) {
        self.status.degraded = self.assignment.clock.degraded();
        self.assignment.report(&self.status);
    }
}

/// Returns the vector empty and with its allocation, for records with another lifetime.
fn recycle<'new>(mut headers: Vec<(&str, &[u8])>) -> Vec<(&'new str, &'new [u8])> {
    headers.clear();
    // An in-place collection of the same layout keeps the allocation.
    headers.into_iter().map(|_| ("", [].as_slice())).collect()
}
