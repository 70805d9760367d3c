//! The durable store: checkpoints, offsets and interval history in one SQLite file.
//!
//! One transaction per checkpoint holds, for each owned partition, the next offset, the changed pieces of the shard, and
//! the increments of the interval history. Several instances on one host share the file; a generation number per
//! partition fences off an instance that has lost the partition and does not know it yet.

mod error;
mod key;
mod schema;

pub use error::LedgerError;
pub use key::{load_or_create, path_of_key};
pub use schema::SCHEMA_VERSION;
