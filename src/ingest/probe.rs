//! Whether the next record of one partition can be read: a try with a consumer of its own.
//!
//! An error of the client does not name its partition. A consumer that reads a single partition
//! tells which one it is about.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nabiz_core::ids::Offset;
use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::Message;

use super::client_log::log_client_line;
use super::options::Options;
use crate::readmodel::ShardLabel;

/// Time between two checks of the deadline.
const POLL_TIMEOUT: Duration = Duration::from_millis(100);

/// Longest wait for one answer.
const ASK_TIMEOUT: Duration = Duration::from_secs(1);

/// What a try to read has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// A record.
    Record,
    /// No record: the end of what may be read.
    End,
    /// A batch that cannot be decoded. It begins at `base`, where the client tells that.
    Undecodable { base: Option<Offset>, why: String },
    /// An error of the broker, which refuses.
    Refused { why: String },
    /// Nothing in time.
    Silence,
}

/// Keeps the text of the last error, the only place where the client tells where a batch begins.
#[derive(Default)]
struct ProbeContext {
    reason: Mutex<Option<String>>,
}

impl ConsumerContext for ProbeContext {}

impl ClientContext for ProbeContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        log_client_line(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "probe error");
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
    }
}

/// A consumer that tries single offsets.
pub(super) struct Probe {
    consumer: BaseConsumer<ProbeContext>,
}

impl Probe {
    pub(super) fn new(options: &Options) -> KafkaResult<Self> {
        let consumer = options.probe_config().create_with_context(ProbeContext::default())?;
        Ok(Probe { consumer })
    }

    /// Returns the first offset of a log; `None` if no broker tells it.
    pub(super) fn log_start(&self, label: &ShardLabel) -> Option<Offset> {
        let found = self.consumer.fetch_watermarks(&label.topic, label.partition, ASK_TIMEOUT);
        found.ok().map(|(start, _)| Offset(start))
    }

    /// Tries to read the record at or after `offset`, for at most `within`.
    pub(super) fn read(
        &self,
        label: &ShardLabel,
        offset: Offset,
        within: Duration,
    ) -> KafkaResult<Finding> {
        let deadline = Instant::now() + within;
        let mut assignment = TopicPartitionList::with_capacity(1);
        let start = rdkafka::Offset::Offset(offset.0);
        assignment.add_partition_offset(&label.topic, label.partition, start)?;
        self.consumer.assign(&assignment)?;
        let finding = self.poll_until(label, deadline);
        self.consumer.unassign()?;
        Ok(finding)
    }

    fn poll_until(&self, label: &ShardLabel, deadline: Instant) -> Finding {
        loop {
            let reason = &self.consumer.context().reason;
            *reason.lock().unwrap_or_else(PoisonError::into_inner) = None;
            match self.consumer.poll(POLL_TIMEOUT) {
                Some(Ok(record)) if record.partition() == label.partition => {
                    return Finding::Record;
                }
                Some(Err(KafkaError::PartitionEOF(partition))) if partition == label.partition => {
                    return Finding::End;
                }
                Some(Err(error)) => {
                    let reason = reason.lock().unwrap_or_else(PoisonError::into_inner).take();
                    if let Some(finding) = finding_of(error.rdkafka_error_code(), reason) {
                        return finding;
                    }
                }
                Some(Ok(_)) | None => {}
            }
            if Instant::now() >= deadline {
                return Finding::Silence;
            }
        }
    }
}

/// Returns what an error says about the partition; `None` if it says nothing.
fn finding_of(code: Option<RDKafkaErrorCode>, reason: Option<String>) -> Option<Finding> {
    let code = code?;
    let why = code.to_string();
    match code {
        RDKafkaErrorCode::BadCompression
        | RDKafkaErrorCode::BadMessage
        | RDKafkaErrorCode::NotImplemented
        | RDKafkaErrorCode::InvalidMessage
        | RDKafkaErrorCode::MessageSizeTooLarge => {
            let base = reason.as_deref().and_then(base_offset);
            Some(Finding::Undecodable { base, why })
        }
        RDKafkaErrorCode::TopicAuthorizationFailed
        | RDKafkaErrorCode::GroupAuthorizationFailed
        | RDKafkaErrorCode::ClusterAuthorizationFailed => Some(Finding::Refused { why }),
        _ => None,
    }
}

/// Returns the first offset of the batch that a text of librdkafka is about:
/// `Decompression (codec 0x4) of message at 5 of 4600 bytes failed: …`.
fn base_offset(reason: &str) -> Option<Offset> {
    let (_, rest) = reason.split_once("of message at ")?;
    let (number, _) = rest.split_once(' ')?;
    number.parse().ok().map(Offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_of_a_batch_is_read_from_the_text_of_the_client() {
        let text = "Decompression (codec 0x4) of message at 17 of 4600 bytes failed: Local: Bad";
        assert_eq!(base_offset(text), Some(Offset(17)));
        assert_eq!(base_offset("Fetch from broker 1 failed: Broker: x"), None);
        assert_eq!(base_offset("of message at x y"), None);
    }

    #[test]
    fn error_is_a_finding_only_when_it_is_about_the_partition() {
        let undecodable = finding_of(Some(RDKafkaErrorCode::BadCompression), None);
        assert!(matches!(undecodable, Some(Finding::Undecodable { base: None, .. })));
        let refused = finding_of(Some(RDKafkaErrorCode::TopicAuthorizationFailed), None);
        assert!(matches!(refused, Some(Finding::Refused { .. })));
        assert_eq!(finding_of(Some(RDKafkaErrorCode::BrokerTransportFailure), None), None);
    }
}
