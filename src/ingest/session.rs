//! The life of one consumer: its poll loop, from the first assignment to the last commit.

mod log_answers;
mod rebalance;
mod seeks;

use std::time::{Duration, Instant};

use nabiz_core::state::RestoreError;
use nabiz_core::time::Timestamp;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};

use super::assignment::{Assignment, Load};
use super::consumer_context::{Absence, ConsumerEvent, WorkerContext};
use super::consumer_stats::ConsumerStats;
use super::offset_search::OffsetSearch;
use super::partition::Partition;
use super::partition_counts::ClientCounts;
use super::shared::Shared;
use super::topic_check::TopicCheck;
use super::worker_status::{Connection, Phase, WorkerStatus};
use crate::readmodel::ShardLabel;

/// Records that are folded before anything else is done.
const BATCH_RECORDS: usize = 1024;
/// Longest wait for a record. Bounds the delay of an event, a report or a stop.
const POLL_TIMEOUT: Duration = Duration::from_millis(50);
const COMMIT_INTERVAL: Duration = Duration::from_secs(5);
/// After a fenced checkpoint, the worker rejoins the group if it assigns nothing within this time.
const REJOIN_AFTER: Duration = Duration::from_secs(10);
/// Longest wait for dead letters when partitions are revoked.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);
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
    search: OffsetSearch,
    /// Until then, statistics about the ends of logs may be from before the last pause or seek.
    ignore_log_end_until: Instant,
    committed_at: Instant,
    /// A broker was connected before: what is read may have been replaced while none was.
    was_connected: bool,
    topic_check: TopicCheck,
    /// The last round of answers about the ends of the logs.
    log_round: u64,
    client_counts: ClientCounts,
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
            search: OffsetSearch::default(),
            ignore_log_end_until: now,
            committed_at: now,
            was_connected: false,
            topic_check: TopicCheck::new(now),
            log_round: 0,
            client_counts: ClientCounts::default(),
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
        if self.shared.is_stopping() {
            // Before the client is closed, which can take long.
            self.shared.leave(self.worker);
        }
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
            if !self.search.is_pending() && self.committed_at.elapsed() >= COMMIT_INTERVAL {
                self.committed_at = Instant::now();
                self.commit_stored();
            }
            if self.status.phase.is_assigned() {
                let has_other_log = self.assignment.has_other_log();
                if let Some(scope) = self.search.due(Instant::now(), has_other_log) {
                    self.search_offsets(scope)?;
                }
                if self.assignment.fenced_for().is_some_and(|since| since > REJOIN_AFTER) {
                    self.on_revoked();
                    return Err(SessionError::Fenced);
                }
            }
            let stall = &mut self.assignment.stall;
            self.topic_check.run(self.worker, &self.consumer, &mut self.status, stall);
            stall.tick(Instant::now());
            self.notice_partitions();
        }
        Ok(())
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
                self.search.on_out_of_range(Instant::now());
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
