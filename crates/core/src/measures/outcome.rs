//! What a record changed.

/// What a record was to the contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ApplyOutcome {
    /// It said something new.
    Applied,
    /// It said nothing new, or came too late to be believed.
    Duplicate,
    /// An ending that waits for its start.
    Held,
}
