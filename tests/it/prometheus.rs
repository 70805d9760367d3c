//! The real Prometheus scrapes the running program in protobuf: every metric arrives, quantiles of
//! the native histograms agree with the exact ones, and the series of two instances add up to those
//! of one.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use nabiz::exposition::catalogue::{self, Kind};
use nabiz_dev::broker::Kafka;
use nabiz_dev::client::{Outgoing, produce};
use nabiz_dev::pipeline::Pipeline;
use nabiz_dev::prometheus::Prometheus;
use nabiz_dev::scrape::Scrape;
use nabiz_dev::wait_for;
use nabiz_simulator::{Options, Scenario, Simulation};
use serde_json::Value;

use crate::harness::serial;
use crate::harness::simulated::simulated;

/// 2026-01-05T10:00:00+03:00 in milliseconds since the Unix epoch.
const START_MS: i64 = 1_767_596_400_000;
const PARTITIONS: i32 = 2;
const WITHIN: Duration = Duration::from_secs(60);
/// HDR cells are less than 0.8 % wide and native buckets 2.2 %.
const QUANTILE_ERROR: f64 = 0.03;

/// Waits of answered visits in milliseconds, by queue and channel, ascending, computed from the
/// times of the events alone.
#[derive(Default)]
struct ExactWaits {
    queued_ms: HashMap<(String, String), i64>,
    waits_ms: BTreeMap<(String, String), Vec<i64>>,
}

impl ExactWaits {
    fn read(&mut self, json: &[u8]) {
        let event: Value = serde_json::from_slice(json).expect("an event is JSON");
        let data = &event["data"];
        let text = |field: &str| data[field].as_str().unwrap_or_default().to_owned();
        let time: jiff::Timestamp =
            event["time"].as_str().expect("a time").parse().expect("RFC 3339");
        let visit = (text("contact_id"), text("queue"));
        match event["type"].as_str() {
            Some("contact.queued") => {
                self.queued_ms.insert(visit, time.as_millisecond());
            }
            Some("contact.answered") => {
                let queued_ms = self.queued_ms[&visit];
                self.waits_ms
                    .entry((visit.1, text("channel")))
                    .or_default()
                    .push(time.as_millisecond() - queued_ms);
            }
            _ => {}
        }
    }

    /// Returns the quantile by nearest rank over all channels of a queue.
    fn quantile_seconds(&self, queue: &str, quantile: f64) -> f64 {
        let of_queue = self.waits_ms.iter().filter(|((known, _), _)| known == queue);
        let mut waits_ms: Vec<i64> =
            of_queue.flat_map(|(_, waits_ms)| waits_ms.iter().copied()).collect();
        waits_ms.sort_unstable();
        let rank = ((quantile * waits_ms.len() as f64).ceil() as usize).clamp(1, waits_ms.len());
        waits_ms[rank - 1] as f64 / 1000.0
    }
}

#[test]
#[ignore = "needs Apache Kafka and Prometheus (make test)"]
fn prometheus_scrapes_every_metric_and_quantiles_that_agree() {
    let _shared = serial::shared();
    let kafka = Kafka::shared();
    let whole = Pipeline::new(kafka.brokers(), "whole").topic("native.calls", "cloudevents");
    let parts =
        Pipeline::new(kafka.brokers(), "parts").topic("native.calls", "cloudevents").shard_label();
    kafka.create_topic("native.calls", PARTITIONS);
    kafka.create_topic(whole.dead_letters(), 1);
    kafka.create_topic(parts.dead_letters(), 1);
    let (records, exact) = an_hour(3.0);
    produce(kafka, "native.calls", &records);

    let mut one = whole.serve();
    let mut two = [parts.serve(), parts.serve_another()];
    one.wait_ready();
    two.iter_mut().for_each(|nabiz| nabiz.wait_ready());
    let addresses: Vec<&str> = two.iter().map(|nabiz| nabiz.address()).collect();
    let prometheus = Prometheus::start(&[("whole", vec![one.address()]), ("parts", addresses)]);
    for job in ["whole", "parts"] {
        let applied = format!(r#"sum(nabiz_records_total{{job="{job}",result="applied"}})"#);
        prometheus.wait_for_value(&applied, records.len() as f64, WITHIN);
    }
    // Both instances must have a partition, or their sum would prove nothing.
    prometheus.wait_for_value(
        r#"count(count by (instance) (nabiz_open_contacts{job="parts"}))"#,
        2.0,
        WITHIN,
    );
    let shards = r#"count(count by (instance, shard) (nabiz_visits_offered_total{job="parts"}))"#;
    prometheus.wait_for_value(shards, f64::from(PARTITIONS), WITHIN);

    every_metric_arrives(&prometheus, &one.scrape());
    for (queue, _) in exact.waits_ms.keys() {
        for quantile in [0.5, 0.9, 0.95] {
            let expected = exact.quantile_seconds(queue, quantile);
            let native = |job: &str| {
                let waits = format!(
                    r#"nabiz_wait_seconds{{job="{job}",queue="{queue}",outcome="answered"}}"#
                );
                let quantile = format!("histogram_quantile({quantile}, sum by (queue) ({waits}))");
                prometheus.value(&quantile).unwrap_or_else(|why| panic!("{why}"))
            };
            let found = native("whole");
            let error = (found - expected).abs() / expected.max(0.1);
            assert!(error <= QUANTILE_ERROR, "{queue} {quantile}: {found} s, exactly {expected} s");
            assert!((native("parts") - found).abs() < 1e-9 * found.max(1.0), "{queue} {quantile}");
        }
    }
    for metric in catalogue::ALL
        .iter()
        .filter(|metric| matches!(metric.kind, Kind::Histogram | Kind::GaugeHistogram))
    {
        let by = metric.labels.join(", ");
        for number in ["histogram_count", "histogram_sum"] {
            let of = |job: &str| {
                let query = format!(r#"{number}(sum by ({by}) ({}{{job="{job}"}}))"#, metric.name);
                prometheus.query(&query).unwrap_or_else(|why| panic!("{why}"))
            };
            let (whole, parts) = (of("whole"), of("parts"));
            assert!(!whole.is_empty(), "{} has no native histogram", metric.name);
            assert!(whole.iter().any(|(_, value)| *value > 0.0), "{} is all zero", metric.name);
            for (labels, value) in whole {
                let part = parts.iter().find(|(known, _)| *known == labels).map(|(_, part)| *part);
                assert!(
                    part.is_some_and(|part| (part - value).abs() <= 1e-9 * value),
                    "{number} {labels}: {value} {part:?}"
                );
            }
        }
    }
}

/// Returns an hour of traffic, and the waits in it.
fn an_hour(rate_scale: f64) -> (Vec<Outgoing>, ExactWaits) {
    let options = Options {
        start_ms: START_MS,
        duration_ms: Some(3_600_000),
        rate_scale,
        seed: 23,
        ..Options::default()
    };
    let (records, _) = simulated(Simulation::new(Scenario::PipeBurst, options), PARTITIONS);
    let mut exact = ExactWaits::default();
    records.iter().for_each(|record| exact.read(&record.value));
    (records, exact)
}

/// Checks that the metrics of the text format arrive, and those that only protobuf carries.
fn every_metric_arrives(prometheus: &Prometheus, text: &Scrape) {
    let expected = |metric: &&&catalogue::Metric| match metric.kind {
        Kind::GaugeHistogram => true,
        Kind::Histogram => text.series(&format!("{}_count", metric.name)).next().is_some(),
        _ => text.series(metric.name).next().is_some(),
    };
    wait_for("every metric in Prometheus", WITHIN, || {
        let names = prometheus.names();
        let missing = catalogue::ALL
            .iter()
            .filter(expected)
            .filter(|metric| !names.iter().any(|name| name == metric.name));
        match missing.map(|metric| metric.name).collect::<Vec<_>>() {
            missing if missing.is_empty() => Ok(()),
            missing => Err(format!("{missing:?}")),
        }
    });
    let served = catalogue::ALL.iter().filter(expected).count();
    assert!(
        served + 5 > catalogue::ALL.len(),
        "only {served} of {} metrics are served",
        catalogue::ALL.len()
    );
}
