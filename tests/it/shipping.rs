//! The recipes in `deploy/shipping/`, which ship a queue_log to Kafka. Those for rsyslog and for
//! tail with kcat run as they are in a folder of the test, through rotations and kills. Those for
//! Vector and Fluent Bit are checked as text.

mod asterisk;
mod files;
mod shippers;
mod topic;

use std::time::Duration;

use asterisk::{Asterisk, Rotation};
use nabiz_dev::broker::Kafka;
use nabiz_dev::pipeline::Pipeline;
use nabiz_dev::scrape::Scrape;
use shippers::Shipper;
use topic::Topic;

use crate::harness::serial;

const ROTATIONS: usize = 20;
/// A busy machine starts processes slowly.
const WITHIN: Duration = Duration::from_secs(60);

/// Ships a queue_log through the rotations and kills, and checks that every line is in the topic
/// and that nabiz counts each once.
///
/// Every other rotation has a kill: with one, the shipper is away while the file is rotated; with
/// the next, it is killed while lines are on their way.
fn ship(name: &str, shipper: impl Fn(&Asterisk, &Kafka, &str) -> Shipper, ways: &[Rotation]) {
    let kafka = Kafka::shared();
    let topic_name = format!("shipping.{name}");
    let pipeline =
        Pipeline::new(kafka.brokers(), &topic_name).topic(&topic_name, "asterisk_queue_log");
    kafka.create_topic(&topic_name, 1);
    kafka.create_topic(pipeline.dead_letters(), 1);
    let mut topic = Topic::read(kafka, &topic_name);
    let mut asterisk = Asterisk::start();
    let mut shipper = shipper(&asterisk, kafka, &topic_name);

    shipper.start();
    let mut kills = 0;
    for rotation in 0..ROTATIONS {
        asterisk.calls(4);
        if rotation % 4 == 1 {
            shipper.kill();
            kills += 1;
            asterisk.calls(1);
        }
        asterisk.rotate(ways[rotation % ways.len()]);
        asterisk.calls(2);
        if rotation % 4 == 3 {
            let before = asterisk.lines().len();
            asterisk.calls(20);
            topic.wait_for(&asterisk.lines()[..=before], WITHIN, || shipper.said());
            shipper.kill();
            kills += 1;
        }
        shipper.start();
        topic.wait_for(asterisk.lines(), WITHIN, || shipper.said());
    }
    shipper.end();

    let foreign = topic.foreign(asterisk.lines());
    assert!(foreign.is_empty(), "not as Asterisk wrote them: {foreign:?}");
    let (written, shipped) = (asterisk.lines().len(), topic.length());
    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    let results = |scrape: &Scrape, result: &str| {
        scrape.sum("nabiz_records_total", &[("topic", &topic_name), ("result", result)])
    };
    let scrape = nabiz.scrape_until("everything read", WITHIN, |scrape| {
        let read = scrape.sum("nabiz_records_total", &[("topic", &topic_name)]);
        if read == shipped as f64 { Ok(()) } else { Err(format!("{read} of {shipped}")) }
    });
    assert_eq!(results(&scrape, "applied"), written as f64);
    assert_eq!(results(&scrape, "duplicate"), (shipped - written) as f64);
    let count = |name: &str| scrape.value(name, &[("queue", "support"), ("channel", "phone")]);
    let truth = asterisk.truth();
    assert_eq!(count("nabiz_visits_offered_total"), Some(truth.answered + truth.abandoned));
    assert_eq!(count("nabiz_visits_answered_total"), Some(truth.answered));
    assert_eq!(count("nabiz_visits_abandoned_total"), Some(truth.abandoned));
    assert_eq!(count("nabiz_handle_seconds_count"), Some(truth.answered));
    println!(
        "{name}: {ROTATIONS} rotations, {kills} kills, {written} lines, {} duplicates",
        shipped - written
    );
}

#[test]
#[ignore = "needs Apache Kafka and rsyslog (make test)"]
fn rsyslog_loses_no_line_and_nabiz_counts_each_once_when_files_rotate_and_it_is_killed() {
    let _shared = serial::shared();
    if shippers::rsyslog_is_there() {
        ship("rsyslog", Shipper::rsyslog, &[Rotation::Rename, Rotation::CopyTruncate]);
    }
}

#[test]
#[ignore = "needs Apache Kafka and kcat (make test)"]
fn tail_and_kcat_lose_no_line_and_nabiz_counts_each_once_when_files_rotate_and_they_are_killed() {
    let _shared = serial::shared();
    if shippers::kcat_is_there() {
        ship("kcat", Shipper::tail_and_kcat, &[Rotation::Rename]);
    }
}
