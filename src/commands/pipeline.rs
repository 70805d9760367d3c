//! The running pipeline of `serve` and `demo`: ingest, read model and HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use arc_swap::ArcSwap;
use nabiz_core::settings::Settings;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::failure::Failure;
use crate::exposition::Exposition;
use crate::http::{self, App, HistorySource, Security};
use crate::ingest::{Ingest, Options, StartError};
use crate::readmodel::{DeniedRequests, PublishedState};

/// Longest time from the signal to the end of the process.
const STOP_WITHIN: Duration = Duration::from_millis(4_500);
/// How often failures of ingest are looked for.
const FAILURE_CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// The address and the protection of HTTP.
pub(super) struct HttpOptions {
    pub listen: SocketAddr,
    pub security: Security,
}

/// Runs the pipeline until a signal, a failure, or the end of `duration`. Calls `started` with the
/// address once HTTP is bound.
///
/// # Errors
/// Returns a usage failure when the options or the settings are wrong, else a running failure.
pub(super) fn run(
    options: Options,
    settings: Arc<Settings>,
    http: HttpOptions,
    duration: Option<Duration>,
    started: impl FnOnce(SocketAddr),
) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let result = runtime.block_on(serve(options, settings, http, duration, started));
    // A Kafka client whose broker does not answer may block a thread; it ends with the process.
    runtime.shutdown_background();
    result
}

async fn serve(
    options: Options,
    settings: Arc<Settings>,
    http: HttpOptions,
    duration: Option<Duration>,
    started: impl FnOnce(SocketAddr),
) -> Result<(), Failure> {
    let HttpOptions { listen, security } = http;
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen} (http.listen or --listen)"))?;
    let address = listener.local_addr().context("the listener has no address")?;
    let published = Arc::new(ArcSwap::from_pointee(PublishedState::starting(
        Arc::clone(&settings),
        options.aggregation,
    )));
    let topics: Vec<String> = options.topics.iter().map(|topic| topic.name.clone()).collect();
    let history = settings.history_interval.map(|interval| {
        HistorySource::new(options.ledger.path.clone(), Arc::clone(&settings), interval, topics)
            .counting_errors_in(options.ledger.distribution_errors.clone())
    });
    let denied = Arc::new(DeniedRequests::default());
    let exposition = Exposition::new(Arc::clone(&published), Arc::clone(&denied));
    let ingest =
        Ingest::start(options, settings, Arc::clone(&published)).map_err(|error| match error {
            StartError::Thread { .. } | StartError::Ledger(_) => Failure::Running(error.into()),
            _ => Failure::usage(error),
        })?;
    tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "nabiz started");
    started(address);

    let (stop_http, stopped) = watch::channel(false);
    let metrics = Arc::new(move |format, coding| exposition.render(format, coding));
    let app = App { security, history, denied, ..App::new(published, metrics) };
    let server = tokio::spawn(http::serve(listener, app, wait_for(stopped)));

    let reason = until_stop(&ingest, duration).await?;
    let began = Instant::now();
    match &reason {
        Stop::Requested(reason) => tracing::info!(reason, "nabiz is stopping"),
        Stop::Failed(reason) => tracing::error!(reason, "nabiz is stopping"),
    }
    let _ = stop_http.send(true);
    let ended = tokio::task::spawn_blocking(move || ingest.stop(STOP_WITHIN));
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

/// The reason for which the pipeline stops.
#[derive(Debug)]
enum Stop {
    Requested(&'static str),
    Failed(String),
}

/// Waits for a signal, the end of `duration`, or a failure of ingest.
async fn until_stop(ingest: &Ingest, duration: Option<Duration>) -> Result<Stop, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let deadline = duration.map(|duration| Instant::now() + duration);
    loop {
        let until_deadline = deadline.map_or(FAILURE_CHECK_INTERVAL, |deadline| {
            deadline.saturating_duration_since(Instant::now())
        });
        tokio::select! {
            _ = terminate.recv() => return Ok(Stop::Requested("SIGTERM")),
            _ = interrupt.recv() => return Ok(Stop::Requested("SIGINT")),
            () = tokio::time::sleep(until_deadline.min(FAILURE_CHECK_INTERVAL)) => {}
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Ok(Stop::Requested("the duration is over"));
        }
        if let Some(failure) = ingest.failure() {
            return Ok(Stop::Failed(failure));
        }
    }
}
