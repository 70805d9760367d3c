//! Ingestion against a broker inside the test process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use nabiz::ingest::{Ingest, LedgerOptions, Options, Topic};
use nabiz::readmodel::{Aggregation, PublishedState};
use nabiz::record_format::RecordFormat;
use nabiz_core::decode::Format;
use nabiz_core::ids;
use nabiz_core::settings::{Limits, Settings, WindowLength, WindowSettings};
use nabiz_core::time::{Millis, Timestamp};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tempfile::TempDir;

use crate::harness::fake_clock::FakeClock;
use crate::harness::serial;

mod clocks;

/// 2026-01-05 10:00 in Istanbul, a Monday.
const START_MS: i64 = 1_767_596_400_000;
const PATIENCE: Duration = Duration::from_secs(30);

/// Returns settings with one window, and a stream time that follows the events alone.
fn settings() -> Arc<Settings> {
    settings_of(WindowSettings { idle_advance: false, ..windows() })
}

/// Returns settings with one window, and a stream time that follows the wall clock where a
/// partition has no more records.
fn settings_with_idle_advance() -> Arc<Settings> {
    settings_of(windows())
}

fn windows() -> WindowSettings {
    WindowSettings {
        lengths: vec![WindowLength { length: Millis(300_000), label: "5m".to_owned() }],
        ..WindowSettings::default()
    }
}

fn settings_of(windows: WindowSettings) -> Arc<Settings> {
    let limits =
        Limits { series: 100, open_contacts: 10_000, remembered_ids: 10_000, ..Limits::default() };
    Arc::new(Settings::builder().windows(windows).limits(limits).build())
}

/// A broker in this process, with a producer for it.
struct Broker {
    cluster: MockCluster<'static, DefaultProducerContext>,
    producer: BaseProducer,
    folder: TempDir,
}

fn ledger_in(folder: &TempDir) -> LedgerOptions {
    LedgerOptions::new(folder.path().join("nabiz.db"), [5; 16])
}

impl Broker {
    fn new(topics: &[(&str, i32)]) -> Self {
        let cluster = MockCluster::new(1).unwrap();
        for (topic, partitions) in topics {
            cluster.create_topic(topic, *partitions, 1).unwrap();
        }
        let producer = ClientConfig::new()
            .set("bootstrap.servers", cluster.bootstrap_servers())
            .create()
            .unwrap();
        Broker { cluster, producer, folder: TempDir::new().unwrap() }
    }

    fn options(&self, topics: &[&str]) -> Options {
        // The mock broker delays a new member by nearly a session timeout.
        let client = [("session.timeout.ms", "6000"), ("heartbeat.interval.ms", "200")];
        Options {
            client: client.map(|(property, value)| (property.to_owned(), value.to_owned())).into(),
            topics: topics
                .iter()
                .map(|name| Topic {
                    name: name.to_string(),
                    format: RecordFormat::Native(Format::CloudEvents),
                })
                .collect(),
            publish_interval: Duration::from_millis(50),
            ..Options::new(self.cluster.bootstrap_servers(), "test", "dead", self.ledger())
        }
    }

    /// Returns the options of the test's own ledger.
    fn ledger(&self) -> LedgerOptions {
        LedgerOptions { checkpoint_interval: Duration::from_millis(100), ..ledger_in(&self.folder) }
    }

    fn write(&self, topic: &str, partition: i32, key: &str, value: &str, time_ms: i64) {
        let record =
            BaseRecord::to(topic).partition(partition).key(key).payload(value).timestamp(time_ms);
        self.producer.send(record).map_err(|(error, _)| error).unwrap();
    }

    /// Writes a visit that is answered after ten seconds.
    fn write_visit(&self, topic: &str, partition: i32, contact: &str, time_ms: i64) {
        self.write(topic, partition, contact, &event("queued", contact, time_ms), time_ms);
        self.write(
            topic,
            partition,
            contact,
            &event("answered", contact, time_ms + 10_000),
            time_ms + 10_000,
        );
    }

    fn flush(&self) {
        self.producer.flush(PATIENCE).unwrap();
    }
}

struct Pipeline {
    ingest: Ingest,
    published: Arc<ArcSwap<PublishedState>>,
}

impl Pipeline {
    fn start(options: Options, settings: Arc<Settings>) -> Self {
        let published = Arc::new(ArcSwap::from_pointee(PublishedState::starting(
            Arc::clone(&settings),
            Aggregation::Summed,
        )));
        let ingest = Ingest::start(options, settings, Arc::clone(&published)).unwrap();
        Pipeline { ingest, published }
    }

    /// Waits for a view that satisfies `shown`, and returns it.
    fn wait_for(&self, what: &str, shown: impl Fn(&PublishedState) -> bool) -> Arc<PublishedState> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let view = self.published.load_full();
            if shown(&view) {
                return view;
            }
            assert!(Instant::now() < deadline, "never seen: {what}; health: {:?}", view.health);
            assert_eq!(self.ingest.failure(), None);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Watches for a while that something stays as it is.
    fn stays(&self, what: &str, still: impl Fn(&PublishedState) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(3);
        while Instant::now() < deadline {
            let view = self.published.load_full();
            assert!(still(&view), "{what}; health: {:?}", view.health);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn stop(self) {
        let started = Instant::now();
        assert!(self.ingest.stop(Duration::from_secs(5)), "not stopped in time");
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}

/// Returns why the numbers are withheld.
fn reason(view: &PublishedState) -> Option<&str> {
    view.withheld_because(Instant::now())
}

fn is_ready(view: &PublishedState) -> bool {
    view.is_servable(Instant::now())
}

fn offered(view: &PublishedState) -> u64 {
    view.merged.series.iter().map(|series| series.totals.visits.offered).sum()
}

fn offered_in_window(view: &PublishedState) -> u64 {
    view.merged.series.iter().map(|series| series.windows[0].counts.visits.offered).sum()
}

fn event(kind: &str, contact: &str, time_ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(time_ms).unwrap();
    format!(
        r#"{{"specversion":"1.0","id":"{kind}-{contact}","source":"/test","type":"contact.{kind}","time":"{time}","data":{{"contact_id":"{contact}","queue":"fault"}}}}"#
    )
}

/// Every record of a topic's partitions, as (headers, key, value).
type Read = (BTreeMap<String, String>, Option<String>, Option<String>);

fn read_all(broker: &Broker, topic: &str, count: usize) -> Vec<Read> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", broker.cluster.bootstrap_servers())
        .set("group.id", "reader")
        .create()
        .unwrap();
    let partitions =
        consumer.fetch_metadata(Some(topic), PATIENCE).unwrap().topics()[0].partitions().len();
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
                headers
                    .iter()
                    .map(|h| (h.key.to_owned(), text(h.value.unwrap_or_default())))
                    .collect()
            });
            all.push((headers, record.key().map(text), record.payload().map(text)));
        }
    }
    all
}

#[test]
fn rejected_record_is_counted_and_written_to_the_dead_letter_topic() {
    let _shared = serial::shared();
    let broker = Broker::new(&[("calls", 1), ("dead", 1)]);
    broker.write("calls", 0, "a", "no JSON", START_MS);
    broker.write("calls", 0, "b", "{", START_MS);
    broker.flush();
    let pipeline = Pipeline::start(broker.options(&["calls"]), settings());
    let view = pipeline
        .wait_for("two dead letters", |view| view.health.dead_letters == 2 && is_ready(view));
    assert_eq!(view.health.partitions[0].lag, Some(0));
    assert_eq!(view.health.partitions[0].position, Some(ids::Offset(2)));
    assert!(view.health.connected && is_ready(&view));

    let letters = read_all(&broker, "dead", 2);
    let (headers, key, value) = &letters[1];
    assert_eq!(key.as_deref(), Some("b"));
    assert_eq!(value.as_deref(), Some("{"));
    let expected =
        [("offset", "1"), ("partition", "0"), ("reason", "not_json"), ("topic", "calls")];
    for (header, expected) in expected {
        assert_eq!(headers.get(header).map(String::as_str), Some(expected), "{header}");
    }
    assert!(headers["message"].len() > 3, "a sentence for a person");
    pipeline.stop();
}

#[test]
fn ingest_waits_for_an_absent_broker_and_stops_without_it() {
    let _shared = serial::shared();
    let topics =
        vec![Topic { name: "calls".to_owned(), format: RecordFormat::Native(Format::CloudEvents) }];
    let folder = TempDir::new().unwrap();
    let options =
        Options { topics, ..Options::new("127.0.0.1:1", "test", "dead", ledger_in(&folder)) };
    let pipeline = Pipeline::start(options, settings());
    let view = pipeline
        .wait_for("the reason", |view| reason(view) == Some("no kafka broker can be reached"));
    assert!(!is_ready(&view));
    pipeline.stop();
}

#[test]
fn two_workers_share_the_partitions_and_read_every_record() {
    let _shared = serial::shared();
    let broker = Broker::new(&[("calls", 4), ("dead", 1)]);
    for contact in 0..400 {
        broker.write_visit(
            "calls",
            contact % 4,
            &format!("c{contact}"),
            START_MS + i64::from(contact) * 100,
        );
    }
    broker.flush();
    let pipeline =
        Pipeline::start(Options { workers: 2, ..broker.options(&["calls"]) }, settings());
    let view = pipeline.wait_for("readiness", is_ready);
    assert_eq!(offered(&view), 400, "ready means that everything there was is counted");
    assert_eq!(view.shards.len(), 4);
    assert!(view.health.rebalances >= 2, "each worker was given its share");
    let records: Vec<u64> = view.health.records.values().map(|totals| totals.read_sum()).collect();
    assert_eq!(records, [800]);
    pipeline.stop();
}

#[test]
fn topics_are_decoded_each_in_its_own_format() {
    let _shared = serial::shared();
    let broker = Broker::new(&[("calls", 2), ("asterisk", 2), ("dead", 1)]);
    broker.write_visit("calls", 1, "a", START_MS);
    let seconds = START_MS / 1000;
    for line in [
        format!("{seconds}|b|600|NONE|ENTERQUEUE||555|1"),
        format!("{seconds}|b|600|SIP/1|CONNECT|7|c|2"),
    ] {
        broker.write("asterisk", 1, "b", &line, START_MS);
    }
    broker.flush();
    let mut options = broker.options(&["calls", "asterisk"]);
    options.topics[1].format = RecordFormat::Native(Format::AsteriskQueueLog);
    let pipeline = Pipeline::start(options, settings());
    let view = pipeline.wait_for("readiness", is_ready);
    let answered: Vec<(&str, u64)> = view
        .merged
        .series
        .iter()
        .map(|series| (&*series.queue, series.totals.visits.answered))
        .collect();
    assert_eq!(answered, [("600", 1), ("fault", 1)]);
    assert_eq!(view.health.partitions.len(), 4, "the empty ones too");
    assert!(view.health.partitions.iter().all(|partition| partition.lag == Some(0)));
    pipeline.stop();
}

#[test]
fn stream_time_advances_with_the_clock_only_at_the_log_end() {
    let _shared = serial::shared();
    let broker = Broker::new(&[("calls", 1), ("dead", 1)]);
    broker.write_visit("calls", 0, "a", START_MS);
    broker.flush();
    let clock = FakeClock::at(START_MS + 15_000);
    let pipeline =
        Pipeline::start(clock.of(broker.options(&["calls"])), settings_with_idle_advance());
    let view = pipeline.wait_for("time up to the clock less the delay", |view| {
        view.merged.stream_time == Some(Timestamp(START_MS + 12_000))
    });
    assert_eq!((offered(&view), offered_in_window(&view)), (1, 1));

    clock.advance_to(START_MS + 600_000);
    let view = pipeline.wait_for("an empty window", |view| offered_in_window(view) == 0);
    assert_eq!(view.merged.stream_time, Some(Timestamp(START_MS + 597_000)));
    assert_eq!(offered(&view), 1, "the counter stays");

    // The end of the log is unknown while its broker is unreachable: the log may have grown.
    broker.cluster.broker_down(1).unwrap();
    pipeline.wait_for("the broker is away", |view| !view.health.connected);
    clock.advance_to(START_MS + 900_000);
    pipeline.stays("old truth with its age", |view| {
        view.merged.stream_time == Some(Timestamp(START_MS + 597_000)) && is_ready(view)
    });
    broker.cluster.broker_up(1).unwrap();
    broker.write_visit("calls", 0, "b", START_MS + 890_000);
    broker.flush();
    pipeline.wait_for("reading and time go on", |view| {
        offered(view) == 2 && view.merged.stream_time == Some(Timestamp(START_MS + 900_000))
    });
    pipeline.stop();
}

#[test]
fn stream_time_is_event_time_when_idle_advance_is_off() {
    let _shared = serial::shared();
    let broker = Broker::new(&[("calls", 1), ("dead", 1)]);
    broker.write_visit("calls", 0, "a", START_MS);
    broker.flush();
    let clock = FakeClock::at(START_MS + 600_000);
    let pipeline = Pipeline::start(clock.of(broker.options(&["calls"])), settings());
    pipeline.wait_for("readiness", is_ready);
    pipeline.stays("time of the last event", |view| {
        view.merged.stream_time == Some(Timestamp(START_MS + 10_000))
    });
    pipeline.stop();
}

#[test]
fn partition_continues_at_its_offset_when_it_is_assigned_again() {
    let _shared = serial::shared();
    let broker = Broker::new(&[("calls", 2), ("dead", 1)]);
    for partition in 0..2 {
        broker.write_visit("calls", partition, &format!("a{partition}"), START_MS);
        broker.write("calls", partition, "bad", "no JSON", START_MS);
    }
    broker.flush();
    let options = Options { aggregation: Aggregation::PerShard, ..broker.options(&["calls"]) };
    let one = Pipeline::start(options.clone(), settings());
    one.wait_for("everything", |view| is_ready(view) && view.health.dead_letters == 2);

    let two = Pipeline::start(options, settings());
    two.wait_for("a share", |view| is_ready(view) && view.shards.len() == 1);
    let view = one.wait_for("the other share", |view| view.shards.len() == 1);
    assert!(is_ready(&view));
    assert_eq!(offered(&view), 1);
    broker.write_visit("calls", 0, "b0", START_MS + 60_000);
    broker.write_visit("calls", 1, "b1", START_MS + 60_000);
    broker.flush();
    one.wait_for("its new visit", |view| offered(view) == 2);
    two.wait_for("its new visit", |view| offered(view) == 2);

    two.stop();
    let view = one.wait_for("everything again", |view| offered(view) == 4);
    assert_eq!(view.health.dead_letters, 2, "nothing was read twice");
    one.stop();
}

#[test]
fn sums_are_withheld_while_another_instance_has_a_part() {
    let _shared = serial::shared();
    let broker = Broker::new(&[("calls", 2), ("dead", 1)]);
    for partition in 0..2 {
        broker.write_visit("calls", partition, &format!("a{partition}"), START_MS);
    }
    broker.flush();
    let one = Pipeline::start(broker.options(&["calls"]), settings());
    let view = one.wait_for("readiness", is_ready);
    assert_eq!(offered(&view), 2);

    let two = Pipeline::start(broker.options(&["calls"]), settings());
    let has_a_part = |view: &PublishedState| reason(view) == Some("holds 1 of 2 partitions");
    one.wait_for("a part", has_a_part);
    let view = two.wait_for("the other part", has_a_part);
    assert_eq!(view.health.partitions.len(), 1, "the health of the partition is served");

    one.stop();
    let view = two.wait_for("readiness", is_ready);
    assert_eq!(offered(&view), 2);
    two.stop();
}

#[test]
fn dead_letter_is_sent_again_when_the_broker_rejects_it() {
    let _shared = serial::shared();
    let broker = Broker::new(&[("calls", 1), ("dead", 1)]);
    broker.write("calls", 0, "a", "no JSON", START_MS);
    broker.flush();
    let refusal = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    broker.cluster.request_errors(RDKafkaApiKey::Produce, &[refusal]);
    let pipeline = Pipeline::start(broker.options(&["calls"]), settings());
    pipeline.wait_for("the failure", |view| {
        view.health.dead_letter_failures == 1 && view.health.dead_letters_waiting == 1
    });
    let view = pipeline.wait_for("the delivery", |view| view.health.dead_letters == 1);
    assert_eq!(view.health.dead_letters_waiting, 0);
    assert_eq!(read_all(&broker, "dead", 1)[0].2.as_deref(), Some("no JSON"));
    pipeline.stop();
}

#[test]
fn reading_pauses_and_loses_nothing_when_too_many_dead_letters_are_pending() {
    let _shared = serial::shared();
    const RECORDS: u64 = 30_000;
    let broker = Broker::new(&[("calls", 1), ("dead", 1)]);
    for _ in 0..RECORDS {
        broker.write("calls", 0, "a", "x", START_MS);
    }
    broker.flush();
    broker
        .cluster
        .topic_error("dead", RDKafkaRespErr::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE)
        .unwrap();
    let pipeline = Pipeline::start(broker.options(&["calls"]), settings());
    pipeline.wait_for("a full queue", |view| view.health.dead_letters_waiting >= 10_000);
    pipeline.stays("reading is held up", |view| {
        view.health.dead_letters_waiting < 15_000
            && !is_ready(view)
            && view.health.dead_letters == 0
    });
    broker.cluster.topic_error("dead", RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).unwrap();
    let view = pipeline.wait_for("every dead letter", |view| {
        view.health.dead_letters == RECORDS && is_ready(view)
    });
    let rejected: Vec<u64> =
        view.health.records.values().map(|totals| totals.rejected_sum()).collect();
    assert_eq!(rejected, [RECORDS]);
    pipeline.stop();
}

#[test]
fn ingest_waits_for_a_topic_that_does_not_exist() {
    let _shared = serial::shared();
    let broker = Broker::new(&[("calls", 1), ("dead", 1)]);
    let pipeline = Pipeline::start(broker.options(&["calls", "mails"]), settings());
    let missing = Some("topic \"mails\" does not exist");
    let view = pipeline.wait_for("the reason", |view| reason(view) == missing);
    assert!(!is_ready(&view));
    pipeline.wait_for("the topic that exists", |view| view.health.partitions.len() == 1);

    broker.cluster.create_topic("mails", 2, 1).unwrap();
    broker.write_visit("mails", 0, "a", START_MS);
    broker.flush();
    let view =
        pipeline.wait_for("readiness", |view| is_ready(view) && view.health.partitions.len() == 3);
    assert_eq!(offered(&view), 1);
    pipeline.stop();
}

/// Holds the write lock of the ledger, as another instance does that writes for a while.
fn hold_ledger(broker: &Broker) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(broker.ledger().path).unwrap();
    connection.busy_timeout(PATIENCE).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}

#[test]
fn stream_time_does_not_advance_when_it_is_not_stored() {
    let _shared = serial::shared();
    let broker = Broker::new(&[("calls", 1), ("dead", 1)]);
    broker.write_visit("calls", 0, "a", START_MS);
    broker.flush();
    let clock = FakeClock::at(START_MS + 15_000);
    let pipeline =
        Pipeline::start(clock.of(broker.options(&["calls"])), settings_with_idle_advance());
    let time = |view: &PublishedState| view.merged.stream_time.map(Timestamp::get);
    pipeline.wait_for("time up to the clock less the delay", |view| {
        time(view) == Some(START_MS + 12_000)
    });
    let held = hold_ledger(&broker);
    clock.advance_to(START_MS + 600_000);
    pipeline.stays("what could not be stored is not shown", |view| {
        time(view) == Some(START_MS + 12_000)
    });
    held.execute_batch("ROLLBACK").unwrap();
    pipeline.wait_for("time goes on", |view| time(view) == Some(START_MS + 597_000));
    pipeline.stop();
}

#[test]
fn stored_stream_time_counts_when_the_process_ended_before_it_advanced() {
    let _shared = serial::shared();
    let broker = Broker::new(&[("calls", 1), ("dead", 1)]);
    broker.write_visit("calls", 0, "a", START_MS);
    broker.flush();
    let pipeline = Pipeline::start(broker.options(&["calls"]), settings());
    pipeline.wait_for("readiness", is_ready);
    pipeline.stop();
    let connection = rusqlite::Connection::open(broker.ledger().path).unwrap();
    let advanced =
        connection.execute("UPDATE partitions SET advance_ms = ?1", [START_MS + 600_000]).unwrap();
    assert_eq!(advanced, 1);
    let pipeline = Pipeline::start(broker.options(&["calls"]), settings());
    let view = pipeline.wait_for("readiness", is_ready);
    assert_eq!(view.merged.stream_time, Some(Timestamp(START_MS + 600_000)));
    assert_eq!((offered(&view), offered_in_window(&view)), (1, 0));
    pipeline.stop();
}

#[test]
fn offset_is_not_stored_before_the_dead_letter_is_written() {
    let _shared = serial::shared();
    let broker = Broker::new(&[("calls", 1), ("dead", 1)]);
    broker.write("calls", 0, "bad", "no JSON", START_MS);
    broker.write_visit("calls", 0, "a", START_MS);
    broker.flush();
    broker
        .cluster
        .topic_error("dead", RDKafkaRespErr::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE)
        .unwrap();
    let pipeline = Pipeline::start(broker.options(&["calls"]), settings());
    pipeline.wait_for("everything read", |view| {
        view.health.dead_letters_waiting == 1
            && view.health.partitions.iter().any(|part| part.position == Some(ids::Offset(3)))
    });
    assert!(!pipeline.ingest.stop(Duration::from_secs(5)), "the letter is not written");
    broker.cluster.topic_error("dead", RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).unwrap();
    let pipeline = Pipeline::start(broker.options(&["calls"]), settings());
    let view =
        pipeline.wait_for("the letter", |view| view.health.dead_letters == 1 && is_ready(view));
    assert_eq!(offered(&view), 1);
    assert_eq!(read_all(&broker, "dead", 1)[0].2.as_deref(), Some("no JSON"));
    pipeline.stop();
}

#[test]
fn partition_never_starts_empty_when_its_stored_state_cannot_be_read() {
    let _shared = serial::shared();
    let broker = Broker::new(&[("calls", 1), ("dead", 1)]);
    broker.write_visit("calls", 0, "a", START_MS);
    broker.flush();
    let pipeline = Pipeline::start(broker.options(&["calls"]), settings());
    pipeline.wait_for("the visit", |view| is_ready(view) && offered(view) == 1);
    pipeline.stop();
    let connection = rusqlite::Connection::open(broker.ledger().path).unwrap();
    connection.execute("UPDATE pieces SET bytes = x'ff' WHERE kind = 0", []).unwrap();
    let chunks = || -> i64 {
        connection.query_row("SELECT count(*) FROM pieces", [], |row| row.get(0)).unwrap()
    };
    let before = chunks();
    let pipeline = Pipeline::start(broker.options(&["calls"]), settings());
    let deadline = Instant::now() + PATIENCE;
    while pipeline.ingest.failure().is_none() {
        assert!(
            Instant::now() < deadline && !is_ready(&pipeline.published.load()),
            "it was begun anew"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(pipeline.ingest.failure().is_some_and(|why| why.contains("partition calls")));
    pipeline.stop();
    assert_eq!(chunks(), before);
}
