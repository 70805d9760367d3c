//! The durable store: checkpoints, offsets and interval history in one SQLite file.
//!
//! One transaction per checkpoint holds, for each owned partition, the next offset, the changed chunks of the shard, and
//! the increments of the interval history. Several instances on one host share the file; a generation number per
//! partition fences off an instance that has lost the partition and does not know it yet.

mod counts;
mod distribution;
mod error;
pub mod history;
mod intervals;
mod key;
mod schema;
mod store;

pub use error::LedgerError;
pub use intervals::distributions_replaced;
pub use key::{load_or_create, path_of_key};
pub use schema::SCHEMA_VERSION;
pub use store::{
    AcquiredPartition, CheckpointRequest, CommitOutcome, CrashPoint, Lease, Ledger, LedgerSize,
    StoredState,
};
