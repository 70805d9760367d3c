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

use super::parts::PartSet;
use super::remembered::BuildHashedKey;
use crate::event::AgentState;
use crate::shard::{AgentIntervalDelta, Checkpoint, NONE, Piece, PieceKind, QueueRef, Registry, RestoreError, read};
use crate::view::AgentWindow;
use crate::window::{AgentTime, DenseAgentTime, Grid, Position};

/// Queues of an agent. Few have more than these, and a list elsewhere would be allocated anew with each change.
pub(crate) type QueueList = SmallVec<[QueueRef; 6]>;

/// Something that changes about an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AgentChange {
    /// The agent's state; and all the queues that it serves, where the source says so.
    State { state: AgentState, queues: Option<QueueList> },
    /// The state in one queue.
    InQueue { queue: QueueRef, state: AgentState },
    /// A call of that queue began.
    CallStarted { queue: QueueRef },
    /// The call is over.
    CallEnded,
}

/// A value with the event time that it is known from.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Latest<T> {
    at_ms: i64,
    value: T,
}

fn set<T>(register: &mut Option<Latest<T>>, at_ms: i64, value: T) {
    if register.as_ref().is_none_or(|known| known.at_ms <= at_ms) {
        *register = Some(Latest { at_ms, value });
    }
}

/// What is known of an agent at an instant.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Knowledge {
    state: Option<Latest<AgentState>>,
    queues: Option<Latest<QueueList>>,
    in_queue: Vec<(QueueRef, Latest<AgentState>)>,
    /// Queues of `in_queue` that are known only because a call of theirs was taken: whatever is said of the agent there,
    /// also of an earlier time, counts instead.
    implied: QueueList,
    in_call: Option<Latest<bool>>,
}

impl Knowledge {
    fn learn(&mut self, at_ms: i64, change: &AgentChange) {
        match change {
            AgentChange::State { state, queues } => {
                set(&mut self.state, at_ms, *state);
                // Also what was said of a queue at the same instant: this was said later.
                for (_, known) in self.in_queue.iter_mut().filter(|(_, known)| known.at_ms == at_ms) {
                    known.value = *state;
                }
                if let Some(queues) = queues {
                    set(&mut self.queues, at_ms, queues.clone());
                    self.in_queue.retain(|(_, known)| known.at_ms > at_ms);
                    self.implied.retain(|implied| self.in_queue.iter().any(|(queue, _)| queue == implied));
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

    fn serves(&self, queue: QueueRef) -> bool {
        let listed = self.queues.as_ref().is_some_and(|queues| queues.value.contains(&queue));
        listed || self.in_queue.iter().any(|(known, _)| *known == queue)
    }

    fn set_in_queue(&mut self, at_ms: i64, queue: QueueRef, state: AgentState) {
        /// Past this many queues of one agent, further ones are not followed.
        const QUEUES_MAX: usize = 64;
        let replaced = self.queues.as_ref().is_some_and(|queues| queues.at_ms > at_ms);
        let is_full = self.in_queue.len() >= QUEUES_MAX;
        let is_implied = self.implied.contains(&queue);
        self.implied.retain(|implied| *implied != queue);
        match self.in_queue.iter_mut().find(|(known, _)| *known == queue) {
            Some((_, known)) if known.at_ms <= at_ms || is_implied => *known = Latest { at_ms, value: state },
            Some(_) => {}
            None if replaced || is_full => {}
            None => self.in_queue.push((queue, Latest { at_ms, value: state })),
        }
    }

    /// The state in each of the agent's queues.
    fn states(&self) -> impl Iterator<Item = (QueueRef, AgentState)> + '_ {
        let in_call = self.in_call.is_some_and(|in_call| in_call.value);
        let listed = self.queues.as_ref().map_or(&[][..], |queues| queues.value.as_slice());
        let unlisted =
            if self.state.is_some() && self.queues.is_none() && self.in_queue.is_empty() { Some(NONE) } else { None };
        let by_state = listed.iter().copied().chain(unlisted).filter_map(|queue| Some((queue, self.state?)));
        let by_state = by_state.filter(|(queue, _)| !self.in_queue.iter().any(|(known, _)| known == queue));
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
    booked: Knowledge,
    booked_to_ms: i64,
    /// Later changes, by event time and then log order.
    timeline: Vec<(i64, AgentChange)>,
}

impl Agent {
    /// The agent's states from `booked_to_ms` to `to_ms`, in time order; moves `knowledge` on to `to_ms`.
    fn walk(
        &self,
        knowledge: &mut Cow<'_, Knowledge>,
        to_ms: i64,
        mut spend: impl FnMut(QueueRef, AgentState, i64, i64),
    ) -> usize {
        let mut from_ms = self.booked_to_ms;
        let mut learnt = 0;
        for (at_ms, change) in &self.timeline {
            if *at_ms > to_ms {
                break;
            }
            if *at_ms > from_ms {
                knowledge.states().for_each(|(queue, state)| spend(queue, state, from_ms, *at_ms));
                from_ms = *at_ms;
            }
            knowledge.to_mut().learn(*at_ms, change);
            learnt += 1;
        }
        if to_ms > from_ms {
            knowledge.states().for_each(|(queue, state)| spend(queue, state, from_ms, to_ms));
        }
        learnt
    }
}

/// Most changes of one agent within `allowed_lateness`; past it, the agent's time is booked early.
const TIMELINE_MAX: usize = 1024;

/// The agents of one partition, and the time of each queue.
#[derive(Debug)]
pub(crate) struct Agents {
    agents: HashMap<u128, Agent, BuildHashedKey>,
    /// By [`Registry::label_index`].
    time: Vec<AgentTime>,
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
pub(crate) struct AgentsCore {
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
            allowed_lateness_ms,
            limit,
            refused: 0,
            changed: PartSet::default(),
            booked_interval_ms: None,
        }
    }

    /// What is stored besides the agents themselves and the time of queues.
    pub(crate) fn core(&self) -> AgentsCore {
        AgentsCore { refused: self.refused, booked_interval_ms: self.booked_interval_ms }
    }

    /// Takes over what [`Self::core`] gave.
    pub(crate) fn set_core(&mut self, core: AgentsCore) {
        self.refused = core.refused;
        self.booked_interval_ms = core.booked_interval_ms;
    }

    /// Adds the parts that changed, all where nothing is stored, and the agent time by interval since the last
    /// checkpoint.
    pub(crate) fn capture(
        &mut self,
        registry: &Registry,
        grid: &Grid,
        position: &Position,
        stream_ms: i64,
        all: bool,
        checkpoint: &mut Checkpoint,
    ) {
        self.book_ended_interval(registry, grid, position, stream_ms);
        self.changed.capture(PieceKind::Agents, &self.agents, all, checkpoint);
        for ((index, time), queue) in self.time.iter_mut().enumerate().zip(registry.queue_labels()) {
            if std::mem::take(&mut time.changed) || all {
                checkpoint.put(PieceKind::AgentTime, index as i64, time);
            }
            for (start_ms, state_ms) in time.take_intervals() {
                checkpoint.agent_intervals.push(AgentIntervalDelta { start_ms, queue: queue.clone(), state_ms });
            }
        }
    }

    /// Books everyone once an interval of the history has ended, so that those who never change are in it.
    fn book_ended_interval(&mut self, registry: &Registry, grid: &Grid, position: &Position, stream_ms: i64) {
        let book_to_ms = stream_ms.saturating_sub_unsigned(self.allowed_lateness_ms);
        let interval_ms = grid.interval_of(book_to_ms);
        if interval_ms.is_none() || self.booked_interval_ms >= interval_ms {
            return;
        }
        self.booked_interval_ms = interval_ms;
        for (key, agent) in &mut self.agents {
            book(&mut self.time, registry, grid, position, agent, book_to_ms);
            self.changed.mark(*key);
        }
    }

    /// Rows of agent time that the next checkpoint adds to the interval history.
    pub(crate) fn interval_count(&self) -> usize {
        self.time.iter().map(AgentTime::interval_count).sum()
    }

    /// Takes back the agent time of a checkpoint that was not stored.
    pub(crate) fn give_back(&mut self, index: usize, delta: &AgentIntervalDelta) {
        if let Some(time) = self.time.get_mut(index) {
            time.add_to_interval(delta.start_ms, delta.state_ms);
        }
    }

    /// Puts a stored part, or the stored time of a queue, back.
    pub(crate) fn restore(&mut self, piece: &Piece) -> Result<(), RestoreError> {
        /// More queues than any limit allows.
        const QUEUES_MAX: usize = 1 << 24;
        if piece.kind == PieceKind::Agents {
            self.agents.extend(PartSet::restore::<Agent>(piece)?);
            return Ok(());
        }
        let index = usize::try_from(piece.number).ok().filter(|index| *index < QUEUES_MAX);
        let index = index.ok_or(RestoreError::Inconsistent { kind: piece.kind, number: piece.number })?;
        if self.time.len() <= index {
            self.time.resize_with(index + 1, AgentTime::default);
        }
        self.time[index] = match piece.kind {
            PieceKind::DenseAgentTime => read::<DenseAgentTime>(piece)?.into(),
            _ => read(piece)?,
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
        registry: &Registry,
        grid: &Grid,
        position: &Position,
        key: u128,
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
            Entry::Vacant(free) => free.insert(Agent { booked_to_ms: book_to_ms, ..Agent::default() }),
        };
        self.changed.mark(key);
        book(&mut self.time, registry, grid, position, agent, book_to_ms);
        if at_ms <= agent.booked_to_ms {
            agent.booked.learn(at_ms, &change);
            return;
        }
        if agent.timeline.len() >= TIMELINE_MAX {
            let first_ms = agent.timeline[0].0;
            book(&mut self.time, registry, grid, position, agent, first_ms);
        }
        let place = agent.timeline.partition_point(|(known_ms, _)| *known_ms <= at_ms);
        agent.timeline.insert(place, (at_ms, change));
    }

    /// The agents of each queue at stream time, by [`Registry::label_index`].
    pub(crate) fn snapshot(
        &mut self,
        registry: &Registry,
        grid: &Grid,
        position: &Position,
        stream_ms: i64,
    ) -> Vec<QueueAgents> {
        let book_to_ms = stream_ms.saturating_sub_unsigned(self.allowed_lateness_ms);
        self.time.resize_with(registry.queue_labels().count(), AgentTime::default);
        let mut queues: Vec<QueueAgents> = self
            .time
            .iter_mut()
            .map(|time| QueueAgents { count: [0; 5], booked_ms: time.total_ms, windows: time.windows(grid, position) })
            .collect();
        for agent in self.agents.values() {
            // Who has changed nothing lately is as he was: nothing need be copied.
            let mut knowledge = match agent.timeline.is_empty() {
                true => Cow::Borrowed(&agent.booked),
                false => Cow::Owned(agent.booked.clone()),
            };
            agent.walk(&mut knowledge, stream_ms, |queue, state, from_ms, to_ms| {
                let queue = &mut queues[registry.label_index(queue)];
                // What lies before `book_to_ms` counts as booked, whether the agent's account was made up or not.
                queue.booked_ms[state.index()] += to_ms.min(book_to_ms).saturating_sub(from_ms).max(0) as u64;
                AgentTime::add_unbooked(&mut queue.windows, grid, position, state, from_ms, to_ms);
            });
            for (queue, state) in knowledge.states() {
                queues[registry.label_index(queue)].count[state.index()] += 1;
            }
        }
        queues
    }
}

/// Books an agent's time up to `to_ms`; an earlier instant does nothing.
fn book(
    time: &mut Vec<AgentTime>,
    registry: &Registry,
    grid: &Grid,
    position: &Position,
    agent: &mut Agent,
    to_ms: i64,
) {
    if to_ms <= agent.booked_to_ms {
        return;
    }
    let mut knowledge = Cow::Owned(std::mem::take(&mut agent.booked));
    let learnt = agent.walk(&mut knowledge, to_ms, |queue, state, from_ms, to_ms| {
        let index = registry.label_index(queue);
        if time.len() <= index {
            time.resize_with(index + 1, AgentTime::default);
        }
        time[index].book(grid, position, state, from_ms, to_ms);
    });
    agent.timeline.drain(..learnt);
    agent.booked = knowledge.into_owned();
    agent.booked_to_ms = to_ms;
}
