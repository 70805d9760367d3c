//! The age of the numbers that a scraper has, at a steady rate.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::producer::Producer;

use crate::contender::{Contender, NabizConfig, Running};
use crate::measure::quantile;
use crate::report::{head, row};
use crate::workload::{Shape, producer, send};
use nabiz_dev::broker::Kafka;
use nabiz_dev::scrape::sample;

const TOPIC: &str = "bench.fresh";
const RATE: usize = 50_000;
const WARM_UP: Duration = Duration::from_secs(10);
const MEASURED: Duration = Duration::from_secs(30);
/// A period that beats with no other.
const SCRAPE_EVERY: Duration = Duration::from_millis(337);

/// Returns the number of records in a scrape, over all results.
fn shown(body: &str) -> usize {
    let lines = body.lines().filter(|line| line.starts_with("nabiz_records_total{"));
    lines.filter_map(sample).map(|(_, value)| value as usize).sum()
}

pub fn run(kafka: &Kafka) -> String {
    let shape = Shape::standard(RATE * (WARM_UP + MEASURED).as_secs() as usize);
    kafka.create_topic(TOPIC, shape.partitions);
    let running = Contender::Nabiz(NabizConfig::default()).start(kafka, TOPIC);
    nabiz_dev::wait_for("ready", Duration::from_secs(60), || running.get("/readyz"));
    let began = Instant::now();
    // When each record was handed to the client.
    let sent: Mutex<Vec<Instant>> = Mutex::new(Vec::with_capacity(shape.events));
    let is_over = AtomicBool::new(false);
    let (mut ages_ms, mut times_ms, mut bytes) = (Vec::new(), Vec::new(), 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            write(kafka, shape, &sent);
            is_over.store(true, Ordering::Release);
        });
        while !is_over.load(Ordering::Acquire) {
            let asked = Instant::now();
            let (records, length) = scrape(&running);
            let done = Instant::now();
            // A scrape is as old as the oldest record that is missing in it.
            let oldest = sent.lock().expect("a list").get(records).copied();
            if began.elapsed() > WARM_UP {
                ages_ms.push(oldest.map_or(0.0, |oldest| {
                    done.saturating_duration_since(oldest).as_secs_f64() * 1e3
                }));
                times_ms.push((done - asked).as_secs_f64() * 1e3);
                bytes = length;
            }
            std::thread::sleep(SCRAPE_EVERY.saturating_sub(asked.elapsed()));
        }
    });
    let mut text = format!(
        "## Freshness\n\n{RATE} events a second, 500 queues, {} scrapes as text of {:.1} MiB. The age of a scrape is the time from when the \
         oldest record that it does not show was handed to the producer, to when the scrape has arrived as a whole.\n\n",
        ages_ms.len(),
        bytes as f64 / f64::from(1 << 20)
    );
    text += &head(&["milliseconds", "p50", "p99", "max"]);
    for (name, values) in
        [("age of a scrape", &mut ages_ms), ("of it the scrape itself", &mut times_ms)]
    {
        let cells = [0.5, 0.99, 1.0].map(|part| format!("{:.0}", quantile(values, part)));
        text += &row(&[vec![name.to_owned()], cells.to_vec()].concat());
    }
    text
}

fn scrape(running: &Running) -> (usize, usize) {
    let body = running.get("/metrics").unwrap_or_else(|error| panic!("{error}\n{}", running.log()));
    (shown(&body), body.len())
}

fn write(kafka: &Kafka, shape: Shape, sent: &Mutex<Vec<Instant>>) {
    let producer = producer(kafka);
    let events: Vec<_> = shape.generate().collect();
    let began = Instant::now();
    for (step, chunk) in events.chunks(RATE / 200).enumerate() {
        let due = began + Duration::from_millis(5) * step as u32;
        producer.poll(Duration::ZERO);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let now_ms =
            SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as i64;
        let now = Instant::now();
        sent.lock().expect("a list").extend(chunk.iter().map(|_| now));
        for event in chunk {
            send(&producer, TOPIC, event, now_ms);
        }
    }
    producer.flush(Duration::from_secs(30)).expect("the records are written");
}
