//! TLS and credentials as the configuration names them.

use std::sync::Arc;

use super::auth::Authentication;
use super::tls::{Tls, TlsError, TlsFile};
use crate::config;

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
    /// The operating system gives no random numbers.
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
    /// Reads the files of the certificate and prepares the check of credentials.
    ///
    /// # Errors
    /// [`SecurityError`] where a file cannot be used.
    pub fn load(http: &config::Http) -> Result<Self, SecurityError> {
        let tls = match &http.tls {
            None => None,
            Some(files) => {
                Some(Tls::load(&files.certificate, &files.key).map_err(SecurityError::Tls)?)
            }
        };
        let authentication = if http.bearer_token_hash.is_none() && http.basic_auth.is_empty() {
            None
        } else {
            let credentials =
                Authentication::new(http.bearer_token_hash.clone(), http.basic_auth.clone());
            Some(credentials.map_err(SecurityError::Random)?)
        };
        Ok(Security { tls: tls.map(Arc::new), authentication: authentication.map(Arc::new) })
    }
}
