//! Refused records, written to the dead-letter topic at least once.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nabiz_core::event::{Reason, Rejection};
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};

use super::consumer_context::log_client_line;
use super::options::Options;
use crate::readmodel::ShardLabel;

/// Letters on their way; with more, reading pauses.
const WAITING_MAX: u64 = 10_000;
/// Bytes of them, likewise.
const WAITING_BYTES_MAX: u64 = 32 << 20;
/// A broker refuses a message over 1 MiB where its `message.max.bytes` is left alone; key and headers count too.
const VALUE_BYTES_MAX: usize = 960 << 10;
const KEY_BYTES_MAX: usize = 4 << 10;
/// Time between two attempts at what a broker refused.
const RETRY: Duration = Duration::from_secs(5);
/// Logs of one kind are at least this far apart.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// One refused record.
#[derive(Debug)]
pub(super) struct DeadLetter {
    topic: Arc<str>,
    partition: i32,
    offset: i64,
    rejection: Rejection,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    /// Letters of its partition that are not written yet, itself among them once it is sent.
    unwritten: Arc<AtomicU64>,
}

impl DeadLetter {
    /// A letter with the original key and value, as far as they fit: the headers say where the original is.
    pub(super) fn new(
        label: &ShardLabel,
        offset: i64,
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
            rejection,
            key: fitting(key, KEY_BYTES_MAX),
            value: fitting(value, value_bytes_max.min(VALUE_BYTES_MAX)),
            unwritten: Arc::default(),
        }
    }

    /// The letter of an ending whose start never came: its record is long gone from memory.
    pub(super) fn orphan(label: &ShardLabel, offset: i64) -> Self {
        let rejection =
            Rejection::new(Reason::Orphan, "no start of this visit came within reorder_grace");
        DeadLetter::new(label, offset, rejection, None, None, 0)
    }

    fn bytes(&self) -> u64 {
        let length = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, |bytes| bytes.len() as u64);
        length(&self.key) + length(&self.value) + 256
    }

    fn headers(&self) -> OwnedHeaders {
        OwnedHeaders::new_with_capacity(5)
            .insert(Header { key: "topic", value: Some(&*self.topic) })
            .insert(Header { key: "partition", value: Some(&self.partition.to_string()) })
            .insert(Header { key: "offset", value: Some(&self.offset.to_string()) })
            .insert(Header { key: "reason", value: Some(self.rejection.reason.as_str()) })
            .insert(Header { key: "message", value: Some(&self.rejection.detail) })
    }
}

/// How dead letters fare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Confirmed by the broker.
    pub delivered: u64,
    /// On their way, failed ones that will be sent again included.
    pub waiting: u64,
    /// Attempts that failed.
    pub failures: u64,
}

/// Lets a log line through once in a while.
#[derive(Default)]
struct Throttle {
    last: Mutex<Option<Instant>>,
}

impl Throttle {
    fn allows(&self) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let allowed = last.is_none_or(|last| last.elapsed() >= LOG_EVERY);
        if allowed {
            *last = Some(Instant::now());
        }
        allowed
    }
}

#[derive(Default)]
struct Delivery {
    delivered: AtomicU64,
    failures: AtomicU64,
    waiting: AtomicU64,
    waiting_bytes: AtomicU64,
    /// What failed and is worth another attempt.
    returned: Mutex<VecDeque<Arc<DeadLetter>>>,
    throttle: Throttle,
}

impl Delivery {
    fn leave(&self, letter: &DeadLetter) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        self.waiting_bytes.fetch_sub(letter.bytes(), Ordering::Relaxed);
        letter.unwritten.fetch_sub(1, Ordering::Release);
    }

    fn failed(&self, error: &KafkaError, letter: Arc<DeadLetter>) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        let hopeless = matches!(
            error.rdkafka_error_code(),
            Some(RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidMessageSize)
        );
        if hopeless {
            self.leave(&letter);
            tracing::error!(topic = %letter.topic, partition = letter.partition, offset = letter.offset, %error,
                "dead letter can never be written, its record stays in its topic");
            return;
        }
        if self.throttle.allows() {
            tracing::error!(%error, waiting = self.waiting.load(Ordering::Relaxed),
                "dead letter not written, it is sent again");
        }
        self.returned.lock().unwrap_or_else(PoisonError::into_inner).push_back(letter);
    }
}

impl ClientContext for Delivery {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        log_client_line(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "dead-letter producer");
    }
}

impl ProducerContext for Delivery {
    type DeliveryOpaque = Arc<DeadLetter>;

    fn delivery(&self, result: &DeliveryResult<'_>, letter: Arc<DeadLetter>) {
        match result {
            Ok(_) => {
                self.delivered.fetch_add(1, Ordering::Relaxed);
                self.leave(&letter);
            }
            Err((error, _)) => self.failed(error, letter),
        }
    }
}

/// The dead-letter topic.
pub(super) struct DeadLetters {
    producer: ThreadedProducer<Delivery>,
    topic: String,
    returned_at: Mutex<Instant>,
}

impl DeadLetters {
    pub(super) fn new(options: &Options) -> KafkaResult<Self> {
        let producer = options.producer_config().create_with_context(Delivery::default())?;
        Ok(DeadLetters {
            producer,
            topic: options.dead_letter_topic.clone(),
            returned_at: Mutex::new(Instant::now()),
        })
    }

    fn delivery(&self) -> &Delivery {
        self.producer.context()
    }

    pub(super) fn counts(&self) -> Counts {
        let delivery = self.delivery();
        Counts {
            delivered: delivery.delivered.load(Ordering::Relaxed),
            waiting: delivery.waiting.load(Ordering::Relaxed),
            failures: delivery.failures.load(Ordering::Relaxed),
        }
    }

    /// Whether another letter may be sent.
    pub(super) fn has_room(&self) -> bool {
        self.fills_less_than(1)
    }

    /// Whether reading that has paused may go on. It is a lower mark, because each pause discards what was prefetched.
    pub(super) fn has_plenty_of_room(&self) -> bool {
        self.fills_less_than(2)
    }

    fn fills_less_than(&self, part: u64) -> bool {
        let delivery = self.delivery();
        delivery.waiting.load(Ordering::Relaxed) < WAITING_MAX / part
            && delivery.waiting_bytes.load(Ordering::Relaxed) < WAITING_BYTES_MAX / part
    }

    /// Takes a letter over: it is written, and sent again for as long as that fails. Callers ask [`Self::has_room`]
    /// first and pause reading where there is none.
    /// `unwritten` counts the letters of the partition that are not written yet.
    pub(super) fn send(&self, mut letter: DeadLetter, unwritten: &Arc<AtomicU64>) {
        let delivery = self.delivery();
        unwritten.fetch_add(1, Ordering::Relaxed);
        letter.unwritten = Arc::clone(unwritten);
        delivery.waiting.fetch_add(1, Ordering::Relaxed);
        delivery.waiting_bytes.fetch_add(letter.bytes(), Ordering::Relaxed);
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
            self.delivery().failed(&error, Arc::clone(&letter));
        }
    }

    /// Sends what was returned once more, every few seconds.
    pub(super) fn send_returned(&self) {
        {
            let mut last = self.returned_at.lock().unwrap_or_else(PoisonError::into_inner);
            if last.elapsed() < RETRY {
                return;
            }
            *last = Instant::now();
        }
        let returned = std::mem::take(
            &mut *self.delivery().returned.lock().unwrap_or_else(PoisonError::into_inner),
        );
        for letter in returned {
            self.enqueue(letter);
        }
    }

    /// Waits until everything is written, at most for `within`. Returns whether it is.
    pub(super) fn flush(&self, within: Duration) -> bool {
        if self.counts().waiting == 0 {
            return true;
        }
        let flushed = self.producer.flush(within.max(Duration::from_millis(1)));
        flushed.is_ok() && self.counts().waiting == 0
    }
}
