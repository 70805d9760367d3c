//! Booked time of agents by queue, and its increments for the interval history.

use std::collections::BTreeMap;

use crate::agent::pause_reasons::add_pause;
use crate::agent::reasoned_state::ReasonedState;
use crate::event::AgentState;
use crate::time::{Millis, TimeRange, Timestamp};
use crate::window::{AgentTime, PaneLayout, WindowCursor};

/// Milliseconds by [`AgentState::index`].
pub(super) type StateMillis = [u64; AgentState::ALL.len()];

/// Stretches of one queue that are kept before they are booked.
const PENDING_MAX: usize = 16;

/// The most intervals of the history that one stretch reaches: a month of quarter hours. Stream
/// time moves that far at once only after a long standstill, or by an event far ahead.
const STRETCH_INTERVALS_MAX: u64 = 3_000;

/// Time of one agent in one state.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    state: ReasonedState,
    time: TimeRange,
}

/// Time of one queue: what is booked, and stretches to be booked.
#[derive(Debug, Default)]
pub(super) struct QueueTime {
    pub(super) booked: AgentTime,
    /// Milliseconds in pauses since the first record, by [`super::pause_reasons::PauseReason`]. They
    /// change with `booked`.
    pub(super) paused_ms: Vec<u64>,
    pending: Vec<Stretch>,
}

/// Time of all queues, by [`crate::registry::LabelRegistry::label_index`].
///
/// Stretches are booked a few at a time. With many queues, the numbers of a queue have left the
/// CPU cache from one stretch to the next, and this way they are fetched once for all of these.
#[derive(Debug, Default)]
pub(super) struct QueueTimes {
    queues: Vec<QueueTime>,
    intervals: PendingIntervals,
}

impl QueueTimes {
    /// Returns how many rows the next checkpoint adds to the interval history, without those of
    /// pending stretches.
    pub(super) fn interval_count(&self) -> usize {
        self.intervals.len
    }

    /// Returns how many stretches were cut, because they reach too many intervals.
    pub(super) fn cut_count(&self) -> u64 {
        self.intervals.cut
    }

    /// Adds a stretch of time, which must not end after stream time.
    #[inline]
    pub(super) fn book(
        &mut self,
        index: usize,
        layout: &PaneLayout,
        cursor: &WindowCursor,
        state: ReasonedState,
        time: TimeRange,
    ) {
        if time.end <= time.start {
            return;
        }
        if self.queues.len() <= index {
            self.queues.resize_with(index + 1, QueueTime::default);
        }
        let pending = &mut self.queues[index].pending;
        pending.push(Stretch { state, time });
        if pending.len() >= PENDING_MAX {
            self.flush_pending(index, layout, cursor);
        }
    }

    /// Books the pending stretches of a queue.
    fn flush_pending(&mut self, index: usize, layout: &PaneLayout, cursor: &WindowCursor) {
        let QueueTime { booked, paused_ms, pending } = &mut self.queues[index];
        for Stretch { state, time } in pending.drain(..) {
            booked.book(layout, cursor, state.state, time);
            self.intervals.add_stretch(index, layout, state.state, time);
            if state.is_paused() {
                add_pause(paused_ms, state.reason, time.end.since(time.start).get());
            }
        }
    }

    /// Books what is pending, and returns the booked time of exactly `count` queues.
    pub(super) fn booked(
        &mut self,
        count: usize,
        layout: &PaneLayout,
        cursor: &WindowCursor,
    ) -> impl Iterator<Item = &mut QueueTime> {
        self.queues.resize_with(count, QueueTime::default);
        for index in 0..count {
            self.flush_pending(index, layout, cursor);
        }
        self.queues.iter_mut()
    }

    /// Books what is pending, and returns the booked time of a queue with its increments since the
    /// last call.
    pub(super) fn take(
        &mut self,
        index: usize,
        layout: &PaneLayout,
        cursor: &WindowCursor,
    ) -> Option<(&mut QueueTime, BTreeMap<Timestamp, StateMillis>)> {
        if index >= self.queues.len() {
            return None;
        }
        self.flush_pending(index, layout, cursor);
        let intervals = self.intervals.take(index);
        Some((&mut self.queues[index], intervals))
    }

    /// Adds an increment that [`Self::take`] returned and that was not stored.
    pub(super) fn rollback(&mut self, index: usize, start: Timestamp, time: StateMillis) {
        if index < self.queues.len() {
            self.intervals.add(index, start, time);
        }
    }

    /// Returns the time of a queue, to be set as it was stored.
    pub(super) fn restored(&mut self, index: usize) -> &mut QueueTime {
        if self.queues.len() <= index {
            self.queues.resize_with(index + 1, QueueTime::default);
        }
        &mut self.queues[index]
    }

    /// Drops the panes of all queues, as when their width has changed.
    pub(super) fn forget_panes(&mut self) {
        self.queues.iter_mut().for_each(|queue| queue.booked.forget_panes());
    }
}

/// Calls `add` for each interval that a stretch of time reaches, with its start and the part of the
/// stretch that lies in it. Returns whether that is the whole stretch: it is cut at the bound of
/// intervals. Without a history there is nothing to add.
pub(super) fn for_each_interval(
    layout: &PaneLayout,
    time: TimeRange,
    mut add: impl FnMut(Timestamp, Millis),
) -> bool {
    let (Some(mut start), Some(length)) = (layout.interval_of(time.start), layout.interval) else {
        return true;
    };
    let longest = Millis(length.get().saturating_mul(STRETCH_INTERVALS_MAX));
    let reached = time.end.min(start.saturating_add(longest));
    while start < reached {
        let end = start.saturating_add(length);
        add(start, time.overlap(TimeRange { start, end }));
        start = end;
    }
    reached >= time.end
}

/// Time by queue and interval that no checkpoint contains yet.
#[derive(Debug, Default)]
struct PendingIntervals {
    queues: Vec<BTreeMap<Timestamp, StateMillis>>,
    /// Intervals of all queues together.
    len: usize,
    /// Stretches that were cut.
    cut: u64,
}

impl PendingIntervals {
    /// Adds a stretch to the intervals that it reaches, and cuts what is past the bound.
    fn add_stretch(
        &mut self,
        index: usize,
        layout: &PaneLayout,
        state: AgentState,
        time: TimeRange,
    ) {
        let is_whole = for_each_interval(layout, time, |start, part| {
            let mut state_ms = StateMillis::default();
            state_ms[state.index()] = part.get();
            self.add(index, start, state_ms);
        });
        self.cut += u64::from(!is_whole);
    }

    fn add(&mut self, index: usize, start: Timestamp, time: StateMillis) {
        if self.queues.len() <= index {
            self.queues.resize_with(index + 1, BTreeMap::default);
        }
        let interval = self.queues[index].entry(start).or_insert_with(|| {
            self.len += 1;
            StateMillis::default()
        });
        for (sum, more) in interval.iter_mut().zip(time) {
            *sum += more;
        }
    }

    fn take(&mut self, index: usize) -> BTreeMap<Timestamp, StateMillis> {
        let intervals = self.queues.get_mut(index).map(std::mem::take).unwrap_or_default();
        self.len -= intervals.len();
        intervals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretch_is_cut_when_it_reaches_too_many_intervals() {
        let layout =
            PaneLayout { pane_width: Millis(5), panes: vec![10], interval: Some(Millis(100)) };
        let mut intervals = PendingIntervals::default();
        let mut add = |start, end| {
            let time = TimeRange { start: Timestamp(start), end: Timestamp(end) };
            intervals.add_stretch(0, &layout, AgentState::Busy, time);
            (intervals.take(0), intervals.cut)
        };
        let (whole, cut) = add(50, 100 * 3_000);
        assert_eq!((whole.len(), cut), (3_000, 0));
        // Half a million years.
        let (first, cut) = add(50, 1 << 54);
        assert_eq!((first.len(), cut), (3_000, 1));
        assert_eq!(first, whole, "the first intervals stay");
    }

    #[test]
    fn interval_count_is_that_of_all_queues_when_intervals_are_taken_and_rolled_back() {
        let layout =
            PaneLayout { pane_width: Millis(5), panes: vec![10], interval: Some(Millis(100)) };
        let mut intervals = PendingIntervals::default();
        let time = TimeRange { start: Timestamp(50), end: Timestamp(250) };
        intervals.add_stretch(1, &layout, AgentState::Available, time);
        intervals.add_stretch(3, &layout, AgentState::Available, time);
        assert_eq!(intervals.len, 6);

        let taken = intervals.take(1);
        let available = AgentState::Available.index();
        let by_start: Vec<_> =
            taken.iter().map(|(start, time)| (start.get(), time[available])).collect();
        assert_eq!(by_start, [(0, 50), (100, 100), (200, 50)]);
        assert_eq!(intervals.len, 3);

        for (start, time) in taken {
            intervals.add(1, start, time);
        }
        assert_eq!(intervals.len, 6);
        assert!(intervals.take(2).is_empty());
        assert_eq!(intervals.len, 6);
    }
}
