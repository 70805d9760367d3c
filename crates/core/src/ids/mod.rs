//! TODO

mod hasher;
mod labels;

pub(crate) use hasher::{BuildHashedKey, IdHasher, table_hash};
pub(crate) use labels::{NO_QUEUE, OTHER_QUEUE, OVERFLOW, QueueId, SeriesId};
