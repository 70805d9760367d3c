//! A shrunk trend of the level of days.

/// Change of the level of ordinary days from week to week.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    /// Growth a week as a share, after shrinking: 0.01 is 1 % more each week.
    pub weekly_growth: f64,
    /// Standard error of the growth before it was shrunk.
    pub standard_error: f64,
    /// Weeks that the trend was measured over.
    pub weeks: f64,
}
