//! nabiz recognises a recreated topic by the last record that it read, also if the topic is as long
//! as before. Where compaction or retention has deleted that record, and while nabiz reads, the id
//! of the topic decides.

use std::time::{Duration, Instant};

use nabiz_dev::broker::Kafka;
use nabiz_dev::client::{Outgoing, first_offset_from, produce};
use nabiz_dev::pipeline::Pipeline;
use nabiz_dev::scrape::Scrape;

use crate::harness::callers::{caller, wait_offered};
use crate::harness::serial;

const WITHIN: Duration = Duration::from_secs(60);
const HOUR_MS: i64 = 3_600_000;

/// Visits that begin a second apart, the first one `hours_ago`.
fn visits(name: &str, count: i64, hours_ago: i64) -> Vec<Outgoing> {
    let start_ms = jiff::Timestamp::now().as_millisecond() - hours_ago * HOUR_MS;
    let visit = |number: i64| {
        let timestamp_ms = start_ms + number * 1_000;
        caller(&format!("{name}-{number}"), timestamp_ms, timestamp_ms)
    };
    (0..count).map(visit).collect()
}

/// Starts the program, waits for `count` visits, and returns the metrics after a clean stop.
fn serve_once(pipeline: &Pipeline, count: usize) -> Scrape {
    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    let scrape = wait_offered(&nabiz, count);
    wait_topic_ids(pipeline);
    assert_eq!(nabiz.terminate(Duration::from_secs(5)).code(), Some(0));
    scrape
}

/// Waits until the ledger has the ids of all topics: nabiz is ready some milliseconds before the
/// broker has told the first one.
fn wait_topic_ids(pipeline: &Pipeline) {
    let read_only = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let ledger = rusqlite::Connection::open_with_flags(pipeline.ledger(), read_only).unwrap();
    nabiz_dev::wait_for("the ids of the topics", WITHIN, || {
        let query = "SELECT count(*) FROM partitions WHERE topic_id IS NULL";
        match ledger.query_row(query, [], |row| row.get(0)) {
            Ok(0) => Ok(()),
            Ok(count) => Err(format!("{count} partitions without")),
            Err(error) => Err(error.to_string()),
        }
    });
}

/// Checks how many logs were found to be others, and how many could not be told.
fn assert_found(scrape: &Scrape, resets: f64, unverified: f64) {
    assert_eq!(scrape.value("nabiz_log_resets_total", &[]), Some(resets));
    let found = scrape.value("nabiz_log_unverified_total", &[]);
    // Each assignment counts, and there can be two when the workers join.
    assert!(
        found.is_some_and(|found| (unverified..=3.0 * unverified).contains(&found)),
        "{found:?}"
    );
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn recreated_topic_loses_nothing_when_it_has_as_many_records() {
    let _shared = serial::shared();
    let kafka = Kafka::shared();
    let pipeline = Pipeline::new(kafka.brokers(), "anew").topic("anew.calls", "cloudevents");
    kafka.create_topic(pipeline.dead_letters(), 1);
    kafka.create_topic("anew.calls", 1);
    produce(kafka, "anew.calls", &visits("a", 35, 3));
    assert_found(&serve_once(&pipeline, 35), 0.0, 0.0);
    assert_found(&serve_once(&pipeline, 35), 0.0, 0.0);

    kafka.delete_topic("anew.calls");
    kafka.create_topic("anew.calls", 1);
    produce(kafka, "anew.calls", &visits("b", 60, 2));
    assert_found(&serve_once(&pipeline, 95), 1.0, 0.0);
    assert_found(&serve_once(&pipeline, 95), 0.0, 0.0);
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn recreated_topic_loses_nothing_when_the_process_was_suspended() {
    let _shared = serial::shared();
    let kafka = Kafka::shared();
    let pipeline = Pipeline::new(kafka.brokers(), "asleep").topic("asleep.calls", "cloudevents");
    kafka.create_topic(pipeline.dead_letters(), 1);
    kafka.create_topic("asleep.calls", 1);
    produce(kafka, "asleep.calls", &visits("a", 35, 3));
    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    wait_offered(&nabiz, 35);

    nabiz.signal("STOP");
    kafka.delete_topic("asleep.calls");
    kafka.create_topic("asleep.calls", 1);
    produce(kafka, "asleep.calls", &visits("b", 60, 2));
    // From three seconds on, the process notices that it was suspended.
    std::thread::sleep(Duration::from_secs(4));
    nabiz.signal("CONT");
    assert_found(&wait_offered(&nabiz, 95), 1.0, 0.0);
    assert_eq!(nabiz.terminate(Duration::from_secs(5)).code(), Some(0));
    assert_found(&serve_once(&pipeline, 95), 0.0, 0.0);
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn recreated_topic_loses_nothing_when_it_was_replaced_within_seconds() {
    let _shared = serial::shared();
    let kafka = Kafka::shared();
    let pipeline = Pipeline::new(kafka.brokers(), "swift").topic("swift.calls", "cloudevents");
    kafka.create_topic(pipeline.dead_letters(), 1);
    kafka.create_topic("swift.calls", 1);
    produce(kafka, "swift.calls", &visits("a", 35, 3));
    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    wait_offered(&nabiz, 35);

    // Shorter than a suspension that the process notices: it sees neither a missing topic nor a
    // log without its next record.
    nabiz.signal("STOP");
    let began = Instant::now();
    kafka.delete_topic("swift.calls");
    kafka.create_topic("swift.calls", 1);
    produce(kafka, "swift.calls", &visits("b", 60, 2));
    let took = began.elapsed();
    nabiz.signal("CONT");
    eprintln!("the topic was replaced in {took:?}");
    assert_found(&wait_offered(&nabiz, 95), 1.0, 0.0);
    assert_eq!(nabiz.terminate(Duration::from_secs(5)).code(), Some(0));
    assert_found(&serve_once(&pipeline, 95), 0.0, 0.0);
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn log_is_no_other_when_retention_has_taken_the_last_record() {
    let _shared = serial::shared();
    let kafka = Kafka::shared();
    let pipeline =
        Pipeline::new(kafka.brokers(), "retained").topic("retained.calls", "cloudevents");
    kafka.create_topic(pipeline.dead_letters(), 1);
    kafka.create_topic("retained.calls", 1);
    produce(kafka, "retained.calls", &visits("a", 35, 3));
    serve_once(&pipeline, 35);

    kafka.delete_records("retained.calls", 0, 35);
    assert_found(&serve_once(&pipeline, 35), 0.0, 0.0);
    produce(kafka, "retained.calls", &visits("b", 60, 2));
    assert_found(&serve_once(&pipeline, 95), 0.0, 0.0);
    assert_found(&serve_once(&pipeline, 95), 0.0, 0.0);
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn log_is_unverified_once_when_the_ledger_has_no_topic_id() {
    let _shared = serial::shared();
    let kafka = Kafka::shared();
    let pipeline = Pipeline::new(kafka.brokers(), "older").topic("older.calls", "cloudevents");
    kafka.create_topic(pipeline.dead_letters(), 1);
    kafka.create_topic("older.calls", 1);
    produce(kafka, "older.calls", &visits("a", 35, 3));
    serve_once(&pipeline, 35);

    kafka.delete_records("older.calls", 0, 35);
    let ledger = rusqlite::Connection::open(pipeline.ledger()).unwrap();
    assert_eq!(ledger.execute("UPDATE partitions SET topic_id = NULL", []), Ok(1));
    drop(ledger);
    assert_found(&serve_once(&pipeline, 35), 0.0, 1.0);
    produce(kafka, "older.calls", &visits("b", 60, 2));
    assert_found(&serve_once(&pipeline, 95), 0.0, 0.0);
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn log_is_no_other_when_compaction_has_taken_the_last_record() {
    let _shared = serial::shared();
    let kafka = Kafka::shared();
    let pipeline = Pipeline::new(kafka.brokers(), "compact").topic("compact.calls", "cloudevents");
    kafka.create_topic(pipeline.dead_letters(), 1);
    create_compacted(kafka, "compact.calls");
    produce(kafka, "compact.calls", &visits("a", 35, 3));
    serve_once(&pipeline, 35);

    compact_away(kafka, "compact.calls", "a-34");
    assert_found(&serve_once(&pipeline, 38), 0.0, 0.0);
    assert_found(&serve_once(&pipeline, 38), 0.0, 0.0);
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn recreated_topic_loses_nothing_when_compaction_has_taken_the_last_offset() {
    let _shared = serial::shared();
    let kafka = Kafka::shared();
    let pipeline = Pipeline::new(kafka.brokers(), "again").topic("again.calls", "cloudevents");
    kafka.create_topic(pipeline.dead_letters(), 1);
    create_compacted(kafka, "again.calls");
    produce(kafka, "again.calls", &visits("a", 35, 3));
    serve_once(&pipeline, 35);

    kafka.delete_topic("again.calls");
    create_compacted(kafka, "again.calls");
    produce(kafka, "again.calls", &visits("b", 60, 2));
    compact_away(kafka, "again.calls", "b-34");
    // All but the record that compaction has taken.
    assert_found(&serve_once(&pipeline, 35 + 59 + 3), 1.0, 0.0);
    assert_found(&serve_once(&pipeline, 35 + 59 + 3), 0.0, 0.0);
}

/// Creates a topic that the broker compacts as soon as it can.
fn create_compacted(kafka: &Kafka, topic: &str) {
    let at_once = [
        ("cleanup.policy", "compact"),
        ("min.cleanable.dirty.ratio", "0.001"),
        ("segment.ms", "500"),
    ];
    kafka.create_topic_with(topic, 1, &at_once);
}

/// Writes three visits, the first of them with the key of the record at offset 34, and waits until
/// compaction has taken that record.
fn compact_away(kafka: &Kafka, topic: &str, key: &str) {
    // The broker compacts only segments that are closed, and the next record closes one that is
    // old enough.
    let mut later = visits("later", 3, 1);
    later[0].key = key.to_owned();
    for record in later {
        produce(kafka, topic, &[record]);
        std::thread::sleep(Duration::from_secs(1));
    }
    nabiz_dev::wait_for("the compaction", WITHIN, || {
        let found = first_offset_from(kafka, topic, 34);
        if found > Some(34) { Ok(()) } else { Err(format!("record {found:?}")) }
    });
}
