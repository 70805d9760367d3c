//! nabiz recognises a recreated topic by the last record that it read, also if the topic is as long
//! as before. A record that compaction or retention has deleted is no sign of a recreated topic.

use std::time::Duration;

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
    assert_eq!(nabiz.terminate(Duration::from_secs(5)).code(), Some(0));
    scrape
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
    assert_found(&serve_once(&pipeline, 35), 0.0, 1.0);
    produce(kafka, "retained.calls", &visits("b", 60, 2));
    assert_found(&serve_once(&pipeline, 95), 0.0, 1.0);
    assert_found(&serve_once(&pipeline, 95), 0.0, 0.0);
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn log_is_no_other_when_compaction_has_taken_the_last_record() {
    let _shared = serial::shared();
    let kafka = Kafka::shared();
    let pipeline = Pipeline::new(kafka.brokers(), "compact").topic("compact.calls", "cloudevents");
    kafka.create_topic(pipeline.dead_letters(), 1);
    let at_once = [
        ("cleanup.policy", "compact"),
        ("min.cleanable.dirty.ratio", "0.001"),
        ("segment.ms", "500"),
    ];
    kafka.create_topic_with("compact.calls", 1, &at_once);
    produce(kafka, "compact.calls", &visits("a", 35, 3));
    serve_once(&pipeline, 35);

    // Compaction takes the last record, because a later one has its key. It does so only in
    // segments that are closed, and the next record closes one that is old enough.
    let mut later = visits("b", 3, 2);
    later[0].key = "a-34".to_owned();
    for record in later {
        produce(kafka, "compact.calls", &[record]);
        std::thread::sleep(Duration::from_secs(1));
    }
    nabiz_dev::wait_for("the compaction", WITHIN, || {
        let found = first_offset_from(kafka, "compact.calls", 34);
        if found > Some(34) { Ok(()) } else { Err(format!("record {found:?}")) }
    });
    assert_found(&serve_once(&pipeline, 38), 0.0, 1.0);
    assert_found(&serve_once(&pipeline, 38), 0.0, 0.0);
}
