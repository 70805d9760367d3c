//! Record and event times that are wrong, through a real broker and a real process.

use std::time::Duration;

use crate::harness::callers::{caller, wait_offered};
use crate::harness::serial;
use nabiz_dev::broker::Kafka;
use nabiz_dev::client::{Outgoing, produce};
use nabiz_dev::pipeline::Pipeline;
use nabiz_dev::scrape::Scrape;

const TOPIC: &str = "clock.calls";

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

fn stream_time_ms(scrape: &Scrape) -> i64 {
    let time = scrape
        .value("nabiz_stream_time_timestamp_seconds", &[("topic", TOPIC), ("partition", "0")]);
    (time.expect("a stream time") * 1000.0) as i64
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn wrong_record_and_event_times_move_no_other_call() {
    const MINUTE_MS: i64 = 60_000;
    let _alone = serial::alone();
    let kafka = Kafka::shared();
    let pipeline =
        Pipeline::new(kafka.brokers(), "clock").topic(TOPIC, "cloudevents").idle_advance();
    kafka.create_topic(TOPIC, 1);
    kafka.create_topic(pipeline.dead_letters(), 1);
    let start = now_ms();
    let mut records: Vec<Outgoing> =
        (0..8).map(|number| caller(&format!("c{number}"), start - 1_000, start)).collect();
    // The times of a source with a wrong time zone, and of a producer that writes seconds.
    records.push(caller("ahead", start + 55 * MINUTE_MS, start + 55 * MINUTE_MS));
    records.push(caller("seconds", start - 500, start / 1000));
    records.push(caller("last", start - 400, start));
    produce(kafka, TOPIC, &records);

    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    let scrape = wait_offered(&nabiz, 11);
    assert_eq!(scrape.value("nabiz_future_events_total", &[("topic", TOPIC)]), Some(1.0));
    assert!(stream_time_ms(&scrape) <= now_ms(), "{}", stream_time_ms(&scrape));
    let late = [("topic", TOPIC), ("result", "late")];
    assert_eq!(scrape.value("nabiz_records_total", &late), Some(0.0));
    assert_eq!(scrape.sum("nabiz_waiting", &[("queue", "support")]), 11.0);
    let longest = scrape.sum("nabiz_longest_wait_seconds", &[("queue", "support")]);
    assert!(longest < 120.0, "{longest} s: nobody has waited since 1970");

    // What was shown is stored: an instance that is killed continues from there.
    nabiz.kill();
    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    let again = wait_offered(&nabiz, 11);
    assert_eq!(again.value("nabiz_future_events_total", &[("topic", TOPIC)]), Some(0.0));
    assert!(stream_time_ms(&again) >= stream_time_ms(&scrape));
    assert!(stream_time_ms(&again) <= now_ms());
    assert_eq!(nabiz.terminate(Duration::from_secs(5)).code(), Some(0));
}
