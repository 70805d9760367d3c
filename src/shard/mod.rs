//! One partition: decode, life of the contact, windows.
//!
//! A [`Shard`] is a pure fold of its partition's log, and of the idle advances of stream time. It does no I/O and reads
//! no clock, so that a test, a replay and the ingest of Kafka get the same numbers from the same records.

mod checkpoint;
mod fold;
mod interval;
mod pieces;
mod registry;
mod series;
mod settings;
mod snapshot;

pub use fold::{Arrival, Fate, Orphan, Shard};
pub use interval::{AgentIntervalDelta, IntervalCounts, IntervalDelta};
pub use pieces::{Checkpoint, Deletion, Piece, PieceKind, RestoreError};
pub(crate) use pieces::{append, read, take};
pub(crate) use registry::{Labels, NONE, QueueRef, Registry, SeriesId};
pub use settings::{Clock, Formula, Limits, QueueSettings, Settings, WindowLength, WindowSettings};
