//! Computes the keys of ids, and hashes keys for tables.

use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};

use siphasher::sip;
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::ids::keys::{AgentKey, ContactKey, FollowupKey, RecordKey, SourceKey};
use crate::ids::labels::{OVERFLOW, OverflowScheme, QueueId};

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

    /// Returns the number of a queue past the bound.
    pub(crate) fn overflow_queue(&self, scheme: OverflowScheme, name: &str) -> QueueId {
        let hash = match scheme {
            OverflowScheme::Keyed => self.hash(name) as u32,
            OverflowScheme::Unkeyed => {
                let mut hasher = sip::SipHasher13::new();
                hasher.write(name.as_bytes());
                // The end of a text, as the standard library hashes it.
                hasher.write_u8(0xff);
                hasher.finish() as u32
            }
        };
        QueueId(OVERFLOW | hash)
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
    fn overflow_number_depends_on_key_when_scheme_is_keyed() {
        let number = |key: u8, scheme| IdHasher::new([key; 16]).overflow_queue(scheme, "fault").0;
        assert_ne!(number(7, OverflowScheme::Keyed), number(8, OverflowScheme::Keyed));
        assert_eq!(number(7, OverflowScheme::Unkeyed), number(8, OverflowScheme::Unkeyed));
    }

    #[test]
    fn overflow_number_is_that_of_the_older_ledger_when_scheme_is_unkeyed() {
        let hasher = IdHasher::new([7; 16]);
        // The numbers that `DefaultHasher` of Rust 1.95 gives, which wrote those ledgers.
        let stored = [
            ("", 0xa3c5_3def),
            ("fault", 0xfea1_bb6d),
            ("arıza-1", 0xf900_f0f9),
            ("a queue of several words", 0xe9a1_77a9),
        ];
        for (name, expected) in stored {
            let number = hasher.overflow_queue(OverflowScheme::Unkeyed, name);
            assert_eq!(number, QueueId(expected), "{name}");
        }
    }

    #[test]
    fn debug_form_hides_keys_and_the_secret() {
        let hasher = IdHasher::new([7; 16]);
        assert_eq!(format!("{hasher:?}"), "IdHasher(..)");
        assert_eq!(format!("{:?}", hasher.contact("c1")), "ContactKey(..)");
    }
}
