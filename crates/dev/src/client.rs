//! Records into and out of a broker.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use super::broker::Kafka;

/// One record to be written.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub key: String,
    pub value: Vec<u8>,
    /// Milliseconds since the Unix epoch.
    pub timestamp_ms: i64,
    /// The partition, or `None` for the one that follows from the key.
    pub partition: Option<i32>,
}

/// One record as it was read.
#[derive(Clone, Debug)]
pub struct Incoming {
    pub partition: i32,
    pub offset: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Incoming {
    /// Returns the text of a header.
    pub fn header(&self, name: &str) -> Option<String> {
        let (_, value) = self.headers.iter().find(|(key, _)| key == name)?;
        Some(String::from_utf8_lossy(value).into_owned())
    }
}

/// Writes the records in order and waits until the broker has acknowledged all.
pub fn produce(kafka: &Kafka, topic: &str, records: &[Outgoing]) {
    let producer: BaseProducer = kafka
        .client()
        .set("enable.idempotence", "true")
        .set("linger.ms", "5")
        .set("partitioner", "murmur2_random")
        .create()
        .expect("a producer");
    for outgoing in records {
        let mut record = BaseRecord::to(topic)
            .key(&outgoing.key)
            .payload(&outgoing.value)
            .timestamp(outgoing.timestamp_ms);
        if let Some(partition) = outgoing.partition {
            record = record.partition(partition);
        }
        while let Err((error, back)) = producer.send(record) {
            assert_eq!(
                error,
                KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull),
                "a record is taken"
            );
            producer.poll(Duration::from_millis(50));
            record = back;
        }
    }
    producer.flush(Duration::from_secs(60)).expect("the records are written");
}

/// Returns a consumer for a test, which commits nothing.
fn reader(kafka: &Kafka) -> BaseConsumer {
    kafka
        .client()
        .set("group.id", "reader-of-the-test")
        .set("enable.auto.commit", "false")
        .create()
        .expect("a consumer")
}

/// Returns a consumer that reads partition 0 of a topic from an offset.
pub fn reader_from(kafka: &Kafka, topic: &str, offset: Offset) -> BaseConsumer {
    let consumer = reader(kafka);
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(topic, 0, offset).expect("an assignment");
    consumer.assign(&assignment).expect("an assignment");
    consumer
}

/// Reads a topic from its start to its present end, sorted by partition and offset.
pub fn read_all(kafka: &Kafka, topic: &str) -> Vec<Incoming> {
    let consumer = reader(kafka);
    let metadata = consumer
        .fetch_metadata(Some(topic), Duration::from_secs(10))
        .expect("the topic's metadata");
    let mut assignment = TopicPartitionList::new();
    let mut expected = 0;
    for partition in metadata.topics().iter().flat_map(|topic| topic.partitions()) {
        let (low, high) = consumer
            .fetch_watermarks(topic, partition.id(), Duration::from_secs(10))
            .expect("the topic's ends");
        expected += usize::try_from(high - low).expect("a topic's length");
        assignment
            .add_partition_offset(topic, partition.id(), Offset::Beginning)
            .expect("an assignment");
    }
    consumer.assign(&assignment).expect("an assignment");
    let mut read = Vec::with_capacity(expected);
    let start = Instant::now();
    while read.len() < expected {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "{} of {expected} records of {topic}",
            read.len()
        );
        let Some(result) = consumer.poll(Duration::from_millis(200)) else { continue };
        let message = result.expect("a record");
        let headers = message.headers().map(|headers| {
            headers
                .iter()
                .map(|header| (header.key.to_owned(), header.value.unwrap_or_default().to_vec()))
                .collect()
        });
        read.push(Incoming {
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers: headers.unwrap_or_default(),
        });
    }
    read.sort_by_key(|record| (record.partition, record.offset));
    read
}

/// Commits an offset of partition 0 in the name of a group that has no members now.
pub fn commit(kafka: &Kafka, group: &str, topic: &str, offset: i64) {
    let consumer: BaseConsumer =
        kafka.client().set("group.id", group).create().expect("a consumer");
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset(topic, 0, Offset::Offset(offset)).expect("an offset");
    super::wait_for("the offset committed", Duration::from_secs(30), || {
        consumer.commit(&offsets, CommitMode::Sync)
    });
}

/// Returns the number of records in a topic.
pub fn length(kafka: &Kafka, topic: &str) -> u64 {
    let consumer: BaseConsumer = kafka.client().create().expect("a consumer");
    let metadata = consumer
        .fetch_metadata(Some(topic), Duration::from_secs(10))
        .expect("the topic's metadata");
    metadata
        .topics()
        .iter()
        .flat_map(|topic| topic.partitions())
        .map(|partition| {
            let (low, high) = consumer
                .fetch_watermarks(topic, partition.id(), Duration::from_secs(10))
                .expect("the topic's ends");
            u64::try_from(high - low).expect("a topic's length")
        })
        .sum()
}

/// Returns the offset of the first record of partition 0 at or after `offset`; `None` if none comes
/// within a second.
pub fn first_offset_from(kafka: &Kafka, topic: &str, offset: i64) -> Option<i64> {
    let consumer = reader_from(kafka, topic, Offset::Offset(offset));
    let found = consumer.poll(Duration::from_secs(1))?;
    found.ok().map(|record| record.offset())
}
