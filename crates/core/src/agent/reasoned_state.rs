//! The state of an agent with the reason of a pause.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::agent::pause_reasons::PauseReason;
use crate::event::AgentState;

/// The states of an agent, as numbers: those past it are pauses with a reason.
const STATES: u32 = AgentState::ALL.len() as u32;

/// The state of an agent. Of a pause, it has the reason too.
///
/// The ledger stores a number: that of the state, which is all that older ledgers have, or one for
/// each reason of a pause after these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReasonedState {
    pub(crate) state: AgentState,
    /// [`PauseReason::NONE`] where the agent is not paused.
    pub(crate) reason: PauseReason,
}

impl ReasonedState {
    pub(crate) const AVAILABLE: Self =
        ReasonedState { state: AgentState::Available, reason: PauseReason::NONE };

    /// Returns a pause with its reason.
    pub(crate) fn paused(reason: PauseReason) -> Self {
        ReasonedState { state: AgentState::Paused, reason }
    }

    pub(crate) fn is_paused(self) -> bool {
        self.state == AgentState::Paused
    }
}

impl From<AgentState> for ReasonedState {
    fn from(state: AgentState) -> Self {
        ReasonedState { state, reason: PauseReason::NONE }
    }
}

impl Serialize for ReasonedState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number = match self.reason {
            PauseReason::NONE => self.state.index() as u32,
            PauseReason(reason) => STATES - 1 + u32::from(reason),
        };
        serializer.serialize_u32(number)
    }
}

impl<'de> Deserialize<'de> for ReasonedState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u32::deserialize(deserializer)?;
        if let Some(state) = AgentState::ALL.get(number as usize) {
            return Ok((*state).into());
        }
        let reason = u16::try_from(number - (STATES - 1));
        let reason = reason.map_err(|_| serde::de::Error::custom("no state has this number"))?;
        Ok(ReasonedState::paused(PauseReason(reason)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{ChunkKind, StateChunk, append, read};

    #[test]
    fn state_without_a_reason_has_the_stored_bytes_of_a_plain_state() {
        for state in AgentState::ALL.iter().copied() {
            let reasoned = append(Vec::new(), &ReasonedState::from(state));
            assert_eq!(reasoned, append(Vec::new(), &state));
        }
    }

    #[test]
    fn pause_is_restored_with_its_reason() {
        for reason in [0, 1, 2, 300, u16::MAX].map(PauseReason) {
            let bytes = append(Vec::new(), &ReasonedState::paused(reason));
            let chunk = StateChunk { kind: ChunkKind::Agents, number: 0, bytes };
            assert_eq!(read::<ReasonedState>(&chunk).unwrap(), ReasonedState::paused(reason));
        }
        let bytes = append(Vec::new(), &(u32::from(u16::MAX) + STATES));
        let chunk = StateChunk { kind: ChunkKind::Agents, number: 0, bytes };
        assert!(read::<ReasonedState>(&chunk).is_err());
    }
}
