//! The reason why a query is refused.

/// A parameter with a value that is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{parameter}: {detail}")]
pub struct RequestError {
    /// The parameter.
    pub parameter: &'static str,
    /// The error, with what is allowed.
    pub detail: String,
}
