//! TLS 1.2 and 1.3 of the listener, with a certificate that can be replaced while the process runs.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use sha2::{Digest, Sha256};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{self, ServerConfig};

/// Largest file that is read, in bytes. A chain of certificates has a few thousand.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The certificate of the listener, and its key.
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    current: ArcSwap<Loaded>,
}

struct Loaded {
    config: Arc<ServerConfig>,
    /// Digest of both files.
    digest: [u8; 32],
}

impl fmt::Debug for Tls {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Tls")
            .field("certificate", &self.certificate)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// One of the two files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsFile {
    /// The chain of certificates.
    Certificate,
    /// The private key.
    Key,
}

/// A reason for which a certificate and its key cannot be used. It never shows file contents.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("the file {path} cannot be read", path = path.display())]
    Unreadable {
        /// The file.
        file: TlsFile,
        /// Its path.
        path: PathBuf,
        /// The cause.
        #[source]
        error: std::io::Error,
    },
    /// A file holds no certificate or no key.
    #[error("the file {path} holds no {expected} in PEM", path = path.display())]
    NoPem {
        /// The file.
        file: TlsFile,
        /// Its path.
        path: PathBuf,
        /// `certificate` or `private key`.
        expected: &'static str,
    },
    /// The key does not belong to the certificate, or the kind of one of them is not supported.
    #[error("the certificate {certificate} and the key {key} cannot be used together",
        certificate = certificate.display(), key = key.display())]
    Unusable {
        /// The chain of certificates.
        certificate: PathBuf,
        /// The private key.
        key: PathBuf,
        /// The cause.
        #[source]
        error: rustls::Error,
    },
}

impl TlsError {
    /// Returns the file with the error, or the certificate if it may be either.
    pub fn file(&self) -> TlsFile {
        match self {
            TlsError::Unreadable { file, .. } | TlsError::NoPem { file, .. } => *file,
            TlsError::Unusable { .. } => TlsFile::Certificate,
        }
    }
}

impl Tls {
    /// Reads a chain of certificates, the server's own first, and its private key, both in PEM.
    ///
    /// # Errors
    /// Returns [`TlsError`] when a file cannot be read, or the two cannot be used together.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let loaded = load(certificate, key, None)?;
        // `load` returns `None` only for an unchanged digest, and there is no earlier one.
        let loaded = loaded.ok_or_else(|| no_pem(TlsFile::Certificate, certificate))?;
        Ok(Tls {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            current: ArcSwap::from_pointee(loaded),
        })
    }

    /// Reads the files again, and returns whether they had changed. After an error the earlier
    /// certificate stays in use.
    ///
    /// # Errors
    /// Returns [`TlsError`] as [`Tls::load`] does.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let loaded = load(&self.certificate, &self.key, Some(self.current.load().digest))?;
        let changed = loaded.is_some();
        if let Some(loaded) = loaded {
            self.current.store(Arc::new(loaded));
        }
        Ok(changed)
    }

    /// Returns an acceptor with the current certificate.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.current.load().config.clone().into()
    }
}

/// Reads both files. Returns `None` if they have the digest `before`.
fn load(
    certificate: &Path,
    key: &Path,
    before: Option<[u8; 32]>,
) -> Result<Option<Loaded>, TlsError> {
    let chain_pem = read(TlsFile::Certificate, certificate)?;
    let key_pem = read(TlsFile::Key, key)?;
    let length = u64::try_from(chain_pem.len()).unwrap_or(u64::MAX).to_le_bytes();
    let digest: [u8; 32] = Sha256::new()
        .chain_update(length)
        .chain_update(&chain_pem)
        .chain_update(&key_pem)
        .finalize()
        .into();
    if before == Some(digest) {
        return Ok(None);
    }
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&chain_pem)
        .collect::<Result<_, _>>()
        .map_err(|_| no_pem(TlsFile::Certificate, certificate))?;
    if chain.is_empty() {
        return Err(no_pem(TlsFile::Certificate, certificate));
    }
    let private = PrivateKeyDer::from_pem_slice(&key_pem).map_err(|_| no_pem(TlsFile::Key, key))?;
    let unusable = |error| TlsError::Unusable {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        error,
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(Loaded { config: Arc::new(config), digest }))
}

fn no_pem(file: TlsFile, path: &Path) -> TlsError {
    let expected = match file {
        TlsFile::Certificate => "certificate",
        TlsFile::Key => "private key",
    };
    TlsError::NoPem { file, path: path.to_owned(), expected }
}

fn read(file: TlsFile, path: &Path) -> Result<Vec<u8>, TlsError> {
    let unreadable = |error| TlsError::Unreadable { file, path: path.to_owned(), error };
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(path).map_err(unreadable)?;
    opened.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(unreadable(std::io::Error::other(format!(
            "larger than {FILE_BYTES_MAX} bytes"
        ))));
    }
    Ok(bytes)
}
