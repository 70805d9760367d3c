//! `nabiz history` of a user who may not write beside the ledger.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use super::fixture::{FACT, Fact, Fixture, INTERVAL_MS, ms};
use crate::harness::serial;

/// Any user without rights of root, whom permissions do not hold up.
const OTHER_USER: u32 = 65_534;

fn fixture() -> Fixture {
    let mut fixture = Fixture::new("");
    fixture.add_facts(&[Fact { time_ms: ms("2026-01-05T09:00:00+03:00"), ..FACT }]);
    fixture
}

/// A folder with a ledger in which the reader may write nothing.
struct Archive {
    folder: TempDir,
    program: PathBuf,
}

impl Archive {
    /// Copies the files of a ledger with these endings.
    fn of(ledger: &Path, endings: &[&str]) -> Archive {
        let folder = tempfile::tempdir().expect("a folder");
        for ending in endings {
            let name = format!("nabiz.db{ending}");
            let copy = folder.path().join(&name);
            fs::copy(ledger.with_file_name(name), &copy).expect("copied");
            allow(&copy, 0o444);
        }
        // The folder of the built program may be closed to other users.
        let program = folder.path().join("nabiz");
        fs::copy(env!("CARGO_BIN_EXE_nabiz"), &program).expect("copied");
        allow(&program, 0o555);
        allow(folder.path(), 0o555);
        Archive { folder, program }
    }

    fn history(&self) -> Output {
        history_without_rights(&self.program, &self.folder.path().join("nabiz.db"))
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        allow(self.folder.path(), 0o755);
    }
}

fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("set");
}

fn history(program: &Path, ledger: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/").env("NABIZ_LEDGER__PATH", ledger).args([
        "history",
        "--from",
        "2026-01-05",
        "--to",
        "2026-01-06",
        "--format",
        "csv",
    ]);
    command
}

fn history_without_rights(program: &Path, ledger: &Path) -> Output {
    let mut command = history(program, ledger);
    // The owner of what this process makes is the user of this process.
    if fs::metadata(program).expect("the program").uid() == 0 {
        command.uid(OTHER_USER).gid(OTHER_USER);
    }
    command.output().expect("it runs")
}

fn history_of_owner(ledger: &Path) -> Output {
    history(Path::new(env!("CARGO_BIN_EXE_nabiz")), ledger).output().expect("it runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

fn assert_same_rows(archive: &Archive, expected: &Output, rows: usize) {
    assert_eq!(text(&expected.stdout).lines().count(), 1 + rows, "{}", text(&expected.stderr));
    let output = archive.history();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), text(&expected.stdout));
}

#[test]
fn history_reads_a_ledger_when_nothing_can_be_written_beside_it() {
    let _shared = serial::shared();
    let fixture = fixture();
    let path = fixture.path.clone();
    let _folder_stays = fixture.close();
    let archive = Archive::of(&path, &[""]);
    assert_same_rows(&archive, &history_of_owner(&path), 1);
    // An empty log holds nothing.
    allow(archive.folder.path(), 0o755);
    fs::write(archive.folder.path().join("nabiz.db-wal"), "").expect("written");
    allow(archive.folder.path(), 0o555);
    assert_same_rows(&archive, &history_of_owner(&path), 1);
    let files = fs::read_dir(archive.folder.path()).expect("listed").count();
    assert_eq!(files, 3, "program, ledger, empty log");
}

#[test]
fn history_refuses_a_ledger_when_its_log_cannot_be_read() {
    let _shared = serial::shared();
    // The ledger stays open, so that its newest data is in the log.
    let fixture = fixture();
    let archive = Archive::of(&fixture.path, &["", "-wal"]);
    let output = archive.history();
    let shown = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{shown}");
    assert_eq!(text(&output.stdout), "", "a part is not shown as the whole");
    assert!(shown.contains("the newest data of the ledger"), "{shown}");
    assert!(shown.contains("nabiz.db-wal, which cannot be read without the right"), "{shown}");
    assert!(shown.contains("copy both files into a folder where this user may write"), "{shown}");
}

#[test]
fn history_reads_what_a_running_nabiz_has_written_when_its_folder_is_closed_to_the_reader() {
    let _shared = serial::shared();
    let mut fixture = fixture();
    let program = Archive::of(&fixture.path, &[]);
    allow(fixture.folder(), 0o755);
    for ending in ["", "-wal", "-shm"] {
        allow(&fixture.path.with_file_name(format!("nabiz.db{ending}")), 0o444);
    }
    allow(fixture.folder(), 0o555);
    let rows = |ledger: &Path| {
        let output = history_without_rights(&program.program, ledger);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout).lines().count() - 1
    };
    assert_eq!(rows(&fixture.path), 1);
    let later_ms = ms("2026-01-05T09:00:00+03:00") + INTERVAL_MS;
    fixture.add_facts(&[Fact { time_ms: later_ms, ..FACT }]);
    assert_eq!(rows(&fixture.path), 2);
    allow(fixture.folder(), 0o755);
}
