//! The agents of one partition.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::agent::change::AgentChange;
use crate::agent::head_time::HeadTime;
use crate::agent::model::{Agent, BookedTime, BookingContext};
use crate::agent::older::{OneCallAgent, PlainAgent};
use crate::agent::pause_reasons::{PauseReasons, add_pause};
use crate::agent::queue_time::QueueTimes;
use crate::agent::reasoned_state::ReasonedState;
use crate::agent::status::TimedChange;
use crate::event::AgentState;
use crate::ids::{AgentKey, BuildHashedKey};
use crate::measures::{AgentIntervalDelta, AgentWindow};
use crate::state::{
    Checkpoint, CheckpointExtent, ChunkKind, PartSet, RestoreError, StateChunk, read,
};
use crate::time::{EventTimes, Millis, TimeRange, Timestamp};
use crate::window::{AgentTime, DenseAgentTime};

/// Bound on the changes of one agent within `allowed_lateness`; past it, time is booked earlier.
const TIMELINE_MAX: usize = 1024;

/// The agents of one partition, and the time of each queue.
#[derive(Debug)]
pub(crate) struct Agents {
    agents: HashMap<AgentKey, Agent, BuildHashedKey>,
    times: QueueTimes,
    heads: HeadTime,
    reasons: PauseReasons,
    allowed_lateness: Millis,
    limit: usize,
    /// Agents that are ignored, and stretches that were cut before the last restore, because of a
    /// bound.
    refused: u64,
    /// Parts that differ from what is stored.
    changed: PartSet,
    /// The interval of the history up to which all agents are booked.
    booked_interval: Option<Timestamp>,
}

/// The stored form of everything but the agents and the time of queues.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AgentsHeader {
    refused: u64,
    booked_interval: Option<Timestamp>,
}

/// Agents of one queue.
#[derive(Clone, Debug, Default)]
pub(crate) struct QueueAgents {
    pub(crate) count: [u64; 5],
    pub(crate) booked_ms: [u64; 5],
    /// The part of `booked_ms` in pauses, for [`Agents::paused_by_reason`].
    pub(crate) paused_ms: Vec<u64>,
    pub(crate) windows: Vec<AgentWindow>,
}

impl Agents {
    /// Creates an empty table of at most `limit` agents.
    pub(crate) fn new(allowed_lateness: Millis, limit: usize) -> Self {
        Agents {
            agents: HashMap::default(),
            times: QueueTimes::default(),
            heads: HeadTime::default(),
            reasons: PauseReasons::default(),
            allowed_lateness,
            limit,
            refused: 0,
            changed: PartSet::default(),
            booked_interval: None,
        }
    }

    /// Returns a state with the reason that an event gives for it. Only a pause has one.
    pub(crate) fn reasoned(&mut self, state: AgentState, reason: Option<&str>) -> ReasonedState {
        match state {
            AgentState::Paused => ReasonedState::paused(self.reasons.reason(reason)),
            state => state.into(),
        }
    }

    /// Returns time in pauses by the label of the reason; only reasons that occurred.
    pub(crate) fn paused_by_reason(&self, paused_ms: &[u64]) -> BTreeMap<Arc<str>, u64> {
        self.reasons.by_label(paused_ms)
    }

    /// Returns how often the reason of a pause was counted as `other`.
    pub(crate) fn labels_refused(&self) -> u64 {
        self.reasons.refused()
    }

    /// Applies a change to an agent, and books the agent's time up to the allowed lateness.
    pub(crate) fn change(
        &mut self,
        context: BookingContext<'_>,
        key: AgentKey,
        times: EventTimes,
        change: AgentChange,
    ) {
        let EventTimes { event_time, stream_time } = times;
        let book_to = stream_time.saturating_sub(self.allowed_lateness);
        let is_full = self.agents.len() >= self.limit;
        let agent = match self.agents.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(_) if is_full => {
                self.refused += 1;
                return;
            }
            Entry::Vacant(free) => free.insert(Agent { booked_to: book_to, ..Agent::default() }),
        };
        self.changed.mark(key);
        let mut book = |agent: &mut Agent, to| {
            let booked = BookedTime { queues: &mut self.times, heads: &mut self.heads };
            agent.book(context, booked, to);
        };
        book(agent, book_to);
        if event_time <= agent.booked_to {
            agent.booked.apply(event_time, &change);
            return;
        }
        if agent.timeline.len() >= TIMELINE_MAX {
            let first = agent.timeline[0].event_time;
            book(agent, first);
        }
        let index = agent.timeline.partition_point(|known| known.event_time <= event_time);
        agent.timeline.insert(index, TimedChange { event_time, change });
    }

    /// Returns the agents of each queue at stream time, by the index of the queue's label.
    pub(crate) fn snapshot(
        &mut self,
        context: BookingContext<'_>,
        stream_time: Timestamp,
    ) -> Vec<QueueAgents> {
        let BookingContext { registry, layout, cursor } = context;
        let book_to = stream_time.saturating_sub(self.allowed_lateness);
        let mut queues: Vec<QueueAgents> = self
            .times
            .booked(registry.queue_labels().count(), layout, cursor)
            .map(|time| QueueAgents {
                count: [0; 5],
                booked_ms: time.booked.total_ms,
                paused_ms: time.paused_ms.clone(),
                windows: time.booked.windows(layout, cursor),
            })
            .collect();
        for agent in self.agents.values() {
            let mut add_unbooked = |queue, known: ReasonedState, time: TimeRange| {
                // Snapshots have no heads.
                let Some(queue) = queue else { return };
                let (queue, state) = (&mut queues[registry.label_index(queue)], known.state);
                // Time up to `book_to` counts as booked, even where no change of the agent has
                // booked it yet: the total must not depend on when it was booked.
                let booked_ms = time.end.min(book_to).since(time.start).get();
                queue.booked_ms[state.index()] += booked_ms;
                if known.is_paused() {
                    add_pause(&mut queue.paused_ms, known.reason, booked_ms);
                }
                AgentTime::add_unbooked(&mut queue.windows, layout, cursor, state, time);
            };
            let unbooked = TimeRange { start: agent.booked_to, end: stream_time };
            // Agents without pending changes are borrowed, not cloned.
            let mut status = Cow::Borrowed(&agent.booked);
            if agent.timeline.is_empty() {
                status.for_each_state(unbooked, &mut add_unbooked);
            } else {
                // The timeline stays: this status is a copy.
                let _ = status.to_mut().advance(&agent.timeline, unbooked, add_unbooked);
            }
            // What ends at stream time is still shown, as is a visit at its longest wait.
            for (queue, state) in status.states(stream_time.saturating_sub(Millis(1))) {
                queues[registry.label_index(queue)].count[state.state.index()] += 1;
            }
        }
        queues
    }

    /// Returns how many rows of agent time the next checkpoint adds to the interval history,
    /// without those of time that is not booked yet.
    pub(crate) fn interval_count(&self) -> usize {
        self.times.interval_count() + self.heads.interval_count()
    }

    /// Returns how many agents are ignored, and how many stretches of agent time are not in the
    /// history as a whole, because of a bound.
    pub(crate) fn refused(&self) -> u64 {
        self.refused + self.times.cut_count()
    }

    /// Returns the stored form of everything but the agents and the time of queues.
    pub(crate) fn header(&self) -> AgentsHeader {
        AgentsHeader { refused: self.refused(), booked_interval: self.booked_interval }
    }

    /// Restores a header.
    pub(crate) fn set_header(&mut self, header: AgentsHeader) {
        self.refused = header.refused;
        self.booked_interval = header.booked_interval;
    }

    /// Adds the changed parts, or all parts, and the agent time by interval since the last
    /// checkpoint.
    pub(crate) fn write_checkpoint(
        &mut self,
        context: BookingContext<'_>,
        stream_time: Timestamp,
        extent: CheckpointExtent,
        checkpoint: &mut Checkpoint,
    ) {
        self.book_ended_interval(context, stream_time);
        self.changed.write_checkpoint(ChunkKind::Agents, &self.agents, extent, checkpoint);
        let everything = extent == CheckpointExtent::Everything;
        let reasons_changed = std::mem::take(&mut self.reasons.changed);
        if reasons_changed || (everything && !self.reasons.is_empty()) {
            checkpoint.put(ChunkKind::PauseReasons, 0, &self.reasons);
        }
        self.heads.take(&self.reasons, &mut checkpoint.further);
        let BookingContext { registry, layout, cursor } = context;
        for (index, queue) in registry.queue_labels().enumerate() {
            let Some((time, intervals)) = self.times.take(index, layout, cursor) else { break };
            if std::mem::take(&mut time.booked.changed) || everything {
                checkpoint.put(ChunkKind::AgentTime, index as i64, &time.booked);
                if !time.paused_ms.is_empty() {
                    checkpoint.put(ChunkKind::PauseTime, index as i64, &time.paused_ms);
                }
            }
            for (start, state_ms) in intervals {
                checkpoint.agent_intervals.push(AgentIntervalDelta {
                    start,
                    queue: queue.clone(),
                    state_ms,
                });
            }
        }
    }

    /// Books the time of all agents once an interval of the history has ended, so that its rows
    /// include agents without changes.
    fn book_ended_interval(&mut self, context: BookingContext<'_>, stream_time: Timestamp) {
        let book_to = stream_time.saturating_sub(self.allowed_lateness);
        let interval = context.layout.interval_of(book_to);
        if interval.is_none() || self.booked_interval >= interval {
            return;
        }
        self.booked_interval = interval;
        for (key, agent) in &mut self.agents {
            let booked = BookedTime { queues: &mut self.times, heads: &mut self.heads };
            agent.book(context, booked, book_to);
            self.changed.mark(*key);
        }
    }

    /// Takes back the agent time of a checkpoint that was not stored.
    pub(crate) fn rollback(&mut self, index: usize, delta: &AgentIntervalDelta) {
        self.times.rollback(index, delta.start, delta.state_ms);
    }

    /// Restores a stored part, or the stored time of a queue.
    pub(crate) fn restore(&mut self, chunk: &StateChunk) -> Result<(), RestoreError> {
        /// Above every configured limit: guards the allocation against a damaged ledger.
        const QUEUES_MAX: usize = 1 << 24;
        if chunk.kind == ChunkKind::Agents {
            self.agents.extend(PartSet::restore::<AgentKey, Agent>(chunk)?);
            return Ok(());
        }
        if chunk.kind == ChunkKind::PlainAgents {
            let stored = PartSet::restore::<AgentKey, PlainAgent>(chunk)?;
            self.agents.extend(stored.into_iter().map(|(key, agent)| (key, agent.into())));
            return Ok(());
        }
        if chunk.kind == ChunkKind::OneCallAgents {
            let stored = PartSet::restore::<AgentKey, OneCallAgent>(chunk)?;
            self.agents.extend(stored.into_iter().map(|(key, agent)| (key, agent.into())));
            return Ok(());
        }
        if chunk.kind == ChunkKind::PauseReasons {
            self.reasons = read(chunk)?;
            return Ok(());
        }
        let index = usize::try_from(chunk.number).ok().filter(|index| *index < QUEUES_MAX);
        let index =
            index.ok_or(RestoreError::Inconsistent { kind: chunk.kind, number: chunk.number })?;
        let time = self.times.restored(index);
        match chunk.kind {
            ChunkKind::DenseAgentTime => time.booked = read::<DenseAgentTime>(chunk)?.into(),
            ChunkKind::PauseTime => time.paused_ms = read(chunk)?,
            _ => time.booked = read(chunk)?,
        }
        Ok(())
    }

    /// Sets times after `to` back to it, and drops the panes. Time that is booked stays booked.
    ///
    /// The history keeps the interval that contains `to`, and what agents have booked in it. So an
    /// agent who is booked past it goes on at its end; `kept_to` is that end.
    pub(crate) fn rewind(&mut self, to: Timestamp, kept_to: Timestamp) {
        for agent in self.agents.values_mut() {
            agent.rewind(to, kept_to);
        }
        self.booked_interval = None;
        self.forget_panes();
    }

    /// Drops the panes, as when their width has changed.
    pub(crate) fn forget_panes(&mut self) {
        self.times.forget_panes();
    }
}
