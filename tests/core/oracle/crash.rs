//! A shard with its ledger, as the ingest keeps it: checkpoints that are stored, fail, or are never heard of, and
//! crashes, after which the log is read again from the stored position.

use std::sync::Arc;

use nabiz::shard::{Checkpoint, Settings, Shard};

use super::Verdict;
use super::log::{Step, step_shard};
use super::store::Store;

const KEY: [u8; 16] = [7; 16];

/// What happens to the checkpoints of a shard after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// One is made and on its way.
    Capture,
    /// The one on its way is stored.
    Store,
    /// The one on its way is not stored, and given back.
    GiveBack,
    /// The process ends, and with it the one on its way.
    Crash,
    /// The process ends after the ledger has stored the one on its way.
    CrashUnheard,
}

struct Pending {
    checkpoint: Checkpoint,
    /// Steps done in it.
    steps: usize,
    /// Orphans told by then.
    orphans: usize,
}

pub struct Kept {
    settings: Arc<Settings>,
    pub shard: Shard,
    pub store: Store,
    pending: Option<Pending>,
    /// Stream time advances to it after the stored state.
    advance_ms: Option<i64>,
    /// Steps in the stored state, and orphans told by then.
    stored: Option<(usize, usize)>,
    /// What became of each step; an advance that could not be stored did not happen.
    done: Vec<(Step, Option<Verdict>)>,
    next_offset: i64,
    orphans: Vec<i64>,
    pub crashes: usize,
}

impl Kept {
    pub fn new(settings: &Arc<Settings>) -> Self {
        Kept {
            settings: Arc::clone(settings),
            shard: Shard::new(Arc::clone(settings), KEY),
            store: Store::default(),
            pending: None,
            advance_ms: None,
            stored: None,
            done: Vec::new(),
            next_offset: 0,
            orphans: Vec::new(),
            crashes: 0,
        }
    }

    /// Does a step that is not an advance.
    pub fn step(&mut self, step: &Step) -> Option<Verdict> {
        let position = self.done.len() as i64;
        let verdict = step_shard(&mut self.shard, step, position).as_ref().map(Verdict::from);
        if verdict.is_some() {
            self.next_offset = position + 1;
        }
        self.done.push((step.clone(), verdict));
        verdict
    }

    /// Advances stream time, which is stored before it happens. Whether it did.
    pub fn advance(&mut self, to_ms: i64, outcome: Keep) -> bool {
        if self.shard.stream_time_ms().is_some_and(|stream_ms| to_ms <= stream_ms) {
            return true;
        }
        self.keep(Keep::Store);
        self.keep(Keep::Capture);
        match outcome {
            Keep::GiveBack => {
                self.keep(Keep::GiveBack);
                return false;
            }
            Keep::Crash => {
                self.keep(Keep::Crash);
                return false;
            }
            Keep::CrashUnheard => {
                self.store_pending(Some(to_ms));
                self.crash();
            }
            Keep::Capture | Keep::Store => {
                self.store_pending(Some(to_ms));
                self.shard.advance(to_ms);
            }
        }
        true
    }

    pub fn keep(&mut self, keep: Keep) {
        match keep {
            Keep::Capture if self.pending.is_none() => {
                let checkpoint = self.shard.checkpoint();
                assert_eq!(checkpoint.next_offset, self.next_offset, "the stored position");
                assert_eq!(checkpoint.stream_ms, self.shard.stream_time_ms());
                self.pending = Some(Pending { checkpoint, steps: self.done.len(), orphans: self.orphans.len() });
            }
            Keep::Capture => {}
            Keep::Store => self.store_pending(None),
            Keep::GiveBack => {
                if let Some(pending) = self.pending.take() {
                    self.shard.give_back(pending.checkpoint);
                }
            }
            Keep::Crash => {
                self.pending = None;
                self.crash();
            }
            Keep::CrashUnheard => {
                self.store_pending(None);
                self.crash();
            }
        }
    }

    fn store_pending(&mut self, advance_ms: Option<i64>) {
        if let Some(pending) = self.pending.take() {
            self.store.apply(pending.checkpoint);
            self.advance_ms = advance_ms;
            self.stored = Some((pending.steps, pending.orphans));
        }
    }

    /// Begins anew from what is stored, and reads what came after it again.
    fn crash(&mut self) {
        self.crashes += 1;
        let (steps, orphans) = self.stored.unwrap_or_default();
        self.shard = match self.stored {
            None => Shard::new(Arc::clone(&self.settings), KEY),
            Some(_) => Shard::restore(Arc::clone(&self.settings), KEY, &self.store.pieces()).expect("what was stored"),
        };
        if let Some(advance_ms) = self.advance_ms {
            self.shard.advance(advance_ms);
        }
        self.orphans.truncate(orphans);
        for (position, (step, before)) in self.done.iter().enumerate().skip(steps) {
            let again = step_shard(&mut self.shard, step, position as i64).as_ref().map(Verdict::from);
            assert_eq!(again, *before, "step {position}, read again");
        }
    }

    /// Positions of all orphans told so far, in order.
    pub fn take_orphans(&mut self) -> Vec<i64> {
        self.orphans.extend(self.shard.take_orphans().into_iter().map(|orphan| orphan.position));
        let mut sorted = self.orphans.clone();
        sorted.sort_unstable();
        sorted
    }

    /// Stores everything, as at an orderly end.
    pub fn store_all(&mut self) {
        self.keep(Keep::Store);
        self.keep(Keep::Capture);
        self.keep(Keep::Store);
    }
}
