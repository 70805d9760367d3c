//! `/api/v1/history`: the interval history, streamed from the ledger as JSON or CSV.

use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::extract::rejection::QueryRejection;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::tz::TimeZone;
use nabiz_core::settings::Settings;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_stream::wrappers::ReceiverStream;

use super::error::error;
use super::history_parameters::{Parameters, pairs, put_once, too_many, unknown};
use super::history_rows::{Form, Rows};
use super::history_source::{HistorySource, QUERIES_MAX};
use super::negotiation::history_format;
use super::state::HttpState;
use crate::error_chain::error_chain;
use crate::ledger::LedgerError;
use crate::ledger::history::{HistoryFormat, OutputError, Request, Suite, local_time};

/// Size of a chunk of the body.
const CHUNK_BYTES: usize = 1 << 16;
/// Chunks that are buffered for a slow client.
const CHUNKS_AHEAD: usize = 2;
/// Time after which an answer is cancelled if its client reads nothing, so that it frees its
/// permit.
const STALLED_AFTER: Duration = Duration::from_secs(30);

/// The time that is known as a whole: rows that are missing in it are zeros, and elsewhere they are
/// not known.
const KNOWN_FROM: HeaderName = HeaderName::from_static("x-nabiz-known-from");
const KNOWN_TO: HeaderName = HeaderName::from_static("x-nabiz-known-to");

/// The parameters, in words.
const ALLOWED: &str = "from, to, year, of, step, by, fill, profile, queue, channel, format, \
                       columns, header, separator, empty or times";

type Chunk = io::Result<Bytes>;

/// `/api/v1/history`
pub(super) async fn history(
    State(state): State<Arc<HttpState>>,
    headers: HeaderMap,
    parameters: Result<Parameters, QueryRejection>,
) -> Response {
    let Some(source) = state.app.history.load_full() else {
        return error(StatusCode::NOT_FOUND, "no ledger is configured, so there is no history");
    };
    let asked = pairs(parameters).and_then(|parameters| request(parameters, &headers));
    let (request, format) = match asked {
        Ok(request) => request,
        Err(detail) => return error(StatusCode::BAD_REQUEST, detail),
    };
    let asked = request.query(&source.settings, source.interval).and_then(|query| {
        let layout = Rows::layout(&request, &query)?;
        Ok((query, layout))
    });
    let (query, layout) = match asked {
        Ok(asked) => asked,
        Err(problem) => return error(StatusCode::BAD_REQUEST, problem.to_string()),
    };
    let Some(permit) = source.reserve() else {
        return too_many(&state, "history queries", QUERIES_MAX);
    };
    let opener = HistorySource::clone(&source);
    let must_be_known = request.suite.is_some();
    let opened = tokio::task::spawn_blocking(move || {
        let mut rows = Rows::open(opener, query)?;
        let unknown = if must_be_known { rows.unknown_part()? } else { None };
        let known = rows.known()?;
        Ok::<_, LedgerError>((rows, known, unknown))
    })
    .await;
    let (rows, known) = match opened {
        Ok(Ok((rows, known, None))) => (rows, known),
        Ok(Ok((_, _, Some(problem)))) => {
            return error(StatusCode::BAD_REQUEST, problem.to_string());
        }
        Ok(Err(problem)) => return not_read(&problem, "the ledger cannot be read"),
        Err(problem) => return not_read(&problem, "the history was not read"),
    };
    let mut response = answer(rows, Form { format, layout }, source.settings.clone(), permit);
    if let Some(known) = known {
        for (name, time) in [(KNOWN_FROM, known.start), (KNOWN_TO, known.end)] {
            if let Ok(value) = HeaderValue::try_from(local_time(time, &TimeZone::UTC)) {
                response.headers_mut().insert(name, value);
            }
        }
    }
    response
}

fn not_read(problem: &(dyn Error + 'static), text: &str) -> Response {
    tracing::warn!(error = error_chain(problem), "history not read");
    error(StatusCode::INTERNAL_SERVER_ERROR, text)
}

/// Returns the request in the parameters, and the format in them or else in the headers.
fn request(
    parameters: Vec<(String, String)>,
    headers: &HeaderMap,
) -> Result<(Request, HistoryFormat), String> {
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
            "of" => &mut request.of,
            "from" => &mut from,
            "to" => &mut to,
            "step" => &mut request.step,
            "by" => &mut request.by,
            "fill" => &mut request.fill,
            "profile" => &mut request.profile,
            "year" => &mut request.year,
            "columns" => &mut request.layout.columns,
            "header" => &mut request.layout.header,
            "separator" => &mut request.layout.separator,
            "empty" => &mut request.layout.empty,
            "times" => &mut request.layout.times,
            "format" => &mut format,
            _ => return Err(unknown(&name, ALLOWED)),
        };
        put_once(place, &name, value)?;
    }
    let missing = |name: &str| {
        format!("{name}: missing; expected a time such as 2026-01-05T08:00:00Z, or a date")
    };
    if request.year.is_none() {
        request.from = from.ok_or_else(|| missing("from"))?;
        request.to = to.ok_or_else(|| missing("to"))?;
    } else if from.is_some() || to.is_some() {
        return Err("year: expected without from and to".to_string());
    }
    let format = match format.as_deref() {
        Some("csv") => HistoryFormat::Csv,
        Some("json") => HistoryFormat::Json,
        Some(name) => match Suite::from_format(name) {
            Some(suite) => {
                request.suite = Some(suite);
                HistoryFormat::Csv
            }
            None => return Err("format: expected csv, json or wfm-eleveo".to_string()),
        },
        None => history_format(headers),
    };
    Ok((request, format))
}

/// Returns an answer whose body is written on a blocking thread while it is sent.
fn answer(
    rows: Rows,
    form: Form,
    settings: Arc<Settings>,
    permit: OwnedSemaphorePermit,
) -> Response {
    let (sender, chunks) = mpsc::channel::<Chunk>(CHUNKS_AHEAD);
    let runtime = Handle::current();
    let (format, has_header) = (form.format, form.layout.has_header());
    tokio::task::spawn_blocking(move || {
        // Frees the permit when the body is written, or its client is gone.
        let _permit = permit;
        let client = sender.clone();
        let mut out = BufWriter::with_capacity(CHUNK_BYTES, Chunks { sender, runtime });
        let written = rows
            .write(&form, &settings, move || client.is_closed(), &mut out)
            .and_then(|()| out.flush().map_err(OutputError::from));
        if let Err(OutputError::Ledger(problem)) = written {
            tracing::warn!(error = error_chain(&problem), "history ended early");
            // Aborts the body, so that the client detects that it is incomplete.
            let _ = out.get_ref().send(Err(io::Error::other("the ledger failed")));
        }
    });
    let mut response = Body::from_stream(ReceiverStream::new(chunks)).into_response();
    let headers = response.headers_mut();
    match format {
        HistoryFormat::Csv => {
            headers.insert(
                CONTENT_TYPE,
                HeaderValue::from_static(match has_header {
                    true => "text/csv; charset=utf-8; header=present",
                    false => "text/csv; charset=utf-8; header=absent",
                }),
            );
            headers.insert(
                CONTENT_DISPOSITION,
                HeaderValue::from_static("attachment; filename=\"nabiz-history.csv\""),
            );
        }
        HistoryFormat::Json => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
    }
    response
}

/// A writer that sends chunks to the client, and blocks while the client is slower.
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
