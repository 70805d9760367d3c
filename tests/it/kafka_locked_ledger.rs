//! Another process holds the ledger's write lock and never releases it. An instance without a
//! partition waits for it and reports this; an instance that owns one continues without
//! checkpoints, within a bound.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::callers::{caller, wait_offered};
use crate::harness::serial;
use nabiz_dev::broker::Kafka;
use nabiz_dev::client::{Outgoing, produce};
use nabiz_dev::pipeline::Pipeline;
use nabiz_dev::process::Nabiz;
use nabiz_dev::scrape::Scrape;
use serde_json::Value;

const WITHIN: Duration = Duration::from_secs(60);
const IN_SUPPORT: &[(&str, &str)] = &[("queue", "support"), ("channel", "phone")];
/// Longer than a writer waits for the lock, and than the report of a silent worker is valid.
const LOCKED: Duration = Duration::from_secs(12);

/// A transaction that writes, of a process that does not go on.
struct Lock {
    connection: rusqlite::Connection,
}

impl Lock {
    fn take(ledger: &Path) -> Lock {
        let connection = rusqlite::Connection::open(ledger).expect("the ledger");
        connection.busy_timeout(Duration::from_secs(10)).expect("a time to wait");
        connection.execute_batch("BEGIN IMMEDIATE").expect("the lock");
        Lock { connection }
    }

    fn release(self) {
        self.connection.execute_batch("ROLLBACK").expect("the lock is given back");
    }
}

/// Visits that begin `apart_ms` apart, the last one at `last_ms`.
fn visits(name: &str, count: usize, apart_ms: i64, last_ms: i64) -> Vec<Outgoing> {
    let visit = |number: usize| {
        let timestamp_ms = last_ms - (count - 1 - number) as i64 * apart_ms;
        caller(&format!("{name}-{number}"), timestamp_ms, timestamp_ms)
    };
    (0..count).map(visit).collect()
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

fn readyz(nabiz: &Nabiz) -> Result<(u16, Value), String> {
    let (status, body) = nabiz.get("/readyz")?;
    Ok((status, serde_json::from_str(&body).map_err(|error| error.to_string())?))
}

fn wait_stored(pipeline: &Pipeline, records: usize) {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let ledger =
        rusqlite::Connection::open_with_flags(pipeline.ledger(), flags).expect("the ledger");
    nabiz_dev::wait_for("all stored", WITHIN, || {
        let stored: f64 = ledger
            .query_row("SELECT total(next_offset) FROM partitions", [], |row| row.get(0))
            .map_err(|error| error.to_string())?;
        if stored == records as f64 {
            Ok(())
        } else {
            Err(format!("{stored} of {records} records"))
        }
    });
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn starting_process_waits_for_the_lock_and_reports_it() {
    let _alone = serial::alone();
    let kafka = Kafka::shared();
    let pipeline = Pipeline::new(kafka.brokers(), "waits").topic("waits.calls", "cloudevents");
    kafka.create_topic("waits.calls", 2);
    kafka.create_topic(pipeline.dead_letters(), 1);
    produce(kafka, "waits.calls", &visits("a", 100, 1_000, now_ms()));
    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    wait_offered(&nabiz, 100);
    assert_eq!(nabiz.terminate(Duration::from_secs(5)).code(), Some(0));

    let lock = Lock::take(&pipeline.ledger());
    let mut nabiz = pipeline.serve();
    let waits = |nabiz: &Nabiz| match readyz(nabiz)? {
        (503, body)
            if body["error"]
                .as_str()
                .is_some_and(|why| why.starts_with("waiting for the ledger: ")) =>
        {
            Ok(body)
        }
        other => Err(format!("{other:?}")),
    };
    nabiz_dev::wait_for("it says that it waits", WITHIN, || waits(&nabiz));
    let began = Instant::now();
    while began.elapsed() < LOCKED {
        waits(&nabiz)
            .unwrap_or_else(|why| panic!("it no longer waits: {why}\n{}", nabiz.log_tail()));
        assert_eq!(nabiz.scrape().value("nabiz_ready", &[]), Some(0.0));
        thread::sleep(Duration::from_millis(200));
    }
    assert!(nabiz.log_tail().contains("ledger failed, retrying"), "{}", nabiz.log_tail());
    assert!(waits(&nabiz).is_ok_and(|body| body.to_string().contains("database is locked")));
    assert!(nabiz.scrape().sum("nabiz_ledger_failures_total", &[]) > 0.0);

    lock.release();
    nabiz.wait_ready();
    wait_offered(&nabiz, 100);
    assert_eq!(readyz(&nabiz).expect("an answer").1["degraded"], Value::Null);
    assert_eq!(nabiz.terminate(Duration::from_secs(5)).code(), Some(0));
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn running_process_continues_when_the_ledger_is_locked() {
    let _alone = serial::alone();
    let kafka = Kafka::shared();
    let pipeline = Pipeline::new(kafka.brokers(), "runs")
        .topic("runs.calls", "cloudevents")
        .client("session.timeout.ms", "6000")
        .client("heartbeat.interval.ms", "500")
        .idle_advance();
    kafka.create_topic("runs.calls", 2);
    kafka.create_topic(pipeline.dead_letters(), 1);
    produce(kafka, "runs.calls", &visits("a", 100, 100, now_ms()));
    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    wait_offered(&nabiz, 100);
    wait_stored(&pipeline, 100);

    let lock = Lock::take(&pipeline.ledger());
    // A checkpoint with an advance of stream time comes first: later records wait for its result.
    thread::sleep(Duration::from_millis(2_500));
    let began = Instant::now();
    let mut last = nabiz.scrape();
    let mut produced = 100;
    while began.elapsed() < LOCKED {
        produce(kafka, "runs.calls", &visits(&format!("b{produced}"), 10, 10, now_ms()));
        produced += 10;
        thread::sleep(Duration::from_millis(500));
        let scrape = nabiz.scrape();
        assert_eq!(scrape.fallen_since(&last), Vec::<String>::new(), "after {:?}", began.elapsed());
        last = scrape;
    }
    wait_offered(&nabiz, produced);
    let (status, ready) = readyz(&nabiz).expect("an answer");
    assert_eq!(status, 200, "{ready}");
    assert!(ready["degraded"].as_str().is_some_and(|why| why.contains("locked")), "{ready}");

    lock.release();
    wait_stored(&pipeline, produced);
    nabiz.kill();
    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    wait_offered(&nabiz, produced);
}

/// Callers who are answered after ten seconds.
fn answered(name: &str, count: usize) -> Vec<Outgoing> {
    let queued_ms = now_ms() - 30_000;
    let of_caller = |number: usize| {
        let name = format!("{name}-{number}");
        let queued = caller(&name, queued_ms, queued_ms);
        let value =
            String::from_utf8(caller(&format!("{name}-answer"), queued_ms + 10_000, 0).value);
        let value = value
            .expect("text")
            .replace("contact.queued", "contact.answered")
            .replace(
                &format!("\"contact_id\":\"{name}-answer\""),
                &format!("\"contact_id\":\"{name}\""),
            )
            .replace(",\"channel\":\"phone\"", "");
        [
            queued,
            Outgoing {
                key: name,
                value: value.into_bytes(),
                timestamp_ms: queued_ms + 10_000,
                partition: None,
            },
        ]
    };
    (0..count).flat_map(of_caller).collect()
}

fn wait_in_target(nabiz: &Nabiz, count: f64) -> Scrape {
    nabiz.scrape_until("all answers in target", WITHIN, |scrape| {
        match scrape.value("nabiz_visits_answered_in_target_total", IN_SUPPORT) {
            Some(found) if found == count => Ok(()),
            found => Err(format!("{found:?} of {count}")),
        }
    })
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn reload_is_refused_and_no_counter_falls_when_the_ledger_is_locked() {
    let _alone = serial::alone();
    let kafka = Kafka::shared();
    let pipeline = Pipeline::new(kafka.brokers(), "reloads").topic("reloads.calls", "cloudevents");
    kafka.create_topic("reloads.calls", 2);
    kafka.create_topic(pipeline.dead_letters(), 1);
    produce(kafka, "reloads.calls", &answered("a", 10));
    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    wait_in_target(&nabiz, 10.0);
    wait_stored(&pipeline, 20);

    let lock = Lock::take(&pipeline.ledger());
    produce(kafka, "reloads.calls", &answered("b", 20));
    let before = wait_in_target(&nabiz, 30.0);
    // By this rule no answer is in target. Those after the last checkpoint are read again.
    let toml = std::fs::read_to_string(pipeline.config()).expect("the configuration");
    std::fs::write(pipeline.config(), format!("{toml}target_wait = \"5s\"\n")).expect("written");
    nabiz.signal("HUP");
    nabiz_dev::wait_for("the numbers are withheld", WITHIN, || match readyz(&nabiz)? {
        (503, body) if body["error"] == "ingest starts again" => Ok(()),
        other => Err(format!("{other:?}")),
    });
    let reloads =
        |scrape: &Scrape, result| scrape.value("nabiz_config_reloads_total", &[("result", result)]);
    nabiz.scrape_until("the reload is decided", WITHIN, |scrape| {
        match (reloads(scrape, "applied"), reloads(scrape, "refused")) {
            (Some(0.0), Some(0.0)) => Err("neither".to_owned()),
            _ => Ok(()),
        }
    });
    lock.release();
    nabiz.wait_ready();
    wait_stored(&pipeline, 60);
    let after = nabiz.scrape();
    assert_eq!(after.fallen_since(&before), Vec::<String>::new());
    assert_eq!(after.value("nabiz_visits_answered_in_target_total", IN_SUPPORT), Some(30.0));
    assert_eq!(after.value("nabiz_target_wait_seconds", IN_SUPPORT), Some(20.0));
    assert_eq!((reloads(&after, "applied"), reloads(&after, "refused")), (Some(0.0), Some(1.0)));
    let log = nabiz.log_tail();
    assert!(log.contains("the last checkpoint of reloads.calls/"), "{log}");

    // Now everything is stored, and the same configuration takes effect.
    nabiz.signal("HUP");
    let last = nabiz.scrape_until("the new target", WITHIN, |scrape| {
        match scrape.value("nabiz_target_wait_seconds", IN_SUPPORT) {
            Some(5.0) => Ok(()),
            found => Err(format!("{found:?}")),
        }
    });
    assert_eq!(last.fallen_since(&after), Vec::<String>::new());
    assert_eq!(last.value("nabiz_visits_answered_in_target_total", IN_SUPPORT), Some(30.0));
    assert_eq!(nabiz.terminate(Duration::from_secs(5)).code(), Some(0));
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn pending_state_is_bounded_when_the_ledger_is_locked() {
    let _alone = serial::alone();
    /// Each visit adds one row to the interval history; the bound is 50 000 rows.
    const VISITS: usize = 60_000;
    const QUARTER_MS: i64 = 900_000;
    let kafka = Kafka::shared();
    let pipeline = Pipeline::new(kafka.brokers(), "bounded").topic("bounded.calls", "cloudevents");
    kafka.create_topic("bounded.calls", 1);
    kafka.create_topic(pipeline.dead_letters(), 1);
    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();

    // The client must have fetched the whole topic before reading pauses. It discards the fetched
    // records then, so they do not count as read.
    nabiz.signal("STOP");
    produce(kafka, "bounded.calls", &visits("a", VISITS, QUARTER_MS, now_ms()));
    let lock = Lock::take(&pipeline.ledger());
    nabiz.signal("CONT");
    let position = |nabiz: &Nabiz| {
        Ok::<_, String>(readyz(nabiz)?.1["partitions"][0]["position"].as_u64().unwrap_or(0))
    };
    nabiz_dev::wait_for("reading pauses", WITHIN, || match position(&nabiz)? {
        read @ ..50_000 => Err(format!("{read} records")),
        _ => Ok::<_, String>(()),
    });
    thread::sleep(Duration::from_secs(2));
    let paused = position(&nabiz).expect("an answer");
    thread::sleep(Duration::from_secs(4));
    assert_eq!(position(&nabiz).expect("an answer"), paused, "reading goes on");
    assert!(paused < 55_000, "{paused} records");
    let unsaved = |nabiz: &Nabiz| nabiz.scrape().value("nabiz_intervals_unsaved", &[]);
    assert!(
        unsaved(&nabiz).is_some_and(|rows| (50_000.0..55_000.0).contains(&rows)),
        "{:?} rows",
        unsaved(&nabiz)
    );
    assert!(nabiz.log_tail().contains("partitions paused"), "{}", nabiz.log_tail());

    lock.release();
    wait_stored(&pipeline, VISITS);
    wait_offered(&nabiz, VISITS);
    assert_eq!(
        nabiz.scrape().value("nabiz_log_resets_total", &[]),
        Some(0.0),
        "{}",
        nabiz.log_tail()
    );
    nabiz.scrape_until("nothing unsaved", WITHIN, |scrape| {
        match scrape.value("nabiz_intervals_unsaved", &[]) {
            Some(0.0) => Ok(()),
            rows => Err(format!("{rows:?} rows")),
        }
    });
    assert_eq!(nabiz.terminate(Duration::from_secs(5)).code(), Some(0));
    let ledger = rusqlite::Connection::open(pipeline.ledger()).expect("the ledger");
    let stored: i64 = ledger
        .query_row("SELECT sum(offered) FROM intervals", [], |row| row.get(0))
        .expect("a sum");
    assert_eq!(stored, VISITS as i64);
}
