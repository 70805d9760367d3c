//! The running pipeline of `serve` and `demo`: ingest, read model and HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::failure::Failure;
use super::parts::Parts;
use super::reload::Reloader;
use super::running::{Running, STOP_WITHIN, Stop, start_failure};
use super::signals::{Request, Signals};
use crate::exposition::Exposition;
use crate::http::{self, App, HistorySource};
use crate::ingest::Ingest;
use crate::readmodel::{DeniedRequests, PublishedState};
use crate::watched_files::CHECK_INTERVAL;

/// How often failures of ingest are looked for.
const FAILURE_CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// Runs the pipeline until a signal, a failure, or the end of `duration`. Calls `started` with the
/// address once HTTP is bound. Without a `reloader` the request to reload is one to stop.
///
/// # Errors
/// Returns a usage failure when the options or the settings are wrong, else a running failure.
pub(super) fn run(
    parts: Parts,
    listen: SocketAddr,
    reloader: Option<Reloader>,
    duration: Option<Duration>,
    started: impl FnOnce(SocketAddr),
) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let result = runtime.block_on(serve(parts, listen, reloader, duration, started));
    // A Kafka client whose broker does not answer may block a thread; it ends with the process.
    runtime.shutdown_background();
    result
}

async fn serve(
    parts: Parts,
    listen: SocketAddr,
    reloader: Option<Reloader>,
    duration: Option<Duration>,
    started: impl FnOnce(SocketAddr),
) -> Result<(), Failure> {
    let mut signals = Signals::catch()?;
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen} (http.listen or --listen)"))?;
    let address = listener.local_addr().context("the listener has no address")?;
    let Parts { options, settings, planning, security } = parts.clone();
    let mut starting = PublishedState::starting(Arc::clone(&settings), options.aggregation);
    starting.health.config = options.reloads.status();
    let published = Arc::new(ArcSwap::from_pointee(starting));
    let topics: Vec<String> = options.topics.iter().map(|topic| topic.name.clone()).collect();
    let history = settings.history_interval.map(|interval| {
        HistorySource::new(options.ledger.path.clone(), Arc::clone(&settings), interval, topics)
            .planning_by(planning)
            .counting_errors_in(options.ledger.distribution_errors.clone())
    });
    let history = Arc::new(ArcSwapOption::from_pointee(history));
    let security = Arc::new(ArcSwap::from_pointee(security));
    let denied = Arc::new(DeniedRequests::default());
    let exposition = Exposition::new(Arc::clone(&published), Arc::clone(&denied));
    let ingest = Ingest::start(options, settings, Arc::clone(&published)).map_err(start_failure)?;
    tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "nabiz started");
    started(address);

    let (stop_http, stopped) = watch::channel(false);
    let metrics = Arc::new(move |format, coding| exposition.render(format, coding));
    let app = App {
        security: Arc::clone(&security),
        history: Arc::clone(&history),
        denied,
        ..App::new(Arc::clone(&published), metrics)
    };
    let server = tokio::spawn(http::serve(listener, app, wait_for(stopped)));

    let mut running = Running::new(ingest, parts, published, security, history, address, reloader);
    let reason = until_stop(&mut running, &mut signals, duration).await;
    let began = Instant::now();
    match &reason {
        Stop::Requested(reason) => tracing::info!(reason, "nabiz is stopping"),
        Stop::Failed(reason) => tracing::error!(reason, "nabiz is stopping"),
    }
    let _ = stop_http.send(true);
    let ended = tokio::task::spawn_blocking(move || running.stop());
    let (ended, served) = tokio::join!(ended, tokio::time::timeout(STOP_WITHIN, server));
    if let Ok(Ok(Err(error))) = served {
        tracing::warn!(%error, "HTTP did not stop cleanly");
    }
    tracing::info!(
        clean = ended.unwrap_or(false),
        took_ms = began.elapsed().as_millis() as u64,
        "nabiz stopped"
    );
    match reason {
        Stop::Failed(failure) => Err(Failure::Running(anyhow::anyhow!(failure))),
        Stop::Requested(_) => Ok(()),
    }
}

async fn wait_for(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender was dropped, which is a stop too.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// Waits for a request to stop, the end of `duration`, or a failure of ingest, and reloads
/// meanwhile.
async fn until_stop(
    running: &mut Running,
    signals: &mut Signals,
    duration: Option<Duration>,
) -> Stop {
    let deadline = duration.map(|duration| Instant::now() + duration);
    let mut looked_at = Instant::now();
    loop {
        let until_deadline = deadline.map_or(FAILURE_CHECK_INTERVAL, |deadline| {
            deadline.saturating_duration_since(Instant::now())
        });
        let request = tokio::select! {
            request = signals.next() => Some(request),
            () = tokio::time::sleep(until_deadline.min(FAILURE_CHECK_INTERVAL)) => None,
        };
        // This is the thread that runs `block_on`, so that HTTP continues where it blocks.
        let reloaded = tokio::task::block_in_place(|| match request {
            Some(Request::Stop(name)) => Err(Stop::Requested(name)),
            Some(Request::Reload) => running.reload(signals),
            None if looked_at.elapsed() >= CHECK_INTERVAL => {
                looked_at = Instant::now();
                running.look_at_files(signals)
            }
            None => Ok(()),
        });
        if let Err(stop) = reloaded {
            return stop;
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Stop::Requested("the duration is over");
        }
        if let Some(failure) = running.failure() {
            return Stop::Failed(failure);
        }
    }
}
