//! Small integers for queues and series.

use std::hash::Hash;

use serde::{Deserialize, Serialize};

/// A queue as the life of a contact sees it. Names past the bound share the labels of `other` but keep an identity of
/// their own, so that a transfer between two of them is still a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct QueueId(pub(crate) u32);

pub(crate) const OVERFLOW: u32 = 1 << 31;

/// Index of a (queue, channel) pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct SeriesId(pub(crate) u32);

impl SeriesId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Queue that stands for "no queue is known".
pub(crate) const NO_QUEUE: QueueId = QueueId(0);

pub(crate) const OTHER_QUEUE: u32 = 1;
