//! The callbacks of one consumer. They run inside poll, on the worker's own thread, and leave
//! events for the poll loop to handle.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;

use super::client_log::log_client_line;
use super::consumer_stats::{ConsumerStats, Isolation};
use super::options::Options;
use super::status_hub::StatusHub;
use crate::readmodel::ShardLabel;

/// Longest wait for metadata and offsets of a broker.
pub(super) const METADATA_TIMEOUT: Duration = Duration::from_millis(500);

/// An event that a callback of the client reported.
pub(super) enum ConsumerEvent {
    /// The group assigns exactly these partitions, and waits until the member has answered.
    Assigned(Vec<ShardLabel>),
    /// The group revoked all partitions.
    Revoked,
    /// Statistics of brokers and partitions.
    Stats(ConsumerStats),
    /// A topic does not exist, or may not be described.
    TopicMissing(String, Absence),
}

/// Why a broker does not tell the partitions of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absence {
    /// It knows no such topic.
    Unknown,
    /// The user of nabiz has no right to describe the topic.
    Denied,
}

/// The state behind the callbacks of one consumer.
pub(super) struct WorkerContext {
    worker: usize,
    topics: Vec<Arc<str>>,
    status_hub: Arc<StatusHub>,
    leader_timeout: Duration,
    isolation: Isolation,
    events: Mutex<Vec<ConsumerEvent>>,
    /// Codes of the errors that were logged since the last connection; each is logged once.
    logged_errors: Mutex<BTreeSet<i32>>,
}

impl WorkerContext {
    pub(super) fn new(worker: usize, options: &Options, status_hub: Arc<StatusHub>) -> Self {
        WorkerContext {
            worker,
            topics: options.topics.iter().map(|topic| Arc::from(topic.name.as_str())).collect(),
            status_hub,
            leader_timeout: options.leader_timeout(),
            isolation: options.isolation(),
            events: Mutex::default(),
            logged_errors: Mutex::default(),
        }
    }

    /// Returns the events since the last call.
    #[must_use = "an assignment that nobody handles blocks the group"]
    pub(super) fn take_events(&self) -> Vec<ConsumerEvent> {
        std::mem::take(&mut *self.events.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets every error be logged once more.
    pub(super) fn on_connected(&self) {
        self.logged_errors.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn push(&self, event: ConsumerEvent) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }

    fn label(&self, topic: &str, partition: i32) -> ShardLabel {
        let known = self.topics.iter().find(|known| ***known == *topic);
        ShardLabel { topic: known.cloned().unwrap_or_else(|| Arc::from(topic)), partition }
    }

    /// Returns the topic that a broker error is about. Only the text of the error names it.
    fn missing_topic(&self, code: Option<RDKafkaErrorCode>, reason: &str) -> Option<&Arc<str>> {
        let is_missing = matches!(
            code,
            Some(
                RDKafkaErrorCode::UnknownTopicOrPartition
                    | RDKafkaErrorCode::TopicAuthorizationFailed
            )
        );
        let is_named = |topic: &&Arc<str>| reason.contains(&format!(": {topic}: "));
        self.topics.iter().find(is_named).filter(|_| is_missing)
    }
}

impl ConsumerContext for WorkerContext {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                self.status_hub.count_rebalance();
                let assigned = partitions.elements();
                let labels =
                    assigned.iter().map(|element| self.label(element.topic(), element.partition()));
                self.push(ConsumerEvent::Assigned(labels.collect()));
            }
            _ => {
                // Unassigns in this callback, because the group waits forever for a member that
                // does it later. If the next owner is faster than the last checkpoint, the ledger
                // fences that checkpoint, and the next owner reads those records again.
                self.push(ConsumerEvent::Revoked);
                if let Err(error) = consumer.unassign() {
                    tracing::debug!(worker = self.worker, %error, "unassign failed");
                }
            }
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        if let Err(error) = result {
            tracing::debug!(worker = self.worker, %error, "offset commit failed");
        }
    }
}

impl ClientContext for WorkerContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        log_client_line(level, facility, line);
    }

    fn stats_raw(&self, json: &[u8]) {
        match ConsumerStats::parse(json, self.leader_timeout, self.isolation) {
            Ok(stats) => self.push(ConsumerEvent::Stats(stats)),
            Err(error) => {
                self.status_hub.count_client_error();
                tracing::error!(worker = self.worker, %error, "unreadable client statistics");
            }
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.status_hub.count_client_error();
        let code = error.rdkafka_error_code();
        if let Some(topic) = self.missing_topic(code, reason) {
            let absence = match code {
                Some(RDKafkaErrorCode::TopicAuthorizationFailed) => Absence::Denied,
                _ => Absence::Unknown,
            };
            self.push(ConsumerEvent::TopicMissing(topic.to_string(), absence));
            return;
        }
        let is_first = self
            .logged_errors
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(code.map_or(0, |code| code as i32));
        if is_first {
            tracing::warn!(worker = self.worker, %error, reason, "kafka client error");
        } else {
            tracing::debug!(worker = self.worker, %error, reason, "kafka client error");
        }
    }
}
