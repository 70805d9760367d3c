//! Agents in the forms of older ledgers. Up to the fourth version, an agent was in a call or not,
//! and a queue known only from a call had a state of its own. The form after that did not know when
//! an agent was unpaused.
//!
//! These types are only read; the next checkpoint writes the current form.

use serde::Deserialize;
use smallvec::{SmallVec, smallvec};

use crate::agent::change::{AgentChange, QueueList};
use crate::agent::lww_register::LwwRegister;
use crate::agent::model::Agent;
use crate::agent::reasoned_state::ReasonedState;
use crate::agent::status::{AgentStatus, Call, TimedChange};
use crate::event::AgentState;
use crate::ids::{CallId, QueueId};
use crate::time::{Millis, Timestamp};

/// The longest call of an older ledger, which does not tell: the default of `max_service` for
/// telephone calls.
const CALL_MAX: Millis = Millis::from_hours(4);

/// The fields of [`Agent`] by position.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(super) struct OneCallAgent {
    booked: OneCallStatus,
    booked_to: Timestamp,
    timeline: Vec<(Timestamp, OneCallChange)>,
}

/// The fields of [`AgentStatus`] by position.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct OneCallStatus {
    state: Option<LwwRegister<ReasonedState>>,
    queues: Option<LwwRegister<QueueList>>,
    in_queue: Vec<(QueueId, LwwRegister<ReasonedState>)>,
    implied: QueueList,
    in_call: Option<LwwRegister<bool>>,
}

/// The fields of [`Agent`] by position, without unpausings.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(super) struct PlainAgent {
    booked: PlainStatus,
    booked_to: Timestamp,
    timeline: Vec<TimedChange>,
}

/// The fields of [`AgentStatus`] by position, without unpausings.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct PlainStatus {
    state: Option<LwwRegister<ReasonedState>>,
    queues: Option<LwwRegister<QueueList>>,
    in_queue: Vec<(QueueId, LwwRegister<ReasonedState>)>,
    implied: QueueList,
    calls: SmallVec<[Call; 1]>,
    wrap_up: Option<LwwRegister<Timestamp>>,
}

/// The variants of [`AgentChange`] by position.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
enum OneCallChange {
    State { state: AgentState, queues: Option<QueueList> },
    InQueue { queue: QueueId, state: AgentState },
    CallStarted { queue: QueueId },
    CallEnded,
}

impl From<OneCallStatus> for AgentStatus {
    fn from(stored: OneCallStatus) -> Self {
        let OneCallStatus { state, queues, mut in_queue, mut implied, in_call } = stored;
        in_queue.retain(|(queue, _)| !implied.contains(queue));
        if queues.is_some() {
            implied.clear();
        }
        let calls = match in_call {
            Some(LwwRegister { event_time, value: true }) => {
                let until = event_time.saturating_add(CALL_MAX);
                smallvec![Call { id: CallId::default(), until }]
            }
            _ => smallvec![],
        };
        AgentStatus { state, queues, in_queue, implied, calls, ..AgentStatus::default() }
    }
}

impl From<PlainAgent> for Agent {
    fn from(stored: PlainAgent) -> Self {
        let PlainAgent { booked, booked_to, timeline } = stored;
        let PlainStatus { state, queues, in_queue, implied, calls, wrap_up } = booked;
        let unpausings = Vec::new();
        let booked = AgentStatus { state, queues, in_queue, implied, calls, wrap_up, unpausings };
        Agent { booked, booked_to, timeline }
    }
}

impl From<OneCallAgent> for Agent {
    fn from(stored: OneCallAgent) -> Self {
        let timeline = stored.timeline.into_iter().map(|(event_time, change)| {
            let id = CallId::default();
            let change = match change {
                OneCallChange::State { state, queues } => {
                    AgentChange::State { state: state.into(), queues }
                }
                OneCallChange::InQueue { queue, state } => {
                    AgentChange::InQueue { queue, state: state.into() }
                }
                OneCallChange::CallStarted { queue } => {
                    let until = event_time.saturating_add(CALL_MAX);
                    AgentChange::CallBegun { id, queue, until }
                }
                OneCallChange::CallEnded => AgentChange::CallEnded { id },
            };
            TimedChange { event_time, change }
        });
        Agent {
            timeline: timeline.collect(),
            booked: stored.booked.into(),
            booked_to: stored.booked_to,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ContactKey;
    use crate::ids::Offset;
    use crate::state::{ChunkKind, StateChunk, append, read};

    const FAULT: QueueId = QueueId(4);
    const BILLING: QueueId = QueueId(3);

    fn register<T>(event_time: i64, value: T) -> LwwRegister<T> {
        LwwRegister { event_time: Timestamp(event_time), value }
    }

    /// Returns the agent that is read from the stored bytes.
    fn restored(stored: &OneCallAgent) -> Agent {
        let bytes = append(Vec::new(), stored);
        let chunk = StateChunk { kind: ChunkKind::OneCallAgents, number: 1, bytes };
        read::<OneCallAgent>(&chunk).unwrap().into()
    }

    fn states(status: &AgentStatus, since: i64) -> Vec<(QueueId, AgentState)> {
        status.states(Timestamp(since)).map(|(queue, state)| (queue, state.state)).collect()
    }

    #[test]
    fn call_without_its_contact_ends_with_any_end_or_after_its_longest_time() {
        let agent = restored(&OneCallAgent {
            booked: OneCallStatus {
                state: None,
                queues: None,
                in_queue: vec![
                    (FAULT, register(10, AgentState::Available.into())),
                    (BILLING, register(5, AgentState::Paused.into())),
                ],
                implied: QueueList::from_slice(&[FAULT]),
                in_call: Some(register(10, true)),
            },
            booked_to: Timestamp(60),
            timeline: vec![(Timestamp(70), OneCallChange::CallEnded)],
        });
        let mut status = agent.booked.clone();
        let busy = [(BILLING, AgentState::Busy), (FAULT, AgentState::Busy)];
        let idle = [(BILLING, AgentState::Paused), (FAULT, AgentState::Available)];
        assert_eq!(states(&status, 60), busy);
        assert_eq!(states(&status, 10 + CALL_MAX.get() as i64), idle);

        let id = CallId { contact: ContactKey(1), record: Offset(2) };
        status.apply(Timestamp(65), &AgentChange::CallEnded { id });
        assert_eq!(states(&status, 65), idle);

        let [TimedChange { event_time, change }] = agent.timeline.as_slice() else {
            panic!("{:?}", agent.timeline)
        };
        let mut status = agent.booked.clone();
        status.apply(*event_time, change);
        assert_eq!(states(&status, 70), idle);
    }

    #[test]
    fn agent_without_unpausings_is_read_as_it_was_stored() {
        let change = AgentChange::Unpaused { queue: None };
        let stored = PlainAgent {
            booked: PlainStatus {
                state: Some(register(10, AgentState::Paused.into())),
                queues: None,
                in_queue: vec![(FAULT, register(20, AgentState::Available.into()))],
                implied: QueueList::from_slice(&[BILLING]),
                calls: smallvec![Call { id: CallId::default(), until: Timestamp(50) }],
                wrap_up: Some(register(30, Timestamp(90))),
            },
            booked_to: Timestamp(40),
            timeline: vec![TimedChange { event_time: Timestamp(70), change }],
        };
        let bytes = append(Vec::new(), &stored);
        let chunk = StateChunk { kind: ChunkKind::PlainAgents, number: 1, bytes };
        let mut agent: Agent = read::<PlainAgent>(&chunk).unwrap().into();
        assert_eq!(
            states(&agent.booked, 40),
            [FAULT, BILLING].map(|queue| (queue, AgentState::Busy))
        );
        let after = [(FAULT, AgentState::WrapUp), (BILLING, AgentState::WrapUp)];
        assert_eq!(states(&agent.booked, 60), after);
        let [TimedChange { event_time, change }] = agent.timeline.as_slice() else {
            panic!("{:?}", agent.timeline)
        };
        agent.booked.apply(*event_time, change);
        let unpaused = [FAULT, BILLING].map(|queue| (queue, AgentState::Available));
        assert_eq!(states(&agent.booked, 70), unpaused);
    }
}
