//! The thread that asks the brokers how many partitions the topics have and where the logs end, and
//! finds out why a partition stands still.
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
use super::log_ends::{HeldPartition, LogAnswer, Reading};
use super::probe::{Finding, Probe};
use super::shared::Shared;
use super::standstill::{AskError, Standstill};
use super::undecodable::{SkippedRange, first_offset_after};
use crate::config::OnUndecodable;
use crate::readmodel::ShardLabel;

/// Time between two rounds. Well below the time for which an answer is a proof.
const ROUND_INTERVAL: Duration = Duration::from_secs(5);
/// The same after an error of a client.
const URGENT_INTERVAL: Duration = Duration::from_secs(1);
/// The same while a topic is not counted yet: its numbers wait for the answer.
const UNCOUNTED_INTERVAL: Duration = Duration::from_millis(500);
/// Longest wait for one answer.
const ASK_TIMEOUT: Duration = Duration::from_secs(1);
/// Time after which a round asks nothing more. Together with the round interval shorter than the
/// time for which an answer is a proof.
const ROUND_TIMEOUT: Duration = Duration::from_secs(4);
/// Longest try to read one partition.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
/// Time for which a position must not move, with records after it, before the watcher tries to read
/// there. Longer than the time between two reports of the position.
const STUCK_AFTER: Duration = Duration::from_secs(3);
/// Time after which a position that does not move is a fault, although a try finds no reason.
const UNREAD_AFTER: Duration = Duration::from_secs(30);
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

/// What the watcher remembers of one partition.
struct Seen {
    position: Option<Offset>,
    /// Since when the position has not moved.
    since: Instant,
    standstill: Option<Standstill>,
}

/// The broker watch, not started yet.
pub(super) struct BrokerWatch {
    shared: Arc<Shared>,
    client: BaseConsumer<WatchContext>,
    /// Exists while a partition stands still.
    probe: Option<Probe>,
    seen: BTreeMap<ShardLabel, Seen>,
}

impl BrokerWatch {
    /// Creates the client. It connects in the background.
    pub(super) fn new(shared: Arc<Shared>) -> KafkaResult<Self> {
        let client = shared.options.watch_config().create_with_context(WatchContext)?;
        Ok(BrokerWatch { shared, client, probe: None, seen: BTreeMap::new() })
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
                let standstill = self.seen.get(label).and_then(|seen| seen.standstill.clone());
                let answer = LogAnswer { asked_at, high_watermark, standstill, skip: None };
                answers.insert(label.clone(), answer);
            }
        }
        self.shared.log_ends.publish(answers.clone());
        if self.find_standstills(&held, &mut answers, began) {
            self.shared.log_ends.publish(answers);
        }
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

    /// Finds out why partitions stand still, and updates their answers. Returns whether one has
    /// changed.
    fn find_standstills(
        &mut self,
        held: &[HeldPartition],
        answers: &mut BTreeMap<ShardLabel, LogAnswer>,
        began: Instant,
    ) -> bool {
        let labels: BTreeSet<&ShardLabel> = held.iter().map(|partition| &partition.label).collect();
        self.seen.retain(|label, _| labels.contains(label));
        let mut has_changed = false;
        let mut stands_still = false;
        for partition in held {
            let Some(answer) = answers.get_mut(&partition.label) else { continue };
            let seen = self.seen.entry(partition.label.clone()).or_insert(Seen {
                position: partition.position,
                since: began,
                standstill: None,
            });
            if seen.position != partition.position {
                *seen = Seen { position: partition.position, since: began, standstill: None };
            }
            let stuck_for = began.saturating_duration_since(seen.since);
            let standstill = if is_suspect(partition, answer, stuck_for) {
                stands_still = true;
                if began.elapsed() >= ROUND_TIMEOUT || self.shared.is_stopping() {
                    continue;
                }
                if self.probe.is_none() {
                    self.probe = Probe::new(&self.shared.options).ok();
                }
                let Some(probe) = &self.probe else { continue };
                let start =
                    partition.position.or_else(|| log_start(&self.client, &partition.label));
                let Some(start) = start else { continue };
                match probe.read(&partition.label, start, PROBE_TIMEOUT) {
                    Ok(finding) => {
                        if let Finding::Undecodable { base, why } = &finding
                            && let Ok(high_watermark) = &answer.high_watermark
                            && self.shared.options.on_undecodable == OnUndecodable::Skip
                        {
                            let (label, why) = (&partition.label, why.clone());
                            let to = end_of_batch(probe, label, start, *high_watermark, *base);
                            answer.skip = to.map(|to| SkippedRange { from: start, to, why });
                            has_changed |= answer.skip.is_some();
                        }
                        standstill_of(finding, stuck_for)
                    }
                    Err(error) => {
                        tracing::debug!(%error, "probe failed");
                        continue;
                    }
                }
            } else {
                None
            };
            if seen.standstill != standstill || answer.standstill != standstill {
                seen.standstill.clone_from(&standstill);
                answer.standstill = standstill;
                has_changed = true;
            }
        }
        if !stands_still {
            self.probe = None;
        }
        has_changed
    }
}

/// Returns whether a partition may stand still for a reason that a try to read would show.
fn is_suspect(partition: &HeldPartition, answer: &LogAnswer, stuck_for: Duration) -> bool {
    match partition.reading {
        Reading::Paused => false,
        Reading::Refused => true,
        Reading::Active => {
            let has_more = answer
                .high_watermark
                .as_ref()
                .is_ok_and(|high| *high > partition.position.unwrap_or_default());
            has_more && stuck_for >= STUCK_AFTER
        }
    }
}

fn standstill_of(finding: Finding, stuck_for: Duration) -> Option<Standstill> {
    match finding {
        // At the last stable offset; the worker's own reports show how long already.
        Finding::End => None,
        Finding::Record | Finding::Silence => {
            (stuck_for >= UNREAD_AFTER).then_some(Standstill::Unread)
        }
        Finding::Undecodable { why, .. } => Some(Standstill::Undecodable { why }),
        Finding::Refused { why } => Some(Standstill::Refused { why }),
    }
}

/// Finds the first offset after the batch that holds `from` and cannot be decoded. `base` is where
/// the batch begins, if that is known: another such batch begins elsewhere. Returns `None` if a try
/// tells nothing, or reading was possible after all.
fn end_of_batch(
    probe: &Probe,
    label: &ShardLabel,
    from: Offset,
    high_watermark: Offset,
    base: Option<Offset>,
) -> Option<Offset> {
    let found = first_offset_after(from, high_watermark, |offset| {
        match probe.read(label, offset, PROBE_TIMEOUT) {
            Ok(Finding::Undecodable { base: other, .. }) => Ok(other == base),
            Ok(Finding::Record | Finding::End) => Ok(false),
            Ok(Finding::Refused { .. } | Finding::Silence) | Err(_) => Err(()),
        }
    });
    found.ok()
}

fn log_start(client: &BaseConsumer<WatchContext>, label: &ShardLabel) -> Option<Offset> {
    let found = client.fetch_watermarks(&label.topic, label.partition, ASK_TIMEOUT);
    found.ok().map(|(start, _)| Offset(start))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn held(position: i64, reading: Reading) -> HeldPartition {
        let label = ShardLabel { topic: "calls".into(), partition: 0 };
        HeldPartition { label, position: Some(Offset(position)), reading }
    }

    fn answer(high_watermark: i64) -> LogAnswer {
        LogAnswer {
            asked_at: Instant::now(),
            high_watermark: Ok(Offset(high_watermark)),
            standstill: None,
            skip: None,
        }
    }

    #[test]
    fn partition_is_suspect_when_its_log_grows_and_its_position_stands() {
        let stands = |position, reading, high, stuck_for| {
            is_suspect(&held(position, reading), &answer(high), stuck_for)
        };
        let long = STUCK_AFTER;
        assert!(stands(5, Reading::Active, 6, long));
        assert!(!stands(5, Reading::Active, 6, long - Duration::from_millis(1)));
        assert!(!stands(5, Reading::Active, 5, long));
        assert!(!stands(5, Reading::Paused, 6, long));
        assert!(stands(5, Reading::Refused, 5, Duration::ZERO), "nothing tells that it is the end");
    }

    #[test]
    fn readable_partition_stands_still_only_when_it_is_unread_for_long() {
        assert_eq!(standstill_of(Finding::Record, STUCK_AFTER), None);
        assert_eq!(standstill_of(Finding::Record, UNREAD_AFTER), Some(Standstill::Unread));
        assert_eq!(standstill_of(Finding::End, UNREAD_AFTER), None);
        assert_eq!(standstill_of(Finding::Silence, STUCK_AFTER), None);
    }
}
