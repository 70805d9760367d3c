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
