//! The read model: the immutable state that every reader (scrape, API, page) loads.

mod degradation;
mod denied_requests;
mod gateway_counts;
mod published_state;
mod reloads;
mod shard_label;

pub use degradation::Degradation;
pub use denied_requests::{DenialReason, DeniedRequests};
pub use gateway_counts::{
    GATEWAY_DURATION_BOUNDS, GatewayCounts, PathCounts, TurnedAway, WebhookResult,
};
pub use published_state::{Aggregation, Availability, Health, PartitionHealth, PublishedState};
pub use reloads::{ConfigStatus, ReloadOf, Reloads};
pub use shard_label::ShardLabel;
