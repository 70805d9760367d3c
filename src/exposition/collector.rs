//! Collects the samples of a scrape from the published state. It takes no lock.

use std::time::Instant;

use nabiz_core::settings::Settings;
use nabiz_core::snapshot::Snapshot;

use super::family::Family;
use super::part::Part;
use super::{catalogue, contacts, pipeline, targets, windows};
use crate::readmodel::{Aggregation, DeniedRequests, PublishedState};

/// Passes all metrics of a running pipeline to `encode`. The samples borrow from `published`.
pub(super) fn of_pipeline<T>(
    published: &PublishedState,
    denied: &DeniedRequests,
    encode: impl FnOnce(Vec<Family<'_>>) -> T,
) -> T {
    let began = Instant::now();
    let shards: Vec<String> = published.shards.iter().map(|(label, _)| label.to_string()).collect();
    let parts: Vec<Part<'_>> = if published.aggregation == Aggregation::PerShard {
        let named = published.shards.iter().zip(&shards);
        named.map(|((_, snapshot), shard)| Part { shard: Some(shard), snapshot }).collect()
    } else {
        vec![Part { shard: None, snapshot: &published.merged }]
    };
    let mut families = Vec::with_capacity(catalogue::ALL.len());
    if published.is_servable(began) {
        collect_contacts(&published.settings, &parts, &published.merged, &mut families);
        pipeline::collect_records(published, &shards, &mut families);
    }
    pipeline::collect(published, denied, began, &mut families);
    families.push(Family::single(&catalogue::COLLECT_DURATION, &[], began.elapsed().as_secs_f64()));
    encode(families)
}

/// Passes the contact metrics of one snapshot, and its clock skew, to `encode`.
pub(super) fn of_snapshot<T>(
    settings: &Settings,
    snapshot: &Snapshot,
    encode: impl FnOnce(Vec<Family<'_>>) -> T,
) -> T {
    let parts = [Part { shard: None, snapshot }];
    let mut families = Vec::new();
    collect_contacts(settings, &parts, snapshot, &mut families);
    families.push(Family::single(&catalogue::CLOCK_SKEW, &[], snapshot.clock_skew as f64));
    encode(families)
}

/// Adds the contact metrics of all parts, and the targets of the queues in `merged`.
fn collect_contacts<'a>(
    settings: &'a Settings,
    parts: &'a [Part<'_>],
    merged: &'a Snapshot,
    families: &mut Vec<Family<'a>>,
) {
    contacts::collect(settings, parts, families);
    windows::collect(settings, parts, families);
    targets::collect(settings, merged, families);
}
