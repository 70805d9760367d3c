//! Small integers for queues and series.

use serde::{Deserialize, Serialize};

/// The number of a queue within its shard.
///
/// A queue past the bound has the label `other`, but a number of its own with the bit
/// [`OVERFLOW`]. A transfer between two such queues is therefore still a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct QueueId(pub(crate) u32);

/// The bit that marks a queue past the bound.
pub(crate) const OVERFLOW: u32 = 1 << 31;

/// The rule that gives a queue past the bound its number. A shard keeps its rule, because its
/// stored visits have numbers of that rule, and no stored name tells which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum OverflowScheme {
    /// SipHash-1-3 of the name without a key, as shards have it that began with a ledger of version
    /// 3 or older. It is what `DefaultHasher` of the standard library was then.
    Unkeyed,
    /// SipHash-1-3 of the name with the key of the ledger.
    Keyed,
}

/// The number of a (queue, channel) pair within its shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct SeriesId(pub(crate) u32);

impl SeriesId {
    /// Returns the index of the series in the tables of a shard.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// The queue of contacts whose queue is unknown.
pub(crate) const NO_QUEUE: QueueId = QueueId(0);

/// The number of the queue that has the label `other`.
pub(crate) const OTHER_QUEUE: u32 = 1;
