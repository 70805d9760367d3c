//! Identities under keyed hashes, and which of them were seen lately.

use std::collections::VecDeque;

use hashbrown::HashTable;

use crate::dedup::chunked_queue::ChunkedQueue;
use crate::ids::table_hash;
use crate::state::{Checkpoint, ChunkKind, RestoreError, StateChunk, append, take};

/// The identities of records seen within the horizon, or the newest of them where that is less.
///
/// There is one for every record of an hour, so they are kept small: the identities once, in order of meta; a table
/// of their numbers to find them by; and the time once for all that came at the same.
#[derive(Debug)]
pub(crate) struct DedupWindow {
    /// Numbers of the identities in `order`, cut to 32 bits: there are never that many at once.
    seen: HashTable<u32>,
    /// In order of meta, by how many were remembered before.
    order: ChunkedQueue<u128>,
    /// The stream time just after the meta, and of how many, one after the other.
    times: VecDeque<(i64, u32)>,
    horizon_ms: u64,
    limit: usize,
    /// The number of the first that is not stored yet.
    stored: u64,
    /// Stored chunks, oldest first: number of the first id in each.
    chunks: VecDeque<u64>,
}

impl DedupWindow {
    pub(crate) fn new(horizon_ms: u64, limit: usize) -> Self {
        DedupWindow {
            seen: HashTable::new(),
            order: ChunkedQueue::new(0),
            times: VecDeque::new(),
            horizon_ms,
            limit: limit.min(u32::MAX as usize - 1),
            stored: 0,
            chunks: VecDeque::new(),
        }
    }

    /// How many are remembered.
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    /// Adds the ids since the last checkpoint as one chunk, and drops chunks of which every id is forgotten.
    pub(crate) fn write_checkpoint(&mut self, checkpoint: &mut Checkpoint) {
        let (oldest, next) = (self.order.oldest(), self.order.next());
        let first = self.stored.max(oldest);
        if first < next {
            let count = (next - first) as usize;
            let mut bytes = Vec::with_capacity(count * 20);
            let mut before_ms = 0;
            for (stream_ms, key) in self.times_of_newest(count).zip(self.order.from(first)) {
                bytes = append(bytes, &(stream_ms - before_ms, key.to_le_bytes()));
                before_ms = stream_ms;
            }
            checkpoint.put_bytes(ChunkKind::Ids, first as i64, bytes);
            self.chunks.push_back(first);
        }
        self.stored = next;
        while let Some(after) =
            self.chunks.get(1).copied().or((!self.chunks.is_empty()).then_some(next))
            && after <= oldest
            && let Some(chunk) = self.chunks.pop_front()
        {
            checkpoint.delete(ChunkKind::Ids, chunk as i64, chunk as i64);
        }
    }

    /// The times of the newest `count`, in order.
    fn times_of_newest(&self, count: usize) -> impl Iterator<Item = i64> + '_ {
        let (mut first, mut covered) = (self.times.len(), 0);
        while covered < count && first > 0 {
            first -= 1;
            covered += self.times[first].1 as usize;
        }
        let times = self
            .times
            .range(first..)
            .flat_map(|(time_ms, many)| std::iter::repeat_n(*time_ms, *many as usize));
        times.skip(covered.saturating_sub(count))
    }

    /// Adds all ids, whatever is stored.
    pub(crate) fn write_whole_checkpoint(&mut self, checkpoint: &mut Checkpoint) {
        checkpoint.delete(ChunkKind::Ids, i64::MIN, i64::MAX);
        self.stored = 0;
        self.chunks.clear();
        self.write_checkpoint(checkpoint);
    }

    /// Puts stored ids into an empty memory.
    pub(crate) fn restore(&mut self, chunks: &[&StateChunk]) -> Result<(), RestoreError> {
        let mut chunks: Vec<&&StateChunk> =
            chunks.iter().filter(|chunk| chunk.kind == ChunkKind::Ids).collect();
        chunks.sort_by_key(|chunk| chunk.number);
        for chunk in chunks {
            let inconsistent =
                |_| RestoreError::Inconsistent { kind: chunk.kind, number: chunk.number };
            let first = u64::try_from(chunk.number).map_err(inconsistent)?;
            self.chunks.push_back(first);
            // Between two chunks that are not one after the other there is nothing to be remembered.
            if self.order.next() != first {
                self.forget_all(first);
            }
            let mut bytes = chunk.bytes.as_slice();
            let mut stream_ms = 0i64;
            while !bytes.is_empty() {
                let (later_ms, key): (i64, [u8; 16]) = take(chunk, &mut bytes)?;
                stream_ms = stream_ms.wrapping_add(later_ms);
                self.restore_one(u128::from_le_bytes(key), stream_ms);
            }
        }
        self.stored = self.order.next();
        Ok(())
    }

    fn restore_one(&mut self, key: u128, stream_ms: i64) {
        // One that comes twice was forgotten in between, and with it all before it.
        while self.find(key).is_some() {
            self.forget_oldest();
        }
        self.push(key, stream_ms);
    }

    fn find(&self, key: u128) -> Option<&u32> {
        let order = &self.order;
        self.seen.find(table_hash(key), |number| order.get(whole(*number, order)) == Some(key))
    }

    /// Forgets everything; the next will have the number `next`.
    fn forget_all(&mut self, next: u64) {
        self.seen.clear();
        self.order = ChunkedQueue::new(next);
        self.times.clear();
    }

    fn forget_oldest(&mut self) {
        let number = self.order.oldest() as u32;
        let Some(key) = self.order.pop() else { return };
        if let Ok(entry) = self.seen.find_entry(table_hash(key), |found| *found == number) {
            entry.remove();
        }
        if let Some((_, many)) = self.times.front_mut() {
            *many -= 1;
            if *many == 0 {
                self.times.pop_front();
            }
        }
    }

    fn push(&mut self, key: u128, stream_ms: i64) {
        let number = self.order.next() as u32;
        self.order.push(key);
        let order = &self.order;
        // Every number in the table is that of an entry: what is dropped leaves the table.
        let hash_of = |number: &u32| order.get(whole(*number, order)).map_or(0, table_hash);
        self.seen.insert_unique(table_hash(key), number, hash_of);
        match self.times.back_mut() {
            Some((last_ms, many)) if *last_ms == stream_ms => *many += 1,
            _ => self.times.push_back((stream_ms, 1)),
        }
        if self.order.len() > self.limit {
            self.forget_oldest();
        }
    }

    /// Remembers an identity; `false` where it is remembered already.
    pub(crate) fn insert(&mut self, key: u128, stream_ms: i64) -> bool {
        while let Some(&(at_ms, _)) = self.times.front()
            && stream_ms.abs_diff(at_ms) > self.horizon_ms
        {
            self.forget_oldest();
        }
        if self.find(key).is_some() {
            return false;
        }
        self.push(key, stream_ms);
        true
    }
}

/// The number of which the lower half is in the table.
fn whole(number: u32, order: &ChunkedQueue<u128>) -> u64 {
    let oldest = order.oldest();
    oldest + u64::from(number.wrapping_sub(oldest as u32))
}
