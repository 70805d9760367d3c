//! A keyed hash of a record's content, by which the record is recognised when it is read again.

use std::fmt;
use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher13};

/// A keyed hash of the key and the value of a record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RecordDigest(u128);

impl RecordDigest {
    /// Hashes a record with the secret key of the ledger.
    #[must_use]
    pub fn new(hash_key: &[u8; 16], key: Option<&[u8]>, value: Option<&[u8]>) -> Self {
        let mut hasher = SipHasher13::new_with_key(hash_key);
        for part in [key, value] {
            // The length moves with the border, and tells an empty part from an absent one.
            hasher.write_u64(part.map_or(u64::MAX, |part| part.len() as u64));
            hasher.write(part.unwrap_or_default());
        }
        RecordDigest(hasher.finish128().as_u128())
    }

    /// Returns the digest whose bytes are stored.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        RecordDigest(u128::from_le_bytes(bytes))
    }

    /// Returns the bytes to store.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_le_bytes()
    }
}

/// Hides the value: with the secret key of the ledger, a guess of the record can be checked.
impl fmt::Debug for RecordDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecordDigest(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(key: Option<&str>, value: Option<&str>) -> RecordDigest {
        RecordDigest::new(&[7; 16], key.map(str::as_bytes), value.map(str::as_bytes))
    }

    #[test]
    fn digest_differs_when_a_part_differs_or_the_border_moves() {
        let one = digest(Some("ab"), Some("c"));
        assert_eq!(one, digest(Some("ab"), Some("c")));
        assert_eq!(one, RecordDigest::from_bytes(one.to_bytes()));
        for (key, value) in [
            (Some("a"), Some("bc")),
            (Some("ab"), Some("d")),
            (Some("ab"), None),
            (Some("ab"), Some("")),
            (None, Some("abc")),
        ] {
            assert_ne!(one, digest(key, value), "{key:?} {value:?}");
        }
        assert_ne!(digest(None, None), digest(Some(""), None));
        assert_ne!(one, RecordDigest::new(&[8; 16], Some(b"ab"), Some(b"c")));
    }

    #[test]
    fn debug_form_hides_the_digest() {
        assert_eq!(format!("{:?}", digest(Some("a"), None)), "RecordDigest(..)");
    }
}
