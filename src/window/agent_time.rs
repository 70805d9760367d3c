//! Agent time of one queue by state: booked since the beginning, in panes, and for the business day.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{Grid, Position};
use crate::event::AgentState;
use crate::view::AgentWindow;

/// Booked agent time of one queue.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct AgentTime {
    /// Since the beginning, by state.
    pub(crate) total_ms: [u64; 5],
    /// Ascending by pane.
    panes: VecDeque<(i64, [u64; 5])>,
    today_ms: [u64; 5],
    today_start_ms: i64,
}

/// Length of the common part of two intervals.
fn overlap_ms(from_ms: i64, to_ms: i64, start_ms: i64, end_ms: i64) -> u64 {
    to_ms.min(end_ms).saturating_sub(from_ms.max(start_ms)).max(0) as u64
}

impl AgentTime {
    /// Books one agent's time in a state from `from_ms` to `to_ms`.
    pub(crate) fn book(&mut self, grid: &Grid, position: &Position, state: AgentState, from_ms: i64, to_ms: i64) {
        if to_ms <= from_ms {
            return;
        }
        self.roll(grid, position);
        let state = state.index();
        self.total_ms[state] += to_ms.abs_diff(from_ms);
        self.today_ms[state] += overlap_ms(from_ms, to_ms, position.today_start_ms, position.today_end_ms);
        let first = grid.pane_of(from_ms).max(grid.oldest_pane(position.pane));
        for pane in first..=grid.pane_of(to_ms - 1) {
            let start_ms = pane * grid.pane_ms;
            self.pane(pane)[state] += overlap_ms(from_ms, to_ms, start_ms, start_ms + grid.pane_ms);
        }
    }

    fn pane(&mut self, index: i64) -> &mut [u64; 5] {
        let position = self.panes.partition_point(|pane| pane.0 < index);
        if self.panes.get(position).is_none_or(|pane| pane.0 != index) {
            self.panes.insert(position, (index, [0; 5]));
        }
        &mut self.panes[position].1
    }

    fn roll(&mut self, grid: &Grid, position: &Position) {
        if self.today_start_ms != position.today_start_ms {
            self.today_start_ms = position.today_start_ms;
            self.today_ms = [0; 5];
        }
        let oldest = grid.oldest_pane(position.pane);
        while self.panes.front().is_some_and(|pane| pane.0 < oldest) {
            self.panes.pop_front();
        }
    }

    /// Booked time per window, in configured order, then `today`.
    pub(crate) fn windows(&mut self, grid: &Grid, position: &Position) -> Vec<AgentWindow> {
        self.roll(grid, position);
        let mut windows: Vec<AgentWindow> = grid.panes.iter().map(|_| AgentWindow::default()).collect();
        for (index, state_ms) in &self.panes {
            for (window, panes) in windows.iter_mut().zip(&grid.panes) {
                if *index > position.pane - panes {
                    add(&mut window.state_ms, state_ms);
                }
            }
        }
        windows.push(AgentWindow { state_ms: self.today_ms });
        windows
    }

    /// Adds time that is not booked yet to windows that [`Self::windows`] gave.
    pub(crate) fn add_unbooked(
        windows: &mut [AgentWindow],
        grid: &Grid,
        position: &Position,
        state: AgentState,
        from_ms: i64,
        to_ms: i64,
    ) {
        let starts = grid.panes.iter().map(|panes| (position.pane - panes + 1) * grid.pane_ms);
        for (window, start_ms) in windows.iter_mut().zip(starts.chain([position.today_start_ms])) {
            window.state_ms[state.index()] += overlap_ms(from_ms, to_ms, start_ms, i64::MAX);
        }
    }
}

fn add(sum: &mut [u64; 5], more: &[u64; 5]) {
    for (sum, more) in sum.iter_mut().zip(more) {
        *sum += more;
    }
}
