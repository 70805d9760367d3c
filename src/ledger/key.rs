//! The key under which contact and agent ids are hashed, in a file beside the ledger.
//!
//! An id that is hashed without a key can be found by hashing every likely id. With a key, a reader
//! of the ledger alone learns nothing about ids; a reader of both files can still test a known id.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use super::error::LedgerError;
use super::schema::{self, Contents};

/// The length of the key, in bytes.
const KEY_BYTES: usize = 16;
/// The permission bits of everybody but the owner.
#[cfg(unix)]
const OTHERS: u32 = 0o077;

/// Returns the file of a ledger's key: the ledger's path with `.key` appended.
pub fn path_of_key(ledger_path: &Path) -> PathBuf {
    let mut path = ledger_path.as_os_str().to_owned();
    path.push(".key");
    path.into()
}

/// Returns the key of a ledger. Where neither file exists, creates the ledger and then the key;
/// processes that do so at the same time all get the same key. Logs a warning where other users
/// may read the file.
///
/// # Errors
/// - [`LedgerError::KeyForeign`] where the file holds something else.
/// - [`LedgerError::KeyMissing`] where only the ledger exists: its contacts could not be
///   recognised with another key.
/// - [`LedgerError::LedgerMissing`] where only the key exists: an empty ledger must not replace a
///   lost one silently.
/// - [`LedgerError::KeyUnusable`] and the errors of opening a ledger otherwise.
pub fn load_or_create(ledger_path: &Path) -> Result<[u8; KEY_BYTES], LedgerError> {
    let path = path_of_key(ledger_path);
    let ledger = || ledger_path.to_owned();
    if let Some(key) = load(&path)? {
        // The ledger is created before its key, so a key without a ledger is never the trace of a
        // start that was interrupted.
        return match schema::contents(ledger_path)? {
            Contents::Nothing => Err(LedgerError::LedgerMissing { ledger: ledger(), path }),
            Contents::NoPartition | Contents::Partitions => Ok(key),
        };
    }
    match schema::contents(ledger_path)? {
        // Another process may have created both files in between.
        Contents::Partitions => {
            return load(&path)?.ok_or_else(|| LedgerError::KeyMissing { ledger: ledger(), path });
        }
        Contents::NoPartition => {}
        Contents::Nothing => drop(schema::open(ledger_path)?),
    }
    create(&path).map_err(|source| LedgerError::KeyUnusable {
        path: path.clone(),
        verb: "created",
        source,
    })?;
    load(&path)?.ok_or_else(|| LedgerError::KeyUnusable {
        path,
        verb: "read",
        source: ErrorKind::NotFound.into(),
    })
}

/// Returns the key in a file; `None` where there is no file.
fn load(path: &Path) -> Result<Option<[u8; KEY_BYTES]>, LedgerError> {
    let unusable =
        |source| LedgerError::KeyUnusable { path: path.to_owned(), verb: "read", source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(error)),
    };
    warn_if_others_can_read(path, &file);
    let mut text = Vec::new();
    file.take(KEY_BYTES as u64 * 2 + 3).read_to_end(&mut text).map_err(unusable)?;
    parse(&text).map(Some).ok_or_else(|| LedgerError::KeyForeign { path: path.to_owned() })
}

fn parse(text: &[u8]) -> Option<[u8; KEY_BYTES]> {
    let digits = text.strip_suffix(b"\r\n").or_else(|| text.strip_suffix(b"\n")).unwrap_or(text);
    let number = std::str::from_utf8(digits).ok().filter(|digits| digits.len() == KEY_BYTES * 2)?;
    // `from_str_radix` alone would accept a sign.
    let number = number.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(number)?;
    u128::from_str_radix(number, 16).ok().map(u128::to_be_bytes)
}

/// Writes the file under a temporary name and links it to its own. The link fails where another
/// process was faster; then that one's key counts.
fn create(path: &Path) -> std::io::Result<()> {
    let mut random = [0; KEY_BYTES + 8];
    getrandom::fill(&mut random)?;
    let (key, suffix) = random.split_at(KEY_BYTES);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}", hex(suffix)));
    let temporary = PathBuf::from(temporary);

    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary)?;
    let written =
        file.write_all(format!("{}\n", hex(key)).as_bytes()).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| match std::fs::hard_link(&temporary, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    std::fs::remove_file(&temporary)?;
    linked?;
    sync_folder(path)
}

/// Makes the name of the file durable: a ledger whose key is lost in a power failure is worthless.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(unix)]
fn warn_if_others_can_read(path: &Path, file: &File) {
    use std::os::unix::fs::PermissionsExt;
    let mode = file.metadata().map_or(0, |metadata| metadata.permissions().mode());
    if mode & OTHERS != 0 {
        let mode = format!("{:o}", mode & 0o777);
        tracing::warn!(
            path = %path.display(),
            mode,
            "other users can access the ledger's key (expected mode 600)"
        );
    }
}

#[cfg(not(unix))]
fn warn_if_others_can_read(_path: &Path, _file: &File) {}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nabiz.db");
        (folder, path)
    }

    fn names(folder: &tempfile::TempDir) -> Vec<String> {
        let entries = std::fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn key_is_created_once_and_for_its_owner_only() {
        let (folder, path) = ledger();
        let key = load_or_create(&path).unwrap();
        assert_ne!(key, [0; 16]);
        assert_eq!(names(&folder), ["nabiz.db", "nabiz.db.key"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(path_of_key(&path)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert_eq!(load_or_create(&path).unwrap(), key);
        let (_folder, other) = ledger();
        assert_ne!(load_or_create(&other).unwrap(), key);
    }

    #[test]
    fn key_is_read_when_its_file_is_hexadecimal() {
        let (_folder, path) = ledger();
        schema::open(&path).unwrap();
        std::fs::write(path_of_key(&path), "000102030405060708090A0b0c0d0e0f\n").unwrap();
        assert_eq!(
            load_or_create(&path).unwrap(),
            [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
        );
    }

    #[test]
    fn processes_get_the_same_key_when_they_start_at_once() {
        let (folder, path) = ledger();
        let start = std::sync::Barrier::new(16);
        let keys: Vec<[u8; 16]> = std::thread::scope(|scope| {
            let one = || {
                start.wait();
                load_or_create(&path).unwrap()
            };
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(one)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
        assert_eq!(names(&folder), ["nabiz.db", "nabiz.db.key"]);
    }

    #[test]
    fn foreign_key_file_is_rejected_and_left_unchanged() {
        let right = "000102030405060708090a0b0c0d0e0f";
        let plus = format!("+{}", &right[1..]);
        for wrong in [
            "",
            "\n",
            &right[1..],
            &format!("{right}00"),
            &format!("{right}\n\n\n"),
            &plus,
            "öööööööööööööööö",
        ] {
            let (_folder, path) = ledger();
            std::fs::write(path_of_key(&path), wrong).unwrap();
            let error = load_or_create(&path).unwrap_err();
            assert!(matches!(error, LedgerError::KeyForeign { .. }), "{wrong:?}: {error}");
            assert_eq!(std::fs::read_to_string(path_of_key(&path)).unwrap(), wrong);
            assert!(wrong.trim().is_empty() || !error.to_string().contains(wrong));
        }
    }

    fn acquire_a_partition(path: &Path) {
        let mut ledger =
            crate::ledger::Ledger::open(path, nabiz_core::event::Channels::default()).unwrap();
        ledger.acquire("calls", 0, "test").unwrap();
    }

    #[test]
    fn ledger_gets_no_other_key_when_its_own_is_missing() {
        let (folder, path) = ledger();
        acquire_a_partition(&path);
        assert!(matches!(load_or_create(&path), Err(LedgerError::KeyMissing { .. })));
        assert_eq!(names(&folder), ["nabiz.db"]);
    }

    #[test]
    fn ledger_gets_a_key_when_it_has_no_partition() {
        let (folder, path) = ledger();
        schema::open(&path).unwrap();
        load_or_create(&path).unwrap();
        assert_eq!(names(&folder), ["nabiz.db", "nabiz.db.key"]);
    }

    #[test]
    fn key_creates_no_ledger_when_its_own_is_missing() {
        let (_folder, path) = ledger();
        load_or_create(&path).unwrap();
        acquire_a_partition(&path);
        for empty in [true, false] {
            std::fs::remove_file(&path).unwrap();
            if empty {
                std::fs::write(&path, "").unwrap();
            }
            let error = load_or_create(&path).unwrap_err();
            assert!(matches!(error, LedgerError::LedgerMissing { .. }), "{error}");
            assert_eq!(path.exists(), empty);
        }
    }

    #[test]
    fn file_is_reported_unreadable_when_it_is_no_ledger() {
        let (folder, path) = ledger();
        std::fs::write(&path, "a text that is long enough to be no database at all").unwrap();
        let error = load_or_create(&path).unwrap_err();
        assert!(matches!(error, LedgerError::Unreadable { .. }), "{error}");
        let error = load_or_create(folder.path()).unwrap_err();
        assert!(matches!(error, LedgerError::Unreadable { .. }), "{error}");
    }

    #[test]
    fn ledger_is_reported_unreadable_when_its_folder_is_missing() {
        let (folder, _) = ledger();
        let error = load_or_create(&folder.path().join("no/nabiz.db")).unwrap_err();
        assert!(matches!(error, LedgerError::Unreadable { .. }), "{error}");
    }
}
