//! What is not stored yet.

/// What is not stored yet, and how far the picture is renewed.
#[derive(Debug, Default)]
pub(crate) struct DirtySlots {
    /// ContactArena that differ from what is stored, each once.
    pub(crate) slots: Vec<u32>,
    marked: Vec<bool>,
    /// The part that is renewed next.
    pub(crate) next_part: usize,
    /// Number of the checkpoint at which the present round over the parts began; older log chunks can go when it ends.
    pub(crate) round_began: i64,
    /// Bytes of the log that the picture has not been renewed for yet.
    pub(crate) owed_bytes: usize,
}

impl DirtySlots {
    pub(crate) fn mark(&mut self, slot: u32) {
        let index = slot as usize;
        if self.marked.len() <= index {
            self.marked.resize(index + 1, false);
        }
        if !std::mem::replace(&mut self.marked[index], true) {
            self.slots.push(slot);
        }
    }

    pub(crate) fn clear(&mut self) {
        for slot in self.slots.drain(..) {
            self.marked[slot as usize] = false;
        }
    }
}
