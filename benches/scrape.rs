//! The cost of one scrape of 500 queues in each format. Prints the sizes.

#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub, missing_docs)]

use std::hint::black_box;
use std::sync::Arc;

use arc_swap::ArcSwap;
use criterion::{Criterion, criterion_group, criterion_main};
use nabiz::config::Config;
use nabiz::exposition::{ContentCoding, Exposition, MetricsFormat};
use nabiz::readmodel::{Aggregation, Availability, Health, PublishedState, ShardLabel};
use nabiz_core::decode::{Format as EventFormat, Message};
use nabiz_core::ids::Offset;
use nabiz_core::shard::{RecordMeta, Shard};
use nabiz_simulator::{DEFAULT_START_MS, Options, Scenario, Simulation};

const HOUR_MS: i64 = 3_600_000;
const EVENTS: usize = 600_000;
/// Number of queues that replace each of the ten queues of the simulated centre.
const SITES: usize = 50;

/// Returns the state after a working morning of many sites. The contacts of each queue are spread
/// over one queue per site.
fn published() -> PublishedState {
    let settings = Arc::new(Config::defaults().settings());
    let start_ms = DEFAULT_START_MS + 8 * HOUR_MS;
    let options =
        Options { start_ms, rate_scale: 50.0, seed: 7, duration_ms: None, ..Options::default() };
    let mut shard = Shard::new(settings.clone(), [7; 16]);
    for (position, event) in
        Simulation::new(Scenario::OrdinaryDay, options).take(EVENTS).enumerate()
    {
        let site =
            event.key.bytes().fold(0_usize, |sum, byte| (sum * 31 + usize::from(byte)) % SITES);
        let json = event.json.replacen(r#""queue":""#, &format!(r#""queue":"site-{site}-"#), 1);
        let message = Message { value: Some(json.as_bytes()), headers: &[] };
        let meta = RecordMeta { offset: Offset(position as i64), timestamp: None };
        shard.fold(EventFormat::CloudEvents, &message, meta);
    }
    let label = ShardLabel { topic: "calls".into(), partition: 0 };
    PublishedState::new(
        settings,
        vec![(label, Arc::new(shard.snapshot()))],
        Health { availability: Availability::Served, ..Health::default() },
        Aggregation::Summed,
    )
}

fn benches(criterion: &mut Criterion) {
    let published = Arc::new(published());
    let queues = published.merged.queues.len();
    let shared = Arc::new(ArcSwap::from(Arc::clone(&published)));
    let exposition = Exposition::new(Arc::clone(&shared), Arc::default());
    // Publishes before each render: the exposition caches the answer for an unchanged state.
    let render = |format, coding| {
        shared.store(Arc::new(PublishedState::clone(&published)));
        exposition.render(format, coding).expect("a body")
    };
    let mut group = criterion.benchmark_group("scrape");
    group.sample_size(20);
    for (name, format) in [("text", MetricsFormat::Text), ("protobuf", MetricsFormat::Protobuf)] {
        eprintln!(
            "scrape of {queues} queues as {name}: {} KiB, zipped {} KiB",
            render(format, ContentCoding::Identity).len() >> 10,
            render(format, ContentCoding::Gzip).len() >> 10
        );
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(render(format, ContentCoding::Identity)))
        });
        group.bench_function(format!("{name}, zipped"), |bencher| {
            bencher.iter(|| black_box(render(format, ContentCoding::Gzip)));
        });
    }
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
