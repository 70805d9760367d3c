//! TLS and authentication of the listener.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::auth::Authentication;
use super::tls::{Tls, TlsError, TlsFile};
use crate::secret::SecretHash;

/// TLS and authentication of the listener. The default is neither.
#[derive(Clone, Debug, Default)]
pub struct Security {
    /// The certificate. Without one the listener speaks plain HTTP.
    pub tls: Option<Arc<Tls>>,
    /// The accepted credentials. If present, every path except `/healthz` needs them.
    pub authentication: Option<Arc<Authentication>>,
}

/// A reason for which the configured protection cannot be used. Names the key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecurityError {
    /// The certificate or its key cannot be used.
    #[error("http.{}", tls_key(.0))]
    Tls(#[source] TlsError),
    /// The operating system cannot supply random numbers.
    #[error("http.bearer_token_hash: no random numbers")]
    Random(#[source] getrandom::Error),
}

/// Returns the key of the file that caused the error.
fn tls_key(error: &TlsError) -> &'static str {
    match error.file() {
        TlsFile::Certificate => "tls_certificate",
        TlsFile::Key => "tls_key",
    }
}

impl Security {
    /// Reads the files of the certificate (chain, key) and prepares the check of credentials.
    /// Without a token and users, requests need no credentials.
    ///
    /// # Errors
    /// Returns [`SecurityError`] when a file cannot be used, or the system cannot supply random
    /// numbers.
    pub fn load(
        tls_files: Option<(&Path, &Path)>,
        bearer: Option<SecretHash>,
        users: BTreeMap<String, SecretHash>,
    ) -> Result<Self, SecurityError> {
        let tls = match tls_files {
            None => None,
            Some((chain, key)) => Some(Tls::load(chain, key).map_err(SecurityError::Tls)?),
        };
        let authentication = if bearer.is_none() && users.is_empty() {
            None
        } else {
            Some(Authentication::new(bearer, users).map_err(SecurityError::Random)?)
        };
        Ok(Security { tls: tls.map(Arc::new), authentication: authentication.map(Arc::new) })
    }
}
