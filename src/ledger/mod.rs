//! The durable store: checkpoints, offsets and interval history in one SQLite file.
//!
//! One transaction per checkpoint holds, for each owned partition, the next offset, the changed
//! chunks of the shard, and the increments of the interval history. Several instances on one host
//! share the file. A generation number per partition fences an instance that has lost the
//! partition and does not know it yet.
//!
//! - `error`: what can go wrong
//! - `schema`: the tables and their migrations
//! - `tables`: the tables of the history, by their columns
//! - `views`: the history for SQL
//! - `read_only`: a ledger opened for reading, also where nothing can be written beside it
//! - `key`: the hash key of ids, in a file of its own
//! - `store`: leases and checkpoints
//! - `rewind`: stream time that is set back
//! - `intervals`: increments of the history, written; `counts` and `distribution` are its columns
//! - `further`: increments of the further tables of the history, written
//! - `names`: the names in the rows of the history
//! - `history`: the history, read

mod counts;
mod distribution;
mod distribution_errors;
mod error;
mod further;
pub mod history;
mod intervals;
mod key;
mod names;
mod read_only;
mod rewind;
mod schema;
mod store;
mod tables;
mod views;

pub use distribution_errors::DistributionErrors;
pub use error::LedgerError;
pub use key::{load_or_create, path_of_key};
pub use rewind::{PartitionAhead, RewindPlan, plan_rewind};
pub use schema::SCHEMA_VERSION;
pub use store::{
    AcquiredPartition, CheckpointRequest, CommitOutcome, CrashPoint, Lease, Ledger, LedgerSize,
    REPLAY_TOPIC, RecordFingerprint, StoredState, TopicId,
};
