//! The running pipeline, as `serve` and `demo` start it: ingestion, the read model, HTTP.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use arc_swap::ArcSwap;
use nabiz_core::settings::Settings;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

use super::Failure;
use crate::exposition::Exposition;
use crate::http::{self, App, HistorySource, Security};
use crate::ingest::{Ingest, Options, StartError};
use crate::readmodel::{DeniedRequests, PublishedState};

/// From the signal to the end of the process, at most.
const STOP_WITHIN: Duration = Duration::from_millis(4_500);
const HEARTBEAT: Duration = Duration::from_millis(500);

/// Logs to standard error. `NABIZ_LOG` (or `RUST_LOG`) says what, in the notation of `tracing`, as
/// in `nabiz=debug`; `NABIZ_LOG_FORMAT=json` writes a JSON object a line.
pub fn start_logging(default: &str) {
    let filter = ["NABIZ_LOG", "RUST_LOG"].iter().find_map(|name| std::env::var(name).ok());
    let filter = EnvFilter::new(filter.as_deref().unwrap_or(default));
    // A line that cannot be written, as where a full disk holds the log, is lost: to tell of it on
    // standard error would end the thread that wrote it.
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .log_internal_errors(false);
    let is_json = std::env::var("NABIZ_LOG_FORMAT").is_ok_and(|format| format == "json");
    // A second subscriber in one process (tests) is refused, which is as it should be.
    let _ = match is_json {
        true => logs.json().try_init(),
        false => logs.with_ansi(std::io::stderr().is_terminal()).try_init(),
    };
}

/// Where and how HTTP is served.
pub struct Http {
    pub listen: SocketAddr,
    pub security: Security,
}

/// Runs the pipeline until it is told to stop, by a signal or after `duration`. `started` is called
/// with the address once HTTP is bound.
pub fn run(
    options: Options,
    settings: Arc<Settings>,
    http: Http,
    duration: Option<Duration>,
    started: impl FnOnce(SocketAddr),
) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("the runtime cannot be started")?;
    let result = runtime.block_on(serve(options, settings, http, duration, started));
    // A client whose broker is away may hold a thread; the end of the process ends it.
    runtime.shutdown_background();
    result
}

async fn serve(
    options: Options,
    settings: Arc<Settings>,
    http: Http,
    duration: Option<Duration>,
    started: impl FnOnce(SocketAddr),
) -> Result<(), Failure> {
    let Http { listen, security } = http;
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
    tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "nabiz has started");
    started(address);

    let (stop_http, stopped) = watch::channel(false);
    let metrics = Arc::new(move |format, coding| exposition.render(format, coding));
    let app = App { security, history, denied, ..App::new(published, metrics) };
    let server = tokio::spawn(http::serve(listener, app, wait_for(stopped)));

    let reason = until_stop(&ingest, duration).await?;
    let began = Instant::now();
    match &reason {
        Stop::Told(reason) => tracing::info!(reason, "nabiz stops"),
        Stop::Failure(reason) => tracing::error!(reason, "nabiz stops"),
    }
    let _ = stop_http.send(true);
    let ended = tokio::task::spawn_blocking(move || ingest.stop(STOP_WITHIN));
    let (ended, served) = tokio::join!(ended, tokio::time::timeout(STOP_WITHIN, server));
    if let Ok(Ok(Err(error))) = served {
        tracing::warn!(%error, "http did not end cleanly");
    }
    tracing::info!(
        clean = ended.unwrap_or(false),
        took_ms = began.elapsed().as_millis() as u64,
        "nabiz has stopped"
    );
    match reason {
        Stop::Failure(failure) => Err(Failure::Running(anyhow::anyhow!(failure))),
        Stop::Told(_) => Ok(()),
    }
}

async fn wait_for(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop too.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// Why the pipeline stops.
#[derive(Debug)]
enum Stop {
    Told(&'static str),
    Failure(String),
}

/// Waits for a reason to stop.
async fn until_stop(ingest: &Ingest, duration: Option<Duration>) -> Result<Stop, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let deadline = duration.map(|duration| Instant::now() + duration);
    loop {
        let until_deadline = deadline
            .map_or(HEARTBEAT, |deadline| deadline.saturating_duration_since(Instant::now()));
        tokio::select! {
            _ = terminate.recv() => return Ok(Stop::Told("SIGTERM")),
            _ = interrupt.recv() => return Ok(Stop::Told("SIGINT")),
            () = tokio::time::sleep(until_deadline.min(HEARTBEAT)) => {}
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Ok(Stop::Told("the time is over"));
        }
        if let Some(failure) = ingest.failure() {
            return Ok(Stop::Failure(failure));
        }
    }
}
