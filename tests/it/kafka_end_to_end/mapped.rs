//! A topic of another form: a mapping turns its records into events, and each record is accounted
//! for.

use super::*;

/// A program for the records of [`records`].
const PROGRAM: &str = r#"
    select(.kind != "heartbeat")
    | if .kind == "call" then
        {id: "\($key)/q", type: "contact.queued", time: (.from | epoch_ms),
          data: {contact_id: $key, queue: .queue, channel: "phone"}},
        {id: "\($key)/a", type: "contact.answered", time: (.to | epoch_ms),
          data: {contact_id: $key, queue: .queue}}
      elif .kind == "line" then {message: .line}
      else {kind} end"#;

/// Ten calls of two events, one of them twice; a queue_log line, a heartbeat, a tombstone's
/// neighbour without JSON, a record whose output is no event, and one on which the program fails.
fn records() -> Vec<Outgoing> {
    let record = |n: i64, key: &str, value: String| Outgoing {
        key: key.to_owned(),
        value: value.into_bytes(),
        timestamp_ms: START_MS + n,
        partition: Some(0),
    };
    let call = |n: i64| {
        let (from, to) = (START_MS + n * 1_000, START_MS + n * 1_000 + 8_000);
        let value = format!(r#"{{"kind":"call","queue":"fault","from":{from},"to":{to}}}"#);
        record(n, &format!("call-{n}"), value)
    };
    let line = format!("{}|log-1|fault|NONE|ENTERQUEUE", START_MS / 1_000);
    let mut records: Vec<_> = (0..10).map(call).collect();
    records.push(call(9));
    records.push(record(20, "x", format!(r#"{{"kind":"line","line":"{line}"}}"#)));
    records.push(record(21, "x", r#"{"kind":"heartbeat"}"#.to_owned()));
    records.push(record(22, "x", r#"{"kind":"other"}"#.to_owned()));
    records.push(record(23, "x", r#"{"kind":"call","queue":"fault","from":"soon"}"#.to_owned()));
    records
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn mapped_records_are_all_accounted_for_and_a_reload_takes_the_new_program() {
    let _shared = serial::shared();
    let kafka = Kafka::shared();
    let pipeline = Pipeline::new(kafka.brokers(), "mapped").mapped_topic("mapped.raw", PROGRAM);
    kafka.create_topic("mapped.raw", 1);
    kafka.create_topic(pipeline.dead_letters(), 1);
    let records = records();
    produce(kafka, "mapped.raw", &records);
    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    let scrape = nabiz.scrape_until("all of it read", CAUGHT_UP_WITHIN, |scrape| {
        read(scrape, "mapped.raw", records.len() as u64)?;
        match scrape.sum("nabiz_dead_letters_total", &[]) {
            2.0 => Ok(()),
            written => Err(format!("{written} dead letters")),
        }
    });
    let of = |name: &str, label: &str, value: &str| {
        scrape.sum(name, &[("topic", "mapped.raw"), (label, value)])
    };
    let results = ["applied", "duplicate", "ignored", "rejected"];
    assert_eq!(
        results.map(|result| of("nabiz_records_total", "result", result)),
        [11.0, 1.0, 1.0, 2.0]
    );
    let results = ["applied", "duplicate", "late", "rejected"];
    assert_eq!(
        results.map(|result| of("nabiz_events_total", "result", result)),
        [21.0, 2.0, 0.0, 0.0]
    );
    let reasons = ["mapping_failed", "mapping_output"];
    let rejected = reasons.map(|reason| of("nabiz_records_rejected_total", "reason", reason));
    assert_eq!(rejected, [1.0, 1.0]);
    let queue = [("queue", "fault"), ("channel", "phone")];
    assert_eq!(scrape.value("nabiz_visits_answered_total", &queue), Some(10.0));
    assert_eq!(scrape.value("nabiz_visits_offered_total", &queue), Some(11.0));
    let letters = read_all(kafka, pipeline.dead_letters());
    let values: Vec<_> = letters.iter().filter_map(|letter| letter.value.clone()).collect();
    assert_eq!(values, [records[13].value.clone(), records[14].value.clone()]);
    let message = letters[0].header("message").expect("a message");
    assert!(message.contains("output 0"), "{message}");

    // Now heartbeats count too, as callers who wait.
    pipeline.write_mapping(
        r#"{id: "h\($timestamp)", type: "contact.queued",
            data: {contact_id: "h\($timestamp)", queue: "night", channel: "phone"}}"#,
    );
    nabiz.signal("HUP");
    nabiz.scrape_until("the reload", CAUGHT_UP_WITHIN, |scrape| {
        let applied = scrape.value("nabiz_config_reloads_total", &[("result", "applied")]);
        let ready = scrape.value("nabiz_ready", &[]);
        match (applied, ready) {
            (Some(1.0), Some(1.0)) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    let late = |n: i64| Outgoing { timestamp_ms: START_MS + 60_000 + n, ..records[12].clone() };
    produce(kafka, "mapped.raw", &[late(0), late(1)]);
    nabiz.scrape_until("the new program", CAUGHT_UP_WITHIN, |scrape| {
        let offered =
            scrape.value("nabiz_visits_offered_total", &[("queue", "night"), ("channel", "phone")]);
        (offered == Some(2.0)).then_some(()).ok_or_else(|| format!("{offered:?}"))
    });
    let log = nabiz.log_tail();
    assert!(log.contains("configuration changed since the last checkpoint"), "{log}");

    // A program with a mistake changes nothing.
    pipeline.write_mapping(".a |");
    nabiz.signal("HUP");
    nabiz.scrape_until("the refusal", CAUGHT_UP_WITHIN, |scrape| {
        let refused = scrape.value("nabiz_config_reloads_total", &[("result", "refused")]);
        (refused == Some(1.0)).then_some(()).ok_or_else(|| format!("{refused:?}"))
    });
    assert!(nabiz.log_tail().contains("ours.jq:1:"), "{}", nabiz.log_tail());
    assert_eq!(nabiz.terminate(Duration::from_secs(5)).code(), Some(0));
}
