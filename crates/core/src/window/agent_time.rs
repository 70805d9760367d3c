//! Agent time of one queue by state: booked since the first record, in panes, and for the business
//! day.
//!
//! A range of time covers part of its first and last pane, and all of the panes between. The panes
//! keep the partial times, and the change in the number of agents that cover whole panes from there
//! on. So booking costs the same for a range of any length.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::event::AgentState;
use crate::measures::AgentWindow;
use crate::time::{TimeRange, Timestamp};
use crate::window::layout::{PaneIndex, PaneLayout, WindowCursor};

const STATES: usize = AgentState::ALL.len();

/// Booked agent time of one queue.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct AgentTime {
    /// Milliseconds since the first record, by state.
    pub(crate) total_ms: [u64; STATES],
    /// Panes in which a range begins or ends, ascending by index.
    panes: VecDeque<(PaneIndex, Pane)>,
    /// Number of agents that cover the whole pane before the oldest of `panes`, by state.
    filling: [i64; STATES],
    today_ms: [u64; STATES],
    today_start: Timestamp,
    /// Whether the agent time differs from the ledger.
    #[serde(skip)]
    pub(crate) changed: bool,
}

/// The stored form up to the second version of the ledger, with every pane from the first to the
/// last.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(Serialize))]
pub(crate) struct DenseAgentTime {
    total_ms: [u64; STATES],
    first_pane: PaneIndex,
    panes: VecDeque<Pane>,
    filling: [i64; STATES],
    today_ms: [u64; STATES],
    today_start: Timestamp,
}

impl From<DenseAgentTime> for AgentTime {
    fn from(dense: DenseAgentTime) -> Self {
        AgentTime {
            total_ms: dense.total_ms,
            panes: (dense.first_pane.get()..)
                .map(PaneIndex)
                .zip(dense.panes)
                .filter(|(_, pane)| *pane != Pane::default())
                .collect(),
            filling: dense.filling,
            today_ms: dense.today_ms,
            today_start: dense.today_start,
            ..AgentTime::default()
        }
    }
}

#[cfg(test)]
impl From<AgentTime> for DenseAgentTime {
    fn from(time: AgentTime) -> Self {
        let first_pane = time.panes.front().map_or(PaneIndex(0), |(index, _)| *index);
        let mut panes = VecDeque::new();
        for (index, pane) in time.panes {
            panes.resize((index.get() - first_pane.get()) as usize, Pane::default());
            panes.push_back(pane);
        }
        let AgentTime { total_ms, filling, today_ms, today_start, .. } = time;
        DenseAgentTime { total_ms, first_pane, panes, filling, today_ms, today_start }
    }
}

/// Agent time of one pane, by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Pane {
    /// Milliseconds of the agents that cover only a part of the pane.
    part_ms: [u64; STATES],
    /// Change in the number of agents that cover whole panes, from this pane on.
    change: [i32; STATES],
}

impl AgentTime {
    /// Books the time of one agent in a state. The range is not empty and does not end after stream
    /// time.
    pub(crate) fn book(
        &mut self,
        layout: &PaneLayout,
        cursor: &WindowCursor,
        state: AgentState,
        time: TimeRange,
    ) {
        self.roll(layout, cursor);
        let state = state.index();
        self.changed = true;
        self.total_ms[state] += time.end.since(time.start).get();
        self.today_ms[state] += time.overlap(cursor.today).get();

        let oldest = layout.pane_start(layout.oldest_pane(cursor.pane));
        let (start, end) = (time.start.max(oldest), time.end);
        if end <= start {
            return;
        }
        let (first, last) = (layout.pane_of(start), layout.pane_of(Timestamp(end.get() - 1)));
        if first == last {
            self.pane(first).part_ms[state] += end.since(start).get();
            return;
        }
        self.pane(first).part_ms[state] += layout.pane_start(first.next()).since(start).get();
        let pane = self.pane(last);
        pane.part_ms[state] += end.since(layout.pane_start(last)).get();
        if first.next() < last {
            pane.change[state] -= 1;
            self.pane(first.next()).change[state] += 1;
        }
    }

    /// Drops all panes. They are not valid after a change of the pane width.
    pub(crate) fn forget_panes(&mut self) {
        self.panes.clear();
        self.filling = [0; STATES];
    }

    /// Returns the pane of an index, and inserts it if it is absent. The index is not before the
    /// oldest pane of any window.
    fn pane(&mut self, index: PaneIndex) -> &mut Pane {
        let place = self.place_of(index);
        if self.panes.get(place).is_none_or(|(known, _)| *known != index) {
            self.panes.insert(place, (index, Pane::default()));
        }
        &mut self.panes[place].1
    }

    /// Returns the position of the pane of an index, or the position at which to insert it. The
    /// pane is never farther from the last one than the difference of their indexes, and in a busy
    /// queue exactly as far. So the search begins there: a plain binary search would miss the cache
    /// at every step.
    fn place_of(&self, index: PaneIndex) -> usize {
        let is_before =
            |place: usize| self.panes.get(place).is_some_and(|(known, _)| *known < index);
        let Some((last, _)) = self.panes.back().filter(|(last, _)| *last >= index) else {
            return self.panes.len();
        };
        let from_end = usize::try_from(last.get().abs_diff(index.get())).unwrap_or(usize::MAX);
        let mut low = (self.panes.len() - 1).saturating_sub(from_end);
        if !is_before(low) {
            return low;
        }
        let mut high = self.panes.len() - 1;
        while high - low > 1 {
            let middle = low.midpoint(high);
            match is_before(middle) {
                true => low = middle,
                false => high = middle,
            }
        }
        high
    }

    /// Moves to the current pane and business day, and drops the panes that no window covers any
    /// more.
    fn roll(&mut self, layout: &PaneLayout, cursor: &WindowCursor) {
        if self.today_start != cursor.today.start {
            self.today_start = cursor.today.start;
            self.today_ms = [0; STATES];
        }
        let oldest = layout.oldest_pane(cursor.pane);
        while let Some((_, pane)) = self.panes.pop_front_if(|(index, _)| *index < oldest) {
            add(&mut self.filling, pane.change.map(i64::from));
        }
    }

    /// Returns the booked time per window, in configured order, then `today`.
    pub(crate) fn windows(
        &mut self,
        layout: &PaneLayout,
        cursor: &WindowCursor,
    ) -> Vec<AgentWindow> {
        self.roll(layout, cursor);
        let mut windows: Vec<AgentWindow> =
            layout.panes.iter().map(|_| AgentWindow::default()).collect();
        let mut filling = self.filling;
        // From the pane `from` on, `filling` agents cover whole panes.
        let mut from = layout.oldest_pane(cursor.pane);
        for (index, pane) in &self.panes {
            for (window, panes) in windows.iter_mut().zip(&layout.panes) {
                let first = cursor.pane.first_of_window(*panes);
                let whole = index.get().saturating_sub(from.max(first).get()).max(0).unsigned_abs();
                let whole_ms = whole * layout.pane_width.get();
                add(&mut window.state_ms, filling.map(|agents| agents.unsigned_abs() * whole_ms));
                if *index >= first {
                    add(&mut window.state_ms, pane.part_ms);
                }
            }
            add(&mut filling, pane.change.map(i64::from));
            from = *index;
        }
        windows.push(AgentWindow { state_ms: self.today_ms });
        windows
    }

    /// Adds a range that is not booked yet to the result of [`Self::windows`]. The range does not
    /// end after stream time.
    pub(crate) fn add_unbooked(
        windows: &mut [AgentWindow],
        layout: &PaneLayout,
        cursor: &WindowCursor,
        state: AgentState,
        time: TimeRange,
    ) {
        let first_panes = layout.panes.iter().map(|panes| cursor.pane.first_of_window(*panes));
        let starts = first_panes.map(|pane| layout.pane_start(pane)).chain([cursor.today.start]);
        for (window, start) in windows.iter_mut().zip(starts) {
            window.state_ms[state.index()] += time.end.since(time.start.max(start)).get();
        }
    }
}

/// Adds the values of `more` state by state.
fn add<T: std::ops::AddAssign>(sum: &mut [T; STATES], more: [T; STATES]) {
    for (sum, more) in sum.iter_mut().zip(more) {
        *sum += more;
    }
}
