//! A reload while records are read: the new configuration takes effect at a checkpoint, and no
//! counter falls, nor does one vanish for good.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use super::*;

/// Sets the keys of the queue `support`, the last section of the file.
fn set_support(pipeline: &Pipeline, key: &str) {
    let toml = std::fs::read_to_string(pipeline.config()).expect("the configuration");
    std::fs::write(pipeline.config(), format!("{toml}{key}\n")).expect("the configuration");
}

/// The observations of a scraper.
#[derive(Default)]
struct Seen {
    /// Counters that fell since any earlier scrape.
    fallen: Vec<String>,
    /// Scrapes that had contact metrics.
    served: usize,
    /// The longest time without contact metrics.
    withheld_for: Duration,
}

/// Scrapes until `stop`.
fn watch(nabiz: &Nabiz, stop: &AtomicBool) -> Seen {
    let mut highest: BTreeMap<_, f64> = BTreeMap::new();
    let mut seen = Seen::default();
    let mut served_at = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let scrape = nabiz.scrape();
        for (key, value) in scrape.counters() {
            let known = highest.entry(key.clone()).or_insert(value);
            if value < *known {
                seen.fallen.push(format!("{key:?}: {value} after {known}"));
            }
            *known = known.max(value);
        }
        if scrape.value("nabiz_ready", &[]) == Some(1.0) {
            seen.served += 1;
            seen.withheld_for = seen.withheld_for.max(served_at.elapsed());
            served_at = Instant::now();
        }
        thread::sleep(Duration::from_millis(20));
    }
    seen
}

fn wait_target(nabiz: &Nabiz, name: &str, expected: f64) -> Scrape {
    nabiz.scrape_until(name, CAUGHT_UP_WITHIN, |scrape| {
        let found = scrape.value(name, &[("queue", "support"), ("channel", "phone")]);
        (found == Some(expected)).then_some(()).ok_or_else(|| format!("{found:?}"))
    })
}

/// Returns the configurations that are stored with the last checkpoints of the partitions.
fn stored_digests(pipeline: &Pipeline) -> Vec<String> {
    let ledger = rusqlite::Connection::open(pipeline.ledger()).expect("the ledger");
    let mut select = ledger
        .prepare("SELECT DISTINCT lower(hex(configuration)) FROM partitions")
        .expect("the column");
    let rows = select.query_map([], |row| row.get(0)).expect("rows");
    rows.collect::<Result<_, _>>().expect("texts")
}

fn digest(nabiz: &Nabiz) -> String {
    let (_, body) = nabiz.get("/api/v1/status").expect("a status");
    let status: Value = serde_json::from_str(&body).expect("JSON");
    status["configuration"]["digest"].as_str().expect("a digest").to_owned()
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn reload_takes_effect_and_no_counter_falls() {
    let _shared = serial::shared();
    let kafka = Kafka::shared();
    let pipeline = Pipeline::new(kafka.brokers(), "reload").topic("reload.calls", "cloudevents");
    kafka.create_topic("reload.calls", 3);
    kafka.create_topic(pipeline.dead_letters(), 1);
    let (events, truth) = simulated_hour(3);
    let bad = bad_records(3);
    let (first, rest) = events.split_at(events.len() / 2);
    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    produce(kafka, "reload.calls", &bad);
    produce(kafka, "reload.calls", first);
    let before = nabiz.scrape_until("the first half read", CAUGHT_UP_WITHIN, |scrape| {
        read(scrape, "reload.calls", (bad.len() + first.len()) as u64)
    });
    let digest_before = digest(&nabiz);

    let stop = AtomicBool::new(false);
    let seen = thread::scope(|scope| {
        let watched = scope.spawn(|| watch(&nabiz, &stop));
        set_support(&pipeline, "target_abandonment = 0.07");
        nabiz.signal("HUP");
        produce(kafka, "reload.calls", rest);
        wait_target(&nabiz, "nabiz_target_abandonment_ratio", 0.07);
        let after = nabiz.scrape_until("everything read", CAUGHT_UP_WITHIN, |scrape| {
            read(scrape, "reload.calls", (bad.len() + events.len()) as u64)
        });
        assert_eq!(after.fallen_since(&before), Vec::<String>::new());
        assert_truth(&truth, &after);
        assert_eq!(after.value("nabiz_config_reloads_total", &[("result", "applied")]), Some(1.0));
        assert_eq!(after.sum("nabiz_dead_letters_total", &[]), bad.len() as f64);
        // Another target changes what is counted from now on, not what was counted.
        set_support(&pipeline, "target_wait = \"33s\"");
        nabiz.signal("HUP");
        let last = wait_target(&nabiz, "nabiz_target_wait_seconds", 33.0);
        let fallen = last.fallen_since(&after);
        assert_eq!(fallen, Vec::<String>::new());
        stop.store(true, Ordering::Relaxed);
        watched.join().expect("the scraper ends")
    });
    println!("numbers were withheld for at most {:?} of a reload", seen.withheld_for);
    assert_eq!(seen.fallen, Vec::<String>::new());
    // Few: the numbers are withheld from the signal until everything is read again.
    assert!(seen.served > 0, "no scrape had numbers");
    assert!(
        nabiz.log_tail().contains("configuration changed since the last checkpoint"),
        "{}",
        nabiz.log_tail()
    );
    let now = digest(&nabiz);
    assert_ne!(now, digest_before);
    assert_eq!(nabiz.terminate(Duration::from_secs(5)).code(), Some(0));
    assert_eq!(stored_digests(&pipeline), [now]);
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn static_members_keep_their_partitions_over_a_reload() {
    let _shared = serial::shared();
    let kafka = Kafka::shared();
    let pipeline = Pipeline::new(kafka.brokers(), "reload.static")
        .topic("reload.static.calls", "cloudevents")
        .instance_id("here");
    kafka.create_topic("reload.static.calls", 2);
    kafka.create_topic(pipeline.dead_letters(), 1);
    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    let rebalances = kafka.rebalances_of("reload.static");
    assert!(rebalances > 0, "the broker logs no rebalance");
    set_support(&pipeline, "target_wait = \"33s\"");
    nabiz.signal("HUP");
    wait_target(&nabiz, "nabiz_target_wait_seconds", 33.0);
    assert_eq!(kafka.rebalances_of("reload.static"), rebalances);
    assert_eq!(nabiz.terminate(Duration::from_secs(5)).code(), Some(0));
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn changed_certificate_authority_is_used_without_a_restart() {
    let _shared = serial::shared();
    let kafka = Kafka::shared();
    kafka.create_topic("reload.tls", 1);
    produce(kafka, "reload.tls", &queue_log::records());
    let folder = tempfile::tempdir().expect("a folder");
    let ca = folder.path().join("ca.pem");
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]);
    std::fs::write(&ca, other.expect("a certificate").cert.pem()).expect("written");
    let mut pipeline =
        Pipeline::new(kafka.tls_brokers(), "reload.tls").topic("reload.tls", "asterisk_queue_log");
    for (key, value) in [
        ("security.protocol", "sasl_ssl"),
        ("sasl.mechanism", "SCRAM-SHA-512"),
        ("ssl.ca.location", &ca.display().to_string()),
        ("sasl.username", USER),
        ("sasl.password", PASSWORD),
    ] {
        pipeline = pipeline.client(key, value);
    }
    kafka.create_topic(pipeline.dead_letters(), 1);
    let mut nabiz = pipeline.serve();
    wait_for("the broker is not trusted", CAUGHT_UP_WITHIN, || {
        let log = nabiz.log_tail();
        log.contains("certificate verify failed").then_some(()).ok_or(log)
    });
    std::fs::copy(kafka.ca(), &ca).expect("copied");
    nabiz.wait_ready();
    nabiz.scrape_until("everything read", CAUGHT_UP_WITHIN, |scrape| {
        read(scrape, "reload.tls", queue_log::lines().len() as u64)
    });
    assert_eq!(nabiz.terminate(Duration::from_secs(5)).code(), Some(0));
}
