//! Paths, methods and headers.

use std::sync::Arc;

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
use serde::Serialize;

use super::auth::Verdict;
use super::feed::Shared;
use super::queues::Answer;
use super::{Refusal, history, metrics, page, status};

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");
/// What may be loaded from an answer that is not the page: nothing.
const NO_CONTENT_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";
/// The path that needs no credentials: what restarts a process has none, and the answer says nothing else.
const OPEN_PATH: &str = "/healthz";

/// An answer that is an error, in words.
#[derive(Debug, Serialize)]
struct Error {
    error: String,
}

pub(super) fn error(status: StatusCode, text: impl Into<String>) -> Response {
    (status, Json(Error { error: text.into() })).into_response()
}

/// Every path.
pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(page::page))
        .route("/metrics", get(metrics::metrics))
        .route(OPEN_PATH, get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/api/v1/queues", get(queues))
        .route("/api/v1/queues/{queue}", get(queue))
        .route("/api/v1/stream", get(stream))
        .route("/api/v1/status", get(status_json))
        .route("/api/v1/history", get(history::history))
        .fallback(unknown)
        .layer(middleware::from_fn_with_state(shared.clone(), authenticate))
        .layer(middleware::from_fn_with_state(shared.clone(), guard))
        .with_state(shared)
}

/// Refuses what no path takes, bounds the time to answer, and sets the headers that every answer has.
async fn guard(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let mut response = if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = error(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are allowed");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    } else if has_body(request.headers()) {
        let mut response =
            error(StatusCode::PAYLOAD_TOO_LARGE, "a request with a body is not allowed");
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    } else {
        match tokio::time::timeout(shared.app.limits.request_timeout, next.run(request)).await {
            Ok(response) => response,
            Err(_) => {
                shared.app.refusals.count(Refusal::Timeout);
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

/// Lets a request pass that has credentials, or needs none.
async fn authenticate(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let Some(authentication) = &shared.app.security.authentication else {
        return next.run(request).await;
    };
    if request.uri().path() == OPEN_PATH {
        return next.run(request).await;
    }
    let text = match authentication.judge(request.headers()).await {
        Verdict::Accepted => return next.run(request).await,
        Verdict::Missing => "credentials are needed",
        Verdict::Refused => {
            let refused = shared.app.refusals.count(Refusal::Credentials);
            if let Some(refused) = authentication.refusals_to_tell(refused, (shared.app.clock)()) {
                tracing::warn!(refused, "credentials refused");
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
            "no such path, see /api/v1/queues, /api/v1/stream, /api/v1/history and /api/v1/status",
        )
    } else {
        (StatusCode::NOT_FOUND, "no such path\n").into_response()
    }
}

async fn readyz(State(shared): State<Arc<Shared>>) -> Response {
    let readiness = status::readiness(&shared.app.published.load());
    let code = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(readiness)).into_response()
}

async fn queues(State(shared): State<Arc<Shared>>) -> Response {
    match shared.queues.answer(&shared.app.published.load_full(), (shared.app.clock)()) {
        Answer::Numbers(numbers) => Json(numbers).into_response(),
        Answer::CatchingUp(readiness) => {
            (StatusCode::SERVICE_UNAVAILABLE, Json(readiness)).into_response()
        }
    }
}

async fn queue(State(shared): State<Arc<Shared>>, Path(id_or_alias): Path<String>) -> Response {
    let published = shared.app.published.load_full();
    match shared.queues.answer(&published, (shared.app.clock)()) {
        Answer::Numbers(numbers) => match numbers.queue(published.settings.resolve(&id_or_alias)) {
            Some(queue) => Json(queue).into_response(),
            None => error(
                StatusCode::NOT_FOUND,
                format!("no queue {id_or_alias:?}, /api/v1/queues lists them"),
            ),
        },
        Answer::CatchingUp(readiness) => {
            (StatusCode::SERVICE_UNAVAILABLE, Json(readiness)).into_response()
        }
    }
}

async fn stream(State(shared): State<Arc<Shared>>) -> Response {
    match shared.stream() {
        Some(body) => {
            ([(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"))], body).into_response()
        }
        None => {
            shared.app.refusals.count(Refusal::Streams);
            let mut response =
                error(StatusCode::SERVICE_UNAVAILABLE, "all places for streams are taken");
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("10"));
            response
        }
    }
}

async fn status_json(State(shared): State<Arc<Shared>>) -> Response {
    Json(status::status(&shared.app, &shared.app.published.load())).into_response()
}
