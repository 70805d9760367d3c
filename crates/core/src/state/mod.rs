//! TODO

mod chunk;
mod parts;

pub use chunk::{Checkpoint, ChunkKind, RestoreError, StateChunk};
pub(crate) use chunk::{append, read, take};
pub(crate) use parts::PartSet;
