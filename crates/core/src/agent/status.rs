//! The status of an agent at one instant.

use serde::{Deserialize, Serialize};

use crate::agent::change::{AgentChange, QueueList};
use crate::event::AgentState;
use crate::ids::{NO_QUEUE, QueueId};
use crate::time::{TimeRange, Timestamp};

/// A last-writer-wins value: the newest event time counts.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct LwwRegister<T> {
    event_time: Timestamp,
    value: T,
}

fn set<T>(register: &mut Option<LwwRegister<T>>, event_time: Timestamp, value: T) {
    if register.as_ref().is_none_or(|known| known.event_time <= event_time) {
        *register = Some(LwwRegister { event_time, value });
    }
}

/// A change with its event time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TimedChange {
    pub(super) event_time: Timestamp,
    pub(super) change: AgentChange,
}

/// The status of an agent at one instant.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct AgentStatus {
    state: Option<LwwRegister<AgentState>>,
    queues: Option<LwwRegister<QueueList>>,
    in_queue: Vec<(QueueId, LwwRegister<AgentState>)>,
    /// Queues of `in_queue` that are known only from a call. Any state that a record gives for
    /// such a queue replaces the implied one, even with an earlier event time.
    implied: QueueList,
    in_call: Option<LwwRegister<bool>>,
}

impl AgentStatus {
    /// Applies a change.
    pub(super) fn apply(&mut self, event_time: Timestamp, change: &AgentChange) {
        match change {
            AgentChange::State { state, queues } => {
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
                    self.implied
                        .retain(|implied| self.in_queue.iter().any(|(queue, _)| queue == implied));
                }
            }
            AgentChange::InQueue { queue, state } => self.set_in_queue(event_time, *queue, *state),
            AgentChange::CallStarted { queue } => {
                if !self.serves(*queue) {
                    self.set_in_queue(event_time, *queue, AgentState::Available);
                    self.implied.push(*queue);
                }
                set(&mut self.in_call, event_time, true);
            }
            AgentChange::CallEnded => set(&mut self.in_call, event_time, false),
        }
    }

    fn serves(&self, queue: QueueId) -> bool {
        let listed = self.queues.as_ref().is_some_and(|queues| queues.value.contains(&queue));
        listed || self.in_queue.iter().any(|(known, _)| *known == queue)
    }

    fn set_in_queue(&mut self, event_time: Timestamp, queue: QueueId, state: AgentState) {
        /// Bound on the queues of one agent; further queues are ignored.
        const QUEUES_MAX: usize = 64;
        let replaced = self.queues.as_ref().is_some_and(|queues| queues.event_time > event_time);
        let is_full = self.in_queue.len() >= QUEUES_MAX;
        let is_implied = self.implied.contains(&queue);
        self.implied.retain(|implied| *implied != queue);
        match self.in_queue.iter_mut().find(|(known, _)| *known == queue) {
            Some((_, known)) if known.event_time <= event_time || is_implied => {
                *known = LwwRegister { event_time, value: state }
            }
            Some(_) => {}
            None if replaced || is_full => {}
            None => self.in_queue.push((queue, LwwRegister { event_time, value: state })),
        }
    }

    /// Returns the state in each of the agent's queues.
    pub(super) fn states(&self) -> impl Iterator<Item = (QueueId, AgentState)> + '_ {
        let in_call = self.in_call.is_some_and(|in_call| in_call.value);
        let listed = self.queues.as_ref().map_or(&[][..], |queues| queues.value.as_slice());
        let unlisted = if self.state.is_some() && self.queues.is_none() && self.in_queue.is_empty()
        {
            Some(NO_QUEUE)
        } else {
            None
        };
        let by_state =
            listed.iter().copied().chain(unlisted).filter_map(|queue| Some((queue, self.state?)));
        let by_state =
            by_state.filter(|(queue, _)| !self.in_queue.iter().any(|(known, _)| known == queue));
        let by_queue = self.in_queue.iter().map(|(queue, known)| match self.state {
            Some(state) if state.event_time > known.event_time => (*queue, state),
            _ => (*queue, *known),
        });
        by_state.chain(by_queue).map(move |(queue, known)| match known.value {
            AgentState::Offline => (queue, AgentState::Offline),
            _ if in_call => (queue, AgentState::Busy),
            state => (queue, state),
        })
    }

    /// Moves the status from `time.start` to `time.end`: applies the changes of the timeline up to
    /// the end, and calls `on_stretch` for each stretch of time in one state, in order of time.
    /// Returns how many changes it applied.
    #[must_use]
    pub(super) fn advance(
        &mut self,
        timeline: &[TimedChange],
        time: TimeRange,
        mut on_stretch: impl FnMut(QueueId, AgentState, TimeRange),
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

    /// Calls `on_stretch` for each queue and its state, if the range is not empty.
    pub(super) fn for_each_state(
        &self,
        time: TimeRange,
        on_stretch: &mut impl FnMut(QueueId, AgentState, TimeRange),
    ) {
        if time.end > time.start {
            self.states().for_each(|(queue, state)| on_stretch(queue, state, time));
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
        let change = AgentChange::CallStarted { queue: QueueId(5) };
        let tuple = append(Vec::new(), &(-7_i64, &change));
        let timed = TimedChange { event_time: Timestamp(-7), change };
        assert_eq!(append(Vec::new(), &timed), tuple);
    }

    #[test]
    fn advance_splits_time_at_the_changes_up_to_its_end() {
        let queues = QueueList::from_slice(&[QueueId(5)]);
        let first = AgentChange::State { state: AgentState::Available, queues: Some(queues) };
        let timeline = [(10, first), (20, AgentChange::CallEnded), (40, AgentChange::CallEnded)]
            .map(|(time, change)| TimedChange { event_time: Timestamp(time), change });
        let mut stretches = Vec::new();
        let applied =
            AgentStatus::default().advance(&timeline, range(0, 30), |queue, state, time| {
                stretches.push((queue, state, time));
            });
        assert_eq!(applied, 2);
        let available = |time| (QueueId(5), AgentState::Available, time);
        assert_eq!(stretches, [available(range(10, 20)), available(range(20, 30))]);
    }
}
