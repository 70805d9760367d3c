//! The live numbers as server-sent events. One task renders each change once, and every stream
//! sends the same bytes.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::WatchStream;

use super::queues::QueuesAnswer;
use super::state::HttpState;

/// Shortest time between two events: two a second.
const INTERVAL: Duration = Duration::from_millis(500);
/// Large events are sent less often, so that a stream stays below about half a megabyte a second.
const BYTES_PER_MS: u64 = 512;
/// Time without an event after which a comment is sent, so that proxies keep the connection open
/// and a broken connection is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Returns the body of one stream: the newest numbers at once, then every change. Returns `None` if
/// the limit of streams is reached.
pub(super) fn stream(state: &HttpState) -> Option<Body> {
    let permit = state.stream_permits.clone().try_acquire_owned().ok()?;
    let mut changes = state.frames.clone();
    changes.mark_unchanged();
    let first = frame(state);
    let frames =
        tokio_stream::once(first).chain(WatchStream::from_changes(changes)).map(move |frame| {
            // Moves the permit into the stream, which frees it when it is dropped.
            let _ = &permit;
            Ok::<_, Infallible>(frame)
        });
    Some(Body::from_stream(frames))
}

/// Renders one event: `queues` with the numbers, or `catching_up` with the progress.
fn frame(state: &HttpState) -> Bytes {
    let published = state.app.published.load_full();
    let (event, json) = match state.queues.answer(&published, (state.app.clock)()) {
        QueuesAnswer::Numbers(numbers) => ("queues", serde_json::to_string(&numbers)),
        QueuesAnswer::CatchingUp(progress) => ("catching_up", serde_json::to_string(&progress)),
    };
    match json {
        // serde_json escapes line ends, so the text is one `data` line.
        Ok(json) => format!("event: {event}\ndata: {json}\n\n").into(),
        Err(error) => {
            tracing::warn!(%error, "live numbers not rendered");
            Bytes::from_static(b": not rendered\n\n")
        }
    }
}

/// Sends an event to all streams whenever the published state changes, until every receiver is
/// dropped. Aborting the task ends all streams.
pub(super) async fn broadcast(state: Arc<HttpState>, sender: watch::Sender<Bytes>) {
    let mut seen = state.app.published.load_full();
    let mut sent_at = Instant::now();
    let mut pause = INTERVAL;
    loop {
        tokio::time::sleep(pause).await;
        pause = INTERVAL;
        // The state holds one receiver, from which streams are cloned.
        if sender.receiver_count() < 2 {
            continue;
        }
        let newest = state.app.published.load_full();
        let frame = if !Arc::ptr_eq(&seen, &newest) {
            seen = newest;
            frame(&state)
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
