//! The HTTP side: metrics, health, the API and the page. Everything is read-only.
//!
//! - `server`: connections, their limits, and the orderly end
//! - `routes`: paths, methods, headers
//! - `tls`, `auth`: who may connect and read, where that is configured
//! - `refusals`: what was refused, counted by reason
//! - `queues`, `status`: the JSON answers, made from one [`PublishedState`]
//! - `feed`: the same numbers pushed as server-sent events
//! - `history`: the interval history, streamed from the ledger
//! - `page`: the live page, one document without outside assets

mod auth;
mod feed;
mod history;
mod metrics;
mod page;
mod queues;
mod refusals;
mod routes;
mod server;
mod status;
mod tls;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use axum::body::Bytes;

use crate::readmodel::PublishedState;

pub use auth::Authentication;
pub use history::HistorySource;
pub use refusals::{Refusal, Refusals};
pub use server::serve;
pub use tls::{Tls, TlsError, TlsFile};

/// Rendered metrics.
#[derive(Clone, Debug)]
pub struct RenderedMetrics {
    /// Value of the `Content-Type` header.
    pub content_type: &'static str,
    /// The body, zipped where that was asked for.
    pub body: Bytes,
}

/// Renders the metrics for a client whose `Accept` header is given, and who takes them zipped or not.
pub type RenderMetrics =
    dyn Fn(Option<&str>, bool) -> Result<RenderedMetrics, RenderError> + Send + Sync;
/// Why metrics were not rendered.
pub type RenderError = Box<dyn std::error::Error + Send + Sync>;

/// What the HTTP side serves from.
#[derive(Clone)]
pub struct App {
    /// The newest state of the pipeline.
    pub published: Arc<ArcSwap<PublishedState>>,
    /// The renderer of `/metrics`; runs on a blocking thread.
    pub metrics: Arc<RenderMetrics>,
    /// The wall clock, in milliseconds since the Unix epoch. Ages are told against it.
    pub clock: fn() -> i64,
    /// When the process started, for its uptime.
    pub started: Instant,
    /// Bounds.
    pub limits: Limits,
    /// What protects the connections.
    pub security: Security,
    /// The ledger that `/api/v1/history` reads; without it there is no history.
    pub history: Option<HistorySource>,
    /// What is refused, counted.
    pub refusals: Arc<Refusals>,
}

/// What protects the connections: nothing by default.
#[derive(Clone, Debug, Default)]
pub struct Security {
    /// The certificate; plain HTTP where absent.
    pub tls: Option<Arc<Tls>>,
    /// The credentials of which a request needs one, but for `/healthz`; none are needed where absent.
    pub authentication: Option<Arc<Authentication>>,
}

impl App {
    /// Serves `published` and `metrics` by the system's clock with the default limits, unprotected.
    pub fn new(published: Arc<ArcSwap<PublishedState>>, metrics: Arc<RenderMetrics>) -> Self {
        App {
            published,
            metrics,
            clock: system_clock_ms,
            started: Instant::now(),
            limits: Limits::default(),
            security: Security::default(),
            history: None,
            refusals: Arc::default(),
        }
    }
}

/// Bounds of the HTTP side.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time; more wait to be accepted.
    pub connections: usize,
    /// Open `/api/v1/stream` answers at a time; more are answered 503.
    pub streams: usize,
    /// Time for an answer to begin; a later one is answered 503.
    pub request_timeout: Duration,
    /// Time for a request's headers to arrive, which also ends idle connections.
    pub header_timeout: Duration,
    /// Time for TLS to be agreed on.
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

fn system_clock_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

/// An instant in RFC 3339, UTC; absent where it lies outside of the calendar.
fn rfc3339(time_ms: i64) -> Option<String> {
    jiff::Timestamp::from_millisecond(time_ms).ok().map(|time| time.to_string())
}
