//! Rejected records, written to the dead-letter topic at least once.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nabiz_core::event::{Reason, Rejection};
use nabiz_core::ids::Offset;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};

use super::client_log::log_client_line;
use super::options::Options;
use super::undecodable::SkippedRange;
use crate::log_limit::LogLimit;
use crate::readmodel::ShardLabel;

/// Dead letters that may wait; with more, reading pauses.
const WAITING_MAX: u64 = 10_000;
/// Bytes of dead letters that may wait; with more, reading pauses.
const WAITING_BYTES_MAX: u64 = 32 << 20;
/// Largest value of a dead letter. By default a broker rejects messages over 1 MiB, and the key and
/// the headers count too.
const VALUE_BYTES_MAX: usize = 960 << 10;
const KEY_BYTES_MAX: usize = 4 << 10;
/// Approximate size that the headers and the bookkeeping add to a dead letter.
const OVERHEAD_BYTES: u64 = 256;
/// Time between two attempts to write the dead letters that the broker rejected.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// One rejected record, or one batch that was passed over.
#[derive(Debug)]
pub(super) struct DeadLetter {
    topic: Arc<str>,
    partition: i32,
    offset: Offset,
    /// The last offset, if it is about several.
    last_offset: Option<Offset>,
    reason: &'static str,
    message: String,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    /// Dead letters of the partition that are not written yet, this one included once it is sent.
    unwritten: Arc<AtomicU64>,
}

impl DeadLetter {
    /// Returns a dead letter with the original key and value, each only if it is not too large.
    /// The headers name the offset of the original.
    pub(super) fn new(
        label: &ShardLabel,
        offset: Offset,
        rejection: Rejection,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        value_bytes_max: usize,
    ) -> Self {
        let fitting = |bytes: Option<&[u8]>, bytes_max: usize| {
            bytes.filter(|b| b.len() <= bytes_max).map(<[u8]>::to_vec)
        };
        DeadLetter {
            topic: Arc::clone(&label.topic),
            partition: label.partition,
            offset,
            last_offset: None,
            reason: rejection.reason.as_str(),
            message: rejection.detail,
            key: fitting(key, KEY_BYTES_MAX),
            value: fitting(value, value_bytes_max.min(VALUE_BYTES_MAX)),
            unwritten: Arc::default(),
        }
    }

    /// Returns the dead letter of an orphan. It has no key and no value, because the record is no
    /// longer in memory.
    pub(super) fn orphan(label: &ShardLabel, offset: Offset) -> Self {
        let rejection =
            Rejection::new(Reason::Orphan, "no start of this visit came within reorder_grace");
        DeadLetter::new(label, offset, rejection, None, None, 0)
    }

    /// Returns the dead letter of a batch that cannot be decoded. It has no key and no value.
    pub(super) fn undecodable(label: &ShardLabel, skipped: &SkippedRange) -> Self {
        DeadLetter {
            topic: Arc::clone(&label.topic),
            partition: label.partition,
            offset: skipped.from,
            last_offset: Some(skipped.last()),
            reason: "undecodable",
            message: format!("the batch cannot be decoded: {}", skipped.why),
            key: None,
            value: None,
            unwritten: Arc::default(),
        }
    }

    fn bytes(&self) -> u64 {
        let length = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, |bytes| bytes.len() as u64);
        length(&self.key) + length(&self.value) + OVERHEAD_BYTES
    }

    fn headers(&self) -> OwnedHeaders {
        let headers = OwnedHeaders::new_with_capacity(6)
            .insert(Header { key: "topic", value: Some(&*self.topic) })
            .insert(Header { key: "partition", value: Some(&self.partition.to_string()) })
            .insert(Header { key: "offset", value: Some(&self.offset.0.to_string()) })
            .insert(Header { key: "reason", value: Some(self.reason) })
            .insert(Header { key: "message", value: Some(&self.message) });
        match self.last_offset {
            None => headers,
            Some(last) => {
                headers.insert(Header { key: "last_offset", value: Some(&last.0.to_string()) })
            }
        }
    }
}

/// Counts of dead letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct DeadLetterCounts {
    /// Dead letters that the broker has confirmed.
    pub delivered: u64,
    /// Dead letters that are not confirmed yet, including those that wait for a retry.
    pub waiting: u64,
    /// Failed attempts.
    pub failures: u64,
}

/// The delivery callbacks of the producer, with their counts.
#[derive(Default)]
struct Delivery {
    delivered: AtomicU64,
    failures: AtomicU64,
    waiting: AtomicU64,
    waiting_bytes: AtomicU64,
    /// Dead letters that wait for a retry.
    failed: Mutex<VecDeque<Arc<DeadLetter>>>,
    log_limit: LogLimit,
}

impl Delivery {
    fn on_sent(&self, letter: &DeadLetter) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.waiting_bytes.fetch_add(letter.bytes(), Ordering::Relaxed);
    }

    fn on_done(&self, letter: &DeadLetter) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        self.waiting_bytes.fetch_sub(letter.bytes(), Ordering::Relaxed);
        // Pairs with the acquiring load before a checkpoint.
        letter.unwritten.fetch_sub(1, Ordering::Release);
    }

    fn on_failure(&self, error: &KafkaError, letter: Arc<DeadLetter>) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        let is_too_large = matches!(
            error.rdkafka_error_code(),
            Some(RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidMessageSize)
        );
        if is_too_large {
            self.on_done(&letter);
            tracing::error!(
                topic = %letter.topic,
                partition = letter.partition,
                offset = letter.offset.0,
                %error,
                "dead letter dropped, it is too large; its record stays in its topic"
            );
            return;
        }
        if let Some(failures) = self.log_limit.record(Instant::now()) {
            let waiting = self.waiting.load(Ordering::Relaxed);
            tracing::error!(%error, failures, waiting, "dead letter not written, retrying");
        }
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).push_back(letter);
    }
}

impl ClientContext for Delivery {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        log_client_line(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "dead-letter producer error");
    }
}

impl ProducerContext for Delivery {
    type DeliveryOpaque = Arc<DeadLetter>;

    fn delivery(&self, result: &DeliveryResult<'_>, letter: Arc<DeadLetter>) {
        match result {
            Ok(_) => {
                self.delivered.fetch_add(1, Ordering::Relaxed);
                self.on_done(&letter);
            }
            Err((error, _)) => self.on_failure(error, letter),
        }
    }
}

/// The writer of the dead-letter topic.
pub(super) struct DeadLetters {
    producer: ThreadedProducer<Delivery>,
    topic: String,
    retried_at: Mutex<Instant>,
}

impl DeadLetters {
    /// Creates the producer. It connects in the background.
    pub(super) fn new(options: &Options) -> KafkaResult<Self> {
        let producer = options.producer_config().create_with_context(Delivery::default())?;
        Ok(DeadLetters {
            producer,
            topic: options.dead_letter_topic.clone(),
            retried_at: Mutex::new(Instant::now()),
        })
    }

    fn delivery(&self) -> &Delivery {
        self.producer.context()
    }

    pub(super) fn counts(&self) -> DeadLetterCounts {
        let delivery = self.delivery();
        DeadLetterCounts {
            delivered: delivery.delivered.load(Ordering::Relaxed),
            waiting: delivery.waiting.load(Ordering::Relaxed),
            failures: delivery.failures.load(Ordering::Relaxed),
        }
    }

    /// Returns whether another dead letter may be sent.
    pub(super) fn has_room(&self) -> bool {
        self.fills_less_than(1)
    }

    /// Returns whether paused reading may resume. The mark is lower than that of
    /// [`Self::has_room`], because each pause discards what was prefetched.
    pub(super) fn has_plenty_of_room(&self) -> bool {
        self.fills_less_than(2)
    }

    fn fills_less_than(&self, divisor: u64) -> bool {
        let delivery = self.delivery();
        delivery.waiting.load(Ordering::Relaxed) < WAITING_MAX / divisor
            && delivery.waiting_bytes.load(Ordering::Relaxed) < WAITING_BYTES_MAX / divisor
    }

    /// Sends a dead letter, and retries until the broker confirms it. Counts it in `unwritten`
    /// until then. Callers pause reading when [`Self::has_room`] is false.
    pub(super) fn send(&self, mut letter: DeadLetter, unwritten: &Arc<AtomicU64>) {
        unwritten.fetch_add(1, Ordering::Relaxed);
        letter.unwritten = Arc::clone(unwritten);
        self.delivery().on_sent(&letter);
        self.enqueue(Arc::new(letter));
    }

    fn enqueue(&self, letter: Arc<DeadLetter>) {
        let mut record = BaseRecord::<[u8], [u8], Arc<DeadLetter>>::with_opaque_to(
            &self.topic,
            Arc::clone(&letter),
        )
        .headers(letter.headers());
        record.key = letter.key.as_deref();
        record.payload = letter.value.as_deref();
        if let Err((error, _)) = self.producer.send(record) {
            self.delivery().on_failure(&error, Arc::clone(&letter));
        }
    }

    /// Sends failed dead letters once more, if the last retry is long enough ago.
    pub(super) fn retry_failed(&self, now: Instant) {
        {
            let mut retried_at = self.retried_at.lock().unwrap_or_else(PoisonError::into_inner);
            if now.saturating_duration_since(*retried_at) < RETRY_INTERVAL {
                return;
            }
            *retried_at = now;
        }
        let failed = std::mem::take(
            &mut *self.delivery().failed.lock().unwrap_or_else(PoisonError::into_inner),
        );
        for letter in failed {
            self.enqueue(letter);
        }
    }

    /// Blocks until all dead letters are written, for at most `within`. Returns whether they are.
    pub(super) fn flush(&self, within: Duration) -> bool {
        if self.counts().waiting == 0 {
            return true;
        }
        // librdkafka takes 0 for a wait without an end.
        let flushed = self.producer.flush(within.max(Duration::from_millis(1)));
        flushed.is_ok() && self.counts().waiting == 0
    }
}
