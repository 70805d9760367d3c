//! What a scrape reads: what is published. It waits for nothing.

use std::time::Instant;

use nabiz_core::settings::Settings;
use nabiz_core::snapshot::Snapshot;

use super::family::Family;
use super::{catalogue, contacts, pipeline, targets, windows};
use crate::http::Refusals;
use crate::readmodel::{Aggregation, PublishedState};

/// A snapshot and the value of its `shard` label, where it has one.
pub(super) struct Part<'a> {
    shard: Option<&'a str>,
    pub(super) snapshot: &'a Snapshot,
}

impl<'a> Part<'a> {
    pub(super) fn shard(&self) -> Option<&'a str> {
        self.shard
    }
}

/// Hands all metrics of a running pipeline, which borrow from it, to an encoder.
pub(super) fn of_pipeline<T>(
    published: &PublishedState,
    refusals: &Refusals,
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
    pipeline::collect(published, refusals, &mut families);
    families.push(Family::single(&catalogue::COLLECT_DURATION, &[], began.elapsed().as_secs_f64()));
    encode(families)
}

/// Hands the contact metrics of one snapshot to an encoder.
pub(super) fn of_snapshot<T>(
    settings: &Settings,
    snapshot: &Snapshot,
    encode: impl FnOnce(Vec<Family<'_>>) -> T,
) -> T {
    let parts = [Part { shard: None, snapshot }];
    let mut families = Vec::new();
    collect_contacts(settings, &parts, snapshot, &mut families);
    encode(families)
}

/// The contact metrics of all parts, and the settings that belong to `merged`.
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
