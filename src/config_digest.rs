//! The keyed digest of an effective configuration.

use std::fmt;

use sha2::{Digest, Sha256};

/// Bytes of the digest. SHA-256 is cut to them, so that it cannot be extended.
const BYTES: usize = 16;

/// A digest by which a configuration is recognised, and that reveals nothing of it: without the
/// secret key of the ledger nobody can try guesses of a secret against it. `Display` writes it as
/// hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigDigest([u8; BYTES]);

impl ConfigDigest {
    /// Computes the digest of a text with the secret key of the ledger.
    #[must_use]
    pub fn new(hash_key: &[u8; 16], text: &str) -> Self {
        let hash: [u8; 32] =
            Sha256::new().chain_update(hash_key).chain_update(text.as_bytes()).finalize().into();
        let mut bytes = [0; BYTES];
        bytes.copy_from_slice(&hash[..BYTES]);
        ConfigDigest(bytes)
    }

    /// Returns the digest whose bytes are stored.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; BYTES]) -> Self {
        ConfigDigest(bytes)
    }

    /// Returns the bytes to store.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; BYTES] {
        self.0
    }
}

impl fmt::Display for ConfigDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_differs_when_key_or_text_differs() {
        let one = ConfigDigest::new(&[7; 16], "a = 1\n");
        assert_eq!(one, ConfigDigest::new(&[7; 16], "a = 1\n"));
        assert_eq!(one, ConfigDigest::from_bytes(one.to_bytes()));
        assert_ne!(one, ConfigDigest::new(&[7; 16], "a = 2\n"));
        assert_ne!(one, ConfigDigest::new(&[8; 16], "a = 1\n"));
        assert_eq!(one.to_string().len(), 2 * BYTES);
    }
}
