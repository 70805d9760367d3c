//! The options of ingest, and the properties of its Kafka clients.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use nabiz_core::time::Millis;
use rdkafka::ClientConfig;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::producer::BaseProducer;
use rdkafka::types::RDKafkaConfRes;

use super::consumer_stats::Isolation;
use super::error::StartError;
use crate::clock::{MonotonicClock, WallClock, system_clock, system_monotonic};
use crate::config::{OnUndecodable, PropertyError, client_owned};
use crate::ledger::DistributionErrors;
use crate::readmodel::{Aggregation, Reloads};
use crate::record_format::RecordFormat;

/// A topic to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// The name of the topic.
    pub name: String,
    /// The format of its records.
    pub format: RecordFormat,
}

/// The topics that ingest reads, and how it publishes.
#[derive(Clone)]
pub struct Options {
    /// The brokers, as `host:port`, separated by commas.
    pub brokers: String,
    /// The consumer group.
    pub group: String,
    /// The topic for rejected records; none of `topics`.
    pub dead_letter_topic: String,
    /// The number of workers, each a member of the group; at least 1.
    pub workers: usize,
    /// The name by which the group knows this process after a restart: each worker is a static
    /// member. No other process of the group has it.
    pub instance_id: Option<String>,
    /// The topics to read; at least one, each once.
    pub topics: Vec<Topic>,
    /// Properties that are passed to librdkafka unchanged.
    pub client: BTreeMap<String, String>,
    /// What is done with a batch that cannot be decoded.
    pub on_undecodable: OnUndecodable,
    /// The largest value of a record that is read, and that a dead letter carries.
    pub record_bytes_max: usize,
    /// The shortest time between two reports of a worker.
    pub publish_interval: Duration,
    /// Whether series are served summed or per partition.
    pub aggregation: Aggregation,
    /// The wall clock, for idle advance, times that are ahead, and checkpoints.
    pub clock: WallClock,
    /// The clock that decides how far the wall clock is believed.
    pub monotonic: MonotonicClock,
    /// The options of the ledger.
    pub ledger: LedgerOptions,
    /// The configuration in effect, which checkpoints store and readers see.
    pub reloads: Arc<Reloads>,
}

/// The options of the ledger. Not `Debug`, because the hash key is a secret.
#[derive(Clone)]
pub struct LedgerOptions {
    /// The file. Instances of one group on one host can share it.
    pub path: PathBuf,
    /// The time between two checkpoints.
    pub checkpoint_interval: Duration,
    /// How long the interval history is kept.
    pub history_retention: Millis,
    /// The key of the hashes of contact, agent and record ids.
    pub hash_key: [u8; 16],
    /// The name of this instance in the ledger, after its process id.
    pub instance: String,
    /// The counter of unreadable stored distributions, shared with readers of the history.
    pub distribution_errors: DistributionErrors,
}

impl LedgerOptions {
    /// Returns options with the default intervals.
    pub fn new(path: impl Into<PathBuf>, hash_key: [u8; 16]) -> Self {
        const THREE_YEARS: Millis = Millis::from_hours(3 * 365 * 24);
        LedgerOptions {
            path: path.into(),
            checkpoint_interval: Duration::from_secs(2),
            history_retention: THREE_YEARS,
            hash_key,
            instance: "nabiz".to_owned(),
            distribution_errors: DistributionErrors::default(),
        }
    }
}

/// librdkafka's default of `fetch.message.max.bytes`.
const FETCH_BYTES: usize = 1 << 20;
/// librdkafka's default of `receive.message.max.bytes`.
const RECEIVE_BYTES: usize = 100_000_000;
/// Key, headers and batch of a record, which are read too.
const RECORD_OVERHEAD: usize = 1 << 20;
/// Room of an answer that is no record. librdkafka wants 512 bytes.
const ANSWER_OVERHEAD: usize = 4096;
/// librdkafka inflates into a buffer that it triples until the batch fits, and gives up where the
/// buffer would be larger than `receive.message.max.bytes`.
const INFLATE_FACTOR: usize = 3;

/// librdkafka's default of `fetch.wait.max.ms`.
const FETCH_WAIT: Duration = Duration::from_millis(500);
/// Time for an answer on top of `fetch.wait.max.ms`.
const LEADER_MARGIN: Duration = Duration::from_millis(1_500);

/// The properties whose values are files, or folders of files, that librdkafka reads.
const FILE_PROPERTIES: [&str; 9] = [
    "ssl.ca.location",
    "https.ca.location",
    "ssl.certificate.location",
    "ssl.key.location",
    "ssl.keystore.location",
    "ssl.crl.location",
    "sasl.oauthbearer.assertion.private.key.file",
    "sasl.oauthbearer.assertion.file",
    "sasl.oauthbearer.assertion.jwt.template.file",
];

/// Returns the files that properties name, from which librdkafka reads certificates, keys and the
/// like. It reads them once, when a client is created.
pub fn files_of_client(properties: &[(String, String)]) -> Vec<PathBuf> {
    let names_file = |property: &str| FILE_PROPERTIES.contains(&property);
    let named = properties.iter().filter(|(property, _)| names_file(property));
    named.map(|(_, path)| PathBuf::from(path)).collect()
}

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
    /// Returns options with the default intervals and the system's clock.
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
            instance_id: None,
            topics: Vec::new(),
            client: BTreeMap::new(),
            on_undecodable: OnUndecodable::Stop,
            record_bytes_max: 1 << 20,
            publish_interval: Duration::from_millis(100),
            aggregation: Aggregation::Summed,
            clock: system_clock(),
            monotonic: system_monotonic(),
            ledger,
            reloads: Arc::default(),
        }
    }

    /// Checks the options that do not depend on a broker.
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
                return Err(StartError::DuplicateTopic(topic.name.clone()));
            }
        }
        if names.contains(self.dead_letter_topic.as_str()) {
            return Err(StartError::DeadLetterTopicIsRead(self.dead_letter_topic.clone()));
        }
        match self.client.keys().find(|property| client_owned(property).is_some()) {
            Some(property) => Err(StartError::ReservedProperty(property.clone())),
            None => Ok(()),
        }
    }

    /// Checks the options as far as that needs no broker: creates clients with the properties of
    /// the workers and of the dead-letter producer, and drops them. They join no group.
    ///
    /// # Errors
    /// See [`StartError`]; among others, where librdkafka cannot use a certificate.
    pub fn check(&self) -> Result<(), StartError> {
        self.validate()?;
        let consumer: KafkaResult<BaseConsumer> = self.probe_config().create();
        consumer.map_err(StartError::from_client)?;
        let producer: KafkaResult<BaseProducer> = self.producer_config().create();
        producer.map(drop).map_err(StartError::from_client)
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

    /// Returns the properties of one worker's consumer.
    pub(super) fn consumer_config(&self, worker: usize) -> ClientConfig {
        let mut config = self.client_config();
        if config.get("fetch.queue.backoff.ms").is_none() {
            // The pause before a partition whose queue was full is fetched again. The default of a
            // second would leave it idle.
            config.set("fetch.queue.backoff.ms", "5");
        }
        if config.get("queued.max.messages.kbytes").is_none() {
            // More than a worker folds between two fetches. The default of 64 MiB for each worker
            // only uses memory.
            config.set("queued.max.messages.kbytes", "16384");
        }
        self.make_room_for_records(&mut config);
        if let Some(instance) = &self.instance_id {
            // Static members need distinct ids.
            config.set("group.instance.id", format!("{instance}-{worker}"));
        }
        config
            .set("group.id", &self.group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            // An offset out of range is an error, so that missed records are counted.
            .set("auto.offset.reset", "error")
            // An eager strategy. Partitions are independent, so they are spread over the members
            // regardless of their topic.
            .set("partition.assignment.strategy", "roundrobin")
            .set("statistics.interval.ms", "1000");
        config
    }

    /// Raises the bounds of the client so that a record of `record_bytes_max` is read, also
    /// compressed. Leaves the bounds that the configuration sets.
    fn make_room_for_records(&self, config: &mut ClientConfig) {
        let set = |names: &[&str]| {
            names.iter().filter_map(|name| self.client.get(*name)?.parse::<usize>().ok()).max()
        };
        let with_overhead = self.record_bytes_max.saturating_add(RECORD_OVERHEAD);
        if set(&["fetch.message.max.bytes", "max.partition.fetch.bytes"]).is_none()
            && with_overhead > FETCH_BYTES
        {
            config.set("fetch.message.max.bytes", with_overhead.to_string());
        }
        let inflating = with_overhead.saturating_mul(INFLATE_FACTOR);
        if set(&["receive.message.max.bytes"]).is_none() && inflating > RECEIVE_BYTES {
            // librdkafka wants room for a whole answer to a fetch. It would raise its own default.
            let answer = set(&["fetch.max.bytes", "message.max.bytes"]).unwrap_or(0);
            let receive = inflating.max(answer.saturating_add(ANSWER_OVERHEAD));
            config.set("receive.message.max.bytes", receive.to_string());
        }
    }

    /// Returns the properties of the client that asks the brokers. It is no member of the group.
    pub(super) fn watch_config(&self) -> ClientConfig {
        let mut config = self.client_config();
        config.set("isolation.level", "read_uncommitted").set("enable.auto.commit", "false");
        config
    }

    /// Returns the properties of a consumer that tries to read single offsets. It decodes as the
    /// workers do, and joins no group.
    pub(super) fn probe_config(&self) -> ClientConfig {
        let mut config = self.consumer_config(0);
        config.remove("group.instance.id");
        config
            .set("enable.partition.eof", "true")
            .set("fetch.wait.max.ms", "100")
            .set("queued.max.messages.kbytes", "1024")
            .set("statistics.interval.ms", "0");
        config
    }

    /// Returns the properties of the dead-letter producer.
    pub(super) fn producer_config(&self) -> ClientConfig {
        let mut config = self.client_config();
        config.set("acks", "all").set("message.timeout.ms", "0").set("linger.ms", "20");
        config
    }

    /// Returns the time after which a leader without an answer counts as silent. At the end of a
    /// log a leader answers at least every `fetch.wait.max.ms`.
    pub(super) fn leader_timeout(&self) -> Duration {
        let fetch_wait = self
            .client
            .get("fetch.wait.max.ms")
            .and_then(|wait| wait.parse().ok())
            .map_or(FETCH_WAIT, Duration::from_millis);
        fetch_wait.saturating_add(LEADER_MARGIN)
    }

    /// Returns which records of transactions are read.
    pub(super) fn isolation(&self) -> Isolation {
        match self.client.get("isolation.level").map(String::as_str) {
            Some("read_uncommitted") => Isolation::ReadUncommitted,
            _ => Isolation::ReadCommitted,
        }
    }
}

#[cfg(test)]
mod tests {
    use nabiz_core::decode::Format;

    use super::*;

    fn options() -> Options {
        let topic = |name: &str| Topic {
            name: name.to_owned(),
            format: RecordFormat::Native(Format::CloudEvents),
        };
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
    fn validate_rejects_options_that_cannot_work() {
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
        for property in ["acks", "group.id", "group.instance.id", "statistics.interval.ms"] {
            assert!(message(with(property, "x")).contains(property));
        }
    }

    #[test]
    fn error_omits_the_value_of_a_bad_property() {
        let created: KafkaResult<BaseConsumer> =
            with("security.protocol", "hunter2").consumer_config(0).create();
        let message = StartError::from_client(created.err().unwrap()).to_string();
        assert!(message.contains("security.protocol") && !message.contains("hunter2"), "{message}");
    }

    #[test]
    #[cfg_attr(
        not(all(feature = "kafka-tls", feature = "kafka-compression")),
        ignore = "needs the features kafka-tls and kafka-compression"
    )]
    fn client_library_has_tls_and_sasl() {
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
            let producer: KafkaResult<BaseProducer> = options.producer_config().create();
            assert!(producer.is_ok(), "{mechanism}: {:?}", producer.err());
        }
    }

    #[test]
    fn static_members_have_distinct_ids() {
        let id = |config: &ClientConfig| config.get("group.instance.id").map(str::to_owned);
        assert_eq!(id(&options().consumer_config(1)), None);
        let options = Options { instance_id: Some("host-a".to_owned()), ..options() };
        assert_eq!(id(&options.consumer_config(0)).as_deref(), Some("host-a-0"));
        assert_eq!(id(&options.consumer_config(1)).as_deref(), Some("host-a-1"));
        for joins_no_group in
            [options.watch_config(), options.probe_config(), options.producer_config()]
        {
            assert_eq!(id(&joins_no_group), None);
        }
    }

    #[test]
    fn bounds_of_the_client_follow_from_the_largest_record() {
        let of = |options: &Options| {
            let config = options.consumer_config(0);
            let get = |name: &str| config.get(name).map(str::to_owned);
            (get("receive.message.max.bytes"), get("fetch.message.max.bytes"))
        };
        assert_eq!(of(&options()), (None, Some("2097152".to_owned())));
        let mut large = Options { record_bytes_max: 100 << 20, ..options() };
        let bounds = (Some("317718528".to_owned()), Some("105906176".to_owned()));
        assert_eq!(of(&large), bounds);
        assert!(large.consumer_config(0).create::<BaseConsumer>().is_ok());
        large.client.insert("fetch.max.bytes".to_owned(), "400000000".to_owned());
        assert_eq!(of(&large).0.as_deref(), Some("400004096"));
        assert!(large.consumer_config(0).create::<BaseConsumer>().is_ok());
        large.client.insert("receive.message.max.bytes".to_owned(), "500000000".to_owned());
        large.client.insert("max.partition.fetch.bytes".to_owned(), "1000".to_owned());
        assert_eq!(of(&large), (Some("500000000".to_owned()), None));
    }

    #[test]
    fn leader_timeout_grows_with_the_fetch_wait() {
        assert_eq!(options().leader_timeout(), Duration::from_secs(2));
        let slow = with("fetch.wait.max.ms", "5000");
        assert_eq!(slow.leader_timeout(), Duration::from_millis(6_500));
    }
}
