//! Identities under keyed hashes, and which of them were seen lately.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128, SipHasher13};

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
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RememberedIds {
    seen: HashSet<u128, BuildHashedKey>,
    /// In order of arrival, with the stream time just after it.
    order: VecDeque<(i64, u128)>,
    horizon_ms: u64,
    limit: usize,
}

impl RememberedIds {
    pub(crate) fn new(horizon_ms: u64, limit: usize) -> Self {
        RememberedIds { seen: HashSet::default(), order: VecDeque::new(), horizon_ms, limit }
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
        if self.order.len() > self.limit
            && let Some((_, oldest)) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        true
    }
}
