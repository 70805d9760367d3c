//! `nabiz simulate` as a command.

use crate::harness::serial;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::mocking::MockCluster;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::Value;

fn nabiz(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nabiz"));
    command.arg("simulate").args(arguments);
    command
}

fn output(arguments: &[&str]) -> Output {
    nabiz(arguments).output().expect("the command runs")
}

#[test]
fn file_and_standard_output_get_the_same_events_and_the_truth_counts_them() {
    let _shared = serial::shared();
    let folder = tempfile::tempdir().expect("a folder");
    let (file, truth) = (folder.path().join("events.ndjson"), folder.path().join("truth.json"));
    let (file_name, truth_name) = (file.to_str().expect("text"), truth.to_str().expect("text"));
    let common = ["--duration", "90m", "--seed", "5", "--scenario", "overnight"];
    let to_file = output(&[&["--output", file_name, "--truth", truth_name], &common[..]].concat());
    assert!(
        to_file.status.success() && to_file.stdout.is_empty() && to_file.stderr.is_empty(),
        "{to_file:?}"
    );
    let to_stdout = output(&[&["--output", "-"], &common[..]].concat());
    assert!(to_stdout.status.success());
    let lines = std::fs::read(&file).expect("the events");
    assert!(lines == to_stdout.stdout, "the file and standard output differ");
    let truth: Value =
        serde_json::from_slice(&std::fs::read(&truth).expect("the truth")).expect("JSON");
    assert_eq!(
        truth["events"].as_u64(),
        Some(lines.iter().filter(|byte| **byte == b'\n').count() as u64)
    );
    assert!(
        truth["metrics"]["nabiz_visits_offered_total"]
            .as_array()
            .is_some_and(|samples| !samples.is_empty())
    );
}

#[test]
fn command_succeeds_when_its_reader_stops_early() {
    let _shared = serial::shared();
    let mut child = nabiz(&["--output", "-", "--duration", "30d"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command runs");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("standard output"))
        .read_line(&mut line)
        .expect("a line");
    assert!(line.contains("contact.started") || line.contains("agent.state_changed"), "{line}");
    let ended = child.wait_with_output().expect("it ends");
    assert!(ended.status.success() && ended.stderr.is_empty(), "{ended:?}");
}

#[test]
fn command_exits_with_2_on_wrong_usage_and_with_1_on_an_unwritable_file() {
    let _shared = serial::shared();
    for arguments in [
        &["--scenario", "calm"][..],
        &["--output", "-", "--speed", "0"],
        &["--output", "-", "--brokers", "b:1"],
    ] {
        assert_eq!(output(arguments).status.code(), Some(2), "{arguments:?}");
    }
    let failed = output(&["--output", "/nowhere/at/all.ndjson"]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&failed.stderr).contains("/nowhere/at/all.ndjson"),
        "{failed:?}"
    );
}

#[test]
fn help_shows_an_example() {
    let _shared = serial::shared();
    let help = output(&["--help"]);
    assert!(help.status.success());
    assert!(
        String::from_utf8_lossy(&help.stdout).contains("nabiz simulate --brokers 127.0.0.1:9092")
    );
}

/// The records of each partition: key, event, and time of the record.
type Records = BTreeMap<i32, Vec<(String, Value, i64)>>;

fn consume(brokers: &str, topic: &str, partitions: i32, expected: usize) -> Records {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "reader")
        .set("enable.auto.commit", "false")
        .create()
        .expect("a consumer");
    let mut assignment = TopicPartitionList::new();
    for partition in 0..partitions {
        assignment.add_partition_offset(topic, partition, Offset::Beginning).expect("an offset");
    }
    consumer.assign(&assignment).expect("an assignment");
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut records = Records::new();
    let mut count = 0;
    while count < expected && Instant::now() < deadline {
        let Some(message) = consumer.poll(Duration::from_millis(200)) else { continue };
        let message = message.expect("a record");
        let key = String::from_utf8(message.key().expect("a key").to_vec()).expect("text");
        let event = serde_json::from_slice(message.payload().expect("a value")).expect("JSON");
        let time_ms = message.timestamp().to_millis().expect("a time");
        records.entry(message.partition()).or_default().push((key, event, time_ms));
        count += 1;
    }
    assert_eq!(count, expected, "records in time");
    records
}

#[test]
fn kafka_receives_every_event_with_key_and_time_and_a_closing_event_per_partition() {
    let _shared = serial::shared();
    let cluster = MockCluster::new(1).expect("a cluster");
    cluster.create_topic("calls", 3, 1).expect("a topic");
    let brokers = cluster.bootstrap_servers();
    let folder = tempfile::tempdir().expect("a folder");
    let truth = folder.path().join("truth.json");
    let truth_name = truth.to_str().expect("text");
    let run = ["--duration", "20m", "--start", "2026-01-05T10:00:00+03:00"];
    let written = output(
        &[&["--brokers", brokers.as_str(), "--speed", "max", "--truth", truth_name], &run[..]]
            .concat(),
    );
    assert!(written.status.success(), "{written:?}");
    let truth: Value =
        serde_json::from_slice(&std::fs::read(&truth).expect("the truth")).expect("JSON");
    let expected: Vec<Value> = output(&[&["--output", "-"], &run[..]].concat())
        .stdout
        .lines()
        .map(|line| serde_json::from_str(&line.expect("a line")).expect("JSON"))
        .collect();
    assert_eq!(truth["events"].as_u64(), Some(expected.len() as u64 + 3));

    let mut records = consume(&brokers, "calls", 3, expected.len() + 3);
    let last_time = expected.last().expect("events")["time"].clone();
    let mut seen = BTreeMap::new();
    for (partition, records) in &mut records {
        let (_, closing, _) = records.pop().expect("records");
        assert_eq!(
            (&closing["type"], &closing["time"]),
            (&"queue.observed".into(), &last_time),
            "{partition}"
        );
        let keys: BTreeSet<String> = records.iter().map(|(key, ..)| key.clone()).collect();
        for key in keys {
            assert_eq!(seen.insert(key, *partition), None, "a key has one partition");
        }
        for (_, event, time_ms) in records.iter() {
            let time: jiff::Timestamp =
                event["time"].as_str().expect("a time").parse().expect("RFC 3339");
            assert_eq!(time.as_millisecond(), *time_ms);
        }
    }
    assert_eq!(records.len(), 3);
    for (partition, records) in &records {
        let of_partition: Vec<&Value> = records.iter().map(|(_, event, _)| event).collect();
        let ids: BTreeSet<&str> =
            of_partition.iter().map(|event| event["id"].as_str().expect("an id")).collect();
        let in_order: Vec<&Value> = expected
            .iter()
            .filter(|event| event["id"].as_str().is_some_and(|id| ids.contains(id)))
            .collect();
        assert!(of_partition == in_order, "partition {partition} has its events in order");
    }
}

#[test]
fn command_exits_with_1_when_kafka_rejects_a_record() {
    let _shared = serial::shared();
    let cluster = MockCluster::new(1).expect("a cluster");
    cluster.create_topic("calls", 1, 1).expect("a topic");
    let refusals = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED; 50];
    cluster.request_errors(RDKafkaApiKey::Produce, &refusals);
    let failed =
        output(&["--brokers", &cluster.bootstrap_servers(), "--speed", "max", "--duration", "20m"]);
    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    assert!(
        String::from_utf8_lossy(&failed.stderr).contains("records were not delivered"),
        "{failed:?}"
    );
}
