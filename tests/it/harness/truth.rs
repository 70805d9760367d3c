//! Compares a scrape with the numbers that the simulator requires of a correct reader.

use std::collections::{BTreeMap, BTreeSet};

use nabiz::exposition::catalogue::{self, Metric, Source};
use nabiz_dev::scrape::Scrape;
use serde_json::Value;

/// Returns whether a metric describes the process and not the records. Its counters restart at 0
/// with each start of the process.
pub fn is_of_the_process(name: &str) -> bool {
    let is_it = |metric: &&Metric| metric.source == Source::Pipeline && metric.name == name;
    name.starts_with("process_") || catalogue::ALL.iter().any(is_it)
}

/// Returns the differences between the scrape and the truth (the JSON that `nabiz simulate --truth`
/// writes). Counts must be equal; sums of seconds may differ by a millionth. The truth omits zeros,
/// so a series that it does not have must be 0. The queues `others` are not in the simulator and
/// are not compared.
pub fn differences(truth: &Value, scrape: &Scrape, others: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let metrics = truth["metrics"].as_object().expect("the truth has metrics");
    assert!(
        metrics.len() >= 20,
        "the truth is too small to be worth comparing: {:?}",
        metrics.keys()
    );
    for (name, samples) in metrics {
        let mut known: BTreeSet<BTreeMap<String, String>> = BTreeSet::new();
        for sample in samples.as_array().expect("a metric has samples") {
            let labels: BTreeMap<String, String> =
                serde_json::from_value(sample["labels"].clone()).expect("labels are texts");
            let pairs: Vec<(&str, &str)> =
                labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            let expected = sample["value"].as_f64().expect("a value is a number");
            let got = scrape.value(name, &pairs);
            if !got.is_some_and(|got| same(name, got, expected)) {
                found.push(format!("{name}{labels:?}: expected {expected}, got {got:?}"));
            }
            known.insert(labels);
        }
        for (labels, value) in scrape.series(name) {
            let other = labels.get("queue").is_some_and(|queue| others.contains(&queue.as_str()))
                // An agent of the queue log without a login to a queue.
                || (name == "nabiz_agent_seconds_total" && labels.get("queue").is_some_and(|queue| queue == "none"));
            if !other && !known.contains(labels) && value != 0.0 {
                found.push(format!("{name}{labels:?}: not in the truth, got {value}"));
            }
        }
    }
    found
}

fn same(name: &str, got: f64, expected: f64) -> bool {
    if name.contains("_seconds") && !name.ends_with("_count") {
        (got - expected).abs() <= 1e-6 * expected.abs().max(1.0)
    } else {
        got == expected
    }
}
