//! `[http]`: the listener and its protection.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::diagnostics::Diagnostics;
use super::document::Table;
use super::keys::Key;
use super::keys::http as keys;
use super::section::{Fields, Section, Visitor, with_defaults};
use crate::secret::SecretHash;

/// `[http]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// Address of the listener.
    pub listen: SocketAddr,
    /// Files of the certificate; plain HTTP where absent.
    pub tls: Option<TlsFiles>,
    /// Hash of the accepted token.
    pub bearer_token_hash: Option<SecretHash>,
    /// Accepted users, with the hashes of their passwords.
    pub basic_auth: BTreeMap<String, SecretHash>,
}

/// The files of the certificate and its key, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain of certificates, the server's own first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

impl Default for Http {
    fn default() -> Self {
        with_defaults(Http {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tls: None,
            bearer_token_hash: None,
            basic_auth: BTreeMap::new(),
        })
    }
}

impl Fields for Http {
    fn visit(&mut self, visitor: &mut impl Visitor) {
        let (mut certificate, mut key) =
            self.tls.take().map(|files| (files.certificate, files.key)).unzip();
        visitor.field(&keys::LISTEN, &mut self.listen);
        visitor.field(&keys::TLS_CERTIFICATE, &mut certificate);
        visitor.field(&keys::TLS_KEY, &mut key);
        visitor.field(&keys::BEARER_TOKEN_HASH, &mut self.bearer_token_hash);
        visitor.field(&keys::BASIC_AUTH, &mut self.basic_auth);
        self.tls = certificate.zip(key).map(|(certificate, key)| TlsFiles { certificate, key });
    }
}

impl Http {
    pub(super) fn read(diagnostics: &mut Diagnostics, document: &Table) -> Self {
        let mut section = Section::of_document(diagnostics, document, &keys::SECTION);
        let mut http = Http::default();
        http.visit(&mut section);
        require_both(&mut section, &keys::TLS_CERTIFICATE, &keys::TLS_KEY);
        require_both(&mut section, &keys::TLS_KEY, &keys::TLS_CERTIFICATE);
        http
    }
}

/// Reports an error if the first key is there and the second is missing.
pub(super) fn require_both<T>(section: &mut Section<'_, '_>, key: &Key<T>, needed: &Key<T>) {
    if let (Some(node), None) = (section.node(key), section.node(needed)) {
        let detail = format!("{} is needed too", section.path(needed));
        let path = section.path(key);
        section.diagnostics.report(&node.place, &path, detail);
    }
}
