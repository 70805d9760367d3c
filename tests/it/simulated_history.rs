//! A simulated period, replayed into a ledger: every number of the interval history is that of the
//! simulator's own books. `NABIZ_HISTORY_DAYS` sets the length; `make soak` takes a year. The test
//! prints what it took.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use csv::StringRecord;
use serde_json::Value;

use crate::harness::serial;

/// Prints figures past the capture of test output.
macro_rules! report {
    ($($figures:tt)*) => {{
        let _ = writeln!(std::io::stderr(), $($figures)*);
    }};
}

/// Columns that say which row it is, or repeat the configuration.
const DESCRIPTION: [&str; 8] = [
    "start",
    "end",
    "open",
    "queue",
    "channel",
    "target_wait_seconds",
    "target_service_level",
    "formula",
];

/// Distances from the exact percentile that an HDR histogram with two digits may have.
const PERCENTILE_ERROR: f64 = 0.01;

fn nabiz(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nabiz"));
    command.args(arguments);
    command
}

fn succeed(mut child: Child, what: &str) {
    let status = child.wait().expect("it ends");
    assert!(status.success(), "{what}: {status}");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// The rows of a truth by kind, start and labels; the JSON of a row is read when it is compared.
type TruthRows = HashMap<(String, i64, Vec<String>), String>;

fn read_truth(path: &Path) -> TruthRows {
    let mut rows = TruthRows::new();
    for line in BufReader::new(File::open(path).expect("a truth")).lines() {
        let line = line.expect("a line");
        let row: Value = serde_json::from_str(&line).expect("JSON");
        let of = row["of"].as_str().expect("a kind").to_owned();
        let start: jiff::Timestamp = row["start"].as_str().expect("a start").parse().expect("RFC");
        let label = |name: &&str| row[*name].as_str().expect("a label").to_owned();
        let labels = labels_of(&of).iter().map(label).collect();
        let before = rows.insert((of, start.as_millisecond(), labels), line);
        assert_eq!(before, None, "a row is there once");
    }
    rows
}

/// Returns the labels of a kind of rows.
fn labels_of(of: &str) -> &'static [&'static str] {
    match of {
        "visits" => &["queue", "channel"],
        "queue_agents" => &["queue"],
        "arrivals" => &["channel", "entry_point"],
        "units" => &["unit"],
        "scores" => &["queue", "channel", "score"],
        "pauses" => &["reason"],
        "agents" => &[],
        other => panic!("{other} is no kind of rows"),
    }
}

/// The numbers of the truth for one row.
struct Numbers(Value);

impl Numbers {
    fn take(truth: &mut TruthRows, of: &str, start_ms: i64, labels: Vec<String>) -> Self {
        let line = truth.remove(&(of.to_owned(), start_ms, labels));
        Numbers(line.map_or(Value::Null, |line| serde_json::from_str(&line).expect("JSON")))
    }

    fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).and_then(Value::as_f64)
    }

    /// A count or sum, which the truth leaves out where it is 0.
    fn sum(&self, name: &str) -> f64 {
        self.get(name).unwrap_or(0.0)
    }

    fn ratio(&self, part: &str, whole: &str) -> Option<f64> {
        divide(self.sum(part), self.sum(whole))
    }
}

fn divide(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

/// What a column of a visits row must hold, `None` for an empty cell.
fn expected_visits(name: &str, of: &Numbers, agents: &Numbers) -> Option<f64> {
    let sum = |name| of.sum(name);
    match name {
        "service_level_live" | "service_level" => {
            divide(sum("service_level_met"), sum("service_level_met") + sum("service_level_missed"))
        }
        "abandonment" => {
            let long = sum("abandoned") - sum("abandoned_short");
            divide(long, sum("answered") + long)
        }
        "asa_seconds" => of.ratio("wait_sum_seconds", "answered"),
        "abandon_wait_mean_seconds" => of.ratio("abandon_wait_sum_seconds", "abandoned"),
        "aht_seconds" => of.ratio("handle_sum_seconds", "handled"),
        "first_response_mean_seconds" => of.ratio("first_response_sum_seconds", "first_responses"),
        "resolution_mean_seconds" => of.ratio("resolution_sum_seconds", "resolutions"),
        "survey_score_mean" => of.ratio("survey_score_sum", "surveys"),
        "still_waiting" => Some(still_waiting(of)),
        "service_level_arrival" => of.ratio("arrived_answered_in_target", "offered"),
        "patience_seconds" => {
            let long = sum("abandoned_beyond_short");
            (long >= 30.0).then(|| sum("wait_beyond_short_sum_seconds") / long)
        }
        "occupancy" => {
            let busy = agents.sum("agent_busy_seconds") + agents.sum("agent_wrap_up_seconds");
            divide(busy, busy + agents.sum("agent_available_seconds"))
        }
        _ if name.starts_with("agent_") => Some(agents.sum(name)),
        _ if is_percentile(name) => of.get(name),
        _ => Some(of.sum(name)),
    }
}

fn still_waiting(of: &Numbers) -> f64 {
    let endings = ["arrived_answered", "arrived_abandoned", "arrived_left", "arrived_lost"];
    of.sum("offered") - endings.iter().map(|name| of.sum(name)).sum::<f64>()
}

/// Whether a column is a maximum or percentile, which is empty where nothing was measured.
fn is_percentile(name: &str) -> bool {
    name == "wait_max_seconds"
        || ["_p50_", "_p90_", "_p95_", "_p99_"].iter().any(|p| name.contains(p))
}

/// Compares a cell with the expected value.
fn assert_cell(at: impl Fn() -> String, name: &str, cell: &str, expected: Option<f64>) {
    let found: Option<f64> =
        if cell.is_empty() { None } else { Some(cell.parse().expect("a number")) };
    let allowed = match expected {
        Some(value) if name != "wait_max_seconds" && is_percentile(name) => {
            value * PERCENTILE_ERROR + 0.001
        }
        Some(value) => 1e-9 + value.abs() * 1e-9,
        None => 0.0,
    };
    let is_equal = match (found, expected) {
        (Some(found), Some(expected)) => (found - expected).abs() <= allowed,
        (found, expected) => found == expected,
    };
    assert!(is_equal, "{}: {name} is {found:?}, the truth is {expected:?}", at());
}

/// Compares a table of the ledger whose rows are not rows of queues. `named` are its labels that are
/// stored as ids of names.
fn assert_table(ledger: &Path, truth: &mut TruthRows, of: &str, table: &str, named: &[&str]) {
    let connection = rusqlite::Connection::open(ledger).expect("a ledger");
    let mut names = HashMap::new();
    let mut select = connection.prepare("SELECT id, name FROM names").expect("names");
    let pairs = select.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)));
    names.extend(pairs.expect("names").map(|pair| pair.expect("a name")));
    let mut select = connection.prepare(&format!("SELECT * FROM {table}")).expect("a table");
    let columns: Vec<String> = select.column_names().map(str::to_owned).collect();
    let mut rows = select.query([]).expect("rows");
    let mut count = 0;
    while let Some(row) = rows.next().expect("a row") {
        let value = |name: &str| -> i64 { row.get(name).expect("a number") };
        let label = |name: &&str| match named.contains(name) {
            true => names[&value(name)].clone(),
            false => value(name).to_string(),
        };
        let start_ms = value("start_ms");
        let labels: Vec<String> = labels_of(of).iter().map(label).collect();
        let numbers = Numbers::take(truth, of, start_ms, labels.clone());
        let is_number = |name: &&String| *name != "start_ms" && !labels_of(of).contains(&&***name);
        for name in columns.iter().filter(is_number) {
            let (found, known) = match name.strip_suffix("_ms") {
                Some(time) => (value(name) as f64 / 1000.0, format!("{time}_seconds")),
                None => (value(name) as f64, name.clone()),
            };
            let known = if of == "agents" { format!("agent_{known}") } else { known };
            let expected = numbers.sum(&known);
            let at = format!("{of} {start_ms} {labels:?} {known}");
            assert!((found - expected).abs() < 1e-6, "{at} is {found}, the truth is {expected}");
        }
        count += 1;
    }
    assert!(count > 10, "{table} has {count} rows");
}

/// A period that was simulated and replayed.
struct Replayed {
    folder: tempfile::TempDir,
    to: String,
}

impl Replayed {
    fn new(days: u32) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let config = format!("[ledger]\npath = {:?}\n", text(&path("year.db")));
        std::fs::write(path("nabiz.toml"), config).expect("written");
        let began = Instant::now();
        let duration = format!("{days}d");
        let mut simulate = nabiz(&["simulate", "--output", "-", "--duration", &duration])
            .args(["--truth", text(&path("truth.json"))])
            .args(["--history-truth", text(&path("history.ndjson"))])
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        let events = simulate.stdout.take().expect("standard output");
        let replay = nabiz(&["replay", "-", "--simulated", "--strict"])
            .args(["--ledger", text(&path("year.db"))])
            .stdin(events)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs");
        succeed(replay, "replay");
        succeed(simulate, "simulate");
        let bytes = std::fs::metadata(path("year.db")).expect("a ledger").len();
        report!(
            "history: {days} days simulated and replayed in {:.1} s, ledger {:.1} MiB",
            began.elapsed().as_secs_f64(),
            bytes as f64 / f64::from(1 << 20)
        );
        let start: jiff::Timestamp = "2026-01-05T00:00:00+03:00".parse().expect("a time");
        let end = start + jiff::SignedDuration::from_hours(24 * i64::from(days));
        Replayed { folder, to: end.to_string() }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Calls `row` with the header and each row of a history.
    fn history(&self, options: &[&str], mut row: impl FnMut(&StringRecord, &StringRecord)) -> u64 {
        let began = Instant::now();
        let mut child = nabiz(&["history", "--format", "csv"])
            .args(["--from", "2026-01-05T00:00:00+03:00", "--to", &self.to])
            .args(["--config", text(&self.path("nabiz.toml"))])
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut reader = csv::Reader::from_reader(child.stdout.take().expect("standard output"));
        let header = reader.headers().expect("a header").clone();
        let mut rows = 0;
        for record in reader.records() {
            row(&header, &record.expect("a row"));
            rows += 1;
        }
        succeed(child, "history");
        report!(
            "history {}: {rows} rows in {:.1} s",
            options.join(" "),
            began.elapsed().as_secs_f64()
        );
        rows
    }
}

fn start_ms(cell: &str) -> i64 {
    cell.parse::<jiff::Timestamp>().expect("a time").as_millisecond()
}

#[test]
fn history_says_what_the_simulator_counted_when_its_events_are_replayed() {
    let _shared = serial::shared();
    let days = std::env::var("NABIZ_HISTORY_DAYS").ok().and_then(|days| days.parse().ok());
    let replayed = Replayed::new(days.unwrap_or(2));
    let mut truth = read_truth(&replayed.path("history.ndjson"));
    let rows = replayed.history(&["--step", "15m"], |header, record| {
        let cell = |name: &str| {
            header.iter().position(|known| known == name).map_or("", |index| &record[index])
        };
        let (start, queue, channel) = (cell("start"), cell("queue"), cell("channel"));
        let mut take = |of: &str, labels: &[&str]| {
            let labels = labels.iter().map(|label| (*label).to_owned()).collect();
            Numbers::take(&mut truth, of, start_ms(start), labels)
        };
        let of = take("visits", &[queue, channel]);
        let is_open = cell("open") == "true";
        let has_agents = !cell("agent_available_seconds").is_empty();
        let agents = if has_agents { take("queue_agents", &[queue]) } else { Numbers(Value::Null) };
        for (name, cell) in header.iter().zip(record) {
            let expected = expected_visits(name, &of, &agents);
            let is_of_agents = name.starts_with("agent_") || name == "occupancy";
            // An open row does not say a level that can still change.
            let is_unsaid = name == "service_level_arrival" && is_open && cell.is_empty();
            if !DESCRIPTION.contains(&name) && (has_agents || !is_of_agents) && !is_unsaid {
                assert_cell(|| format!("{start} {queue} {channel}"), name, cell, expected);
            }
        }
    });
    assert!(rows > 500, "{rows} rows");
    let ledger = replayed.path("year.db");
    for (of, table, named) in [
        ("arrivals", "arrival_intervals", &["channel", "entry_point"][..]),
        ("units", "unit_intervals", &["unit"]),
        ("scores", "score_intervals", &["queue", "channel"]),
        ("pauses", "pause_intervals", &["reason"]),
        ("agents", "head_intervals", &[]),
    ] {
        assert_table(&ledger, &mut truth, of, table, named);
    }
    assert!(truth.is_empty(), "the history has no row of {:?}", truth.keys().collect::<Vec<_>>());
    replayed.history(&["--step", "30m"], |_, _| {});
}
