//! Scenarios and options of a simulation.

use std::str::FromStr;

use crate::local_time::DAY_MS;

/// 2026-01-05T00:00:00+03:00, a Monday: the default start.
pub const DEFAULT_START_MS: i64 = 1_767_560_400_000;
/// Smallest factor on the arrivals.
pub const RATE_SCALE_MIN: f64 = 0.001;
/// Largest factor on the arrivals.
pub const RATE_SCALE_MAX: f64 = 100_000.0;

/// The kind of time that is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// A working day of a city utility, and the days that follow it.
    OrdinaryDay,
    /// An ordinary day with 40 minutes in which fault calls rise eightfold.
    PipeBurst,
    /// The thin traffic of the night, at every hour.
    Overnight,
}

impl Scenario {
    /// Every scenario.
    pub const ALL: [Scenario; 3] =
        [Scenario::OrdinaryDay, Scenario::PipeBurst, Scenario::Overnight];

    /// Returns the name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Scenario::OrdinaryDay => "ordinary-day",
            Scenario::PipeBurst => "pipe-burst",
            Scenario::Overnight => "overnight",
        }
    }
}

/// A scenario name that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected ordinary-day, pipe-burst or overnight, found `{0}`")]
pub struct UnknownScenario(String);

impl FromStr for Scenario {
    type Err = UnknownScenario;

    fn from_str(name: &str) -> Result<Self, UnknownScenario> {
        Scenario::ALL
            .into_iter()
            .find(|scenario| scenario.as_str() == name)
            .ok_or_else(|| UnknownScenario(name.to_owned()))
    }
}

/// The settings of a simulation besides its scenario.
#[derive(Clone, Debug)]
pub struct Options {
    /// First instant, in milliseconds since the Unix epoch.
    pub start_ms: i64,
    /// Duration in milliseconds: every event is before `start_ms + duration_ms`. `None` means no
    /// end.
    pub duration_ms: Option<u64>,
    /// Factor on the arrivals, from [`RATE_SCALE_MIN`] to [`RATE_SCALE_MAX`]. A value outside is
    /// moved to the nearest bound. Staff grows with it, a little slower.
    pub rate_scale: f64,
    /// Seed of all random numbers.
    pub seed: u64,
    /// Start of the burst of [`Scenario::PipeBurst`], in milliseconds since the Unix epoch. `None`
    /// means the first ten o'clock in the morning at or after the start.
    pub burst_start_ms: Option<i64>,
    /// Milliseconds by which written times are later than simulated ones. With it, a working
    /// morning can be played at any hour.
    pub shift_ms: i64,
    /// Length of the intervals of [`Simulation::take_history_truth`], in milliseconds. `None` means
    /// that nothing is counted by interval, which takes memory that grows with the duration.
    ///
    /// [`Simulation::take_history_truth`]: crate::Simulation::take_history_truth
    pub history_interval_ms: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            start_ms: DEFAULT_START_MS,
            duration_ms: Some(DAY_MS),
            rate_scale: 1.0,
            seed: 1,
            burst_start_ms: None,
            shift_ms: 0,
            history_interval_ms: None,
        }
    }
}
