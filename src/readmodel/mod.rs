//! The read model: the immutable state that every reader (scrape, API, page) loads.

mod published_state;

pub use published_state::{Aggregation, Health, PartitionHealth, PublishedState, ShardLabel};
