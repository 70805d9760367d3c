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

/// Returns `found`, or an error where it is not `ok`. NaN is never `ok`.
pub(crate) fn check(
    name: &'static str,
    allowed: &'static str,
    found: f64,
    ok: impl FnOnce(f64) -> bool,
) -> Result<f64, InputError> {
    if !found.is_nan() && ok(found) { Ok(found) } else { Err(InputError { name, allowed, found }) }
}

/// Returns a finite number that is not negative.
pub(crate) fn not_negative(name: &'static str, found: f64) -> Result<f64, InputError> {
    check(name, "a finite number of 0 or more", found, |x| x.is_finite() && x >= 0.0)
}

/// Returns a finite number above 0.
pub(crate) fn positive(name: &'static str, found: f64) -> Result<f64, InputError> {
    check(name, "a finite number above 0", found, |x| x.is_finite() && x > 0.0)
}
