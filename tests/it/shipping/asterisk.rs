//! An Asterisk that writes a queue_log, and the rotation of that file.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;

use tempfile::TempDir;

/// Whole seconds since the Unix epoch: 2026-01-05T10:00:00+03:00.
const START: i64 = 1_767_596_400;

/// A way to rotate.
#[derive(Clone, Copy)]
pub enum Rotation {
    /// `create` of logrotate and `logger reload` of Asterisk.
    Rename,
    /// `copytruncate` of logrotate.
    CopyTruncate,
}

/// What became of the calls.
#[derive(Clone, Copy, Default)]
pub struct Truth {
    pub answered: f64,
    pub abandoned: f64,
}

/// The writer of a queue_log in a folder of its own.
pub struct Asterisk {
    folder: TempDir,
    log: File,
    lines: Vec<Vec<u8>>,
    calls: i64,
    truth: Truth,
}

impl Asterisk {
    /// Starts with an empty file.
    pub fn start() -> Asterisk {
        let folder = tempfile::Builder::new().prefix("nabiz-queue-log-").tempdir();
        let folder = folder.expect("a temporary folder");
        let log = open(folder.path().join("queue_log"));
        Asterisk { folder, log, lines: Vec::new(), calls: 0, truth: Truth::default() }
    }

    /// Returns the path of the file.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("queue_log")
    }

    /// Returns every line that was written, without its end.
    pub fn lines(&self) -> &[Vec<u8>] {
        &self.lines
    }

    /// Returns what became of the calls so far.
    pub fn truth(&self) -> Truth {
        self.truth
    }

    /// Writes calls, each with lines of its own: two in three are answered, the others give up.
    pub fn calls(&mut self, count: usize) {
        for _ in 0..count {
            self.calls += 1;
            // The lines of a call are within three seconds, far less than `reorder_grace`.
            let (call, at) = (format!("{START}.{}", self.calls), START + 3 * self.calls);
            self.write(at, &format!("{call}|600|NONE|ENTERQUEUE||anonymous|1"));
            if self.calls % 3 == 0 {
                self.write(at + 1, &format!("{call}|600|NONE|ABANDON|1|1|1"));
                self.truth.abandoned += 1.0;
            } else {
                self.write(at + 1, &format!("{call}|600|SIP/11|CONNECT|1|{call}9|1"));
                self.write(at + 2, &format!("{call}|600|SIP/11|COMPLETECALLER|1|1|1"));
                self.truth.answered += 1.0;
            }
        }
        // What shippers like to change: spaces, a tab, an empty part, Latin-1, a space at the end.
        let (call, at) = (format!("{START}.{}", self.calls), START + 3 * self.calls);
        let mut line = format!("{at}|{call}|600|NONE|INFO| a\t||").into_bytes();
        line.extend(b"caf\xe9 ");
        self.append(line);
    }

    /// Rotates the file. Asterisk still writes to the renamed file until it opens the new one.
    pub fn rotate(&mut self, rotation: Rotation) {
        let numbered = |number| self.folder.path().join(format!("queue_log.{number}"));
        let (last, older) = (numbered(1), numbered(2));
        if last.exists() {
            fs::rename(&last, older).expect("the last rotated file is renamed");
        }
        match rotation {
            Rotation::Rename => {
                fs::rename(self.path(), last).expect("the file is renamed");
                let new = open(self.path());
                self.calls(1);
                self.log = new;
            }
            Rotation::CopyTruncate => {
                fs::copy(self.path(), last).expect("the file is copied");
                self.log.set_len(0).expect("the file is emptied");
            }
        }
    }

    fn write(&mut self, at: i64, rest: &str) {
        self.append(format!("{at}|{rest}").into_bytes());
    }

    fn append(&mut self, line: Vec<u8>) {
        let mut with_end = line.clone();
        with_end.push(b'\n');
        self.log.write_all(&with_end).expect("a line is written");
        self.lines.push(line);
    }
}

fn open(path: PathBuf) -> File {
    File::options().create(true).append(true).open(path).expect("the file is opened")
}
