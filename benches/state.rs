//! The cost of time and of storing for a shard of 500 queues: a step to the next pane, a snapshot,
//! a checkpoint. Also the cost of one more window.

#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub, missing_docs)]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use nabiz::config::Config;
use nabiz_core::decode::{Format, Message};
use nabiz_core::ids::Offset;
use nabiz_core::settings::{Settings, WindowLength};
use nabiz_core::shard::{RecordMeta, Shard};
use nabiz_core::time::Millis;
use nabiz_simulator::{DEFAULT_START_MS, Options, Scenario, Simulation};

const HOUR_MS: i64 = 3_600_000;
const PANE: Millis = Millis::from_secs(5);
/// Number of queues that replace each of the ten queues of the simulated centre.
const SITES: usize = 50;
const EVENTS: usize = 500_000;
/// Events between two checkpoints.
const MORE: usize = 20_000;

/// Returns the events of a working morning of many sites.
fn events(count: usize) -> Vec<Vec<u8>> {
    let start_ms = DEFAULT_START_MS + 9 * HOUR_MS;
    let options =
        Options { start_ms, rate_scale: 200.0, seed: 7, duration_ms: None, ..Options::default() };
    let dealt = Simulation::new(Scenario::OrdinaryDay, options).take(count).map(|event| {
        let site =
            event.key.bytes().fold(0_usize, |sum, byte| (sum * 31 + usize::from(byte)) % SITES);
        event.json.replacen(r#""queue":""#, &format!(r#""queue":"site-{site}-"#), 1).into_bytes()
    });
    dealt.collect()
}

fn fold(shard: &mut Shard, events: &[Vec<u8>], first: usize) {
    for (position, event) in events.iter().enumerate() {
        let message = Message { value: Some(event), headers: &[] };
        let meta = RecordMeta { offset: Offset((first + position) as i64), timestamp: None };
        black_box(shard.fold(Format::CloudEvents, &message, meta));
    }
}

fn folded(settings: &Arc<Settings>, events: &[Vec<u8>]) -> Shard {
    let mut shard = Shard::new(settings.clone(), [7; 16]);
    fold(&mut shard, events, 0);
    shard
}

fn benches(criterion: &mut Criterion) {
    let settings = Arc::new(Config::defaults().settings());
    let events = events(EVENTS + MORE);
    let (before, more) = events.split_at(EVENTS);

    let mut group = criterion.benchmark_group("500 queues");
    group.sample_size(20);
    let mut shard = folded(&settings, before);
    group.bench_function("snapshot", |bencher| bencher.iter(|| black_box(shard.snapshot())));
    let mut now = shard.stream_time().unwrap_or_default();
    group.bench_function("a pane further, and a snapshot", |bencher| {
        bencher.iter(|| {
            now = now.saturating_add(PANE);
            shard.advance(now);
            black_box(shard.snapshot())
        });
    });
    group.sample_size(10);
    group.bench_function("first checkpoint", |bencher| {
        bencher.iter_batched(
            || folded(&settings, before),
            |mut shard| shard.checkpoint(),
            BatchSize::PerIteration,
        );
    });
    group.bench_function(format!("checkpoint after {MORE} events"), |bencher| {
        let make = || {
            let mut shard = folded(&settings, before);
            shard.checkpoint();
            fold(&mut shard, more, EVENTS);
            shard
        };
        bencher.iter_batched(make, |mut shard| shard.checkpoint(), BatchSize::PerIteration);
    });
    group.finish();

    let mut group = criterion.benchmark_group("windows");
    group.sample_size(10).throughput(Throughput::Elements(EVENTS as u64));
    for more in [0, 1, 5] {
        let mut settings = Settings::clone(&settings);
        for number in 1..=more {
            // No added window is longer than the longest default, so the shard keeps the same data.
            settings.windows.lengths.push(WindowLength {
                label: format!("{number}x"),
                length: Millis(2_400_000 + number * 60_000),
            });
        }
        let settings = Arc::new(settings);
        group.bench_function(
            format!("fold with {} windows", settings.windows.lengths.len()),
            |bencher| {
                bencher.iter_batched(
                    || (),
                    |()| folded(&settings, before),
                    BatchSize::PerIteration,
                );
            },
        );
    }
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
