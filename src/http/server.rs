//! Connections: accepted up to a bound, served with limits, ended in order.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::{App, Refusal, Security, Tls, feed, routes};

/// Request headers at most; more are answered 431.
const HEADERS_MAX: usize = 64;
/// Request line and headers at most; more are answered 431.
const HEADER_BYTES_MAX: usize = 16 * 1024;
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
pub async fn serve(
    listener: TcpListener,
    app: App,
    shutdown: impl Future<Output = ()>,
) -> std::io::Result<()> {
    if let Ok(address) = listener.local_addr()
        && let Some(exposure) = exposure(address.ip(), &app.security)
    {
        tracing::warn!(%address, exposure, "listening beyond this host");
    }
    let connections_max = Arc::new(Semaphore::new(app.limits.connections));
    let tls = app.security.tls.clone();
    let refusals = Arc::clone(&app.refusals);
    let handshake_timeout = app.limits.handshake_timeout;
    let http = {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(app.limits.header_timeout)
            .max_headers(HEADERS_MAX)
            .max_header_size(HEADER_BYTES_MAX);
        builder
    };
    let (shared, broadcaster) = feed::start(app);
    let router = routes::router(shared);
    let (stop, stopped) = watch::channel(());
    let mut connections: JoinSet<()> = JoinSet::new();
    let follow_certificate = async {
        match tls.clone() {
            Some(tls) => tls.follow().await,
            None => std::future::pending().await,
        }
    };

    let accept = async {
        loop {
            // A semaphore that is never closed always gives its permit.
            let Ok(place) = connections_max.clone().acquire_owned().await else { return };
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    refusals.count(Refusal::Accept);
                    tracing::warn!(%error, "connection not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let _ = stream.set_nodelay(true);
            let (http, router, tls, refusals) =
                (http.clone(), router.clone(), tls.clone(), Arc::clone(&refusals));
            let mut stopped = stopped.clone();
            connections.spawn(async move {
                let _place = place;
                match tls {
                    None => serve_connection(stream, &http, router, &mut stopped).await,
                    Some(tls) => {
                        let agreed = tokio::select! {
                            agreed = tokio::time::timeout(handshake_timeout, agree(&tls, stream)) => agreed,
                            _ = stopped.changed() => return,
                        };
                        match agreed {
                            Ok(Some(stream)) => serve_connection(stream, &http, router, &mut stopped).await,
                            Ok(None) | Err(_) => {
                                refusals.count(Refusal::Handshake);
                            }
                        }
                    }
                }
            });
            while connections.try_join_next().is_some() {}
        }
    };
    tokio::select! {
        () = accept => {}
        () = follow_certificate => {}
        () = shutdown => {}
    }

    drop(listener);
    broadcaster.abort();
    drop(stop);
    while connections.join_next().await.is_some() {}
    Ok(())
}

/// TLS on a connection; `None` where the two do not agree on it.
async fn agree(tls: &Tls, stream: TcpStream) -> Option<tokio_rustls::server::TlsStream<TcpStream>> {
    match tls.acceptor().accept(stream).await {
        Ok(stream) => Some(stream),
        Err(error) => {
            tracing::debug!(%error, "no TLS agreed on");
            None
        }
    }
}

async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    http: &http1::Builder,
    router: Router,
    stopped: &mut watch::Receiver<()>,
) {
    let mut connection =
        pin!(http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)));
    tokio::select! {
        // How a connection ended is the client's affair.
        _ = connection.as_mut() => return,
        _ = stopped.changed() => {}
        () = tokio::time::sleep(CONNECTION_AGE_MAX) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(END_GRACE, connection).await;
}

/// What others than this host can do where the listener is open to them; `None` where that is as it should be.
fn exposure(address: IpAddr, security: &Security) -> Option<&'static str> {
    match (address.to_canonical().is_loopback(), &security.tls, &security.authentication) {
        (true, _, _) | (false, Some(_), Some(_)) => None,
        (false, None, None) => {
            Some("everyone who reaches the address can read, and the way can be listened to")
        }
        (false, Some(_), None) => Some("everyone who reaches the address can read"),
        (false, None, Some(_)) => Some("credentials and answers can be listened to on the way"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::http::Authentication;
    use crate::secret::SecretHash;

    #[test]
    fn a_listener_beyond_the_host_without_protection_is_told() {
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
                exposure(address(beyond), &open).unwrap().contains("can read, and"),
                "{beyond}"
            );
            assert!(
                exposure(address(beyond), &in_clear).unwrap().contains("on the way"),
                "{beyond}"
            );
        }
    }
}
