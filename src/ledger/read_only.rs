//! Opens a ledger for reading only, also where nothing can be written beside it.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::error::LedgerError;
use super::schema::{BUSY_WAIT, schema_version};

const FLAGS: OpenFlags = OpenFlags::SQLITE_OPEN_READ_ONLY.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

/// Opens an existing ledger for reading only.
///
/// SQLite shares the index of the write-ahead log in a file beside the ledger, which it makes also
/// for a reader. Where it cannot, and there is no log, the file of the ledger alone is the whole.
///
/// # Errors
/// [`LedgerError`], also where there is no file, or where its log holds data that cannot be read.
pub(super) fn open_read_only(path: &Path) -> Result<Connection, LedgerError> {
    if !path.exists() {
        return Err(LedgerError::Absent { path: path.to_owned() });
    }
    let unreadable = |source| LedgerError::Unreadable { path: path.to_owned(), source };
    let connection = Connection::open_with_flags(path, FLAGS).map_err(unreadable)?;
    match checked(connection, path) {
        Err(LedgerError::Unreadable { source, .. }) if is_without_index(&source) => {
            open_file_only(path, source)
        }
        result => result,
    }
}

/// Returns whether SQLite could not make the index of the write-ahead log.
fn is_without_index(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

/// Opens the file of a ledger without its log and without locks.
fn open_file_only(path: &Path, cause: rusqlite::Error) -> Result<Connection, LedgerError> {
    let unreadable = |source| LedgerError::Unreadable { path: path.to_owned(), source };
    // SQLite puts the log beside the file to which a link leads.
    let Ok(file) = path.canonicalize() else { return Err(unreadable(cause)) };
    let log = log_of(&file);
    match log.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Ok(metadata) if metadata.len() == 0 => {}
        // Without the log, a part of the ledger would be shown as the whole.
        Ok(_) | Err(_) => {
            return Err(LedgerError::LogUnusable { path: path.to_owned(), log, source: cause });
        }
    }
    let flags = FLAGS | OpenFlags::SQLITE_OPEN_URI;
    let connection =
        Connection::open_with_flags(immutable_uri(&file), flags).map_err(unreadable)?;
    checked(connection, path)
}

/// Returns a connection to a ledger of this or an older version.
fn checked(connection: Connection, path: &Path) -> Result<Connection, LedgerError> {
    connection.busy_timeout(BUSY_WAIT)?;
    match schema_version(&connection, path)? {
        0 => Err(LedgerError::Foreign { path: path.to_owned() }),
        _ => Ok(connection),
    }
}

fn log_of(file: &Path) -> PathBuf {
    let mut log = OsString::from(file);
    log.push("-wal");
    PathBuf::from(log)
}

/// Returns the address by which SQLite opens a file that nobody changes. `file` is absolute.
fn immutable_uri(file: &Path) -> String {
    let mut uri = String::from("file://");
    for &byte in file.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => {
                uri.push(char::from(byte));
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uri_names_the_same_file_when_its_path_has_reserved_characters() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a b?mode=rw#%41ş.db");
        let writer = Connection::open(&path).unwrap();
        writer.execute_batch("CREATE TABLE found (id); PRAGMA user_version = 5").unwrap();
        drop(writer);
        let flags = FLAGS | OpenFlags::SQLITE_OPEN_URI;
        let uri = immutable_uri(&path.canonicalize().unwrap());
        let reader = Connection::open_with_flags(uri, flags).unwrap();
        let version: i64 = reader.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(version, 5);
    }
}
