//! `/api/v1/plan`: a plan as JSON or CSV, made from the interval history when it is asked for.

use std::error::Error;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::QueryRejection;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use nabiz_core::time::Timestamp;

use super::error::error;
use super::history_parameters::{Parameters, pairs, put_once, too_many, unknown};
use super::history_source::{HistorySource, PLANS_MAX};
use super::negotiation::{content_coding, history_format};
use super::state::HttpState;
use crate::error_chain::error_chain;
use crate::exposition::ContentCoding;
use crate::ledger::history::{HistoryFormat, Query};
use crate::plan::{Limits, PlanError, PlanQuery, PlanRequest, Planner, write_csv, write_json};

/// The parameters, in words.
const ALLOWED: &str =
    "from, to, step, queue, channel, now, volume, aht, patience, agents, simulate or format";

/// The most contacts of a queue or pool that are simulated, over all replications: some seconds.
const SIMULATED_MAX: f64 = 2e6;

/// Cancels the work of an answer that nobody waits for any more: the handler ends with its client,
/// and at the latest time for an answer to begin.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// `/api/v1/plan`
pub(super) async fn plan(
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
    let clock = Timestamp((state.app.clock)().get());
    let query = request.query(&source.settings, &source.planning, source.interval, clock);
    let query = match query {
        Ok(query) => query,
        Err(problem) => return error(StatusCode::BAD_REQUEST, problem.to_string()),
    };
    let Some(permit) = source.reserve_plan() else {
        return too_many(&state, "plans at once", PLANS_MAX);
    };
    let coding = content_coding(&headers);
    let guard = CancelOnDrop(Arc::default());
    let cancelled = Arc::clone(&guard.0);
    // The permit is kept to the end of the work, also when the client has left.
    let made = tokio::task::spawn_blocking(move || {
        let made = body(&source, &query, format, coding, &cancelled);
        drop(permit);
        made
    });
    let made = made.await;
    drop(guard);
    match made {
        Ok(Ok(body)) => answer(body, format, coding),
        Ok(Err(problem @ (PlanError::TooLong { .. } | PlanError::TooMuchToSimulate { .. }))) => {
            error(StatusCode::BAD_REQUEST, problem.to_string())
        }
        Ok(Err(problem)) => not_made(&problem, "the ledger cannot be read"),
        Err(problem) => not_made(&problem, "the plan was not made"),
    }
}

fn not_made(problem: &(dyn Error + 'static), text: &str) -> Response {
    tracing::warn!(error = error_chain(problem), "plan not made");
    error(StatusCode::INTERNAL_SERVER_ERROR, text)
}

/// Returns the request in the parameters, and the format in them or else in the headers.
fn request(
    parameters: Vec<(String, String)>,
    headers: &HeaderMap,
) -> Result<(PlanRequest, HistoryFormat), String> {
    let mut request = PlanRequest::default();
    let (mut format, mut simulate) = (None, None);
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
            "from" => &mut request.from,
            "to" => &mut request.to,
            "step" => &mut request.step,
            "now" => &mut request.now,
            "volume" => &mut request.volume,
            "aht" => &mut request.aht,
            "patience" => &mut request.patience,
            "agents" => &mut request.agents,
            "simulate" => &mut simulate,
            "format" => &mut format,
            _ => return Err(unknown(&name, ALLOWED)),
        };
        put_once(place, &name, value)?;
    }
    request.simulate = match simulate.as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err("simulate: expected true or false".to_string()),
    };
    let format = match format.as_deref() {
        Some("csv") => HistoryFormat::Csv,
        Some("json") => HistoryFormat::Json,
        Some(_) => return Err("format: expected csv or json".to_string()),
        None => history_format(headers),
    };
    Ok((request, format))
}

/// Makes a plan and writes it. Blocks. Its length is bounded by that of a plan.
fn body(
    source: &HistorySource,
    query: &PlanQuery,
    format: HistoryFormat,
    coding: ContentCoding,
    cancelled: &Arc<AtomicBool>,
) -> Result<Bytes, PlanError> {
    let open = |query: Query| {
        let cancelled = Arc::clone(cancelled);
        Ok(source.open(query)?.cancelled_by(move || cancelled.load(Ordering::Relaxed)))
    };
    let is_cancelled = || cancelled.load(Ordering::Relaxed);
    let limits = Limits { is_cancelled: &is_cancelled, simulated_max: SIMULATED_MAX };
    let (settings, planning) = (&source.settings, &source.planning);
    let planner = Planner { settings, planning, open: &open, limits };
    let plan = planner.plan(query, &mut |_, _| {})?;
    let zone = source.settings.windows.business_day.zone();
    let write = |out: &mut dyn Write| match format {
        HistoryFormat::Csv => write_csv(&plan, zone, out),
        HistoryFormat::Json => write_json(&plan, zone, out),
    };
    let written: io::Result<Vec<u8>> = match coding {
        ContentCoding::Identity => {
            let mut out = Vec::new();
            write(&mut out).map(|()| out)
        }
        ContentCoding::Gzip => {
            let mut out = GzEncoder::new(Vec::new(), Compression::fast());
            write(&mut out).and_then(|()| out.finish())
        }
    };
    Ok(written?.into())
}

fn answer(body: Bytes, format: HistoryFormat, coding: ContentCoding) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
    if matches!(coding, ContentCoding::Gzip) {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    match format {
        HistoryFormat::Csv => {
            headers.insert(
                CONTENT_TYPE,
                HeaderValue::from_static("text/csv; charset=utf-8; header=present"),
            );
            headers.insert(
                CONTENT_DISPOSITION,
                HeaderValue::from_static("attachment; filename=\"nabiz-plan.csv\""),
            );
        }
        HistoryFormat::Json => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
    }
    response
}
