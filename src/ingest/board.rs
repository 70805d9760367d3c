//! Where workers lay their snapshots, and what readers see of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::dead_letters::DeadLetters;
use crate::view::{Health, PartitionHealth, Published, ShardLabel, Snapshot};

/// What one worker says about itself.
#[derive(Clone, Debug, Default)]
pub(super) struct WorkerState {
    /// The group has answered at least once and given us partitions, maybe none.
    pub assigned: bool,
    /// A broker is connected.
    pub connected: bool,
    /// Topics that do not exist.
    pub missing_topics: BTreeSet<String>,
}

struct Row {
    worker: usize,
    health: PartitionHealth,
    snapshot: Option<Arc<Snapshot>>,
}

struct State {
    workers: Vec<WorkerState>,
    rows: BTreeMap<ShardLabel, Row>,
}

/// Shared by the workers and the publishing thread. It is locked for moments, a few times a second.
pub(super) struct Board {
    state: Mutex<State>,
    rebalances: AtomicU64,
    client_errors: AtomicU64,
}

impl Board {
    pub(super) fn new(workers: usize) -> Self {
        let state = State { workers: vec![WorkerState::default(); workers], rows: BTreeMap::new() };
        Board { state: Mutex::new(state), rebalances: AtomicU64::new(0), client_errors: AtomicU64::new(0) }
    }

    pub(super) fn count_rebalance(&self) {
        self.rebalances.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_client_error(&self) {
        self.client_errors.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes the word of a worker. `partitions` are all that it holds, each with a snapshot where that has changed;
    /// `None` between two assignments, when what it last said stands.
    pub(super) fn report(
        &self,
        worker: usize,
        said: &WorkerState,
        partitions: Option<Vec<(PartitionHealth, Option<Arc<Snapshot>>)>>,
    ) {
        let mut guard = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *guard;
        if let Some(known) = state.workers.get_mut(worker) {
            // Numbers that were right stay, with their age, when a consumer is lost and made anew.
            let assigned = known.assigned || said.assigned;
            known.clone_from(said);
            known.assigned = assigned;
        }
        let Some(partitions) = partitions else { return };
        let held: BTreeSet<&ShardLabel> = partitions.iter().map(|(health, _)| &health.label).collect();
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

    /// What readers see now. Snapshots are only added again where one differs from those of `last`.
    pub(super) fn view(&self, last: &Published, dead_letters: &DeadLetters) -> Published {
        let (shards, mut health) = {
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let shards: Vec<(ShardLabel, Arc<Snapshot>)> = state
                .rows
                .iter()
                .filter_map(|(label, row)| Some((label.clone(), Arc::clone(row.snapshot.as_ref()?))))
                .collect();
            (shards, health_of(&state))
        };
        health.rebalances = self.rebalances.load(Ordering::Relaxed);
        health.client_errors = self.client_errors.load(Ordering::Relaxed);
        let letters = dead_letters.counts();
        health.dead_letters = letters.delivered;
        health.dead_letters_waiting = letters.waiting;
        health.dead_letter_failures = letters.failures;
        let ready = health.ready;
        if same_snapshots(&shards, &last.shards) {
            health.records.clone_from(&last.health.records);
            return Published { health, contact_metrics_ready: ready, ..last.clone() };
        }
        Published::new(Arc::clone(&last.settings), shards, health, ready, last.shard_label)
    }
}

fn same_snapshots(now: &[(ShardLabel, Arc<Snapshot>)], last: &[(ShardLabel, Arc<Snapshot>)]) -> bool {
    now.len() == last.len() && now.iter().zip(last).all(|((a, now), (b, last))| a == b && Arc::ptr_eq(now, last))
}

fn health_of(state: &State) -> Health {
    let partitions: Vec<PartitionHealth> = state.rows.values().map(|row| row.health.clone()).collect();
    let not_ready_because = reason(&state.workers, &partitions);
    Health {
        ready: not_ready_because.is_none(),
        not_ready_because,
        connected: state.workers.iter().all(|worker| worker.connected),
        partitions,
        ..Health::default()
    }
}

/// Why the numbers may not be shown yet. A broker that is away later is no reason: what was read stays true, and its
/// age is told.
fn reason(workers: &[WorkerState], partitions: &[PartitionHealth]) -> Option<String> {
    if let Some(missing) = workers.iter().find_map(|worker| worker.missing_topics.first()) {
        return Some(format!("topic {missing:?} does not exist"));
    }
    if workers.iter().any(|worker| !worker.assigned && !worker.connected) {
        return Some("no kafka broker can be reached".to_owned());
    }
    if workers.iter().any(|worker| !worker.assigned) {
        return Some("waiting for the consumer group to assign partitions".to_owned());
    }
    let behind: Vec<&PartitionHealth> = partitions.iter().filter(|partition| !partition.caught_up).collect();
    if behind.is_empty() {
        return None;
    }
    let records: i64 = behind
        .iter()
        .map(|partition| partition.catch_up_to.unwrap_or(0).saturating_sub(partition.position.unwrap_or(0)).max(0))
        .fold(0, i64::saturating_add);
    Some(format!("catching up: {} of {} partitions, {records} records to go", behind.len(), partitions.len()))
}
