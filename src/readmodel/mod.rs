//! The read model: what every reader (scrape, API, page) sees. Immutable once built.

mod published_state;

pub use published_state::{Health, PartitionHealth, PublishedState, ShardLabel};
