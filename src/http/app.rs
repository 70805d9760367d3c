//! The parts that the HTTP side serves from, and its limits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use axum::body::Bytes;
use nabiz_core::time::WallTime;

use super::history_source::HistorySource;
use super::security::Security;
use crate::clock::system_time;
use crate::exposition::{ContentCoding, MetricsFormat, RenderError};
use crate::readmodel::{DeniedRequests, PublishedState};

/// Renders the metrics in a format and coding.
pub type RenderMetrics =
    dyn Fn(MetricsFormat, ContentCoding) -> Result<Bytes, RenderError> + Send + Sync;

/// The parts that the HTTP side serves from.
#[derive(Clone)]
pub struct App {
    /// The newest state of the pipeline.
    pub published: Arc<ArcSwap<PublishedState>>,
    /// The renderer of `/metrics`. It runs on a blocking thread.
    pub metrics: Arc<RenderMetrics>,
    /// The wall clock, from which ages are computed.
    pub clock: fn() -> WallTime,
    /// When the process started, for its uptime.
    pub started: Instant,
    /// Limits of connections, streams and times.
    pub limits: Limits,
    /// TLS of new connections, and authentication of requests. It can be replaced at any time.
    pub security: Arc<ArcSwap<Security>>,
    /// The ledger that `/api/v1/history` reads. Without it the path answers 404. It can be replaced
    /// at any time.
    pub history: Arc<ArcSwapOption<HistorySource>>,
    /// Counts requests and connections that are not served.
    pub denied: Arc<DeniedRequests>,
}

impl App {
    /// Serves `published` and `metrics` by the system's clock with the default limits, unprotected.
    pub fn new(published: Arc<ArcSwap<PublishedState>>, metrics: Arc<RenderMetrics>) -> Self {
        App {
            published,
            metrics,
            clock: system_time,
            started: Instant::now(),
            limits: Limits::default(),
            security: Arc::default(),
            history: Arc::default(),
            denied: Arc::default(),
        }
    }
}

/// Limits of the HTTP side.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Concurrent connections. More wait in the backlog of the listener.
    pub connections: usize,
    /// Open `/api/v1/stream` answers. More are answered 503.
    pub streams: usize,
    /// Time until an answer begins. A later one is answered 503.
    pub request_timeout: Duration,
    /// Time for the headers of a request to arrive. It also closes idle connections.
    pub header_timeout: Duration,
    /// Time for a TLS handshake.
    pub handshake_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 1024,
            streams: 256,
            request_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(30),
            handshake_timeout: Duration::from_secs(10),
        }
    }
}
