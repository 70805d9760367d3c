//! A log, done by the core and by the oracle.

use std::sync::Arc;

use nabiz::shard::Settings;

use super::Oracle;
use super::compare::{differences, history_differences};
use super::crash::{Keep, Kept};
use super::log::{Step, step_oracle};

/// What both sides do.
pub struct Run {
    pub settings: Arc<Settings>,
    pub compare_every: usize,
    pub steps: Vec<Step>,
    /// What happens to checkpoints after each step; nothing past the end, and no ledger at all where it is empty.
    pub keeps: Vec<Vec<Keep>>,
}

/// Runs both; the first difference.
pub fn disagreement(run: &Run) -> Option<Vec<String>> {
    let settings = &run.settings;
    let mut kept = Kept::new(settings);
    let mut oracle = Oracle::new(Arc::clone(settings));
    let (mut read, mut position) = (0, 0);
    for (index, step) in run.steps.iter().enumerate() {
        let keeps = run.keeps.get(index).map_or(&[][..], Vec::as_slice);
        if let (Step::Advance(to_ms), false) = (step, run.keeps.is_empty())
            && !kept.advance(*to_ms, keeps.first().copied().unwrap_or(Keep::Store))
        {
            continue;
        }
        let fate = kept.step(step);
        let verdict = step_oracle(&mut oracle, settings, step, position);
        position += 1;
        read += u64::from(fate.is_some());
        if fate != verdict {
            return Some(vec![format!("fate: core {fate:?}, oracle {verdict:?}")]);
        }
        keeps.iter().for_each(|keep| kept.keep(*keep));
        if (index + 1) % run.compare_every != 0 && index + 1 != run.steps.len() {
            continue;
        }
        let found = differences_now(settings, &mut kept, &oracle, read);
        if !found.is_empty() {
            return Some(found);
        }
    }
    if run.keeps.is_empty() {
        return None;
    }
    kept.store_all();
    kept.keep(Keep::Crash);
    let mut found = differences_now(settings, &mut kept, &oracle, read);
    found.extend(history_differences(settings, &kept.store, &oracle));
    (!found.is_empty()).then_some(found)
}

fn differences_now(settings: &Settings, kept: &mut Kept, oracle: &Oracle, read: u64) -> Vec<String> {
    let core = kept.shard.snapshot();
    let mut found = differences(settings, &core, &oracle.snapshot());
    if core.records.read_sum() != read {
        found.push(format!("{read} records were read, the core accounts for {:?}", core.records));
    }
    if kept.shard.stream_time_ms() != core.stream_time_ms {
        found.push("the shard's stream time is not its snapshot's".to_string());
    }
    let mut expected = oracle.orphans().to_vec();
    expected.sort_unstable();
    let orphans = kept.take_orphans();
    if orphans != expected {
        found.push(format!("orphans: core {orphans:?}, oracle {expected:?}"));
    }
    found
}
