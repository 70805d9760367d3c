//! Who may read: a bearer token, or a user with a password.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

use crate::secret::SecretHash;

/// Hashes that are computed at a time; further ones wait. Bounds the memory and processors that strangers can cause to be
/// used.
const VERIFICATIONS: usize = 2;
/// Least time between two log lines about refused credentials.
const LOG_PAUSE_MS: u64 = 10_000;

/// The credentials that are accepted. Requests need one of them.
pub struct Authentication {
    bearer: Option<Credential>,
    basic: BTreeMap<String, Credential>,
    /// Key of the digests of accepted secrets.
    key: [u8; 32],
    places: Arc<Semaphore>,
    logged: Mutex<Option<Logged>>,
}

struct Credential {
    hash: SecretHash,
    /// Digest of the secret that fits the hash, once it was seen: a scrape every few seconds costs no further argon2.
    accepted: OnceLock<[u8; 32]>,
}

/// The last log line about refused credentials.
#[derive(Clone, Copy)]
struct Logged {
    time_ms: i64,
    refused: u64,
}

impl fmt::Debug for Authentication {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Authentication")
            .field("bearer", &self.bearer.is_some())
            .field("users", &self.basic.len())
            .finish_non_exhaustive()
    }
}

/// What a request's credentials are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Accepted,
    /// There are none.
    Missing,
    /// They fit nothing that is configured.
    Refused,
}

impl Authentication {
    /// Accepts the token whose hash is `bearer`, and the users with the password hashes in `basic`.
    ///
    /// # Errors
    /// The operating system gives no random numbers.
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
            places: Arc::new(Semaphore::new(VERIFICATIONS)),
            logged: Mutex::new(None),
        })
    }

    /// The values of `WWW-Authenticate`.
    pub(super) fn challenges(&self) -> impl Iterator<Item = HeaderValue> {
        let basic = (!self.basic.is_empty()).then_some("Basic realm=\"nabiz\", charset=\"UTF-8\"");
        let bearer = self.bearer.is_some().then_some("Bearer realm=\"nabiz\"");
        basic.into_iter().chain(bearer).map(HeaderValue::from_static)
    }

    /// Judges the credentials of a request. Waits for a place where a hash has to be computed.
    pub(super) async fn judge(self: &Arc<Self>, headers: &HeaderMap) -> Verdict {
        let mut given = headers.get_all(AUTHORIZATION).iter();
        let presented = match (given.next(), given.next()) {
            (None, _) => return Verdict::Missing,
            (Some(value), None) => Presented::read(value),
            // Which of them counts would be a guess.
            (Some(_), Some(_)) => None,
        };
        let Some(presented) = presented else { return Verdict::Refused };
        if self.accepts(presented).await { Verdict::Accepted } else { Verdict::Refused }
    }

    async fn accepts(self: &Arc<Self>, presented: Presented) -> bool {
        let digest = presented.digest(&self.key);
        if self.known(&presented, &digest) {
            return true;
        }
        // A semaphore that is never closed always gives its permit.
        let Ok(place) = self.places.clone().acquire_owned().await else { return false };
        let authentication = self.clone();
        let verified = tokio::task::spawn_blocking(move || {
            // Kept until the work is over, also where nobody waits for it any more.
            let _place = place;
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

    /// Whether these credentials were accepted before.
    fn known(&self, presented: &Presented, digest: &[u8; 32]) -> bool {
        self.credential(presented)
            .and_then(|credential| credential.accepted.get())
            .is_some_and(|accepted| accepted.ct_eq(digest).into())
    }

    fn verify(&self, presented: &Presented, digest: [u8; 32]) -> bool {
        let Some(credential) = self.credential(presented) else {
            // An unknown user takes as long as a known one, so that the time does not tell which there are.
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

    /// Hears that there were `refused` refusals by now. Gives how many since the last log line where it is time for the
    /// next.
    pub(super) fn refusals_to_tell(&self, refused: u64, now_ms: i64) -> Option<u64> {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.is_some_and(|logged| now_ms.abs_diff(logged.time_ms) < LOG_PAUSE_MS) {
            return None;
        }
        let before =
            logged.replace(Logged { time_ms: now_ms, refused }).map_or(0, |logged| logged.refused);
        Some(refused.saturating_sub(before))
    }
}

/// Credentials of a request.
struct Presented {
    /// Absent for a token.
    user: Option<Vec<u8>>,
    secret: Vec<u8>,
}

impl Presented {
    /// Reads `Basic` (RFC 7617) and `Bearer` (RFC 6750).
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

    /// Of the secret, under a key that never leaves the process, so that memory holds neither a secret nor what could
    /// be searched for one without the key.
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

    fn judge(authentication: &Arc<Authentication>, values: &[&str]) -> Verdict {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let deadline = std::time::Duration::from_secs(5);
        runtime.block_on(async {
            tokio::time::timeout(deadline, authentication.judge(&headers)).await.unwrap()
        })
    }

    fn basic(credentials: &str) -> String {
        format!("Basic {}", STANDARD.encode(credentials))
    }

    #[test]
    fn the_token_or_a_user_is_accepted_again_and_again() {
        let authentication = authentication();
        for _ in 0..2 {
            for good in
                ["Bearer a-token", "bearer  a-token", &basic("wall:board:1"), &basic("ops:şifre")]
            {
                assert_eq!(judge(&authentication, &[good]), Verdict::Accepted, "{good}");
            }
        }
    }

    #[test]
    fn everything_else_is_refused_also_after_the_right_one() {
        let authentication = authentication();
        for _ in 0..2 {
            assert_eq!(judge(&authentication, &[]), Verdict::Missing);
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
                assert_eq!(judge(&authentication, &[wrong]), Verdict::Refused, "{wrong}");
            }
            assert_eq!(
                judge(&authentication, &["Bearer a-token", "Bearer a-token"]),
                Verdict::Refused
            );
            for good in ["Bearer a-token", &basic("wall:board:1"), &basic("ops:şifre")] {
                assert_eq!(judge(&authentication, &[good]), Verdict::Accepted);
            }
        }
    }

    #[test]
    fn a_known_credential_needs_no_place() {
        let authentication = authentication();
        assert_eq!(judge(&authentication, &["Bearer a-token"]), Verdict::Accepted);
        let _all =
            authentication.places.clone().try_acquire_many_owned(VERIFICATIONS as u32).unwrap();
        assert_eq!(judge(&authentication, &["Bearer a-token"]), Verdict::Accepted);
    }

    #[test]
    fn an_unknown_credential_waits_for_a_place() {
        let authentication = authentication();
        let all =
            authentication.places.clone().try_acquire_many_owned(VERIFICATIONS as u32).unwrap();
        let headers =
            HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("Bearer a-token"))]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let pause = std::time::Duration::from_millis(300);
            assert!(tokio::time::timeout(pause, authentication.judge(&headers)).await.is_err());
            drop(all);
            assert_eq!(authentication.judge(&headers).await, Verdict::Accepted);
        });
    }

    #[test]
    fn refusals_are_told_now_and_then() {
        let authentication = authentication();
        assert_eq!(authentication.refusals_to_tell(1, 1_000), Some(1));
        assert_eq!(authentication.refusals_to_tell(2, 2_000), None);
        assert_eq!(authentication.refusals_to_tell(3, 10_999), None);
        assert_eq!(authentication.refusals_to_tell(4, 11_000), Some(3));
        // The clock was set back.
        assert_eq!(authentication.refusals_to_tell(5, -50_000), Some(1));
    }

    #[test]
    fn each_way_has_its_challenge() {
        let told = |authentication: &Authentication| -> Vec<String> {
            authentication.challenges().map(|value| value.to_str().unwrap().to_string()).collect()
        };
        assert_eq!(
            told(&authentication()),
            ["Basic realm=\"nabiz\", charset=\"UTF-8\"", "Bearer realm=\"nabiz\""]
        );
        let token =
            Authentication::new(Some(SecretHash::of(b"x").unwrap()), BTreeMap::new()).unwrap();
        assert_eq!(told(&token), ["Bearer realm=\"nabiz\""]);
    }
}
