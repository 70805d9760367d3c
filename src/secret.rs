//! Hashes of passwords and tokens, as the configuration holds them.

use std::fmt;

use argon2::password_hash::{self, PasswordHasher, PasswordVerifier, phc::PasswordHash};
use argon2::{ARGON2ID_IDENT, Argon2, Params, Version};

/// Most memory that one verification may take, in KiB; argon2's default is 19 456.
const MEMORY_KIB_MAX: u32 = 262_144;
/// Most passes of one verification; argon2's default is 2.
const PASSES_MAX: u32 = 16;
/// Most lanes of one verification; argon2's default is 1.
const LANES_MAX: u32 = 16;
/// Length of a new salt in bytes, as RFC 9106 recommends.
const SALT_BYTES: usize = 16;

/// The salted hash of a password or token: a PHC string of argon2id, version 19 (RFC 9106). `Debug`
/// masks it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHash(PasswordHash);

impl fmt::Debug for SecretHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SecretHash(***)")
    }
}

/// A text is not an allowed hash. The error does not show the text, because it may be the secret
/// itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a hash that begins with \"$argon2id$v=19$\", with m up to {MEMORY_KIB_MAX}, t up to \
     {PASSES_MAX} and p up to {LANES_MAX}; `nabiz hash-secret` makes one"
)]
pub struct SecretHashError;

/// A secret was not hashed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HashingError {
    /// The operating system cannot supply random numbers.
    #[error("the operating system gave no random numbers for the salt")]
    Random(#[from] getrandom::Error),
    /// Argon2 fails, for example without memory.
    #[error("argon2 failed")]
    Argon2(#[from] password_hash::Error),
}

impl SecretHash {
    /// Parses a PHC string.
    ///
    /// # Errors
    /// Returns [`SecretHashError`] when the text is something else or incomplete, or when verifying
    /// it would cost more than the bounds above.
    pub fn parse(text: &str) -> Result<Self, SecretHashError> {
        let hash = PasswordHash::new(text).map_err(|_| SecretHashError)?;
        let params = Params::try_from(&hash).map_err(|_| SecretHashError)?;
        let complete = hash.salt.is_some() && hash.hash.is_some();
        let known = hash.algorithm == ARGON2ID_IDENT && hash.version == Some(Version::V0x13.into());
        let bounded = params.m_cost() <= MEMORY_KIB_MAX
            && params.t_cost() <= PASSES_MAX
            && params.p_cost() <= LANES_MAX;
        if complete && known && bounded { Ok(SecretHash(hash)) } else { Err(SecretHashError) }
    }

    /// Hashes a secret with argon2's default costs and a random salt.
    ///
    /// # Errors
    /// Returns [`HashingError`] when there are no random numbers, or argon2 fails.
    pub fn of(secret: &[u8]) -> Result<Self, HashingError> {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt)?;
        Ok(SecretHash(Argon2::default().hash_password_with_salt(secret, &salt)?))
    }

    /// Returns whether the hash belongs to this secret. By design this takes milliseconds of CPU
    /// time and megabytes of memory.
    pub fn fits(&self, secret: &[u8]) -> bool {
        Argon2::default().verify_password(secret, &self.0).is_ok()
    }

    /// Returns the PHC string. Its reader can try secrets against it, so only `nabiz hash-secret`
    /// prints it.
    pub fn reveal(&self) -> String {
        self.0.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hash of `correct horse` with the smallest costs.
    const CHEAP: &str = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$";

    #[test]
    fn hash_fits_only_its_secret_and_differs_when_made_twice() {
        let hash = SecretHash::of(b"correct horse").unwrap();
        assert!(hash.fits(b"correct horse"));
        assert!(!hash.fits(b"correct horse\n") && !hash.fits(b""));
        assert_ne!(hash, SecretHash::of(b"correct horse").unwrap());
        assert_eq!(SecretHash::parse(&hash.reveal()), Ok(hash));
    }

    #[test]
    fn parse_refuses_text_when_it_is_not_a_complete_bounded_argon2id_hash() {
        let hash = SecretHash::of(b"x").unwrap().reveal();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let wrong = [
            String::new(),
            "a token".to_string(),
            "***".to_string(),
            CHEAP.to_string(),
            CHEAP.trim_end_matches('$').to_string(),
            format!("{hash} "),
            hash.replace("argon2id", "argon2i"),
            hash.replace("argon2id", "pbkdf2-sha256"),
            hash.replace("v=19", "v=16"),
            hash.replace("$v=19", ""),
            hash.replace("m=19456", "m=262145"),
            hash.replace("t=2", "t=17"),
            hash.replace("p=1", "p=17"),
            "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW".to_string(),
        ];
        for text in wrong {
            assert_eq!(SecretHash::parse(&text), Err(SecretHashError), "{text}");
        }
        assert!(SecretHash::parse(&hash.replace("m=19456,t=2", "m=262144,t=16")).is_ok());
    }

    #[test]
    fn debug_masks_the_hash() {
        assert_eq!(format!("{:?}", SecretHash::of(b"x").unwrap()), "SecretHash(***)");
    }
}
