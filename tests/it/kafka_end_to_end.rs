//! The whole program against a real Kafka broker: the records that enter by Kafka appear in
//! `/metrics`, counted exactly, whatever happens to the broker and to the program meanwhile.

mod mapped;
mod partitions;
mod queue_log;
mod reload;
mod sessions;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use nabiz::ledger::Ledger;
use nabiz_core::event::Channels;
use nabiz_dev::broker::{Kafka, PASSWORD, USER};
use nabiz_dev::client::{Incoming, Outgoing, commit, length, produce, read_all};
use nabiz_dev::pipeline::Pipeline;
use nabiz_dev::process::{Nabiz, nabiz};
use nabiz_dev::scrape::Scrape;
use nabiz_dev::wait_for;
use nabiz_simulator::{Options, Scenario, Simulation};
use serde_json::Value;

use crate::harness::serial;
use crate::harness::simulated::simulated;
use crate::harness::truth::{self, is_of_the_process};

/// Long enough for a slow machine to read some thousands of records.
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(60);
/// 2026-01-05T10:00:00+03:00 in milliseconds since the Unix epoch.
const START_MS: i64 = 1_767_596_400_000;

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn metrics_equal_the_truth_of_the_produced_records() {
    let _shared = serial::shared();
    let kafka = Kafka::shared();
    let pipeline = Pipeline::new(kafka.brokers(), "truth")
        .topic("calls", "cloudevents")
        .topic("asterisk", "asterisk_queue_log");
    kafka.create_topic("calls", 3);
    kafka.create_topic("asterisk", 1);
    kafka.create_topic(pipeline.dead_letters(), 1);

    let bad = bad_records(3);
    produce(kafka, "calls", &bad[..5]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let truth = simulate_to(kafka, "calls", folder.path());
    produce(kafka, "calls", &bad[5..]);
    produce(kafka, "asterisk", &queue_log::records());
    let produced = length(kafka, "calls");
    assert_eq!(produced, truth["events"].as_u64().expect("a number of events") + bad.len() as u64);

    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    let scrape = nabiz.scrape_until("everything read", CAUGHT_UP_WITHIN, |scrape| {
        read(scrape, "calls", produced)?;
        read(scrape, "asterisk", queue_log::lines().len() as u64)
    });
    assert_truth(&truth, &scrape);
    for (name, labels, expected) in queue_log::expected() {
        let got = scrape.value(name, labels).or((expected == 0.0).then_some(0.0));
        assert_eq!(got, Some(expected), "{name}{labels:?}");
    }
    assert_eq!(
        scrape.sum("nabiz_records_total", &[("topic", "calls"), ("result", "rejected")]),
        bad.len() as f64
    );
    assert_eq!(
        scrape.sum("nabiz_records_total", &[("topic", "calls"), ("result", "duplicate")]),
        0.0
    );
    assert_dead_letters(kafka, &pipeline, &bad, queue_log::REJECTED);

    // After a termination signal the program exits with 0. Started again, it serves the same
    // numbers and reads no record twice.
    let status = nabiz.terminate(Duration::from_secs(5));
    assert_eq!(status.code(), Some(0));
    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    let again = nabiz.scrape_until("all counters back", CAUGHT_UP_WITHIN, |scrape| {
        read(scrape, "calls", produced)
    });
    assert_eq!(contact_metrics_fallen(&again, &scrape), Vec::<String>::new());
    assert_truth(&truth, &again);
    assert_eq!(nabiz.terminate(Duration::from_secs(5)).code(), Some(0));
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn broker_outage_loses_and_repeats_nothing() {
    let _shared = serial::shared();
    let kafka = Kafka::start();
    let pipeline = Pipeline::new(kafka.brokers(), "outage").topic("calls", "cloudevents");
    kafka.create_topic("calls", 3);
    kafka.create_topic(pipeline.dead_letters(), 1);
    let (events, truth) = simulated_hour(3);
    let (first, rest) = events.split_at(events.len() / 2);
    let bad = bad_records(3);

    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    produce(&kafka, "calls", first);
    let before = nabiz.scrape_until("the first half read", CAUGHT_UP_WITHIN, |scrape| {
        read(scrape, "calls", first.len() as u64)
    });

    kafka.stop();
    assert_eq!(nabiz.get("/healthz").map(|(status, _)| status), Ok(200));
    let away = nabiz.scrape();
    assert_eq!(away.fallen_since(&before), Vec::<String>::new());

    kafka.restart();
    produce(&kafka, "calls", &bad);
    produce(&kafka, "calls", rest);
    let mut earlier = away;
    let after = nabiz.scrape_until("the second half read", CAUGHT_UP_WITHIN, |scrape| {
        assert_eq!(scrape.fallen_since(&earlier), Vec::<String>::new());
        earlier = scrape.clone();
        read(scrape, "calls", (events.len() + bad.len()) as u64)
    });
    assert_truth(&truth, &after);
    assert_dead_letters(&kafka, &pipeline, &bad, 0);

    // After a termination signal the program does not wait for a broker that is gone.
    kafka.kill();
    assert_eq!(nabiz.get("/healthz").map(|(status, _)| status), Ok(200));
    assert_eq!(nabiz.terminate(Duration::from_secs(5)).code(), Some(0));
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn crash_loses_and_repeats_nothing() {
    let _shared = serial::shared();
    let kafka = Kafka::shared();
    let pipeline = Pipeline::new(kafka.brokers(), "crash")
        .topic("crash.calls", "cloudevents")
        .client("session.timeout.ms", "6000")
        .client("heartbeat.interval.ms", "500");
    kafka.create_topic("crash.calls", 3);
    kafka.create_topic(pipeline.dead_letters(), 1);
    let (events, truth) = simulated_hour(3);
    let (first, rest) = events.split_at(events.len() / 3);

    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    produce(kafka, "crash.calls", first);
    let before = nabiz.scrape_until("the first part read", CAUGHT_UP_WITHIN, |scrape| {
        read(scrape, "crash.calls", first.len() as u64)
    });
    nabiz.kill();
    produce(kafka, "crash.calls", rest);

    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    let after = nabiz.scrape_until("the rest read", CAUGHT_UP_WITHIN, |scrape| {
        read(scrape, "crash.calls", events.len() as u64)
    });
    assert_eq!(contact_metrics_fallen(&after, &before), Vec::<String>::new());
    assert_truth(&truth, &after);
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn instances_share_partitions_and_take_over_from_each_other() {
    let _shared = serial::shared();
    let kafka = Kafka::shared();
    let pipeline = Pipeline::new(kafka.brokers(), "group")
        .topic("group.calls", "cloudevents")
        .shard_label()
        .client("session.timeout.ms", "6000")
        .client("heartbeat.interval.ms", "500");
    kafka.create_topic("group.calls", 6);
    kafka.create_topic(pipeline.dead_letters(), 1);
    let (events, truth) = simulated_hour(6);
    let (first, rest) = events.split_at(events.len() / 2);

    let mut one = pipeline.serve();
    one.wait_ready();
    produce(kafka, "group.calls", first);
    one.scrape_until("the first half read", CAUGHT_UP_WITHIN, |scrape| {
        read(scrape, "group.calls", first.len() as u64)
    });

    let mut two = pipeline.serve_another();
    two.wait_ready();
    nabiz_dev::wait_for("the work is shared", CAUGHT_UP_WITHIN, || {
        let shares = [&one, &two]
            .map(|nabiz| nabiz.scrape().series("nabiz_stream_time_timestamp_seconds").count());
        // The group's assignor decides how many of the six each worker gets.
        if shares.iter().sum::<usize>() == 6 && !shares.contains(&0) {
            Ok(())
        } else {
            Err(format!("{shares:?} of 6"))
        }
    });
    produce(kafka, "group.calls", rest);
    let both = nabiz_dev::wait_for("the second half read", CAUGHT_UP_WITHIN, || {
        let sum = Scrape::over_shards(&[one.scrape(), two.scrape()]);
        read(&sum, "group.calls", events.len() as u64).map(|()| sum)
    });
    assert_truth(&truth, &both);

    // The group removes the member after the session timeout; the survivor continues from the
    // ledger.
    two.kill();
    let alone = nabiz_dev::wait_for("the survivor has it all", CAUGHT_UP_WITHIN, || {
        let sum = Scrape::over_shards(&[one.scrape()]);
        read(&sum, "group.calls", events.len() as u64).map(|()| sum)
    });
    assert_truth(&truth, &alone);
    assert_eq!(one.terminate(Duration::from_secs(5)).code(), Some(0));
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn records_are_counted_as_missed_when_retention_deletes_them_unread() {
    let _shared = serial::shared();
    let kafka = Kafka::shared();
    let pipeline = Pipeline::new(kafka.brokers(), "gap").topic("gap.calls", "cloudevents");
    kafka.create_topic("gap.calls", 1);
    kafka.create_topic(pipeline.dead_letters(), 1);
    let (events, _) = simulated_hour(1);
    let (first, rest) = events.split_at(100);
    let (taken, kept) = rest.split_at(70);

    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    produce(kafka, "gap.calls", first);
    nabiz.scrape_until("the first part read", CAUGHT_UP_WITHIN, |scrape| {
        read(scrape, "gap.calls", first.len() as u64)
    });
    assert_eq!(nabiz.scrape().value("nabiz_records_missed", &[]), Some(0.0));
    assert_eq!(nabiz.terminate(Duration::from_secs(5)).code(), Some(0));
    produce(kafka, "gap.calls", rest);
    kafka.delete_records("gap.calls", 0, (first.len() + taken.len()) as i64);

    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    let scrape = nabiz.scrape_until("what is left read", CAUGHT_UP_WITHIN, |scrape| {
        read(scrape, "gap.calls", (first.len() + kept.len()) as u64)
    });
    assert_eq!(scrape.value("nabiz_records_missed", &[]), Some(taken.len() as f64));
    assert_eq!(nabiz.terminate(Duration::from_secs(5)).code(), Some(0));

    // Missing records stay counted as missing, also after another start.
    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    assert_eq!(nabiz.scrape().value("nabiz_records_missed", &[]), Some(taken.len() as f64));
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn records_are_counted_as_missed_when_retention_deletes_them_during_a_suspension() {
    let _shared = serial::shared();
    let kafka = Kafka::shared();
    let pipeline = Pipeline::new(kafka.brokers(), "still").topic("still.calls", "cloudevents");
    kafka.create_topic("still.calls", 1);
    kafka.create_topic(pipeline.dead_letters(), 1);
    let (events, _) = simulated_hour(1);
    let (first, rest) = events.split_at(100);

    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    produce(kafka, "still.calls", first);
    nabiz.scrape_until("the first part read", CAUGHT_UP_WITHIN, |scrape| {
        read(scrape, "still.calls", first.len() as u64)
    });
    nabiz.signal("STOP");
    // The broker answers a pending fetch with the first of these records, which the client then
    // buffers.
    produce(kafka, "still.calls", &rest[..200]);
    produce(kafka, "still.calls", &rest[200..]);
    kafka.delete_records("still.calls", 0, (events.len() - 50) as i64);
    nabiz.signal("CONT");
    let scrape = nabiz.scrape_until("read or missed", CAUGHT_UP_WITHIN, |scrape| {
        let missed = scrape.value("nabiz_records_missed", &[]).unwrap_or_default();
        read(scrape, "still.calls", events.len() as u64 - missed as u64)
    });
    let missed = scrape.value("nabiz_records_missed", &[]).expect("a gauge");
    assert!(missed >= (rest.len() - 250) as f64, "{missed} of {} are missed", rest.len());
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn truncated_log_is_not_counted_twice() {
    let _shared = serial::shared();
    a_log_loses_its_end("shorter", "");
}

/// No record was read since the ledger began to store record times, so the stream time is used.
#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn truncated_log_is_not_counted_twice_after_an_upgrade() {
    let _shared = serial::shared();
    a_log_loses_its_end("upgraded", ", record_ms = NULL");
}

/// Checks that nothing is counted twice when the ledger is ahead of the log. `change` is SQL that
/// further edits the ledger's rows.
fn a_log_loses_its_end(group: &str, change: &str) {
    let topic = format!("{group}.calls");
    let topic = topic.as_str();
    let kafka = Kafka::shared();
    let pipeline = Pipeline::new(kafka.brokers(), group).topic(topic, "cloudevents");
    kafka.create_topic(topic, 1);
    kafka.create_topic(pipeline.dead_letters(), 1);
    let (events, truth) = simulated_hour(1);
    let (first, rest) = events.split_at(events.len() / 2);

    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    produce(kafka, topic, first);
    nabiz.scrape_until("the first half read", CAUGHT_UP_WITHIN, |scrape| {
        read(scrape, topic, first.len() as u64)
    });
    assert_eq!(nabiz.terminate(Duration::from_secs(5)).code(), Some(0));
    let ledger = rusqlite::Connection::open(pipeline.ledger()).expect("the ledger");
    let longer = format!("UPDATE partitions SET next_offset = next_offset + 10{change}");
    ledger.execute(&longer, []).expect("a longer log is remembered");
    drop(ledger);

    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    assert_eq!(
        nabiz.scrape().value("nabiz_log_resets_total", &[]),
        Some(1.0),
        "{}",
        nabiz.log_tail()
    );
    produce(kafka, topic, rest);
    let scrape = nabiz.scrape_until("every record applied", CAUGHT_UP_WITHIN, |scrape| {
        let applied = scrape.sum("nabiz_records_total", &[("result", "applied")]);
        (applied == events.len() as f64)
            .then_some(())
            .ok_or_else(|| format!("{applied} of {}", events.len()))
    });
    assert_truth(&truth, &scrape);
    // The last minute is read again, and its records count as duplicates.
    let duplicates = scrape.sum("nabiz_records_total", &[("result", "duplicate")]);
    assert!(duplicates > 0.0 && duplicates < first.len() as f64 / 2.0, "{duplicates}");
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn reading_starts_at_the_ledger_offset_whatever_the_group_has_committed() {
    let _shared = serial::shared();
    let kafka = Kafka::shared();
    let pipeline =
        Pipeline::new(kafka.brokers(), "position").topic("position.calls", "cloudevents");
    kafka.create_topic("position.calls", 1);
    kafka.create_topic(pipeline.dead_letters(), 1);
    let (events, truth) = simulated_hour(1);
    let mut read_upto = 0;
    // The group's committed offset is ahead of the ledger, and then behind it.
    for (upto, committed) in [(100, None), (events.len() / 2, Some(150)), (events.len(), Some(0))] {
        produce(kafka, "position.calls", &events[read_upto..upto]);
        if let Some(offset) = committed {
            commit(kafka, "position", "position.calls", offset);
        }
        read_upto = upto;
        let mut nabiz = pipeline.serve();
        nabiz.wait_ready();
        let scrape = nabiz.scrape_until("all of it read", CAUGHT_UP_WITHIN, |scrape| {
            read(scrape, "position.calls", upto as u64)
        });
        assert_eq!(
            scrape.sum("nabiz_records_total", &[("result", "duplicate")]),
            0.0,
            "upto {upto}"
        );
        if upto == events.len() {
            assert_truth(&truth, &scrape);
        }
        assert_eq!(nabiz.terminate(Duration::from_secs(5)).code(), Some(0));
    }
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn brokers_that_require_sasl_are_read() {
    let _shared = serial::shared();
    let kafka = Kafka::shared();
    kafka.create_topic("guarded", 1);
    produce(kafka, "guarded", &queue_log::records());
    let ca = kafka.ca().display().to_string();
    let ways = [
        (
            "plain",
            kafka.sasl_brokers(),
            vec![("security.protocol", "sasl_plaintext"), ("sasl.mechanism", "PLAIN")],
        ),
        (
            "scram",
            kafka.sasl_brokers(),
            vec![("security.protocol", "sasl_plaintext"), ("sasl.mechanism", "SCRAM-SHA-512")],
        ),
        (
            "tls",
            kafka.tls_brokers(),
            vec![
                ("security.protocol", "sasl_ssl"),
                ("sasl.mechanism", "SCRAM-SHA-512"),
                ("ssl.ca.location", ca.as_str()),
            ],
        ),
    ];
    for (name, brokers, properties) in ways {
        let mut pipeline = Pipeline::new(brokers, &format!("guarded.{name}"))
            .topic("guarded", "asterisk_queue_log");
        for (key, value) in
            properties.into_iter().chain([("sasl.username", USER), ("sasl.password", PASSWORD)])
        {
            pipeline = pipeline.client(key, value);
        }
        kafka.create_topic(pipeline.dead_letters(), 1);
        let mut nabiz = pipeline.serve();
        nabiz.wait_ready();
        let scrape = nabiz.scrape_until(name, CAUGHT_UP_WITHIN, |scrape| {
            read(scrape, "guarded", queue_log::lines().len() as u64)
        });
        assert_eq!(
            scrape
                .value("nabiz_visits_offered_total", &[("queue", "support"), ("channel", "phone")]),
            Some(47.0),
            "{name}"
        );
        assert!(!nabiz.log_tail().contains(PASSWORD), "{name}: the password is in the log");
        assert_eq!(nabiz.terminate(Duration::from_secs(5)).code(), Some(0), "{name}");
        // The dead letters were written with the same client settings.
        assert_eq!(dead_letters(kafka, &pipeline).len(), queue_log::REJECTED, "{name}");
    }
}

/// Runs `nabiz simulate` into a topic and returns the truth that it wrote.
fn simulate_to(kafka: &Kafka, topic: &str, folder: &Path) -> Value {
    let path = folder.join("truth.json").display().to_string();
    let brokers = kafka.brokers();
    nabiz([
        "simulate",
        "--brokers",
        &brokers,
        "--topic",
        topic,
        "--scenario",
        "ordinary-day",
        "--start",
        "2026-01-05T10:00:00+03:00",
        "--duration",
        "1h",
        "--speed",
        "max",
        "--seed",
        "7",
        "--rate-scale",
        "5",
        "--truth",
        &path,
    ]);
    serde_json::from_slice(&std::fs::read(&path).expect("the truth is written"))
        .expect("the truth is JSON")
}

/// Returns an hour of events with a last one for each partition, and their truth.
fn simulated_hour(partitions: i32) -> (Vec<Outgoing>, Value) {
    let options = Options {
        start_ms: START_MS,
        duration_ms: Some(3_600_000),
        rate_scale: 2.0,
        seed: 11,
        ..Options::default()
    };
    simulated(Simulation::new(Scenario::OrdinaryDay, options), partitions)
}

/// Returns the events of an hour that are in a topic's first two partitions, those of the third
/// partition, which is added later, and the truth of all.
fn simulated_hour_before_and_after_growth() -> (Vec<Outgoing>, Vec<Outgoing>, Value) {
    let (events, truth) = simulated_hour(3);
    let placed = events.into_iter().map(|event| {
        let of_key = event.key.bytes().fold(0, |sum, byte| sum + i32::from(byte)) % 3;
        Outgoing { partition: event.partition.or(Some(of_key)), ..event }
    });
    let (first, added) = placed.partition(|event| event.partition != Some(2));
    (first, added, truth)
}

/// Returns records that a pipeline must reject, each for another reason.
fn bad_records(partitions: i32) -> Vec<Outgoing> {
    let envelope = |kind: &str, data: &str| {
        format!(
            r#"{{"specversion":"1.0","id":"bad","source":"/test","type":"{kind}","time":"2026-01-05T10:00:00+03:00","data":{data}}}"#
        )
    };
    [
        "{\"specversion\":\"1.0\",".to_owned(),
        "[1, 2, 3]".to_owned(),
        envelope("contact.started", r#"{"channel":"phone"}"#),
        envelope("contact.started", r#"{"contact_id":7,"channel":"phone"}"#),
        envelope("contact.evaporated", r#"{"contact_id":"x"}"#),
        envelope("contact.started", r#"{"contact_id":"x","channel":"pigeon"}"#),
        envelope("contact.started", r#"{"contact_id":"","channel":"phone"}"#),
        envelope("queue.observed", r#"{"queue":"fault","waiting":-1}"#),
    ]
    .into_iter()
    .enumerate()
    .map(|(n, value)| Outgoing {
        key: format!("bad-{n}"),
        value: value.into_bytes(),
        timestamp_ms: START_MS,
        partition: Some(n as i32 % partitions),
    })
    .collect()
}

/// The reasons of [`bad_records`], in their order.
const BAD_REASONS: [&str; 8] = [
    "not_json",
    "not_object",
    "missing_field",
    "wrong_type",
    "unknown_type",
    "unknown_value",
    "text_length",
    "out_of_range",
];

/// Returns an error unless every record of a topic is accounted for.
fn read(scrape: &Scrape, topic: &str, records: u64) -> Result<(), String> {
    let accounted = scrape.sum("nabiz_records_total", &[("topic", topic)]);
    if accounted == records as f64 {
        Ok(())
    } else {
        Err(format!("{accounted} of {records} records of {topic}"))
    }
}

fn assert_truth(truth: &Value, scrape: &Scrape) {
    let differences = truth::differences(truth, scrape, &queue_log::QUEUES);
    assert!(
        differences.is_empty(),
        "{} differences:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

/// Returns the counters of contacts and records that fell or vanished over a restart. Those of the
/// process restart at 0 and are left out.
fn contact_metrics_fallen(now: &Scrape, before: &Scrape) -> Vec<String> {
    let mut fallen = now.fallen_since(before);
    // The name is the first quoted text of a line.
    fallen.retain(|line| !line.split('"').nth(1).is_some_and(is_of_the_process));
    fallen
}

/// Returns the dead letters by the place of their originals. A dead letter may be written twice
/// when a partition changes its owner.
fn dead_letters(kafka: &Kafka, pipeline: &Pipeline) -> BTreeMap<[String; 3], Incoming> {
    let place = |letter: &Incoming| {
        ["topic", "partition", "offset"].map(|name| {
            letter.header(name).unwrap_or_else(|| panic!("no header {name}: {:?}", letter.headers))
        })
    };
    read_all(kafka, pipeline.dead_letters())
        .into_iter()
        .map(|letter| (place(&letter), letter))
        .collect()
}

/// Checks that each bad record is unchanged in the dead-letter topic, with its place and the reason
/// of its rejection, beside `others` dead letters from other topics.
fn assert_dead_letters(kafka: &Kafka, pipeline: &Pipeline, bad: &[Outgoing], others: usize) {
    let expected = bad.len() + others;
    let letters = nabiz_dev::wait_for("dead letters", CAUGHT_UP_WITHIN, || {
        let letters = dead_letters(kafka, pipeline);
        if letters.len() >= expected {
            Ok(letters)
        } else {
            Err(format!("{} of {expected}", letters.len()))
        }
    });
    assert_eq!(letters.len(), expected);
    let originals = read_all(kafka, "calls");
    for (record, reason) in bad.iter().zip(BAD_REASONS) {
        let original = originals
            .iter()
            .find(|original| original.value.as_deref() == Some(&record.value[..]))
            .expect("the bad record was produced");
        let place =
            ["calls".to_owned(), original.partition.to_string(), original.offset.to_string()];
        let letter = letters
            .get(&place)
            .unwrap_or_else(|| panic!("no dead letter for {reason} at {place:?}"));
        assert_eq!(letter.value, original.value, "{reason}");
        assert_eq!(letter.key, original.key, "{reason}");
        assert_eq!(letter.header("reason").as_deref(), Some(reason));
        assert!(
            letter.header("message").is_some_and(|message| !message.is_empty()),
            "{reason}: no message"
        );
    }
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn partition_is_acquired_again_when_its_other_owner_leaves() {
    let _shared = serial::shared();
    let kafka = Kafka::shared();
    let pipeline = Pipeline::new(kafka.brokers(), "taken").topic("taken.calls", "cloudevents");
    kafka.create_topic("taken.calls", 1);
    kafka.create_topic(pipeline.dead_letters(), 1);
    let (events, truth) = simulated_hour(1);
    let (first, rest) = events.split_at(events.len() / 2);

    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    produce(kafka, "taken.calls", first);
    nabiz.scrape_until("the first half read", CAUGHT_UP_WITHIN, |scrape| {
        read(scrape, "taken.calls", first.len() as u64)
    });
    // Another owner acquires the partition in the ledger and ends, without a rebalance of the
    // group.
    let mut ledger = Ledger::open(&pipeline.ledger(), Channels::default()).expect("the ledger");
    ledger.acquire("taken.calls", 0, "another").expect("taken over");
    drop(ledger);
    produce(kafka, "taken.calls", rest);
    wait_for("not ready", CAUGHT_UP_WITHIN, || match nabiz.get("/readyz")? {
        (503, why) if why.contains("another instance has acquired partitions") => Ok(()),
        (status, body) => Err(format!("{status} {body}")),
    });
    nabiz.wait_ready();
    let scrape = nabiz.scrape_until("everything read", CAUGHT_UP_WITHIN, |scrape| {
        read(scrape, "taken.calls", events.len() as u64)
    });
    assert_truth(&truth, &scrape);
}
