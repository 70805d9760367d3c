//! What an event changes about an agent.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::agent::reasoned_state::ReasonedState;
use crate::ids::{CallId, QueueId};
use crate::time::Timestamp;

/// Queues of an agent. Few agents have more than six, and those need an allocation per change.
pub(crate) type QueueList = SmallVec<[QueueId; 6]>;

/// Something that changes about an agent.
///
/// The ledger stores the variants by position, so their order never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AgentChange {
    /// The agent's state, and the complete list of its queues if the source names them.
    State { state: ReasonedState, queues: Option<QueueList> },
    /// The state in one queue.
    InQueue { queue: QueueId, state: ReasonedState },
    /// Makes the agent available where it is paused: in one queue, or in all.
    Unpaused { queue: Option<QueueId> },
    /// The agent is in wrap-up.
    WrapUp { until: Timestamp },
    /// A call of that queue began. It ends at `until` at the latest.
    CallBegun { id: CallId, queue: QueueId, until: Timestamp },
    /// The call is over.
    CallEnded { id: CallId },
}
