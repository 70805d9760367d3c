//! One core: decode, life of the contact, windows. And what a snapshot and its text cost.

#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub, missing_docs)]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use nabiz::config::Config;
use nabiz::exposition::contact_text;
use nabiz_core::decode::{Format, Message, decode};
use nabiz_core::ids::Offset;
use nabiz_core::settings::Settings;
use nabiz_core::shard::{RecordMeta, Shard};
use nabiz_simulator::{DEFAULT_START_MS, Options, Scenario, Simulation};

const HOUR_MS: i64 = 3_600_000;
const EVENTS: usize = 400_000;

/// Returns the events of a working morning, as one partition holds them on a platform with
/// `rate_scale` times the traffic of the first user.
fn events(rate_scale: f64) -> Vec<Vec<u8>> {
    let start_ms = DEFAULT_START_MS + 9 * HOUR_MS;
    let options =
        Options { start_ms, rate_scale, seed: 7, duration_ms: None, ..Options::default() };
    Simulation::new(Scenario::OrdinaryDay, options)
        .take(EVENTS)
        .map(|event| event.json.into())
        .collect()
}

fn folded(settings: &Arc<Settings>, events: &[Vec<u8>]) -> Shard {
    let mut shard = Shard::new(settings.clone(), [7; 16]);
    for (position, event) in events.iter().enumerate() {
        let message = Message { value: Some(event), headers: &[] };
        let meta = RecordMeta { offset: Offset(position as i64), timestamp: None };
        black_box(shard.fold(Format::CloudEvents, &message, meta));
    }
    shard
}

fn benches(criterion: &mut Criterion) {
    let settings = Arc::new(Config::defaults().settings());
    let busy = events(200.0);
    let quiet = events(1.0);

    let mut group = criterion.benchmark_group("events");
    group.sample_size(10).throughput(Throughput::Elements(EVENTS as u64));
    group.bench_function("decode", |bencher| {
        bencher.iter(|| {
            for event in &busy {
                let message = Message { value: Some(event), headers: &[] };
                let _ =
                    black_box(decode(Format::CloudEvents, &message, &settings.channels, 1 << 20));
            }
        });
    });
    for (name, events) in
        [("fold, 200 times the first user", &busy), ("fold, the first user", &quiet)]
    {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(|| (), |()| folded(&settings, events), BatchSize::PerIteration);
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("read");
    let mut shard = folded(&settings, &busy);
    group.bench_function("snapshot", |bencher| bencher.iter(|| black_box(shard.snapshot())));
    let snapshot = shard.snapshot();
    group.bench_function("collect", |bencher| {
        bencher.iter(|| black_box(contact_text(&settings, &snapshot)));
    });
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
