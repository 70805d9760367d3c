//! References to stored contacts.

/// A reference to a contact. A later contact in the same slot has another generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Handle {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

#[cfg(test)]
impl Handle {
    /// Returns a handle of the first generation.
    pub(crate) fn of_test(slot: u32) -> Handle {
        Handle { slot, generation: 0 }
    }
}
