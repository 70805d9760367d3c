//! Agent time of one queue by state: booked since the beginning, in panes, and for the business day.
//!
//! A stretch of time fills whole panes between its two ends. The panes keep the ends, and how many agents begin and
//! cease to fill panes from there on, so that booking costs the same however long the stretch.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::event::AgentState;
use crate::measures::AgentWindow;
use crate::time::TimeRange;
use crate::window::layout::{PaneLayout, WindowCursor};

const STATES: usize = AgentState::ALL.len();

/// Booked agent time of one queue.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct AgentTime {
    /// Since the beginning, by state.
    pub(crate) total_ms: [u64; STATES],
    /// Ascending by index; only panes in which something begins or ends.
    panes: VecDeque<(i64, Pane)>,
    /// Agents that fill the pane before the oldest one whole.
    filling: [i64; STATES],
    today_ms: [u64; STATES],
    today_start_ms: i64,
    /// Differs from what is stored.
    #[serde(skip)]
    pub(crate) changed: bool,
}

/// As it was stored up to the second version of the ledger: with every pane from the first to the last.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(Serialize))]
pub(crate) struct DenseAgentTime {
    total_ms: [u64; STATES],
    first_pane: i64,
    panes: VecDeque<Pane>,
    filling: [i64; STATES],
    today_ms: [u64; STATES],
    today_start_ms: i64,
}

impl From<DenseAgentTime> for AgentTime {
    fn from(dense: DenseAgentTime) -> Self {
        AgentTime {
            total_ms: dense.total_ms,
            panes: (dense.first_pane..)
                .zip(dense.panes)
                .filter(|(_, pane)| *pane != Pane::default())
                .collect(),
            filling: dense.filling,
            today_ms: dense.today_ms,
            today_start_ms: dense.today_start_ms,
            ..AgentTime::default()
        }
    }
}

#[cfg(test)]
impl From<AgentTime> for DenseAgentTime {
    fn from(time: AgentTime) -> Self {
        let first_pane = time.panes.front().map_or(0, |(index, _)| *index);
        let mut panes = VecDeque::new();
        for (index, pane) in time.panes {
            panes.resize((index - first_pane) as usize, Pane::default());
            panes.push_back(pane);
        }
        let AgentTime { total_ms, filling, today_ms, today_start_ms, .. } = time;
        DenseAgentTime { total_ms, first_pane, panes, filling, today_ms, today_start_ms }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Pane {
    /// Time of those who do not fill it whole.
    part_ms: [u64; STATES],
    /// Change of the number of those who fill panes whole, from this pane on.
    change: [i32; STATES],
}

/// Length of the common part of two intervals.
fn overlap_ms(from_ms: i64, to_ms: i64, start_ms: i64, end_ms: i64) -> u64 {
    to_ms.min(end_ms).saturating_sub(from_ms.max(start_ms)).max(0) as u64
}

impl AgentTime {
    /// Books one agent's time in a state. The range is not empty and does not end after stream time.
    pub(crate) fn book(
        &mut self,
        layout: &PaneLayout,
        position: &WindowCursor,
        state: AgentState,
        time: TimeRange,
    ) {
        let (from_ms, to_ms) = (time.start.get(), time.end.get());
        self.roll(layout, position);
        let state = state.index();
        self.changed = true;
        self.total_ms[state] += to_ms.abs_diff(from_ms);
        self.today_ms[state] +=
            overlap_ms(from_ms, to_ms, position.today_start_ms, position.today_end_ms);

        let from_ms = from_ms.max(layout.oldest_pane(position.pane) * layout.pane_ms);
        if to_ms <= from_ms {
            return;
        }
        let (first, last) = (layout.pane_of(from_ms), layout.pane_of(to_ms - 1));
        if first == last {
            self.pane(first).part_ms[state] += to_ms.abs_diff(from_ms);
            return;
        }
        self.pane(first).part_ms[state] += ((first + 1) * layout.pane_ms).abs_diff(from_ms);
        let pane = self.pane(last);
        pane.part_ms[state] += to_ms.abs_diff(last * layout.pane_ms);
        if first + 1 < last {
            pane.change[state] -= 1;
            self.pane(first + 1).change[state] += 1;
        }
    }

    /// Forgets the panes, as when their width has changed.
    pub(crate) fn forget_panes(&mut self) {
        self.panes.clear();
        self.filling = [0; STATES];
    }

    /// The pane of an index that is not before the oldest pane of any window.
    fn pane(&mut self, index: i64) -> &mut Pane {
        let place = self.place_of(index);
        if self.panes.get(place).is_none_or(|(known, _)| *known != index) {
            self.panes.insert(place, (index, Pane::default()));
        }
        &mut self.panes[place].1
    }

    /// Where the pane of an index is, or would be. In a queue with much to do it is as far from the last one as its index,
    /// and never farther; looked for by halves alone, it would cost a miss of the cache at every step.
    fn place_of(&self, index: i64) -> usize {
        let is_before =
            |place: usize| self.panes.get(place).is_some_and(|(known, _)| *known < index);
        let Some((last, _)) = self.panes.back().filter(|(last, _)| *last >= index) else {
            return self.panes.len();
        };
        let from_end = usize::try_from(last.abs_diff(index)).unwrap_or(usize::MAX);
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

    fn roll(&mut self, layout: &PaneLayout, position: &WindowCursor) {
        if self.today_start_ms != position.today_start_ms {
            self.today_start_ms = position.today_start_ms;
            self.today_ms = [0; STATES];
        }
        let oldest = layout.oldest_pane(position.pane);
        while let Some((_, pane)) = self.panes.pop_front_if(|(index, _)| *index < oldest) {
            add(&mut self.filling, pane.change.map(i64::from));
        }
    }

    /// Booked time per window, in configured order, then `today`.
    pub(crate) fn windows(
        &mut self,
        layout: &PaneLayout,
        position: &WindowCursor,
    ) -> Vec<AgentWindow> {
        self.roll(layout, position);
        let mut windows: Vec<AgentWindow> =
            layout.panes.iter().map(|_| AgentWindow::default()).collect();
        let mut filling = self.filling;
        // From the pane `from` on as many fill panes whole as `filling` says.
        let mut from = layout.oldest_pane(position.pane);
        for (index, pane) in &self.panes {
            for (window, panes) in windows.iter_mut().zip(&layout.panes) {
                let first = position.pane - panes + 1;
                let whole_ms = index.saturating_sub(from.max(first)).max(0).unsigned_abs()
                    * layout.pane_ms.unsigned_abs();
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

    /// Adds time that is not booked yet to windows that [`Self::windows`] gave.
    pub(crate) fn add_unbooked(
        windows: &mut [AgentWindow],
        layout: &PaneLayout,
        position: &WindowCursor,
        state: AgentState,
        from_ms: i64,
        to_ms: i64,
    ) {
        let starts = layout.panes.iter().map(|panes| (position.pane - panes + 1) * layout.pane_ms);
        for (window, start_ms) in windows.iter_mut().zip(starts.chain([position.today_start_ms])) {
            window.state_ms[state.index()] += overlap_ms(from_ms, to_ms, start_ms, i64::MAX);
        }
    }
}

fn add<T: std::ops::AddAssign>(sum: &mut [T; STATES], more: [T; STATES]) {
    for (sum, more) in sum.iter_mut().zip(more) {
        *sum += more;
    }
}
