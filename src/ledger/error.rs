//! The errors of the ledger.

use std::path::PathBuf;

use nabiz_core::time::{Millis, format_duration};
use rusqlite::ErrorCode;

use crate::error_chain::error_chain;

/// An operation of the ledger that failed. A cause is in `source()` and not in the message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The file cannot be opened or is no SQLite database.
    #[error("the ledger {path} cannot be read", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of SQLite.
        source: rusqlite::Error,
    },
    /// The newest data is in a write-ahead log that cannot be read.
    #[error(
        "the newest data of the ledger {path} is in {log}, which cannot be read without the right \
         to write beside it: copy both files into a folder where this user may write, or run \
         this as a user with that right",
        path = path.display(), log = log.display()
    )]
    LogUnusable {
        /// The ledger.
        path: PathBuf,
        /// Its write-ahead log.
        log: PathBuf,
        /// The error of SQLite.
        source: rusqlite::Error,
    },
    /// There is no file.
    #[error(
        "there is no ledger at {path}: `nabiz serve` creates it, and --config says where it is",
        path = path.display()
    )]
    Absent {
        /// Where the file is expected.
        path: PathBuf,
    },
    /// The file is a database of another program.
    #[error("{path} is not a ledger of nabiz", path = path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a later version.
    #[error(
        "the ledger {path} has schema version {found}, this program knows up to {known}: \
         use the newer program",
        path = path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// Newest version that this program supports.
        known: i64,
    },
    /// The file of the hash key cannot be read or created.
    #[error("the ledger's key {path} cannot be {verb}", path = path.display())]
    KeyUnusable {
        /// The file.
        path: PathBuf,
        /// `read` or `created`.
        verb: &'static str,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The file of the hash key holds something else.
    #[error("{path} is not a ledger's key: expected 32 hexadecimal digits", path = path.display())]
    KeyForeign {
        /// The file.
        path: PathBuf,
    },
    /// The ledger has partitions, but the key of their ids is missing.
    #[error(
        "the ledger {ledger} has no key: put the file {path} back, or move the ledger away to \
         start with an empty one",
        ledger = ledger.display(), path = path.display()
    )]
    KeyMissing {
        /// The ledger.
        ledger: PathBuf,
        /// Where its key is expected.
        path: PathBuf,
    },
    /// The key is there, but its ledger is missing.
    #[error(
        "there is a key {path}, but the ledger {ledger} is missing or empty: put the ledger back, \
         or move the key away too to start with an empty one",
        ledger = ledger.display(), path = path.display()
    )]
    LedgerMissing {
        /// Where the ledger is expected.
        ledger: PathBuf,
        /// Its key.
        path: PathBuf,
    },
    /// The history was written with intervals of another length.
    #[error(
        "the ledger has intervals of {} and the configuration says [ledger] interval = {:?}: \
         set it back, or move the ledger and its key away to start with an empty one",
        format_duration(*stored), format_duration(*configured)
    )]
    OtherInterval {
        /// The length in the ledger.
        stored: Millis,
        /// The length in the configuration.
        configured: Millis,
    },
    /// Another process has the file open.
    #[error("the ledger {path} is in use: stop every nabiz that has it open", path = path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// A read or write failed; a retry may succeed.
    #[error("the ledger failed")]
    Sqlite(#[from] rusqlite::Error),
    /// Stored bytes have an unexpected form.
    #[error("the ledger holds an unreadable {what}: {detail}")]
    Corrupt {
        /// The unreadable thing.
        what: &'static str,
        /// The fault that was found.
        detail: String,
    },
}

impl LedgerError {
    /// Returns the message followed by those of its causes, for a log line or a status.
    pub fn chain(&self) -> String {
        error_chain(self)
    }

    /// Returns whether another connection held a lock for too long.
    pub(super) fn is_busy(&self) -> bool {
        let (LedgerError::Unreadable { source, .. } | LedgerError::Sqlite(source)) = self else {
            return false;
        };
        matches!(
            source.sqlite_error_code(),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
        )
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    #[test]
    fn error_names_its_cause_once_when_its_chain_is_shown() {
        let error = LedgerError::from(rusqlite::Error::InvalidQuery);
        assert!(error.source().is_some());
        assert_eq!(error.to_string(), "the ledger failed");
        let chain = error.chain();
        assert_eq!(chain.matches("Query").count(), 1, "{chain}");
    }
}
