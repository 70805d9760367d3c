//! Instants and durations of event time, in whole milliseconds.
//!
//! All arithmetic saturates: an input with an absurd time must not wrap around or panic.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A duration in milliseconds, never negative.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// No time at all.
    pub const ZERO: Millis = Millis(0);
    /// The longest duration that can be expressed.
    pub const MAX: Millis = Millis(u64::MAX);

    /// Returns a duration of whole seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Millis(seconds.saturating_mul(1000))
    }

    /// Returns a duration of whole minutes.
    pub const fn from_mins(minutes: u64) -> Self {
        Millis(minutes.saturating_mul(60_000))
    }

    /// Returns a duration of whole hours.
    pub const fn from_hours(hours: u64) -> Self {
        Millis(hours.saturating_mul(3_600_000))
    }

    /// Returns the number of milliseconds.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Returns the seconds, with the rounding of `f64`: exact below 2^53 ms.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// Returns the sum, at most [`Millis::MAX`].
    #[must_use]
    pub const fn saturating_add(self, more: Millis) -> Self {
        Millis(self.0.saturating_add(more.0))
    }

    /// Returns the difference, at least zero.
    #[must_use]
    pub const fn saturating_sub(self, less: Millis) -> Self {
        Millis(self.0.saturating_sub(less.0))
    }
}

/// An instant in milliseconds since the Unix epoch.
///
/// In the core it is always event time: no clock of the host is ever read there.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Earlier than every instant.
    pub const MIN: Timestamp = Timestamp(i64::MIN);
    /// Later than every instant: the time of an event that never happens.
    pub const MAX: Timestamp = Timestamp(i64::MAX);

    /// Returns the milliseconds since the Unix epoch.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Returns the instant `later` after this one, at most [`Timestamp::MAX`].
    #[must_use]
    pub const fn saturating_add(self, later: Millis) -> Self {
        Timestamp(self.0.saturating_add_unsigned(later.0))
    }

    /// Returns the instant `earlier` before this one, at least [`Timestamp::MIN`].
    #[must_use]
    pub const fn saturating_sub(self, earlier: Millis) -> Self {
        Timestamp(self.0.saturating_sub_unsigned(earlier.0))
    }

    /// Returns the first instant that is more than `duration` after this one.
    #[must_use]
    pub const fn just_after(self, duration: Millis) -> Self {
        Timestamp(self.0.saturating_add_unsigned(duration.0).saturating_add(1))
    }

    /// Returns the time from `earlier` to this instant; zero where `earlier` is later.
    pub const fn since(self, earlier: Timestamp) -> Millis {
        if self.0 <= earlier.0 { Millis::ZERO } else { Millis(self.0.abs_diff(earlier.0)) }
    }
}

/// The instants from `start` up to, but not including, `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeRange {
    /// The first instant.
    pub start: Timestamp,
    /// The first instant after the range.
    pub end: Timestamp,
}

impl TimeRange {
    /// Returns whether the instant lies in the range.
    pub fn contains(&self, time: Timestamp) -> bool {
        self.start <= time && time < self.end
    }

    /// Returns the length of the part that both ranges share.
    pub fn overlap(&self, other: TimeRange) -> Millis {
        self.end.min(other.end).since(self.start.max(other.start))
    }
}

/// The two times of an event: its own, and that of the stream when it is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventTimes {
    /// When the event happened.
    pub(crate) event_time: Timestamp,
    /// Stream time, with this event.
    pub(crate) stream_time: Timestamp,
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_the_ends() {
        assert_eq!(Timestamp::MAX.saturating_add(Millis(1)), Timestamp::MAX);
        assert_eq!(Timestamp::MIN.saturating_sub(Millis(1)), Timestamp::MIN);
        assert_eq!(Timestamp::MAX.since(Timestamp::MIN), Millis(u64::MAX));
        assert_eq!(Timestamp(5).since(Timestamp(7)), Millis::ZERO);
        assert_eq!(Timestamp(5).just_after(Millis(2)), Timestamp(8));
        assert_eq!(Millis::from_hours(u64::MAX), Millis::MAX);
    }

    #[test]
    fn range_contains_its_start_and_not_its_end() {
        let range = TimeRange { start: Timestamp(1), end: Timestamp(3) };
        assert_eq!(
            [0, 1, 2, 3].map(|time| range.contains(Timestamp(time))),
            [false, true, true, false]
        );
    }
}
