//! `/metrics`

use std::error::Error;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::error::error;
use super::negotiation::{content_coding, metrics_format};
use super::state::HttpState;
use crate::error_chain::error_chain;
use crate::exposition::ContentCoding;

/// Renders the metrics in the format and coding that the client accepts.
pub(super) async fn metrics(State(state): State<Arc<HttpState>>, headers: HeaderMap) -> Response {
    let format = metrics_format(&headers);
    let coding = content_coding(&headers);
    let rendered = tokio::task::spawn_blocking(move || (state.app.metrics)(format, coding)).await;
    let body = match rendered {
        Ok(Ok(body)) => body,
        Ok(Err(problem)) => return not_rendered(&problem),
        Err(problem) => return not_rendered(&problem),
    };
    let content_type = HeaderValue::from_static(format.content_type());
    let mut response = ([(CONTENT_TYPE, content_type)], body).into_response();
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
    if coding == ContentCoding::Gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn not_rendered(problem: &(dyn Error + 'static)) -> Response {
    tracing::warn!(error = error_chain(problem), "metrics not rendered");
    error(StatusCode::INTERNAL_SERVER_ERROR, "metrics were not rendered")
}
