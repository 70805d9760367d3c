//! TODO

mod hasher;
mod keys;
mod labels;

pub(crate) use hasher::{BuildHashedKey, IdHasher, table_hash};
pub use keys::{AgentKey, ContactKey, FollowupKey, Offset, RecordKey, SourceKey};
pub(crate) use labels::{NO_QUEUE, OTHER_QUEUE, OVERFLOW, QueueId, SeriesId};
