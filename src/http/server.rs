//! Connections: accepts them up to a limit, serves them within limits, and shuts them down.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::server::TlsStream;

use super::app::{App, Limits};
use super::security::Security;
use super::state::HttpState;
use super::tls::Tls;
use super::unfinished::{Place, Unfinished};
use super::{routes, sse};
use crate::readmodel::{DenialReason, DeniedRequests};

/// Most headers of a request. More are answered 431.
const HEADERS_MAX: usize = 64;
/// Most bytes of a request line with its headers. More are answered 431.
const HEADER_BYTES_MAX: usize = 16 * 1024;
/// Age at which a connection is closed, so that a client that stops reading cannot hold its permit
/// for ever.
const CONNECTION_AGE_MAX: Duration = Duration::from_secs(3600);
/// Time for a connection to finish its answer. The process must stop within five seconds.
const END_GRACE: Duration = Duration::from_secs(3);
/// Pause after a failed accept, whose cause is nearly always a lack of file descriptors that
/// passes.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// Time for a connection that was asked to close to do so, before another one is asked.
const ROOM_WITHIN: Duration = Duration::from_millis(50);

/// What a listener needs besides its router.
#[derive(Clone, Debug)]
pub struct Connections {
    /// Limits of connections and times.
    pub limits: Limits,
    /// The certificate; the router checks credentials itself.
    pub security: Arc<ArcSwap<Security>>,
    /// Counts connections that are not served.
    pub denied: Arc<DeniedRequests>,
}

/// Serves `app` on `listener` until `shutdown` resolves. Then it ends event streams, waits at most
/// three seconds for running answers, and returns.
///
/// # Errors
/// Returns no error at present: a failed accept is logged and retried.
pub async fn serve(
    listener: TcpListener,
    app: App,
    shutdown: impl Future<Output = ()>,
) -> std::io::Result<()> {
    if let Ok(address) = listener.local_addr() {
        warn_if_exposed(address, &app.security.load());
    }
    let connections = Connections {
        limits: app.limits,
        security: Arc::clone(&app.security),
        denied: Arc::clone(&app.denied),
    };
    let (state, sender) = HttpState::new(app);
    let broadcaster = tokio::spawn(sse::broadcast(Arc::clone(&state), sender));
    let shutdown = async {
        shutdown.await;
        // Ends the event streams, so that their connections end too.
        broadcaster.abort();
    };
    serve_router(listener, routes::router(state), connections, shutdown).await;
    Ok(())
}

/// Serves `router` on `listener` until `shutdown` resolves. Then it waits at most three seconds for
/// running answers, and returns.
pub async fn serve_router(
    listener: TcpListener,
    router: Router,
    connections: Connections,
    shutdown: impl Future<Output = ()>,
) {
    let Connections { limits, security, denied } = connections;
    let permits = Arc::new(Semaphore::new(limits.connections));
    let unfinished = Arc::new(Unfinished::default());
    let handshake_timeout = limits.handshake_timeout;
    let http = {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_timeout)
            .max_headers(HEADERS_MAX)
            .max_header_size(HEADER_BYTES_MAX);
        builder
    };
    let (stop, stopped) = watch::channel(());
    let mut connections: JoinSet<()> = JoinSet::new();

    let accept = async {
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    denied.count(DenialReason::Accept);
                    tracing::warn!(%error, "connection not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Some(permit) = make_room(&permits, &unfinished, &denied).await else { return };
            let place = unfinished.enter();
            let _ = stream.set_nodelay(true);
            let tls = security.load().tls.clone();
            let (http, router, denied) = (http.clone(), router.clone(), Arc::clone(&denied));
            let mut stopped = stopped.clone();
            connections.spawn(async move {
                let _permit = permit;
                match tls {
                    None => serve_connection(stream, &http, router, place, &mut stopped).await,
                    Some(tls) => {
                        let handshake =
                            tokio::time::timeout(handshake_timeout, handshake(&tls, stream));
                        let secured = tokio::select! {
                            secured = handshake => secured,
                            () = place.closed() => return,
                            _ = stopped.changed() => return,
                        };
                        match secured {
                            Ok(Some(stream)) => {
                                serve_connection(stream, &http, router, place, &mut stopped).await
                            }
                            Ok(None) | Err(_) => denied.count(DenialReason::Handshake),
                        }
                    }
                }
            });
            while connections.try_join_next().is_some() {}
        }
    };
    tokio::select! {
        () = accept => {}
        () = shutdown => {}
    }

    drop(listener);
    drop(stop);
    while connections.join_next().await.is_some() {}
}

/// Waits for a permit for a new connection. At the limit, closes the oldest connections that have
/// not finished a request head; where every connection answers a request, the new one waits.
/// Returns `None` if the semaphore is closed, which never happens.
async fn make_room(
    permits: &Arc<Semaphore>,
    unfinished: &Unfinished,
    denied: &DeniedRequests,
) -> Option<OwnedSemaphorePermit> {
    loop {
        if let Ok(permit) = Arc::clone(permits).try_acquire_owned() {
            return Some(permit);
        }
        if unfinished.close_oldest() {
            denied.count(DenialReason::Connections);
        }
        // The closed connection gives its permit back when its task ends.
        match tokio::time::timeout(ROOM_WITHIN, Arc::clone(permits).acquire_owned()).await {
            Ok(permit) => return permit.ok(),
            Err(_) => continue,
        }
    }
}

/// Performs the TLS handshake. Returns `None` if it fails.
async fn handshake(tls: &Tls, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
    match tls.acceptor().accept(stream).await {
        Ok(stream) => Some(stream),
        Err(error) => {
            tracing::debug!(%error, "TLS handshake failed");
            None
        }
    }
}

/// Serves a connection until it ends, is too old, has to make room, or the server stops.
async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    http: &http1::Builder,
    router: Router,
    place: Arc<Place>,
    stopped: &mut watch::Receiver<()>,
) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(|request| {
        let answering = place.begin();
        let answer = router.call(request);
        async move { answer.await.map(|answer| answer.map(|body| answering.body(body))) }
    });
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // The client may end a connection in any way.
        _ = connection.as_mut() => return,
        () = place.closed() => return,
        _ = stopped.changed() => {}
        () = tokio::time::sleep(CONNECTION_AGE_MAX) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(END_GRACE, connection).await;
}

/// Logs a warning if the listener is reachable from other hosts and not protected.
pub fn warn_if_exposed(address: SocketAddr, security: &Security) {
    if let Some(exposure) = exposure(address.ip(), security) {
        tracing::warn!(%address, exposure, "listener is reachable from other hosts");
    }
}

/// Describes what other hosts can do if the listener is reachable from them and not protected.
/// Returns `None` if it is not reachable, or protected by TLS and authentication.
fn exposure(address: IpAddr, security: &Security) -> Option<&'static str> {
    match (address.to_canonical().is_loopback(), &security.tls, &security.authentication) {
        (true, _, _) | (false, Some(_), Some(_)) => None,
        (false, None, None) => {
            Some("no authentication: every client can read; no TLS: answers can be intercepted")
        }
        (false, Some(_), None) => Some("no authentication: every client can read"),
        (false, None, Some(_)) => Some("no TLS: credentials and answers can be intercepted"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::http::auth::Authentication;
    use crate::secret::SecretHash;

    #[test]
    fn exposure_is_described_when_an_unprotected_listener_is_reachable() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let open = Security::default();
        let hash = SecretHash::of(b"x").unwrap();
        let authentication = Authentication::new(Some(hash), BTreeMap::new()).unwrap();
        let in_clear =
            Security { authentication: Some(Arc::new(authentication)), ..Security::default() };
        for here in ["127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(exposure(address(here), &open), None, "{here}");
        }
        for beyond in ["0.0.0.0", "::", "10.0.0.1", "::ffff:10.0.0.1"] {
            assert!(
                exposure(address(beyond), &open).unwrap().contains("no authentication"),
                "{beyond}"
            );
            assert!(
                exposure(address(beyond), &in_clear).unwrap().contains("credentials"),
                "{beyond}"
            );
        }
    }
}
