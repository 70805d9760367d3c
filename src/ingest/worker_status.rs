//! The status that a worker publishes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use crate::readmodel::Degradation;

/// The state of a consumer's session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// The group has not assigned anything yet.
    #[default]
    Joining,
    /// The group has revoked the partitions and not assigned any since.
    Rebalancing,
    /// The worker reads the assigned partitions, maybe none.
    Reading,
    /// The worker polls without reading, until dead letters and intervals are stored. Polling keeps
    /// it in the group.
    Paused,
}

impl Phase {
    /// Returns whether the worker owns the partitions that the group assigned.
    pub(super) fn is_assigned(self) -> bool {
        match self {
            Phase::Joining | Phase::Rebalancing => false,
            Phase::Reading | Phase::Paused => true,
        }
    }
}

/// The connection of a consumer to the brokers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Connection {
    /// The client has not reported yet.
    #[default]
    Unknown,
    /// At least one broker is connected.
    Up,
    /// No broker is connected.
    Down,
}

/// The state that a session publishes about itself.
#[derive(Clone, Debug, Default)]
pub(super) struct WorkerStatus {
    pub phase: Phase,
    pub connection: Connection,
    /// Configured topics that do not exist.
    pub missing_topics: BTreeSet<String>,
    /// Those of them that may exist, but may not be described.
    pub denied_topics: BTreeSet<String>,
    /// The topic whose partitions no broker has counted, if a partition waits for that.
    pub uncounted_topic: Option<Arc<str>>,
    /// Why a partition cannot be acquired yet.
    pub ledger_wait: Option<String>,
    /// Faults of the worker as a whole that leave the served numbers true.
    pub degraded: Vec<Degradation>,
}

impl WorkerStatus {
    /// Returns whether the worker has given up its partitions for want of a broker.
    pub(super) fn is_lost(&self) -> bool {
        self.phase == Phase::Rebalancing && self.connection == Connection::Down
    }
}

/// The last report of one worker, without its partitions.
#[derive(Clone, Debug)]
pub(super) struct WorkerReport {
    pub status: WorkerStatus,
    /// When the ledger fenced a checkpoint of this worker, if the group has not assigned anything
    /// since.
    pub fenced_at: Option<Instant>,
    /// Rows of the interval history that are only in memory.
    pub unsaved_intervals: usize,
    /// The last instant at which the worker is known to have been running.
    pub as_of: Instant,
}

impl WorkerReport {
    /// Returns the report of a worker that has not started.
    pub(super) fn initial(now: Instant) -> Self {
        WorkerReport {
            status: WorkerStatus::default(),
            fenced_at: None,
            unsaved_intervals: 0,
            as_of: now,
        }
    }

    /// Replaces this report by a newer one. A recreated consumer joins again, but its worker has
    /// had an assignment before: it counts as rebalancing.
    pub(super) fn update(&mut self, newer: WorkerReport) {
        let had_assignment = self.status.phase != Phase::Joining;
        *self = newer;
        if had_assignment && self.status.phase == Phase::Joining {
            self.status.phase = Phase::Rebalancing;
        }
    }
}
