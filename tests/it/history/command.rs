//! `nabiz history` as a process.

use crate::harness::serial;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use nabiz_core::time::Timestamp;
use serde_json::Value;

use super::fixture::{FACT, Fact, Fixture, INTERVAL_MS, ms, parse_csv};

fn nabiz(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nabiz"));
    command.current_dir(folder).arg("history").args(arguments);
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    nabiz(folder, arguments).output().expect("run")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

fn fixture() -> Fixture {
    let mut fixture = Fixture::new("[queues.fault]\naliases = ['600']");
    let start_ms = ms("2026-01-05T09:00:00+03:00");
    fixture.add_facts(&[
        Fact { time_ms: start_ms, ..FACT },
        Fact { time_ms: start_ms + INTERVAL_MS, duration_ms: 2_500, ..FACT },
        Fact { time_ms: start_ms, queue: "=cmd|'/c'!A1, \"x\"", ..FACT },
    ]);
    fixture.advance(99, Timestamp(start_ms + INTERVAL_MS + 300_000));
    fixture
}

const DAY: [&str; 4] = ["--from", "2026-01-05", "--to", "2026-01-06"];

#[test]
fn csv_and_json_have_the_same_rows() {
    let _shared = serial::shared();
    let fixture = fixture();
    let csv = run(fixture.folder(), &[&DAY[..], &["--format", "csv"]].concat());
    assert_eq!(csv.status.code(), Some(0), "{}", text(&csv.stderr));
    let json = run(fixture.folder(), &[&DAY[..], &["--format", "json"]].concat());
    let objects: Value = serde_json::from_slice(&json.stdout).expect("JSON");
    let objects = objects.as_array().expect("an array");
    let records = parse_csv(text(&csv.stdout));
    let (header, rows) = records.split_first().expect("a header");
    assert_eq!((rows.len(), objects.len()), (3, 3));
    for (row, object) in rows.iter().zip(objects) {
        assert_eq!(row.len(), header.len());
        assert_eq!(object.as_object().map(serde_json::Map::len), Some(header.len()));
        for (name, cell) in header.iter().zip(row) {
            match &object[name] {
                Value::Null => assert_eq!(cell, "", "{name}"),
                Value::String(text) if text.starts_with('=') => {
                    assert_eq!(cell, &format!("'{text}"))
                }
                Value::String(text) => assert_eq!(cell, text, "{name}"),
                Value::Number(number) => assert_eq!(cell.parse().ok(), number.as_f64(), "{name}"),
                other => assert_eq!(cell, &other.to_string(), "{name}"),
            }
        }
    }
    let fault = &objects[1];
    assert_eq!(fault["queue"], "fault");
    assert_eq!(
        (&fault["start"], &fault["open"]),
        (&"2026-01-05T09:00:00+03:00".into(), &false.into())
    );
    assert_eq!((&fault["asa_seconds"], &fault["aht_seconds"]), (&10.0.into(), &Value::Null));
    assert_eq!(objects[2]["open"], true);
}

#[test]
fn table_is_aligned_and_marks_open_intervals() {
    let _shared = serial::shared();
    let fixture = fixture();
    let table = run(fixture.folder(), &[&DAY[..], &["--queue", "600"]].concat());
    let lines: Vec<&str> = text(&table.stdout).lines().collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[0].starts_with("start "));
    assert!(
        lines[1].starts_with("2026-01-05 09:00+03  ")
            && lines[2].starts_with("2026-01-05 09:15+03* "),
        "{lines:?}"
    );
    assert!(lines[3].starts_with("* can still change"));
    let end_of = |line: &str, word: &str| line.find(word).map(|at| at + word.len());
    assert_eq!(end_of(lines[0], "asa"), end_of(lines[1], "10.0s"));
}

#[test]
fn command_succeeds_when_no_row_matches() {
    let _shared = serial::shared();
    let fixture = fixture();
    for (format, expected) in [("json", "[]\n"), ("table", "")] {
        let asked = [&DAY[..], &["--queue", "nowhere", "--format", format]].concat();
        let answer = run(fixture.folder(), &asked);
        assert_eq!((answer.status.code(), text(&answer.stdout)), (Some(0), expected));
        assert!(
            text(&answer.stderr).contains("the queue \"nowhere\" has no history in this period")
        );
    }
    let long_ago = ["--from", "2020-01-01", "--to", "2020-01-02"];
    let answer = run(fixture.folder(), &long_ago);
    assert_eq!((answer.status.code(), text(&answer.stdout)), (Some(0), ""));
    assert!(text(&answer.stderr).contains("there is no history in this period"));
    let csv =
        run(fixture.folder(), &["--from", "2020-01-01", "--to", "2020-01-02", "--format", "csv"]);
    assert_eq!(text(&csv.stdout).lines().count(), 1);
}

#[test]
fn command_exits_with_2_on_wrong_usage_and_with_1_on_a_ledger_error() {
    let _shared = serial::shared();
    let fixture = fixture();
    for (arguments, expected) in [
        (vec!["--from", "2026-01-05"], "--to"),
        (vec!["--from", "monday", "--to", "2026-01-06"], "--from: expected RFC 3339"),
        (vec!["--from", "2026-01-07", "--to", "2026-01-06"], "--to: "),
        ([&DAY[..], &["--step", "2h"]].concat(), "--step: expected 15m"),
        ([&DAY[..], &["--channel", "fax"]].concat(), "--channel: expected phone"),
        ([&DAY[..], &["--format", "xml"]].concat(), "xml"),
        ([&DAY[..], &["--config", "missing.toml"]].concat(), "missing.toml"),
    ] {
        let answer = run(fixture.folder(), &arguments);
        assert_eq!(answer.status.code(), Some(2), "{arguments:?}");
        assert!(text(&answer.stderr).contains(expected), "{arguments:?}: {}", text(&answer.stderr));
    }
    let empty = tempfile::tempdir().expect("a folder");
    let missing = run(empty.path(), &DAY);
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(&missing.stderr).contains("nabiz.db"));
    assert!(!empty.path().join("nabiz.db").exists(), "reading created a ledger");
    std::fs::write(
        empty.path().join("nabiz.db"),
        "not a database, but long enough to be looked at",
    )
    .expect("written");
    assert_eq!(run(empty.path(), &DAY).status.code(), Some(1));
}

/// Returns the largest resident memory of a process so far, in KiB.
fn peak_kib(process: u32) -> u64 {
    let status =
        std::fs::read_to_string(format!("/proc/{process}/status")).expect("a running process");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
}

#[test]
fn command_needs_no_more_memory_for_a_year_than_for_its_beginning() {
    let _shared = serial::shared();
    let mut fixture = Fixture::new("");
    fixture.fill_year();
    let year = ["--from", "2025-01-01", "--to", "2026-01-01", "--format", "csv"];
    let mut child = nabiz(fixture.folder(), &year).stdout(Stdio::piped()).spawn().expect("started");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    // The process waits for its reader, so it is at most as far as the pipe holds.
    let early = lines.by_ref().take(5_000).count();
    let early_kib = peak_kib(child.id());
    let most = lines.by_ref().take(95_000).count();
    let late_kib = peak_kib(child.id());
    let rest = lines.count();
    assert!(child.wait().expect("ended").success());
    assert_eq!(early + most + rest, 1 + 35_040 * 3);
    // All rows at once would take more than 60 MB.
    assert!(late_kib < early_kib + 12_000, "{early_kib} KiB grew to {late_kib} KiB");
}

#[test]
fn command_succeeds_when_its_reader_closes_the_pipe() {
    let _shared = serial::shared();
    let mut fixture = Fixture::new("");
    fixture.fill_year();
    let year = ["--from", "2025-01-01", "--to", "2026-01-01", "--format", "json"];
    let mut child = nabiz(fixture.folder(), &year)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    let mut first = [0; 100];
    child.stdout.take().expect("a pipe").read_exact(&mut first).expect("a beginning");
    let output = child.wait_with_output().expect("ended");
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
}
