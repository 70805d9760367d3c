//! The live numbers as server-sent events. One task renders each change once; every stream sends the same bytes.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use tokio::sync::{Semaphore, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::WatchStream;

use super::App;
use super::queues::{Answer, Cache};

/// Shortest time between two events: two a second.
const INTERVAL: Duration = Duration::from_millis(500);
/// Large events come less often, so that a stream stays below about half a megabyte a second.
const BYTES_PER_MS: u64 = 512;
/// A comment is sent after this long without an event, so that proxies keep the connection and clients notice its end.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What every request handler shares.
pub(super) struct Shared {
    pub(super) app: App,
    pub(super) queues: Cache,
    frames: watch::Receiver<Bytes>,
    places: Arc<Semaphore>,
}

/// Starts the task that follows the published state. It ends, and with it every stream, when it is aborted.
pub(super) fn start(app: App) -> (Arc<Shared>, AbortHandle) {
    let (sender, frames) = watch::channel(Bytes::new());
    let places = Arc::new(Semaphore::new(app.limits.streams));
    let shared = Arc::new(Shared { app, queues: Cache::default(), frames, places });
    let task = tokio::spawn(broadcast(shared.clone(), sender));
    (shared, task.abort_handle())
}

impl Shared {
    /// The body of one stream: the newest numbers at once, then every change. `None` where all places are taken.
    pub(super) fn stream(&self) -> Option<Body> {
        let place = self.places.clone().try_acquire_owned().ok()?;
        let mut changes = self.frames.clone();
        changes.mark_unchanged();
        let first = self.frame();
        let frames =
            tokio_stream::once(first).chain(WatchStream::from_changes(changes)).map(move |frame| {
                let _ = &place;
                Ok::<_, std::convert::Infallible>(frame)
            });
        Some(Body::from_stream(frames))
    }

    /// One event: `queues` with the numbers, or `catching_up` with how far it is.
    fn frame(&self) -> Bytes {
        let published = self.app.published.load_full();
        let (event, json) = match self.queues.answer(&published, (self.app.clock)()) {
            Answer::Numbers(numbers) => ("queues", serde_json::to_string(&numbers)),
            Answer::CatchingUp(progress) => ("catching_up", serde_json::to_string(&progress)),
        };
        match json {
            // JSON text has no line ends of its own, so it is one data line.
            Ok(json) => format!("event: {event}\ndata: {json}\n\n").into(),
            Err(error) => {
                tracing::warn!(%error, "live numbers not rendered");
                Bytes::from_static(b": not rendered\n\n")
            }
        }
    }
}

async fn broadcast(shared: Arc<Shared>, sender: watch::Sender<Bytes>) {
    let mut seen = shared.app.published.load_full();
    let mut sent_at = Instant::now();
    let mut pause = INTERVAL;
    loop {
        tokio::time::sleep(pause).await;
        pause = INTERVAL;
        // One receiver is our own, from which streams are cloned.
        if sender.receiver_count() < 2 {
            continue;
        }
        let newest = shared.app.published.load_full();
        let frame = if !Arc::ptr_eq(&seen, &newest) {
            seen = newest;
            shared.frame()
        } else if sent_at.elapsed() >= KEEP_ALIVE {
            Bytes::from_static(b": keep-alive\n\n")
        } else {
            continue;
        };
        pause = INTERVAL.max(Duration::from_millis(frame.len() as u64 / BYTES_PER_MS));
        sent_at = Instant::now();
        if sender.send(frame).is_err() {
            return;
        }
    }
}
