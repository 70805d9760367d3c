//! `/metrics`: rendered for what the client accepts, and zipped where it asks for that.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::feed::Shared;
use super::routes::error;
use super::{RenderError, RenderedMetrics};

pub(super) async fn metrics(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let accept = joined(&headers, ACCEPT);
    let gzip = joined(&headers, ACCEPT_ENCODING).is_some_and(|accepted| takes_gzip(&accepted));
    let rendered =
        tokio::task::spawn_blocking(move || (shared.app.metrics)(accept.as_deref(), gzip));
    match rendered.await.map_err(RenderError::from).flatten() {
        Ok(RenderedMetrics { content_type, body }) => {
            let mut response =
                ([(CONTENT_TYPE, HeaderValue::from_static(content_type))], body).into_response();
            let headers = response.headers_mut();
            headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
            if gzip {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
            response
        }
        Err(problem) => {
            tracing::warn!(%problem, "metrics not rendered");
            error(StatusCode::INTERNAL_SERVER_ERROR, "metrics were not rendered")
        }
    }
}

/// The values of a header that may be given in several lines.
fn joined(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let values: Vec<&str> =
        headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(","))
}

/// Whether an `Accept-Encoding` header names gzip, and not with `q=0`.
fn takes_gzip(accepted: &str) -> bool {
    accepted.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let refused = |part: &str| {
            part.strip_prefix("q=").is_some_and(|quality| {
                quality.trim().parse::<f64>().is_ok_and(|quality| quality <= 0.0)
            })
        };
        is_gzip && !parts.any(refused)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_taken_where_it_is_named_and_not_refused() {
        for (accepted, expected) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("deflate, gzip; q=1.0, *;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip; q=0.0, identity", false),
            ("identity", false),
            ("*", false),
            ("", false),
        ] {
            assert_eq!(takes_gzip(accepted), expected, "{accepted}");
        }
    }
}
