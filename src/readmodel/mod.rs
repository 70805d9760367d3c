//! The read model: the immutable state that every reader (scrape, API, page) loads.

mod denied_requests;
mod published_state;

pub use denied_requests::{DenialReason, DeniedRequests};
pub use published_state::{Aggregation, Health, PartitionHealth, PublishedState, ShardLabel};
