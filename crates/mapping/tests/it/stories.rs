//! The records of a source give the same numbers as the same story in CloudEvents, also when they
//! come twice and in another order.

use std::sync::Arc;

use nabiz_core::decode::{Format, Message};
use nabiz_core::ids::Offset;
use nabiz_core::settings::Settings;
use nabiz_core::shard::{RecordMeta, RecordOutcome, Shard};
use nabiz_core::snapshot::Snapshot;
use nabiz_core::time::{Timestamp, WallTime, parse_rfc3339};
use nabiz_mapping::{Mapping, Output};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use crate::story_files::{lines, mapping, names, records};

/// An event or a line, and the Kafka timestamp of its record.
#[derive(Clone, Debug)]
struct Told {
    output: Output,
    timestamp: Option<i64>,
}

impl Told {
    fn time(&self) -> i64 {
        let time = match &self.output {
            Output::Event(event) => {
                let event: Value = serde_json::from_str(event).unwrap();
                event["time"].as_str().and_then(parse_rfc3339).map(Timestamp::get)
            }
            Output::Line(line) => line
                .split_once('|')
                .and_then(|(time, _)| time.parse::<f64>().ok())
                .map(|seconds| (seconds * 1000.0) as i64),
        };
        time.or(self.timestamp).expect("an event or its record has a time")
    }
}

/// Returns what a shard says about a log. Records are left out: a doubled one counts there.
fn fold(log: &[Told], end: i64) -> (Snapshot, Vec<RecordOutcome>) {
    let mut shard = Shard::new(Arc::new(Settings::builder().build()), [7; 16]);
    let mut outcomes = Vec::new();
    for (offset, told) in log.iter().enumerate() {
        let (format, value) = match &told.output {
            Output::Event(event) => (Format::CloudEvents, event),
            Output::Line(line) => (Format::AsteriskQueueLog, line),
        };
        let message = Message { value: Some(value.as_bytes()), headers: &[] };
        let meta =
            RecordMeta { offset: Offset(offset as i64), timestamp: told.timestamp.map(WallTime) };
        outcomes.push(shard.fold(format, &message, meta));
    }
    shard.advance(Timestamp(end));
    let mut snapshot = shard.snapshot();
    snapshot.records = Default::default();
    (snapshot, outcomes)
}

fn told(name: &str, mapping: &Mapping) -> Vec<Told> {
    let mut log = Vec::new();
    for record in records(name) {
        let timestamp = record.timestamp();
        for output in record.apply(mapping).unwrap_or_default() {
            log.push(Told { output, timestamp });
        }
    }
    log
}

fn hand_written(name: &str) -> Vec<Told> {
    let parse = |line: String| Told { output: Output::Event(line), timestamp: None };
    lines(name, "story.ndjson").into_iter().map(parse).collect()
}

/// Leaves out what depends on the order of the records: takes revoked misses off the misses, and
/// leaves out series of zeros. A contact whose start is read before its queue is open in `none` for
/// a moment.
fn settle(snapshot: &mut Snapshot) {
    for series in &mut snapshot.series {
        let series = Arc::make_mut(series);
        let revoked = std::mem::take(&mut series.totals.contacts.service_level_revoked);
        series.totals.service_level.missed -= revoked;
    }
    snapshot.series.retain(|series| {
        (&series.totals, &series.live) != (&Default::default(), &Default::default())
    });
}

/// An hour past the end, when all pending endings have been decided.
fn end_of(log: &[Told]) -> i64 {
    log.iter().map(Told::time).max().unwrap_or_default() + 3_600_000
}

#[test]
fn story_gives_the_numbers_of_its_cloud_events() {
    for name in names() {
        let (log, story) = (told(name, &mapping(name)), hand_written(name));
        let end = end_of(&story);
        let ((actual, outcomes), (expected, story_outcomes)) = (fold(&log, end), fold(&story, end));
        assert_eq!(actual, expected, "{name}");
        for (outcomes, log) in [(&outcomes, &log), (&story_outcomes, &story)] {
            for (outcome, told) in outcomes.iter().zip(log) {
                assert!(
                    !matches!(outcome, RecordOutcome::Rejected(_)),
                    "{name}: {outcome:?} {told:?}"
                );
            }
        }
    }
}

#[test]
fn doubled_and_shuffled_records_give_the_same_numbers() {
    let mut random = ChaCha8Rng::seed_from_u64(13);
    let grace = Settings::builder().build().windows.reorder_grace.get() as i64;
    for name in names() {
        let log = told(name, &mapping(name));
        let end = end_of(&log);
        let (mut expected, _) = fold(&log, end);
        settle(&mut expected);
        for round in 0..50 {
            // A record is read at most half the grace before or after its time, so that no two
            // change places that are farther apart than the grace.
            let mut shuffled: Vec<_> = log
                .iter()
                .chain(&log)
                .map(|told| {
                    (told.time() + random.random_range(-grace / 2..grace / 2), told.clone())
                })
                .collect();
            shuffled.shuffle(&mut random);
            shuffled.sort_by_key(|(time, _)| *time);
            let shuffled: Vec<_> = shuffled.into_iter().map(|(_, told)| told).collect();
            let (mut actual, _) = fold(&shuffled, end);
            settle(&mut actual);
            actual.stream_time = expected.stream_time;
            actual.clock_skew = expected.clock_skew;
            for (a, b) in actual.series.iter().zip(&expected.series) {
                if a != b {
                    println!(
                        "{:#?}\n{:#?}\n{:?}\n{:?}\nwindows {}",
                        a.totals,
                        b.totals,
                        a.live,
                        b.live,
                        a.windows == b.windows
                    );
                }
            }
            assert_eq!(actual, expected, "{name}, round {round}");
        }
    }
}
