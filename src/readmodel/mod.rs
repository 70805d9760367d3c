//! The read model: what every reader (scrape, API, page) sees. Immutable once built.

mod published;

pub use published::{Health, PartitionHealth, Published, ShardLabel};
