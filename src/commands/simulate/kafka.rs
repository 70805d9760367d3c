//! Events to a Kafka topic.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use nabiz_core::time::Timestamp;
use nabiz_simulator::{SimulatedEvent, Simulation};
use rdkafka::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};

use super::Written;
use super::pace::Pace;

/// Longest wait for the topic. A broker that creates topics on demand needs a moment.
const TOPIC_WAIT: Duration = Duration::from_secs(10);
const METADATA_TIMEOUT: Duration = Duration::from_secs(5);
const RETRY_PAUSE: Duration = Duration::from_millis(200);
/// Time after which an undelivered record has failed.
const MESSAGE_TIMEOUT_MS: u64 = 30_000;
/// Pause while the queue of the producer is full.
const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(5);
const FLUSH_TIMEOUT: Duration = Duration::from_secs(35);

/// Counts the records that were not delivered, and keeps the first error.
#[derive(Debug, Default)]
struct Deliveries {
    failed: AtomicU64,
    first_error: Mutex<Option<KafkaError>>,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        if let Err((error, _)) = result {
            self.failed.fetch_add(1, Ordering::Relaxed);
            if let Ok(mut first) = self.first_error.lock() {
                first.get_or_insert_with(|| error.clone());
            }
        }
    }
}

/// Writes every event of `simulation` to `topic`, and then a closing observation to each partition.
pub(super) fn write(
    simulation: &mut Simulation,
    brokers: &str,
    topic: &str,
    pace: Pace,
) -> anyhow::Result<Written> {
    let producer: ThreadedProducer<Deliveries> = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("client.id", "nabiz-simulate")
        .set("enable.idempotence", "true")
        .set("compression.type", "lz4")
        .set("linger.ms", "5")
        .set("queue.buffering.max.messages", "100000")
        .set("message.timeout.ms", MESSAGE_TIMEOUT_MS.to_string())
        .create_with_context(Deliveries::default())
        .context("cannot create a Kafka producer")?;
    let partitions = partitions(&producer, topic).with_context(|| {
        format!("cannot find the partitions of topic `{topic}` at brokers `{brokers}`")
    })?;

    for (count, event) in simulation.by_ref().enumerate() {
        pace.sleep_until(Timestamp(event.time_ms));
        send(&producer, topic, None, &event)?;
        if count % 4096 == 0 {
            pace.show(Timestamp(event.time_ms));
        }
    }
    for partition in partitions {
        let event = simulation.closing_event();
        send(&producer, topic, Some(partition), &event)?;
    }
    let flushed = producer.flush(FLUSH_TIMEOUT);
    check(&producer)?;
    flushed.context("the last records were not delivered in time")?;
    Ok(Written::All)
}

/// Returns the partitions of the topic. Waits up to [`TOPIC_WAIT`] for it to appear.
fn partitions(producer: &ThreadedProducer<Deliveries>, topic: &str) -> anyhow::Result<Vec<i32>> {
    let deadline = Instant::now() + TOPIC_WAIT;
    loop {
        let problem = match producer.client().fetch_metadata(Some(topic), METADATA_TIMEOUT) {
            Err(error) => error.to_string(),
            Ok(metadata) => {
                let found = metadata.topics().iter().find(|known| known.name() == topic);
                let partitions: Vec<i32> = found
                    .map(|known| known.partitions().iter().map(|p| p.id()).collect())
                    .unwrap_or_default();
                if !partitions.is_empty() {
                    return Ok(partitions);
                }
                "the topic does not exist".to_owned()
            }
        };
        if Instant::now() >= deadline {
            bail!(problem);
        }
        thread::sleep(RETRY_PAUSE);
    }
}

/// Passes one event to the producer. Waits while its queue is full.
fn send(
    producer: &ThreadedProducer<Deliveries>,
    topic: &str,
    partition: Option<i32>,
    event: &SimulatedEvent,
) -> anyhow::Result<()> {
    check(producer)?;
    let mut record =
        BaseRecord::to(topic).key(&event.key).payload(&event.json).timestamp(event.time_ms);
    if let Some(partition) = partition {
        record = record.partition(partition);
    }
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                check(producer)?;
                thread::sleep(QUEUE_FULL_PAUSE);
                record = back;
            }
            Err((error, _)) => return Err(error).context("the producer does not accept a record"),
        }
    }
}

/// Returns an error once a record was not delivered: the topic cannot match the ground truth then.
fn check(producer: &ThreadedProducer<Deliveries>) -> anyhow::Result<()> {
    let deliveries = producer.context();
    let failed = deliveries.failed.load(Ordering::Relaxed);
    if failed == 0 {
        return Ok(());
    }
    let first = deliveries.first_error.lock().ok().and_then(|first| first.clone());
    let reason = first.map_or_else(|| "unknown".to_owned(), |error| error.to_string());
    bail!("{failed} records were not delivered; first error: {reason}")
}
