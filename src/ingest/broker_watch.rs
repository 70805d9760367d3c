//! The thread that asks the brokers what the topics have. It has a client of its own, because a
//! question blocks, and a worker that is blocked reads nothing.

use std::thread;
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};

use super::client_log::log_client_line;
use super::consumer_context::METADATA_TIMEOUT;
use super::shared::Shared;

/// Time between two questions about a topic whose partitions are counted.
const INTERVAL: Duration = Duration::from_secs(5);
/// Time between two questions while a topic is not counted yet: its numbers wait for the answer.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);
/// Time between two checks of the stop flag.
const STOP_POLL: Duration = Duration::from_millis(50);

/// The client of the watch. What an operator needs to know of the brokers, the workers report.
struct WatchContext;

impl ClientContext for WatchContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        log_client_line(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "kafka client error of the watch");
    }
}

impl ConsumerContext for WatchContext {}

/// A watch that has not started yet.
pub(super) struct BrokerWatch(BaseConsumer<WatchContext>);

impl BrokerWatch {
    /// Creates the client of the watch.
    pub(super) fn new(shared: &Shared) -> KafkaResult<Self> {
        shared.options.watch_config().create_with_context(WatchContext).map(BrokerWatch)
    }

    /// Asks until ingest stops.
    pub(super) fn run(self, shared: &Shared) {
        while !shared.is_stopping() {
            // Serves the callbacks of the client. It subscribes to nothing, so no record comes.
            while self.0.poll(Duration::ZERO).is_some() {}
            self.count_partitions(shared);
            let is_known = shared.status_hub.partition_counts().unknown().is_none();
            let ask_at = Instant::now() + if is_known { INTERVAL } else { RETRY_INTERVAL };
            while !shared.is_stopping() && Instant::now() < ask_at {
                thread::sleep(STOP_POLL);
            }
        }
    }

    /// Asks for the partitions of every topic. The last known count of a topic stays while no broker
    /// answers, and while the broker does not know the topic: a broker that has just started knows
    /// none.
    fn count_partitions(&self, shared: &Shared) {
        for topic in &shared.options.topics {
            if shared.is_stopping() {
                return;
            }
            match self.0.fetch_metadata(Some(&topic.name), METADATA_TIMEOUT) {
                Ok(metadata) => {
                    let found = metadata.topics().iter().find(|found| found.name() == topic.name);
                    let partitions = found
                        .filter(|found| found.error().is_none())
                        .map_or(0, |found| found.partitions().len());
                    if let Some(count) = i32::try_from(partitions).ok().filter(|count| *count > 0) {
                        shared.status_hub.set_partition_count(&topic.name, count);
                    }
                }
                Err(error) => tracing::debug!(topic = topic.name, %error, "partitions not counted"),
            }
        }
    }
}
