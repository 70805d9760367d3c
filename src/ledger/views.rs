//! Views of the history for SQL: plain names, seconds, times as text and as numbers.
//!
//! They are a contract (docs/spec/sql.md), unlike the tables below them. They are made again after
//! every migration, so that a new counter becomes a column without a definition of its own.

use nabiz_core::measures::{CohortCounts, WaitSums};

use super::counts;
use super::tables::{AGENT_COLUMNS, ARRIVALS, HEADS, PAUSES, SCORES, Table, UNITS};

/// The label that is a number and no name.
const SCORE: &str = "score";

/// A view of one table of the history.
struct View {
    name: &'static str,
    table: &'static str,
    labels: &'static [&'static str],
    numbers: Vec<&'static str>,
}

fn views() -> [View; 7] {
    let further = |name, table: Table| {
        let Table { name: table, labels, numbers } = table;
        View { name, table, labels, numbers: numbers.to_vec() }
    };
    let mut intervals = vec!["target_wait_ms", "target_ratio"];
    intervals.extend(counts::names());
    [
        View {
            name: "history_intervals",
            table: "intervals",
            labels: &["queue", "channel"],
            numbers: intervals,
        },
        View {
            name: "history_queue_agents",
            table: "agent_intervals",
            labels: &["queue"],
            numbers: AGENT_COLUMNS.to_vec(),
        },
        further("history_arrivals", ARRIVALS),
        further("history_units", UNITS),
        further("history_scores", SCORES),
        further("history_pauses", PAUSES),
        further("history_agents", HEADS),
    ]
}

/// Returns the statements that remove every view, without which a migration could not remove a
/// column that a view names.
pub(super) fn removal() -> String {
    views().iter().map(|view| format!("DROP VIEW IF EXISTS {};", view.name)).collect()
}

/// Returns the statements that make every view; none is there.
pub(super) fn definitions() -> String {
    views().iter().map(View::definition).collect()
}

/// Returns the expression of a number: NULL where an older program has begun to count the row.
fn known(column: &str) -> String {
    let is_newer = CohortCounts::NAMES.contains(&column)
        || WaitSums::NAMES.contains(&column)
        || ["first_responses_in_target", "resolutions_in_target"].contains(&column);
    match is_newer {
        true => format!(
            "CASE WHEN t.{} >= {} THEN t.{column} END",
            counts::COUNTED_SINCE,
            counts::COHORT_SINCE
        ),
        false => format!("t.{column}"),
    }
}

impl View {
    fn definition(&self) -> String {
        let View { name, table, .. } = self;
        let is_name = |label: &&&str| **label != SCORE;
        let joins: Vec<String> = self
            .labels
            .iter()
            .filter(is_name)
            .map(|label| format!(" JOIN names AS {label}_name ON {label}_name.id = t.{label}"))
            .collect();
        let labels = self.labels.iter().map(|label| match *label {
            SCORE => SCORE.to_string(),
            label => format!("{label}_name.name AS {label}"),
        });
        let numbers = self.numbers.iter().map(|column| match *column {
            "target_ratio" => "target_ratio AS target_service_level".to_string(),
            column => match column.strip_suffix("_ms") {
                Some(stem) => format!("{} / 1000.0 AS {stem}_seconds", known(column)),
                None => format!("{} AS {column}", known(column)),
            },
        });
        let columns: Vec<String> = labels.chain(numbers).collect();
        format!(
            "CREATE VIEW {name} AS SELECT
             strftime('%Y-%m-%dT%H:%M:%SZ', start_ms / 1000, 'unixepoch') AS start_time,
             start_ms / 1000 AS start_epoch,
             (SELECT value / 1000.0 FROM facts WHERE name = 'interval_ms') AS length_seconds,
             {} FROM {table} AS t{};",
            columns.join(", "),
            joins.concat()
        )
    }
}
