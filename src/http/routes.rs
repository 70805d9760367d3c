//! Paths, methods and headers.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Path, Request, State};
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    REFERRER_POLICY, RETRY_AFTER, TRANSFER_ENCODING, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};

use super::auth::CredentialCheck;
use super::error::error;
use super::queues::QueuesAnswer;
use super::state::HttpState;
use super::{history, metrics, page, plan, sse, status};
use crate::readmodel::DenialReason;

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// The content security policy of every answer but the page: it may load nothing.
const NO_CONTENT_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";
/// The path that needs no credentials, because a liveness probe has none. Its answer reveals
/// nothing.
const OPEN_PATH: &str = "/healthz";

/// Returns the router of all paths.
pub(super) fn router(state: Arc<HttpState>) -> Router {
    Router::new()
        .route("/", get(page::page))
        .route("/plan", get(page::plan_page))
        .route("/metrics", get(metrics::metrics))
        .route(OPEN_PATH, get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/api/v1/queues", get(queues))
        .route("/api/v1/queues/{queue}", get(queue))
        .route("/api/v1/stream", get(stream))
        .route("/api/v1/status", get(status_json))
        .route("/api/v1/history", get(history::history))
        .route("/api/v1/plan", get(plan::plan))
        .fallback(unknown)
        .layer(middleware::from_fn_with_state(state.clone(), authenticate))
        .layer(middleware::from_fn_with_state(state.clone(), guard))
        .with_state(state)
}

/// Rejects methods and bodies that no path accepts, limits the time to answer, and sets the headers
/// of every answer.
async fn guard(State(state): State<Arc<HttpState>>, request: Request, next: Next) -> Response {
    let mut response = if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = error(StatusCode::METHOD_NOT_ALLOWED, "expected GET or HEAD");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    } else if has_body(request.headers()) {
        let mut response =
            error(StatusCode::PAYLOAD_TOO_LARGE, "expected a request without a body");
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    } else {
        match tokio::time::timeout(state.app.limits.request_timeout, next.run(request)).await {
            Ok(response) => response,
            Err(_) => {
                state.app.denied.count(DenialReason::Timeout);
                error(StatusCode::SERVICE_UNAVAILABLE, "no answer in time")
            }
        }
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(NO_CONTENT_POLICY));
    response
}

/// Passes a request on if it has valid credentials, or needs none.
async fn authenticate(
    State(state): State<Arc<HttpState>>,
    request: Request,
    next: Next,
) -> Response {
    let Some(authentication) = state.app.security.load().authentication.clone() else {
        return next.run(request).await;
    };
    if request.uri().path() == OPEN_PATH {
        return next.run(request).await;
    }
    let text = match authentication.check(request.headers()).await {
        CredentialCheck::Accepted => return next.run(request).await,
        CredentialCheck::Missing => "credentials are needed",
        CredentialCheck::Wrong => {
            state.app.denied.count(DenialReason::Credentials);
            if let Some(count) = state.credentials_log.record(Instant::now()) {
                tracing::warn!(count, "requests with wrong credentials denied");
            }
            "the credentials are wrong"
        }
    };
    let mut response = error(StatusCode::UNAUTHORIZED, text);
    for challenge in authentication.challenges() {
        response.headers_mut().append(WWW_AUTHENTICATE, challenge);
    }
    response
}

fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(TRANSFER_ENCODING)
        || headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0")
}

async fn unknown(uri: Uri) -> Response {
    if uri.path().starts_with("/api") {
        error(
            StatusCode::NOT_FOUND,
            "no such path, see /api/v1/queues, /api/v1/stream, /api/v1/history, /api/v1/plan and \
             /api/v1/status",
        )
    } else {
        (StatusCode::NOT_FOUND, "no such path\n").into_response()
    }
}

async fn readyz(State(state): State<Arc<HttpState>>) -> Response {
    let readiness = status::readiness(&state.app.published.load(), Instant::now());
    let code = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(readiness)).into_response()
}

async fn queues(State(state): State<Arc<HttpState>>) -> Response {
    match state.queues.answer(&state.app.published.load_full(), (state.app.clock)()) {
        QueuesAnswer::Numbers(numbers) => Json(numbers).into_response(),
        QueuesAnswer::CatchingUp(readiness) => {
            (StatusCode::SERVICE_UNAVAILABLE, Json(readiness)).into_response()
        }
    }
}

async fn queue(State(state): State<Arc<HttpState>>, Path(id_or_alias): Path<String>) -> Response {
    let published = state.app.published.load_full();
    match state.queues.answer(&published, (state.app.clock)()) {
        QueuesAnswer::Numbers(numbers) => {
            match numbers.queue(published.settings.resolve(&id_or_alias)) {
                Some(queue) => Json(queue).into_response(),
                None => error(
                    StatusCode::NOT_FOUND,
                    format!("no queue {id_or_alias:?}, /api/v1/queues lists them"),
                ),
            }
        }
        QueuesAnswer::CatchingUp(readiness) => {
            (StatusCode::SERVICE_UNAVAILABLE, Json(readiness)).into_response()
        }
    }
}

async fn stream(State(state): State<Arc<HttpState>>) -> Response {
    match sse::stream(&state) {
        Some(body) => {
            let headers = [
                (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
                // nginx would otherwise collect events until a buffer is full.
                (ACCEL_BUFFERING, HeaderValue::from_static("no")),
            ];
            (headers, body).into_response()
        }
        None => {
            state.app.denied.count(DenialReason::Streams);
            let mut response =
                error(StatusCode::SERVICE_UNAVAILABLE, "too many event streams; retry later");
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("10"));
            response
        }
    }
}

async fn status_json(State(state): State<Arc<HttpState>>) -> Response {
    Json(status::status(&state.app, &state.app.published.load())).into_response()
}
