//! A shard with its ledger, driven as ingest drives it: checkpoints are stored, fail, or lose their
//! result in a crash. After a crash the shard reads its log again from the stored offset.

use std::sync::Arc;

use nabiz_core::ids::Offset;
use nabiz_core::settings::Settings;
use nabiz_core::shard::Shard;
use nabiz_core::state::Checkpoint;
use nabiz_core::time::Timestamp;

use super::Verdict;
use super::log::{Step, step_shard};
use super::store::Store;

const KEY: [u8; 16] = [7; 16];

/// An event in the life of a checkpoint, after a step of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointStep {
    /// A checkpoint is written and pending.
    Capture,
    /// The pending checkpoint is stored.
    Store,
    /// The pending checkpoint fails and is rolled back.
    RollBack,
    /// The process ends, and the pending checkpoint is lost.
    Crash,
    /// The process ends after the ledger has stored the pending checkpoint.
    CrashAfterStore,
}

struct Pending {
    checkpoint: Checkpoint,
    /// Number of steps in it.
    steps: usize,
    /// Number of orphans reported by then.
    orphans: usize,
}

pub struct CrashingShard {
    settings: Arc<Settings>,
    pub shard: Shard,
    pub store: Store,
    pending: Option<Pending>,
    /// Stream time to which the shard advances after it is restored.
    advance_to: Option<Timestamp>,
    /// Numbers of steps in the stored state and of orphans reported by then.
    stored: Option<(usize, usize)>,
    /// Each step with its outcome. An advance that was not stored is not among them.
    done: Vec<(Step, Option<Verdict>)>,
    next_offset: Offset,
    orphans: Vec<Offset>,
    pub crashes: usize,
}

impl CrashingShard {
    pub fn new(settings: &Arc<Settings>) -> Self {
        CrashingShard {
            settings: Arc::clone(settings),
            shard: Shard::new(Arc::clone(settings), KEY),
            store: Store::default(),
            pending: None,
            advance_to: None,
            stored: None,
            done: Vec::new(),
            next_offset: Offset(0),
            orphans: Vec::new(),
            crashes: 0,
        }
    }

    /// Applies a step that is not an advance.
    pub fn step(&mut self, step: &Step) -> Option<Verdict> {
        let position = self.done.len() as i64;
        let verdict = step_shard(&mut self.shard, step, position).as_ref().map(Verdict::from);
        if verdict.is_some() {
            self.next_offset = Offset(position + 1);
        }
        self.done.push((step.clone(), verdict));
        verdict
    }

    /// Stores an advance of stream time, then applies it. Returns whether stream time advanced.
    pub fn advance(&mut self, to: Timestamp, outcome: CheckpointStep) -> bool {
        if self.shard.stream_time().is_some_and(|stream_time| to <= stream_time) {
            return true;
        }
        self.apply(CheckpointStep::Store);
        self.apply(CheckpointStep::Capture);
        match outcome {
            CheckpointStep::RollBack => {
                self.apply(CheckpointStep::RollBack);
                return false;
            }
            CheckpointStep::Crash => {
                self.apply(CheckpointStep::Crash);
                return false;
            }
            CheckpointStep::CrashAfterStore => {
                self.store_pending(Some(to));
                self.crash();
            }
            CheckpointStep::Capture | CheckpointStep::Store => {
                self.store_pending(Some(to));
                self.shard.advance(to);
            }
        }
        true
    }

    pub fn apply(&mut self, checkpoint_step: CheckpointStep) {
        match checkpoint_step {
            CheckpointStep::Capture if self.pending.is_none() => {
                let checkpoint = self.shard.checkpoint();
                assert_eq!(checkpoint.next_offset, self.next_offset, "the stored position");
                assert_eq!(checkpoint.stream_time, self.shard.stream_time());
                self.pending = Some(Pending {
                    checkpoint,
                    steps: self.done.len(),
                    orphans: self.orphans.len(),
                });
            }
            CheckpointStep::Capture => {}
            CheckpointStep::Store => self.store_pending(None),
            CheckpointStep::RollBack => {
                if let Some(pending) = self.pending.take() {
                    self.shard.rollback(pending.checkpoint);
                }
            }
            CheckpointStep::Crash => {
                self.pending = None;
                self.crash();
            }
            CheckpointStep::CrashAfterStore => {
                self.store_pending(None);
                self.crash();
            }
        }
    }

    fn store_pending(&mut self, advance_to: Option<Timestamp>) {
        if let Some(pending) = self.pending.take() {
            self.store.apply(pending.checkpoint);
            self.advance_to = advance_to;
            self.stored = Some((pending.steps, pending.orphans));
        }
    }

    /// Restores the shard from the store and reads the log again from the stored offset.
    fn crash(&mut self) {
        self.crashes += 1;
        let (steps, orphans) = self.stored.unwrap_or_default();
        self.shard = match self.stored {
            None => Shard::new(Arc::clone(&self.settings), KEY),
            Some(_) => Shard::restore(Arc::clone(&self.settings), KEY, &self.store.chunks())
                .expect("the stored state"),
        };
        if let Some(advance_to) = self.advance_to {
            self.shard.advance(advance_to);
        }
        self.orphans.truncate(orphans);
        for (position, (step, before)) in self.done.iter().enumerate().skip(steps) {
            let again =
                step_shard(&mut self.shard, step, position as i64).as_ref().map(Verdict::from);
            assert_eq!(again, *before, "step {position}, read again");
        }
    }

    /// Returns the offsets of all orphans so far, in order.
    pub fn take_orphans(&mut self) -> Vec<Offset> {
        self.orphans.extend(self.shard.take_orphans().into_iter().map(|orphan| orphan.offset));
        let mut sorted = self.orphans.clone();
        sorted.sort_unstable();
        sorted
    }

    /// Stores the whole state, as an orderly shutdown does.
    pub fn store_all(&mut self) {
        self.apply(CheckpointStep::Store);
        self.apply(CheckpointStep::Capture);
        self.apply(CheckpointStep::Store);
    }
}
