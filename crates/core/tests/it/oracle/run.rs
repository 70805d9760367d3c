//! Runs a log with the core and with the oracle.

use std::sync::Arc;

use nabiz_core::ids::Offset;
use nabiz_core::settings::Settings;
use nabiz_core::time::Timestamp;

use super::Oracle;
use super::compare::{differences, history_differences, still_waiting};
use super::crash::{CheckpointStep, CrashingShard};
use super::log::{Step, step_oracle};

/// A log with the settings of both sides.
pub struct Run {
    pub settings: Arc<Settings>,
    pub compare_every: usize,
    pub steps: Vec<Step>,
    /// The checkpoint steps after each step of the log. Steps past the end have none; without any,
    /// there is no ledger.
    pub checkpoint_steps: Vec<Vec<CheckpointStep>>,
}

/// Runs both sides and returns the first differences.
pub fn disagreement(run: &Run) -> Option<Vec<String>> {
    let settings = &run.settings;
    let mut shard = CrashingShard::new(settings);
    let mut oracle = Oracle::new(Arc::clone(settings));
    let (mut read, mut position) = (0, 0);
    for (index, step) in run.steps.iter().enumerate() {
        let checkpoint_steps = run.checkpoint_steps.get(index).map_or(&[][..], Vec::as_slice);
        if let (Step::Advance(to_ms), false) = (step, run.checkpoint_steps.is_empty())
            && !shard.advance(
                Timestamp(*to_ms),
                checkpoint_steps.first().copied().unwrap_or(CheckpointStep::Store),
            )
        {
            continue;
        }
        let outcome = shard.step(step);
        let verdict = step_oracle(&mut oracle, settings, step, position);
        position += 1;
        read += u64::from(outcome.is_some());
        if outcome != verdict {
            return Some(vec![format!("outcome: core {outcome:?}, oracle {verdict:?}")]);
        }
        checkpoint_steps.iter().for_each(|one| shard.apply(*one));
        if (index + 1) % run.compare_every != 0 && index + 1 != run.steps.len() {
            continue;
        }
        let found = differences_now(settings, &mut shard, &oracle, read);
        if !found.is_empty() {
            return Some(found);
        }
    }
    if run.checkpoint_steps.is_empty() {
        return None;
    }
    shard.store_all();
    shard.apply(CheckpointStep::Crash);
    let mut found = differences_now(settings, &mut shard, &oracle, read);
    found.extend(history_differences(settings, &shard.store, &oracle));
    (!found.is_empty()).then_some(found)
}

fn differences_now(
    settings: &Settings,
    shard: &mut CrashingShard,
    oracle: &Oracle,
    read: u64,
) -> Vec<String> {
    let core = shard.shard.snapshot();
    let mut found = differences(settings, &core, &oracle.snapshot());
    if core.records.read_sum() != read {
        found.push(format!("{read} records were read, the core accounts for {:?}", core.records));
    }
    if let Some(interval) = settings.history_interval {
        let interval_ms = interval.get() as i64;
        let (counted, open) =
            (still_waiting(&oracle.history(interval_ms)), oracle.still_waiting(interval_ms));
        if counted != open {
            found.push(format!("{counted:?} have no ending in the history, {open:?} are open"));
        }
    }
    if shard.shard.stream_time() != core.stream_time {
        found.push("the shard's stream time is not its snapshot's".to_string());
    }
    let mut expected: Vec<Offset> = oracle.orphans().iter().copied().map(Offset).collect();
    expected.sort_unstable();
    let orphans = shard.take_orphans();
    if orphans != expected {
        found.push(format!("orphans: core {orphans:?}, oracle {expected:?}"));
    }
    found
}
