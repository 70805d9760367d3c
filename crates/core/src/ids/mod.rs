//! TODO

mod hasher;
mod labels;

pub(crate) use hasher::{BuildHashedKey, IdHasher, table_hash};
pub(crate) use labels::{NONE, OTHER, QueueRef, SeriesId, UNLISTED};
