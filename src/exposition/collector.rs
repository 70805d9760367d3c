//! The collectors that a `prometheus::Registry` asks at every scrape. They read what is published and wait for nothing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;

use super::catalogue::{self, Metric, Source};
use super::family::Family;
use super::{contacts, pipeline, targets, windows};
use crate::http::Refusals;
use crate::shard::Settings;
use crate::view::{Published, Snapshot};

/// A snapshot and the value of its `shard` label, where it has one.
pub(super) struct Part<'a> {
    shard: Option<String>,
    pub(super) snapshot: &'a Snapshot,
}

impl Part<'_> {
    pub(super) fn shard(&self) -> Option<&str> {
        self.shard.as_deref()
    }
}

/// All metrics of a running pipeline.
#[derive(Clone)]
pub(super) struct PublishedCollector {
    published: Arc<ArcSwap<Published>>,
    refusals: Arc<Refusals>,
    descriptions: Vec<Desc>,
}

impl PublishedCollector {
    pub(super) fn new(published: Arc<ArcSwap<Published>>, refusals: Arc<Refusals>) -> Result<Self, prometheus::Error> {
        Ok(PublishedCollector { published, refusals, descriptions: descriptions(|_| true)? })
    }
}

impl Collector for PublishedCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.families().into_iter().filter_map(Family::into_text).collect()
    }
}

impl PublishedCollector {
    /// What is published now, for any format.
    pub(super) fn families(&self) -> Vec<Family> {
        let began = Instant::now();
        let published = self.published.load_full();
        let mut families = Vec::with_capacity(catalogue::ALL.len());
        if published.may_be_shown() {
            let parts: Vec<Part<'_>> = if published.shard_label {
                let shards = published.shards.iter();
                shards.map(|(label, snapshot)| Part { shard: Some(label.to_string()), snapshot }).collect()
            } else {
                vec![Part { shard: None, snapshot: &published.merged }]
            };
            collect_contacts(&published.settings, &parts, &published.merged, &mut families);
            pipeline::collect_records(&published, &mut families);
        }
        pipeline::collect(&published, &self.refusals, &mut families);
        families.push(Family::single(&catalogue::COLLECT_DURATION, &[], began.elapsed().as_secs_f64()));
        families
    }
}

/// The contact metrics of one snapshot.
pub(super) struct SnapshotCollector {
    settings: Arc<Settings>,
    snapshot: Arc<Snapshot>,
    descriptions: Vec<Desc>,
}

impl SnapshotCollector {
    pub(super) fn new(settings: Arc<Settings>, snapshot: Arc<Snapshot>) -> Result<Self, prometheus::Error> {
        let descriptions = descriptions(|metric| matches!(metric.source, Source::Contacts | Source::Settings))?;
        Ok(SnapshotCollector { settings, snapshot, descriptions })
    }
}

impl Collector for SnapshotCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut families = Vec::new();
        let parts = [Part { shard: None, snapshot: &self.snapshot }];
        collect_contacts(&self.settings, &parts, &self.snapshot, &mut families);
        families.into_iter().filter_map(Family::into_text).collect()
    }
}

/// The contact metrics of all parts, and the settings that belong to `merged`.
fn collect_contacts(settings: &Settings, parts: &[Part<'_>], merged: &Snapshot, families: &mut Vec<Family>) {
    contacts::collect(settings, parts, families);
    windows::collect(settings, parts, families);
    targets::collect(settings, merged, families);
}

fn descriptions(of: fn(&Metric) -> bool) -> Result<Vec<Desc>, prometheus::Error> {
    let describe = |metric: &&Metric| {
        let labels = metric.labels.iter().map(|label| label.to_string()).collect();
        Desc::new(metric.name.to_string(), metric.help.to_string(), labels, HashMap::new())
    };
    catalogue::ALL.iter().filter(|metric| of(metric)).map(describe).collect()
}
