//! Ids as types: keyed hashes of contacts, agents, follow-ups, records and sources; offsets; and
//! small integers for queues and series.

mod digest;
mod hasher;
mod keys;
mod labels;

pub use digest::RecordDigest;
pub(crate) use hasher::{BuildHashedKey, IdHasher};
pub(crate) use keys::CallId;
pub(crate) use keys::HashedId;
pub use keys::{AgentKey, ContactKey, FollowupKey, Offset, RecordKey, SourceKey};
pub(crate) use labels::{NO_QUEUE, OTHER_QUEUE, OVERFLOW, OverflowScheme, QueueId, SeriesId};
