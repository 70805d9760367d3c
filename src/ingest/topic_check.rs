//! Configured topics that do not exist yet.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};

use super::consumer_context::WorkerContext;
use super::stall::StallDetector;
use super::worker_status::{Connection, WorkerStatus};

/// Time between two checks.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// Longest wait for metadata. At the end of a log an answer comes only after that of the fetch
/// before it on the same connection, which takes `fetch.wait.max.ms`.
pub(super) const QUERY_TIMEOUT: Duration = Duration::from_secs(2);

/// Checks whether missing topics exist by now. librdkafka reports a missing topic once, and looks
/// again only after minutes.
pub(super) struct TopicCheck {
    checked_at: Instant,
    /// Missing topics that exist by now. They count as missing until the group assigns them.
    found: Vec<String>,
}

impl TopicCheck {
    pub(super) fn new(now: Instant) -> Self {
        TopicCheck { checked_at: now, found: Vec::new() }
    }

    /// Removes the topics that were found before this assignment from the missing ones.
    pub(super) fn on_assigned(&mut self, missing: &mut BTreeSet<String>) {
        for topic in self.found.drain(..) {
            missing.remove(&topic);
        }
    }

    /// Checks the missing topics, if the last check is long enough ago. If one exists by now,
    /// fetches the metadata of all topics, which makes the client join the group again.
    pub(super) fn run(
        &mut self,
        worker: usize,
        consumer: &BaseConsumer<WorkerContext>,
        status: &mut WorkerStatus,
        stall: &mut StallDetector,
    ) {
        if status.missing_topics.is_empty()
            || status.connection != Connection::Up
            || self.checked_at.elapsed() < CHECK_INTERVAL
        {
            return;
        }
        self.checked_at = Instant::now();
        let mut exists = |topic: &String| {
            let answer = consumer.fetch_metadata(Some(topic), QUERY_TIMEOUT);
            // Several slow answers together can take as long as a suspension.
            stall.tick(Instant::now());
            answer.is_ok_and(|metadata| {
                let found = metadata.topics().iter().find(|found| found.name() == topic);
                found.is_some_and(|found| found.error().is_none() && !found.partitions().is_empty())
            })
        };
        let found: Vec<String> =
            status.missing_topics.iter().filter(|topic| exists(topic)).cloned().collect();
        if status.phase.is_assigned() {
            // A topic that was found before without a new assignment was known to the client.
            for topic in found.iter().filter(|topic| self.found.contains(topic)) {
                status.missing_topics.remove(topic);
            }
        }
        if found.is_empty() || status.missing_topics.is_empty() {
            return;
        }
        match consumer.fetch_metadata(None, QUERY_TIMEOUT) {
            Ok(_) => {
                tracing::info!(worker, topics = ?found, "topics found");
                self.found = found;
            }
            Err(error) => tracing::debug!(worker, %error, "metadata request failed"),
        }
    }
}
