//! The metric catalogue and the collector: what is published, as Prometheus text or protobuf.
//!
//! A scrape reads [`PublishedState`] through an `ArcSwap`; it never waits for ingest, and ingest never
//! waits for it.

pub mod catalogue;
mod collector;
mod contacts;
mod family;
mod negotiation;
mod pipeline;
mod protobuf;
mod targets;
mod text;
mod windows;

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use arc_swap::ArcSwap;
use axum::body::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use nabiz_core::settings::Settings;
use nabiz_core::snapshot::Snapshot;
use prometheus::TextEncoder;
use prometheus::core::Collector;
use prometheus::proto::MetricFamily;

use crate::http::Refusals;
use crate::readmodel::PublishedState;

pub use negotiation::Format;

/// The metrics of a running process.
pub struct Exposition {
    published: Arc<ArcSwap<PublishedState>>,
    refusals: Arc<Refusals>,
    /// The `process_*` metrics, where the library has them.
    process: Option<Box<dyn Collector>>,
    /// By [`Format`], as it is and zipped.
    bodies: [[Mutex<Option<Body>>; 2]; 2],
}

/// A body, and what it was made of.
struct Body {
    of: Weak<PublishedState>,
    /// Whether the numbers of contacts are in it: what is published may become too old to be shown.
    shown: bool,
    bytes: Bytes,
}

/// Why a body could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The library cannot write the metrics of the process.
    #[error("the metrics of the process cannot be written: {0}")]
    Process(#[from] prometheus::Error),
    /// The body cannot be zipped.
    #[error("the metrics cannot be zipped: {0}")]
    Zip(#[from] std::io::Error),
}

impl Exposition {
    /// Serves what `published` holds at each scrape, what HTTP refused, and on Linux the `process_*` metrics of this process.
    pub fn new(published: Arc<ArcSwap<PublishedState>>, refusals: Arc<Refusals>) -> Self {
        #[cfg(target_os = "linux")]
        let process: Option<Box<dyn Collector>> =
            Some(Box::new(prometheus::process_collector::ProcessCollector::for_self()));
        #[cfg(not(target_os = "linux"))]
        let process = None;
        Exposition { published, refusals, process, bodies: Default::default() }
    }

    /// The exposition in a format, and zipped where that is wanted. Text is sorted by name and labels, protobuf in the order
    /// of the catalogue. It is made once for what is published: who asks at the same time waits for it, and who asks before
    /// something new is published gets the same.
    ///
    /// # Errors
    /// [`RenderError`], which does not depend on what is published.
    pub fn render(&self, format: Format, gzip: bool) -> Result<Bytes, RenderError> {
        let mut body = self.bodies[format as usize][usize::from(gzip)]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let published = self.published.load_full();
        let (of, shown) = (Arc::downgrade(&published), published.is_servable(Instant::now()));
        if let Some(body) = &*body
            && body.of.ptr_eq(&of)
            && body.shown == shown
        {
            return Ok(body.bytes.clone());
        }
        // What is old is let go of before the new one is made.
        *body = None;
        let bytes = match gzip {
            true => zipped(&self.render(format, false)?)?.into(),
            false => self.encode(&published, format)?.into(),
        };
        *body = Some(Body { of, shown, bytes: Bytes::clone(&bytes) });
        Ok(bytes)
    }

    fn encode(&self, published: &PublishedState, format: Format) -> Result<Vec<u8>, RenderError> {
        let process: Vec<MetricFamily> =
            self.process.as_ref().map(|process| process.collect()).unwrap_or_default();
        collector::of_pipeline(published, &self.refusals, |families| match format {
            Format::Protobuf => Ok(protobuf::encode(families, &process)),
            Format::Text => {
                let mut body = text::encode(families);
                // `process_*` sorts after everything of our own.
                TextEncoder::new().encode_utf8(&process, &mut body)?;
                Ok(body.into_bytes())
            }
        })
    }
}

/// The text exposition of the contact metrics of one snapshot: everything but the metrics of the pipeline and of the
/// records.
pub fn contact_text(settings: &Settings, snapshot: &Snapshot) -> String {
    collector::of_snapshot(settings, snapshot, text::encode)
}

fn zipped(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 8), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}
