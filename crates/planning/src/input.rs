//! Checks of what callers pass in.

use thiserror::Error;

/// A number that a formula has no answer for.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[error("{name}: expected {allowed}, found {found}")]
pub struct InputError {
    /// The name of the argument.
    pub name: &'static str,
    /// What the argument can be.
    pub allowed: &'static str,
    /// What it is.
    pub found: f64,
}
