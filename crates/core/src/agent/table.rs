//! What agents are doing, and how long.
//!
//! What is known of an agent are registers of which the latest by event time counts (at equal times the later in the
//! log), so that changes may come out of order. Changes newer than the booked time wait in a timeline; time is booked
//! up to stream time less `allowed_lateness`, and a correction moves only what is not booked yet.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::event::AgentState;
use crate::ids::{AgentKey, BuildHashedKey, NO_QUEUE, QueueId};
use crate::measures::{AgentIntervalDelta, AgentWindow};
use crate::registry::LabelRegistry;
use crate::state::{Checkpoint, ChunkKind, PartSet, RestoreError, StateChunk, read};
use crate::window::{AgentTime, DenseAgentTime, PaneLayout, WindowCursor};

/// Queues of an agent. Few have more than these, and a list elsewhere would be allocated anew with each change.
pub(crate) type QueueList = SmallVec<[QueueId; 6]>;

/// Something that changes about an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AgentChange {
    /// The agent's state; and all the queues that it serves, where the source says so.
    State { state: AgentState, queues: Option<QueueList> },
    /// The state in one queue.
    InQueue { queue: QueueId, state: AgentState },
    /// A call of that queue began.
    CallStarted { queue: QueueId },
    /// The call is over.
    CallEnded,
}

/// A value with the event time that it is known from.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct LwwRegister<T> {
    at_ms: i64,
    value: T,
}

fn set<T>(register: &mut Option<LwwRegister<T>>, at_ms: i64, value: T) {
    if register.as_ref().is_none_or(|known| known.at_ms <= at_ms) {
        *register = Some(LwwRegister { at_ms, value });
    }
}

/// What is known of an agent at an instant.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct AgentStatus {
    state: Option<LwwRegister<AgentState>>,
    queues: Option<LwwRegister<QueueList>>,
    in_queue: Vec<(QueueId, LwwRegister<AgentState>)>,
    /// Queues of `in_queue` that are known only because a call of theirs was taken: whatever is said of the agent there,
    /// also of an earlier time, counts instead.
    implied: QueueList,
    in_call: Option<LwwRegister<bool>>,
}

impl AgentStatus {
    fn learn(&mut self, at_ms: i64, change: &AgentChange) {
        match change {
            AgentChange::State { state, queues } => {
                set(&mut self.state, at_ms, *state);
                // Also what was said of a queue at the same instant: this was said later.
                for (_, known) in self.in_queue.iter_mut().filter(|(_, known)| known.at_ms == at_ms)
                {
                    known.value = *state;
                }
                if let Some(queues) = queues {
                    set(&mut self.queues, at_ms, queues.clone());
                    self.in_queue.retain(|(_, known)| known.at_ms > at_ms);
                    self.implied
                        .retain(|implied| self.in_queue.iter().any(|(queue, _)| queue == implied));
                }
            }
            AgentChange::InQueue { queue, state } => self.set_in_queue(at_ms, *queue, *state),
            AgentChange::CallStarted { queue } => {
                if !self.serves(*queue) {
                    self.set_in_queue(at_ms, *queue, AgentState::Available);
                    self.implied.push(*queue);
                }
                set(&mut self.in_call, at_ms, true);
            }
            AgentChange::CallEnded => set(&mut self.in_call, at_ms, false),
        }
    }

    fn serves(&self, queue: QueueId) -> bool {
        let listed = self.queues.as_ref().is_some_and(|queues| queues.value.contains(&queue));
        listed || self.in_queue.iter().any(|(known, _)| *known == queue)
    }

    fn set_in_queue(&mut self, at_ms: i64, queue: QueueId, state: AgentState) {
        /// Past this many queues of one agent, further ones are not followed.
        const QUEUES_MAX: usize = 64;
        let replaced = self.queues.as_ref().is_some_and(|queues| queues.at_ms > at_ms);
        let is_full = self.in_queue.len() >= QUEUES_MAX;
        let is_implied = self.implied.contains(&queue);
        self.implied.retain(|implied| *implied != queue);
        match self.in_queue.iter_mut().find(|(known, _)| *known == queue) {
            Some((_, known)) if known.at_ms <= at_ms || is_implied => {
                *known = LwwRegister { at_ms, value: state }
            }
            Some(_) => {}
            None if replaced || is_full => {}
            None => self.in_queue.push((queue, LwwRegister { at_ms, value: state })),
        }
    }

    /// The state in each of the agent's queues.
    fn states(&self) -> impl Iterator<Item = (QueueId, AgentState)> + '_ {
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
            Some(state) if state.at_ms > known.at_ms => (*queue, state),
            _ => (*queue, *known),
        });
        by_state.chain(by_queue).map(move |(queue, known)| match known.value {
            AgentState::Offline => (queue, AgentState::Offline),
            _ if in_call => (queue, AgentState::Busy),
            state => (queue, state),
        })
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Agent {
    /// What is known at `booked_to_ms`.
    booked: AgentStatus,
    booked_to_ms: i64,
    /// Later changes, by event time and then log order.
    timeline: Vec<(i64, AgentChange)>,
}

impl AgentStatus {
    /// The states from `from_ms` to `to_ms`, in time order. Learns the changes up to `to_ms` of a timeline, and gives how many
    /// these are.
    fn walk(
        &mut self,
        timeline: &[(i64, AgentChange)],
        mut from_ms: i64,
        to_ms: i64,
        mut spend: impl FnMut(QueueId, AgentState, i64, i64),
    ) -> usize {
        let mut learnt = 0;
        for (at_ms, change) in timeline.iter().take_while(|(at_ms, _)| *at_ms <= to_ms) {
            self.spend(from_ms, *at_ms, &mut spend);
            from_ms = from_ms.max(*at_ms);
            self.learn(*at_ms, change);
            learnt += 1;
        }
        self.spend(from_ms, to_ms, &mut spend);
        learnt
    }

    /// The states from `from_ms` to `to_ms`, if that is later and nothing changes meanwhile.
    fn spend(
        &self,
        from_ms: i64,
        to_ms: i64,
        spend: &mut impl FnMut(QueueId, AgentState, i64, i64),
    ) {
        if to_ms > from_ms {
            self.states().for_each(|(queue, state)| spend(queue, state, from_ms, to_ms));
        }
    }
}

/// Most changes of one agent within `allowed_lateness`; past it, the agent's time is booked early.
const TIMELINE_MAX: usize = 1024;

/// The agents of one partition, and the time of each queue.
#[derive(Debug)]
pub(crate) struct Agents {
    agents: HashMap<AgentKey, Agent, BuildHashedKey>,
    /// By [`LabelRegistry::label_index`].
    time: Vec<AgentTime>,
    /// Rows of the interval history in `time`.
    unsaved_intervals: usize,
    allowed_lateness_ms: u64,
    limit: usize,
    /// Agents not followed because of the bound.
    pub(crate) refused: u64,
    /// Parts that differ from what is stored.
    changed: PartSet,
    /// The interval of the history up to which all agents are booked.
    booked_interval_ms: Option<i64>,
}

/// What is stored of the agents besides themselves and the time of queues.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AgentsHeader {
    refused: u64,
    booked_interval_ms: Option<i64>,
}

/// Agents of one queue.
#[derive(Clone, Debug, Default)]
pub(crate) struct QueueAgents {
    pub(crate) count: [u64; 5],
    pub(crate) booked_ms: [u64; 5],
    pub(crate) windows: Vec<AgentWindow>,
}

impl Agents {
    pub(crate) fn new(allowed_lateness_ms: u64, limit: usize) -> Self {
        Agents {
            agents: HashMap::default(),
            time: Vec::new(),
            unsaved_intervals: 0,
            allowed_lateness_ms,
            limit,
            refused: 0,
            changed: PartSet::default(),
            booked_interval_ms: None,
        }
    }

    /// What is stored besides the agents themselves and the time of queues.
    pub(crate) fn header(&self) -> AgentsHeader {
        AgentsHeader { refused: self.refused, booked_interval_ms: self.booked_interval_ms }
    }

    /// Takes over what [`Self::header`] gave.
    pub(crate) fn set_header(&mut self, header: AgentsHeader) {
        self.refused = header.refused;
        self.booked_interval_ms = header.booked_interval_ms;
    }

    /// Adds the parts that changed, all where nothing is stored, and the agent time by interval since the last
    /// checkpoint.
    pub(crate) fn write_checkpoint(
        &mut self,
        registry: &LabelRegistry,
        layout: &PaneLayout,
        position: &WindowCursor,
        stream_ms: i64,
        all: bool,
        checkpoint: &mut Checkpoint,
    ) {
        self.book_ended_interval(registry, layout, position, stream_ms);
        self.changed.write_checkpoint(ChunkKind::Agents, &self.agents, all, checkpoint);
        self.unsaved_intervals = 0;
        for ((index, time), queue) in self.time.iter_mut().enumerate().zip(registry.queue_labels())
        {
            time.settle(layout, position);
            if std::mem::take(&mut time.changed) || all {
                checkpoint.put(ChunkKind::AgentTime, index as i64, time);
            }
            for (start_ms, state_ms) in time.take_intervals() {
                checkpoint.agent_intervals.push(AgentIntervalDelta {
                    start_ms,
                    queue: queue.clone(),
                    state_ms,
                });
            }
        }
    }

    /// Books everyone once an interval of the history has ended, so that those who never change are in it.
    fn book_ended_interval(
        &mut self,
        registry: &LabelRegistry,
        layout: &PaneLayout,
        position: &WindowCursor,
        stream_ms: i64,
    ) {
        let book_to_ms = stream_ms.saturating_sub_unsigned(self.allowed_lateness_ms);
        let interval_ms = layout.interval_of(book_to_ms);
        if interval_ms.is_none() || self.booked_interval_ms >= interval_ms {
            return;
        }
        self.booked_interval_ms = interval_ms;
        for (key, agent) in &mut self.agents {
            self.unsaved_intervals +=
                book(&mut self.time, registry, layout, position, agent, book_to_ms);
            self.changed.mark(*key);
        }
    }

    /// Rows of agent time that the next checkpoint adds to the interval history, but for those of time that waits.
    pub(crate) fn interval_count(&self) -> usize {
        self.unsaved_intervals
    }

    /// Takes back the agent time of a checkpoint that was not stored.
    pub(crate) fn rollback(&mut self, index: usize, delta: &AgentIntervalDelta) {
        if let Some(time) = self.time.get_mut(index) {
            self.unsaved_intervals += time.rollback(delta.start_ms, delta.state_ms);
        }
    }

    /// Puts a stored part, or the stored time of a queue, back.
    pub(crate) fn restore(&mut self, chunk: &StateChunk) -> Result<(), RestoreError> {
        /// More queues than any limit allows.
        const QUEUES_MAX: usize = 1 << 24;
        if chunk.kind == ChunkKind::Agents {
            self.agents.extend(PartSet::restore::<AgentKey, Agent>(chunk)?);
            return Ok(());
        }
        let index = usize::try_from(chunk.number).ok().filter(|index| *index < QUEUES_MAX);
        let index =
            index.ok_or(RestoreError::Inconsistent { kind: chunk.kind, number: chunk.number })?;
        if self.time.len() <= index {
            self.time.resize_with(index + 1, AgentTime::default);
        }
        self.time[index] = match chunk.kind {
            ChunkKind::DenseAgentTime => read::<DenseAgentTime>(chunk)?.into(),
            _ => read(chunk)?,
        };
        Ok(())
    }

    /// Forgets the panes, as when their width has changed.
    pub(crate) fn forget_panes(&mut self) {
        self.time.iter_mut().for_each(AgentTime::forget_panes);
    }

    /// Applies a change at event time `at_ms`.
    pub(crate) fn change(
        &mut self,
        registry: &LabelRegistry,
        layout: &PaneLayout,
        position: &WindowCursor,
        key: AgentKey,
        (at_ms, stream_ms): (i64, i64),
        change: AgentChange,
    ) {
        let book_to_ms = stream_ms.saturating_sub_unsigned(self.allowed_lateness_ms);
        let is_full = self.agents.len() >= self.limit;
        let agent = match self.agents.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(_) if is_full => {
                self.refused += 1;
                return;
            }
            Entry::Vacant(free) => {
                free.insert(Agent { booked_to_ms: book_to_ms, ..Agent::default() })
            }
        };
        self.changed.mark(key);
        self.unsaved_intervals +=
            book(&mut self.time, registry, layout, position, agent, book_to_ms);
        if at_ms <= agent.booked_to_ms {
            agent.booked.learn(at_ms, &change);
            return;
        }
        if agent.timeline.len() >= TIMELINE_MAX {
            let first_ms = agent.timeline[0].0;
            self.unsaved_intervals +=
                book(&mut self.time, registry, layout, position, agent, first_ms);
        }
        let place = agent.timeline.partition_point(|(known_ms, _)| *known_ms <= at_ms);
        agent.timeline.insert(place, (at_ms, change));
    }

    /// The agents of each queue at stream time, by [`LabelRegistry::label_index`].
    pub(crate) fn snapshot(
        &mut self,
        registry: &LabelRegistry,
        layout: &PaneLayout,
        position: &WindowCursor,
        stream_ms: i64,
    ) -> Vec<QueueAgents> {
        let book_to_ms = stream_ms.saturating_sub_unsigned(self.allowed_lateness_ms);
        self.time.resize_with(registry.queue_labels().count(), AgentTime::default);
        let mut queues: Vec<QueueAgents> = self
            .time
            .iter_mut()
            .map(|time| {
                self.unsaved_intervals += time.settle(layout, position);
                QueueAgents {
                    count: [0; 5],
                    booked_ms: time.total_ms,
                    windows: time.windows(layout, position),
                }
            })
            .collect();
        for agent in self.agents.values() {
            let mut spend = |queue, state: AgentState, from_ms: i64, to_ms: i64| {
                let queue = &mut queues[registry.label_index(queue)];
                // What lies before `book_to_ms` counts as booked, whether the agent's account was made up or not.
                queue.booked_ms[state.index()] +=
                    to_ms.min(book_to_ms).saturating_sub(from_ms).max(0) as u64;
                AgentTime::add_unbooked(
                    &mut queue.windows,
                    layout,
                    position,
                    state,
                    from_ms,
                    to_ms,
                );
            };
            // Who has changed nothing lately is as he was: nothing need be copied.
            let mut knowledge = Cow::Borrowed(&agent.booked);
            match agent.timeline.is_empty() {
                true => knowledge.spend(agent.booked_to_ms, stream_ms, &mut spend),
                false => {
                    knowledge.to_mut().walk(&agent.timeline, agent.booked_to_ms, stream_ms, spend);
                }
            }
            for (queue, state) in knowledge.states() {
                queues[registry.label_index(queue)].count[state.index()] += 1;
            }
        }
        queues
    }
}

/// Books an agent's time up to `to_ms`; an earlier instant does nothing. Gives how many rows of the interval history that adds.
fn book(
    time: &mut Vec<AgentTime>,
    registry: &LabelRegistry,
    layout: &PaneLayout,
    position: &WindowCursor,
    agent: &mut Agent,
    to_ms: i64,
) -> usize {
    if to_ms <= agent.booked_to_ms {
        return 0;
    }
    let mut added = 0;
    let Agent { booked, booked_to_ms, timeline } = agent;
    let learnt = booked.walk(timeline, *booked_to_ms, to_ms, |queue, state, from_ms, to_ms| {
        let index = registry.label_index(queue);
        if time.len() <= index {
            time.resize_with(index + 1, AgentTime::default);
        }
        added += time[index].book(layout, position, state, from_ms, to_ms);
    });
    timeline.drain(..learnt);
    *booked_to_ms = to_ms;
    added
}
