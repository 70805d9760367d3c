//! The events that every contender reads, and their truth.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use nabiz_dev::broker::Kafka;
use nabiz_simulator::{DEFAULT_START_MS, Options, Scenario, SimulatedEvent, Simulation};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;
use serde_json::Value;

pub const PARTITIONS: i32 = 4;
const HOUR_MS: i64 = 3_600_000;

/// The shape of a stream.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub events: usize,
    /// Queues of the simulated centre times this are the queues of the stream.
    pub sites: usize,
    /// Arrivals, as a multiple of the first user's.
    pub rate_scale: f64,
    pub partitions: i32,
}

/// Queues that the simulated centre has.
pub const QUEUES_OF_A_SITE: usize = 10;

impl Shape {
    /// Returns a shape with 500 queues and a rate of arrivals that keeps about 50 000 contacts
    /// open.
    pub fn standard(events: usize) -> Shape {
        Shape { events, sites: 500 / QUEUES_OF_A_SITE, rate_scale: 2_000.0, partitions: PARTITIONS }
    }

    /// Returns the events, from nine in the morning.
    pub fn generate(self) -> impl Iterator<Item = SimulatedEvent> {
        let options = Options {
            start_ms: DEFAULT_START_MS + 9 * HOUR_MS,
            rate_scale: self.rate_scale,
            seed: 7,
            duration_ms: None,
            ..Options::default()
        };
        Simulation::new(Scenario::OrdinaryDay, options)
            .take(self.events)
            .map(move |event| self.dress(event))
    }

    /// Assigns the contact to a site, and adds the optional attributes that producers write to the
    /// envelope.
    fn dress(self, mut event: SimulatedEvent) -> SimulatedEvent {
        let site = event
            .key
            .bytes()
            .fold(0_usize, |sum, byte| (sum * 31 + usize::from(byte)) % self.sites);
        for field in [r#""queue":""#, r#""from_queue":""#, r#""to_queue":""#, r#""queues":[""#] {
            if event.json.contains(field) {
                event.json = event.json.replacen(field, &format!("{field}site-{site}-"), 1);
            }
        }
        let attributes =
            format!(r#","datacontenttype":"application/json","subject":"{}","data":"#, event.key);
        event.json = event.json.replacen(r#","data":"#, &attributes, 1);
        event
    }
}

/// The true counts of one queue.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueueTruth {
    pub offered: u64,
    pub answered: u64,
    pub abandoned: u64,
    /// Sum of the waits of the answered, joined by contact.
    pub wait_ms: u64,
}

/// The true counts of a stream.
#[derive(Debug, Default)]
pub struct Truth {
    pub queues: BTreeMap<String, QueueTruth>,
    pub events: usize,
    pub bytes: usize,
    /// Contacts that have begun and not ended, at most and at the end.
    pub open_max: usize,
    pub open: usize,
    pub stream_seconds: i64,
    queued: HashMap<String, i64>,
    known: HashMap<String, ()>,
    first_ms: Option<i64>,
}

impl Truth {
    fn note(&mut self, event: &SimulatedEvent) {
        self.events += 1;
        self.bytes += event.json.len();
        let first_ms = *self.first_ms.get_or_insert(event.time_ms);
        self.stream_seconds = (event.time_ms - first_ms) / 1000;
        if !event.json.contains(r#""type":"contact."#) {
            return;
        }
        let json: Value = serde_json::from_str(&event.json).expect("the simulator writes JSON");
        let kind = json["type"].as_str().unwrap_or_default();
        let queue = json["data"]["queue"].as_str().unwrap_or_default();
        match kind {
            "contact.queued" => {
                self.queue(queue).offered += 1;
                self.queued.insert(event.key.clone(), event.time_ms);
            }
            "contact.answered" => {
                let wait_ms =
                    self.queued.remove(&event.key).map_or(0, |queued_ms| event.time_ms - queued_ms);
                let truth = self.queue(queue);
                truth.answered += 1;
                truth.wait_ms += wait_ms.unsigned_abs();
            }
            "contact.abandoned" => self.queue(queue).abandoned += 1,
            _ => {}
        }
        let is_over = matches!(kind, "contact.ended" | "contact.abandoned" | "contact.resolved")
            || (kind == "contact.self_service" && json["data"]["outcome"] != "to_queue");
        if is_over {
            self.known.remove(&event.key);
        } else if kind == "contact.started" {
            self.known.insert(event.key.clone(), ());
        }
        self.open = self.known.len();
        self.open_max = self.open_max.max(self.open);
    }

    fn queue(&mut self, queue: &str) -> &mut QueueTruth {
        self.queues.entry(queue.to_owned()).or_default()
    }
}

/// Returns a producer for high throughput: it compresses its batches, as a platform does.
pub fn producer(kafka: &Kafka) -> BaseProducer {
    kafka
        .client()
        .set("compression.type", "lz4")
        .set("linger.ms", "20")
        .set("batch.size", "262144")
        .set("queue.buffering.max.messages", "500000")
        .set("partitioner", "murmur2_random")
        .create()
        .expect("a producer")
}

/// Hands a record to the producer, and waits for room where there is none.
pub fn send(producer: &BaseProducer, topic: &str, event: &SimulatedEvent, timestamp_ms: i64) {
    let mut record =
        BaseRecord::to(topic).key(&event.key).payload(&event.json).timestamp(timestamp_ms);
    while let Err((error, back)) = producer.send(record) {
        assert_eq!(
            error,
            KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull),
            "a record is taken"
        );
        producer.poll(Duration::from_millis(20));
        record = back;
    }
}

/// Writes the stream into an existing topic and returns the number of records.
pub fn fill(kafka: &Kafka, topic: &str, shape: Shape) -> u64 {
    write(kafka, topic, shape, |_| {});
    shape.events as u64
}

fn write(kafka: &Kafka, topic: &str, shape: Shape, mut note: impl FnMut(&SimulatedEvent)) {
    let producer = producer(kafka);
    for (number, event) in shape.generate().enumerate() {
        note(&event);
        send(&producer, topic, &event, event.time_ms);
        if number % 1024 == 0 {
            producer.poll(Duration::ZERO);
        }
    }
    producer.flush(Duration::from_secs(120)).expect("the records are written");
}

/// Creates the topic, writes the stream, and returns its truth.
pub fn produce(kafka: &Kafka, topic: &str, shape: Shape) -> Truth {
    kafka.create_topic(topic, shape.partitions);
    let mut truth = Truth::default();
    write(kafka, topic, shape, |event| truth.note(event));
    eprintln!(
        "{topic}: {} events of {} bytes, {} queues, {} contacts open at once, {} s of stream time",
        truth.events,
        truth.bytes / truth.events.max(1),
        truth.queues.len(),
        truth.open_max,
        truth.stream_seconds
    );
    truth
}
