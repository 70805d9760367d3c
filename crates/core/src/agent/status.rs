//! The status of an agent at one instant.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::agent::change::{AgentChange, QueueList};
use crate::agent::head::Head;
use crate::agent::lww_register::{LwwRegister, set};
use crate::agent::reasoned_state::ReasonedState;
use crate::event::AgentState;
use crate::ids::{CallId, NO_QUEUE, QueueId};
use crate::time::{Millis, TimeRange, Timestamp};

/// Bound on the queues of one agent that are known from changes about one queue and from calls;
/// further queues are ignored.
const QUEUES_MAX: usize = 64;

/// Bound on the calls of one agent; further calls are ignored.
const CALLS_MAX: usize = 64;

/// A change with its event time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TimedChange {
    pub(super) event_time: Timestamp,
    pub(super) change: AgentChange,
}

/// A call that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Call {
    /// The default for a call of an older ledger.
    pub(super) id: CallId,
    /// The call is over then, even if no record ends it.
    pub(super) until: Timestamp,
}

/// The newest unpausing of a queue, or of all queues. A late record about a time before it may say
/// that the agent was paused there: that is over.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Unpausing {
    queue: Option<QueueId>,
    event_time: Timestamp,
}

/// The status of an agent at one instant.
///
/// The ledger stores this struct by position; the form before is in [`older`](super::older).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct AgentStatus {
    pub(super) state: Option<LwwRegister<ReasonedState>>,
    pub(super) queues: Option<LwwRegister<QueueList>>,
    pub(super) in_queue: Vec<(QueueId, LwwRegister<ReasonedState>)>,
    /// Queues that are known only from calls: none where `queues` is known, and none of `in_queue`.
    pub(super) implied: QueueList,
    pub(super) calls: SmallVec<[Call; 1]>,
    /// A wrap-up with its end.
    pub(super) wrap_up: Option<LwwRegister<Timestamp>>,
    /// At most one for each queue and one for all.
    pub(super) unpausings: Vec<Unpausing>,
}

impl AgentStatus {
    /// Applies a change.
    pub(super) fn apply(&mut self, event_time: Timestamp, change: &AgentChange) {
        match change {
            AgentChange::State { state, queues } => {
                self.end_wrap_up(event_time);
                set(&mut self.state, event_time, *state);
                // Of two records with the same event time, the later one of the log counts.
                for (_, known) in &mut self.in_queue {
                    if known.event_time == event_time {
                        known.value = *state;
                    }
                }
                if let Some(queues) = queues {
                    set(&mut self.queues, event_time, queues.clone());
                    self.in_queue.retain(|(_, known)| known.event_time > event_time);
                    self.implied.clear();
                }
            }
            AgentChange::InQueue { queue, state } => {
                self.end_wrap_up(event_time);
                self.set_in_queue(event_time, *queue, *state);
            }
            AgentChange::Unpaused { queue } => {
                self.end_wrap_up(event_time);
                self.unpause(event_time, *queue);
                self.remember(Unpausing { queue: *queue, event_time });
            }
            AgentChange::WrapUp { until } => {
                let newest = self.in_queue.iter().map(|(_, known)| known.event_time);
                let newest = newest.chain(self.state.map(|known| known.event_time));
                let newest = newest.chain(self.unpausings.iter().map(|known| known.event_time));
                if newest.max().is_none_or(|newest| newest <= event_time) {
                    set(&mut self.wrap_up, event_time, *until);
                }
            }
            AgentChange::CallBegun { id, queue, until } => {
                self.forget_older_call();
                self.imply(*queue);
                if self.calls.len() < CALLS_MAX {
                    self.calls.push(Call { id: *id, until: *until });
                }
            }
            AgentChange::CallEnded { id } => {
                self.forget_older_call();
                self.calls.retain(|call| call.id != *id);
            }
        }
        self.repeat_unpausings_after(event_time);
    }

    /// Keeps an unpausing in place of the older one of its queue.
    fn remember(&mut self, unpausing: Unpausing) {
        let has_room = self.unpausings.len() <= QUEUES_MAX;
        match self.unpausings.iter_mut().find(|known| known.queue == unpausing.queue) {
            Some(known) => known.event_time = known.event_time.max(unpausing.event_time),
            None if has_room => self.unpausings.push(unpausing),
            None => {}
        }
    }

    /// Applies the unpausings again that are later than a change that was applied after them.
    fn repeat_unpausings_after(&mut self, event_time: Timestamp) {
        for index in 0..self.unpausings.len() {
            let unpausing = self.unpausings[index];
            if unpausing.event_time > event_time {
                // Of two records with the same event time, the later one of the log counts, and the
                // unpausing has met those before it.
                self.unpause(unpausing.event_time.saturating_sub(Millis(1)), unpausing.queue);
            }
        }
    }

    /// Ends the wrap-up that has begun at `event_time` or before.
    fn end_wrap_up(&mut self, event_time: Timestamp) {
        self.wrap_up.take_if(|known| known.event_time <= event_time);
    }

    /// Removes the call that an older ledger knew without its contact.
    fn forget_older_call(&mut self) {
        self.calls.retain(|call| call.id != CallId::default());
    }

    /// Sets times after `to` back to it. The ends of calls stay: their contacts end them.
    pub(super) fn rewind(&mut self, to: Timestamp) {
        if let Some(wrap_up) = &mut self.wrap_up {
            let too_late = wrap_up.event_time.since(to);
            wrap_up.value = wrap_up.value.saturating_sub(too_late);
            wrap_up.event_time = wrap_up.event_time.min(to);
        }
        let in_queue = self.in_queue.iter_mut().map(|(_, known)| &mut known.event_time);
        let times = [
            self.state.as_mut().map(|state| &mut state.event_time),
            self.queues.as_mut().map(|queues| &mut queues.event_time),
        ];
        let unpausings = self.unpausings.iter_mut().map(|known| &mut known.event_time);
        let times = times.into_iter().flatten().chain(in_queue).chain(unpausings);
        times.for_each(|time| *time = (*time).min(to));
    }

    /// Adds the queue of a call to the agent's.
    fn imply(&mut self, queue: QueueId) {
        let is_known =
            self.implied.contains(&queue) || self.in_queue.iter().any(|(known, _)| *known == queue);
        if self.queues.is_none()
            && !is_known
            && self.in_queue.len() + self.implied.len() < QUEUES_MAX
        {
            self.implied.push(queue);
        }
    }

    fn set_in_queue(&mut self, event_time: Timestamp, queue: QueueId, state: ReasonedState) {
        let replaced = self.queues.as_ref().is_some_and(|queues| queues.event_time > event_time);
        self.implied.retain(|implied| *implied != queue);
        let is_full = self.in_queue.len() + self.implied.len() >= QUEUES_MAX;
        match self.in_queue.iter_mut().find(|(known, _)| *known == queue) {
            Some((_, known)) if known.event_time <= event_time => {
                *known = LwwRegister { event_time, value: state }
            }
            Some(_) => {}
            None if replaced || is_full => {}
            None => self.in_queue.push((queue, LwwRegister { event_time, value: state })),
        }
    }

    /// Makes the agent available in a queue, or in all, where it is paused since `last` or before.
    /// The times stay: a record that is later than the pause still counts.
    fn unpause(&mut self, last: Timestamp, queue: Option<QueueId>) {
        let Some(queue) = queue else {
            let own = self.in_queue.iter_mut().map(|(_, known)| known);
            for known in own.chain(&mut self.state) {
                if known.value.is_paused() && known.event_time <= last {
                    known.value = ReasonedState::AVAILABLE;
                }
            }
            return;
        };
        let listed = self.queues.as_ref().is_some_and(|queues| queues.value.contains(&queue));
        let own = self.in_queue.iter().find(|(known, _)| *known == queue).map(|(_, known)| *known);
        let known = match own {
            Some(own) => Some(self.newer_than(own)),
            None if listed || self.implied.contains(&queue) => self.state,
            None => None,
        };
        if let Some(LwwRegister { event_time, value }) = known
            && value.is_paused()
            && event_time <= last
        {
            self.set_in_queue(event_time, queue, ReasonedState::AVAILABLE);
        }
    }

    /// Returns the state of all queues if that is newer than the one of a single queue, else that.
    fn newer_than(&self, own: LwwRegister<ReasonedState>) -> LwwRegister<ReasonedState> {
        self.state.filter(|state| state.event_time > own.event_time).unwrap_or(own)
    }

    /// Returns the state in each of the agent's queues in the millisecond that begins at `since`.
    pub(super) fn states(
        &self,
        since: Timestamp,
    ) -> impl Iterator<Item = (QueueId, ReasonedState)> + '_ {
        self.timed_states(since).map(|(queue, known)| (queue, known.value))
    }

    /// Returns the states as [`Self::states`], with the event time of the change that has set each
    /// of them. It is of no meaning where a call or a wrap-up decides the state.
    fn timed_states(
        &self,
        since: Timestamp,
    ) -> impl Iterator<Item = (QueueId, LwwRegister<ReasonedState>)> + '_ {
        let in_call = self.calls.iter().any(|call| since < call.until);
        let in_wrap_up = self.wrap_up.is_some_and(|wrap_up| since < wrap_up.value);
        let listed = self.queues.as_ref().map_or(&[][..], |queues| queues.value.as_slice());
        let has_queues =
            self.queues.is_some() || !self.in_queue.is_empty() || !self.implied.is_empty();
        let unlisted = if has_queues { None } else { Some(NO_QUEUE) };
        let by_state =
            listed.iter().copied().chain(unlisted).filter_map(|queue| Some((queue, self.state?)));
        let by_state =
            by_state.filter(|(queue, _)| !self.in_queue.iter().any(|(known, _)| known == queue));
        let by_queue = self.in_queue.iter().map(|(queue, known)| (*queue, self.newer_than(*known)));
        let of_calls = self
            .state
            .unwrap_or(LwwRegister { event_time: Timestamp::MIN, value: ReasonedState::AVAILABLE });
        let by_call = self.implied.iter().map(move |queue| (*queue, of_calls));
        by_state.chain(by_queue).chain(by_call).map(move |(queue, known)| {
            let state = match known.value.state {
                AgentState::Offline => known.value,
                _ if in_call => AgentState::Busy.into(),
                AgentState::Busy => known.value,
                _ if in_wrap_up => AgentState::WrapUp.into(),
                _ => known.value,
            };
            (queue, LwwRegister { value: state, ..known })
        })
    }

    /// Returns the first instant after `since` at which a call or the wrap-up ends by itself.
    fn next_expiry(&self, since: Timestamp) -> Option<Timestamp> {
        let calls = self.calls.iter().map(|call| call.until);
        let ends = calls.chain(self.wrap_up.map(|wrap_up| wrap_up.value));
        ends.filter(|end| *end > since).min()
    }

    /// Moves the status from `time.start` to `time.end`: applies the changes of the timeline up to
    /// the end, and calls `on_stretch` for each stretch of time in one state, in order of time, as
    /// [`Self::for_each_state`] does. Returns how many changes it applied.
    #[must_use]
    pub(super) fn advance(
        &mut self,
        timeline: &[TimedChange],
        time: TimeRange,
        mut on_stretch: impl FnMut(Option<QueueId>, ReasonedState, TimeRange),
    ) -> usize {
        let TimeRange { mut start, end } = time;
        let mut applied = 0;
        for TimedChange { event_time, change } in
            timeline.iter().take_while(|change| change.event_time <= end)
        {
            self.for_each_state(TimeRange { start, end: *event_time }, &mut on_stretch);
            start = start.max(*event_time);
            self.apply(*event_time, change);
            applied += 1;
        }
        self.for_each_state(TimeRange { start, end }, &mut on_stretch);
        applied
    }

    /// Calls `on_stretch` for each queue and its state, and then without a queue for the state of
    /// the agent as a head, for each stretch of the range without an expiry. An empty range has
    /// none.
    pub(super) fn for_each_state(
        &self,
        time: TimeRange,
        on_stretch: &mut impl FnMut(Option<QueueId>, ReasonedState, TimeRange),
    ) {
        let TimeRange { mut start, end } = time;
        while start < end {
            let end = self.next_expiry(start).map_or(end, |expiry| expiry.min(end));
            let stretch = TimeRange { start, end };
            let mut head = Head::default();
            for (queue, known) in self.timed_states(start) {
                on_stretch(Some(queue), known.value, stretch);
                head.add(known);
            }
            if let Some(state) = head.state() {
                on_stretch(None, state, stretch);
            }
            start = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::append;

    fn range(start: i64, end: i64) -> TimeRange {
        TimeRange { start: Timestamp(start), end: Timestamp(end) }
    }

    #[test]
    fn timed_change_has_the_stored_bytes_of_a_tuple() {
        let change = AgentChange::InQueue { queue: QueueId(5), state: AgentState::Busy.into() };
        let tuple = append(Vec::new(), &(-7_i64, &change));
        let timed = TimedChange { event_time: Timestamp(-7), change };
        assert_eq!(append(Vec::new(), &timed), tuple);
    }

    #[test]
    fn advance_splits_time_at_the_changes_up_to_its_end() {
        let queues = QueueList::from_slice(&[QueueId(5)]);
        let first = AgentChange::State { state: ReasonedState::AVAILABLE, queues: Some(queues) };
        let ended = AgentChange::CallEnded { id: CallId::default() };
        let timeline = [(10, first), (20, ended.clone()), (40, ended)]
            .map(|(time, change)| TimedChange { event_time: Timestamp(time), change });
        let mut stretches = Vec::new();
        let applied =
            AgentStatus::default().advance(&timeline, range(0, 30), |queue, state, time| {
                stretches.push((queue, state, time));
            });
        assert_eq!(applied, 2);
        let available = |queue, time| (queue, ReasonedState::AVAILABLE, time);
        let both = |time| [available(Some(QueueId(5)), time), available(None, time)];
        assert_eq!(stretches, [both(range(10, 20)), both(range(20, 30))].concat());
    }
}
