//! The state that all requests share.

use std::sync::Arc;

use axum::body::Bytes;
use tokio::sync::{Semaphore, watch};

use super::app::App;
use super::queues::QueuesCache;
use crate::log_limit::LogLimit;

/// The state that all requests share.
pub(super) struct HttpState {
    pub(super) app: App,
    /// The JSON model of the newest published state.
    pub(super) queues: QueuesCache,
    /// The newest server-sent event.
    pub(super) frames: watch::Receiver<Bytes>,
    /// Limits the log lines about wrong credentials.
    pub(super) credentials_log: LogLimit,
    /// One permit for each event stream that may be open.
    pub(super) stream_permits: Arc<Semaphore>,
}

impl HttpState {
    /// Creates the state, and the sender of its server-sent events.
    pub(super) fn new(app: App) -> (Arc<Self>, watch::Sender<Bytes>) {
        let (sender, frames) = watch::channel(Bytes::new());
        let stream_permits = Arc::new(Semaphore::new(app.limits.streams));
        let state = HttpState {
            app,
            queues: QueuesCache::default(),
            frames,
            credentials_log: LogLimit::default(),
            stream_permits,
        };
        (Arc::new(state), sender)
    }
}
