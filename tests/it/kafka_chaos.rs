//! Chaos: while a simulated stream is read, nabiz is killed at random moments, the broker is
//! killed, instances join and leave, and a scraper reads the metrics ten times a second. At the end
//! every counter and the interval history equal the truth, and no scraped counter ever went down.
//! Here the series are per partition; `summed` does the same to sums over the partitions.
//!
//! Bounded by `NABIZ_CHAOS_RECORDS`, `NABIZ_CHAOS_KILLS`, `NABIZ_CHAOS_BROKER_KILLS` and
//! `NABIZ_CHAOS_JOINS`; the defaults make a run of a few minutes, `make soak` a long one.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nabiz_dev::broker::Kafka;
use nabiz_dev::client::{Outgoing, produce};
use nabiz_dev::pipeline::Pipeline;
use nabiz_dev::process::{Nabiz, nabiz};
use nabiz_dev::scrape::{SampleKey, Scrape};
use nabiz_simulator::{Options, Scenario, Simulation};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use crate::harness::serial;
use crate::harness::simulated::simulated;
use crate::harness::truth::{self, is_of_the_process};

/// Prints figures past the capture of test output.
macro_rules! report {
    ($($figures:tt)*) => {{
        let _ = writeln!(std::io::stderr(), $($figures)*);
    }};
}

// After the macro, which it uses.
mod summed;

/// 2026-01-05T09:00:00+03:00 in milliseconds since the Unix epoch.
const START_MS: i64 = 1_767_592_800_000;
const PARTITIONS: i32 = 3;
const TOPIC: &str = "chaos.calls";
const SETTLED_WITHIN: Duration = Duration::from_secs(180);

fn bound(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

#[derive(Clone, Copy, Debug)]
enum Blow {
    KillNabiz,
    KillBroker,
    Join,
}

/// The two places for an instance.
type Place = Arc<Mutex<Option<Nabiz>>>;

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The observations of a scraper: the highest value of every counter.
#[derive(Default)]
struct Watch {
    /// By the process if the counter restarts with it, else over all processes.
    highest: BTreeMap<(Option<u32>, SampleKey), f64>,
    fallen: Vec<String>,
    scrapes: u64,
}

impl Watch {
    fn see(&mut self, process: u32, scrape: &Scrape) {
        self.scrapes += 1;
        for (key, value) in scrape.counters() {
            let process = is_of_the_process(&key.0).then_some(process);
            let highest = self.highest.entry((process, key.clone())).or_insert(value);
            if value < *highest {
                self.fallen.push(format!("{}{:?}: {value} after {highest}", key.0, key.1));
            }
            *highest = highest.max(value);
        }
    }
}

/// Shows each scrape of the instances in `places` to `see`, until `stop` is set.
fn scraper<W: Send + 'static>(
    places: Vec<Place>,
    stop: Arc<AtomicBool>,
    mut watch: W,
    see: impl Fn(&mut W, u32, &Scrape) + Send + 'static,
) -> thread::JoinHandle<W> {
    thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            for place in &places {
                let answer = lock(place).as_ref().map(|nabiz| (nabiz.id(), nabiz.get("/metrics")));
                if let Some((process, Ok((200, text)))) = answer {
                    see(&mut watch, process, &Scrape::parse(&text));
                }
            }
            thread::sleep(Duration::from_millis(100));
        }
        watch
    })
}

fn stream(records: usize, partitions: i32) -> (Vec<Outgoing>, Value) {
    /// Lower bound of the events per hour, so that the run reaches its number of records. The
    /// simulation needs an end, because only then is its truth complete.
    const HOURLY: u64 = 6_000;
    let duration_ms = Some(records as u64 * 3_600_000 / HOURLY);
    let options = Options {
        start_ms: START_MS,
        duration_ms,
        rate_scale: 5.0,
        seed: 29,
        ..Options::default()
    };
    simulated(Simulation::new(Scenario::OrdinaryDay, options), partitions)
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn metrics_equal_the_truth_after_crashes_outages_and_rebalances() {
    let _alone = serial::alone();
    let records = bound("NABIZ_CHAOS_RECORDS", 20_000);
    let mut blows: Vec<Blow> = [
        (Blow::KillNabiz, bound("NABIZ_CHAOS_KILLS", 5)),
        (Blow::KillBroker, bound("NABIZ_CHAOS_BROKER_KILLS", 1)),
        (Blow::Join, bound("NABIZ_CHAOS_JOINS", 2)),
    ]
    .into_iter()
    .flat_map(|(blow, count)| std::iter::repeat_n(blow, count))
    .collect();
    let mut rng = ChaCha8Rng::seed_from_u64(41);
    blows.shuffle(&mut rng);

    let kafka = Kafka::start();
    let pipeline = Pipeline::new(kafka.brokers(), "chaos")
        .topic(TOPIC, "cloudevents")
        .shard_label()
        .client("session.timeout.ms", "6000")
        .client("heartbeat.interval.ms", "500");
    kafka.create_topic(TOPIC, PARTITIONS);
    kafka.create_topic(pipeline.dead_letters(), 1);
    let (events, truth) = stream(records, PARTITIONS);

    let one: Place = Arc::new(Mutex::new(Some(pipeline.serve())));
    let two: Place = Arc::default();
    let stop = Arc::new(AtomicBool::new(false));
    let places = vec![Arc::clone(&one), Arc::clone(&two)];
    let watch = scraper(places, Arc::clone(&stop), Watch::default(), Watch::see);
    let kills = AtomicU64::new(0);
    let began = Instant::now();

    let chunk = events.len().div_ceil(blows.len() + 1);
    for (number, part) in events.chunks(chunk).enumerate() {
        produce(&kafka, TOPIC, part);
        thread::sleep(Duration::from_millis(rng.random_range(200..5_000)));
        match blows.get(number) {
            Some(Blow::KillNabiz) => {
                if let Some(running) = lock(&one).take() {
                    running.kill();
                    kills.fetch_add(1, Ordering::Relaxed);
                }
                *lock(&one) = Some(pipeline.serve());
            }
            Some(Blow::KillBroker) => {
                kafka.kill();
                thread::sleep(Duration::from_millis(rng.random_range(200..2_000)));
                kafka.restart();
            }
            Some(Blow::Join) => {
                let here = lock(&two).take();
                match here {
                    Some(running) => {
                        running.terminate(Duration::from_secs(10));
                    }
                    None => *lock(&two) = Some(pipeline.serve_another()),
                }
            }
            None => {}
        }
    }

    let total = nabiz_dev::wait_for("everything read", SETTLED_WITHIN, || {
        let scrapes: Vec<Scrape> = [&one, &two]
            .iter()
            .filter_map(|place| lock(place).as_ref().and_then(|nabiz| nabiz.get("/metrics").ok()))
            .map(|(_, text)| Scrape::parse(&text))
            .collect();
        let sum = Scrape::over_shards(&scrapes);
        let read = sum.sum("nabiz_records_total", &[("topic", TOPIC)]);
        if read == events.len() as f64 {
            Ok(sum)
        } else {
            Err(format!("{read} of {} records", events.len()))
        }
    });
    let differences = truth::differences(&truth, &total, &[]);
    assert!(
        differences.is_empty(),
        "{} differences:\n{}",
        differences.len(),
        differences.join("\n")
    );
    stop.store(true, Ordering::Relaxed);
    let watch = watch.join().expect("the scraper ends");
    for place in [&one, &two] {
        if let Some(running) = lock(place).take() {
            running.terminate(Duration::from_secs(10));
        }
    }
    assert_history(&pipeline, &truth);
    assert!(
        watch.fallen.is_empty(),
        "{} counters fell:\n{}",
        watch.fallen.len(),
        watch.fallen.join("\n")
    );
    report!(
        "chaos: {} records, {} kills survived, blows {blows:?}, {} scrapes, 0 lost, 0 doubled, 0 counters fell, {:.0} s",
        events.len(),
        kills.load(Ordering::Relaxed),
        watch.scrapes,
        began.elapsed().as_secs_f64()
    );
    assert!(watch.scrapes > 20, "{} scrapes", watch.scrapes);
}

#[test]
#[ignore = "needs Apache Kafka (make test)"]
fn suspended_process_counts_nothing_twice() {
    let _alone = serial::alone();
    let kafka = Kafka::start();
    let pipeline = Pipeline::new(kafka.brokers(), "zombie")
        .topic(TOPIC, "cloudevents")
        .shard_label()
        .client("session.timeout.ms", "6000")
        .client("heartbeat.interval.ms", "500");
    kafka.create_topic(TOPIC, PARTITIONS);
    kafka.create_topic(pipeline.dead_letters(), 1);
    let (events, truth) = stream(6_000, PARTITIONS);
    let (first, rest) = events.split_at(events.len() / 2);
    let read = |scrapes: &[Scrape], records: usize| {
        let sum = Scrape::over_shards(scrapes);
        let read = sum.sum("nabiz_records_total", &[("topic", TOPIC)]);
        if read == records as f64 { Ok(sum) } else { Err(format!("{read} of {records} records")) }
    };

    let mut zombie = pipeline.serve();
    zombie.wait_ready();
    produce(&kafka, TOPIC, first);
    nabiz_dev::wait_for("the first half read", SETTLED_WITHIN, || {
        read(&[zombie.scrape()], first.len())
    });
    let mut heir = pipeline.serve_another();
    heir.wait_ready();

    zombie.signal("STOP");
    produce(&kafka, TOPIC, rest);
    let all = nabiz_dev::wait_for("the heir has it all", SETTLED_WITHIN, || {
        read(&[heir.scrape()], events.len())
    });
    let mut watch = Watch::default();
    watch.see(heir.id(), &heir.scrape());
    zombie.signal("CONT");
    for _ in 0..50 {
        watch.see(zombie.id(), &zombie.scrape());
        watch.see(heir.id(), &heir.scrape());
        thread::sleep(Duration::from_millis(100));
    }
    assert!(
        watch.fallen.is_empty(),
        "{} counters fell:\n{}",
        watch.fallen.len(),
        watch.fallen.join("\n")
    );
    let both = nabiz_dev::wait_for("each partition once", SETTLED_WITHIN, || {
        read(&[zombie.scrape(), heir.scrape()], events.len())
    });
    for total in [all, both] {
        let differences = truth::differences(&truth, &total, &[]);
        assert!(
            differences.is_empty(),
            "{} differences:\n{}",
            differences.len(),
            differences.join("\n")
        );
    }
    for running in [zombie, heir] {
        running.terminate(Duration::from_secs(10));
    }
    assert_history(&pipeline, &truth);
}

/// Checks that the interval history, over the whole time, equals the truth.
fn assert_history(pipeline: &Pipeline, truth: &Value) {
    let config = pipeline.config().display().to_string();
    let arguments = ["history", "--config", &config, "--from", "2026-01-01", "--to", "2026-02-01"];
    let output = nabiz(arguments.into_iter().chain(["--step", "all", "--format", "json"]));
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).expect("the history is JSON");
    let columns = [
        ("nabiz_visits_offered_total", "offered"),
        ("nabiz_visits_answered_total", "answered"),
        ("nabiz_visits_abandoned_total", "abandoned"),
        ("nabiz_service_level_met_total", "service_level_met"),
        ("nabiz_service_level_missed_total", "service_level_missed"),
    ];
    for (metric, column) in columns {
        for sample in truth["metrics"][metric].as_array().into_iter().flatten() {
            let labels = &sample["labels"];
            let row = rows
                .iter()
                .find(|row| row["queue"] == labels["queue"] && row["channel"] == labels["channel"])
                .unwrap_or_else(|| panic!("no history of {labels}"));
            assert_eq!(row[column].as_f64(), sample["value"].as_f64(), "{column} of {labels}");
        }
    }
}
