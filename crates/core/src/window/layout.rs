//! The widths of panes and windows, and the current pane and business day.

use serde::{Deserialize, Serialize};

use crate::time::{Millis, TimeRange, Timestamp};

/// The number of a pane since the Unix epoch; negative before it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub(crate) struct PaneIndex(pub(crate) i64);

impl PaneIndex {
    /// Before every pane of a real event time.
    pub(crate) const MIN: PaneIndex = PaneIndex(i64::MIN);

    /// Returns the number of the pane.
    pub(crate) const fn get(self) -> i64 {
        self.0
    }

    /// Returns the next pane; the last one where there is none.
    #[must_use]
    pub(crate) const fn next(self) -> Self {
        PaneIndex(self.0.saturating_add(1))
    }

    /// Returns the oldest pane of a window of `panes` panes that ends with this one.
    #[must_use]
    pub(crate) const fn first_of_window(self, panes: i64) -> Self {
        PaneIndex(self.0 - panes + 1)
    }
}

/// The current pane and business day, by stream time. All series of a shard share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WindowCursor {
    /// The current pane.
    pub(crate) pane: PaneIndex,
    /// The current business day.
    pub(crate) today: TimeRange,
}

/// The widths of panes, windows and intervals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PaneLayout {
    /// Width of a pane, above 0.
    pub(crate) pane_width: Millis,
    /// Number of panes of each window, in configured order.
    pub(crate) panes: Vec<i64>,
    /// Length of the intervals of the history, above 0; `None` without a history.
    pub(crate) interval: Option<Millis>,
}

impl PaneLayout {
    /// Returns the index of the pane of an instant.
    #[inline]
    pub(crate) fn pane_of(&self, time: Timestamp) -> PaneIndex {
        PaneIndex(time.get().div_euclid(self.pane_width_ms()))
    }

    /// Returns the first instant of a pane. The product saturates, because the pane after the last
    /// one has no start.
    #[inline]
    pub(crate) fn pane_start(&self, pane: PaneIndex) -> Timestamp {
        Timestamp(pane.0.saturating_mul(self.pane_width_ms()))
    }

    /// Returns the start of the interval of an instant; `None` without a history.
    #[inline]
    pub(crate) fn interval_of(&self, time: Timestamp) -> Option<Timestamp> {
        self.interval.map(|interval| {
            let length_ms = interval.get() as i64;
            Timestamp(time.get().div_euclid(length_ms) * length_ms)
        })
    }

    /// Returns the first instant from `time` on at which an interval of the history begins; without
    /// a history `time` itself.
    pub(crate) fn interval_from(&self, time: Timestamp) -> Timestamp {
        match (self.interval_of(time), self.interval) {
            (Some(start), Some(length)) if start < time => start.saturating_add(length),
            _ => time,
        }
    }

    /// Returns the oldest pane that any window covers. The subtraction saturates, because `current`
    /// is not a real pane before the first record.
    pub(crate) fn oldest_pane(&self, current: PaneIndex) -> PaneIndex {
        PaneIndex(current.0.saturating_sub(self.panes.iter().copied().max().unwrap_or(1) - 1))
    }

    /// Returns the width of a pane as a signed number. The settings bound it, far below
    /// [`i64::MAX`].
    #[inline]
    pub(crate) const fn pane_width_ms(&self) -> i64 {
        self.pane_width.get() as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pane_covers_its_start_and_not_that_of_the_next_when_time_is_negative() {
        let layout = PaneLayout { pane_width: Millis(5), panes: vec![3], interval: None };
        for index in [-2, -1, 0, 7].map(PaneIndex) {
            let (start, end) = (layout.pane_start(index), layout.pane_start(index.next()));
            assert_eq!(end.since(start), layout.pane_width);
            assert_eq!(layout.pane_of(start), index);
            assert_eq!(layout.pane_of(end), index.next());
            assert_eq!(layout.pane_of(end.saturating_sub(Millis(1))), index);
        }
    }

    #[test]
    fn oldest_pane_is_that_of_the_longest_window() {
        let layout = PaneLayout { pane_width: Millis(5), panes: vec![3, 12, 6], interval: None };
        assert_eq!(layout.oldest_pane(PaneIndex(20)), PaneIndex(20).first_of_window(12));
        assert_eq!(PaneIndex(20).first_of_window(12), PaneIndex(9));
        assert_eq!(layout.oldest_pane(PaneIndex::MIN), PaneIndex::MIN);
    }
}
