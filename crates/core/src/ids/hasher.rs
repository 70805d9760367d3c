//! Keyed hashes of ids.

use std::hash::{BuildHasherDefault, Hasher};

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

/// The hash of a key for a [`HashTable`].
pub(crate) fn table_hash(key: u128) -> u64 {
    key as u64
}
