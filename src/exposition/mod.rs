//! The metric catalogue and the collector: what is published, as Prometheus text or protobuf.
//!
//! A scrape reads [`Published`] through an `ArcSwap`; it never waits for ingest, and ingest never
//! waits for it.

pub mod catalogue;
mod collector;
mod contacts;
mod family;
mod negotiation;
mod pipeline;
mod protobuf;
mod targets;
mod windows;

use std::sync::Arc;

use arc_swap::ArcSwap;
use prometheus::core::Collector;
use prometheus::{Registry, TextEncoder};

use collector::{PublishedCollector, SnapshotCollector};

use crate::http::Refusals;
use crate::shard::Settings;
use crate::view::{Published, Snapshot};

pub use negotiation::Format;

/// The metrics of a running process.
pub struct Exposition {
    registry: Registry,
    published: PublishedCollector,
    /// The `process_*` metrics, where the library has them.
    process: Option<Box<dyn Collector>>,
}

impl Exposition {
    /// Serves what `published` holds at each scrape, what HTTP refused, and on Linux the `process_*` metrics of this process.
    ///
    /// # Errors
    /// The catalogue contradicts itself, which the tests rule out.
    pub fn new(published: Arc<ArcSwap<Published>>, refusals: Arc<Refusals>) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let published = PublishedCollector::new(published, refusals)?;
        registry.register(Box::new(published.clone()))?;
        #[cfg(target_os = "linux")]
        let process: Option<Box<dyn Collector>> = {
            let process = prometheus::process_collector::ProcessCollector::for_self;
            registry.register(Box::new(process()))?;
            Some(Box::new(process()))
        };
        #[cfg(not(target_os = "linux"))]
        let process = None;
        Ok(Exposition { registry, published, process })
    }

    /// The exposition in a format. Text is sorted by name and labels, protobuf in the order of the catalogue.
    ///
    /// # Errors
    /// The encoder refuses a family, which the tests rule out.
    pub fn render(&self, format: Format) -> Result<Vec<u8>, prometheus::Error> {
        match format {
            Format::Text => text_of(&self.registry).map(String::into_bytes),
            Format::Protobuf => {
                let process = self.process.as_ref().map(|process| process.collect()).unwrap_or_default();
                Ok(protobuf::encode(self.published.families(), &process))
            }
        }
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
