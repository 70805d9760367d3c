//! Bookkeeping of what the next checkpoint writes.

/// The slots that changed since the last checkpoint, and the progress of the compaction cycle that
/// rewrites the base image.
#[derive(Debug, Default)]
pub(super) struct DirtySlots {
    /// Slots that differ from what is stored, each once.
    pub(super) slots: Vec<u32>,
    /// Whether a slot is in `slots`, by slot.
    marked: Vec<bool>,
    /// The part of the base image that is rewritten next.
    pub(super) next_part: usize,
    /// Number of the checkpoint at which the present compaction cycle began. Older log chunks can
    /// go when the cycle ends.
    pub(super) cycle_start: i64,
    /// Bytes of the base image that must still be rewritten for the log written so far.
    pub(super) owed_bytes: usize,
}

impl DirtySlots {
    /// Marks a slot as changed.
    pub(super) fn mark(&mut self, slot: u32) {
        let index = slot as usize;
        if self.marked.len() <= index {
            self.marked.resize(index + 1, false);
        }
        if !std::mem::replace(&mut self.marked[index], true) {
            self.slots.push(slot);
        }
    }

    /// Marks all slots as unchanged.
    pub(super) fn clear(&mut self) {
        for slot in self.slots.drain(..) {
            self.marked[slot as usize] = false;
        }
    }
}
