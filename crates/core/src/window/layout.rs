//! The widths of panes and windows, and the current pane and business day.

/// The current pane and business day, by stream time. All series of a shard share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct WindowCursor {
    /// Index of the current pane.
    pub(crate) pane: i64,
    /// Start of the current business day in milliseconds since the Unix epoch, inclusive.
    pub(crate) today_start_ms: i64,
    /// End of the current business day in milliseconds since the Unix epoch, exclusive.
    pub(crate) today_end_ms: i64,
}

impl WindowCursor {
    /// Returns whether an instant is in the current business day.
    pub(crate) fn in_today(&self, time_ms: i64) -> bool {
        (self.today_start_ms..self.today_end_ms).contains(&time_ms)
    }
}

/// The widths of panes, windows and intervals.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct PaneLayout {
    /// Width of a pane in milliseconds, above 0.
    pub(crate) pane_ms: i64,
    /// Number of panes of each window, in configured order.
    pub(crate) panes: Vec<i64>,
    /// Length of the intervals of the history in milliseconds, above 0; `None` without a history.
    pub(crate) interval_ms: Option<i64>,
}

impl PaneLayout {
    /// Returns the index of the pane of an instant.
    pub(crate) fn pane_of(&self, time_ms: i64) -> i64 {
        time_ms.div_euclid(self.pane_ms)
    }

    /// Returns the start of the interval of an instant; `None` without a history.
    pub(crate) fn interval_of(&self, time_ms: i64) -> Option<i64> {
        self.interval_ms.map(|interval_ms| time_ms.div_euclid(interval_ms) * interval_ms)
    }

    /// Returns the oldest pane that any window covers. The subtraction saturates, because `current`
    /// is not a real pane before the first record.
    pub(crate) fn oldest_pane(&self, current: i64) -> i64 {
        current.saturating_sub(self.panes.iter().copied().max().unwrap_or(1) - 1)
    }
}
