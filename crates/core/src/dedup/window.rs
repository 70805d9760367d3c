//! The identities of records that were seen within the dedup horizon.

use std::collections::VecDeque;

use hashbrown::HashTable;

use crate::dedup::chunked_queue::ChunkedQueue;
use crate::ids::{HashedId, RecordKey};
use crate::state::{Checkpoint, ChunkKind, RestoreError, StateChunk, append, take};
use crate::time::{Millis, Timestamp};

/// Records in a row that were read at the same stream time.
#[derive(Clone, Copy, Debug)]
struct Arrivals {
    /// Stream time just after the records.
    stream_time: Timestamp,
    count: u32,
}

/// The identities of records seen within the horizon (`windows.dedup_horizon`), or the newest
/// `limits.remembered_ids` of them if that is fewer.
///
/// By default the window holds an identity for each record of an hour of stream time, so memory
/// per identity matters. It stores the identities once, in order of arrival; a table of their
/// numbers to find them by; and one time for all records that were read at the same stream time.
///
/// A duplicate does not renew its identity: the horizon counts from the first record. A record that
/// says nothing new under another identity is recognised by its contact or follow-up
/// (`ApplyOutcome::Duplicate`).
#[derive(Debug)]
pub(crate) struct DedupWindow {
    /// Numbers of the identities in `order`, cut to 32 bits: `limit` keeps fewer at once.
    seen: HashTable<u32>,
    /// The identities in order of arrival; the number counts all that ever arrived.
    order: ChunkedQueue<RecordKey>,
    /// The times of the identities in `order`, run-length encoded.
    arrivals: VecDeque<Arrivals>,
    horizon: Millis,
    limit: usize,
    /// Number of the first identity that is not stored yet.
    stored: u64,
    /// Number of the first identity of each stored chunk, oldest first.
    chunks: VecDeque<u64>,
}

impl DedupWindow {
    /// Creates an empty window that holds at most `limit` identities.
    pub(crate) fn new(horizon: Millis, limit: usize) -> Self {
        DedupWindow {
            seen: HashTable::new(),
            order: ChunkedQueue::new(0),
            arrivals: VecDeque::new(),
            horizon,
            limit: limit.min(u32::MAX as usize - 1),
            stored: 0,
            chunks: VecDeque::new(),
        }
    }

    /// Returns how many identities the window holds.
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    /// Adds an identity. Returns `false` if the window already holds it.
    #[must_use]
    pub(crate) fn insert(&mut self, key: RecordKey, stream_time: Timestamp) -> bool {
        while let Some(oldest) = self.arrivals.front()
            && stream_time.get().abs_diff(oldest.stream_time.get()) > self.horizon.get()
        {
            self.drop_oldest();
        }
        if self.find(key).is_some() {
            return false;
        }
        self.push(key, stream_time);
        true
    }

    fn find(&self, key: RecordKey) -> Option<&u32> {
        let order = &self.order;
        self.seen.find(key.table_hash(), |number| order.get(whole(*number, order)) == Some(key))
    }

    fn push(&mut self, key: RecordKey, stream_time: Timestamp) {
        let number = self.order.next() as u32;
        self.order.push(key);
        let order = &self.order;
        // Each number in the table has an entry: `drop_oldest` removes both.
        let hash_of =
            |number: &u32| order.get(whole(*number, order)).map_or(0, HashedId::table_hash);
        self.seen.insert_unique(key.table_hash(), number, hash_of);
        match self.arrivals.back_mut() {
            Some(last) if last.stream_time == stream_time => last.count += 1,
            _ => self.arrivals.push_back(Arrivals { stream_time, count: 1 }),
        }
        if self.order.len() > self.limit {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let number = self.order.oldest() as u32;
        let Some(key) = self.order.pop() else { return };
        if let Ok(entry) = self.seen.find_entry(key.table_hash(), |found| *found == number) {
            entry.remove();
        }
        if let Some(oldest) = self.arrivals.front_mut() {
            oldest.count -= 1;
            if oldest.count == 0 {
                self.arrivals.pop_front();
            }
        }
    }

    /// Sets times after `to` back to it, so that the horizon counts from there.
    pub(crate) fn rewind(&mut self, to: Timestamp) {
        for arrivals in &mut self.arrivals {
            arrivals.stream_time = arrivals.stream_time.min(to);
        }
    }

    /// Drops all identities; the next one gets the number `next`.
    fn clear(&mut self, next: u64) {
        self.seen.clear();
        self.order = ChunkedQueue::new(next);
        self.arrivals.clear();
    }

    /// Adds the identities since the last checkpoint as one chunk. Deletes chunks whose identities
    /// have all left the window.
    pub(crate) fn write_checkpoint(&mut self, checkpoint: &mut Checkpoint) {
        let (oldest, next) = (self.order.oldest(), self.order.next());
        let first = self.stored.max(oldest);
        if first < next {
            let count = (next - first) as usize;
            let mut bytes = Vec::with_capacity(count * 20);
            let mut previous_ms = 0;
            for (stream_time, key) in self.times_of_newest(count).zip(self.order.from(first)) {
                let delta_ms = stream_time.get() - previous_ms;
                bytes = append(bytes, &(delta_ms, key.get().to_le_bytes()));
                previous_ms = stream_time.get();
            }
            checkpoint.put_bytes(ChunkKind::Ids, first as i64, bytes);
            self.chunks.push_back(first);
        }
        self.stored = next;
        // A chunk ends where the chunk after it begins; the last one ends at `next`.
        while let Some(end) =
            self.chunks.get(1).copied().or((!self.chunks.is_empty()).then_some(next))
            && end <= oldest
            && let Some(chunk) = self.chunks.pop_front()
        {
            checkpoint.delete(ChunkKind::Ids, chunk as i64, chunk as i64);
        }
    }

    /// Adds all identities, and deletes what the ledger holds of them.
    pub(crate) fn write_whole_checkpoint(&mut self, checkpoint: &mut Checkpoint) {
        checkpoint.delete(ChunkKind::Ids, i64::MIN, i64::MAX);
        self.stored = 0;
        self.chunks.clear();
        self.write_checkpoint(checkpoint);
    }

    /// Returns the times of the newest `count` identities, in order of arrival.
    fn times_of_newest(&self, count: usize) -> impl Iterator<Item = Timestamp> + '_ {
        let (mut first, mut covered) = (self.arrivals.len(), 0);
        while covered < count && first > 0 {
            first -= 1;
            covered += self.arrivals[first].count as usize;
        }
        self.arrivals
            .range(first..)
            .flat_map(|run| std::iter::repeat_n(run.stream_time, run.count as usize))
            .skip(covered.saturating_sub(count))
    }

    /// Reads stored identities into an empty window.
    pub(crate) fn restore(&mut self, chunks: &[&StateChunk]) -> Result<(), RestoreError> {
        let mut chunks: Vec<&&StateChunk> =
            chunks.iter().filter(|chunk| chunk.kind == ChunkKind::Ids).collect();
        chunks.sort_by_key(|chunk| chunk.number);
        for chunk in chunks {
            let inconsistent =
                |_| RestoreError::Inconsistent { kind: chunk.kind, number: chunk.number };
            let first = u64::try_from(chunk.number).map_err(inconsistent)?;
            self.chunks.push_back(first);
            // Identities between two chunks left the window, with all before them, before they
            // were stored.
            if self.order.next() != first {
                self.clear(first);
            }
            let mut bytes = chunk.bytes.as_slice();
            let mut stream_ms = 0i64;
            while !bytes.is_empty() {
                let (delta_ms, key): (i64, [u8; 16]) = take(chunk, &mut bytes)?;
                stream_ms = stream_ms.wrapping_add(delta_ms);
                self.restore_one(RecordKey(u128::from_le_bytes(key)), Timestamp(stream_ms));
            }
        }
        self.stored = self.order.next();
        Ok(())
    }

    fn restore_one(&mut self, key: RecordKey, stream_time: Timestamp) {
        // An identity that is stored twice had left the window in between, as had all before it.
        while self.find(key).is_some() {
            self.drop_oldest();
        }
        self.push(key, stream_time);
    }
}

/// Returns the whole number of an entry from its lower 32 bits.
fn whole(number: u32, order: &ChunkedQueue<RecordKey>) -> u64 {
    let oldest = order.oldest();
    oldest + u64::from(number.wrapping_sub(oldest as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window() -> DedupWindow {
        DedupWindow::new(Millis(100), 3)
    }

    #[test]
    fn window_recognises_an_identity_when_it_is_within_the_horizon() {
        let mut window = window();
        assert!(window.insert(RecordKey(1), Timestamp(0)));
        assert!(!window.insert(RecordKey(1), Timestamp(100)));
        assert!(window.insert(RecordKey(1), Timestamp(101)));
        assert_eq!(window.len(), 1);
    }

    #[test]
    fn window_drops_the_oldest_identity_when_it_is_full() {
        let mut window = window();
        for key in 1..=4 {
            assert!(window.insert(RecordKey(key), Timestamp(0)));
        }
        assert_eq!(window.len(), 3);
        assert!(!window.insert(RecordKey(4), Timestamp(0)));
        assert!(window.insert(RecordKey(1), Timestamp(0)));
    }

    #[test]
    fn window_holds_the_same_identities_when_it_is_restored() {
        let (mut window, mut checkpoint) = (window(), Checkpoint::default());
        for key in 1..=4_u32 {
            assert!(window.insert(RecordKey(key.into()), Timestamp(10 * i64::from(key))));
            window.write_checkpoint(&mut checkpoint);
        }
        let mut restored = self::window();
        restored.restore(&checkpoint.chunks.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!(restored.len(), window.len());
        assert!(!restored.insert(RecordKey(2), Timestamp(120)));
        assert!(restored.insert(RecordKey(2), Timestamp(121)));
    }
}
