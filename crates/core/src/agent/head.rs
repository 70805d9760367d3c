//! An agent counted once over all its queues: a head.

use crate::agent::lww_register::LwwRegister;
use crate::agent::reasoned_state::ReasonedState;
use crate::event::AgentState;
use crate::time::Timestamp;

/// The state of a head, from the states that the agent has in its queues.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// The state so far, and the event time of the change that has set it.
    known: Option<LwwRegister<ReasonedState>>,
}

impl Head {
    /// Adds the state in one queue, in any order of the queues.
    pub(super) fn add(&mut self, in_queue: LwwRegister<ReasonedState>) {
        if self.known.is_none_or(|known| precedence(in_queue) > precedence(known)) {
            self.known = Some(in_queue);
        }
    }

    /// Returns the state of the head; `None` without any queue.
    pub(super) fn state(self) -> Option<ReasonedState> {
        self.known.map(|known| known.value)
    }
}

/// Returns what decides between two queues: the state, of pauses the newest, and of pauses of the
/// same time the reason that was listed last.
fn precedence(known: LwwRegister<ReasonedState>) -> (u8, Timestamp, usize) {
    let ReasonedState { state, reason } = known.value;
    let (rank, since) = match state {
        AgentState::Offline => (0, Timestamp::MIN),
        AgentState::Paused => (1, known.event_time),
        AgentState::Available => (2, Timestamp::MIN),
        AgentState::WrapUp => (3, Timestamp::MIN),
        AgentState::Busy => (4, Timestamp::MIN),
    };
    (rank, since, reason.index())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::pause_reasons::PauseReason;

    fn register(event_time: i64, value: ReasonedState) -> LwwRegister<ReasonedState> {
        LwwRegister { event_time: Timestamp(event_time), value }
    }

    fn head(in_queues: &[LwwRegister<ReasonedState>]) -> Option<ReasonedState> {
        let mut head = Head::default();
        in_queues.iter().for_each(|known| head.add(*known));
        head.state()
    }

    #[test]
    fn head_has_the_first_state_of_the_order_in_any_queue() {
        let order = [
            AgentState::Busy,
            AgentState::WrapUp,
            AgentState::Available,
            AgentState::Paused,
            AgentState::Offline,
        ];
        for (place, first) in order.iter().enumerate() {
            for second in &order[place..] {
                // The weaker state is the newer one.
                let [first, second] = [register(1, (*first).into()), register(2, (*second).into())];
                assert_eq!(head(&[first, second]), Some(first.value));
                assert_eq!(head(&[second, first]), Some(first.value));
            }
        }
        assert_eq!(head(&[]), None);
    }

    #[test]
    fn head_has_the_reason_of_the_newest_pause() {
        let paused = |time, reason| register(time, ReasonedState::paused(PauseReason(reason)));
        for (first, second) in [
            (paused(2, 2), paused(1, 3)),
            (paused(2, 0), paused(1, 3)),
            (paused(1, 3), paused(1, 2)),
            (paused(1, 1), paused(1, 0)),
        ] {
            assert_eq!(head(&[first, second]), Some(first.value));
            assert_eq!(head(&[second, first]), Some(first.value));
        }
    }
}
