//! The published state: plain data that ingest replaces as a whole and never changes in place.
//!
//! Readers load it through `arc_swap::ArcSwap<PublishedState>`, so that neither side waits for the
//! other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nabiz_core::ids::Offset;
use nabiz_core::measures::RecordTotals;
use nabiz_core::settings::Settings;
use nabiz_core::snapshot::{Snapshot, merge};
use nabiz_core::time::{Timestamp, WallTime};

use super::degradation::Degradation;
use super::reloads::ConfigStatus;
use super::shard_label::ShardLabel;

/// Whether shards are added before they are served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Aggregation {
    /// Each series is the sum over the shards of this process.
    #[default]
    Summed,
    /// Each series belongs to one shard and has the label `shard`, so that it can move to another
    /// process with its partition.
    PerShard,
}

/// The state that every reader of one process loads.
#[derive(Clone, Debug)]
pub struct PublishedState {
    /// The settings of the shards.
    pub settings: Arc<Settings>,
    /// The shards of this process, sorted by label.
    pub shards: Vec<(ShardLabel, Arc<Snapshot>)>,
    /// The sum of the shards. It has every configured queue, also without any shard.
    pub merged: Arc<Snapshot>,
    /// The health of the pipeline.
    pub health: Health,
    /// Whether the series are served summed or per shard.
    pub aggregation: Aggregation,
    /// The last instant at which every worker was known to be running and to own its partitions;
    /// `None` without workers (tests, replay).
    pub confirmed_at: Option<Instant>,
}

/// The time after which numbers without a new confirmation are withheld: the process may have been
/// suspended, and another instance may own its partitions. Shorter than the shortest session
/// timeout (6 s) that brokers allow by default. [`PublishedState::withheld_because`] names it.
const CONFIRMATION_TTL: Duration = Duration::from_secs(4);

/// Whether the contact metrics and the counters of records can be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    /// They are true and complete: every worker has its partitions, owns them in the ledger, and
    /// has read up to the log end that it saw first. Sums have every partition of the topics.
    Served,
    /// They could be wrong, for this reason. `ingest/readiness.rs` has every reason.
    Withheld(String),
}

impl Default for Availability {
    fn default() -> Self {
        Availability::Withheld("the workers are starting".to_owned())
    }
}

/// The health of the pipeline.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    /// Whether the numbers can be served, as far as the reports of the workers say.
    pub availability: Availability,
    /// The present faults that leave the served numbers true: of the process, then by partition.
    pub degraded: Vec<Degradation>,
    /// Every worker is connected to a broker.
    pub connected: bool,
    /// Every owned partition, sorted by label.
    pub partitions: Vec<PartitionHealth>,
    /// The outcomes of records by topic; [`PublishedState::new`] adds them up from the shards.
    pub records: BTreeMap<Arc<str>, RecordTotals>,
    /// Rebalances since the process started.
    pub rebalances: u64,
    /// Dead letters that the broker has confirmed.
    pub dead_letters: u64,
    /// Dead letters that are not confirmed yet.
    pub dead_letters_waiting: u64,
    /// Failed attempts to write a dead letter. Each is retried, unless the letter is too large.
    pub dead_letter_failures: u64,
    /// Errors that the Kafka client reported.
    pub client_errors: u64,
    /// When the last checkpoint was stored; `None` without a ledger or before the first one.
    pub checkpoint_time: Option<WallTime>,
    /// How long it took to store the last checkpoint.
    pub checkpoint_duration: Option<Duration>,
    /// The longest time for which a worker stopped reading because of a checkpoint.
    pub checkpoint_pause: Duration,
    /// Failed checkpoints and acquisitions of partitions; each is retried.
    pub ledger_failures: u64,
    /// Bytes in use in the ledger.
    pub ledger_bytes: u64,
    /// Bytes of the ledger's file, including free pages.
    pub ledger_file_bytes: u64,
    /// Bytes of the ledger's write-ahead log.
    pub ledger_wal_bytes: u64,
    /// Rows of the interval history that are only in memory.
    pub unsaved_intervals: u64,
    /// Unreadable distributions in the ledger that newer data replaced.
    pub distributions_replaced: u64,
    /// Unreadable distributions in the ledger that a query left out; counted for each query.
    pub distributions_unreadable: u64,
    /// Partitions whose log is not the one that was read: it lost its end, or its topic was
    /// recreated.
    pub log_resets: u64,
    /// Offsets that were passed over because their batch cannot be decoded.
    pub offsets_skipped: u64,
    /// Records ahead of the clock by topic, since the process started.
    pub future_records: BTreeMap<Arc<str>, u64>,
    /// Partitions that were read on without proof that their log is the one that was read.
    pub logs_unverified: u64,
    /// The configuration in effect, and its reloads.
    pub config: ConfigStatus,
}

/// The health of one partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionHealth {
    /// The partition.
    pub label: ShardLabel,
    /// The next offset to read; `None` before the first fetch.
    pub position: Option<Offset>,
    /// The end of the log, as last seen.
    pub end: Option<Offset>,
    /// Records between the position and the end.
    pub lag: Option<u64>,
    /// Stream time; `None` before the first record.
    pub stream_time: Option<Timestamp>,
    /// The end of the log when this process got the partition; `None` until it is known.
    pub catch_up_to: Option<Offset>,
    /// All records up to `catch_up_to` are read, and the ledger has confirmed since the last
    /// suspension that this process owns the partition.
    pub caught_up: bool,
    /// Records that retention deleted before they were read.
    pub missed: u64,
    /// Dead letters that are not confirmed yet.
    pub dead_letters_waiting: u64,
    /// Identities of records in memory.
    pub remembered_ids: u64,
    /// The present faults of this partition that leave its served numbers true.
    pub degraded: Vec<Degradation>,
}

impl PublishedState {
    /// Sorts the shards, adds them up, and adds their records by topic to `health`.
    pub fn new(
        settings: Arc<Settings>,
        mut shards: Vec<(ShardLabel, Arc<Snapshot>)>,
        mut health: Health,
        aggregation: Aggregation,
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
        PublishedState { settings, shards, merged, health, aggregation, confirmed_at: None }
    }

    /// Returns the state of a process that has read nothing yet: no shard, not ready.
    pub fn starting(settings: Arc<Settings>, aggregation: Aggregation) -> Self {
        PublishedState::new(settings, Vec::new(), Health::default(), aggregation)
    }

    /// Returns whether the contact metrics and the counters of records may be served at `now`.
    pub fn is_servable(&self, now: Instant) -> bool {
        self.withheld_because(now).is_none()
    }

    /// Returns why the contact metrics and the counters of records may not be served at `now`;
    /// `None` if they may: the pipeline is available, and the workers confirmed recently that they
    /// run and own their partitions. The second test works in a process that was suspended a moment
    /// ago, before any of its workers has noticed.
    pub fn withheld_because(&self, now: Instant) -> Option<&str> {
        if let Availability::Withheld(reason) = &self.health.availability {
            return Some(reason);
        }
        let is_old = |confirmed_at| now.saturating_duration_since(confirmed_at) >= CONFIRMATION_TTL;
        let is_unconfirmed = self.confirmed_at.is_some_and(is_old);
        is_unconfirmed.then_some("a worker has not confirmed its partitions for 4 seconds")
    }
}
