//! A ledger in memory.

use std::collections::BTreeMap;

use nabiz_core::measures::{AgentIntervalDelta, FurtherIncrements, IntervalDelta};
use nabiz_core::state::{Checkpoint, ChunkKind, StateChunk};

/// The stored state and history of a shard.
#[derive(Default)]
pub struct Store {
    chunks: BTreeMap<(ChunkKind, i64), Vec<u8>>,
    pub intervals: Vec<IntervalDelta>,
    pub agent_intervals: Vec<AgentIntervalDelta>,
    pub further: FurtherIncrements,
    pub bytes_written: usize,
}

impl Store {
    /// Stores a checkpoint.
    pub fn apply(&mut self, checkpoint: Checkpoint) {
        for deletion in checkpoint.deletions {
            let (first, last) = ((deletion.kind, deletion.first), (deletion.kind, deletion.last));
            let gone: Vec<_> = self.chunks.range(first..=last).map(|(key, _)| *key).collect();
            for key in gone {
                self.chunks.remove(&key);
            }
        }
        for chunk in checkpoint.chunks {
            self.bytes_written += chunk.bytes.len();
            self.chunks.insert((chunk.kind, chunk.number), chunk.bytes);
        }
        self.intervals.extend(checkpoint.intervals);
        self.agent_intervals.extend(checkpoint.agent_intervals);
        self.add_further(checkpoint.further);
    }

    /// Adds increments row by row, as the ledger does.
    fn add_further(&mut self, more: FurtherIncrements) {
        let FurtherIncrements { arrivals, units, scores, pauses, heads } = more;
        for (key, counts) in arrivals {
            self.further.arrivals.entry(key).or_default().add(&counts);
        }
        for (key, counts) in units {
            self.further.units.entry(key).or_default().add(&counts);
        }
        for (key, count) in scores {
            *self.further.scores.entry(key).or_default() += count;
        }
        for (key, paused_ms) in pauses {
            *self.further.pauses.entry(key).or_default() += paused_ms;
        }
        for (start, state_ms) in heads {
            let row = self.further.heads.entry(start).or_default();
            row.iter_mut().zip(state_ms).for_each(|(sum, ms)| *sum += ms);
        }
    }

    /// Returns all chunks, as a new owner reads them.
    pub fn chunks(&self) -> Vec<StateChunk> {
        let chunks = self.chunks.iter();
        chunks
            .map(|((kind, number), bytes)| StateChunk {
                kind: *kind,
                number: *number,
                bytes: bytes.clone(),
            })
            .collect()
    }

    /// Returns the bytes of all chunks.
    pub fn size(&self) -> usize {
        self.chunks.values().map(Vec::len).sum()
    }
}
