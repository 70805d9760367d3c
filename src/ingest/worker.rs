//! The poll loop: a consumer of the group on a thread of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{BorrowedMessage, Message};

use super::board::{Board, WorkerState};
use super::context::{Change, Context, commit_positions};
use super::dead_letters::{DeadLetters, Letter};
use super::options::Options;
use super::parking::Parking;
use super::partition::Partition;
use super::statistics::Report;
use crate::event::decode::Format;
use crate::shard::Settings;
use crate::view::ShardLabel;

/// Records folded before anything else is looked at.
const BATCH_RECORDS: usize = 1024;
/// Longest wait for a record; bounds how late a change, a publication or a stop is noticed.
const POLL: Duration = Duration::from_millis(50);
const COMMIT_EVERY: Duration = Duration::from_secs(5);
const MISSING_TOPIC_CHECK_EVERY: Duration = Duration::from_secs(5);
const METADATA_WAIT: Duration = Duration::from_millis(500);
const RECONNECT_MIN: Duration = Duration::from_secs(1);
const RECONNECT_MAX: Duration = Duration::from_secs(30);

/// What the workers of a process have in common.
pub(super) struct Shared {
    pub options: Options,
    pub settings: Arc<Settings>,
    pub board: Arc<Board>,
    pub parking: Arc<Parking>,
    pub dead_letters: Arc<DeadLetters>,
    pub stop: Arc<AtomicBool>,
    pub hash_key: [u8; 16],
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
            let made = self.consumer.take().map_or_else(|| subscribe(self.number, &self.shared), Ok);
            let started = Instant::now();
            let error = match made {
                Ok(consumer) => match Session::new(self.number, &self.shared, consumer).run() {
                    Ok(()) => return,
                    Err(error) => error,
                },
                Err(error) => error,
            };
            if started.elapsed() > RECONNECT_MAX {
                pause = RECONNECT_MIN;
            }
            self.shared.board.count_client_error();
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
        Arc::clone(&shared.board),
        Arc::clone(&shared.parking),
        options.in_touch_us(),
        options.reads_uncommitted(),
    );
    let consumer: BaseConsumer<Context> = options.consumer_config(worker).create_with_context(context)?;
    let topics: Vec<&str> = options.topics.iter().map(|topic| topic.name.as_str()).collect();
    consumer.subscribe(&topics)?;
    Ok(consumer)
}

/// The life of one consumer.
struct Session<'s> {
    worker: usize,
    shared: &'s Shared,
    consumer: BaseConsumer<Context>,
    held: Held<'s>,
    state: WorkerState,
    /// Whether the partitions held are the ones that the group gave; false between two assignments.
    holding: bool,
    /// Whether there has been a report of the client yet.
    heard: bool,
    /// Reading waits for room for dead letters.
    paused: bool,
    published_at: Instant,
    committed_at: Instant,
    topics_checked_at: Instant,
}

/// The partitions of a session, apart from its consumer, so that records borrowed from that can be folded into them.
struct Held<'s> {
    shared: &'s Shared,
    partitions: Vec<Partition>,
    /// Index of the partition that the last record was of; the next is mostly of the same.
    last: usize,
}

impl Held<'_> {
    fn find(&mut self, topic: &str, partition: i32) -> Option<&mut Partition> {
        if !self.partitions.get(self.last).is_some_and(|last| last.is(topic, partition)) {
            self.last = self.partitions.iter().position(|held| held.is(topic, partition))?;
        }
        self.partitions.get_mut(self.last)
    }

    /// Folds a record. Returns whether it was refused.
    fn fold<'m>(&mut self, record: &'m BorrowedMessage<'_>, headers: &mut Vec<(&'m str, &'m [u8])>) -> bool {
        let shared = self.shared;
        let Some(partition) = self.find(record.topic(), record.partition()) else {
            tracing::debug!(partition = record.partition(), "record of a partition that is not held");
            return false;
        };
        let Some(rejection) = partition.fold(record, headers) else { return false };
        let label = partition.label();
        tracing::debug!(topic = %label.topic, partition = label.partition, offset = record.offset(),
            reason = rejection.reason.as_str(), detail = rejection.detail, "record refused");
        let bytes_max = shared.options.record_bytes_max;
        let letter = Letter::new(label, record.offset(), rejection, record.key(), record.payload(), bytes_max);
        shared.dead_letters.send(letter);
        true
    }
}

impl<'s> Session<'s> {
    fn new(worker: usize, shared: &'s Shared, consumer: BaseConsumer<Context>) -> Self {
        let now = Instant::now();
        Session {
            worker,
            shared,
            consumer,
            held: Held { shared, partitions: Vec::new(), last: 0 },
            state: WorkerState::default(),
            holding: false,
            heard: false,
            paused: false,
            published_at: now,
            committed_at: now,
            topics_checked_at: now,
        }
    }

    /// Reads until the stop flag is set, or until the consumer cannot go on.
    fn run(mut self) -> KafkaResult<()> {
        let result = self.poll_until_stopped();
        if result.is_ok() {
            self.publish();
            commit_positions(&self.consumer);
        }
        self.park_all();
        result
    }

    fn poll_until_stopped(&mut self) -> KafkaResult<()> {
        while !self.shared.stop.load(Ordering::Relaxed) {
            self.read_batch()?;
            for change in self.consumer.context().take_changes() {
                self.apply(change)?;
            }
            if self.published_at.elapsed() >= self.shared.options.publish_interval {
                self.published_at = Instant::now();
                self.send_orphans();
                self.pause_or_resume()?;
                self.advance_idle();
                self.publish();
            }
            if self.committed_at.elapsed() >= COMMIT_EVERY {
                self.committed_at = Instant::now();
                commit_positions(&self.consumer);
            }
            self.check_missing_topics();
        }
        Ok(())
    }

    fn read_batch(&mut self) -> KafkaResult<()> {
        let deadline = Instant::now() + POLL;
        let mut headers = Vec::new();
        for _ in 0..BATCH_RECORDS {
            // Without news the first wait is the whole of POLL; with a slow trickle the batch ends with it too.
            let left = deadline.saturating_duration_since(Instant::now());
            match self.consumer.poll(left) {
                // Also after a rebalance, which is then acted on before the next record.
                None => return Ok(()),
                Some(Ok(record)) => {
                    let mut scratch = recycle(headers);
                    let refused = self.held.fold(&record, &mut scratch);
                    headers = recycle(scratch);
                    if refused && !self.shared.dead_letters.has_room() {
                        return Ok(());
                    }
                }
                Some(Err(error)) => return self.judge(error),
            }
        }
        Ok(())
    }

    /// The client library goes on by itself after everything but a fatal error; its context has told what it was.
    fn judge(&self, error: KafkaError) -> KafkaResult<()> {
        match error {
            KafkaError::MessageConsumptionFatal(_) => Err(error),
            other => {
                tracing::debug!(worker = self.worker, error = %other, "poll");
                Ok(())
            }
        }
    }

    fn apply(&mut self, change: Change) -> KafkaResult<()> {
        match change {
            Change::Assigned(given) => self.assigned(given),
            Change::Revoked => {
                tracing::info!(worker = self.worker, partitions = self.held.partitions.len(), "partitions given back");
                self.park_all();
                self.holding = false;
            }
            Change::Broken(error) => return Err(error),
            Change::Report(report) => self.observe(&report),
            Change::TopicMissing(topic) => {
                if self.state.missing_topics.insert(topic.clone()) {
                    tracing::warn!(worker = self.worker, topic, "topic does not exist, it is waited for");
                }
            }
        }
        Ok(())
    }

    fn park_all(&mut self) {
        for mut partition in self.held.partitions.drain(..) {
            partition.hand_over();
            self.shared.parking.park(partition);
        }
    }

    fn assigned(&mut self, given: Vec<(ShardLabel, Option<Partition>)>) {
        let shared = self.shared;
        tracing::info!(worker = self.worker, partitions = given.len(), "partitions assigned");
        self.held.partitions = given
            .into_iter()
            .map(|(label, read_before)| {
                self.state.missing_topics.remove(&*label.topic);
                let mut partition = read_before.unwrap_or_else(|| {
                    let format = format_of(&shared.options, &label.topic);
                    Partition::new(label, format, Arc::clone(&shared.settings), shared.hash_key)
                });
                // The row on the board may be another worker's.
                partition.force_news();
                partition
            })
            .collect();
        self.paused = false;
        self.holding = true;
        self.state.assigned = true;
    }

    fn observe(&mut self, report: &Report) {
        if report.connected != self.state.connected || !self.heard {
            self.heard = true;
            if report.connected {
                tracing::info!(worker = self.worker, "connected to kafka");
                self.consumer.context().connected();
            } else {
                tracing::warn!(worker = self.worker, "no kafka broker can be reached, trying again");
            }
        }
        self.state.connected = report.connected;
        for log in &report.logs {
            if let Some(partition) = self.held.find(&log.topic, log.partition) {
                partition.observe(log);
            }
        }
    }

    fn send_orphans(&mut self) {
        for partition in &mut self.held.partitions {
            for orphan in partition.take_orphans() {
                self.shared.dead_letters.send(Letter::orphan(partition.label(), orphan.position));
            }
        }
    }

    /// Reading stops while too many dead letters wait, and polling goes on, so that the group keeps us.
    fn pause_or_resume(&mut self) -> KafkaResult<()> {
        let letters = &self.shared.dead_letters;
        let pause = if self.paused { !letters.has_plenty_of_room() } else { !letters.has_room() };
        if pause == self.paused || !self.holding {
            return Ok(());
        }
        let assignment = self.consumer.assignment()?;
        if pause {
            tracing::warn!(worker = self.worker, "reading pauses until dead letters are written");
            self.consumer.pause(&assignment)?;
            self.held.partitions.iter_mut().for_each(Partition::lose_touch);
        } else {
            tracing::info!(worker = self.worker, "reading goes on");
            self.consumer.resume(&assignment)?;
        }
        self.paused = pause;
        Ok(())
    }

    fn advance_idle(&mut self) {
        let windows = &self.shared.settings.windows;
        if !windows.idle_advance || self.paused {
            return;
        }
        let to_ms = (self.shared.options.clock)().saturating_sub_unsigned(windows.transport_delay_ms);
        for partition in &mut self.held.partitions {
            partition.advance_if_idle(to_ms);
        }
    }

    fn publish(&mut self) {
        let partitions = self
            .holding
            .then(|| self.held.partitions.iter_mut().map(|partition| (partition.health(), partition.news())).collect());
        self.shared.board.report(self.worker, &self.state, partitions);
    }

    /// The client tells once that a topic is missing; whether it still is has to be asked.
    fn check_missing_topics(&mut self) {
        if self.state.missing_topics.is_empty()
            || !self.state.connected
            || self.topics_checked_at.elapsed() < MISSING_TOPIC_CHECK_EVERY
        {
            return;
        }
        self.topics_checked_at = Instant::now();
        let consumer = &self.consumer;
        self.state.missing_topics.retain(|topic| {
            let Ok(metadata) = consumer.fetch_metadata(Some(topic), METADATA_WAIT) else { return true };
            let there = metadata
                .topics()
                .iter()
                .any(|found| found.name() == topic && found.error().is_none() && !found.partitions().is_empty());
            if there {
                tracing::info!(topic, "topic exists now");
            }
            !there
        });
    }
}

fn format_of(options: &Options, topic: &str) -> Format {
    let known = options.topics.iter().find(|known| known.name == topic);
    known.map_or(Format::CloudEvents, |known| known.format)
}
