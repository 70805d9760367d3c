//! Where a contact is stored.

/// Where a contact is stored. The generation tells a later contact in the same slot apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Handle {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

#[cfg(test)]
impl Handle {
    pub(crate) fn of_test(slot: u32) -> Handle {
        Handle { slot, generation: 0 }
    }
}
