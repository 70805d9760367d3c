//! A shrunk trend of the level of days.

/// Part of the growth of a week that the next week repeats. A damped trend errs less than a
/// straight one the further it is carried on (Gardner and McKenzie, 1985).
const DAMPING: f64 = 0.9;

/// Growth of the level of ordinary days from week to week, as the forecasts contain it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    /// Growth a week as a share, after shrinking towards 0: 0.01 is 1 % more in the first week.
    /// Each later week grows by 0.9 of the week before.
    pub weekly_growth: f64,
    /// Standard deviation of what the growth can be, given the history.
    pub standard_error: f64,
    /// Weeks from the first to the last day that the trend was measured on.
    pub weeks: f64,
}

impl Trend {
    /// Returns whether the history bears the trend: it is more than two standard errors from 0.
    pub fn is_clear(&self) -> bool {
        self.weekly_growth.abs() > 2.0 * self.standard_error
    }
}

/// Returns how many weeks of growth `weeks` weeks ahead contain; at most 10 by the damping.
pub(crate) fn damped(weeks: f64) -> f64 {
    // The first week is whole: (1 - d^w) / (1 - d).
    if weeks <= 0.0 { 0.0 } else { (1.0 - DAMPING.powf(weeks)) / (1.0 - DAMPING) }
}
