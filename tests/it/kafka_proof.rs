//! "Everything has been read" stays proven: a right that is taken away, a batch that cannot be
//! decoded and a transaction that hangs stop the stream time of their partition alone, are told
//! with their cause, and end by themselves.

use std::time::Duration;

use nabiz_dev::broker::{Kafka, PASSWORD, USER};
use nabiz_dev::client::{Incoming, Outgoing, produce, read_all};
use nabiz_dev::pipeline::Pipeline;
use nabiz_dev::process::Nabiz;
use nabiz_dev::wait_for;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::Value;

use crate::harness::serial;

/// Ample: what is awaited comes within seconds on an idle machine.
const WITHIN: Duration = Duration::from_secs(90);
/// A fault must be held for 30 s before a hanging transaction is told.
const HELD_BACK_WITHIN: Duration = Duration::from_secs(120);
/// Longer than an answer of a broker is a proof.
const WELL_ADVANCED_S: f64 = 12.0;

fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// Returns a record of now about a contact.
fn record(kind: &str, contact: &str) -> Outgoing {
    let time = now();
    let value = format!(
        r#"{{"specversion":"1.0","id":"{kind}-{contact}","source":"/test","type":"contact.{kind}","time":"{time}","data":{{"contact_id":"{contact}","queue":"support"}}}}"#
    );
    Outgoing {
        key: contact.to_owned(),
        value: value.into_bytes(),
        timestamp_ms: time.as_millisecond(),
        partition: Some(0),
    }
}

fn get(nabiz: &Nabiz, path: &str) -> Result<(u16, Value), String> {
    let (status, body) = nabiz.get(path)?;
    Ok((status, serde_json::from_str(&body).map_err(|error| format!("{error}: {body}"))?))
}

/// Waits until `/readyz` answers with this status and with all of these texts in one member.
fn wait_for_reason(nabiz: &Nabiz, status: u16, member: &str, texts: &[&str], within: Duration) {
    wait_for(&format!("{status} with {texts:?}"), within, || {
        let (got, body) = get(nabiz, "/readyz")?;
        let text = body[member].as_str().unwrap_or_default();
        let has_all = texts.iter().all(|wanted| text.contains(wanted));
        if got == status && has_all { Ok(()) } else { Err(format!("{got} {body}")) }
    });
}

fn wait_until_well(nabiz: &Nabiz) {
    wait_for("no degradation", WITHIN, || match get(nabiz, "/readyz")? {
        (200, body) if body["degraded"].is_null() => Ok(()),
        (status, body) => Err(format!("{status} {body}")),
    });
}

fn stream_time(nabiz: &Nabiz, topic: &str) -> Option<f64> {
    let labels = [("topic", topic), ("partition", "0")];
    nabiz.scrape().value("nabiz_stream_time_timestamp_seconds", &labels)
}

/// Waits until the stream time of a topic has advanced to a moment after now.
fn wait_until_advanced(nabiz: &Nabiz, topic: &str) {
    let from = now().as_second() as f64;
    wait_for(&format!("stream time of {topic} past now"), WITHIN, || {
        let time = stream_time(nabiz, topic);
        if time.is_some_and(|time| time > from) { Ok(()) } else { Err(format!("{time:?}")) }
    });
}

/// Makes stream time of a topic follow the clock of a process that has just started: the first
/// advance waits for a record of the last minute, or for a steady minute.
fn wait_until_advanced_after_start(nabiz: &Nabiz, kafka: &Kafka, topic: &str, contact: &str) {
    produce(kafka, topic, &[record("queued", contact)]);
    wait_until_advanced(nabiz, topic);
}

/// Watches that the stream time of `still` stays while that of `well` advances for longer than an
/// answer of a broker is a proof.
fn assert_stands_still(nabiz: &Nabiz, still: &str, well: &str) {
    // An advance that was on its way to the ledger is of a moment before now.
    let from = now().as_second() as f64;
    wait_for(&format!("stream time of {well} goes on"), WITHIN, || {
        let time = stream_time(nabiz, still);
        assert!(time <= Some(from), "stream time of {still} stands still: {time:?} after {from}");
        let time = stream_time(nabiz, well).expect("a stream time");
        if time > from + WELL_ADVANCED_S { Ok(()) } else { Err(format!("{time} after {from}")) }
    });
}

/// Waits until the lags of two topics are these.
fn wait_for_lags(nabiz: &Nabiz, topics: (&str, &str), expected: (f64, f64)) {
    wait_for("the lags", WITHIN, || match (lag(nabiz, topics.0), lag(nabiz, topics.1)) {
        (Some(first), Some(second)) if (first, second) == expected => Ok(()),
        lags => Err(format!("{lags:?}")),
    });
}

fn lag(nabiz: &Nabiz, topic: &str) -> Option<f64> {
    let labels = [("topic", topic), ("partition", "0")];
    nabiz.scrape().value("nabiz_consumer_lag_records", &labels)
}

fn answered(nabiz: &Nabiz) -> f64 {
    nabiz.scrape().sum("nabiz_visits_answered_total", &[])
}

fn wait_answered(nabiz: &Nabiz, expected: f64) {
    nabiz.scrape_until("the answers", WITHIN, |scrape| {
        match scrape.sum("nabiz_visits_answered_total", &[]) {
            got if got == expected => Ok(()),
            got => Err(format!("{got} of {expected} answered")),
        }
    });
}

/// Creates a topic with a fault to come and a healthy one, each with a waiting contact, and starts
/// nabiz on them.
fn start(kafka: &Kafka, pipeline: &Pipeline, faulty: &str, well: &str) -> Nabiz {
    for topic in [faulty, well, pipeline.dead_letters()] {
        kafka.create_topic(topic, 1);
    }
    produce(kafka, faulty, &[record("queued", "a")]);
    produce(kafka, well, &[record("queued", "b")]);
    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    wait_until_advanced(&nabiz, faulty);
    wait_until_advanced(&nabiz, well);
    nabiz
}

fn restart(nabiz: Nabiz, pipeline: &Pipeline) -> Nabiz {
    assert_eq!(nabiz.terminate(Duration::from_secs(5)).code(), Some(0));
    pipeline.serve()
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn stream_time_stands_still_and_the_reason_is_told_when_the_right_to_read_is_taken() {
    let _shared = serial::shared();
    let kafka = Kafka::shared();
    let (faulty, well) = ("proof.acl", "proof.acl.well");
    let pipeline = [
        ("security.protocol", "sasl_plaintext"),
        ("sasl.mechanism", "PLAIN"),
        ("sasl.username", USER),
        ("sasl.password", PASSWORD),
    ]
    .into_iter()
    .fold(Pipeline::new(kafka.sasl_brokers(), "proof.acl"), |pipeline, (key, value)| {
        pipeline.client(key, value)
    })
    .topic(faulty, "cloudevents")
    .topic(well, "cloudevents")
    .idle_advance();
    let nabiz = start(kafka, &pipeline, faulty, well);

    kafka.deny_read(faulty);
    let texts = ["proof.acl/0 at offset 1: ", "authorization failed", "READ"];
    wait_for_reason(&nabiz, 200, "degraded", &texts, WITHIN);
    // Not before: the brokers enforce a new rule only after a while.
    produce(kafka, faulty, &[record("answered", "a")]);
    assert_stands_still(&nabiz, faulty, well);
    wait_for_lags(&nabiz, (faulty, well), (1.0, 0.0));
    assert!(nabiz.scrape().value("nabiz_degraded", &[]) >= Some(1.0));

    // The numbers may lack records, and it is unknown how many were served before.
    let nabiz = restart(nabiz, &pipeline);
    let texts = ["1 records to go", "proof.acl/0 at offset 1: ", "authorization failed", "READ"];
    wait_for_reason(&nabiz, 503, "error", &texts, WITHIN);

    kafka.allow_all(faulty);
    wait_until_well(&nabiz);
    wait_answered(&nabiz, 1.0);
    wait_until_advanced_after_start(&nabiz, kafka, faulty, "c");

    // Without the right to describe, not even the end of the log is known.
    kafka.deny_all(faulty);
    let texts = ["proof.acl/0 at offset 3: ", "authorization failed"];
    wait_for_reason(&nabiz, 200, "degraded", &texts, WITHIN);
    let nabiz = restart(nabiz, &pipeline);
    let texts = ["refuses to describe topic \"proof.acl\"", "READ"];
    wait_for_reason(&nabiz, 503, "error", &texts, WITHIN);
    kafka.allow_all(faulty);
    wait_until_well(&nabiz);
    wait_until_advanced_after_start(&nabiz, kafka, faulty, "d");
}

/// Writes one record of 150 MB that compresses to some kilobytes. The client library refuses to
/// inflate more than 100 MB.
fn produce_bomb(kafka: &Kafka, topic: &str) {
    produce_zeros(kafka, topic, 150_000_000);
}

/// Writes one compressed record of this size.
fn produce_zeros(kafka: &Kafka, topic: &str, bytes: usize) {
    let producer: BaseProducer = kafka
        .client()
        .set("compression.codec", "zstd")
        .set("message.max.bytes", "200000000")
        .create()
        .expect("a producer");
    let zeros = vec![0; bytes];
    let record = BaseRecord::<(), _>::to(topic).partition(0).payload(&zeros);
    producer.send(record).map_err(|(error, _)| error).expect("the record is taken");
    producer.flush(Duration::from_secs(60)).expect("the record is written");
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn stream_time_stands_still_and_the_reason_is_told_when_a_batch_cannot_be_decoded() {
    let _shared = serial::shared();
    let kafka = Kafka::shared();
    let (faulty, well) = ("proof.bomb", "proof.bomb.well");
    let pipeline = Pipeline::new(kafka.brokers(), "proof.bomb")
        .topic(faulty, "cloudevents")
        .topic(well, "cloudevents")
        .idle_advance();
    let nabiz = start(kafka, &pipeline, faulty, well);

    produce_bomb(kafka, faulty);
    produce(kafka, faulty, &[record("answered", "a")]);
    let texts = ["proof.bomb/0 at offset 1: ", "cannot be decoded", "on_undecodable"];
    wait_for_reason(&nabiz, 200, "degraded", &texts, WITHIN);
    assert_stands_still(&nabiz, faulty, well);
    wait_for_lags(&nabiz, (faulty, well), (2.0, 0.0));

    let nabiz = restart(nabiz, &pipeline);
    let texts = ["2 records to go", "proof.bomb/0 at offset 1: ", "cannot be decoded"];
    wait_for_reason(&nabiz, 503, "error", &texts, WITHIN);

    // On request the batch is passed over, and said so.
    assert_eq!(nabiz.terminate(Duration::from_secs(5)).code(), Some(0));
    let pipeline = pipeline.on_undecodable("skip");
    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    wait_answered(&nabiz, 1.0);
    wait_until_well(&nabiz);
    wait_until_advanced_after_start(&nabiz, kafka, faulty, "c");
    assert_eq!(nabiz.scrape().value("nabiz_offsets_skipped_total", &[]), Some(1.0));
    let letters = read_all(kafka, pipeline.dead_letters());
    let headers = ["topic", "partition", "offset", "last_offset", "reason"];
    let headers = headers.map(|name| letters[0].header(name).unwrap_or_default());
    assert_eq!(headers, ["proof.bomb", "0", "1", "1", "undecodable"]);
    assert_eq!((letters.len(), letters[0].value.as_deref()), (1, None));
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn log_is_read_on_when_its_last_batch_was_read_and_can_no_longer_be_decoded() {
    let _shared = serial::shared();
    let kafka = Kafka::shared();
    let (faulty, well) = ("proof.last", "proof.last.well");
    let pipeline = Pipeline::new(kafka.brokers(), "proof.last")
        .topic(faulty, "cloudevents")
        .topic(well, "cloudevents")
        .idle_advance();
    let nabiz = start(kafka, &pipeline, faulty, well);
    produce_zeros(kafka, faulty, 20_000_000);
    nabiz.scrape_until("the large record read", WITHIN, |scrape| {
        match scrape.sum("nabiz_records_rejected_total", &[("topic", faulty)]) {
            1.0 => Ok(()),
            rejected => Err(format!("{rejected} rejected")),
        }
    });

    // The last record is read again to compare it, now with smaller bounds.
    let bounds = [("fetch.max.bytes", "1000000"), ("receive.message.max.bytes", "2000000")];
    let pipeline = bounds.into_iter().fold(pipeline, |all, (key, value)| all.client(key, value));
    let nabiz = restart(nabiz, &pipeline);
    let texts = ["0 records to go", "proof.last/0 at offset 1: ", "cannot be decoded"];
    wait_for_reason(&nabiz, 503, "error", &texts, WITHIN);

    assert_eq!(nabiz.terminate(Duration::from_secs(5)).code(), Some(0));
    let pipeline = pipeline.on_undecodable("skip");
    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    produce(kafka, faulty, &[record("answered", "a")]);
    wait_answered(&nabiz, 1.0);
    let scrape = nabiz.scrape();
    assert_eq!(scrape.value("nabiz_offsets_skipped_total", &[]), Some(0.0), "nothing is lost");
    let unverified = scrape.value("nabiz_log_unverified_total", &[]);
    assert_eq!(unverified, Some(0.0), "the log is known by the id of its topic");
}

/// Writes records of 150 MB together as one compressed batch.
fn produce_large_batch(kafka: &Kafka, topic: &str, records: usize) {
    let producer: BaseProducer = kafka
        .client()
        .set("compression.codec", "zstd")
        .set("message.max.bytes", "400000000")
        .set("batch.size", "400000000")
        .set("batch.num.messages", "1000000")
        .set("queue.buffering.max.kbytes", "400000")
        .set("linger.ms", "5000")
        .create()
        .expect("a producer");
    let zeros = vec![0; 150_000_000 / records];
    for _ in 0..records {
        let record = BaseRecord::<(), _>::to(topic).partition(0).payload(&zeros);
        producer.send(record).map_err(|(error, _)| error).expect("the record is taken");
    }
    producer.flush(Duration::from_secs(60)).expect("the records are written");
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn whole_batch_is_skipped_and_no_record_beside_it_when_that_is_wanted() {
    let _shared = serial::shared();
    let kafka = Kafka::shared();
    let (faulty, well) = ("proof.skip", "proof.skip.well");
    let pipeline = Pipeline::new(kafka.brokers(), "proof.skip")
        .topic(faulty, "cloudevents")
        .topic(well, "cloudevents")
        .idle_advance()
        .on_undecodable("skip");
    let nabiz = start(kafka, &pipeline, faulty, well);

    produce_large_batch(kafka, faulty, 150);
    produce(kafka, faulty, &[record("answered", "a")]);
    // The next batch that cannot be decoded follows a record that can.
    produce_bomb(kafka, faulty);
    wait_answered(&nabiz, 1.0);
    nabiz.scrape_until("both batches skipped", WITHIN, |scrape| {
        match scrape.value("nabiz_offsets_skipped_total", &[]) {
            Some(151.0) => Ok(()),
            skipped => Err(format!("{skipped:?}")),
        }
    });
    wait_until_well(&nabiz);
    wait_until_advanced(&nabiz, faulty);
    wait_for_lags(&nabiz, (faulty, well), (0.0, 0.0));
    let letters = read_all(kafka, pipeline.dead_letters());
    let range = |letter: &Incoming| {
        ["offset", "last_offset"].map(|name| letter.header(name).unwrap_or_default())
    };
    let ranges: Vec<[String; 2]> = letters.iter().map(range).collect();
    assert_eq!(ranges, [["1", "150"], ["152", "152"]]);
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn stream_time_stands_still_and_the_reason_is_told_when_a_transaction_hangs() {
    let _shared = serial::shared();
    let kafka = Kafka::shared();
    let (faulty, well) = ("proof.hang", "proof.hang.well");
    let pipeline = Pipeline::new(kafka.brokers(), "proof.hang")
        .topic(faulty, "cloudevents")
        .topic(well, "cloudevents")
        .idle_advance();
    let nabiz = start(kafka, &pipeline, faulty, well);

    let hanging: BaseProducer = kafka
        .client()
        .set("transactional.id", "proof.hang")
        .set("transaction.timeout.ms", "600000")
        .create()
        .expect("a producer");
    hanging.init_transactions(WITHIN).expect("transactions");
    hanging.begin_transaction().expect("a transaction");
    let inside = record("queued", "c");
    let inside = BaseRecord::to(faulty).partition(0).key(&inside.key).payload(&inside.value);
    hanging.send(inside).map_err(|(error, _)| error).expect("the record is taken");
    hanging.flush(WITHIN).expect("the record is written");
    produce(kafka, faulty, &[record("answered", "a")]);

    // Stream time pauses at once, and a transaction of moments is no fault.
    wait_for("the lag", WITHIN, || match lag(&nabiz, faulty) {
        Some(2.0) => Ok(()),
        lag => Err(format!("{lag:?}")),
    });
    assert_stands_still(&nabiz, faulty, well);
    assert_eq!(get(&nabiz, "/readyz").expect("an answer").1["degraded"], Value::Null);
    let texts = ["proof.hang/0 at offset 1: ", "transaction", "find-hanging"];
    wait_for_reason(&nabiz, 200, "degraded", &texts, HELD_BACK_WITHIN);

    // What is stable is all that can have been served before.
    let mut nabiz = restart(nabiz, &pipeline);
    nabiz.wait_ready();
    assert_eq!(answered(&nabiz), 0.0);
    hanging.abort_transaction(WITHIN).expect("aborted");
    wait_answered(&nabiz, 1.0);
    wait_until_well(&nabiz);
    wait_until_advanced_after_start(&nabiz, kafka, faulty, "d");
}
