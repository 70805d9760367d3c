//! The thread that asks the brokers how many partitions the topics have, where the logs end, and
//! which ids the topics have.
//!
//! It has a client of its own, so that a broker that does not answer blocks no worker. The client
//! reads uncommitted: with the isolation of the consumers a broker would tell the last stable
//! offset and not the high watermark.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nabiz_core::ids::Offset;
use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};

use super::client_log::log_client_line;
use super::known_topic::ToldId;
use super::log_ends::{HeldPartition, LogAnswer};
use super::shared::Shared;
use super::standstill::AskError;
use super::time_budget::TimeBudget;
use super::topic_ids;
use crate::readmodel::ShardLabel;

/// Time between two rounds. Well below the time for which an answer is a proof.
const ROUND_INTERVAL: Duration = Duration::from_secs(5);
/// The same after an error of a client.
const URGENT_INTERVAL: Duration = Duration::from_secs(1);
/// The same while a topic is not counted yet: its numbers wait for the answer.
const UNCOUNTED_INTERVAL: Duration = Duration::from_millis(500);
/// Time between two questions for the ids of the topics. They are asked earlier after a new
/// assignment, whose ledger may have another id, or none yet.
const ID_INTERVAL: Duration = Duration::from_secs(15);
/// Longest wait for one answer.
const ASK_TIMEOUT: Duration = Duration::from_secs(1);
/// Time after which a round asks nothing more. Together with the round interval shorter than the
/// time for which an answer is a proof.
const ROUND_TIMEOUT: Duration = Duration::from_secs(4);
/// Time between two checks of the stop flag.
const STOP_POLL: Duration = Duration::from_millis(50);

/// The callbacks of the client. Its errors are part of its answers.
struct WatchContext;

impl ConsumerContext for WatchContext {}

impl ClientContext for WatchContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        log_client_line(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "broker watch error");
    }
}

/// The broker watch, not started yet.
pub(super) struct BrokerWatch {
    shared: Arc<Shared>,
    client: BaseConsumer<WatchContext>,
    /// When the ids of the topics were last asked.
    ids_asked_at: Option<Instant>,
}

impl BrokerWatch {
    /// Creates the client. It connects in the background.
    pub(super) fn new(shared: Arc<Shared>) -> KafkaResult<Self> {
        let client = shared.options.watch_config().create_with_context(WatchContext)?;
        Ok(BrokerWatch { shared, client, ids_asked_at: None })
    }

    /// Asks until ingest stops.
    pub(super) fn run(mut self) {
        let mut asked_at = Instant::now();
        self.shared.log_ends.ask_soon();
        while !self.shared.is_stopping() {
            let is_counted = self.shared.status_hub.partition_counts().unknown().is_none();
            let interval = if is_counted { ROUND_INTERVAL } else { UNCOUNTED_INTERVAL };
            let (regular, urgent) = (asked_at + interval, asked_at + URGENT_INTERVAL.min(interval));
            if self.shared.log_ends.wait_for_round(regular, urgent, STOP_POLL) {
                asked_at = Instant::now();
                self.round(asked_at);
            }
        }
    }

    fn round(&mut self, began: Instant) {
        // Serves the callbacks of the client; there are no records.
        let _ = self.client.poll(Duration::ZERO);
        let wants_ids = self.shared.log_ends.take_wants_topic_ids();
        let held = self.shared.log_ends.held();
        let mut answers = BTreeMap::new();
        for topic in &self.shared.options.topics {
            if self.shared.is_stopping() {
                return;
            }
            let of_topic: Vec<&ShardLabel> = held
                .iter()
                .map(|partition| &partition.label)
                .filter(|label| *label.topic == *topic.name)
                .collect();
            let asked_at = Instant::now();
            let high_watermarks = match self.partition_count(&topic.name) {
                Ok(count) => {
                    self.shared.status_hub.set_partition_count(&topic.name, count);
                    self.high_watermarks(&of_topic, began)
                }
                Err(error) => of_topic.iter().map(|_| Err(error.clone())).collect(),
            };
            for (label, high_watermark) in of_topic.into_iter().zip(high_watermarks) {
                answers.insert(label.clone(), LogAnswer { asked_at, high_watermark });
            }
        }
        self.shared.log_ends.publish(answers);
        let is_due = |asked_at| began.saturating_duration_since(asked_at) >= ID_INTERVAL;
        if wants_ids || self.ids_asked_at.is_none_or(is_due) {
            self.ids_asked_at = Some(began);
            self.ask_topic_ids(&held, began);
        }
    }

    /// Asks for the ids of the topics that have a held partition.
    fn ask_topic_ids(&self, held: &[HeldPartition], began: Instant) {
        let topics: BTreeSet<&str> = held.iter().map(|held| &*held.label.topic).collect();
        let mut told = BTreeMap::new();
        for topic in topics {
            if began.elapsed() >= ROUND_TIMEOUT || self.shared.is_stopping() {
                break;
            }
            let asked_at = Instant::now();
            let budget = TimeBudget::start(ASK_TIMEOUT, 2 * ASK_TIMEOUT);
            match topic_ids::ask(self.client.client(), topic, budget) {
                Ok(id) => {
                    told.insert(topic.to_owned(), ToldId { asked_at, id });
                }
                Err(error) => tracing::debug!(topic, ?error, "id of the topic unknown"),
            }
        }
        self.shared.log_ends.publish_topic_ids(told);
    }

    /// Asks how many partitions a topic has. A broker that has just started knows no topic: that is
    /// no count.
    fn partition_count(&self, topic: &str) -> Result<i32, AskError> {
        let metadata = self
            .client
            .fetch_metadata(Some(topic), ASK_TIMEOUT)
            .map_err(|error| ask_error(&error))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        let found = found.ok_or_else(|| AskError::NoAnswer("no such topic".to_owned()))?;
        match found.error() {
            Some(error) => Err(ask_error_of(error.into())),
            None => match i32::try_from(found.partitions().len()) {
                Ok(count) if count > 0 => Ok(count),
                _ => Err(AskError::NoAnswer("the topic has no partition".to_owned())),
            },
        }
    }

    /// Asks for the high watermarks of partitions of one topic, in their order: with one request
    /// to each leader, and one by one if that fails.
    fn high_watermarks(
        &self,
        labels: &[&ShardLabel],
        began: Instant,
    ) -> Vec<Result<Offset, AskError>> {
        if labels.is_empty() {
            return Vec::new();
        }
        if let Ok(found) = self.high_watermarks_at_once(labels) {
            return found;
        }
        let ask = |label: &&ShardLabel| {
            if began.elapsed() >= ROUND_TIMEOUT || self.shared.is_stopping() {
                return Err(AskError::NoAnswer("not asked in time".to_owned()));
            }
            self.client
                .fetch_watermarks(&label.topic, label.partition, ASK_TIMEOUT)
                .map(|(_, high_watermark)| Offset(high_watermark))
                .map_err(|error| ask_error(&error))
        };
        labels.iter().map(ask).collect()
    }

    fn high_watermarks_at_once(
        &self,
        labels: &[&ShardLabel],
    ) -> KafkaResult<Vec<Result<Offset, AskError>>> {
        let mut ends = TopicPartitionList::with_capacity(labels.len());
        for label in labels {
            // As a timestamp, the number of this offset stands for the end of the log.
            ends.add_partition_offset(&label.topic, label.partition, rdkafka::Offset::End)?;
        }
        let found = self.client.offsets_for_times(ends, ASK_TIMEOUT)?;
        let high_watermark = |label: &&ShardLabel| {
            let no_answer = || AskError::NoAnswer("no answer".to_owned());
            let element =
                found.find_partition(&label.topic, label.partition).ok_or_else(no_answer)?;
            element.error().map_err(|error| ask_error(&error))?;
            match element.offset() {
                rdkafka::Offset::Offset(offset) => Ok(Offset(offset)),
                _ => Err(no_answer()),
            }
        };
        Ok(labels.iter().map(high_watermark).collect())
    }
}

fn ask_error(error: &KafkaError) -> AskError {
    match error.rdkafka_error_code() {
        Some(code) => ask_error_of(code),
        None => AskError::NoAnswer(error.to_string()),
    }
}

fn ask_error_of(code: RDKafkaErrorCode) -> AskError {
    match code {
        RDKafkaErrorCode::TopicAuthorizationFailed
        | RDKafkaErrorCode::ClusterAuthorizationFailed => AskError::Refused(code.to_string()),
        _ => AskError::NoAnswer(code.to_string()),
    }
}
