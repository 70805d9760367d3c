//! What the queries of the history and of plans have in common: their parameters, and the answer
//! where too many are under way.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use super::error::error;
use super::state::HttpState;
use crate::readmodel::DenialReason;

/// The parameters of a query: names and values, repeated ones included.
pub(super) type Parameters = Query<Vec<(String, String)>>;

/// Returns the parameters as pairs, or what is wrong with the text of the query.
pub(super) fn pairs(
    parameters: Result<Parameters, QueryRejection>,
) -> Result<Vec<(String, String)>, String> {
    match parameters {
        Ok(Query(pairs)) => Ok(pairs),
        Err(rejection) => Err(rejection.body_text()),
    }
}

/// Returns the error of a parameter that is not known.
pub(super) fn unknown(name: &str, expected: &str) -> String {
    let name: String = name.chars().take(64).collect();
    format!("unknown parameter {name:?}; expected {expected}")
}

/// Puts the value of a parameter that may be there once into its place.
pub(super) fn put_once(
    place: &mut Option<String>,
    name: &str,
    value: String,
) -> Result<(), String> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(format!("{name}: expected once, found twice")),
    }
}

/// Counts a query that is denied, and returns its answer. `what` are too many, with their limit.
pub(super) fn too_many(state: &HttpState, what: &str, limit: usize) -> Response {
    state.app.denied.count(DenialReason::History);
    let text = format!("too many {what} (limit {limit}); retry later");
    let mut response = error(StatusCode::SERVICE_UNAVAILABLE, text);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    response
}
