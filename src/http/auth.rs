//! Authentication by a bearer token, or by a user with a password.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

use crate::secret::SecretHash;

/// Hashes that are computed at a time; further ones wait. This limits the memory and CPU time that
/// unauthenticated clients can use.
const VERIFICATIONS: usize = 2;

/// The accepted credentials. A request needs one of them.
pub struct Authentication {
    bearer: Option<Credential>,
    basic: BTreeMap<String, Credential>,
    /// Key for the digests of accepted secrets.
    key: [u8; 32],
    /// One permit for each hash that may be computed at a time.
    permits: Arc<Semaphore>,
}

struct Credential {
    hash: SecretHash,
    /// Digest of the secret that fits the hash, once a request had it. It saves argon2 for each
    /// further scrape.
    accepted: OnceLock<[u8; 32]>,
}

impl fmt::Debug for Authentication {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Authentication")
            .field("bearer", &self.bearer.is_some())
            .field("users", &self.basic.len())
            .finish_non_exhaustive()
    }
}

/// The result of checking the credentials of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CredentialCheck {
    Accepted,
    /// The request has no credentials.
    Missing,
    /// The credentials match nothing in the configuration.
    Wrong,
}

impl Authentication {
    /// Accepts the token whose hash is `bearer`, and the users with the password hashes in `basic`.
    ///
    /// # Errors
    /// Returns an error when the operating system cannot supply random numbers.
    pub fn new(
        bearer: Option<SecretHash>,
        basic: BTreeMap<String, SecretHash>,
    ) -> Result<Self, getrandom::Error> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        let credential = |hash| Credential { hash, accepted: OnceLock::new() };
        Ok(Authentication {
            bearer: bearer.map(credential),
            basic: basic.into_iter().map(|(user, hash)| (user, credential(hash))).collect(),
            key,
            permits: Arc::new(Semaphore::new(VERIFICATIONS)),
        })
    }

    /// Returns the values of `WWW-Authenticate`.
    pub(super) fn challenges(&self) -> impl Iterator<Item = HeaderValue> {
        let basic = (!self.basic.is_empty()).then_some("Basic realm=\"nabiz\", charset=\"UTF-8\"");
        let bearer = self.bearer.is_some().then_some("Bearer realm=\"nabiz\"");
        basic.into_iter().chain(bearer).map(HeaderValue::from_static)
    }

    /// Checks the credentials of a request. Waits for a permit if a hash has to be computed.
    pub(super) async fn check(self: &Arc<Self>, headers: &HeaderMap) -> CredentialCheck {
        let mut given = headers.get_all(AUTHORIZATION).iter();
        let presented = match (given.next(), given.next()) {
            (None, _) => return CredentialCheck::Missing,
            (Some(value), None) => Presented::read(value),
            // Two headers are ambiguous.
            (Some(_), Some(_)) => None,
        };
        let Some(presented) = presented else { return CredentialCheck::Wrong };
        match self.accepts(presented).await {
            true => CredentialCheck::Accepted,
            false => CredentialCheck::Wrong,
        }
    }

    async fn accepts(self: &Arc<Self>, presented: Presented) -> bool {
        let digest = presented.digest(&self.key);
        if self.known(&presented, &digest) {
            return true;
        }
        // `acquire_owned` fails only if the semaphore is closed, which never happens.
        let Ok(permit) = self.permits.clone().acquire_owned().await else { return false };
        let authentication = self.clone();
        let verified = tokio::task::spawn_blocking(move || {
            // Holds the permit until the hash is computed, even if the client is gone.
            let _permit = permit;
            authentication.known(&presented, &digest) || authentication.verify(&presented, digest)
        });
        verified.await.unwrap_or(false)
    }

    fn credential(&self, presented: &Presented) -> Option<&Credential> {
        match &presented.user {
            None => self.bearer.as_ref(),
            Some(user) => std::str::from_utf8(user).ok().and_then(|user| self.basic.get(user)),
        }
    }

    /// Returns whether these credentials were accepted before.
    fn known(&self, presented: &Presented, digest: &[u8; 32]) -> bool {
        self.credential(presented)
            .and_then(|credential| credential.accepted.get())
            .is_some_and(|accepted| accepted.ct_eq(digest).into())
    }

    /// Computes the hash of the presented secret and compares it.
    fn verify(&self, presented: &Presented, digest: [u8; 32]) -> bool {
        let Some(credential) = self.credential(presented) else {
            // An unknown user takes as long as a known one, so that timing does not reveal users.
            if let Some(any) = self.basic.values().next() {
                any.hash.fits(&presented.secret);
            }
            return false;
        };
        let fits = credential.hash.fits(&presented.secret);
        if fits {
            let _ = credential.accepted.set(digest);
        }
        fits
    }
}

/// The credentials of a request.
struct Presented {
    /// `None` for a token.
    user: Option<Vec<u8>>,
    secret: Vec<u8>,
}

impl Presented {
    /// Parses `Basic` (RFC 7617) and `Bearer` (RFC 6750).
    fn read(value: &HeaderValue) -> Option<Self> {
        let (scheme, rest) = value.to_str().ok()?.split_once(' ')?;
        let rest = rest.trim_matches(' ');
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(Presented { user: None, secret: rest.as_bytes().to_vec() });
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let mut user = STANDARD.decode(rest).ok()?;
        let colon = user.iter().position(|byte| *byte == b':')?;
        let secret = user.split_off(colon + 1);
        user.truncate(colon);
        Some(Presented { user: Some(user), secret })
    }

    /// Returns a digest of the secret under a key that never leaves the process. Memory then holds
    /// no secret, and nothing that can be searched for one without the key.
    fn digest(&self, key: &[u8; 32]) -> [u8; 32] {
        Sha256::new().chain_update(key).chain_update(&self.secret).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authentication() -> Arc<Authentication> {
        let hash = |secret: &str| SecretHash::of(secret.as_bytes()).unwrap();
        let users = [("wall", hash("board:1")), ("ops", hash("şifre"))];
        let basic = users.map(|(user, hash)| (user.to_string(), hash)).into();
        Arc::new(Authentication::new(Some(hash("a-token")), basic).unwrap())
    }

    fn check(authentication: &Arc<Authentication>, values: &[&str]) -> CredentialCheck {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let deadline = std::time::Duration::from_secs(5);
        runtime.block_on(async {
            tokio::time::timeout(deadline, authentication.check(&headers)).await.unwrap()
        })
    }

    fn basic(credentials: &str) -> String {
        format!("Basic {}", STANDARD.encode(credentials))
    }

    #[test]
    fn credentials_are_accepted_when_they_are_repeated() {
        let authentication = authentication();
        for _ in 0..2 {
            for good in
                ["Bearer a-token", "bearer  a-token", &basic("wall:board:1"), &basic("ops:şifre")]
            {
                assert_eq!(check(&authentication, &[good]), CredentialCheck::Accepted, "{good}");
            }
        }
    }

    #[test]
    fn credentials_are_wrong_when_they_match_nothing_configured() {
        let authentication = authentication();
        for _ in 0..2 {
            assert_eq!(check(&authentication, &[]), CredentialCheck::Missing);
            let wrong = [
                "Bearer b-token",
                "Bearer ",
                "Bearer",
                "Bearer board:1",
                "a-token",
                "Digest a-token",
                &basic("wall:a-token"),
                &basic("wall:şifre"),
                &basic("wall:"),
                &basic("wall"),
                &basic("nobody:board:1"),
                &basic(":a-token"),
                "Basic ###",
            ];
            for wrong in wrong {
                assert_eq!(check(&authentication, &[wrong]), CredentialCheck::Wrong, "{wrong}");
            }
            assert_eq!(
                check(&authentication, &["Bearer a-token", "Bearer a-token"]),
                CredentialCheck::Wrong
            );
            for good in ["Bearer a-token", &basic("wall:board:1"), &basic("ops:şifre")] {
                assert_eq!(check(&authentication, &[good]), CredentialCheck::Accepted);
            }
        }
    }

    #[test]
    fn known_credential_needs_no_permit() {
        let authentication = authentication();
        assert_eq!(check(&authentication, &["Bearer a-token"]), CredentialCheck::Accepted);
        let _all =
            authentication.permits.clone().try_acquire_many_owned(VERIFICATIONS as u32).unwrap();
        assert_eq!(check(&authentication, &["Bearer a-token"]), CredentialCheck::Accepted);
    }

    #[test]
    fn unknown_credential_waits_when_all_permits_are_taken() {
        let authentication = authentication();
        let all =
            authentication.permits.clone().try_acquire_many_owned(VERIFICATIONS as u32).unwrap();
        let headers =
            HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("Bearer a-token"))]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let pause = std::time::Duration::from_millis(300);
            assert!(tokio::time::timeout(pause, authentication.check(&headers)).await.is_err());
            drop(all);
            assert_eq!(authentication.check(&headers).await, CredentialCheck::Accepted);
        });
    }

    #[test]
    fn each_configured_scheme_has_a_challenge() {
        let challenges = |authentication: &Authentication| -> Vec<String> {
            authentication.challenges().map(|value| value.to_str().unwrap().to_string()).collect()
        };
        assert_eq!(
            challenges(&authentication()),
            ["Basic realm=\"nabiz\", charset=\"UTF-8\"", "Bearer realm=\"nabiz\""]
        );
        let token =
            Authentication::new(Some(SecretHash::of(b"x").unwrap()), BTreeMap::new()).unwrap();
        assert_eq!(challenges(&token), ["Bearer realm=\"nabiz\""]);
    }
}
