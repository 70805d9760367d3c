//! The table: every contender over the same topic.

use std::fmt::Write as _;

use crate::Plan;
use crate::contender::{Contender, Run, THREADS};
use crate::measure::median;
use crate::report::{head, mib, row};
use crate::workload::{PARTITIONS, Shape, produce};
use nabiz_dev::broker::Kafka;

const TOPIC: &str = "bench.calls";
/// One round of a contender that took longer is enough: its noise is small against its distance.
const SLOW_SECONDS: f64 = 90.0;

struct Entry {
    contender: Contender,
    /// Versions, or why it cannot be had.
    versions: Result<String, String>,
    runs: Vec<Run>,
}

impl Entry {
    fn takes_part(&self) -> bool {
        self.versions.is_ok()
            && self.runs.iter().all(|run| run.wrong.is_none() && run.seconds < SLOW_SECONDS)
    }

    fn median(&self, of: impl Fn(&Run) -> f64) -> f64 {
        median(&self.runs.iter().map(of).collect::<Vec<_>>())
    }
}

pub fn run(kafka: &Kafka, plan: &Plan) -> String {
    let mut entries: Vec<Entry> = Contender::all()
        .into_iter()
        .filter(|contender| {
            plan.only.is_empty() || plan.only.iter().any(|name| name == contender.name())
        })
        .map(|contender| {
            let versions = contender.prepare();
            eprintln!("{}: {versions:?}", contender.name());
            Entry { contender, versions, runs: Vec::new() }
        })
        .collect();
    let shape = Shape::standard(plan.events);
    let truth = produce(kafka, TOPIC, shape);
    for round in 0..plan.rounds {
        let count = entries.len();
        for place in 0..count {
            // Rotates the order, so that no contender is first in every round.
            let entry = &mut entries[(place + round) % count];
            if !entry.takes_part() {
                continue;
            }
            let run = entry.contender.run(kafka, TOPIC, &truth);
            eprintln!("round {round} {}: {run:?}", entry.contender.name());
            entry.runs.push(run);
        }
    }
    let million = truth.events as f64 / 1e6;
    let mut text = format!(
        "## Side by side\n\n{} events of {} bytes on average in {PARTITIONS} partitions, lz4, {} queues, {} contacts open at once, {} minutes of \
         stream time. {THREADS} threads or processes each; medians.\n\n",
        truth.events,
        truth.bytes / truth.events.max(1),
        truth.queues.len(),
        truth.open_max,
        truth.stream_seconds / 60,
    );
    text += &head(&[
        "contender",
        "events a second",
        "CPU seconds a million events",
        "peak memory, MiB",
        "seconds to the first record",
        "rounds",
        "counts",
    ]);
    for entry in &entries {
        let name = entry.contender.name().to_owned();
        match &entry.versions {
            Err(why) => {
                text += &row(&[
                    name,
                    format!("not to be had: {why}"),
                    "".into(),
                    "".into(),
                    "".into(),
                    "".into(),
                    "".into(),
                ])
            }
            Ok(_) => {
                let wrong = entry.runs.iter().find_map(|run| run.wrong.clone());
                let right = entry.contender.claims();
                text += &row(&[
                    name,
                    format!("{:.0}", entry.median(|run| truth.events as f64 / run.seconds)),
                    format!("{:.2}", entry.median(|run| run.usage.cpu_seconds / million)),
                    mib(entry.median(|run| run.usage.peak_bytes as f64) as u64),
                    format!("{:.1}", entry.median(|run| run.start_seconds)),
                    entry.runs.len().to_string(),
                    wrong.map_or_else(|| right.to_owned(), |why| format!("void: {why}")),
                ]);
            }
        }
    }
    text.push('\n');
    let Some(nabiz) = entries.iter().find(|entry| matches!(entry.contender, Contender::Nabiz(_)))
    else {
        return text;
    };
    let rate = |entry: &Entry| entry.median(|run| 1.0 / run.seconds);
    let cpu = |entry: &Entry| entry.median(|run| run.usage.cpu_seconds);
    text += &head(&["nabiz against", "events a second by the wall", "events a CPU second"]);
    for entry in
        entries.iter().filter(|entry| !entry.runs.is_empty() && entry.contender != nabiz.contender)
    {
        text += &row(&[
            entry.contender.name().to_owned(),
            format!("{:.2} times", rate(nabiz) / rate(entry)),
            format!("{:.2} times", cpu(entry) / cpu(nabiz)),
        ]);
    }
    text.push('\n');
    for entry in &entries {
        if let Ok(versions) = &entry.versions {
            let _ = writeln!(text, "- {}: {versions}", entry.contender.name());
        }
    }
    text
}
