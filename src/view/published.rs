//! What workers publish and readers see: the snapshots of every partition held, their sum, and the health of the
//! pipeline.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{RecordTotals, Snapshot};
use crate::shard::Settings;

/// One immutable state of the pipeline.
#[derive(Clone, Debug)]
pub struct Published {
    /// The settings that the snapshots were made with.
    pub settings: Arc<Settings>,
    /// Per partition.
    pub shards: Vec<(ShardLabel, Arc<Snapshot>)>,
    /// All partitions added.
    pub merged: Arc<Snapshot>,
    /// How the pipeline is.
    pub health: Health,
    /// Whether the contact numbers may be shown: every worker has caught up.
    pub contact_metrics_ready: bool,
    /// Whether each contact metric carries its partition.
    pub shard_label: bool,
}

/// A partition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShardLabel {
    /// Topic.
    pub topic: Arc<str>,
    /// Partition number.
    pub partition: i32,
}

/// How the pipeline is.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// Every worker has caught up to the log end that it saw at start.
    pub ready: bool,
    /// Why not, for a person; absent when ready.
    pub not_ready_because: Option<String>,
    /// Every worker is connected to a broker.
    pub connected: bool,
    /// Per partition held.
    pub partitions: Vec<PartitionHealth>,
    /// What became of the records, by topic.
    pub records: BTreeMap<Arc<str>, RecordTotals>,
    /// Rebalances since start.
    pub rebalances: u64,
    /// Records written to the dead-letter topic.
    pub dead_letters: u64,
    /// Records on their way to the dead-letter topic.
    pub dead_letters_waiting: u64,
    /// Attempts to write to the dead-letter topic that failed; each is made again, unless the record can never be written.
    pub dead_letter_failures: u64,
    /// Errors that the Kafka client reported.
    pub client_errors: u64,
    /// Wall time of the newest checkpoint; absent without a ledger.
    pub checkpoint_ms: Option<i64>,
}

/// How one partition is.
#[derive(Clone, Debug)]
pub struct PartitionHealth {
    /// Which.
    pub label: ShardLabel,
    /// Next offset to read; absent before the first fetch.
    pub position: Option<i64>,
    /// End of the log as last seen.
    pub end: Option<i64>,
    /// Records between the two.
    pub lag: Option<u64>,
    /// Stream time; absent before the first record.
    pub stream_time_ms: Option<i64>,
    /// End of the log when the partition came to us; absent until it is known.
    pub catch_up_to: Option<i64>,
    /// Everything up to there has been read.
    pub caught_up: bool,
}
