//! The ending of a visit.

use serde::{Deserialize, Serialize};

use crate::event::LeftReason;
use crate::ids::AgentKey;

/// How a visit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ending {
    /// By this agent, where it is known and calls drive agents.
    Answered(Option<AgentKey>),
    Abandoned,
    Left(LeftReason),
    /// No ending came: the visit exceeded its longest wait, or its source restarted.
    Lost,
    /// Answered by a reply, without a conversation.
    Replied,
}
