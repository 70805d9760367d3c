//! One partition: decode, life of the contact, windows.
//!
//! A [`Shard`] is a pure fold of its partition's log, and of the idle advances of stream time. It does no I/O and reads
//! no clock, so that a test, a replay and the ingest of Kafka get the same numbers from the same records.

mod checkpoint;
mod fold;
mod record;
mod restore;
mod series;
mod snapshot;
mod state;

pub use fold::Shard;
pub use record::{Orphan, RecordMeta, RecordOutcome};
