//! `/api/v1/history`: the interval history, streamed from the ledger as JSON or CSV.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::extract::rejection::QueryRejection;
use axum::http::header::{ACCEPT, CONTENT_DISPOSITION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use nabiz_core::settings::Settings;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;

use super::Refusal;
use super::feed::Shared;
use super::routes::error;
use crate::ledger::LedgerError;
use crate::ledger::history::{Format, History, OutputError, Query, Request, write_rows};

/// Queries at a time; more are answered 503.
const QUERIES_MAX: usize = 4;
/// Bytes of an answer that are sent at a time, of which [`CHUNKS_AHEAD`] may wait for a slow client.
const CHUNK_BYTES: usize = 1 << 16;
const CHUNKS_AHEAD: usize = 2;
/// A client that takes nothing for so long loses its answer, so that it does not hold its place.
const STALLED_AFTER: Duration = Duration::from_secs(30);

type Chunk = io::Result<Bytes>;

/// Where the history is read from.
#[derive(Clone, Debug)]
pub struct HistorySource {
    path: PathBuf,
    settings: Arc<Settings>,
    interval_ms: u64,
    topics: Vec<String>,
    places: Arc<Semaphore>,
}

impl HistorySource {
    /// The ledger at `path`, with intervals of `interval_ms`, into which `topics` are read. The file is opened anew for each
    /// query.
    pub fn new(
        path: PathBuf,
        settings: Arc<Settings>,
        interval_ms: u64,
        topics: Vec<String>,
    ) -> Self {
        HistorySource {
            path,
            settings,
            interval_ms,
            topics,
            places: Arc::new(Semaphore::new(QUERIES_MAX)),
        }
    }

    fn open(self, query: Query) -> Result<History, LedgerError> {
        Ok(History::open(&self.path, self.settings, self.interval_ms, query)?
            .of_topics(self.topics))
    }
}

/// The parameters of a query: names and values, as often as they come.
type Parameters = axum::extract::Query<Vec<(String, String)>>;

pub(super) async fn history(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    parameters: Result<Parameters, QueryRejection>,
) -> Response {
    let Some(source) = &shared.app.history else {
        return error(StatusCode::NOT_FOUND, "no ledger is configured, so there is no history");
    };
    let parameters = match parameters {
        Ok(axum::extract::Query(parameters)) => parameters,
        Err(rejection) => return error(StatusCode::BAD_REQUEST, rejection.body_text()),
    };
    let (request, format) = match request(parameters, &headers) {
        Ok(asked) => asked,
        Err(detail) => return error(StatusCode::BAD_REQUEST, detail),
    };
    let query = match request.query(&source.settings, source.interval_ms) {
        Ok(query) => query,
        Err(problem) => return error(StatusCode::BAD_REQUEST, problem.to_string()),
    };
    let Ok(place) = source.places.clone().try_acquire_owned() else {
        shared.app.refusals.count(Refusal::History);
        let mut response = error(
            StatusCode::SERVICE_UNAVAILABLE,
            format!(
                "{QUERIES_MAX} queries of the history are under way, which is the most at a time"
            ),
        );
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
        return response;
    };
    let opener = source.clone();
    let opened = tokio::task::spawn_blocking(move || opener.open(query)).await;
    let history = match opened {
        Ok(Ok(history)) => history,
        Ok(Err(problem)) => {
            tracing::warn!(error = %problem, "history not read");
            return error(StatusCode::INTERNAL_SERVER_ERROR, "the ledger cannot be read");
        }
        Err(problem) => {
            tracing::warn!(error = %problem, "history not read");
            return error(StatusCode::INTERNAL_SERVER_ERROR, "the history was not read");
        }
    };
    answer(history, format, source.settings.clone(), place)
}

/// The request in the parameters, and the format in them or in the headers.
fn request(
    parameters: Vec<(String, String)>,
    headers: &HeaderMap,
) -> Result<(Request, Format), String> {
    let mut request = Request::default();
    let (mut from, mut to, mut format) = (None, None, None);
    for (name, value) in parameters {
        let place = match name.as_str() {
            "queue" => {
                request.queues.push(value);
                continue;
            }
            "channel" => {
                request.channels.push(value);
                continue;
            }
            "from" => &mut from,
            "to" => &mut to,
            "step" => &mut request.step,
            "format" => &mut format,
            _ => {
                let name: String = name.chars().take(64).collect();
                return Err(format!(
                    "{name:?} is not a parameter; allowed are from, to, step, queue, channel, format"
                ));
            }
        };
        if place.replace(value).is_some() {
            return Err(format!("{name}: given twice; allowed is once"));
        }
    }
    let missing = |name: &str| {
        format!("{name}: missing; a time such as 2026-01-05T08:00:00Z or a date is needed")
    };
    request.from = from.ok_or_else(|| missing("from"))?;
    request.to = to.ok_or_else(|| missing("to"))?;
    let format = match format.as_deref() {
        Some("csv") => Format::Csv,
        Some("json") => Format::Json,
        Some(_) => return Err("format: allowed are csv and json".to_string()),
        None if prefers_csv(headers) => Format::Csv,
        None => Format::Json,
    };
    Ok((request, format))
}

/// Whether the `Accept` headers name CSV, and no JSON that they want as much.
fn prefers_csv(headers: &HeaderMap) -> bool {
    let quality_of = |wanted: &str| {
        let ranges = headers
            .get_all(ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|text| text.split(','));
        ranges
            .filter_map(|range| {
                let mut parts = range.split(';').map(str::trim);
                let is_wanted = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(wanted));
                let quality = parts
                    .find_map(|part| part.strip_prefix("q="))
                    .map_or(Some(1.0), |q| q.parse().ok());
                if is_wanted { quality } else { None }
            })
            .fold(0.0, f64::max)
    };
    let csv = quality_of("text/csv");
    csv > 0.0 && csv > quality_of("application/json")
}

/// The answer, whose body is written while it is sent.
fn answer(
    history: History,
    format: Format,
    settings: Arc<Settings>,
    place: OwnedSemaphorePermit,
) -> Response {
    let (sender, chunks) = mpsc::channel::<Chunk>(CHUNKS_AHEAD);
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        let _place = place;
        let gone = sender.clone();
        let rows = history.cancelled_by(move || gone.is_closed());
        let mut out = BufWriter::with_capacity(CHUNK_BYTES, Chunks { sender, runtime });
        let written = write_rows(rows, format, settings.windows.business_day.zone(), &mut out)
            .and_then(|()| out.flush().map_err(OutputError::from));
        if let Err(OutputError::Ledger(problem)) = written {
            tracing::warn!(error = %problem, "history ended early");
            // Without a proper end of the body the client knows that it is not whole.
            let _ = out.get_ref().send(Err(io::Error::other("the ledger failed")));
        }
    });
    let mut response = Body::from_stream(ReceiverStream::new(chunks)).into_response();
    let headers = response.headers_mut();
    match format {
        Format::Csv => {
            headers.insert(
                CONTENT_TYPE,
                HeaderValue::from_static("text/csv; charset=utf-8; header=present"),
            );
            headers.insert(
                CONTENT_DISPOSITION,
                HeaderValue::from_static("attachment; filename=\"nabiz-history.csv\""),
            );
        }
        Format::Json => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
    }
    response
}

/// Sends what is written, as fast as the client takes it.
struct Chunks {
    sender: mpsc::Sender<Chunk>,
    runtime: Handle,
}

impl Chunks {
    fn send(&self, chunk: Chunk) -> io::Result<()> {
        let sent =
            self.runtime.block_on(async { self.sender.send_timeout(chunk, STALLED_AFTER).await });
        sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send(Ok(Bytes::copy_from_slice(bytes)))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
