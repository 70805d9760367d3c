//! Connections: accepted up to a bound, served with limits, ended in order.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::{App, feed, routes};

/// Request headers at most; more are answered 431.
const HEADERS_MAX: usize = 64;
/// Request line and headers at most; more are answered 431.
const HEADER_BYTES_MAX: usize = 16 * 1024;
/// Time for a request's headers to arrive, which also ends idle connections.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);
/// A connection is asked to end after this, so that a client that stops reading cannot hold its place for ever.
const CONNECTION_AGE_MAX: Duration = Duration::from_secs(3600);
/// Time for a connection to end once it was asked to; the process is to stop within five seconds.
const END_GRACE: Duration = Duration::from_secs(3);
/// Pause after a failed accept, which is nearly always a lack of file descriptors that passes.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves `app` on `listener` until `shutdown` resolves, then ends event streams, lets answers that are under way finish
/// for three seconds at most, and returns.
///
/// # Errors
/// None at present: a failed accept is logged and tried again.
pub async fn serve(listener: TcpListener, app: App, shutdown: impl Future<Output = ()>) -> std::io::Result<()> {
    let connections_max = Arc::new(Semaphore::new(app.limits.connections));
    let (shared, broadcaster) = feed::start(app);
    let router = routes::router(shared);
    let (stop, stopped) = watch::channel(());
    let mut connections: JoinSet<()> = JoinSet::new();
    let http = {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_READ_TIMEOUT)
            .max_headers(HEADERS_MAX)
            .max_header_size(HEADER_BYTES_MAX);
        builder
    };

    let accept = async {
        loop {
            // A semaphore that is never closed always gives its permit.
            let Ok(place) = connections_max.clone().acquire_owned().await else { return };
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "connection not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let _ = stream.set_nodelay(true);
            let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
            let mut stopped = stopped.clone();
            connections.spawn(async move {
                let _place = place;
                let mut connection = pin!(connection);
                tokio::select! {
                    // How a connection ended is the client's affair.
                    _ = connection.as_mut() => return,
                    _ = stopped.changed() => {}
                    () = tokio::time::sleep(CONNECTION_AGE_MAX) => {}
                }
                connection.as_mut().graceful_shutdown();
                let _ = tokio::time::timeout(END_GRACE, connection).await;
            });
            while connections.try_join_next().is_some() {}
        }
    };
    tokio::select! {
        () = accept => {}
        () = shutdown => {}
    }

    drop(listener);
    broadcaster.abort();
    drop(stop);
    while connections.join_next().await.is_some() {}
    Ok(())
}
