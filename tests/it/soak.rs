//! A month of simulated traffic through shard and ledger at full speed: memory levels off, the
//! ledger stays as large as its content, and restoring the state is quick. Prints its figures.
//! `NABIZ_SOAK_RECORDS` bounds it; the default is a small run, `make soak` a month of 20 million
//! records in the release profile. No speed is asserted.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nabiz::config::Config;
use nabiz::ledger::{CheckpointRequest, CommitOutcome, Ledger};
use nabiz_core::decode::{Format, Message};
use nabiz_core::event::Channels;
use nabiz_core::ids::Offset;
use nabiz_core::shard::{RecordMeta, Shard};
use nabiz_core::time::{Millis, WallTime};
use nabiz_simulator::{DAY_MS, DEFAULT_START_MS, Options, Scenario, Simulation};

use crate::harness::serial;

/// Prints figures past the capture of test output.
macro_rules! report {
    ($($figures:tt)*) => {{
        let _ = writeln!(std::io::stderr(), $($figures)*);
    }};
}

const KEY: [u8; 16] = [2; 16];
/// Records that a month has for each step of the rate scale, at large scales.
const MONTH_RECORDS: f64 = 780_000.0;
/// Records per checkpoint: about as many as a worker at full speed reads in the two seconds between
/// two checkpoints.
const CHECKPOINT_RECORDS: u64 = 2_000_000;
/// Records that the simulator makes at once.
const BATCH_RECORDS: usize = 10_000;

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

/// Returns the CPU time of this thread, without waits for the disk and without other threads.
fn cpu_time() -> Duration {
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(
        schedstat.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0),
    )
}

fn table_bytes(path: &Path, table: &str, columns: &str) -> u64 {
    let connection = rusqlite::Connection::open(path).unwrap();
    let sum = format!("SELECT coalesce(sum({columns}), 0) FROM {table}");
    connection.query_row(&sum, [], |row| row.get::<_, i64>(0)).unwrap().unsigned_abs()
}

#[test]
fn memory_and_ledger_stay_level_over_a_month() {
    let _alone = serial::alone();
    let records: u64 = std::env::var("NABIZ_SOAK_RECORDS")
        .ok()
        .and_then(|records| records.parse().ok())
        .unwrap_or(200_000);
    let rate_scale = (records as f64 / MONTH_RECORDS).max(0.01);
    let options = Options {
        start_ms: DEFAULT_START_MS,
        duration_ms: Some(30 * DAY_MS),
        rate_scale,
        seed: 17,
        ..Options::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nabiz.db");
    let mut settings = Config::defaults().settings();
    settings.history_interval = Some(Millis(900_000));
    let settings = Arc::new(settings);
    let mut ledger = Ledger::open(&path, Channels::default()).unwrap();
    let lease = ledger.acquire("calls", 0, "soak").unwrap().lease;
    let mut shard = Shard::new(settings.clone(), KEY);
    let mut simulation = Simulation::new(Scenario::OrdinaryDay, options);

    let [mut folding, mut folding_cpu, mut capturing_cpu, mut storing_cpu] = [Duration::ZERO; 4];
    let (mut longest_pause, mut position, mut by_week) = (Duration::ZERO, 0_i64, Vec::new());
    let mut batch: Vec<String> = Vec::new();
    // A small run has as many checkpoints as a large one.
    let every = (records / 10).clamp(1, CHECKPOINT_RECORDS) as i64;
    let mut stored_position = 0;
    loop {
        batch.clear();
        batch.extend(simulation.by_ref().take(BATCH_RECORDS).map(|event| event.json));
        if batch.is_empty() {
            break;
        }
        let (began, began_cpu) = (Instant::now(), cpu_time());
        for event in &batch {
            let message = Message { value: Some(event.as_bytes()), headers: &[] };
            shard.fold(
                Format::CloudEvents,
                &message,
                RecordMeta { offset: Offset(position), timestamp: None },
            );
            position += 1;
        }
        folding += began.elapsed();
        folding_cpu += cpu_time() - began_cpu;
        // The simulator returns full batches until its end.
        if position - stored_position < every && batch.len() == BATCH_RECORDS {
            continue;
        }
        stored_position = position;
        let (began, began_cpu) = (Instant::now(), cpu_time());
        let checkpoint = shard.checkpoint();
        let pause = began.elapsed();
        capturing_cpu += cpu_time() - began_cpu;
        longest_pause = longest_pause.max(pause);
        let began_cpu = cpu_time();
        assert_eq!(
            ledger.store(&[CheckpointRequest::new(lease, checkpoint)], WallTime(1)).unwrap(),
            [CommitOutcome::Stored]
        );
        storing_cpu += cpu_time() - began_cpu;
        let week = (simulation.time_ms() - DEFAULT_START_MS) / (7 * DAY_MS as i64);
        if by_week.len() < week as usize {
            by_week.push((
                resident_bytes(),
                ledger.size().unwrap().used_bytes,
                table_bytes(&path, "pieces", "length(bytes)"),
            ));
        }
    }

    let truth = simulation.truth();
    let snapshot = shard.snapshot();
    let offered: u64 = snapshot.series.iter().map(|series| series.totals.visits.offered).sum();
    assert_eq!(snapshot.records.applied, truth.events);
    assert_eq!(offered as f64, truth.sum("nabiz_visits_offered_total", &[]));
    drop(ledger);

    let began = Instant::now();
    let mut ledger = Ledger::open(&path, Channels::default()).unwrap();
    let stored = ledger.acquire("calls", 0, "soak").unwrap().stored.unwrap();
    let mut restored = Shard::restore(settings, KEY, &stored.chunks).unwrap();
    let restoring = began.elapsed();
    assert_eq!(restored.snapshot(), snapshot);

    let busy_cpu = folding_cpu + capturing_cpu + storing_cpu;
    let state = table_bytes(&path, "pieces", "length(bytes)");
    let rows = table_bytes(&path, "intervals", "1");
    let blobs = "coalesce(length(wait_answered), 0) + coalesce(length(wait_abandoned), 0) + coalesce(length(handle), 0)";
    // About 130 bytes of a row are its counts and sums.
    let history = table_bytes(&path, "intervals", blobs) + rows * 130;
    let queues = snapshot.queues.len().max(1) as u64;
    report!(
        "soak: {position} records in {:.1} CPU seconds ({:.0} a second folded); checkpoints {:.1} % of that \
         (capture {:.1} %, longest pause {:.1} ms); restored {} contacts in {:.0} ms; state {} KiB; history {} rows, about {} \
         bytes a queue and year",
        busy_cpu.as_secs_f64(),
        position as f64 / folding.as_secs_f64(),
        100.0 * (capturing_cpu + storing_cpu).as_secs_f64() / busy_cpu.as_secs_f64(),
        100.0 * capturing_cpu.as_secs_f64() / busy_cpu.as_secs_f64(),
        longest_pause.as_secs_f64() * 1e3,
        snapshot.open_contacts,
        restoring.as_secs_f64() * 1e3,
        state / 1024,
        rows,
        history * 365 / 30 / queues,
    );
    for (week, (resident, used, chunks)) in by_week.iter().enumerate() {
        report!(
            "soak: week {}: {} MiB resident, ledger {} KiB, state {} KiB",
            week + 1,
            resident >> 20,
            used >> 10,
            chunks >> 10
        );
    }
    // The horizon and the number of open contacts bound the state, so later weeks need no more
    // memory than the second.
    let (second, last) = (by_week[1], by_week[by_week.len() - 1]);
    assert!(last.0 < second.0 + second.0 / 2 + (64 << 20), "memory grows: {by_week:?}");
    assert!(last.2 < second.2 * 2 + (1 << 20), "the stored state grows: {by_week:?}");
}

#[test]
fn hundred_thousand_open_contacts_are_restored() {
    let _alone = serial::alone();
    const CONTACTS: i64 = 100_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nabiz.db");
    let settings = Arc::new(Config::defaults().settings());
    let mut ledger = Ledger::open(&path, Channels::default()).unwrap();
    let lease = ledger.acquire("calls", 0, "soak").unwrap().lease;
    let mut shard = Shard::new(settings.clone(), KEY);
    for contact in 0..CONTACTS {
        // An hour of arrivals in twenty queues; every third contact is answered and stays in
        // conversation.
        let time_ms = DEFAULT_START_MS + contact * 3_600_000 / CONTACTS;
        let time = jiff::Timestamp::from_millisecond(time_ms).unwrap();
        let queue = contact % 20;
        let event = |kind: &str, more: &str| {
            format!(
                r#"{{"specversion":"1.0","id":"{kind}{contact}","source":"s","type":"contact.{kind}","time":"{time}","data":{{"contact_id":"c{contact}","queue":"q{queue}"{more}}}}}"#
            )
        };
        let answered = (contact % 3 == 0).then(|| event("answered", ""));
        for event in [event("queued", r#","channel":"email""#)].into_iter().chain(answered) {
            let message = Message { value: Some(event.as_bytes()), headers: &[] };
            shard.fold(
                Format::CloudEvents,
                &message,
                RecordMeta { offset: Offset(contact), timestamp: None },
            );
        }
    }
    let began = Instant::now();
    let checkpoint = shard.checkpoint();
    let pause = began.elapsed();
    assert_eq!(
        ledger.store(&[CheckpointRequest::new(lease, checkpoint)], WallTime(1)).unwrap(),
        [CommitOutcome::Stored]
    );
    drop(ledger);

    let began = Instant::now();
    let mut ledger = Ledger::open(&path, Channels::default()).unwrap();
    let stored = ledger.acquire("calls", 0, "soak").unwrap().stored.unwrap();
    let mut restored = Shard::restore(settings, KEY, &stored.chunks).unwrap();
    let snapshot = restored.snapshot();
    let restoring = began.elapsed();
    assert_eq!(snapshot.open_contacts, CONTACTS.unsigned_abs());
    assert_eq!(snapshot, shard.snapshot());
    report!(
        "soak: {CONTACTS} open contacts and an hour of windows: stored whole in one chunk with a pause of {:.0} ms, back in {:.0} ms",
        pause.as_secs_f64() * 1e3,
        restoring.as_secs_f64() * 1e3
    );
}
