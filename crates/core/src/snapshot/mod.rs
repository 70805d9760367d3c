//! The numbers of a shard at an instant of stream time, and their sum over shards.
//!
//! A shard produces a [`Snapshot`]; [`merge()`] adds the snapshots of several shards into one of
//! the same shape. A snapshot does not change after it is built.

mod merge;
mod model;

pub use merge::merge;
pub use model::{QueueSnapshot, SeriesSnapshot, Snapshot};
