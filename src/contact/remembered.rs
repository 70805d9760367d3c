//! Identities under keyed hashes, and which of them were seen lately.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use siphasher::sip128::{Hasher128, SipHasher13};

use crate::shard::{Checkpoint, Piece, PieceKind, RestoreError, append, take};

/// Hashes ids of contacts, agents, follow-ups and records with a key, so that the stored hash does not tell the id.
#[derive(Clone, Debug)]
pub(crate) struct IdHasher {
    hasher: SipHasher13,
}

impl IdHasher {
    pub(crate) fn new(key: [u8; 16]) -> Self {
        IdHasher { hasher: SipHasher13::new_with_key(&key) }
    }

    /// 128-bit hash of an id.
    pub(crate) fn hash(&self, id: &str) -> u128 {
        self.hasher.hash(id.as_bytes()).as_u128()
    }

    /// 128-bit hash of an id within its source.
    pub(crate) fn hash_pair(&self, source: &str, id: &str) -> u128 {
        let mut hasher = self.hasher;
        hasher.write(source.as_bytes());
        // 0xff is no byte of UTF-8: ("ab", "c") and ("a", "bc") differ.
        hasher.write_u8(0xff);
        hasher.write(id.as_bytes());
        hasher.finish128().as_u128()
    }
}

/// Tables of keys that are hashes already.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HashedKey(u64);

impl Hasher for HashedKey {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }
}

pub(crate) type BuildHashedKey = BuildHasherDefault<HashedKey>;

/// The identities of records seen within the horizon, or the newest of them where that is less.
#[derive(Debug)]
pub(crate) struct RememberedIds {
    seen: HashSet<u128, BuildHashedKey>,
    /// In order of arrival, with the stream time just after it.
    order: VecDeque<(i64, u128)>,
    horizon_ms: u64,
    limit: usize,
    /// How many were ever remembered: the number of the next.
    next: u64,
    /// The number of the first that is not stored yet.
    stored: u64,
    /// Stored chunks, oldest first: number of the first id in each.
    chunks: VecDeque<u64>,
}

impl RememberedIds {
    pub(crate) fn new(horizon_ms: u64, limit: usize) -> Self {
        RememberedIds {
            seen: HashSet::default(),
            order: VecDeque::new(),
            horizon_ms,
            limit,
            next: 0,
            stored: 0,
            chunks: VecDeque::new(),
        }
    }

    /// How many are remembered.
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    /// Adds the ids since the last checkpoint as one chunk, and drops chunks of which every id is forgotten.
    pub(crate) fn capture(&mut self, checkpoint: &mut Checkpoint) {
        let oldest = self.next - self.order.len() as u64;
        let first = self.stored.max(oldest);
        if first < self.next {
            let new = self.order.range((first - oldest) as usize..);
            let mut bytes = Vec::with_capacity(new.len() * 20);
            let mut before_ms = 0;
            for &(stream_ms, key) in new {
                bytes = append(bytes, &(stream_ms - before_ms, key.to_le_bytes()));
                before_ms = stream_ms;
            }
            checkpoint.put_bytes(PieceKind::Ids, first as i64, bytes);
            self.chunks.push_back(first);
        }
        self.stored = self.next;
        while let Some(after) = self.chunks.get(1).copied().or((!self.chunks.is_empty()).then_some(self.next))
            && after <= oldest
            && let Some(chunk) = self.chunks.pop_front()
        {
            checkpoint.delete(PieceKind::Ids, chunk as i64, chunk as i64);
        }
    }

    /// Adds all ids, whatever is stored.
    pub(crate) fn capture_all(&mut self, checkpoint: &mut Checkpoint) {
        checkpoint.delete(PieceKind::Ids, i64::MIN, i64::MAX);
        self.stored = 0;
        self.chunks.clear();
        self.capture(checkpoint);
    }

    /// Puts stored ids into an empty memory.
    pub(crate) fn restore(&mut self, pieces: &[&Piece]) -> Result<(), RestoreError> {
        let mut chunks: Vec<&&Piece> = pieces.iter().filter(|piece| piece.kind == PieceKind::Ids).collect();
        chunks.sort_by_key(|piece| piece.number);
        for piece in chunks {
            self.chunks.push_back(piece.number as u64);
            self.next = piece.number as u64;
            let mut bytes = piece.bytes.as_slice();
            let mut stream_ms = 0i64;
            while !bytes.is_empty() {
                let (later_ms, key): (i64, [u8; 16]) = take(piece, &mut bytes)?;
                stream_ms = stream_ms.wrapping_add(later_ms);
                self.order.push_back((stream_ms, u128::from_le_bytes(key)));
                self.next += 1;
            }
        }
        let surplus = self.order.len().saturating_sub(self.limit);
        self.order.drain(..surplus);
        // One that comes twice was forgotten in between, and with it all before it.
        let forgotten = self.order.iter().rposition(|(_, key)| !self.seen.insert(*key)).map_or(0, |last| last + 1);
        self.order.drain(..forgotten);
        self.stored = self.next;
        Ok(())
    }

    /// Remembers an identity; `false` where it is remembered already.
    pub(crate) fn insert(&mut self, key: u128, stream_ms: i64) -> bool {
        while let Some(&(at_ms, oldest)) = self.order.front()
            && stream_ms.abs_diff(at_ms) > self.horizon_ms
        {
            self.order.pop_front();
            self.seen.remove(&oldest);
        }
        if !self.seen.insert(key) {
            return false;
        }
        self.order.push_back((stream_ms, key));
        self.next += 1;
        if self.order.len() > self.limit
            && let Some((_, oldest)) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        true
    }
}
