//! The views of the history: their columns, their sums, and DuckDB, which reads them.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use nabiz_core::time::Timestamp;
use rusqlite::Connection;

use super::fixture::{Fact, Fixture, Kind, ms, parse_csv, query};
use crate::harness::serial;
use nabiz::ledger::history::{self, HistoryFormat, Layout, Query, Step};

const CONTRACT: &str = include_str!("../../../docs/spec/sql.md");
const GUIDE: &str = include_str!("../../../docs/guide/history.md");

fn fixture() -> Fixture {
    let mut fixture = Fixture::new("");
    let start_ms = ms("2026-01-05T09:00:00+03:00");
    let mut facts = Vec::new();
    for number in 0..90 {
        facts.push(Fact {
            time_ms: start_ms + number * 3_700_000,
            queue: ["billing", "fault"][(number % 2) as usize],
            channel: ["phone", "chat", "phone"][(number % 3) as usize],
            kind: [Kind::Answered, Kind::Abandoned, Kind::Handled][(number % 3) as usize],
            duration_ms: 1_000 + 777 * number as u64,
        });
        fixture.add_agents(start_ms + number * 900_000, "fault", [900, 800_500, 3_000, 7, 0]);
    }
    fixture.add_facts(&facts);
    fixture.sql(
        "UPDATE intervals SET offered = answered + abandoned, lost = 1;
         INSERT INTO facts (name, value) VALUES ('interval_ms', 900000)",
    );
    fixture.advance(99, Timestamp(start_ms + 10 * 86_400_000));
    fixture
}

/// Returns the columns of each view that the contract lists.
fn columns_of_contract() -> BTreeMap<String, Vec<String>> {
    let mut views: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut view = None;
    for line in CONTRACT.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            view = title.strip_prefix('`').and_then(|title| title.strip_suffix('`'));
        }
        let (Some(view), Some(row)) = (view, line.strip_prefix("| `")) else { continue };
        let names = row.split('|').next().expect("a cell");
        let columns = names.split('`').step_by(2).map(str::to_string);
        views.entry(view.to_string()).or_default().extend(columns);
    }
    views
}

#[test]
fn views_have_the_columns_of_the_contract_in_its_order() {
    let _shared = serial::shared();
    let fixture = fixture();
    let ledger = Connection::open(&fixture.path).expect("opened");
    let names = |sql: &str, of: &str| -> Vec<String> {
        let mut select = ledger.prepare(sql).expect("a statement");
        let rows = select.query_map([of], |row| row.get(0)).expect("rows");
        rows.collect::<Result<_, _>>().expect("names")
    };
    let views = names("SELECT name FROM sqlite_schema WHERE type = ?1 ORDER BY name", "view");
    let contract = columns_of_contract();
    assert_eq!(views, contract.keys().cloned().collect::<Vec<_>>());
    for (view, expected) in contract {
        let columns = names("SELECT name FROM pragma_table_info(?1)", &view);
        assert_eq!(columns, expected, "{view}");
    }
}

/// Returns the sum of each column of numbers of the history.
fn sums_of_history(fixture: &Fixture, query: Query) -> BTreeMap<String, f64> {
    let mut csv = Vec::new();
    let zone = fixture.settings.windows.business_day.zone();
    let rows = fixture.history(query);
    history::write_rows(rows, HistoryFormat::Csv, &Layout::default(), zone, &mut csv)
        .expect("written");
    let records = parse_csv(std::str::from_utf8(&csv).expect("UTF-8"));
    let (header, rows) = records.split_first().expect("a header");
    let sum = |index: usize| rows.iter().filter_map(|row| row[index].parse::<f64>().ok()).sum();
    header.iter().enumerate().map(|(index, name)| (name.clone(), sum(index))).collect()
}

#[test]
fn sums_of_the_views_are_those_of_the_history() {
    let _shared = serial::shared();
    let fixture = fixture();
    let (from_ms, to_ms) = (ms("2026-01-05T00:00:00Z"), ms("2026-01-12T00:00:00Z"));
    let expected = sums_of_history(&fixture, query(from_ms, to_ms, Step::QuarterHour));
    let ledger = Connection::open(&fixture.path).expect("opened");
    let mut compared = 0;
    for (view, columns) in columns_of_contract() {
        if !["history_intervals", "history_queue_agents"].contains(&view.as_str()) {
            continue;
        }
        for column in columns {
            // Agent time has another name beside counts.
            let name = match view.as_str() {
                "history_queue_agents" => format!("agent_{column}"),
                _ => column.clone(),
            };
            let is_sum = !name.starts_with("target_") && name != "wait_max_seconds";
            let Some(expected) = expected.get(&name).filter(|_| is_sum) else { continue };
            let sql = format!(
                "SELECT total({column}) FROM {view} WHERE start_epoch >= {} AND start_epoch < {}
                 AND start_time >= '2026-01-05T00:00:00Z' AND start_time < '2026-01-12T00:00:00Z'
                 AND length_seconds = 900",
                from_ms / 1000,
                to_ms / 1000
            );
            if ["queue", "channel"].contains(&column.as_str()) {
                continue;
            }
            let sum: f64 = ledger.query_row(&sql, [], |row| row.get(0)).expect("a sum");
            assert!((sum - expected).abs() < 1e-6, "{view}.{column}: {sum} is not {expected}");
            compared += usize::from(sum > 0.0);
        }
    }
    assert!(compared >= 10, "{compared} columns with numbers");
}

/// Returns the SQL blocks of the guide after a heading.
fn recipes() -> Vec<String> {
    let section = GUIDE.split("## In SQL").nth(1).expect("the section");
    let section = section.split("\n## ").next().expect("its text");
    let blocks = section.split("```sql\n").skip(1);
    blocks.map(|block| block.split("```").next().expect("its end").to_string()).collect()
}

/// Runs SQL with DuckDB in a folder, and returns the rows of the last statement.
fn duckdb(folder: &Path, sql: &str) -> Vec<Vec<serde_json::Value>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/duckdb");
    let mut child = Command::new(script)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the script starts");
    child.stdin.take().expect("a pipe").write_all(sql.as_bytes()).expect("sent");
    let output = child.wait_with_output().expect("ended");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).expect("UTF-8");
    lines.lines().map(|line| serde_json::from_str(line).expect("a row")).collect()
}

#[test]
#[ignore = "needs Python and DuckDB (make test)"]
fn duckdb_reads_the_views_by_the_recipe_of_the_guide() {
    let _shared = serial::shared();
    let fixture = fixture();
    let recipes = recipes();
    assert_eq!(recipes.len(), 3, "fetching, views, a question");
    let attach = &recipes[1];
    let sums = "SELECT sum(offered), sum(answered), sum(wait_sum_seconds), sum(handle_sum_seconds)
                FROM intervals";
    let rows = duckdb(fixture.folder(), &format!("{attach}{sums}"));
    let (from_ms, to_ms) = (ms("2026-01-05T00:00:00Z"), ms("2026-01-12T00:00:00Z"));
    let expected = sums_of_history(&fixture, query(from_ms, to_ms, Step::QuarterHour));
    let names = ["offered", "answered", "wait_sum_seconds", "handle_sum_seconds"];
    for (name, sum) in names.into_iter().zip(&rows[0]) {
        let sum = sum.as_f64().expect("a number");
        assert!((sum - expected[name]).abs() < 1e-6 && sum > 0.0, "{name}: {sum}");
    }
    let days = duckdb(fixture.folder(), &format!("{attach}{}", recipes[2]));
    let offered: f64 = days.iter().map(|day| day[2].as_f64().expect("a number")).sum();
    assert_eq!(offered, expected["offered"]);
    let queues: Vec<&str> = days.iter().filter_map(|day| day[1].as_str()).collect();
    assert!(queues.contains(&"billing") && queues.contains(&"fault"), "{days:?}");
}
