//! Widths of panes and windows, and where stream time stands among them.

/// Where stream time stands among the panes: shared by all series of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct WindowCursor {
    /// Index of the current pane.
    pub(crate) pane: i64,
    /// Start of the current business day, inclusive.
    pub(crate) today_start_ms: i64,
    /// End of the current business day, exclusive.
    pub(crate) today_end_ms: i64,
}

impl WindowCursor {
    /// Whether an instant lies in the current business day.
    pub(crate) fn in_today(&self, time_ms: i64) -> bool {
        (self.today_start_ms..self.today_end_ms).contains(&time_ms)
    }
}

/// Widths of panes and windows.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct PaneLayout {
    /// Pane width.
    pub(crate) pane_ms: i64,
    /// Panes per window, in configured order.
    pub(crate) panes: Vec<i64>,
    /// Length of the intervals of the history; none is kept where absent.
    pub(crate) interval_ms: Option<i64>,
}

impl PaneLayout {
    /// The pane of an instant.
    pub(crate) fn pane_of(&self, time_ms: i64) -> i64 {
        time_ms.div_euclid(self.pane_ms)
    }

    /// The start of the interval that holds an instant.
    pub(crate) fn interval_of(&self, time_ms: i64) -> Option<i64> {
        self.interval_ms.map(|interval_ms| time_ms.div_euclid(interval_ms) * interval_ms)
    }

    /// The oldest pane that any window covers; saturating, because there is no current pane before the first record.
    pub(crate) fn oldest_pane(&self, current: i64) -> i64 {
        current.saturating_sub(self.panes.iter().copied().max().unwrap_or(1) - 1)
    }
}
