//! The unit of collection: one snapshot with its label.

use nabiz_core::snapshot::Snapshot;

/// A snapshot, and the value of its `shard` label if shards are published one by one.
pub(super) struct Part<'a> {
    pub(super) shard: Option<&'a str>,
    pub(super) snapshot: &'a Snapshot,
}

impl<'a> Part<'a> {
    /// Returns the value of the `shard` label. It outlives the part, so that samples can borrow it.
    pub(super) fn shard(&self) -> Option<&'a str> {
        self.shard
    }
}
