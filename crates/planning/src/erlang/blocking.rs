//! Erlang's formulas of loss (B) and delay (C).

use crate::demand::MAX_ERLANGS;
use crate::input::{InputError, check};

/// The most agents, or servers where an agent serves several contacts, that the formulas take.
pub const MAX_AGENTS: u32 = 40_000;

/// Returns the probability that all of `agents` are busy where nobody waits, for a load of
/// `erlangs` (Erlang B).
///
/// By the recursion `B(0) = 1`, `B(n) = a B(n-1) / (n + a B(n-1))`, which has no difference and no
/// large number.
///
/// # Errors
///
/// The load is outside 0 to [`MAX_ERLANGS`], or there are more than [`MAX_AGENTS`].
pub fn erlang_b(erlangs: f64, agents: u32) -> Result<f64, InputError> {
    check_load(erlangs, agents)?;
    Ok(blocking(erlangs, agents))
}

/// Returns the probability of waiting for a load of `erlangs` where nobody abandons (Erlang C);
/// `None` where the load is not below the agents, because the queue then grows without end.
///
/// # Errors
///
/// The load is outside 0 to [`MAX_ERLANGS`], or there are more than [`MAX_AGENTS`].
pub fn erlang_c(erlangs: f64, agents: u32) -> Result<Option<f64>, InputError> {
    check_load(erlangs, agents)?;
    Ok(waiting(erlangs, agents))
}

pub(super) fn check_load(erlangs: f64, servers: u32) -> Result<(), InputError> {
    check("erlangs", "0 to 20000", erlangs, |x| (0.0..=MAX_ERLANGS).contains(&x))?;
    let most = f64::from(MAX_AGENTS);
    check("agents", "0 to 40000", f64::from(servers), |x| x <= most)?;
    Ok(())
}

pub(super) fn blocking(erlangs: f64, servers: u32) -> f64 {
    (1..=servers).fold(1.0, |b, n| erlangs * b / (f64::from(n) + erlangs * b))
}

pub(super) fn waiting(erlangs: f64, servers: u32) -> Option<f64> {
    let free = f64::from(servers) - erlangs;
    let b = blocking(erlangs, servers);
    // n B / (n - a (1 - B)), written as a sum of what is positive.
    (free > 0.0).then(|| f64::from(servers) * b / (free + erlangs * b))
}
