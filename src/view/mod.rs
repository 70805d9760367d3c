//! The read model: what every reader (scrape, API, page) sees. Immutable once built.
//!
//! A shard produces a [`Snapshot`]; [`merge()`] adds the snapshots of several shards into one of the same shape;
//! [`Published`] is what readers hold.

mod cells;
mod formulas;
mod merge;
mod native;
mod published;
mod snapshot;

pub use cells::Cells;
pub(crate) use cells::{cell_of, lowest_value_of};
pub use merge::merge;
pub use native::{NATIVE_SCHEMA, NATIVE_ZERO_THRESHOLD, NativeCounts};
pub use published::{Health, PartitionHealth, Published, ShardLabel};
pub use snapshot::{
    AgentWindow, BucketHistogram, FollowupSnapshot, Live, Observation, QueueSnapshot, RecordTotals, SeriesSnapshot,
    Snapshot, Totals, WindowCounts, WindowSnapshot,
};
