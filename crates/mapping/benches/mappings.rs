//! Records a second of each shipped mapping on one core, mapped, decoded and folded, beside the
//! same story as CloudEvents, in alternating rounds. `cargo bench -p nabiz-mapping`

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use jiff::tz::TimeZone;
use nabiz_core::decode::{Format, Message};
use nabiz_core::ids::Offset;
use nabiz_core::settings::Settings;
use nabiz_core::shard::{RecordMeta, Shard};
use nabiz_core::time::WallTime;
use nabiz_mapping::{Mapping, Output, SHIPPED, SourceRecord};
use serde_json::Value;

const ROUNDS: usize = 9;
/// Runs of a story in a round, each with a new shard, so that nothing is a duplicate.
const TELLINGS: usize = 200;

fn main() {
    println!("| mapping | records/s | events a record | CloudEvents/s | ratio | its spread |");
    println!("|---|---|---|---|---|---|");
    for shipped in SHIPPED {
        let mapping = Mapping::compile(shipped.name, shipped.code, TimeZone::UTC, [7; 16]).unwrap();
        let records = records(shipped.name);
        let story = lines(shipped.name, "story.ndjson");
        let mut rounds: Vec<(f64, f64)> = (0..ROUNDS)
            .map(|_| {
                let mapped = rate(&records, |shard, meta, record| {
                    map_and_fold(&mapping, shard, meta, record);
                });
                let native = rate(&story, |shard, meta, line| {
                    black_box(shard.fold(Format::CloudEvents, &message(line), meta));
                });
                (mapped, native)
            })
            .collect();
        let ratio = |(mapped, native): (f64, f64)| native / mapped;
        rounds.sort_by(|one, other| ratio(*one).total_cmp(&ratio(*other)));
        let (mapped, native) = rounds[ROUNDS / 2];
        let events = records.iter().map(|record| map(&mapping, None, record).len()).sum::<usize>();
        let events = events as f64 / records.len() as f64;
        println!(
            "| {} | {mapped:.0} | {events:.1} | {native:.0} | 1/{:.0} | 1/{:.0} to 1/{:.0} |",
            shipped.name,
            ratio(rounds[ROUNDS / 2]),
            ratio(rounds[0]),
            ratio(rounds[ROUNDS - 1]),
        );
    }
}

/// Returns how many items a second are folded.
fn rate<T>(items: &[T], mut fold: impl FnMut(&mut Shard, RecordMeta, &T)) -> f64 {
    let settings = Arc::new(Settings::builder().build());
    let mut shards: Vec<_> =
        (0..TELLINGS).map(|_| Shard::new(Arc::clone(&settings), [7; 16])).collect();
    let started = Instant::now();
    for shard in &mut shards {
        for (offset, item) in items.iter().enumerate() {
            let timestamp = Some(WallTime(1_767_591_060_000));
            fold(shard, RecordMeta { offset: Offset(offset as i64), timestamp }, item);
        }
    }
    (items.len() * TELLINGS) as f64 / started.elapsed().as_secs_f64()
}

fn map(mapping: &Mapping, timestamp: Option<WallTime>, (value, headers): &Record) -> Vec<Output> {
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let record = SourceRecord {
        value: value.as_bytes(),
        key: None,
        headers: &headers,
        timestamp: timestamp.map(WallTime::get),
        topic: "source",
    };
    mapping.apply(black_box(&record)).unwrap_or_default()
}

fn map_and_fold(mapping: &Mapping, shard: &mut Shard, meta: RecordMeta, record: &Record) {
    let outputs = map(mapping, meta.timestamp, record);
    let messages: Vec<_> = outputs
        .iter()
        .map(|output| match output {
            Output::Event(event) => (Format::CloudEvents, message(event)),
            Output::Line(line) => (Format::AsteriskQueueLog, message(line)),
        })
        .collect();
    black_box(shard.fold_mapped(&messages, meta, None));
}

fn message(text: &str) -> Message<'_> {
    Message { value: Some(text.as_bytes()), headers: &[] }
}

/// A value, and the names and values of its headers.
type Record = (String, Vec<(String, String)>);

fn records(name: &str) -> Vec<Record> {
    let parse = |line: String| {
        let record: Value = serde_json::from_str(&line).unwrap();
        let value = match record["text"].as_str() {
            Some(text) => text.to_owned(),
            None => record["value"].to_string(),
        };
        let headers = record["headers"].as_object().into_iter().flatten();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (value, headers.map(|(name, value)| (name.clone(), text(value))).collect())
    };
    lines(name, "records.ndjson").into_iter().map(parse).collect()
}

fn lines(name: &str, file: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name).join(file);
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}
