//! The stored form of a shard: chunks, their encoding, and the forms of older ledgers.

mod chunk;
mod older;
mod parts;

pub(crate) use chunk::CheckpointExtent;
pub use chunk::{Checkpoint, ChunkKind, RestoreError, StateChunk};
pub(crate) use chunk::{append, read, take};
pub(crate) use older::{PositionalTotals, PositionalWindowCounts};
pub(crate) use parts::PartSet;
