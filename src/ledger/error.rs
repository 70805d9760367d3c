//! What can go wrong with the ledger.

use std::path::PathBuf;

use nabiz_core::time::format_duration;
use rusqlite::ErrorCode;

/// Why the ledger did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The file cannot be opened or is no SQLite database.
    #[error("the ledger {path} cannot be read: {error}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        error: rusqlite::Error,
    },
    /// There is no file.
    #[error("there is no ledger at {path}: `nabiz serve` makes it, and --config says where it is", path = path.display())]
    Absent {
        /// Where it should be.
        path: PathBuf,
    },
    /// The file is a database of something else.
    #[error("{path} is not a ledger of nabiz", path = path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a later version.
    #[error("the ledger {path} has schema version {found}, this program knows up to {known}: use the newer program", path = path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version that is known here.
        known: i64,
    },
    /// The key of the ids cannot be read or made.
    #[error("the ledger's key {path} cannot be {verb}: {error}", path = path.display())]
    KeyUnusable {
        /// Its file.
        path: PathBuf,
        /// `read` or `made`.
        verb: &'static str,
        /// What the operating system said.
        error: std::io::Error,
    },
    /// The file of the key holds something else.
    #[error("{path} is not a ledger's key: 32 hexadecimal digits are expected", path = path.display())]
    KeyForeign {
        /// The file.
        path: PathBuf,
    },
    /// The ledger has contents, whose ids were hashed with a key that is gone.
    #[error("the ledger {ledger} has no key: put the file {path} back, or move the ledger away to begin anew",
        ledger = ledger.display(), path = path.display())]
    KeyMissing {
        /// The ledger.
        ledger: PathBuf,
        /// Where its key should be.
        path: PathBuf,
    },
    /// The key is there, but what it belongs to is gone.
    #[error("there is a key {path}, but the ledger {ledger} is not there or empty: put the ledger back, or move the key away \
        too to begin anew", ledger = ledger.display(), path = path.display())]
    LedgerMissing {
        /// Where the ledger should be.
        ledger: PathBuf,
        /// Its key.
        path: PathBuf,
    },
    /// The history was written with intervals of another length.
    #[error("the ledger has intervals of {} and the configuration says [ledger] interval = {:?}: set it back, or move the \
        ledger and its key away to begin anew", format_duration(*stored_ms), format_duration(*configured_ms))]
    OtherInterval {
        /// Length in the ledger, in milliseconds.
        stored_ms: u64,
        /// Length by the configuration, in milliseconds.
        configured_ms: u64,
    },
    /// A read or write failed; another try may do.
    #[error("the ledger failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// Stored bytes are not what they should be.
    #[error("the ledger holds unreadable {what}: {detail}")]
    Corrupt {
        /// What was read.
        what: &'static str,
        /// What was wrong with it.
        detail: String,
    },
}

impl LedgerError {
    /// Whether another connection was in the way.
    pub(super) fn is_busy(&self) -> bool {
        let (LedgerError::Unreadable { error, .. } | LedgerError::Sqlite(error)) = self else {
            return false;
        };
        matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
        )
    }
}
