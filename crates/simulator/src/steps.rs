//! What can happen at a planned time.

use crate::contacts::ContactRef;
use crate::ground_truth::{LeftReason, SelfServiceOutcome};
use crate::site::QueueId;
use crate::staff::AgentIndex;

/// How a visit ends if no agent answers first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VisitEnding {
    Abandoned,
    Left(LeftReason),
}

/// How an offer to an agent ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RingOutcome {
    Answered,
    NotAnswered,
}

/// An open follow-up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Followup {
    pub(crate) number: u64,
    pub(crate) unit: &'static str,
    pub(crate) opened_ms: i64,
}

/// Something that happens at a planned time. A step that names a contact, a visit or an offer does
/// nothing if that is over by then.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    DayBegins { day: i64 },
    Arrival { stream: usize },
    SelfServiceEnds { contact: ContactRef, outcome: SelfServiceOutcome },
    VisitEnds { contact: ContactRef, visit: u32, ending: VisitEnding },
    RingEnds { contact: ContactRef, offer: u32, outcome: RingOutcome },
    ServiceEnds { contact: ContactRef, agent: AgentIndex },
    Survey { contact: ContactRef },
    Resolution { contact: ContactRef },
    Reopening { contact: ContactRef },
    ShiftBegins { agent: AgentIndex, ends_ms: i64 },
    ShiftEnds { agent: AgentIndex },
    BreakDue { agent: AgentIndex, length_ms: i64 },
    BreakEnds { agent: AgentIndex },
    WrapUpEnds { agent: AgentIndex },
    FieldWorkDone { followup: Followup },
    CitizenInformed { followup: Followup },
    Observation { queue: QueueId },
}
