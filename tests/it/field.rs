//! Small inputs from the field as `nabiz replay` shows them, with the right values of
//! `tests/data/field/README.md`. The core has the same table, in other words, for the oracle.

use std::path::Path;
use std::process::Command;

use nabiz_dev::scrape::Scrape;

use crate::harness::serial;

/// Returns the metrics of a replay to the largest event time, or to `at`.
fn replayed(file: &str, at: Option<&str>) -> Scrape {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/field").join(file);
    let mut command = Command::new(env!("CARGO_BIN_EXE_nabiz"));
    command.arg("replay").arg(path);
    if file.ends_with(".log") {
        command.args(["--format", "asterisk_queue_log"]);
    }
    command.args(at.into_iter().flat_map(|at| ["--at", at]));
    let output = command.output().expect("the replay runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{file}: {errors}");
    Scrape::parse(std::str::from_utf8(&output.stdout).expect("UTF-8"))
}

/// A sum of samples: the short name of the metric, labels as `name=value` with spaces between, and
/// the right value.
type Row = (&'static str, &'static str, f64);

/// Compares the sums of a replay with the right values.
fn check(file: &str, at: Option<&str>, rows: &[Row]) {
    let found = replayed(file, at);
    for (metric, labels, expected) in rows {
        let labels: Vec<(&str, &str)> =
            labels.split_terminator(' ').map(|label| label.split_once('=').expect("=")).collect();
        let sum = found.sum(&format!("nabiz_{metric}"), &labels);
        assert_eq!(sum, *expected, "{file}: {metric} {labels:?}");
    }
}

#[test]
fn replay_shows_the_right_values_when_asterisk_writes_twice_or_too_little() {
    let _shared = serial::shared();
    check(
        "01-agentdump-then-connect.log",
        Some("2026-01-05T08:02:52Z"),
        &[
            ("visits_offered_total", "", 1.0),
            ("visits_answered_total", "", 1.0),
            ("wait_seconds_sum", "outcome=answered", 12.0),
            ("visits_answered_in_target_total", "", 1.0),
            ("service_level_met_total", "", 1.0),
            ("visits_left_total", "", 0.0),
            ("not_answered_total", "", 2.0),
            ("agent_seconds_total", "queue=fault state=busy", 100.0),
        ],
    );
    check(
        "02-agentdump-then-abandon.log",
        None,
        &[
            ("visits_abandoned_total", "", 1.0),
            ("wait_seconds_sum", "outcome=abandoned", 40.0),
            ("visits_left_total", "reason=timeout", 1.0),
            ("visits_left_total", "", 1.0),
            ("service_level_missed_total", "", 2.0),
        ],
    );
    check(
        "03-two-abandon-lines.log",
        None,
        &[
            ("visits_offered_total", "", 4.0),
            ("visits_abandoned_total", "", 3.0),
            ("wait_seconds_sum", "outcome=abandoned", 21.0),
            ("visits_left_total", "reason=withdrawn", 1.0),
        ],
    );
    check("15-trailing-pipes.log", None, &[("handle_seconds_sum", "", 240.0)]);
    check(
        "20-lost-is-remembered.log",
        None,
        &[
            ("visits_offered_total", "", 2.0),
            ("visits_lost_total", "", 1.0),
            ("visits_abandoned_total", "", 0.0),
            ("service_level_missed_total", "", 2.0),
        ],
    );
    check(
        "24-complete-without-connect.log",
        None,
        &[
            ("visits_answered_total", "", 1.0),
            ("wait_seconds_sum", "outcome=answered", 12.0),
            ("service_level_met_total", "", 1.0),
            ("service_level_missed_total", "", 0.0),
            ("handle_seconds_sum", "", 6.0),
            ("visits_lost_total", "", 0.0),
        ],
    );
}

#[test]
fn replay_shows_the_right_values_when_agents_hold_calls() {
    let _shared = serial::shared();
    check(
        "10-crash-in-conversation.log",
        Some("2026-01-05T08:16:01Z"),
        &[
            ("visits_lost_total", "queue=sales", 1.0),
            ("in_service", "queue=sales", 0.0),
            ("agents", "queue=sales state=busy", 0.0),
            ("agents", "queue=sales state=available", 2.0),
            ("handle_seconds_count", "queue=sales", 0.0),
            ("agent_seconds_total", "queue=sales state=busy", 79.0),
        ],
    );
    check(
        "12-ringinuse-two-calls.log",
        Some("2026-01-05T08:02:42Z"),
        &[
            ("agents", "queue=q1 state=busy", 1.0),
            ("in_service", "queue=q1", 1.0),
            ("agent_seconds_total", "queue=q1 state=busy", 90.0),
            ("agent_seconds_total", "queue=q1 state=available", 12.0),
        ],
    );
    check(
        "21-unpause-after-logoff.log",
        Some("2012-01-01T09:26:11Z"),
        &[
            ("agent_seconds_total", "state=available", 900.0),
            ("agents", "state=offline", 1.0),
            ("agents", "state=available", 0.0),
        ],
    );
}

#[test]
fn replay_shows_the_right_values_when_a_contact_has_two_conversations_or_none() {
    let _shared = serial::shared();
    check(
        "22-end-of-another-queue.ndjson",
        None,
        &[
            ("handle_seconds_sum", "queue=p", 71.0),
            ("handle_seconds_sum", "queue=q", 25.0),
            ("in_service", "", 0.0),
        ],
    );
    check(
        "23-resolved-without-reply.ndjson",
        None,
        &[("contacts_started_total", "channel=petition", 2.0)],
    );
    check(
        "25-channel-of-handle-time.ndjson",
        None,
        &[
            ("handle_seconds_sum", "queue=p channel=phone", 60.0),
            ("handle_seconds_sum", "channel=chat", 0.0),
        ],
    );
}
