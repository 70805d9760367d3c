//! Instants of the wall clock, which are of another kind than event time.

use serde::{Deserialize, Serialize};

use super::Millis;

/// An instant of a wall clock, in milliseconds since the Unix epoch.
///
/// The core never reads a clock: the daemon does, and Kafka stamps records. A type apart from
/// [`Timestamp`](super::Timestamp) keeps such an instant from being compared with event time.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct WallTime(pub i64);

impl WallTime {
    /// Returns the milliseconds since the Unix epoch.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Returns the instant `later` after this one; the last instant where that is too late.
    #[must_use]
    pub const fn saturating_add(self, later: Millis) -> Self {
        WallTime(self.0.saturating_add_unsigned(later.0))
    }

    /// Returns the instant `earlier` before this one; the first instant where that is too early.
    #[must_use]
    pub const fn saturating_sub(self, earlier: Millis) -> Self {
        WallTime(self.0.saturating_sub_unsigned(earlier.0))
    }

    /// Returns the time from `earlier` to this instant; zero where `earlier` is later.
    pub const fn since(self, earlier: WallTime) -> Millis {
        if self.0 <= earlier.0 { Millis::ZERO } else { Millis(self.0.abs_diff(earlier.0)) }
    }
}
