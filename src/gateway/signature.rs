//! Whether a request comes from its source: the signatures of the vendors, a password, a token.

use std::collections::BTreeSet;
use std::fmt;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use nabiz_core::time::WallTime;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::body::Content;

/// How far the time of a signature may be from the clock, in milliseconds. Chatwoot recommends it.
const SIGNATURE_AGE_MAX_MS: i64 = 5 * 60 * 1000;
/// The parameter in which Twilio signs a body that is no form.
const BODY_HASH: &str = "bodySHA256";

/// The check of a path, with its secret.
pub(super) enum Verifier {
    /// HMAC-SHA1 in base64 over the address, and over the sorted parameters of a form.
    Twilio { secret: String, public_url: String },
    /// HMAC-SHA256 in hexadecimal digits over the time, a dot and the body.
    Chatwoot { secret: String },
    /// HMAC-SHA1 in hexadecimal digits over the body.
    Zammad { secret: String },
    /// Digest of the user, a colon and the password.
    Basic { digest: [u8; 32] },
    /// Digest of the token.
    Token { digest: [u8; 32] },
}

/// Hides the secrets.
impl fmt::Debug for Verifier {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Verifier::Twilio { .. } => "Twilio",
            Verifier::Chatwoot { .. } => "Chatwoot",
            Verifier::Zammad { .. } => "Zammad",
            Verifier::Basic { .. } => "Basic",
            Verifier::Token { .. } => "Token",
        })
    }
}

/// The parts of a request that a signature can cover.
pub(super) struct Signed<'a> {
    pub(super) headers: &'a HeaderMap,
    /// The path with its query, as it arrived.
    pub(super) path_and_query: &'a str,
    pub(super) body: &'a [u8],
    pub(super) content: &'a Content,
    pub(super) now: WallTime,
}

/// The reason for which a request is not believed. It says nothing about the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mistrust {
    Missing,
    Wrong,
    Stale,
    /// Twilio signs a body that is no form by its hash in the address.
    NoBodyHash,
}

impl Mistrust {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Mistrust::Missing => "the signature or credentials are missing",
            Mistrust::Wrong => "the signature or credentials are wrong",
            Mistrust::Stale => "the time of the signature is more than 5 minutes from the clock",
            Mistrust::NoBodyHash => "the body is not signed: the address has no bodySHA256",
        }
    }
}

impl Verifier {
    pub(super) fn basic(user: &str, password: &str) -> Self {
        Verifier::Basic { digest: sha256(format!("{user}:{password}").as_bytes()) }
    }

    pub(super) fn token(token: &str) -> Self {
        Verifier::Token { digest: sha256(token.as_bytes()) }
    }

    /// Returns the value of `WWW-Authenticate`, if the check has a scheme of HTTP.
    pub(super) fn challenge(&self) -> Option<HeaderValue> {
        match self {
            Verifier::Basic { .. } => {
                Some(HeaderValue::from_static("Basic realm=\"nabiz\", charset=\"UTF-8\""))
            }
            Verifier::Token { .. } => Some(HeaderValue::from_static("Bearer realm=\"nabiz\"")),
            _ => None,
        }
    }

    /// Returns the request headers that identify a delivery; each record gets them.
    pub(super) fn delivery_headers(&self) -> &'static [&'static str] {
        match self {
            Verifier::Twilio { .. } => &["I-Twilio-Idempotency-Token"],
            Verifier::Chatwoot { .. } => &["X-Chatwoot-Delivery"],
            Verifier::Zammad { .. } => &["X-Zammad-Delivery", "X-Zammad-Trigger"],
            Verifier::Basic { .. } | Verifier::Token { .. } => &[],
        }
    }

    /// Checks what the headers alone show: a password or a token whole, of a signature only that it
    /// is there.
    pub(super) fn precheck(&self, headers: &HeaderMap) -> Result<(), Mistrust> {
        match self {
            Verifier::Twilio { .. } => header(headers, "x-twilio-signature").map(drop),
            Verifier::Chatwoot { .. } => header(headers, "x-chatwoot-signature").map(drop),
            Verifier::Zammad { .. } => header(headers, "x-hub-signature").map(drop),
            Verifier::Basic { digest } => {
                let given = STANDARD.decode(credentials(headers, "basic")?);
                same(digest, &sha256(&given.map_err(|_| Mistrust::Wrong)?))
            }
            Verifier::Token { digest } => {
                same(digest, &sha256(credentials(headers, "bearer")?.as_bytes()))
            }
        }
    }

    /// Checks a request. Compares in constant time.
    pub(super) fn verify(&self, signed: &Signed<'_>) -> Result<(), Mistrust> {
        match self {
            Verifier::Twilio { secret, public_url } => twilio(secret, public_url, signed),
            Verifier::Chatwoot { secret } => chatwoot(secret, signed),
            Verifier::Zammad { secret } => {
                let given = header(signed.headers, "x-hub-signature")?;
                let given = given.strip_prefix("sha1=").and_then(from_hex);
                let mac = hmac::<Hmac<Sha1>>(secret, &[signed.body])?;
                compare(mac, given)
            }
            Verifier::Basic { .. } | Verifier::Token { .. } => self.precheck(signed.headers),
        }
    }
}

fn chatwoot(secret: &str, signed: &Signed<'_>) -> Result<(), Mistrust> {
    let time = header(signed.headers, "x-chatwoot-timestamp")?;
    let given = header(signed.headers, "x-chatwoot-signature")?;
    let given = given.strip_prefix("sha256=").and_then(from_hex);
    compare(hmac::<Hmac<Sha256>>(secret, &[time.as_bytes(), b".", signed.body])?, given)?;
    // The signature covers the time, so a genuine request cannot be sent again later.
    let time_ms = time.parse::<i64>().ok().and_then(|seconds| seconds.checked_mul(1000));
    let age = time_ms.and_then(|time_ms| signed.now.0.checked_sub(time_ms)).map(i64::unsigned_abs);
    match age.is_some_and(|age| age <= SIGNATURE_AGE_MAX_MS.unsigned_abs()) {
        true => Ok(()),
        false => Err(Mistrust::Stale),
    }
}

fn twilio(secret: &str, public_url: &str, signed: &Signed<'_>) -> Result<(), Mistrust> {
    let given = header(signed.headers, "x-twilio-signature")?;
    let given = STANDARD.decode(given).map_err(|_| Mistrust::Wrong)?;
    let query = signed.path_and_query.split_once('?').map_or("", |(_, query)| query);
    let body_hash = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == BODY_HASH);
    let parameters = match (body_hash, signed.content) {
        // Where there is a hash it counts for every body. Otherwise an address that Twilio has
        // signed for a JSON body would be a valid one of an empty form.
        (Some((_, hash)), _) => {
            let hash = from_hex(&hash).ok_or(Mistrust::Wrong)?;
            match bool::from(sha256(signed.body).as_slice().ct_eq(hash.as_slice())) {
                true => Vec::new(),
                false => return Err(Mistrust::Wrong),
            }
        }
        (None, Content::Form(fields)) => {
            // A field that came twice with the same text counts once, as in Twilio's libraries.
            let sorted: BTreeSet<&(String, String)> = fields.iter().collect();
            sorted.into_iter().flat_map(|(name, text)| [name.as_bytes(), text.as_bytes()]).collect()
        }
        (None, _) => return Err(Mistrust::NoBodyHash),
    };
    let path_and_query = signed.path_and_query.as_bytes();
    // Twilio signs some addresses with their standard port and some without.
    let is_right = addresses(public_url).iter().any(|address| {
        let mut parts = vec![address.as_bytes(), path_and_query];
        parts.extend_from_slice(&parameters);
        hmac::<Hmac<Sha1>>(secret, &parts).is_ok_and(|mac| mac.verify_slice(&given).is_ok())
    });
    if is_right { Ok(()) } else { Err(Mistrust::Wrong) }
}

/// Returns the address as it is configured, and with or without its port.
fn addresses(public_url: &str) -> Vec<String> {
    let Some((scheme, rest)) = public_url.split_once("://") else {
        return vec![public_url.to_string()];
    };
    let (authority, path) =
        rest.find('/').map_or((rest, ""), |slash| (&rest[..slash], &rest[slash..]));
    // The colons of an IPv6 address are in brackets.
    let port_at = authority.rfind(':').filter(|colon| !authority[*colon..].contains(']'));
    let other = match (port_at, scheme) {
        (Some(colon), _) => authority[..colon].to_string(),
        (None, "http") => format!("{authority}:80"),
        (None, _) => format!("{authority}:443"),
    };
    vec![public_url.to_string(), format!("{scheme}://{other}{path}")]
}

/// Returns the MAC of the parts, one after the other.
fn hmac<M: Mac + KeyInit>(secret: &str, parts: &[&[u8]]) -> Result<M, Mistrust> {
    // HMAC takes a key of any length.
    let mut mac = <M as KeyInit>::new_from_slice(secret.as_bytes()).map_err(|_| Mistrust::Wrong)?;
    parts.iter().for_each(|part| mac.update(part));
    Ok(mac)
}

fn compare(mac: impl Mac, given: Option<Vec<u8>>) -> Result<(), Mistrust> {
    let given = given.ok_or(Mistrust::Wrong)?;
    mac.verify_slice(&given).map_err(|_| Mistrust::Wrong)
}

fn same(expected: &[u8; 32], given: &[u8; 32]) -> Result<(), Mistrust> {
    if bool::from(expected.ct_eq(given)) { Ok(()) } else { Err(Mistrust::Wrong) }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Returns the value of a header that is there exactly once.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Mistrust> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Err(Mistrust::Missing),
        (Some(value), None) => value.to_str().map_err(|_| Mistrust::Wrong),
        // Two are ambiguous.
        (Some(_), Some(_)) => Err(Mistrust::Wrong),
    }
}

fn credentials<'a>(headers: &'a HeaderMap, scheme: &str) -> Result<&'a str, Mistrust> {
    let value = header(headers, AUTHORIZATION.as_str())?;
    let (given, rest) = value.split_once(' ').ok_or(Mistrust::Wrong)?;
    if given.eq_ignore_ascii_case(scheme) {
        Ok(rest.trim_matches(' '))
    } else {
        Err(Mistrust::Wrong)
    }
}

/// Reads pairs of hexadecimal digits.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks_exact(2).map(|pair| (pair[0] << 4) | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::form;

    const NOW: WallTime = WallTime(1_700_000_000_000);

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn check(
        verifier: &Verifier,
        pairs: &[(&'static str, &str)],
        path_and_query: &str,
        body: &[u8],
        content: &Content,
    ) -> Result<(), Mistrust> {
        let headers = headers(pairs);
        verifier.verify(&Signed { headers: &headers, path_and_query, body, content, now: NOW })
    }

    #[test]
    fn twilio_signature_is_that_of_its_documentation() {
        // The example of Twilio's documentation and libraries.
        let verifier =
            Verifier::Twilio { secret: "12345".into(), public_url: "https://mycompany.com".into() };
        let body = b"CallSid=CA1234567890ABCDE&Caller=%2B12349013030&Digits=1234\
                     &From=%2B12349013030&To=%2B18005551212";
        let content = Content::Form(form::parse(body));
        let signature = [("x-twilio-signature", "0/KCTR6DLpKmkAf8muzZqo1nDgQ=")];
        let path = "/myapp.php?foo=1&bar=2";
        assert_eq!(check(&verifier, &signature, path, body, &content), Ok(()));
        // Another path, another parameter, no signature, another form of the address.
        let wrong = Err(Mistrust::Wrong);
        assert_eq!(check(&verifier, &signature, "/myapp.php?foo=1", body, &content), wrong);
        let changed = Content::Form(form::parse(b"Digits=1234"));
        assert_eq!(check(&verifier, &signature, path, body, &changed), wrong);
        assert_eq!(check(&verifier, &[], path, body, &content), Err(Mistrust::Missing));
        let with_port = Verifier::Twilio {
            secret: "12345".into(),
            public_url: "https://mycompany.com:443".into(),
        };
        assert_eq!(check(&with_port, &signature, path, body, &content), Ok(()));
    }

    #[test]
    fn twilio_body_counts_only_with_its_hash_in_the_address() {
        let verifier =
            Verifier::Twilio { secret: "12345".into(), public_url: "https://a.example".into() };
        let body = br#"[{"id":"1"}]"#;
        let hash: String = sha256(body).iter().map(|byte| format!("{byte:02x}")).collect();
        let path = format!("/hook?bodySHA256={hash}");
        let mac = hmac::<Hmac<Sha1>>("12345", &[b"https://a.example", path.as_bytes()]).unwrap();
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        let signature = [("x-twilio-signature", signature.as_str())];
        assert_eq!(check(&verifier, &signature, &path, body, &Content::Json), Ok(()));
        let wrong = Err(Mistrust::Wrong);
        assert_eq!(check(&verifier, &signature, &path, b"[]", &Content::Json), wrong);
        // The signed address with an empty form in the place of the body.
        assert_eq!(check(&verifier, &signature, &path, b"", &Content::Form(vec![])), wrong);
        let unsigned = check(&verifier, &signature, "/hook", body, &Content::Json);
        assert_eq!(unsigned, Err(Mistrust::NoBodyHash));
    }

    #[test]
    fn chatwoot_signature_covers_time_and_body_and_expires() {
        let verifier = Verifier::Chatwoot { secret: "s".into() };
        let signed_at = |seconds: i64, body: &[u8]| {
            let time = seconds.to_string();
            let mac = hmac::<Hmac<Sha256>>("s", &[time.as_bytes(), b".", body]).unwrap();
            let bytes = mac.finalize().into_bytes();
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            (time, format!("sha256={hex}"))
        };
        let verify = |time: &str, signature: &str, body: &[u8]| {
            let pairs = [("x-chatwoot-timestamp", time), ("x-chatwoot-signature", signature)];
            check(&verifier, &pairs, "/", body, &Content::Json)
        };
        let (time, signature) = signed_at(1_700_000_000, b"{}");
        assert_eq!(verify(&time, &signature, b"{}"), Ok(()));
        assert_eq!(verify(&time, &signature, b"[]"), Err(Mistrust::Wrong));
        assert_eq!(verify("1700000001", &signature, b"{}"), Err(Mistrust::Wrong));
        for (seconds, expected) in [
            (1_700_000_300, Ok(())),
            (1_699_999_700, Ok(())),
            (1_700_000_301, Err(Mistrust::Stale)),
            (1_699_999_699, Err(Mistrust::Stale)),
            (i64::MAX, Err(Mistrust::Stale)),
        ] {
            let (time, signature) = signed_at(seconds, b"{}");
            assert_eq!(verify(&time, &signature, b"{}"), expected, "{seconds}");
        }
    }

    #[test]
    fn zammad_signature_is_the_hmac_of_the_body() {
        // RFC 2202, test case 2.
        let verifier = Verifier::Zammad { secret: "Jefe".into() };
        let body = b"what do ya want for nothing?";
        let right = "sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79";
        let verify = |signature: &str| {
            check(&verifier, &[("x-hub-signature", signature)], "/", body, &Content::Json)
        };
        assert_eq!(verify(right), Ok(()));
        for wrong in [&right[5..], "sha1=", "sha1=ef", "sha256=ef", "", &right.replace("ef", "fe")]
        {
            assert_eq!(verify(wrong), Err(Mistrust::Wrong), "{wrong}");
        }
    }

    #[test]
    fn credentials_are_accepted_only_in_their_scheme() {
        let basic = Verifier::basic("pbx", "a:b");
        let token = Verifier::token("t0ken");
        let verify = |verifier: &Verifier, value: &str| {
            check(verifier, &[("authorization", value)], "/", b"", &Content::Json)
        };
        let encoded = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert_eq!(verify(&basic, &encoded("pbx:a:b")), Ok(()));
        assert_eq!(verify(&token, "bearer t0ken"), Ok(()));
        let wrong = [encoded("pbx:a"), encoded("pbx"), "Basic".into(), "Bearer t0ken".into()];
        for value in wrong {
            assert_eq!(verify(&basic, &value), Err(Mistrust::Wrong), "{value}");
        }
        assert_eq!(verify(&token, &encoded("pbx:t0ken")), Err(Mistrust::Wrong));
        assert_eq!(check(&token, &[], "/", b"", &Content::Json), Err(Mistrust::Missing));
    }
}
