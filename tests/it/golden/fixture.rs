//! The fixed input: records for a broker inside the test process, and the folder of a run.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use rdkafka::{Offset, TopicPartitionList};
use serde::Deserialize;
use tempfile::TempDir;

use super::expected;
use super::program::{Served, free_address};

const TOPICS: [(&str, i32); 3] = [("calls", 3), ("pbx", 1), ("dead", 1)];
const DEAD_LETTERS: &str = "dead";
const PATIENCE: Duration = Duration::from_secs(30);

/// A record of the input.
#[derive(Debug, Deserialize)]
pub(super) struct Record {
    /// 1 for records that the stored ledger has read, 2 for later ones.
    pub(super) part: u8,
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) timestamp_ms: i64,
    key: Option<String>,
    #[serde(default)]
    pub(super) headers: Vec<(String, String)>,
    /// Absent for a record without a value.
    pub(super) value: Option<String>,
    /// Bytes that are no text, as hexadecimal digits, in place of the value.
    value_hex: Option<String>,
}

impl Record {
    fn payload(&self) -> Option<Vec<u8>> {
        let bytes_of = |digits: &String| {
            let pairs = digits.as_bytes().chunks(2);
            pairs
                .map(|pair| {
                    u8::from_str_radix(std::str::from_utf8(pair).expect("hex"), 16).expect("hex")
                })
                .collect()
        };
        self.value.clone().map(String::into_bytes).or_else(|| self.value_hex.as_ref().map(bytes_of))
    }
}

/// Returns the whole input.
pub(super) fn records() -> Vec<Record> {
    let bytes = expected::read(&expected::path("data/records.ndjson.gz")).expect("the input");
    let lines = String::from_utf8(bytes).expect("UTF-8");
    lines.lines().map(|line| serde_json::from_str(line).expect("a record")).collect()
}

/// Returns the records of the first part.
pub(super) fn first_part() -> Vec<Record> {
    records().into_iter().filter(|record| record.part == 1).collect()
}

/// A broker in this process that holds records of the input.
pub(super) struct Broker {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl Broker {
    /// Starts a broker with empty topics.
    pub(super) fn empty() -> Broker {
        let cluster = MockCluster::new(1).expect("a cluster");
        for (topic, partitions) in TOPICS {
            cluster.create_topic(topic, partitions, 1).expect("a topic");
        }
        Broker { cluster }
    }

    /// Starts a broker with the whole input.
    pub(super) fn full() -> Broker {
        let broker = Broker::empty();
        broker.write(&records());
        broker
    }

    /// Writes records, and waits until the topics hold them.
    pub(super) fn write(&self, records: &[Record]) {
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", self.cluster.bootstrap_servers())
            .create()
            .expect("a producer");
        for record in records {
            let payload = record.payload();
            let mut headers = OwnedHeaders::new();
            for (key, value) in &record.headers {
                headers = headers.insert(Header { key, value: Some(value) });
            }
            let mut sent: BaseRecord<'_, str, [u8]> = BaseRecord::to(&record.topic)
                .partition(record.partition)
                .timestamp(record.timestamp_ms)
                .headers(headers);
            sent.key = record.key.as_deref();
            sent.payload = payload.as_deref();
            producer.send(sent).map_err(|(error, _)| error).expect("room in the queue");
        }
        producer.flush(PATIENCE).expect("all records are written");
    }

    /// Returns the records of the dead-letter topic: a line each, with the headers except the
    /// sentence, the key and the value.
    pub(super) fn dead_letters(&self) -> String {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", self.cluster.bootstrap_servers())
            .set("group.id", "reader")
            .create()
            .expect("a consumer");
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(DEAD_LETTERS, 0, Offset::Beginning).expect("an offset");
        consumer.assign(&list).expect("assigned");
        let (_, end) = consumer.fetch_watermarks(DEAD_LETTERS, 0, PATIENCE).expect("the end");
        let mut lines = Vec::new();
        while (lines.len() as i64) < end {
            let letter = consumer.poll(PATIENCE).expect("a letter in time").expect("a letter");
            let shown = |bytes: Option<&[u8]>| {
                bytes.map_or("none".to_owned(), |bytes| bytes.escape_ascii().to_string())
            };
            let headers = letter.headers().expect("headers").iter();
            // The header with a sentence for people may change its wording.
            let named = headers.filter(|header| header.key != "message");
            let named: Vec<String> =
                named.map(|header| format!("{}={}", header.key, shown(header.value))).collect();
            lines.push(format!(
                "{} key={} value={}\n",
                named.join(" "),
                shown(letter.key()),
                shown(letter.payload())
            ));
        }
        // The partitions are read side by side.
        lines.sort();
        lines.concat()
    }
}

/// Whether the contact metrics carry their partition.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Labels {
    Merged,
    ByShard,
}

/// The folder of a run: configuration, ledger and log.
pub(super) struct Run {
    folder: TempDir,
}

impl Run {
    /// Creates a folder with a copy of a stored ledger and its key.
    pub(super) fn with_ledger(name: &str) -> Run {
        let run = Run { folder: TempDir::new().expect("a folder") };
        let ledger = expected::read(&expected::path("data").join(name)).expect("a stored ledger");
        std::fs::write(run.ledger(), ledger).expect("written");
        let key = run.folder.path().join("nabiz.db.key");
        std::fs::copy(expected::path("data/nabiz.db.key"), key).expect("copied");
        run
    }

    pub(super) fn ledger(&self) -> PathBuf {
        self.folder.path().join("nabiz.db")
    }

    /// Writes the configuration: that of the fixtures, with this broker, ledger and address.
    fn configure(&self, brokers: &str, listen: &str, labels: Labels) -> PathBuf {
        let template =
            std::fs::read_to_string(expected::path("data/serve.toml")).expect("the configuration");
        let config = template
            .replace("{brokers}", brokers)
            .replace("{listen}", listen)
            .replace("{shard_label}", if labels == Labels::ByShard { "true" } else { "false" })
            .replace("{ledger}", path_text(&self.ledger()));
        let path = self.config();
        std::fs::write(&path, config).expect("written");
        path
    }

    /// Writes the configuration for commands that need no broker.
    pub(super) fn configure_alone(&self) -> PathBuf {
        self.configure("127.0.0.1:1", "127.0.0.1:0", Labels::Merged)
    }

    /// Returns the path of the configuration of the last start.
    pub(super) fn config(&self) -> PathBuf {
        self.folder.path().join("nabiz.toml")
    }

    /// Starts `nabiz serve` here, and waits until it has read `records` records.
    pub(super) fn serve(&self, broker: &Broker, records: usize, labels: Labels) -> Served {
        let address = free_address();
        let config = self.configure(&broker.cluster.bootstrap_servers(), &address, labels);
        let mut served = Served::start(&config, address);
        served.wait_until_read(records);
        served
    }
}

pub(super) fn path_text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}
