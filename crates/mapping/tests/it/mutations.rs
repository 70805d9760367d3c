//! Damaged records: no mapping panics, runs on, or loses a record.
//!
//! `NABIZ_MUTATIONS` sets the number of records of all mappings together; `make soak` runs a
//! million.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nabiz_core::decode::{Format, Message};
use nabiz_core::event::{Reason, Rejection};
use nabiz_core::ids::Offset;
use nabiz_core::settings::Settings;
use nabiz_core::shard::{RecordMeta, Shard};
use nabiz_core::time::WallTime;
use nabiz_mapping::{Fault, Output};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::story_files::{mapping, names, records};

const RECORDS: usize = 20_000;
/// Far above what a record takes here, far below a program that does not end.
const LONGEST: Duration = Duration::from_secs(5);

/// Returns a value that a source never sends, or one of the record at another place.
fn strange(random: &mut impl Rng, whole: &Value) -> Value {
    match random.random_range(0..14) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(1e300),
        4 => json!(i64::MAX),
        5 => json!(""),
        6 => json!("x".repeat(random.random_range(1..2000))),
        7 => json!("\u{0}\u{1F4A7}ğüşiöç"),
        8 => json!([]),
        9 => json!({}),
        10 => json!([1, [2, [3]], {"a": [null]}]),
        11 => json!("2026-13-45T99:99:99Z"),
        12 => json!(0.1),
        _ => whole.clone(),
    }
}

/// Changes one node of a value: replaces it, removes it, or adds one.
fn mutate(random: &mut impl Rng, value: &mut Value, whole: &Value) {
    let goes_down = random.random_range(0..4) > 0;
    match value {
        Value::Object(members) if goes_down && !members.is_empty() => {
            let name = members.keys().nth(random.random_range(0..members.len())).cloned();
            let Some(name) = name else { return };
            match random.random_range(0..8) {
                0 => drop(members.remove(&name)),
                1 => drop(members.insert(name.to_uppercase(), json!("X"))),
                _ => mutate(random, &mut members[&name], whole),
            }
        }
        Value::Array(items) if goes_down && !items.is_empty() => {
            let index = random.random_range(0..items.len());
            match random.random_range(0..8) {
                0 => drop(items.remove(index)),
                1 => items.extend(items.clone()),
                _ => mutate(random, &mut items[index], whole),
            }
        }
        other => *other = strange(random, whole),
    }
}

/// Damages the bytes of a record, as a shipper that cuts or mixes lines does.
fn damage(random: &mut impl Rng, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        return;
    }
    let at = random.random_range(0..bytes.len());
    match random.random_range(0..3) {
        0 => bytes.truncate(at),
        1 => bytes[at] = random.random(),
        _ => bytes.insert(at, random.random()),
    }
}

#[test]
fn damaged_records_are_all_accounted_for() {
    let wanted = std::env::var("NABIZ_MUTATIONS");
    let wanted = wanted.ok().and_then(|text| text.parse().ok()).unwrap_or(RECORDS);
    let share = wanted / names().count() + 1;
    let mut random = ChaCha8Rng::seed_from_u64(17);
    for name in names() {
        let (mapping, records) = (mapping(name), records(name));
        let settings = Settings::builder().build();
        let mut shard = Shard::new(Arc::new(settings), [7; 16]);
        let (mut mapped, mut failed) = (0, 0);
        for number in 0..share {
            let record = &records[random.random_range(0..records.len())];
            let mut bytes = record.bytes();
            if let Ok(mut value) = serde_json::from_slice::<Value>(&bytes) {
                let whole = value.clone();
                for _ in 0..random.random_range(1..4) {
                    mutate(&mut random, &mut value, &whole);
                }
                bytes = value.to_string().into_bytes();
            }
            if random.random_range(0..10) == 0 {
                damage(&mut random, &mut bytes);
            }
            let started = Instant::now();
            let outputs = record.apply_bytes(&mapping, &bytes);
            assert!(started.elapsed() < LONGEST, "{name}: {}", String::from_utf8_lossy(&bytes));
            let meta = RecordMeta {
                offset: Offset(number as i64),
                timestamp: Some(WallTime(1_767_591_060_000)),
            };
            match outputs {
                Ok(outputs) => {
                    mapped += outputs.len();
                    let messages: Vec<_> = outputs.iter().map(message).collect();
                    shard.fold_mapped(&messages, meta, None);
                }
                Err(fault) => {
                    failed += 1;
                    assert!(
                        fault != Fault::OutOfFuel,
                        "{name}: {}",
                        String::from_utf8_lossy(&bytes)
                    );
                    shard.reject(Rejection::new(Reason::MappingFailed, fault.to_string()), meta);
                }
            }
        }
        let records = shard.snapshot().records;
        assert_eq!(records.read_sum(), share as u64, "{name}: each record counts once");
        assert!(mapped > share / 20, "{name}: the damage leaves something: {mapped} events");
        println!("{name}: {share} records, {mapped} events, {failed} failed, {records:?}");
    }
}

fn message(output: &Output) -> (Format, Message<'_>) {
    let (format, text) = match output {
        Output::Event(text) => (Format::CloudEvents, text),
        Output::Line(text) => (Format::AsteriskQueueLog, text),
    };
    (format, Message { value: Some(text.as_bytes()), headers: &[] })
}
