//! The callbacks of one consumer. They run inside poll, on the worker's own thread, and leave what happened for the
//! poll loop to act on.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;

use super::consumer_stats::ConsumerStats;
use super::status_hub::StatusHub;
use crate::readmodel::ShardLabel;

/// What happened inside poll.
pub(super) enum ConsumerEvent {
    /// The group gives us exactly these, and waits until they are assigned.
    Assigned(Vec<ShardLabel>),
    /// The group took everything back.
    Revoked,
    /// News of brokers and logs.
    ConsumerStats(ConsumerStats),
    /// A topic does not exist.
    TopicMissing(String),
}

pub(super) struct Context {
    pub(super) worker: usize,
    pub(super) topics: Vec<Arc<str>>,
    pub(super) status_hub: Arc<StatusHub>,
    pub(super) in_touch_us: i64,
    pub(super) reads_uncommitted: bool,
    changes: Mutex<Vec<ConsumerEvent>>,
    /// Errors told since the last connection, each once.
    told: Mutex<BTreeSet<i32>>,
}

impl Context {
    pub(super) fn new(
        worker: usize,
        topics: Vec<Arc<str>>,
        status_hub: Arc<StatusHub>,
        in_touch_us: i64,
        reads_uncommitted: bool,
    ) -> Self {
        Context {
            worker,
            topics,
            status_hub,
            in_touch_us,
            reads_uncommitted,
            changes: Mutex::default(),
            told: Mutex::default(),
        }
    }

    pub(super) fn take_changes(&self) -> Vec<ConsumerEvent> {
        std::mem::take(&mut *self.changes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// After it, errors are told again.
    pub(super) fn connected(&self) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn push(&self, change: ConsumerEvent) {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).push(change);
    }

    fn label(&self, topic: &str, partition: i32) -> ShardLabel {
        let known = self.topics.iter().find(|known| ***known == *topic);
        ShardLabel { topic: known.cloned().unwrap_or_else(|| Arc::from(topic)), partition }
    }
}

impl ConsumerContext for Context {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                self.status_hub.count_rebalance();
                let given = partitions.elements();
                let labels =
                    given.iter().map(|element| self.label(element.topic(), element.partition()));
                self.push(ConsumerEvent::Assigned(labels.collect()));
            }
            _ => {
                // At once: a group whose member unassigns later than in this callback waits for it forever. Should the
                // next owner be faster than our last checkpoint, that is refused, and the records are read again.
                self.push(ConsumerEvent::Revoked);
                if let Err(error) = consumer.unassign() {
                    tracing::debug!(worker = self.worker, %error, "not unassigned");
                }
            }
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        if let Err(error) = result {
            tracing::debug!(worker = self.worker, %error, "positions not committed");
        }
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        log_client_line(level, facility, line);
    }

    fn stats_raw(&self, json: &[u8]) {
        match ConsumerStats::parse(json, self.in_touch_us, self.reads_uncommitted) {
            Ok(report) => self.push(ConsumerEvent::ConsumerStats(report)),
            Err(error) => {
                self.status_hub.count_client_error();
                tracing::error!(worker = self.worker, %error, "kafka client statistics not understood");
            }
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.status_hub.count_client_error();
        let code = error.rdkafka_error_code();
        if matches!(
            code,
            Some(
                RDKafkaErrorCode::UnknownTopicOrPartition
                    | RDKafkaErrorCode::TopicAuthorizationFailed
            )
        ) {
            // The reason is the only place where the topic is named.
            let named = |topic: &&Arc<str>| reason.contains(&format!(": {topic}: "));
            if let Some(topic) = self.topics.iter().find(named) {
                self.push(ConsumerEvent::TopicMissing(topic.to_string()));
                return;
            }
        }
        let first = self
            .told
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(code.map_or(0, |code| code as i32));
        if first {
            tracing::warn!(worker = self.worker, %error, reason, "kafka client");
        } else {
            tracing::debug!(worker = self.worker, %error, reason, "kafka client");
        }
    }
}

/// The client library's own lines. It repeats itself at every attempt, so they are for debugging only; what matters
/// comes as errors and state changes.
pub(super) fn log_client_line(level: RDKafkaLogLevel, facility: &str, line: &str) {
    tracing::debug!(target: "librdkafka", ?level, facility, "{line}");
}
