//! What is counted, and the bounds of the default configuration.

use crate::site::TeamId;

/// Target wait of the default configuration.
pub(crate) const TARGET_WAIT_MS: i64 = 20_000;
/// Longest wait of a short abandon in the default configuration.
pub(crate) const SHORT_ABANDON_MS: i64 = 5_000;
/// How long after its target an open visit counts as missed, in the default configuration.
pub(crate) const MISS_GRACE_MS: i64 = 2_000;
/// How far the counted agent time lies behind stream time.
pub(crate) const ALLOWED_LATENESS_MS: i64 = 60_000;

/// How the self-service part of a call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SelfServiceOutcome {
    Contained,
    ToQueue,
    Abandoned,
    Failed,
}

impl SelfServiceOutcome {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            SelfServiceOutcome::Contained => "contained",
            SelfServiceOutcome::ToQueue => "to_queue",
            SelfServiceOutcome::Abandoned => "abandoned",
            SelfServiceOutcome::Failed => "failed",
        }
    }
}

/// The reason of a visit that ends in another way than by an answer or abandonment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeftReason {
    Timeout,
    Full,
    ExitKey,
    Withdrawn,
    Callback,
    Closed,
}

impl LeftReason {
    pub(crate) const ALL: [LeftReason; 6] = [
        LeftReason::Timeout,
        LeftReason::Full,
        LeftReason::ExitKey,
        LeftReason::Withdrawn,
        LeftReason::Callback,
        LeftReason::Closed,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            LeftReason::Timeout => "timeout",
            LeftReason::Full => "full",
            LeftReason::ExitKey => "exit_key",
            LeftReason::Withdrawn => "withdrawn",
            LeftReason::Callback => "callback",
            LeftReason::Closed => "closed",
        }
    }
}

/// The reported state of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AgentState {
    Available,
    Busy,
    WrapUp,
    Paused,
    Offline,
}

impl AgentState {
    pub(crate) const ALL: [AgentState; 5] = [
        AgentState::Available,
        AgentState::Busy,
        AgentState::WrapUp,
        AgentState::Paused,
        AgentState::Offline,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            AgentState::Available => "available",
            AgentState::Busy => "busy",
            AgentState::WrapUp => "wrap_up",
            AgentState::Paused => "paused",
            AgentState::Offline => "offline",
        }
    }
}

/// A time range that an agent of a team spent in one state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    pub(crate) team: TeamId,
    pub(crate) state: AgentState,
    /// Reason of a pause.
    pub(crate) reason: Option<&'static str>,
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
}
