//! Collects the reports and snapshots of all workers, and builds the published state from them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nabiz_core::snapshot::Snapshot;

use super::dead_letters::DeadLetterCounts;
use super::degraded::degraded;
use super::ledger_handle::LedgerHealth;
use super::log_counters::LogCounters;
use super::partition_counts::PartitionCounts;
use super::readiness::Readiness;
use super::worker_status::{Connection, WorkerReport};
use crate::ledger::DistributionErrors;
use crate::readmodel::{
    Availability, ConfigStatus, Health, PartitionHealth, PublishedState, ShardLabel,
};

/// The report of one partition: its health, and its snapshot if that has changed.
pub(super) type PartitionReport = (PartitionHealth, Option<Arc<Snapshot>>);

struct Row {
    worker: usize,
    health: PartitionHealth,
    /// `None` until the partition has caught up.
    snapshot: Option<Arc<Snapshot>>,
}

struct State {
    workers: Vec<WorkerReport>,
    /// The pipeline was ready once; from then on, dead letters that wait do not withhold numbers.
    was_ready: bool,
    rows: BTreeMap<ShardLabel, Row>,
    counts: PartitionCounts,
    /// A worker has reported since the state was last published.
    has_news: bool,
}

/// Shared by the workers and the publishing thread. Its mutex is held for moments, a few times a
/// second.
pub(super) struct StatusHub {
    state: Mutex<State>,
    reported: Condvar,
    rebalances: AtomicU64,
    client_errors: AtomicU64,
    log_counters: Arc<LogCounters>,
    offsets_skipped: AtomicU64,
    /// Records ahead of the clock by topic.
    future_records: Mutex<BTreeMap<Arc<str>, u64>>,
    /// The counts of earlier runs of ingest in this process, on which those of this run are added.
    earlier: Health,
    /// Why the process cannot continue.
    failure: Mutex<Option<String>>,
}

impl StatusHub {
    /// Creates the hub of `workers` workers. `counts` has the topics that they read.
    pub(super) fn new(workers: usize, counts: PartitionCounts) -> Self {
        let future_records = counts.topics().map(|topic| (Arc::clone(topic), 0)).collect();
        let state = State {
            workers: vec![WorkerReport::initial(Instant::now()); workers],
            was_ready: false,
            rows: BTreeMap::new(),
            counts,
            has_news: false,
        };
        StatusHub {
            state: Mutex::new(state),
            reported: Condvar::new(),
            rebalances: AtomicU64::new(0),
            client_errors: AtomicU64::new(0),
            log_counters: Arc::default(),
            offsets_skipped: AtomicU64::new(0),
            future_records: Mutex::new(future_records),
            earlier: Health::default(),
            failure: Mutex::default(),
        }
    }

    /// Continues the counts of an earlier run of ingest in this process, so that none of them falls
    /// when ingest starts again.
    #[must_use]
    pub(super) fn continuing(mut self, earlier: &Health) -> Self {
        self.earlier = earlier.clone();
        let mut records = self.lock_future_records();
        for (topic, count) in &earlier.future_records {
            records.entry(Arc::clone(topic)).and_modify(|known| *known = *count);
        }
        drop(records);
        self
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count_rebalance(&self) {
        self.rebalances.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_client_error(&self) {
        self.client_errors.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the counters that partitions share.
    pub(super) fn log_counters(&self) -> &Arc<LogCounters> {
        &self.log_counters
    }

    pub(super) fn count_offsets_skipped(&self, count: u64) {
        self.offsets_skipped.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn count_future_record(&self, topic: &Arc<str>) {
        *self.lock_future_records().entry(Arc::clone(topic)).or_default() += 1;
    }

    fn lock_future_records(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, u64>> {
        self.future_records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records why the process cannot continue; the first reason counts.
    pub(super) fn fail(&self, why: String) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
    }

    /// Returns why the process cannot continue.
    pub(super) fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Records how many partitions the brokers say that a topic has.
    pub(super) fn set_partition_count(&self, topic: &str, count: i32) {
        let mut state = self.lock();
        state.counts.set(topic, count);
        state.has_news = true;
        self.reported.notify_all();
    }

    /// Returns the number of partitions of each topic.
    pub(super) fn partition_counts(&self) -> PartitionCounts {
        self.lock().counts.clone()
    }

    /// Withholds the numbers of a partition at once, as if it was catching up.
    pub(super) fn withhold(&self, worker: usize, label: &ShardLabel) {
        // Another worker of this process may own the partition by now.
        if let Some(row) = self.lock().rows.get_mut(label).filter(|row| row.worker == worker) {
            row.snapshot = None;
            row.health.caught_up = false;
        }
    }

    /// Returns the partitions that workers have reported as theirs, of the workers that `matches`.
    pub(super) fn labels_of(&self, matches: impl Fn(usize) -> bool) -> Vec<ShardLabel> {
        let state = self.lock();
        let rows = state.rows.iter().filter(|(_, row)| matches(row.worker));
        rows.map(|(label, _)| label.clone()).collect()
    }

    /// Records the report of a worker. `partitions` are all partitions that it owns; one without a
    /// snapshot keeps the snapshot of an earlier report.
    pub(super) fn report(
        &self,
        worker: usize,
        report: WorkerReport,
        partitions: Vec<PartitionReport>,
    ) {
        let mut guard = self.lock();
        let state = &mut *guard;
        state.has_news = true;
        self.reported.notify_all();
        if let Some(known) = state.workers.get_mut(worker) {
            known.update(report);
        }
        let owned: BTreeSet<&ShardLabel> =
            partitions.iter().map(|(health, _)| &health.label).collect();
        state.rows.retain(|label, row| row.worker != worker || owned.contains(label));
        for (health, snapshot) in partitions {
            match state.rows.get_mut(&health.label) {
                Some(row) if row.worker == worker => {
                    row.health = health;
                    row.snapshot = snapshot.or(row.snapshot.take());
                }
                // Replaces the row of another worker as a whole, so that no partition is counted
                // twice.
                _ => {
                    state.rows.insert(health.label.clone(), Row { worker, health, snapshot });
                }
            }
        }
    }

    /// Blocks until a worker reports, for at most `timeout`.
    pub(super) fn wait_for_report(&self, timeout: Duration) {
        let waited =
            self.reported.wait_timeout_while(self.lock(), timeout, |state| !state.has_news);
        waited.unwrap_or_else(PoisonError::into_inner).0.has_news = false;
    }

    /// Builds the state for readers. Reuses the sum of `last` if no snapshot has changed.
    pub(super) fn published_state(
        &self,
        last: &PublishedState,
        letters: DeadLetterCounts,
        ledger: LedgerHealth,
        unreadable: &DistributionErrors,
        config: ConfigStatus,
    ) -> PublishedState {
        let (shards, health, workers_degraded, confirmed_at) = {
            let mut state = self.lock();
            let shards: Vec<(ShardLabel, Arc<Snapshot>)> = state
                .rows
                .iter()
                .filter_map(|(label, row)| {
                    Some((label.clone(), Arc::clone(row.snapshot.as_ref()?)))
                })
                .collect();
            let health = state.health(last);
            state.was_ready |= health.availability == Availability::Served;
            let of_workers = state.workers.iter().map(|worker| worker.status.degraded.clone());
            let workers_degraded: Vec<_> = of_workers.collect();
            let confirmed_at = state.workers.iter().map(|worker| worker.as_of).min();
            (shards, health, workers_degraded, confirmed_at)
        };
        let of_workers = workers_degraded.iter().flatten();
        let degraded = degraded(ledger.trouble, of_workers, &health.partitions);
        let earlier = &self.earlier;
        let mut health = Health {
            degraded,
            rebalances: earlier.rebalances + self.rebalances.load(Ordering::Relaxed),
            dead_letters: earlier.dead_letters + letters.delivered,
            dead_letters_waiting: letters.waiting,
            dead_letter_failures: earlier.dead_letter_failures + letters.failures,
            client_errors: earlier.client_errors + self.client_errors.load(Ordering::Relaxed),
            checkpoint_time: ledger.stored_at,
            checkpoint_duration: ledger.stored_at.map(|_| ledger.store_duration),
            checkpoint_pause: earlier.checkpoint_pause.max(ledger.pause_max),
            ledger_failures: earlier.ledger_failures + ledger.failures,
            ledger_bytes: ledger.used_bytes,
            ledger_file_bytes: ledger.file_bytes,
            ledger_wal_bytes: ledger.wal_bytes,
            distributions_replaced: unreadable.replaced(),
            distributions_unreadable: unreadable.left_out(),
            log_resets: earlier.log_resets + self.log_counters.resets(),
            offsets_skipped: earlier.offsets_skipped + self.offsets_skipped.load(Ordering::Relaxed),
            future_records: self.lock_future_records().clone(),
            logs_unverified: earlier.logs_unverified + self.log_counters.unverified(),
            config,
            ..health
        };
        if same_snapshots(&shards, &last.shards) {
            health.records.clone_from(&last.health.records);
            return PublishedState { health, confirmed_at, ..last.clone() };
        }
        let published =
            PublishedState::new(Arc::clone(&last.settings), shards, health, last.aggregation);
        PublishedState { confirmed_at, ..published }
    }
}

impl State {
    /// Returns the part of the health that follows from the reports.
    fn health(&self, last: &PublishedState) -> Health {
        // A partition without a snapshot counts as not caught up: the sum would be less than the
        // one before.
        let displayed = |row: &Row| PartitionHealth {
            caught_up: row.health.caught_up && row.snapshot.is_some(),
            ..row.health.clone()
        };
        let partitions: Vec<PartitionHealth> = self.rows.values().map(displayed).collect();
        let withheld_because = Readiness {
            workers: &self.workers,
            partitions: &partitions,
            counts: &self.counts,
            aggregation: last.aggregation,
            was_ready: self.was_ready,
        }
        .withheld_because();
        let is_connected = |worker: &WorkerReport| worker.status.connection == Connection::Up;
        Health {
            availability: withheld_because.map_or(Availability::Served, Availability::Withheld),
            connected: self.workers.iter().all(is_connected),
            unsaved_intervals: self
                .workers
                .iter()
                .map(|worker| worker.unsaved_intervals as u64)
                .sum(),
            partitions,
            ..Health::default()
        }
    }
}

fn same_snapshots(
    now: &[(ShardLabel, Arc<Snapshot>)],
    last: &[(ShardLabel, Arc<Snapshot>)],
) -> bool {
    now.len() == last.len()
        && now.iter().zip(last).all(|((a, now), (b, last))| a == b && Arc::ptr_eq(now, last))
}
