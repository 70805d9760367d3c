//! `nabiz history year`: the headline of a year.

use std::path::Path;
use std::process::{Command, Output};

use nabiz_core::time::Timestamp;
use serde_json::Value;

use super::api::{get, server};
use super::fixture::{FACT, Fact, Fixture, Kind, ms};
use crate::harness::serial;

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nabiz"));
    command.current_dir(folder).args(["history", "year"]).args(arguments).output().expect("run")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

/// A ledger with a call at each end of 2026 and some between, and one in each year beside it.
fn fixture() -> Fixture {
    let mut fixture = Fixture::new("");
    let mut facts = Vec::new();
    for (time, seconds) in [
        ("2025-12-31T23:45:00+03:00", 500),
        ("2026-01-01T00:00:00+03:00", 10),
        ("2026-06-01T12:00:00+03:00", 20),
        ("2026-12-31T23:59:00+03:00", 60),
        ("2027-01-01T00:00:00+03:00", 500),
    ] {
        let call = Fact { time_ms: ms(time), duration_ms: seconds * 1_000, ..FACT };
        facts.extend([call, Fact { queue: "billing", channel: "chat", ..call }]);
        facts.push(Fact { kind: Kind::Abandoned, ..call });
    }
    fixture.add_facts(&facts);
    fixture.sql(
        "UPDATE intervals SET offered = answered + abandoned, service_level_met = answered,
             service_level_missed = abandoned, surveys = 2, survey_score_sum = 9;
         UPDATE intervals SET arrived_answered_in_target = 1
             WHERE channel = (SELECT id FROM names WHERE name = 'phone')
             AND start_ms = unixepoch('2026-06-01T09:00:00Z') * 1000;
         UPDATE intervals SET first_responses = 4, first_response_sum_ms = 12000,
                 first_responses_in_target = 3
             WHERE channel = (SELECT id FROM names WHERE name = 'chat');
         INSERT INTO names (name) VALUES ('main'), ('roads'), ('email');
         INSERT INTO arrival_intervals SELECT start_ms, channel, id, 7, 2, 4, 1, 0
             FROM intervals, (SELECT id FROM names WHERE name = 'main');
         INSERT INTO arrival_intervals SELECT start_ms, e.id, m.id, 5, 0, 0, 0, 0
             FROM (SELECT DISTINCT start_ms FROM intervals), names AS e, names AS m
             WHERE e.name = 'email' AND m.name = 'main';
         INSERT INTO unit_intervals SELECT start_ms, id, 3, 2, 1, 90000
             FROM (SELECT DISTINCT start_ms FROM intervals), names WHERE name = 'roads'",
    );
    fixture
}

/// Returns the value of a measure and channel.
fn value(rows: &Value, measure: &str, channel: Option<&str>) -> Option<f64> {
    let found = rows
        .as_array()
        .expect("an array")
        .iter()
        .find(|row| row["measure"] == measure && row["channel"].as_str() == channel);
    found.unwrap_or_else(|| panic!("no {measure} of {channel:?}"))["value"].as_f64()
}

#[test]
fn headline_sums_up_the_business_days_of_a_year() {
    let _shared = serial::shared();
    let fixture = fixture();
    let output = run(fixture.folder(), &["2026", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let rows: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let phone = Some("phone");
    for (measure, channel, expected) in [
        ("contacts", phone, 21.0),
        ("self_service_contained", phone, 6.0),
        ("self_service_share", phone, 6.0 / 21.0),
        ("offered", phone, 6.0),
        ("answered", phone, 3.0),
        ("service_level", phone, 0.5),
        ("asa_seconds", phone, 30.0),
        ("abandonment", phone, 0.5),
        ("contacts", Some("chat"), 21.0),
        ("contacts", Some("email"), 15.0),
        ("first_responses", Some("chat"), 12.0),
        ("first_responses_in_target", Some("chat"), 9.0),
        ("first_response_mean_seconds", Some("chat"), 3.0),
        ("followups_opened", None, 9.0),
        ("followups_informed", None, 6.0),
        ("followup_mean_seconds", None, 90.0),
        ("surveys", None, 12.0),
        ("survey_score_mean", None, 4.5),
    ] {
        let found = value(&rows, measure, channel);
        let is_near = found.is_some_and(|found| (found - expected).abs() < 1e-9);
        assert!(is_near, "{measure} of {channel:?}: {found:?} is not {expected}");
    }
    // Calls of the year can still be answered in target.
    assert_eq!(value(&rows, "service_level_arrival", phone), None);
    let p90 = value(&rows, "wait_p90_seconds", phone).expect("a quantile");
    assert!((p90 - 60.0).abs() <= 0.6, "{p90}");
    assert_eq!(
        (&rows[0]["start"], &rows[0]["open"]),
        (&"2026-01-01T00:00:00+03:00".into(), &true.into())
    );
    // The API gives the same.
    let server = server(&fixture);
    let answer = get(&server, "/api/v1/history?year=2026", "*/*");
    assert_eq!(answer.body, text(&output.stdout));
    let csv = run(fixture.folder(), &["2026", "--format", "csv"]);
    assert_eq!(get(&server, "/api/v1/history?year=2026&format=csv", "*/*").body, text(&csv.stdout));
    for (query, expected) in [
        ("year=2026&from=2026-01-01", "year: expected without from and to"),
        ("year=2026&step=1d", "year: expected without a step"),
        ("year=26", "year: expected a year such as 2026"),
    ] {
        let answer = get(&server, &format!("/api/v1/history?{query}"), "*/*");
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.body.contains(expected), "{query}: {}", answer.body);
    }
}

#[test]
fn headline_is_a_table_for_people() {
    let _shared = serial::shared();
    let mut fixture = fixture();
    let output = run(fixture.folder(), &["2026"]);
    let lines: Vec<&str> = text(&output.stdout).lines().collect();
    assert!(lines[0].starts_with("measure ") && lines[1].starts_with("contacts* "), "{lines:?}");
    let of = |output: &Output, measure: &str| -> Vec<String> {
        let line = text(&output.stdout).lines().find(|line| line.starts_with(measure));
        line.expect("a line").split_whitespace().map(str::to_string).collect()
    };
    assert_eq!(of(&output, "self_service_share"), ["self_service_share*", "phone", "28.6%"]);
    // A year is closed once it has been read past its end.
    fixture.advance(99, Timestamp(ms("2027-01-01T00:01:00+03:00")));
    let output = run(fixture.folder(), &["2026"]);
    assert_eq!(of(&output, "asa_seconds"), ["asa_seconds", "phone", "30.0s"]);
    assert_eq!(text(&output.stderr), "");
    // The last call can be answered in target for T longer.
    let by_arrival = ["service_level_arrival", "phone", "not", "known"];
    assert_eq!(of(&output, "service_level_arrival"), by_arrival);
    fixture.advance(99, Timestamp(ms("2027-01-01T00:01:20+03:00")));
    let output = run(fixture.folder(), &["2026"]);
    let by_arrival = ["service_level_arrival", "phone", "16.7%"];
    assert_eq!(of(&output, "service_level_arrival"), by_arrival);
    // The year in which the ledger begins.
    let output = run(fixture.folder(), &["2025"]);
    let begins = "the history begins at 2025-12-31T23:45:00+03:00";
    assert!(text(&output.stderr).contains(begins), "{}", text(&output.stderr));
    assert_eq!(of(&output, "answered"), ["answered", "phone", "1"]);
    let output = run(fixture.folder(), &["2020"]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), ""));
    assert!(text(&output.stderr).contains("no history in this year"));
    assert_eq!(run(fixture.folder(), &["twenty"]).status.code(), Some(2));
}

#[test]
fn headline_is_not_known_where_an_older_program_has_counted() {
    let _shared = serial::shared();
    let fixture = fixture();
    let since = ms("2026-02-01T00:00:00+03:00");
    fixture.sql(&format!("INSERT INTO facts VALUES ('further_since_ms', {since})"));
    let output = run(fixture.folder(), &["2026", "--format", "json"]);
    let rows: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    for (measure, channel) in [
        ("contacts", Some("phone")),
        ("self_service_share", Some("phone")),
        ("followups_opened", None),
    ] {
        assert_eq!(value(&rows, measure, channel), None, "{measure}");
    }
    assert_eq!(value(&rows, "answered", Some("phone")), Some(3.0));
    let table = run(fixture.folder(), &["2026"]);
    let first = text(&table.stdout).lines().nth(1).expect("a row");
    assert!(first.starts_with("contacts* ") && first.ends_with(" not known"), "{first}");
}
