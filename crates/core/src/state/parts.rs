//! Storage of tables of moderate size in 64 parts.
//!
//! A checkpoint writes each part that has a change, as a whole.

use std::collections::HashMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ids::{BuildHashedKey, HashedId};
use crate::state::chunk::{
    Checkpoint, CheckpointExtent, ChunkKind, RestoreError, StateChunk, read,
};

/// Parts of a table; a [`PartSet`] has one bit for each.
const PARTS: u128 = 64;

/// The parts that differ from the ledger, one bit each.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PartSet(u64);

impl PartSet {
    /// Marks the part of `key` as changed.
    pub(crate) fn mark(&mut self, key: impl HashedId) {
        self.0 |= 1 << (key.get() % PARTS);
    }

    /// Returns whether no part is marked.
    pub(crate) fn is_empty(&self) -> bool {
        self.0 == 0
    }

    /// Adds the marked parts of a table, or all of them, to a checkpoint, and clears the marks.
    /// Deletes a part without entries.
    pub(crate) fn write_checkpoint<K: HashedId, T: Serialize>(
        &mut self,
        kind: ChunkKind,
        table: &HashMap<K, T, BuildHashedKey>,
        extent: CheckpointExtent,
        checkpoint: &mut Checkpoint,
    ) {
        let marked = match extent {
            CheckpointExtent::Changes => self.0,
            CheckpointExtent::Everything => u64::MAX,
        };
        self.0 = 0;
        if marked == 0 {
            return;
        }
        let mut parts: Vec<Vec<(K, &T)>> = (0..PARTS).map(|_| Vec::new()).collect();
        for (key, value) in table {
            parts[(key.get() % PARTS) as usize].push((*key, value));
        }
        for (number, part) in
            parts.iter_mut().enumerate().filter(|(number, _)| marked & (1 << number) != 0)
        {
            let number = number as i64;
            part.sort_unstable_by_key(|(key, _)| *key);
            match part.is_empty() {
                true => checkpoint.delete(kind, number, number),
                false => checkpoint.put(kind, number, part),
            }
        }
    }

    /// Reads the entries of a stored part.
    pub(crate) fn restore<K: HashedId, T: DeserializeOwned>(
        chunk: &StateChunk,
    ) -> Result<Vec<(K, T)>, RestoreError> {
        read(chunk)
    }
}
