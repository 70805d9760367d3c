//! Compares nabiz with its contenders over a real Apache Kafka: whether they compute the same
//! numbers from the same events, how fast, and at what cost.
//!
//! `make bench` runs it. A topic is produced once and read by each contender in turn, from its
//! start to lag 0. Each contender's counts are compared with the truth; where they differ, its row
//! is void. The other parts measure nabiz alone: freshness, scrapes under load, and scaling.
//!
//! Environment: `BENCH_EVENTS` (5500000), `BENCH_ROUNDS` (3), `BENCH_PARTS`
//! (`table,freshness,scrape,memory,scale`), `BENCH_ONLY` (names of contenders, separated by
//! commas), `BENCH_RESULTS` (the file that is written), `BENCH_PERF` (nabiz runs under
//! `perf record`, which writes that file).

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    unreachable_pub,
    missing_docs
)]

mod contender;
mod freshness;
mod measure;
mod report;
mod roofline;
mod scale;
mod scraping;
mod table;
mod workload;

use std::str::FromStr;

use nabiz_dev::broker::Kafka;

/// The settings of a run.
pub struct Plan {
    pub events: usize,
    pub rounds: usize,
    pub parts: Vec<String>,
    /// All where empty.
    pub only: Vec<String>,
}

fn setting<T: FromStr>(name: &str, default: T) -> T {
    match std::env::var(name) {
        Err(_) => default,
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text:?} is not understood")),
    }
}

fn list(name: &str, default: &str) -> Vec<String> {
    let text = setting(name, default.to_owned());
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn main() {
    // The roofline is a process of its own, like every contender.
    if std::env::var_os("BENCH_ROLE").is_some_and(|role| role == "roofline") {
        return roofline::run();
    }
    let plan = Plan {
        events: setting("BENCH_EVENTS", 5_500_000),
        rounds: setting("BENCH_ROUNDS", 3),
        parts: list("BENCH_PARTS", "table,freshness,scrape,memory,scale"),
        only: list("BENCH_ONLY", ""),
    };
    // Members that start together must get their partitions in one rebalance. A broker delays the
    // first rebalance by default; the broker of the harness does not.
    let kafka = Kafka::start_with("group.initial.rebalance.delay.ms=1000\n");
    let mut report = report::Report::new(&plan);
    for part in &plan.parts {
        match part.as_str() {
            "table" => report.add(table::run(&kafka, &plan)),
            "freshness" => report.add(freshness::run(&kafka)),
            "scrape" => report.add(scraping::run(&kafka, &plan)),
            "memory" => report.add(scale::memory(&kafka)),
            "scale" => report.add(scale::run(&kafka)),
            other => {
                panic!("BENCH_PARTS: {other:?} is none of table, freshness, scrape, memory, scale")
            }
        }
        report.write();
    }
}
