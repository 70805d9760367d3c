//! The poll loop: a consumer of the group on a thread of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::{Duration, Instant};

use nabiz_core::decode::Format;
use nabiz_core::settings::Settings;
use nabiz_core::state::RestoreError;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use super::assignment::Assignment;
use super::consumer_context::{ConsumerEvent, Context};
use super::consumer_stats::ConsumerStats;
use super::dead_letters::DeadLetters;
use super::ledger_handle::LedgerHandle;
use super::options::Options;
use super::partition::Partition;
use super::status_hub::{StatusHub, WorkerState};
use crate::ledger::AcquiredPartition;
use crate::readmodel::ShardLabel;

/// Records folded before anything else is looked at.
const BATCH_RECORDS: usize = 1024;
/// Longest wait for a record; bounds how late a change, a publication or a stop is noticed.
const POLL: Duration = Duration::from_millis(50);
const COMMIT_EVERY: Duration = Duration::from_secs(5);
const MISSING_TOPIC_CHECK_EVERY: Duration = Duration::from_secs(5);
/// Longer than the time between two reports of the client.
const PLACE_EVERY: Duration = Duration::from_secs(2);
const PLACE_WITHIN: Duration = Duration::from_secs(2);
/// How far before the newest record that was read a log that is not the same is read again, at least.
const RESUME_MARGIN_MS: u64 = 60_000;
/// A partition that another instance has taken over: by then the group must have assigned anew, or is asked to.
const REJOIN_AFTER: Duration = Duration::from_secs(10);
const METADATA_WAIT: Duration = Duration::from_millis(500);
/// Most time that giving partitions back waits for dead letters, and for the ledger.
const LETTERS_WITHIN: Duration = Duration::from_secs(1);
const STORE_WITHIN: Duration = Duration::from_secs(2);
const RECONNECT_MIN: Duration = Duration::from_secs(1);
const RECONNECT_MAX: Duration = Duration::from_secs(30);

/// What the workers of a process have in common.
pub(super) struct Shared {
    pub options: Options,
    pub settings: Arc<Settings>,
    pub status_hub: Arc<StatusHub>,
    pub keeper: LedgerHandle,
    pub dead_letters: Arc<DeadLetters>,
    pub stop: Arc<AtomicBool>,
}

pub(super) struct Worker {
    number: usize,
    shared: Arc<Shared>,
    consumer: Option<BaseConsumer<Context>>,
}

/// Scratch space whose allocation outlives the record that it was filled from.
fn recycle<'new>(mut headers: Vec<(&str, &[u8])>) -> Vec<(&'new str, &'new [u8])> {
    headers.clear();
    // Collecting an empty vector of the same layout in place keeps its allocation.
    headers.into_iter().map(|_| ("", [].as_slice())).collect()
}

impl Worker {
    /// A worker whose consumer is made, but not started.
    pub(super) fn new(number: usize, shared: Arc<Shared>) -> KafkaResult<Self> {
        let consumer = Some(subscribe(number, &shared)?);
        Ok(Worker { number, shared, consumer })
    }

    /// Reads until the stop flag is set.
    pub(super) fn run(mut self) {
        let mut pause = RECONNECT_MIN;
        while !self.stopping() {
            let made =
                self.consumer.take().map_or_else(|| subscribe(self.number, &self.shared), Ok);
            let started = Instant::now();
            let error = match made.map_err(SessionError::Client) {
                Ok(consumer) => match Session::new(self.number, &self.shared, consumer).run() {
                    Ok(()) => return,
                    Err(error) => error,
                },
                Err(error) => error,
            };
            if matches!(error, SessionError::State { .. }) {
                tracing::error!(worker = self.number, %error, "the stored state cannot be used");
                self.shared.status_hub.fail(error.to_string());
                return;
            }
            if started.elapsed() > RECONNECT_MAX {
                pause = RECONNECT_MIN;
            }
            self.shared.status_hub.count_client_error();
            tracing::error!(worker = self.number, %error, retry_s = pause.as_secs(), "kafka consumer is made anew");
            let until = Instant::now() + pause;
            while !self.stopping() && Instant::now() < until {
                thread::sleep(POLL);
            }
            pause = (pause * 2).min(RECONNECT_MAX);
        }
    }

    fn stopping(&self) -> bool {
        self.shared.stop.load(Ordering::Relaxed)
    }
}

fn subscribe(worker: usize, shared: &Shared) -> KafkaResult<BaseConsumer<Context>> {
    let options = &shared.options;
    let context = Context::new(
        worker,
        options.topics.iter().map(|topic| Arc::from(topic.name.as_str())).collect(),
        Arc::clone(&shared.status_hub),
        options.in_touch_us(),
        options.reads_uncommitted(),
    );
    let consumer: BaseConsumer<Context> =
        options.consumer_config(worker).create_with_context(context)?;
    let topics: Vec<&str> = options.topics.iter().map(|topic| topic.name.as_str()).collect();
    consumer.subscribe(&topics)?;
    Ok(consumer)
}

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
enum SessionError {
    /// The client cannot go on; another one may.
    #[error("{0}")]
    Client(#[from] KafkaError),
    /// The stored state of a partition cannot be used. Going on without it would count anew.
    #[error("partition {label} of the ledger: {error}")]
    State { label: ShardLabel, error: RestoreError },
    /// Another instance holds a partition that the group had given to this one, and the group has not said anything since.
    #[error("another instance has taken partitions over and the group assigned none anew")]
    TakenOver,
}

/// Where reading of a partition goes on.
enum SeekTarget {
    /// At its position.
    Here,
    /// Where the log begins by now.
    LostUntil(i64),
    /// In a log that is not the one that was read.
    BackAt(i64),
}

impl SeekTarget {
    fn apply(self, partition: &mut Partition) {
        match self {
            SeekTarget::Here => {}
            SeekTarget::LostUntil(low) => partition.lose_until(low),
            SeekTarget::BackAt(resume) => partition.go_back(resume),
        }
    }
}

/// The life of one consumer.
struct Session<'s> {
    worker: usize,
    shared: &'s Shared,
    consumer: BaseConsumer<Context>,
    held: Assignment<'s>,
    state: WorkerState,
    /// Whether there has been a report of the client yet.
    heard: bool,
    /// Reading waits until what is to be written has been written.
    paused: bool,
    /// A log does not hold the next record of its partition.
    misplaced: bool,
    /// When the positions were last held against their logs.
    placed_at: Instant,
    /// Until then what the client says of the ends of logs may be from before the last pause.
    distrusts_until: Instant,
    committed_at: Instant,
    topics_checked_at: Instant,
    /// Missing topics that exist by now and come with the next assignment.
    found_topics: Vec<String>,
}

impl<'s> Session<'s> {
    fn new(worker: usize, shared: &'s Shared, consumer: BaseConsumer<Context>) -> Self {
        let now = Instant::now();
        Session {
            worker,
            shared,
            consumer,
            held: Assignment::new(worker, shared),
            state: WorkerState::default(),
            heard: false,
            paused: false,
            misplaced: false,
            placed_at: now,
            distrusts_until: now,
            committed_at: now,
            topics_checked_at: now,
            found_topics: Vec::new(),
        }
    }

    /// Reads until the stop flag is set, or until the consumer cannot go on.
    fn run(mut self) -> Result<(), SessionError> {
        let result = self.poll_until_stopped();
        if result.is_ok() {
            self.shared.dead_letters.flush(LETTERS_WITHIN);
            self.held.checkpoint_all_blocking(Instant::now() + STORE_WITHIN);
            self.publish();
            self.commit_stored();
        }
        self.held.clear();
        result
    }

    fn poll_until_stopped(&mut self) -> Result<(), SessionError> {
        while !self.shared.stop.load(Ordering::Relaxed) {
            self.read_batch()?;
            self.notice_stall();
            if !self.paused && !self.has_room() {
                self.pause_or_resume()?;
            }
            for change in self.consumer.context().take_changes() {
                self.apply(change)?;
            }
            if self.held.publication_is_due() {
                self.held.send_orphans();
                self.pause_or_resume()?;
                self.publish();
            }
            self.held.maybe_checkpoint(self.advance_to_ms());
            if !self.misplaced && self.committed_at.elapsed() >= COMMIT_EVERY {
                self.committed_at = Instant::now();
                self.commit_stored();
            }
            if self.misplaced && self.state.holding && self.placed_at.elapsed() >= PLACE_EVERY {
                self.reseek_all()?;
            }
            if self.state.holding
                && self.held.refused_for().is_some_and(|refused| refused > REJOIN_AFTER)
            {
                self.revoked();
                return Err(SessionError::TakenOver);
            }
            self.check_missing_topics();
        }
        Ok(())
    }

    /// A process that was stopped for a while may have lost its partitions to another. Nothing is published until the
    /// ledger has confirmed that they are still ours.
    fn notice_stall(&mut self) {
        self.held.tick();
        if self.held.take_stall() && !self.held.partitions.is_empty() {
            tracing::warn!(
                worker = self.worker,
                "the process stood still, its partitions are confirmed"
            );
            self.held.suspend_until_confirmed();
        }
    }

    fn read_batch(&mut self) -> Result<(), SessionError> {
        let mut headers = Vec::new();
        // Only the first record is waited for: who does not wait need not look at the clock.
        let mut wait = POLL;
        for _ in 0..BATCH_RECORDS {
            match self.consumer.poll(std::mem::take(&mut wait)) {
                // Also after a rebalance, which is then acted on before the next record.
                None => {
                    self.held.note_read_all(true);
                    return Ok(());
                }
                Some(Ok(record)) => {
                    let mut scratch = recycle(headers);
                    let refused = self.held.fold(&record, &mut scratch, &self.state);
                    headers = recycle(scratch);
                    if refused && !self.shared.dead_letters.has_room() {
                        return Ok(());
                    }
                }
                Some(Err(error)) => return Ok(self.judge(error)?),
            }
        }
        self.held.note_read_all(false);
        Ok(())
    }

    /// The client library goes on by itself after everything but a fatal error; its context has told what it was.
    fn judge(&mut self, error: KafkaError) -> KafkaResult<()> {
        match error {
            KafkaError::MessageConsumptionFatal(_) => Err(error),
            other if other.rdkafka_error_code() == Some(RDKafkaErrorCode::AutoOffsetReset) => {
                // It does not tell of which partition. Until the position is found, that one stands still.
                // The next report of the client tells whether it has stopped.
                self.misplaced = true;
                self.placed_at = Instant::now();
                Ok(())
            }
            other => {
                tracing::debug!(worker = self.worker, error = %other, "poll");
                Ok(())
            }
        }
    }

    fn apply(&mut self, change: ConsumerEvent) -> Result<(), SessionError> {
        match change {
            ConsumerEvent::Assigned(labels) => self.assigned(labels)?,
            ConsumerEvent::Revoked => self.revoked(),
            ConsumerEvent::ConsumerStats(report) => self.observe(report),
            ConsumerEvent::TopicMissing(topic) => {
                if self.state.missing_topics.insert(topic.clone()) {
                    tracing::warn!(
                        worker = self.worker,
                        topic,
                        "topic does not exist, it is waited for"
                    );
                }
            }
        }
        Ok(())
    }

    /// Stores the partitions and lets go of them.
    fn revoked(&mut self) {
        tracing::info!(
            worker = self.worker,
            partitions = self.held.partitions.len(),
            "partitions given back"
        );
        self.shared.dead_letters.flush(LETTERS_WITHIN);
        self.held.checkpoint_all_blocking(Instant::now() + STORE_WITHIN);
        self.commit_stored();
        self.held.clear();
        self.state.holding = false;
        self.publish();
    }

    /// Takes the partitions over as the ledger has them, and reads on from there.
    fn assigned(&mut self, labels: Vec<ShardLabel>) -> Result<(), SessionError> {
        tracing::info!(worker = self.worker, partitions = labels.len(), "partitions assigned");
        let mut starts = TopicPartitionList::with_capacity(labels.len());
        let mut partitions = Vec::with_capacity(labels.len());
        for label in labels {
            let Some(taken) = self.acquire(&label) else {
                // The process stops. Without an answer to the group, the consumer could not close.
                return Ok(self.consumer.unassign()?);
            };
            self.state.missing_topics.remove(&*label.topic);
            let format = format_of(&self.shared.options, &label.topic);
            let (settings, hash_key) =
                (Arc::clone(&self.shared.settings), self.shared.options.ledger.hash_key);
            let mut partition =
                Partition::restore(label.clone(), format, settings, hash_key, taken)
                    .map_err(|error| SessionError::State { label: label.clone(), error })?;
            // Where the broker does not say, reading starts at the stored position, and the client tells if that is gone.
            self.look_up(&partition).unwrap_or(SeekTarget::Here).apply(&mut partition);
            let start = partition.position().map_or(Offset::Beginning, Offset::Offset);
            starts.add_partition_offset(&label.topic, label.partition, start)?;
            partitions.push(partition);
        }
        for topic in self.found_topics.drain(..) {
            self.state.missing_topics.remove(&topic);
        }
        self.assign(&starts)?;
        self.held.take(partitions);
        self.misplaced = false;
        self.state.holding = true;
        self.state.assigned = true;
        Ok(())
    }

    /// Where reading of a partition goes on, if not at its position; `None` where the broker does not say.
    fn look_up(&self, partition: &Partition) -> Option<SeekTarget> {
        let Some(position) = partition.position() else { return Some(SeekTarget::Here) };
        let label = partition.label();
        let (low, high) =
            self.consumer.fetch_watermarks(&label.topic, label.partition, METADATA_WAIT).ok()?;
        if position < low {
            Some(SeekTarget::LostUntil(low))
        } else if position > high || partition.is_stopped() {
            // The client stops, too, where it finds that the log has lost its end and has grown past us since.
            self.resume_at(partition, (low, high)).map(SeekTarget::BackAt)
        } else {
            Some(SeekTarget::Here)
        }
    }

    /// Where reading goes on in a log that is not the one that was read: shortly before the time of the newest record that
    /// was, so that what is read again is recognised.
    fn resume_at(&self, partition: &Partition, (low, high): (i64, i64)) -> Option<i64> {
        // A ledger of the first version knows no record's time, but that of the stream.
        let Some(record_ms) =
            partition.record_ms().or(partition.health().stream_time.map(|time| time.get()))
        else {
            return Some(low);
        };
        let windows = &self.shared.settings.windows;
        let margin_ms =
            windows.allowed_lateness.get().max(RESUME_MARGIN_MS).min(windows.dedup_horizon.get());
        let since_ms = record_ms.saturating_sub_unsigned(margin_ms).max(0);
        let label = partition.label();
        let mut times = TopicPartitionList::new();
        times.add_partition_offset(&label.topic, label.partition, Offset::Offset(since_ms)).ok()?;
        let found = self.consumer.offsets_for_times(times, METADATA_WAIT).ok()?;
        let element = found.find_partition(&label.topic, label.partition)?;
        element.error().ok()?;
        match element.offset() {
            Offset::Offset(offset) => Some(offset.clamp(low, high)),
            _ => Some(high),
        }
    }

    /// Moves every partition whose next record the log does not hold, and reads on. Asked again where a broker did not say.
    fn reseek_all(&mut self) -> Result<(), SessionError> {
        let began = Instant::now();
        let mut places = Vec::with_capacity(self.held.partitions.len());
        for index in 0..self.held.partitions.len() {
            let in_time = began.elapsed() < PLACE_WITHIN;
            places.push(if in_time { self.look_up(&self.held.partitions[index]) } else { None });
            self.held.tick();
        }
        self.placed_at = Instant::now();
        self.misplaced = places.iter().any(Option::is_none);
        if !places
            .iter()
            .any(|place| matches!(place, Some(SeekTarget::LostUntil(_) | SeekTarget::BackAt(_))))
        {
            return Ok(());
        }
        let mut positions = TopicPartitionList::with_capacity(places.len());
        for (partition, place) in self.held.partitions.iter_mut().zip(places) {
            place.unwrap_or(SeekTarget::Here).apply(partition);
            let position = partition.position().map_or(Offset::Beginning, Offset::Offset);
            let label = partition.label();
            positions.add_partition_offset(&label.topic, label.partition, position)?;
        }
        // What was fetched and not yet handed over is fetched again, from the positions.
        self.assign(&positions)?;
        self.ignore_log_end_until();
        Ok(())
    }

    /// Reads these partitions from these positions, none of them paused.
    fn assign(&mut self, positions: &TopicPartitionList) -> Result<(), SessionError> {
        // A pause outlasts an assignment. Those that are not known yet are no pause either.
        let _ = self.consumer.resume(positions);
        self.consumer.assign(positions)?;
        self.paused = false;
        Ok(())
    }

    /// Tells the group what the ledger has, for lag monitors only. It does not wait, and a failure has no effect.
    fn commit_stored(&self) {
        let mut positions = TopicPartitionList::with_capacity(self.held.partitions.len());
        for partition in &self.held.partitions {
            if let Some(position) = partition.stored_position() {
                let label = partition.label();
                let _ = positions.add_partition_offset(
                    &label.topic,
                    label.partition,
                    Offset::Offset(position),
                );
            }
        }
        if positions.count() > 0
            && let Err(error) = self.consumer.commit(&positions, CommitMode::Async)
        {
            tracing::debug!(worker = self.worker, %error, "positions not committed");
        }
    }

    /// Takes a partition over; waits for the ledger as long as it takes, and says so. `None` where the process stops.
    fn acquire(&mut self, label: &ShardLabel) -> Option<AcquiredPartition> {
        loop {
            let answer = self.shared.keeper.acquire(label.clone());
            let taken = loop {
                if self.shared.stop.load(Ordering::Relaxed) {
                    return None;
                }
                self.held.tick();
                match answer.recv_timeout(POLL) {
                    Ok(taken) => break taken,
                    Err(RecvTimeoutError::Timeout) => {
                        let not_yet = || "it has not answered yet".to_owned();
                        self.state.waits_for_ledger.get_or_insert_with(not_yet);
                        self.publish();
                    }
                    Err(RecvTimeoutError::Disconnected) => return None,
                }
            };
            match taken {
                Ok(taken) => {
                    self.state.waits_for_ledger = None;
                    return Some(taken);
                }
                Err(error) => {
                    self.state.waits_for_ledger = Some(error.to_string());
                    self.publish();
                    thread::sleep(POLL);
                }
            }
        }
    }

    fn observe(&mut self, mut report: ConsumerStats) {
        if self.paused || Instant::now() < self.distrusts_until {
            // A pause throws away what was fetched. The client needs a moment until it no longer counts that as handed over.
            report.logs.iter_mut().for_each(|log| log.drained_to = None);
        }
        if report.connected != self.state.connected || !self.heard {
            self.heard = true;
            if report.connected {
                tracing::info!(worker = self.worker, "connected to kafka");
                self.consumer.context().connected();
            } else {
                tracing::warn!(
                    worker = self.worker,
                    "no kafka broker can be reached, trying again"
                );
            }
        }
        self.state.connected = report.connected;
        for log in &report.logs {
            if let Some(partition) = self.held.find(|held| held.is(&log.topic, log.partition)) {
                partition.observe(log);
            }
        }
    }

    /// Whether what waits to be written leaves room for more.
    fn has_room(&self) -> bool {
        self.shared.dead_letters.has_room() && self.held.has_room()
    }

    /// Reading stops while too much waits to be written, and polling goes on, so that the group keeps us.
    fn pause_or_resume(&mut self) -> Result<(), SessionError> {
        let letters = &self.shared.dead_letters;
        let pause = match self.paused {
            true => !(letters.has_plenty_of_room() && self.held.has_plenty_of_room()),
            false => !self.has_room(),
        };
        if pause == self.paused || !self.state.holding {
            return Ok(());
        }
        let assignment = self.consumer.assignment()?;
        if pause {
            let waits_for = if letters.has_room() { "checkpoint" } else { "dead letters" };
            tracing::warn!(worker = self.worker, waits_for, "reading pauses until that is written");
            self.consumer.pause(&assignment)?;
            self.held.partitions.iter_mut().for_each(Partition::mark_leader_silent);
        } else {
            tracing::info!(worker = self.worker, "reading goes on");
            self.consumer.resume(&assignment)?;
        }
        self.paused = pause;
        self.ignore_log_end_until();
        Ok(())
    }

    /// What was fetched is thrown away. The client needs a moment until it no longer counts that as handed over.
    fn ignore_log_end_until(&mut self) {
        self.distrusts_until = Instant::now()
            + Duration::from_micros(self.shared.options.in_touch_us().unsigned_abs());
    }

    /// Where stream time of partitions without more records is to be.
    fn advance_to_ms(&self) -> Option<i64> {
        let windows = &self.shared.settings.windows;
        let may_advance = windows.idle_advance && !self.paused;
        may_advance.then(|| {
            (self.shared.options.clock)()
                .get()
                .saturating_sub_unsigned(windows.transport_delay.get())
        })
    }

    fn publish(&mut self) {
        self.held.publish(&self.state);
    }

    /// The client tells once that a topic is missing, and looks again after minutes. Where one exists by now, the whole
    /// metadata makes the client join the group anew; until that gives an assignment, the topic counts as missing.
    fn check_missing_topics(&mut self) {
        if self.state.missing_topics.is_empty()
            || !self.state.connected
            || self.topics_checked_at.elapsed() < MISSING_TOPIC_CHECK_EVERY
        {
            return;
        }
        self.topics_checked_at = Instant::now();
        let exists = |topic: &String| {
            self.consumer.fetch_metadata(Some(topic), METADATA_WAIT).is_ok_and(|metadata| {
                let found = metadata.topics().iter().find(|found| found.name() == topic);
                found.is_some_and(|found| found.error().is_none() && !found.partitions().is_empty())
            })
        };
        let found: Vec<String> =
            self.state.missing_topics.iter().filter(|topic| exists(topic)).cloned().collect();
        if self.state.holding {
            // Found before, and the client did not join anew: it had known the topic already.
            for topic in found.iter().filter(|topic| self.found_topics.contains(topic)) {
                self.state.missing_topics.remove(topic);
            }
        }
        if found.is_empty() || self.state.missing_topics.is_empty() {
            return;
        }
        match self.consumer.fetch_metadata(None, METADATA_WAIT) {
            Ok(_) => {
                tracing::info!(worker = self.worker, topics = ?found, "topics exist now");
                self.found_topics = found;
            }
            Err(error) => tracing::debug!(worker = self.worker, %error, "metadata"),
        }
    }
}

fn format_of(options: &Options, topic: &str) -> Format {
    let known = options.topics.iter().find(|known| known.name == topic);
    known.map_or(Format::CloudEvents, |known| known.format)
}
