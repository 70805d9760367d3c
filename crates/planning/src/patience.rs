//! How long callers are ready to wait, estimated from a history.
//!
//! A caller who was answered would have waited longer: the wait is a *censored* observation of
//! patience. For exponential patience the maximum-likelihood estimate of the mean is the time
//! that all callers were exposed to abandonment, divided by the number of abandonments (Mandelbaum
//! and Zeltyn, *Service engineering in action: the Palm/Erlang-A queue*, 2007, section on
//! estimation; Lawless, *Statistical models and methods for lifetime data*, section 4.1).
//!
//! Callers who leave at once are another population (wrong number, balking), so both sides begin at
//! the short-abandon threshold S, which an exponential allows because it has no memory:
//!
//! `mean = sum of max(0, wait - S) over answered, abandoned and left / (abandoned - short abandoned)`
//!
//! The interval is that of the logarithm of the mean, which has the standard error `1 / sqrt(n)`
//! with `n` abandonments: `mean * exp(+-1.96 / sqrt(n))`. Five per cent take about 1600.

use thiserror::Error;

use crate::input::{InputError, not_negative};

/// Below this number of long abandonments there is no estimate.
pub const LEAST_ABANDONMENTS: u64 = 30;

/// The 97.5 % point of the normal distribution: a two-sided interval of 95 %.
const Z_95: f64 = 1.959_963_984_540_054;

/// Why there is no estimate.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum PatienceError {
    /// The history has too few abandonments.
    #[error("not enough abandonments beyond the short threshold: {found} of {LEAST_ABANDONMENTS}")]
    NotEnough {
        /// How many there are.
        found: u64,
    },
    /// A sum that cannot be.
    #[error(transparent)]
    Input(#[from] InputError),
}

/// An estimate of the mean patience, in seconds beyond the short threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Patience {
    /// The estimate.
    pub mean_seconds: f64,
    /// The lower end of the 95 % interval.
    pub low_seconds: f64,
    /// The upper end of the 95 % interval.
    pub high_seconds: f64,
    /// The number of abandonments behind it.
    pub abandonments: u64,
}

impl Patience {
    /// Estimates the mean patience.
    ///
    /// `wait_beyond_short_seconds` is the sum of `max(0, wait - S)` over the visits that were
    /// answered, abandoned or left; `abandonments` are those with a wait above S.
    ///
    /// # Errors
    ///
    /// [`NotEnough`](PatienceError::NotEnough) below [`LEAST_ABANDONMENTS`]; an input error where
    /// the sum is negative or not finite.
    pub fn estimate(
        wait_beyond_short_seconds: f64,
        abandonments: u64,
    ) -> Result<Self, PatienceError> {
        not_negative("sum of waits beyond the short threshold", wait_beyond_short_seconds)?;
        if abandonments < LEAST_ABANDONMENTS {
            return Err(PatienceError::NotEnough { found: abandonments });
        }
        // A count above 2^53 loses its last digits, which changes nothing here.
        let n = abandonments as f64;
        let mean_seconds = wait_beyond_short_seconds / n;
        let factor = (Z_95 / n.sqrt()).exp();
        Ok(Self {
            mean_seconds,
            low_seconds: mean_seconds / factor,
            high_seconds: mean_seconds * factor,
            abandonments,
        })
    }
}
