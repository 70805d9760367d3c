//! The routers of both listeners, and the answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use nabiz_core::time::WallTime;
use serde_json::json;
use tokio::sync::Semaphore;

use super::producer::Producer;
use super::route::{Refusal, Route, Written};
use super::watch::Reachability;
use crate::exposition::{MetricsFormat, gateway_text};
use crate::log_limit::LogLimit;
use crate::readmodel::{DeniedRequests, GatewayCounts, WebhookResult};

/// The parts that all requests share.
pub(super) struct Shared {
    pub(super) routes: BTreeMap<String, Route>,
    pub(super) producer: Arc<Producer>,
    pub(super) under_way: Semaphore,
    pub(super) timeout: Duration,
    pub(super) clock: fn() -> WallTime,
    pub(super) counts: Arc<GatewayCounts>,
    pub(super) denied: Arc<DeniedRequests>,
    pub(super) reachability: Arc<Reachability>,
    /// Limits the log lines about requests that are not accepted, one for each result.
    pub(super) logs: [LogLimit; WebhookResult::ALL.len()],
}

/// Returns the router of the listener for webhooks.
pub(super) fn webhooks(shared: Arc<Shared>) -> Router {
    // The paths are compared as they are: those of axum would be patterns.
    Router::new().fallback(webhook).with_state(shared)
}

/// Returns the router of the listener for health and metrics.
pub(super) fn health(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(shared)
}

async fn webhook(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let began = Instant::now();
    let Some((path, route)) = shared.routes.get_key_value(request.uri().path()) else {
        shared.counts.count_unknown_path();
        return answer(StatusCode::NOT_FOUND, "no such path");
    };
    let deadline = tokio::time::Instant::from_std(began + shared.timeout);
    let accepted =
        route.accept(request, &shared.producer, &shared.under_way, shared.clock, deadline).await;
    let result =
        accepted.as_ref().map_or_else(|refusal| refusal.result, |_| WebhookResult::Accepted);
    if let Some(counts) = shared.counts.paths.get(route.index) {
        counts.count(result, began.elapsed());
        if let Ok(Written { records, unkeyed }) = &accepted {
            counts.count_records(*records, *unkeyed);
        }
    }
    match accepted {
        Ok(_) => with_headers(StatusCode::OK.into_response()),
        Err(refusal) => {
            shared.log(path, &refusal);
            refused(route, &refusal)
        }
    }
}

impl Shared {
    /// Logs a request that was not accepted, without anything of its content.
    fn log(&self, path: &str, refusal: &Refusal) {
        let limit = self.logs.get(refusal.result as usize);
        let Some(count) = limit.and_then(|limit| limit.record(Instant::now())) else { return };
        let (result, reason) = (refusal.result.as_str(), refusal.text.as_ref());
        match &refusal.cause {
            Some(cause) => {
                tracing::warn!(path, result, reason, cause, count, "webhooks turned away")
            }
            None => tracing::warn!(path, result, reason, count, "webhooks turned away"),
        }
    }
}

fn refused(route: &Route, refusal: &Refusal) -> Response {
    let status = match refusal.result {
        WebhookResult::Accepted => StatusCode::OK,
        WebhookResult::Unauthorized => StatusCode::UNAUTHORIZED,
        WebhookResult::Invalid => StatusCode::BAD_REQUEST,
        WebhookResult::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        WebhookResult::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        // Not 408 for what did not arrive: Twilio's Event Streams repeats 5xx and 429 alone.
        WebhookResult::Busy | WebhookResult::Unavailable | WebhookResult::Incomplete => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        WebhookResult::Method => StatusCode::METHOD_NOT_ALLOWED,
    };
    let mut response = answer(status, &refusal.text);
    let headers = response.headers_mut();
    match refusal.result {
        WebhookResult::Unauthorized => {
            let verifier = route.verifiers.first();
            if let Some(challenge) = verifier.and_then(|verifier| verifier.challenge()) {
                headers.insert(WWW_AUTHENTICATE, challenge);
            }
        }
        WebhookResult::RateLimited | WebhookResult::Busy | WebhookResult::Incomplete => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        WebhookResult::Unavailable => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        WebhookResult::Method => {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        _ => {}
    }
    // Its body may be unread.
    if matches!(
        refusal.result,
        WebhookResult::TooLarge
            | WebhookResult::Busy
            | WebhookResult::Incomplete
            | WebhookResult::Method
    ) {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Returns an answer with the body `{"error": text}`.
fn answer(status: StatusCode, text: &str) -> Response {
    with_headers((status, Json(json!({ "error": text }))).into_response())
}

fn with_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn readyz(State(shared): State<Arc<Shared>>) -> Response {
    match shared.reachability.reason() {
        None => with_headers(Json(json!({ "ready": true })).into_response()),
        Some(reason) => {
            let body = Json(json!({ "ready": false, "error": reason }));
            with_headers((StatusCode::SERVICE_UNAVAILABLE, body).into_response())
        }
    }
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    match gateway_text(&shared.counts, &shared.denied) {
        Ok(text) => {
            let kind = HeaderValue::from_static(MetricsFormat::Text.content_type());
            with_headers(([(CONTENT_TYPE, kind)], text).into_response())
        }
        Err(error) => {
            tracing::warn!(%error, "metrics not rendered");
            answer(StatusCode::INTERNAL_SERVER_ERROR, "metrics were not rendered")
        }
    }
}
