//! What an event changes about an agent.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::event::AgentState;
use crate::ids::QueueId;

/// Queues of an agent. Few agents have more than six, and those need an allocation per change.
pub(crate) type QueueList = SmallVec<[QueueId; 6]>;

/// Something that changes about an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AgentChange {
    /// The agent's state, and the complete list of its queues if the source names them.
    State { state: AgentState, queues: Option<QueueList> },
    /// The state in one queue.
    InQueue { queue: QueueId, state: AgentState },
    /// A call of that queue began.
    CallStarted { queue: QueueId },
    /// The call is over.
    CallEnded,
}
