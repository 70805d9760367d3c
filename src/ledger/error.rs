//! What can go wrong with the ledger.

use std::path::PathBuf;

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
