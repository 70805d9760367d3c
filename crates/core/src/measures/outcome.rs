//! The result of an event for its contact, agent or follow-up.

/// The result of an event for its contact, agent or follow-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ApplyOutcome {
    /// The event says something new.
    Applied,
    /// The event says nothing new, or is stale.
    Duplicate,
    /// The event is an ending that waits for its start.
    Held,
}
