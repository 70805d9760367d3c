//! TODO

mod chunk;
mod parts;

pub use chunk::{Checkpoint, Piece, PieceKind, RestoreError};
pub(crate) use chunk::{append, read, take};
pub(crate) use parts::PartSet;
