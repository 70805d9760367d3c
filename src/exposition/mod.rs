//! The metric catalogue and the collector: what is published, as Prometheus text.
//!
//! A scrape reads [`Published`] through an `ArcSwap`; it never waits for ingest, and ingest never
//! waits for it.

pub mod catalogue;
mod collector;
mod contacts;
mod family;
mod pipeline;
mod targets;
mod windows;

use std::sync::Arc;

use arc_swap::ArcSwap;
use prometheus::{Registry, TextEncoder};

use collector::{PublishedCollector, SnapshotCollector};

use crate::http::Refusals;
use crate::shard::Settings;
use crate::view::{Published, Snapshot};

/// Media type of the text that is rendered.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The metrics of a running process.
#[derive(Debug)]
pub struct Exposition {
    registry: Registry,
}

impl Exposition {
    /// Serves what `published` holds at each scrape, what HTTP refused, and on Linux the `process_*` metrics of this process.
    ///
    /// # Errors
    /// The catalogue contradicts itself, which the tests rule out.
    pub fn new(published: Arc<ArcSwap<Published>>, refusals: Arc<Refusals>) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        registry.register(Box::new(PublishedCollector::new(published, refusals)?))?;
        #[cfg(target_os = "linux")]
        registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        Ok(Exposition { registry })
    }

    /// The text exposition (format 0.0.4), sorted by name and labels.
    ///
    /// # Errors
    /// The encoder refuses a family, which the tests rule out.
    pub fn render(&self) -> Result<String, prometheus::Error> {
        text_of(&self.registry)
    }
}

/// The text exposition of the contact metrics of one snapshot: everything but the metrics of the pipeline and of the
/// records.
///
/// # Errors
/// As [`Exposition::render`].
pub fn contact_text(settings: Arc<Settings>, snapshot: Arc<Snapshot>) -> Result<String, prometheus::Error> {
    let registry = Registry::new();
    registry.register(Box::new(SnapshotCollector::new(settings, snapshot)?))?;
    text_of(&registry)
}

/// The text of what a registry gathers.
fn text_of(registry: &Registry) -> Result<String, prometheus::Error> {
    let mut text = TextEncoder::new().encode_to_string(&registry.gather())?;
    for metric in catalogue::ALL.iter().filter(|metric| metric.kind == catalogue::Kind::Untyped) {
        let name = metric.name;
        text = text.replacen(&format!("# TYPE {name} gauge\n"), &format!("# TYPE {name} untyped\n"), 1);
    }
    Ok(text)
}
