//! Scrapes of 500 queues while nabiz reads at full speed: how long they take, and how much they
//! slow down the reading.

use std::time::{Duration, Instant};

use crate::Plan;
use crate::contender::{Contender, NabizConfig};
use crate::measure::{median, quantile};
use crate::report::{head, row};
use crate::workload::{Shape, fill};
use nabiz_dev::broker::Kafka;
use nabiz_dev::{signal, wait_for};

/// Short enough for several figures within one backlog. Prometheus scrapes every 5 to 15 seconds.
const SCRAPE_EVERY: Duration = Duration::from_secs(1);
const PROTOBUF: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

#[derive(Default)]
struct Scrapes {
    rates: Vec<f64>,
    times_ms: Vec<f64>,
    bytes: usize,
}

pub fn run(kafka: &Kafka, plan: &Plan) -> String {
    let kinds = [("none", None), ("text", Some("text/plain")), ("protobuf", Some(PROTOBUF))];
    let mut all: Vec<Scrapes> = kinds.iter().map(|_| Scrapes::default()).collect();
    for round in 0..plan.rounds {
        for (kind, (name, accept)) in kinds.iter().enumerate() {
            one(
                kafka,
                plan.events,
                &format!("bench.scraped.{name}.{round}"),
                *accept,
                &mut all[kind],
            );
        }
    }
    let mut text = format!(
        "## Scrapes while reading at full speed\n\n500 queues, a backlog of {} events read by a process that is ready, {} rounds, a scrape every \
         second.\n\n",
        plan.events, plan.rounds
    );
    text += &head(&[
        "format",
        "size, MiB",
        "time p50, ms",
        "time p99, ms",
        "time max, ms",
        "events a second",
        "loss at one a second",
        "loss at one in 5 seconds",
    ]);
    let free = median(&all[0].rates);
    for ((name, _), scrapes) in kinds.iter().zip(&mut all) {
        let rate = median(&scrapes.rates);
        let loss = 100.0 * (1.0 - rate / free);
        let mut cells = vec![(*name).to_owned()];
        if scrapes.times_ms.is_empty() {
            cells.extend(["", "", "", ""].map(str::to_owned));
        } else {
            cells.push(format!("{:.1}", scrapes.bytes as f64 / f64::from(1 << 20)));
            cells.extend(
                [0.5, 0.99, 1.0]
                    .map(|part| format!("{:.0}", quantile(&mut scrapes.times_ms, part))),
            );
        }
        cells.extend([
            format!("{rate:.0}"),
            format!("{loss:.1} %"),
            format!("{:.1} %", loss / 5.0),
        ]);
        text += &row(&cells);
    }
    text
}

/// Writes the backlog while the process is stopped. The process was ready before, so it answers
/// scrapes while it reads the backlog.
fn one(kafka: &Kafka, events: usize, topic: &str, accept: Option<&str>, scrapes: &mut Scrapes) {
    kafka.create_topic(topic, Shape::standard(events).partitions);
    let config = NabizConfig {
        sections: "[kafka.client]\n\"session.timeout.ms\" = \"300000\"\n".to_owned(),
        ..NabizConfig::default()
    };
    let running = Contender::Nabiz(config).start(kafka, topic);
    wait_for("ready", Duration::from_secs(60), || running.get("/readyz"));
    signal(&running.child, "STOP");
    let truth = fill(kafka, topic, Shape::standard(events));
    signal(&running.child, "CONT");
    let began = Instant::now();
    let address = running.address.clone();
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            loop {
                match running.records() {
                    Ok(records) if records >= truth => break began.elapsed(),
                    other => assert!(
                        began.elapsed() < Duration::from_secs(300),
                        "{other:?}\n{}",
                        running.log()
                    ),
                }
                std::thread::sleep(Duration::from_millis(25));
            }
        });
        while let Some(accept) = accept {
            std::thread::sleep(SCRAPE_EVERY);
            if reading.is_finished() {
                break;
            }
            let asked = Instant::now();
            let mut response = ureq::get(format!("http://{address}/metrics"))
                .header("accept", accept)
                .call()
                .expect("metrics");
            let body =
                response.body_mut().with_config().limit(1 << 30).read_to_vec().expect("a body");
            scrapes.times_ms.push(asked.elapsed().as_secs_f64() * 1e3);
            scrapes.bytes = scrapes.bytes.max(body.len());
        }
        let took = reading.join().expect("a time");
        scrapes.rates.push(truth as f64 / took.as_secs_f64());
    });
    eprintln!("{topic}: {:?} events a second, scrapes {:?} ms", scrapes.rates, scrapes.times_ms);
}
