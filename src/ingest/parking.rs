//! Partitions between two assignments.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::partition::Partition;
use crate::view::ShardLabel;

/// How long a partition that did not come back is kept.
const KEPT: Duration = Duration::from_secs(60);

/// The shards of partitions that were revoked. A rebalance takes every partition from every member and gives most of
/// them back, perhaps to another worker. A shard is a fold of the log up to its position, whoever held the partition
/// meanwhile, so it goes on from there.
#[derive(Default)]
pub(super) struct Parking {
    parked: Mutex<BTreeMap<ShardLabel, (Instant, Partition)>>,
}

impl Parking {
    pub(super) fn park(&self, partition: Partition) {
        let mut parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
        parked.insert(partition.label().clone(), (Instant::now(), partition));
    }

    pub(super) fn take(&self, label: &ShardLabel) -> Option<Partition> {
        let mut parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
        parked.remove(label).map(|(_, partition)| partition)
    }

    /// Drops what has been here for too long.
    pub(super) fn sweep(&self) {
        let mut parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
        parked.retain(|_, (since, _)| since.elapsed() < KEPT);
    }
}
