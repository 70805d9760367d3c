//! Partitions for the unit tests.

use std::sync::Arc;

use nabiz_core::decode::Format;
use nabiz_core::event::Channels;
use nabiz_core::ids::{Offset, RecordDigest};
use nabiz_core::shard::Calls;
use nabiz_core::time::WallTime;

use super::Partition;
use crate::clock::{system_clock, system_monotonic};
use crate::config::Config;
use crate::ingest::agent_calls::AgentCalls;
use crate::ingest::consumer_stats::{FetchState, PartitionStats};
use crate::ingest::host_clock::HostClock;
use crate::ingest::last_record::{LastRecord, LogIdentity};
use crate::ingest::log_counters::LogCounters;
use crate::ingest::offset_tracker::OffsetTracker;
use crate::ingest::partition_counts::PartitionCounts;
use crate::ingest::record_clock::RecordClock;
use crate::ingest::status_hub::StatusHub;
use crate::ledger::{Ledger, RecordFingerprint};
use crate::readmodel::ShardLabel;
use crate::record_format::RecordFormat;

pub(super) fn clock() -> RecordClock {
    let host = HostClock::new(system_clock(), system_monotonic());
    let status_hub = Arc::new(StatusHub::new(1, PartitionCounts::default()));
    RecordClock::new(Arc::new(host), status_hub, &Config::defaults().settings().windows)
}

/// Returns a partition that nothing is stored of.
pub(super) fn fresh(counters: &Arc<LogCounters>) -> Partition {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(&folder.path().join("nabiz.db"), Channels::default()).unwrap();
    let acquired = ledger.acquire("calls", 0, "test").unwrap();
    let label = ShardLabel { topic: "calls".into(), partition: 0 };
    let settings = Arc::new(Config::defaults().settings());
    let counters = Arc::clone(counters);
    let calls = AgentCalls::new(None, Calls::DriveAgents);
    Partition::restore(
        label,
        RecordFormat::Native(Format::CloudEvents),
        settings,
        [1; 16],
        acquired,
        calls,
        counters,
    )
    .unwrap()
}

/// Returns a partition that was read up to `position`, with `last` as the last record.
pub(in crate::ingest) fn read_to(
    position: i64,
    last: i64,
    counters: &Arc<LogCounters>,
) -> Partition {
    let fingerprint = RecordFingerprint {
        offset: Offset(last),
        timestamp: Some(WallTime(1_000)),
        digest: RecordDigest::from_bytes([7; 16]),
    };
    let mut partition = fresh(counters);
    let position = Some(Offset(position));
    partition.offsets = OffsetTracker::from_position(position);
    partition.last_record = LastRecord::from_stored(Some(fingerprint));
    partition.identity = LogIdentity::at_start(position, Some(fingerprint));
    partition
}

/// A report of the client that everything up to `end` is handed over.
pub(super) fn drained(end: i64) -> PartitionStats {
    PartitionStats {
        topic: "calls".into(),
        partition: 0,
        end: Some(Offset(end)),
        high_watermark: Some(Offset(end)),
        drained_to: Some(Offset(end)),
        fetch: FetchState::Running,
    }
}

/// Returns a partition at the end of an empty log.
pub(super) fn caught_up() -> Partition {
    let mut partition = fresh(&Arc::default());
    partition.observe(&drained(0));
    assert!(partition.health(&clock()).caught_up);
    partition
}
