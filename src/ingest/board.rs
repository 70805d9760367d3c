//! Where workers lay their snapshots, and what readers see of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::dead_letters::DeadLetters;
use crate::shard::{Settings, Shard};
use crate::view::{Health, PartitionHealth, Published, RecordTotals, ShardLabel, Snapshot, merge};

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
    /// All snapshots added; absent when one of them has changed since.
    merged: Option<Arc<Snapshot>>,
}

/// Shared by the workers and the publishing thread. It is locked for moments, a few times a second.
pub(super) struct Board {
    settings: Arc<Settings>,
    shard_label: bool,
    empty: Arc<Snapshot>,
    state: Mutex<State>,
    rebalances: AtomicU64,
    client_errors: AtomicU64,
}

/// The numbers before anything was read, and the view of them: not ready.
pub fn empty_view(settings: Arc<Settings>, shard_label: bool) -> Published {
    let merged = Arc::new(Shard::new(Arc::clone(&settings), [0; 16]).snapshot());
    let health = Health { not_ready_because: Some("starting".to_owned()), ..Health::default() };
    Published { settings, shards: Vec::new(), merged, health, contact_metrics_ready: false, shard_label }
}

impl Board {
    pub(super) fn new(settings: Arc<Settings>, workers: usize, shard_label: bool) -> Self {
        let state = State { workers: vec![WorkerState::default(); workers], rows: BTreeMap::new(), merged: None };
        let empty = empty_view(Arc::clone(&settings), shard_label).merged;
        Board {
            settings,
            shard_label,
            empty,
            state: Mutex::new(state),
            rebalances: AtomicU64::new(0),
            client_errors: AtomicU64::new(0),
        }
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
        let before = state.rows.len();
        state.rows.retain(|label, row| row.worker != worker || held.contains(label));
        let mut changed = state.rows.len() != before;
        for (health, snapshot) in partitions {
            changed |= snapshot.is_some();
            match state.rows.get_mut(&health.label) {
                // Another worker's row is replaced as a whole, so that no partition is ever counted twice.
                Some(row) if row.worker == worker => {
                    row.health = health;
                    row.snapshot = snapshot.or(row.snapshot.take());
                }
                _ => {
                    changed = true;
                    state.rows.insert(health.label.clone(), Row { worker, health, snapshot });
                }
            }
        }
        if changed {
            state.merged = None;
        }
    }

    /// What readers see now.
    pub(super) fn view(&self, dead_letters: &DeadLetters) -> Published {
        let (shards, mut health, merged) = {
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let shards: Vec<(ShardLabel, Arc<Snapshot>)> = state
                .rows
                .iter()
                .filter_map(|(label, row)| Some((label.clone(), Arc::clone(row.snapshot.as_ref()?))))
                .collect();
            (shards, health_of(&state), state.merged.clone())
        };
        health.records = records_by_topic(&shards);
        health.rebalances = self.rebalances.load(Ordering::Relaxed);
        health.client_errors = self.client_errors.load(Ordering::Relaxed);
        let letters = dead_letters.counts();
        health.dead_letters = letters.delivered;
        health.dead_letters_waiting = letters.waiting;
        health.dead_letter_failures = letters.failures;

        let merged = merged.unwrap_or_else(|| match shards.as_slice() {
            [] => Arc::clone(&self.empty),
            [(_, only)] => Arc::clone(only),
            several => Arc::new(merge(several.iter().map(|(_, snapshot)| &**snapshot))),
        });
        self.remember(&shards, &merged);
        Published {
            settings: Arc::clone(&self.settings),
            shards,
            merged,
            contact_metrics_ready: health.ready,
            health,
            shard_label: self.shard_label,
        }
    }

    /// Keeps the sum where it is still that of what lies on the board; adding is done outside the lock.
    fn remember(&self, shards: &[(ShardLabel, Arc<Snapshot>)], merged: &Arc<Snapshot>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = state.rows.values().filter_map(|row| row.snapshot.as_ref());
        let same =
            now.clone().count() == shards.len() && now.zip(shards).all(|(now, (_, then))| Arc::ptr_eq(now, then));
        if same {
            state.merged = Some(Arc::clone(merged));
        }
    }
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

fn records_by_topic(shards: &[(ShardLabel, Arc<Snapshot>)]) -> BTreeMap<Arc<str>, RecordTotals> {
    let mut by_topic: BTreeMap<Arc<str>, RecordTotals> = BTreeMap::new();
    for (label, snapshot) in shards {
        let totals = by_topic.entry(Arc::clone(&label.topic)).or_default();
        let of_shard = &snapshot.records;
        totals.applied = totals.applied.saturating_add(of_shard.applied);
        totals.duplicate = totals.duplicate.saturating_add(of_shard.duplicate);
        totals.late = totals.late.saturating_add(of_shard.late);
        totals.held = totals.held.saturating_add(of_shard.held);
        for (reason, count) in &of_shard.rejected {
            let sum = totals.rejected.entry(*reason).or_default();
            *sum = sum.saturating_add(*count);
        }
    }
    by_topic
}
