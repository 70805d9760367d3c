//! What the ingesting side hands to the reading side: plain data, replaced as a whole, never changed in place.
//!
//! Readers hold it through `arc_swap::ArcSwap<PublishedState>`, so that neither side ever waits for the other.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nabiz_core::measures::RecordTotals;
use nabiz_core::settings::Settings;
use nabiz_core::snapshot::{Snapshot, merge};

/// The partition that a shard folds. Its text, `topic/partition`, is the value of the `shard` label.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
pub struct PublishedState {
    /// The settings under which the shards were folded.
    pub settings: Arc<Settings>,
    /// The shards of this process, sorted by label.
    pub shards: Vec<(ShardLabel, Arc<Snapshot>)>,
    /// All shards added together; configured queues are in it even where there is no shard.
    pub merged: Arc<Snapshot>,
    /// How the pipeline is.
    pub health: Health,
    /// False until every worker has reached the log end that it saw at its start. While false, the contact metrics and
    /// the record, dead-letter and skew counters are withheld.
    pub contact_metrics_ready: bool,
    /// Each contact metric carries `shard`, and shards are published one by one instead of added.
    pub shard_label: bool,
    /// When every worker last confirmed that it holds what is published; `None` where nobody has to (tests, replay).
    pub confirmed: Option<Instant>,
}

/// A process that was stopped for longer may have lost its partitions and not know it yet: until its workers confirm,
/// the numbers are another's to tell. Shorter than the shortest session (6 s) that brokers allow by default.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(4);

/// How the pipeline is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    /// Every worker has caught up to the log end that it saw at start.
    pub ready: bool,
    /// Why not, for a person; `None` when ready.
    pub not_ready_because: Option<String>,
    /// Every worker is connected to a broker.
    pub connected: bool,
    /// Every partition held, sorted by label.
    pub partitions: Vec<PartitionHealth>,
    /// What became of the records, by topic; [`PublishedState::new`] adds it up from the shards.
    pub records: BTreeMap<Arc<str>, RecordTotals>,
    /// Rebalances since the process began.
    pub rebalances: u64,
    /// Rejected records written to the dead-letter topic.
    pub dead_letters: u64,
    /// Records on their way there.
    pub dead_letters_waiting: u64,
    /// Attempts to write there that failed; each is made again, unless the record can never be written.
    pub dead_letter_failures: u64,
    /// Errors that the Kafka client reported.
    pub client_errors: u64,
    /// When the last checkpoint was stored, by the wall clock, in milliseconds since the Unix epoch; `None` where there
    /// is no ledger or nothing was stored yet.
    pub checkpoint_ms: Option<i64>,
    /// How long storing it took.
    pub checkpoint_duration_ms: Option<u64>,
    /// Longest time for which reading stopped for a checkpoint, in microseconds.
    pub checkpoint_pause_us: u64,
    /// Checkpoints and takeovers that failed; each is tried again.
    pub ledger_failures: u64,
    /// What is wrong with the ledger now; numbers go on without it.
    pub ledger_trouble: Option<String>,
    /// Bytes in use in the ledger.
    pub ledger_bytes: u64,
    /// Bytes of the ledger's file, with what is free for new data.
    pub ledger_file_bytes: u64,
    /// Bytes of its write-ahead log.
    pub ledger_wal_bytes: u64,
    /// Rows of the interval history in memory that are not stored yet.
    pub unsaved_intervals: u64,
    /// Distributions in the ledger that could not be read: replaced by what came later.
    pub distributions_replaced: u64,
    /// Distributions in the ledger that could not be read: left out of an answer, each time.
    pub distributions_unreadable: u64,
    /// Logs of partitions that went back, because their topic was made anew.
    pub log_resets: u64,
}

/// How one partition is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionHealth {
    /// Which.
    pub label: ShardLabel,
    /// Next offset to read; `None` before the first fetch.
    pub position: Option<i64>,
    /// End of the log as last seen.
    pub end: Option<i64>,
    /// Records between the two.
    pub lag: Option<u64>,
    /// Stream time; `None` before the first record.
    pub stream_time_ms: Option<i64>,
    /// End of the log when the partition came to us; `None` until it is known.
    pub catch_up_to: Option<i64>,
    /// Everything up to there has been read.
    pub caught_up: bool,
    /// Records that the topic no longer held when they were wanted (retention).
    pub missed: u64,
    /// Dead letters that are not written yet.
    pub letters: u64,
    /// Identities of records in memory.
    pub remembered_ids: u64,
}

impl PublishedState {
    /// Sorts the shards, adds them, and adds their records by topic into `health`.
    pub fn new(
        settings: Arc<Settings>,
        mut shards: Vec<(ShardLabel, Arc<Snapshot>)>,
        mut health: Health,
        contact_metrics_ready: bool,
        shard_label: bool,
    ) -> Self {
        shards.sort_by(|(a, _), (b, _)| a.cmp(b));
        health.partitions.sort_by(|a, b| a.label.cmp(&b.label));
        health.records.clear();
        for (label, snapshot) in &shards {
            health.records.entry(Arc::clone(&label.topic)).or_default().add(&snapshot.records);
        }
        let known = Snapshot::of_known_queues(&settings);
        let merged =
            merge([&known].into_iter().chain(shards.iter().map(|(_, snapshot)| &**snapshot)));
        let merged = Arc::new(merged);
        PublishedState {
            settings,
            shards,
            merged,
            health,
            contact_metrics_ready,
            shard_label,
            confirmed: None,
        }
    }

    /// Returns whether the contact metrics and the counters of records may be served at `now`.
    pub fn is_servable(&self, now: Instant) -> bool {
        self.contact_metrics_ready
            && self
                .confirmed
                .is_none_or(|confirmed| now.saturating_duration_since(confirmed) < CONFIRMED_WITHIN)
    }

    /// The read model of a process that has read nothing yet: no shard, not ready.
    pub fn starting(settings: Arc<Settings>, shard_label: bool) -> Self {
        PublishedState::new(settings, Vec::new(), Health::default(), false, shard_label)
    }
}
