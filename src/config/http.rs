//! `[http]`: the listener and what protects it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::document::{Node, Table, Value};
use super::keys;
use super::reader::{Problems, Section, text};
use crate::secret::{SecretHash, SecretHashError};

/// Most users of `basic_auth`.
pub const USERS_MAX: usize = 64;

/// `[http]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// Address of the listener.
    pub listen: SocketAddr,
    /// Files of the certificate; plain HTTP where absent.
    pub tls: Option<TlsFiles>,
    /// Hash of the token that is accepted.
    pub bearer_token_hash: Option<SecretHash>,
    /// Users that are accepted, with the hashes of their passwords.
    pub basic_auth: BTreeMap<String, SecretHash>,
}

/// Where the certificate and its key stand, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain of certificates, the server's own first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

impl Default for Http {
    fn default() -> Self {
        Http {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9464)),
            tls: None,
            bearer_token_hash: None,
            basic_auth: BTreeMap::new(),
        }
    }
}

impl Http {
    pub(super) fn read(problems: &mut Problems, document: &Table) -> Self {
        let defaults = Http::default();
        let mut section = Section::of_document(problems, document, keys::HTTP);
        let listen = |value: &Value| {
            let allowed = "an IP address and a port such as 127.0.0.1:9464 or [::]:9464 is allowed";
            match value {
                Value::Text(text) => text.parse().map_err(|_| allowed.to_string()),
                _ => Err(allowed.to_string()),
            }
        };
        Http {
            listen: section.read("listen", defaults.listen, listen),
            tls: read_tls(&mut section),
            bearer_token_hash: section
                .read("bearer_token_hash", None, |value| hash(value).map(Some)),
            basic_auth: read_users(&mut section),
        }
    }
}

fn read_tls(section: &mut Section<'_, '_>) -> Option<TlsFiles> {
    let certificate = read_path(section, "tls_certificate");
    let key = read_path(section, "tls_key");
    match (certificate, key) {
        (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
        (None, None) => None,
        (Some(_), None) => need(section, "tls_certificate", "tls_key"),
        (None, Some(_)) => need(section, "tls_key", "tls_certificate"),
    }
}

fn need(section: &mut Section<'_, '_>, there: &str, missing: &str) -> Option<TlsFiles> {
    // A key that is there and wrong has been noted already.
    if section.node(missing).is_none()
        && let Some(node) = section.node(there)
    {
        let path = section.path(there);
        section.problems().note(&node.place, &path, format!("http.{missing} is needed too"));
    }
    None
}

fn read_path(section: &mut Section<'_, '_>, key: &str) -> Option<PathBuf> {
    let node = section.node(key)?;
    match &node.value {
        Value::Text(path)
            if !path.is_empty() && !path.contains(char::is_control) && !path.contains("-----") =>
        {
            Some(PathBuf::from(path))
        }
        // Not shown: it may be the key itself.
        _ => {
            let path = section.path(key);
            section.problems().note(&node.place, &path, "the path of a PEM file is allowed");
            None
        }
    }
}

fn hash(value: &Value) -> Result<SecretHash, String> {
    match value {
        Value::Text(text) => SecretHash::parse(text).map_err(|error| error.to_string()),
        _ => Err(SecretHashError.to_string()),
    }
}

fn read_users(section: &mut Section<'_, '_>) -> BTreeMap<String, SecretHash> {
    let mut users = BTreeMap::new();
    let Some(node) = section.node("basic_auth") else { return users };
    let path = section.path("basic_auth");
    let problems = section.problems();
    let Value::Table(table) = &node.value else {
        problems.note_value(
            node,
            &path,
            "a table of users and hashes such as { user = \"$argon2id$…\" } is allowed",
        );
        return users;
    };
    for (user, place, node) in table.iter() {
        if users.len() == USERS_MAX {
            problems.note(
                place,
                &path,
                format!("one user too many; at most {USERS_MAX} are allowed"),
            );
            break;
        }
        if let Err(detail) = user_name(user) {
            problems.note(place, &path, detail);
            continue;
        }
        let Node { value, .. } = node;
        match hash(value) {
            Ok(hash) => {
                users.insert(user.to_string(), hash);
            }
            Err(detail) => problems.note_value(node, &format!("{path}.{user}"), detail),
        }
    }
    if table.iter().next().is_none() {
        problems.note(&node.place, &path, "no user is named; remove the key where none is needed");
    }
    users
}

/// RFC 7617: a colon ends the name.
fn user_name(name: &str) -> Result<(), String> {
    let allowed = "a user's name is allowed: 1 to 256 bytes without colons and control characters";
    match text(&Value::Text(name.to_string())) {
        Ok(name)
            if !name.contains(|character: char| character == ':' || character.is_control()) =>
        {
            Ok(())
        }
        _ => Err(allowed.to_string()),
    }
}
