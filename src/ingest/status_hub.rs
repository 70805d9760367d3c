//! Where workers lay their snapshots, and what readers see of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nabiz_core::snapshot::Snapshot;
use nabiz_core::time::WallTime;

use super::dead_letters::DeadLetters;
use super::ledger_handle::LedgerHealth;
use crate::readmodel::{Aggregation, Health, PartitionHealth, PublishedState, ShardLabel};

/// What one worker says about itself.
#[derive(Clone, Debug, Default)]
pub(super) struct WorkerState {
    /// The group has answered at least once and given us partitions, maybe none.
    pub assigned: bool,
    /// The partitions held are the ones that the group gave; false between two assignments.
    pub holding: bool,
    /// A broker is connected.
    pub connected: bool,
    /// Topics that do not exist.
    pub missing_topics: BTreeSet<String>,
    /// A partition cannot be taken over, and why.
    pub waits_for_ledger: Option<String>,
    /// Another instance has taken a partition over, and the group has not assigned anew since.
    pub taken_over: bool,
    /// Rows of the interval history that are not stored yet.
    pub unsaved_intervals: usize,
}

struct Row {
    worker: usize,
    health: PartitionHealth,
    snapshot: Option<Arc<Snapshot>>,
}

struct State {
    workers: Vec<WorkerState>,
    /// When each worker last reported.
    reported: Vec<Instant>,
    /// The numbers could be shown once: then dead letters on their way are no reason to withhold them.
    was_ready: bool,
    rows: BTreeMap<ShardLabel, Row>,
    /// Somebody reported since the last view.
    news: bool,
}

/// Shared by the workers and the publishing thread. It is locked for moments, a few times a second.
pub(super) struct StatusHub {
    state: Mutex<State>,
    reported: Condvar,
    rebalances: AtomicU64,
    client_errors: AtomicU64,
    log_resets: AtomicU64,
    /// Why the process cannot go on.
    failure: Mutex<Option<String>>,
}

impl StatusHub {
    pub(super) fn new(workers: usize) -> Self {
        let state = State {
            workers: vec![WorkerState::default(); workers],
            reported: vec![Instant::now(); workers],
            was_ready: false,
            rows: BTreeMap::new(),
            news: false,
        };
        StatusHub {
            state: Mutex::new(state),
            reported: Condvar::new(),
            rebalances: AtomicU64::new(0),
            client_errors: AtomicU64::new(0),
            log_resets: AtomicU64::new(0),
            failure: Mutex::default(),
        }
    }

    pub(super) fn count_rebalance(&self) {
        self.rebalances.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_client_error(&self) {
        self.client_errors.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_log_resets(&self, count: u64) {
        self.log_resets.fetch_add(count, Ordering::Relaxed);
    }

    /// The process cannot go on.
    pub(super) fn fail(&self, why: String) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
    }

    /// Why the process cannot go on.
    pub(super) fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes the numbers of a partition away at once, as if it was catching up.
    pub(super) fn withdraw(&self, worker: usize, label: &ShardLabel) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Another worker of this process may have the partition by now.
        if let Some(row) = state.rows.get_mut(label).filter(|row| row.worker == worker) {
            row.snapshot = None;
            row.health.caught_up = false;
        }
    }

    /// Takes the word of a worker, as of an instant at which it knew that it had not stood still. `partitions` are all that it holds, each with a snapshot where that has changed;
    /// `None` between two assignments, when what it last said stands.
    pub(super) fn report(
        &self,
        worker: usize,
        said: &WorkerState,
        as_of: Instant,
        partitions: Option<Vec<(PartitionHealth, Option<Arc<Snapshot>>)>>,
    ) {
        let mut guard = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *guard;
        state.news = true;
        self.reported.notify_all();
        if let Some(known) = state.workers.get_mut(worker) {
            // Numbers that were right stay, with their age, when a consumer is lost and made anew.
            let assigned = known.assigned || said.assigned;
            known.clone_from(said);
            known.assigned = assigned;
        }
        if let Some(reported) = state.reported.get_mut(worker) {
            *reported = as_of;
        }
        let Some(partitions) = partitions else { return };
        let held: BTreeSet<&ShardLabel> =
            partitions.iter().map(|(health, _)| &health.label).collect();
        state.rows.retain(|label, row| row.worker != worker || held.contains(label));
        for (health, snapshot) in partitions {
            match state.rows.get_mut(&health.label) {
                Some(row) if row.worker == worker => {
                    row.health = health;
                    row.snapshot = snapshot.or(row.snapshot.take());
                }
                // Another worker's row is replaced as a whole, so that no partition is ever counted twice.
                _ => {
                    state.rows.insert(health.label.clone(), Row { worker, health, snapshot });
                }
            }
        }
    }

    /// Waits until a worker reports, at most so long.
    pub(super) fn wait_for_news(&self, at_most: Duration) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.reported.wait_timeout_while(state, at_most, |state| !state.news);
        waited.unwrap_or_else(PoisonError::into_inner).0.news = false;
    }

    /// What readers see now. Snapshots are only added again where one differs from those of `last`.
    pub(super) fn view(
        &self,
        last: &PublishedState,
        dead_letters: &DeadLetters,
        keeper: &LedgerHealth,
    ) -> PublishedState {
        let (shards, mut health, confirmed) = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let shards: Vec<(ShardLabel, Arc<Snapshot>)> = state
                .rows
                .iter()
                .filter_map(|(label, row)| {
                    Some((label.clone(), Arc::clone(row.snapshot.as_ref()?)))
                })
                .collect();
            let health = health_of(&state, last.aggregation == Aggregation::PerShard);
            state.was_ready |= health.ready;
            (shards, health, state.reported.iter().min().copied())
        };
        let ledger = keeper.report();
        health.checkpoint_time = ledger.stored_ms.map(WallTime);
        health.checkpoint_duration =
            ledger.duration_us.map(|duration_us| Duration::from_millis(duration_us / 1000));
        health.checkpoint_pause = Duration::from_micros(ledger.pause_us);
        health.ledger_failures = ledger.failures;
        health.ledger_trouble = ledger.trouble;
        health.ledger_bytes = ledger.used_bytes;
        health.ledger_file_bytes = ledger.file_bytes;
        health.ledger_wal_bytes = ledger.wal_bytes;
        health.distributions_replaced = keeper.distribution_errors.replaced();
        health.distributions_unreadable = keeper.distribution_errors.left_out();
        health.log_resets = self.log_resets.load(Ordering::Relaxed);
        health.rebalances = self.rebalances.load(Ordering::Relaxed);
        health.client_errors = self.client_errors.load(Ordering::Relaxed);
        let letters = dead_letters.counts();
        health.dead_letters = letters.delivered;
        health.dead_letters_waiting = letters.waiting;
        health.dead_letter_failures = letters.failures;
        if same_snapshots(&shards, &last.shards) {
            health.records.clone_from(&last.health.records);
            return PublishedState { health, confirmed_at: confirmed, ..last.clone() };
        }
        let published =
            PublishedState::new(Arc::clone(&last.settings), shards, health, last.aggregation);
        PublishedState { confirmed_at: confirmed, ..published }
    }
}

fn same_snapshots(
    now: &[(ShardLabel, Arc<Snapshot>)],
    last: &[(ShardLabel, Arc<Snapshot>)],
) -> bool {
    now.len() == last.len()
        && now.iter().zip(last).all(|((a, now), (b, last))| a == b && Arc::ptr_eq(now, last))
}

fn health_of(state: &State, shard_label: bool) -> Health {
    // Without its numbers a partition is as good as not read: their sum would be less than what was shown before.
    let shown = |row: &Row| PartitionHealth {
        caught_up: row.health.caught_up && row.snapshot.is_some(),
        ..row.health.clone()
    };
    let partitions: Vec<PartitionHealth> = state.rows.values().map(shown).collect();
    let not_ready_because = reason(state, &partitions, shard_label);
    Health {
        ready: not_ready_because.is_none(),
        not_ready_because,
        connected: state.workers.iter().all(|worker| worker.connected),
        unsaved_intervals: state.workers.iter().map(|worker| worker.unsaved_intervals as u64).sum(),
        partitions,
        ..Health::default()
    }
}

/// Why the numbers may not be shown yet. A broker that is away later is no reason: what was read stays true, and its
/// age is told.
fn reason(state: &State, partitions: &[PartitionHealth], shard_label: bool) -> Option<String> {
    let workers = &state.workers;
    if let Some(why) = workers.iter().find_map(|worker| worker.waits_for_ledger.as_ref()) {
        return Some(format!("waiting for the ledger: {why}"));
    }
    if let Some(missing) = workers.iter().find_map(|worker| worker.missing_topics.first()) {
        return Some(format!("topic {missing:?} does not exist"));
    }
    if workers.iter().any(|worker| worker.taken_over) {
        return Some(
            "another instance has taken partitions over, the group is asked anew".to_owned(),
        );
    }
    if workers.iter().any(|worker| !worker.assigned && !worker.connected) {
        return Some("no kafka broker can be reached".to_owned());
    }
    if workers.iter().any(|worker| !worker.assigned) {
        return Some("waiting for the consumer group to assign partitions".to_owned());
    }
    if !shard_label && workers.iter().any(|worker| !worker.holding) {
        // The sum over some of the partitions would be less than what was shown before.
        return Some("the consumer group assigns partitions anew".to_owned());
    }
    let behind: Vec<&PartitionHealth> =
        partitions.iter().filter(|partition| !partition.caught_up).collect();
    if behind.is_empty() {
        let unwritten: u64 =
            partitions.iter().map(|partition| partition.dead_letters_waiting).sum();
        return (!state.was_ready && unwritten > 0)
            .then(|| format!("{unwritten} dead letters are being written"));
    }
    let records: i64 = behind
        .iter()
        .map(|partition| {
            partition
                .catch_up_to
                .unwrap_or_default()
                .0
                .saturating_sub(partition.position.unwrap_or_default().0)
                .max(0)
        })
        .fold(0, i64::saturating_add);
    Some(format!(
        "catching up: {} of {} partitions, {records} records to go",
        behind.len(),
        partitions.len()
    ))
}
