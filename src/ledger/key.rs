//! The key under which contact and agent ids are hashed, in a file beside the ledger.
//!
//! An id that is hashed without a key can be found by hashing every likely id. With the key, who has the ledger alone
//! learns nothing; who has both files can still test an id that they know.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use super::LedgerError;
use super::schema::{self, Contents};

/// Length of the key, in bytes.
const KEY_BYTES: usize = 16;
/// Access of everybody but the owner.
#[cfg(unix)]
const OTHERS: u32 = 0o077;

/// The file of a ledger's key: the ledger's path with `.key` behind it.
pub fn path_of_key(ledger_path: &Path) -> PathBuf {
    let mut path = ledger_path.as_os_str().to_owned();
    path.push(".key");
    path.into()
}

/// The key of a ledger. Where neither is there, makes the ledger and then the key; of several processes that do so at
/// once, all get the same. Warns where others than the owner may read it.
///
/// # Errors
/// [`LedgerError::KeyForeign`] where the file holds something else, [`LedgerError::KeyMissing`] where only the ledger is
/// there: with another key its contacts would not be known again; [`LedgerError::LedgerMissing`] where only the key is
/// there: nothing begins anew unasked; [`LedgerError::KeyUnusable`] and those of the ledger otherwise.
pub fn load_or_create(ledger_path: &Path) -> Result<[u8; KEY_BYTES], LedgerError> {
    let path = path_of_key(ledger_path);
    let ledger = || ledger_path.to_owned();
    if let Some(key) = load(&path)? {
        // The ledger is made before its key, so that this is no start that was cut short.
        return match schema::contents(ledger_path)? {
            Contents::Nothing => Err(LedgerError::LedgerMissing { ledger: ledger(), path }),
            Contents::NoPartition | Contents::Partitions => Ok(key),
        };
    }
    match schema::contents(ledger_path)? {
        // Another process may have made both in between.
        Contents::Partitions => {
            return load(&path)?.ok_or_else(|| LedgerError::KeyMissing { ledger: ledger(), path });
        }
        Contents::NoPartition => {}
        Contents::Nothing => drop(schema::open(ledger_path)?),
    }
    create(&path).map_err(|error| LedgerError::KeyUnusable {
        path: path.clone(),
        verb: "made",
        error,
    })?;
    load(&path)?.ok_or_else(|| LedgerError::KeyUnusable {
        path,
        verb: "read",
        error: ErrorKind::NotFound.into(),
    })
}

/// `None` where there is no file.
fn load(path: &Path) -> Result<Option<[u8; KEY_BYTES]>, LedgerError> {
    let unusable = |error| LedgerError::KeyUnusable { path: path.to_owned(), verb: "read", error };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(error)),
    };
    warn_of_access(path, &file);
    let mut text = Vec::new();
    file.take(KEY_BYTES as u64 * 2 + 3).read_to_end(&mut text).map_err(unusable)?;
    parse(&text).map(Some).ok_or_else(|| LedgerError::KeyForeign { path: path.to_owned() })
}

fn parse(text: &[u8]) -> Option<[u8; KEY_BYTES]> {
    let digits = text.strip_suffix(b"\r\n").or_else(|| text.strip_suffix(b"\n")).unwrap_or(text);
    let number = std::str::from_utf8(digits).ok().filter(|digits| digits.len() == KEY_BYTES * 2)?;
    // `from_str_radix` would take a sign too.
    let number = number.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(number)?;
    u128::from_str_radix(number, 16).ok().map(u128::to_be_bytes)
}

/// Makes the file whole under another name and then gives it its own, which fails where another process was faster: then
/// that one's counts.
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

/// Makes the name of the file durable: a ledger that outlives its key is worthless.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(unix)]
fn warn_of_access(path: &Path, file: &File) {
    use std::os::unix::fs::PermissionsExt;
    let mode = file.metadata().map_or(0, |metadata| metadata.permissions().mode());
    if mode & OTHERS != 0 {
        let mode = format!("{:o}", mode & 0o777);
        tracing::warn!(path = %path.display(), mode, "others may read the ledger's key, 600 is right");
    }
}

#[cfg(not(unix))]
fn warn_of_access(_path: &Path, _file: &File) {}

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
    fn a_key_is_made_once_for_the_owner_alone() {
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
    fn the_file_is_hexadecimal() {
        let (_folder, path) = ledger();
        schema::open(&path).unwrap();
        std::fs::write(path_of_key(&path), "000102030405060708090A0b0c0d0e0f\n").unwrap();
        assert_eq!(
            load_or_create(&path).unwrap(),
            [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
        );
    }

    #[test]
    fn several_at_once_agree() {
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
    fn something_else_is_refused_and_left_as_it_is() {
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
    fn a_ledger_without_its_key_gets_no_other() {
        let (folder, path) = ledger();
        acquire_a_partition(&path);
        assert!(matches!(load_or_create(&path), Err(LedgerError::KeyMissing { .. })));
        assert_eq!(names(&folder), ["nabiz.db"]);
    }

    #[test]
    fn a_ledger_that_was_made_and_never_used_gets_a_key() {
        let (folder, path) = ledger();
        schema::open(&path).unwrap();
        load_or_create(&path).unwrap();
        assert_eq!(names(&folder), ["nabiz.db", "nabiz.db.key"]);
    }

    #[test]
    fn a_key_without_its_ledger_begins_nothing_anew() {
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
    fn what_is_no_ledger_is_an_error_that_says_so() {
        let (folder, path) = ledger();
        std::fs::write(&path, "a text that is long enough to be no database at all").unwrap();
        let error = load_or_create(&path).unwrap_err();
        assert!(matches!(error, LedgerError::Unreadable { .. }), "{error}");
        let error = load_or_create(folder.path()).unwrap_err();
        assert!(matches!(error, LedgerError::Unreadable { .. }), "{error}");
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let (folder, _) = ledger();
        let error = load_or_create(&folder.path().join("no/nabiz.db")).unwrap_err();
        assert!(matches!(error, LedgerError::Unreadable { .. }), "{error}");
    }
}
