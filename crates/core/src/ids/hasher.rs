//! Computes the keys of ids, and hashes keys for tables.

use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};

use siphasher::sip128::{Hasher128, SipHasher13};

use crate::ids::keys::{AgentKey, ContactKey, FollowupKey, RecordKey, SourceKey};

/// Hashes ids with the secret key of the ledger, so that stored keys do not reveal the ids.
#[derive(Clone)]
pub(crate) struct IdHasher {
    hasher: SipHasher13,
}

impl IdHasher {
    /// Creates a hasher with the secret key of the ledger.
    pub(crate) fn new(key: [u8; 16]) -> Self {
        IdHasher { hasher: SipHasher13::new_with_key(&key) }
    }

    /// Returns the key of a contact id.
    pub(crate) fn contact(&self, id: &str) -> ContactKey {
        ContactKey(self.hash(id))
    }

    /// Returns the key of an agent id.
    pub(crate) fn agent(&self, id: &str) -> AgentKey {
        AgentKey(self.hash(id))
    }

    /// Returns the key of a follow-up id.
    pub(crate) fn followup(&self, id: &str) -> FollowupKey {
        FollowupKey(self.hash(id))
    }

    /// Returns the key of a source.
    pub(crate) fn source(&self, source: &str) -> SourceKey {
        SourceKey(self.hash(source))
    }

    /// Returns the key of a record: of its id within its source.
    pub(crate) fn record(&self, source: &str, id: &str) -> RecordKey {
        let mut hasher = self.hasher;
        hasher.write(source.as_bytes());
        // 0xff is no byte of UTF-8, so that ("ab", "c") and ("a", "bc") differ.
        hasher.write_u8(0xff);
        hasher.write(id.as_bytes());
        RecordKey(hasher.finish128().as_u128())
    }

    fn hash(&self, id: &str) -> u128 {
        self.hasher.hash(id.as_bytes()).as_u128()
    }
}

/// Hides the state of the hasher, which contains the secret key.
impl fmt::Debug for IdHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdHasher(..)")
    }
}

/// The hasher of tables whose keys are hashes already: takes the lower half of the key.
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

/// Builds [`HashedKey`] for the maps of the standard library.
pub(crate) type BuildHashedKey = BuildHasherDefault<HashedKey>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_key_differs_when_the_border_of_source_and_id_moves() {
        let hasher = IdHasher::new([7; 16]);
        assert_ne!(hasher.record("ab", "c"), hasher.record("a", "bc"));
        assert_eq!(hasher.record("ab", "c"), hasher.record("ab", "c"));
    }

    #[test]
    fn debug_form_hides_keys_and_the_secret() {
        let hasher = IdHasher::new([7; 16]);
        assert_eq!(format!("{hasher:?}"), "IdHasher(..)");
        assert_eq!(format!("{:?}", hasher.contact("c1")), "ContactKey(..)");
    }
}
