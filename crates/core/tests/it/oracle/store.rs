//! A ledger in memory.

use std::collections::BTreeMap;

use nabiz_core::measures::{AgentIntervalDelta, IntervalDelta};
use nabiz_core::state::{Checkpoint, Piece, PieceKind};

/// What was stored of one shard.
#[derive(Default)]
pub struct Store {
    pieces: BTreeMap<(PieceKind, i64), Vec<u8>>,
    pub intervals: Vec<IntervalDelta>,
    pub agent_intervals: Vec<AgentIntervalDelta>,
    pub bytes_written: usize,
}

impl Store {
    /// Stores a checkpoint.
    pub fn apply(&mut self, checkpoint: Checkpoint) {
        for deletion in checkpoint.deletions {
            let (first, last) = ((deletion.kind, deletion.first), (deletion.kind, deletion.last));
            let gone: Vec<_> = self.pieces.range(first..=last).map(|(key, _)| *key).collect();
            for key in gone {
                self.pieces.remove(&key);
            }
        }
        for piece in checkpoint.pieces {
            self.bytes_written += piece.bytes.len();
            self.pieces.insert((piece.kind, piece.number), piece.bytes);
        }
        self.intervals.extend(checkpoint.intervals);
        self.agent_intervals.extend(checkpoint.agent_intervals);
    }

    /// All pieces, as a new owner finds them.
    pub fn pieces(&self) -> Vec<Piece> {
        let pieces = self.pieces.iter();
        pieces
            .map(|((kind, number), bytes)| Piece {
                kind: *kind,
                number: *number,
                bytes: bytes.clone(),
            })
            .collect()
    }

    /// Bytes of all pieces.
    pub fn size(&self) -> usize {
        self.pieces.values().map(Vec::len).sum()
    }
}
