//! Ingestion against a broker inside the test process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use nabiz::calendar::BusinessDay;
use nabiz::event::decode::Format;
use nabiz::event::{ChannelId, Channels, Reason};
use nabiz::ingest::{Ingest, Options, Topic};
use nabiz::shard::{Clock, Formula, Limits, QueueSettings, Settings, WindowLength, WindowSettings};
use nabiz::view::Published;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

/// 2026-01-05 10:00 in Istanbul, a Monday.
const START_MS: i64 = 1_767_596_400_000;
const PATIENCE: Duration = Duration::from_secs(30);

fn settings(idle_advance: bool) -> Arc<Settings> {
    let queue_defaults = QueueSettings {
        name: String::new(),
        channel: ChannelId::PHONE,
        target_wait_ms: 20_000,
        target_ratio: 0.8,
        short_abandon_ms: 5_000,
        max_wait_ms: None,
        max_service_ms: None,
        target_abandonment: 0.05,
        target_first_response_ms: 4 * 3_600_000,
        target_resolution_ms: 3 * 86_400_000,
        formula: Formula::Live,
        clock: Clock::Elapsed,
        opening_hours: None,
    };
    let zone = TimeZone::get("Europe/Istanbul").unwrap();
    Arc::new(Settings {
        channels: Channels::default(),
        windows: WindowSettings {
            pane_ms: 5_000,
            lengths: vec![WindowLength { ms: 300_000, label: "5m".to_owned() }],
            idle_advance,
            allowed_lateness_ms: 60_000,
            transport_delay_ms: 3_000,
            miss_grace_ms: 2_000,
            reorder_grace_ms: 30_000,
            dedup_horizon_ms: 3_600_000,
            business_day: BusinessDay::new(zone, Time::midnight()),
        },
        limits: Limits { series: 100, open_contacts: 10_000, remembered_ids: 10_000, record_bytes: 1 << 20 },
        queue_defaults,
        queues: Vec::new(),
        aliases: BTreeMap::new(),
    })
}

/// A broker in this process, and what is needed to speak to it.
struct Broker {
    cluster: MockCluster<'static, DefaultProducerContext>,
    producer: BaseProducer,
}

impl Broker {
    fn new(topics: &[(&str, i32)]) -> Self {
        let cluster = MockCluster::new(1).unwrap();
        for (topic, partitions) in topics {
            cluster.create_topic(topic, *partitions, 1).unwrap();
        }
        let producer = ClientConfig::new().set("bootstrap.servers", cluster.bootstrap_servers()).create().unwrap();
        Broker { cluster, producer }
    }

    fn options(&self, topics: &[&str]) -> Options {
        Options {
            topics: topics.iter().map(|name| Topic { name: name.to_string(), format: Format::CloudEvents }).collect(),
            publish_interval: Duration::from_millis(50),
            ..Options::new(self.cluster.bootstrap_servers(), "test", "dead")
        }
    }

    fn write(&self, topic: &str, partition: i32, key: &str, value: &str, time_ms: i64) {
        let record = BaseRecord::to(topic).partition(partition).key(key).payload(value).timestamp(time_ms);
        self.producer.send(record).map_err(|(error, _)| error).unwrap();
    }

    fn flush(&self) {
        self.producer.flush(PATIENCE).unwrap();
    }
}

struct Pipeline {
    ingest: Ingest,
    published: Arc<ArcSwap<Published>>,
}

impl Pipeline {
    fn start(options: Options, settings: Arc<Settings>) -> Self {
        let published = Arc::new(ArcSwap::from_pointee(Published::starting(Arc::clone(&settings), false)));
        let ingest = Ingest::start(options, settings, Arc::clone(&published)).unwrap();
        Pipeline { ingest, published }
    }

    /// Waits for a view that shows what is asked for, and gives it.
    fn wait_for(&self, what: &str, shown: impl Fn(&Published) -> bool) -> Arc<Published> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let view = self.published.load_full();
            if shown(&view) {
                return view;
            }
            assert!(Instant::now() < deadline, "never seen: {what}; health: {:?}", view.health);
            assert!(self.ingest.is_running());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn stop(self) {
        let started = Instant::now();
        assert!(self.ingest.stop(Duration::from_secs(5)), "not stopped in time");
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}

fn read_sum(view: &Published) -> u64 {
    view.health.records.values().map(|totals| totals.read_sum()).sum()
}

/// Every record of a topic's partitions, as (headers, key, value).
type Read = (BTreeMap<String, String>, Option<String>, Option<String>);

fn read_all(broker: &Broker, topic: &str, count: usize) -> Vec<Read> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", broker.cluster.bootstrap_servers())
        .set("group.id", "reader")
        .create()
        .unwrap();
    let partitions = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap().topics()[0].partitions().len();
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition_offset(topic, partition as i32, Offset::Beginning).unwrap();
    }
    consumer.assign(&list).unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let deadline = Instant::now() + PATIENCE;
    let mut all = Vec::new();
    while all.len() < count {
        assert!(Instant::now() < deadline, "{} of {count} records in {topic}", all.len());
        if let Some(Ok(record)) = consumer.poll(Duration::from_millis(100)) {
            let headers = record.headers().map_or(BTreeMap::new(), |headers| {
                headers.iter().map(|h| (h.key.to_owned(), text(h.value.unwrap_or_default()))).collect()
            });
            all.push((headers, record.key().map(text), record.payload().map(text)));
        }
    }
    all
}

#[test]
fn a_refused_record_is_counted_and_written_to_the_dead_letter_topic() {
    let broker = Broker::new(&[("calls", 1), ("dead", 1)]);
    broker.write("calls", 0, "a", "no JSON", START_MS);
    broker.write("calls", 0, "b", "{", START_MS);
    broker.flush();
    let pipeline = Pipeline::start(broker.options(&["calls"]), settings(false));
    let view = pipeline.wait_for("two dead letters", |view| view.health.dead_letters == 2 && view.health.ready);
    assert_eq!(view.health.partitions[0].lag, Some(0));
    assert_eq!(view.health.partitions[0].position, Some(2));
    assert!(view.health.connected && view.contact_metrics_ready);

    let letters = read_all(&broker, "dead", 2);
    let (headers, key, value) = &letters[1];
    assert_eq!(key.as_deref(), Some("b"));
    assert_eq!(value.as_deref(), Some("{"));
    let expected = [("offset", "1"), ("partition", "0"), ("reason", "not_json"), ("topic", "calls")];
    for (header, expected) in expected {
        assert_eq!(headers.get(header).map(String::as_str), Some(expected), "{header}");
    }
    assert!(headers["message"].len() > 3, "a sentence for a person");
    pipeline.stop();
}

#[test]
fn a_broker_that_is_away_is_waited_for_and_holds_up_no_stop() {
    let topics = vec![Topic { name: "calls".to_owned(), format: Format::CloudEvents }];
    let options = Options { topics, ..Options::new("127.0.0.1:1", "test", "dead") };
    let pipeline = Pipeline::start(options, settings(false));
    let view = pipeline.wait_for("the reason", |view| {
        view.health.not_ready_because.as_deref() == Some("no kafka broker can be reached")
    });
    assert!(!view.health.ready && !view.contact_metrics_ready);
    pipeline.stop();
}
