//! What ingestion needs to know.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use nabiz_core::decode::Format;
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;

use super::StartError;
use crate::clock::{WallClock, system_clock};
use crate::config::PropertyError;
use crate::ledger::DistributionErrors;
use crate::readmodel::Aggregation;

/// One topic to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// How its records are written.
    pub format: Format,
}

/// Where to read from, and how to publish.
#[derive(Clone)]
pub struct Options {
    /// `host:port`, several separated by commas.
    pub brokers: String,
    /// Consumer group.
    pub group: String,
    /// Where refused records go; none of `topics`.
    pub dead_letter_topic: String,
    /// Threads, each a member of the group; at least 1.
    pub workers: usize,
    /// What is read; at least one, each once.
    pub topics: Vec<Topic>,
    /// Properties passed to the client library as they are.
    pub client: BTreeMap<String, String>,
    /// A dead letter carries the value of its record up to this size.
    pub record_bytes_max: usize,
    /// How often the view is renewed.
    pub publish_interval: Duration,
    /// Whether series are served summed or per partition.
    pub aggregation: Aggregation,
    /// The wall clock behind idle advance.
    pub clock: WallClock,
    /// Where state is kept.
    pub ledger: LedgerOptions,
}

/// Where state is kept, and how often. Not `Debug`: the key is a secret.
#[derive(Clone)]
pub struct LedgerOptions {
    /// The file; instances of one group on one host share it.
    pub path: PathBuf,
    /// Time between two checkpoints.
    pub checkpoint_interval: Duration,
    /// How long interval history is kept, in milliseconds of the wall clock.
    pub history_retention_ms: u64,
    /// Keys the hashes under which contacts, agents and records are remembered.
    pub hash_key: [u8; 16],
    /// Names this instance in the ledger, beside its process id.
    pub instance: String,
    /// Counts stored distributions that could not be read; shared with readers of the history.
    pub distribution_errors: DistributionErrors,
}

impl LedgerOptions {
    /// The usual timing.
    pub fn new(path: impl Into<PathBuf>, hash_key: [u8; 16]) -> Self {
        const THREE_YEARS_MS: u64 = 1095 * 86_400_000;
        LedgerOptions {
            path: path.into(),
            checkpoint_interval: Duration::from_secs(2),
            history_retention_ms: THREE_YEARS_MS,
            hash_key,
            instance: "nabiz".to_owned(),
            distribution_errors: DistributionErrors::default(),
        }
    }
}

/// Properties that the fold's correctness hangs on, or that have a key of their own in the configuration.
const RESERVED: [&str; 14] = [
    "acks",
    "auto.offset.reset",
    "bootstrap.servers",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "enable.partition.eof",
    "group.id",
    "group.protocol",
    "message.timeout.ms",
    "metadata.broker.list",
    "partition.assignment.strategy",
    "request.required.acks",
    "statistics.interval.ms",
];

/// The client library's default of `fetch.wait.max.ms`.
const FETCH_WAIT_MS: u64 = 500;

/// Checks whether librdkafka accepts a property with this value.
///
/// # Errors
/// [`PropertyError`] with the reason of librdkafka, which may repeat the value.
pub fn check_client_property(property: &str, value: &str) -> Result<(), PropertyError> {
    match ClientConfig::new().set(property, value).create_native_config() {
        Ok(_) => Ok(()),
        Err(KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..)) => {
            Err(PropertyError::Unknown)
        }
        Err(KafkaError::ClientConfig(_, reason, _, _)) => {
            Err(PropertyError::Value(reason.trim_end_matches('.').to_owned()))
        }
        Err(error) => Err(PropertyError::Value(error.to_string())),
    }
}

impl Options {
    /// Options with the usual timing and the system's clock.
    pub fn new(
        brokers: impl Into<String>,
        group: impl Into<String>,
        dead_letter_topic: impl Into<String>,
        ledger: LedgerOptions,
    ) -> Self {
        Options {
            brokers: brokers.into(),
            group: group.into(),
            dead_letter_topic: dead_letter_topic.into(),
            workers: 1,
            topics: Vec::new(),
            client: BTreeMap::new(),
            record_bytes_max: 1 << 20,
            publish_interval: Duration::from_millis(100),
            aggregation: Aggregation::Summed,
            clock: system_clock(),
            ledger,
        }
    }

    pub(super) fn validate(&self) -> Result<(), StartError> {
        if self.topics.is_empty() {
            return Err(StartError::NoTopic);
        }
        if self.workers == 0 {
            return Err(StartError::NoWorker);
        }
        let mut names = BTreeSet::new();
        for topic in &self.topics {
            if !names.insert(topic.name.as_str()) {
                return Err(StartError::TopicTwice(topic.name.clone()));
            }
        }
        if names.contains(self.dead_letter_topic.as_str()) {
            return Err(StartError::DeadLetterTopicIsRead(self.dead_letter_topic.clone()));
        }
        match RESERVED.into_iter().find(|property| self.client.contains_key(*property)) {
            Some(property) => Err(StartError::ReservedProperty(property.to_owned())),
            None => Ok(()),
        }
    }

    fn client_config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("client.id", "nabiz");
        for (property, value) in &self.client {
            config.set(property, value);
        }
        config.set("bootstrap.servers", &self.brokers);
        config
    }

    /// The consumer of one worker.
    pub(super) fn consumer_config(&self, worker: usize) -> ClientConfig {
        let mut config = self.client_config();
        if config.get("fetch.queue.backoff.ms").is_none() {
            // A partition whose queue was full is looked at again after this; the default of a second would idle it.
            config.set("fetch.queue.backoff.ms", "5");
        }
        if config.get("queued.max.messages.kbytes").is_none() {
            // More than is folded between two fetches; the default of 64 MiB a worker only waits in memory.
            config.set("queued.max.messages.kbytes", "16384");
        }
        if let Some(instance) = self.client.get("group.instance.id") {
            config.set("group.instance.id", format!("{instance}-{worker}"));
        }
        config
            .set("group.id", &self.group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            // A position that the log does not hold is an error, so that what is missing is counted.
            .set("auto.offset.reset", "error")
            // Eager. Partitions are independent, so they are spread over members whatever their topic.
            .set("partition.assignment.strategy", "roundrobin")
            .set("statistics.interval.ms", "1000");
        config
    }

    /// The producer of dead letters.
    pub(super) fn producer_config(&self) -> ClientConfig {
        let mut config = self.client_config();
        // Group settings mean nothing to a producer; it would warn about each.
        config.remove("group.instance.id");
        config.set("acks", "all").set("message.timeout.ms", "0").set("linger.ms", "20");
        config
    }

    /// A leader that has answered within this many microseconds is in touch: at the end of a log it answers at least
    /// every `fetch.wait.max.ms`.
    pub(super) fn in_touch_us(&self) -> i64 {
        let wait_ms = self
            .client
            .get("fetch.wait.max.ms")
            .and_then(|wait| wait.parse().ok())
            .unwrap_or(FETCH_WAIT_MS);
        i64::try_from(wait_ms.saturating_add(1_500).saturating_mul(1_000)).unwrap_or(i64::MAX)
    }

    /// Whether the end of a log is its last record, rather than its last stable one.
    pub(super) fn reads_uncommitted(&self) -> bool {
        self.client.get("isolation.level").is_some_and(|level| level == "read_uncommitted")
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::consumer::BaseConsumer;
    use rdkafka::error::KafkaResult;

    use super::*;

    fn options() -> Options {
        let topic = |name: &str| Topic { name: name.to_owned(), format: Format::CloudEvents };
        Options {
            topics: vec![topic("calls"), topic("mails")],
            ..Options::new("127.0.0.1:1", "nabiz", "dead", LedgerOptions::new("unused.db", [0; 16]))
        }
    }

    fn with(property: &str, value: &str) -> Options {
        let mut options = options();
        options.client.insert(property.to_owned(), value.to_owned());
        options
    }

    #[test]
    fn what_cannot_work_is_refused() {
        assert!(options().validate().is_ok());
        let message = |options: Options| options.validate().unwrap_err().to_string();
        assert!(message(Options { topics: Vec::new(), ..options() }).contains("kafka.topics"));
        assert!(message(Options { workers: 0, ..options() }).contains("kafka.workers"));
        assert!(
            message(Options { dead_letter_topic: "mails".to_owned(), ..options() })
                .contains("\"mails\"")
        );
        let twice = vec![options().topics[0].clone(), options().topics[0].clone()];
        assert!(message(Options { topics: twice, ..options() }).contains("twice"));
        for property in RESERVED {
            assert!(message(with(property, "x")).contains(property));
        }
    }

    #[test]
    fn a_refused_value_is_not_repeated() {
        let refused: KafkaResult<BaseConsumer> =
            with("security.protocol", "hunter2").consumer_config(0).create();
        let message = StartError::from_client(refused.err().unwrap()).to_string();
        assert!(message.contains("security.protocol") && !message.contains("hunter2"), "{message}");
    }

    #[test]
    fn tls_and_sasl_are_built_in() {
        let features =
            ClientConfig::new().create_native_config().unwrap().get("builtin.features").unwrap();
        for feature in ["ssl", "sasl_plain", "sasl_scram", "gzip", "zstd"] {
            assert!(
                features.split(',').any(|built_in| built_in == feature),
                "{feature} is not in {features}"
            );
        }
        for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
            let mut options = with("security.protocol", "sasl_ssl");
            for (property, value) in
                [("sasl.mechanism", mechanism), ("sasl.username", "u"), ("sasl.password", "p")]
            {
                options.client.insert(property.to_owned(), value.to_owned());
            }
            let consumer: KafkaResult<BaseConsumer> = options.consumer_config(0).create();
            assert!(consumer.is_ok(), "{mechanism}: {:?}", consumer.err());
            let producer: KafkaResult<rdkafka::producer::BaseProducer> =
                options.producer_config().create();
            assert!(producer.is_ok(), "{mechanism}: {:?}", producer.err());
        }
    }

    #[test]
    fn static_members_are_told_apart() {
        let options = with("group.instance.id", "host-a");
        assert_eq!(options.consumer_config(1).get("group.instance.id"), Some("host-a-1"));
    }

    #[test]
    fn a_longer_fetch_wait_is_a_longer_touch() {
        assert_eq!(options().in_touch_us(), 2_000_000);
        assert_eq!(with("fetch.wait.max.ms", "5000").in_touch_us(), 6_500_000);
    }
}
