//! What the ingesting side hands to the reading side: plain data, replaced as a whole, never changed in place.
//!
//! Readers hold it through `arc_swap::ArcSwap<Published>`, so that neither side ever waits for the other.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::{RecordTotals, Snapshot, merge};
use crate::shard::Settings;

/// The partition that a shard folds. Its text, `topic/partition`, is the value of the `shard` label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardLabel {
    /// Kafka topic.
    pub topic: Arc<str>,
    /// Partition of the topic.
    pub partition: i32,
}

impl fmt::Display for ShardLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

/// The read model of one process.
#[derive(Clone, Debug)]
pub struct Published {
    /// The settings under which the shards were folded.
    pub settings: Arc<Settings>,
    /// The shards of this process, sorted by label.
    pub shards: Vec<(ShardLabel, Arc<Snapshot>)>,
    /// All shards added together; configured queues are in it even where there is no shard.
    pub merged: Arc<Snapshot>,
    /// What only the ingesting side knows.
    pub health: Health,
    /// False until every worker has reached the log end that it saw at its start. While false, the contact metrics and
    /// the record, dead-letter and skew counters are withheld.
    pub contact_metrics_ready: bool,
    /// Each contact metric carries `shard`, and shards are published one by one instead of added.
    pub shard_label: bool,
}

/// State of the pipeline that stands in no shard.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    /// Why the process is not ready, lower case and without a full stop; `None` once it is.
    pub not_ready: Option<String>,
    /// Records between the position of the consumer and the end of the log, by partition.
    pub lag_records: BTreeMap<ShardLabel, u64>,
    /// Rejected records written to the dead-letter topic.
    pub dead_letters: u64,
    /// Rebalances since the process began.
    pub rebalances: u64,
    /// The last checkpoint; `None` where there is no ledger or nothing was stored yet.
    pub checkpoint: Option<Checkpoint>,
}

impl Health {
    /// Whether the process is caught up and working.
    pub fn is_ready(&self) -> bool {
        self.not_ready.is_none()
    }
}

/// A checkpoint that is safely in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// When it was stored, by the wall clock, in milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// How long storing it took.
    pub duration_ms: u64,
}

impl Published {
    /// Sorts the shards and adds them.
    pub fn new(
        settings: Arc<Settings>,
        mut shards: Vec<(ShardLabel, Arc<Snapshot>)>,
        health: Health,
        contact_metrics_ready: bool,
        shard_label: bool,
    ) -> Self {
        shards.sort_by(|(a, _), (b, _)| a.cmp(b));
        let known = Snapshot::of_known_queues(&settings);
        let merged = merge([&known].into_iter().chain(shards.iter().map(|(_, snapshot)| &**snapshot)));
        Published { settings, shards, merged: Arc::new(merged), health, contact_metrics_ready, shard_label }
    }

    /// The read model of a process that has read nothing yet: no shard, not ready.
    pub fn starting(settings: Arc<Settings>, shard_label: bool) -> Self {
        let health = Health { not_ready: Some("waiting for partitions".to_string()), ..Health::default() };
        Published::new(settings, Vec::new(), health, false, shard_label)
    }

    /// What became of the records, by topic.
    pub fn records_by_topic(&self) -> BTreeMap<Arc<str>, RecordTotals> {
        let mut topics: BTreeMap<Arc<str>, RecordTotals> = BTreeMap::new();
        for (label, snapshot) in &self.shards {
            topics.entry(Arc::clone(&label.topic)).or_default().add(&snapshot.records);
        }
        topics
    }
}
