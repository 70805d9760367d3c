//! Files that are used again when their contents change.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

/// Time between two looks at the files.
pub const CHECK_INTERVAL: Duration = Duration::from_secs(10);

/// Bytes of one file that count. A bundle of all public authorities has about 200 000.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// Files of a folder that count, the first by name.
const FOLDER_FILES_MAX: usize = 1024;

/// The digest of the contents of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contents([u8; 32]);

/// Files, with the contents that are in use. Contents and not times are compared, because
/// Kubernetes replaces a link to a folder, and some tools keep the time of a file.
#[derive(Debug)]
pub struct WatchedFiles {
    paths: Vec<PathBuf>,
    in_use: Contents,
    /// Contents that cannot be used. They are not tried again until they change.
    refused: Option<Contents>,
    /// The refused contents may be usable later, and are tried again.
    is_tried_again: bool,
}

impl WatchedFiles {
    /// Takes the present contents as those in use. Call it before the files are used: a change in
    /// between is then noticed. A path can be a folder.
    pub fn new(paths: Vec<PathBuf>) -> Self {
        let in_use = contents_of(&paths);
        WatchedFiles { paths, in_use, refused: None, is_tried_again: false }
    }

    /// Returns the contents if they are neither in use nor refused for good.
    pub fn changed(&mut self) -> Option<Contents> {
        let now = contents_of(&self.paths);
        if now == self.in_use {
            // The earlier files are back.
            self.refused = None;
        }
        let is_refused = self.refused == Some(now) && !self.is_tried_again;
        (now != self.in_use && !is_refused).then_some(now)
    }

    /// Returns whether the contents cannot be used that the last look found.
    pub fn are_refused(&self) -> bool {
        self.refused.is_some()
    }

    /// Returns whether the present contents are those in use.
    pub fn is_in_use(&self) -> bool {
        contents_of(&self.paths) == self.in_use
    }

    /// Records that these contents are in use.
    pub fn accept(&mut self, contents: Contents) {
        self.in_use = contents;
        self.refused = None;
    }

    /// Records that these contents cannot be used.
    pub fn refuse(&mut self, contents: Contents) {
        self.refused = Some(contents);
        self.is_tried_again = false;
    }

    /// Records that the refused contents may be usable later.
    pub fn try_again(&mut self) {
        self.is_tried_again = true;
    }
}

fn contents_of(paths: &[PathBuf]) -> Contents {
    let mut digest = Sha256::new();
    for path in paths {
        add_path(&mut digest, path);
    }
    Contents(digest.finalize().into())
}

/// Adds a file, or the files of a folder. One that cannot be read counts as such.
fn add_path(digest: &mut Sha256, path: &Path) {
    let Ok(entries) = fs::read_dir(path) else { return add_file(digest, path) };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files.truncate(FOLDER_FILES_MAX);
    for file in files.iter().filter(|file| file.is_file()) {
        digest.update(file.as_os_str().as_encoded_bytes());
        add_file(digest, file);
    }
}

fn add_file(digest: &mut Sha256, path: &Path) {
    let mut bytes = Vec::new();
    let read =
        File::open(path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)).is_ok();
    // The length keeps the contents of two files apart.
    let length = if read { bytes.len() as u64 } else { u64::MAX };
    digest.update(length.to_le_bytes());
    digest.update(&bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_reported_until_they_are_accepted_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("ca.pem"), folder.path().join("key.pem"));
        fs::write(&one, "a").unwrap();
        let mut files = WatchedFiles::new(vec![one.clone(), other.clone()]);
        assert_eq!(files.changed(), None);
        // A file that was missing counts, also when it is empty.
        fs::write(&other, "").unwrap();
        let changed = files.changed().expect("a new file");
        files.refuse(changed);
        assert_eq!(files.changed(), None);
        fs::write(&other, "b").unwrap();
        let changed = files.changed().expect("another content");
        files.accept(changed);
        assert_eq!(files.changed(), None);
        // The same bytes in other files are a change.
        fs::write(&one, "ab").unwrap();
        fs::write(&other, "").unwrap();
        assert!(files.changed().is_some());
    }

    #[test]
    fn refusal_ends_when_the_earlier_contents_are_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        fs::write(&path, "good").unwrap();
        let mut files = WatchedFiles::new(vec![path.clone()]);
        fs::write(&path, "bad").unwrap();
        let bad = files.changed().expect("another content");
        files.refuse(bad);
        assert_eq!(files.changed(), None);
        assert!(files.are_refused());
        fs::write(&path, "good").unwrap();
        assert_eq!(files.changed(), None);
        assert!(!files.are_refused());
        // The same bad contents are a change again.
        fs::write(&path, "bad").unwrap();
        assert_eq!(files.changed(), Some(bad));
        files.refuse(bad);
        files.try_again();
        assert!(files.are_refused());
        assert_eq!(files.changed(), Some(bad));
    }

    #[test]
    fn folder_is_reported_when_one_of_its_files_changes() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.pem"), "a").unwrap();
        let mut files = WatchedFiles::new(vec![folder.path().to_owned()]);
        assert_eq!(files.changed(), None);
        fs::rename(folder.path().join("a.pem"), folder.path().join("b.pem")).unwrap();
        assert!(files.changed().is_some());
    }
}
