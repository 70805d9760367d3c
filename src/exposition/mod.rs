//! The metric catalogue, the collectors, and the encoders for Prometheus text and protobuf.
//!
//! A scrape loads the [`PublishedState`] from an `ArcSwap`, so it never waits for ingest, and
//! ingest never waits for a scrape.

pub mod catalogue;
mod collector;
mod contacts;
mod family;
mod format;
mod gateway;
mod part;
mod pipeline;
mod process;
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

use crate::readmodel::{DeniedRequests, PublishedState};

pub use format::{ContentCoding, MetricsFormat};
pub use gateway::gateway_text;

/// The metrics of a running process.
pub struct Exposition {
    published: Arc<ArcSwap<PublishedState>>,
    denied: Arc<DeniedRequests>,
    /// The `process_*` metrics, on platforms where the prometheus crate has them.
    process: Option<Box<dyn Collector>>,
    /// The last body by [`MetricsFormat`] and [`ContentCoding`].
    bodies: [[Mutex<Option<Body>>; 2]; 2],
}

/// A rendered body, and the state that it was rendered from.
struct Body {
    of: Weak<PublishedState>,
    /// Whether the contact metrics are in it. The same state stops being servable when its
    /// confirmation expires.
    servable: bool,
    bytes: Bytes,
}

/// A reason for which a body was not rendered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// The prometheus crate cannot encode the metrics of the process.
    #[error("the metrics of the process cannot be encoded")]
    Process(#[from] prometheus::Error),
    /// The body cannot be compressed.
    #[error("the metrics cannot be compressed")]
    Compress(#[from] std::io::Error),
}

impl Exposition {
    /// Creates the exposition of `published` as of each scrape, with the denials of HTTP and, on
    /// Linux, the `process_*` metrics of this process.
    pub fn new(published: Arc<ArcSwap<PublishedState>>, denied: Arc<DeniedRequests>) -> Self {
        Exposition { published, denied, process: process::collector(), bodies: Default::default() }
    }

    /// Renders the metrics. Text is sorted by name and labels; protobuf keeps the order of the
    /// catalogue.
    ///
    /// A body is rendered once for each published state: concurrent callers wait for it, and later
    /// callers share it until the next state is published.
    ///
    /// # Errors
    /// Returns [`RenderError`] when encoding or compressing fails. Neither depends on the published
    /// state.
    pub fn render(
        &self,
        format: MetricsFormat,
        coding: ContentCoding,
    ) -> Result<Bytes, RenderError> {
        let mut body = self.bodies[format as usize][coding as usize]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let published = self.published.load_full();
        let (of, servable) = (Arc::downgrade(&published), published.is_servable(Instant::now()));
        if let Some(body) = &*body
            && body.of.ptr_eq(&of)
            && body.servable == servable
        {
            return Ok(body.bytes.clone());
        }
        // Frees the old body first, so that the two are never in memory together.
        *body = None;
        let bytes: Bytes = match coding {
            ContentCoding::Gzip => compress(&self.render(format, ContentCoding::Identity)?)?.into(),
            ContentCoding::Identity => self.encode(&published, format)?.into(),
        };
        *body = Some(Body { of, servable, bytes: bytes.clone() });
        Ok(bytes)
    }

    fn encode(
        &self,
        published: &PublishedState,
        format: MetricsFormat,
    ) -> Result<Vec<u8>, RenderError> {
        let process: Vec<MetricFamily> =
            self.process.as_ref().map(|process| process.collect()).unwrap_or_default();
        collector::of_pipeline(published, &self.denied, |families| match format {
            MetricsFormat::Protobuf => Ok(protobuf::encode(families, &process)),
            MetricsFormat::Text => {
                let mut body = text::encode(families);
                // `process_*` sorts after all names that begin with `nabiz_`.
                TextEncoder::new().encode_utf8(&process, &mut body)?;
                Ok(body.into_bytes())
            }
        })
    }
}

/// Returns the contact metrics of one snapshot and its clock skew as text, without the metrics of
/// the pipeline and the other metrics of the records.
pub fn contact_text(settings: &Settings, snapshot: &Snapshot) -> String {
    collector::of_snapshot(settings, snapshot, text::encode)
}

fn compress(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 8), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}
