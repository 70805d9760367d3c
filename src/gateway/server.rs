//! The listeners.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use super::options::Options;
use super::producer::Producer;
use super::routes::{self, Shared};
use super::watch::{Reachability, watch as watch_brokers};
use crate::clock::system_time;
use crate::error_chain::error_chain;
use crate::http::{Connections, Limits, Security, Tls, serve_router};
use crate::readmodel::DeniedRequests;

/// Time between two looks at the files of the certificate.
const RELOAD_INTERVAL: Duration = Duration::from_secs(60);
/// Time for the producer to end. All requests have been answered before.
const FLUSH_WITHIN: Duration = Duration::from_secs(1);

/// The reason for which the gateway does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address} ({key})")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Its key.
        key: &'static str,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The client library refuses its properties.
    #[error("the Kafka producer cannot be created")]
    Producer(#[source] rdkafka::error::KafkaError),
}

/// Serves webhooks until `shutdown` resolves, then finishes the requests that are under way.
///
/// # Errors
/// Returns [`ServeError`] when an address or the client's properties cannot be used.
pub async fn serve(
    options: Options,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let hooks = listen(options.listen, "gateway.listen").await?;
    let health = listen(options.metrics_listen, "gateway.metrics_listen").await?;
    let producer = Arc::new(Producer::new(&options.client).map_err(ServeError::Producer)?);
    let topics: BTreeSet<String> =
        options.routes.values().map(|route| route.topic.clone()).collect();
    let denied = Arc::new(DeniedRequests::default());
    let reachability = Arc::new(Reachability::new(Arc::clone(&options.counts)));
    let watcher =
        tokio::spawn(watch_brokers(Arc::clone(&producer), topics, Arc::clone(&reachability)));
    tracing::info!(
        address = %options.listen,
        metrics = %options.metrics_listen,
        paths = options.routes.len(),
        version = env!("CARGO_PKG_VERSION"),
        "gateway started"
    );
    if options.tls.is_none() && !options.listen.ip().to_canonical().is_loopback() {
        let exposure = "no TLS: credentials and content can be intercepted";
        tracing::warn!(address = %options.listen, exposure, "listener is reachable from other hosts");
    }
    let security = Security { tls: options.tls.clone(), ..Security::default() };
    let connections = Connections {
        limits: Limits::default(),
        security: Arc::new(ArcSwap::from_pointee(security)),
        denied: Arc::clone(&denied),
    };
    let plain = Connections { security: Arc::default(), ..connections.clone() };
    let shared = Arc::new(Shared {
        routes: options.routes,
        producer: Arc::clone(&producer),
        under_way: Semaphore::new(options.max_in_flight),
        timeout: options.timeout,
        clock: system_time,
        counts: options.counts,
        denied,
        reachability,
        logs: Default::default(),
    });
    let reloader = options.tls.map(|tls| tokio::spawn(reload_on_change(tls)));
    let (stop, stopped) = watch::channel(());
    let stop_when_asked = async {
        shutdown.await;
        drop(stop);
    };
    tokio::join!(
        stop_when_asked,
        serve_router(hooks, routes::webhooks(Arc::clone(&shared)), connections, ended(&stopped)),
        serve_router(health, routes::health(shared), plain, ended(&stopped)),
    );
    watcher.abort();
    if let Some(reloader) = reloader {
        reloader.abort();
    }
    // The flush blocks its thread.
    let _ = tokio::task::spawn_blocking(move || producer.flush(FLUSH_WITHIN)).await;
    Ok(())
}

async fn listen(address: SocketAddr, key: &'static str) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::Listen { address, key, source })
}

/// Reads the certificate again when its files change. Never returns.
async fn reload_on_change(tls: Arc<Tls>) {
    loop {
        tokio::time::sleep(RELOAD_INTERVAL).await;
        let tls = Arc::clone(&tls);
        match tokio::task::spawn_blocking(move || tls.reload()).await {
            Ok(Ok(false)) => {}
            Ok(Ok(true)) => tracing::info!("certificate reloaded"),
            Ok(Err(error)) => {
                let error = error_chain(&error);
                tracing::warn!(error, "certificate not reloaded, the earlier one stays in use");
            }
            Err(error) => tracing::warn!(%error, "certificate files not checked"),
        }
    }
}

/// Waits until the sender is dropped.
fn ended(stopped: &watch::Receiver<()>) -> impl Future<Output = ()> + use<> {
    let mut stopped = stopped.clone();
    async move { while stopped.changed().await.is_ok() {} }
}
