//! Plans of a simulated centre: the command, the API and the page.

mod page;
mod weeks;

use std::io::Write;
use std::net::TcpStream;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use nabiz::http::HistorySource;
use nabiz::plan::PlanningSettings;
use serde_json::Value;
use std::sync::Arc;

use crate::harness::numbers::{published, snapshot};
use crate::harness::serial;
use crate::harness::server::Server;
use crate::history::fixture::parse_csv;
use weeks::{Weeks, weeks};

fn run(command: &str, arguments: &[&str]) -> Output {
    let mut nabiz = Command::new(env!("CARGO_BIN_EXE_nabiz"));
    nabiz.current_dir(&weeks().folder).arg(command).args(arguments).output().expect("run")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

/// Returns the days from which to which the last week of the ledger is.
fn last_week() -> (String, String) {
    (Weeks::date(7 * (weeks::WEEKS - 1)), Weeks::date(7 * weeks::WEEKS))
}

fn plan_json(arguments: &[&str]) -> Value {
    let output = run("plan", &[arguments, &["--format", "json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn server() -> Server {
    let weeks = weeks();
    let config = &weeks.config;
    let source = HistorySource::new(
        config.ledger.path.clone(),
        Arc::new(config.settings()),
        config.ledger.interval,
        Vec::new(),
    )
    .planning_by(Arc::new(PlanningSettings::of(config)));
    Server::with_history(published(snapshot(), true), source)
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is not a number"))
}

/// Returns the plan of a queue.
fn queue<'a>(plan: &'a Value, id: &str) -> &'a Value {
    let queues = plan["queues"].as_array().expect("queues");
    queues.iter().find(|queue| queue["queue"] == id).unwrap_or_else(|| panic!("no {id}"))
}

#[test]
fn plan_of_a_past_week_has_what_the_history_has_and_a_forecast_near_to_it() {
    let _shared = serial::shared();
    let (from, to) = last_week();
    let plan = plan_json(&["--from", &from, "--to", &to]);
    assert_eq!(plan["learned_until"], from.as_str());
    let fault = queue(&plan, "fault");
    assert_eq!(fault["name"], "Arıza Bildirim");

    let history = run(
        "history",
        &["--from", &from, "--to", &to, "--step", "30m", "--queue", "fault", "--format", "json"],
    );
    let history: Value = serde_json::from_slice(&history.stdout).expect("JSON");
    let offered = |rows: &Value, start: &str| {
        let rows = rows.as_array().expect("rows");
        let row = rows.iter().find(|row| row["start"] == start);
        row.map_or(0.0, |row| number(&row["offered"]))
    };
    let steps = fault["steps"].as_array().expect("steps");
    assert_eq!(steps.len(), 7 * 48);
    let (mut came, mut reached) = (0.0, 0);
    for step in steps {
        let start = step["start"].as_str().expect("a time");
        assert_eq!(number(&step["offered"]), offered(&history, start), "{start}");
        came += number(&step["offered"]);
        let agents = step["agents"].as_u64().expect("agents");
        if agents > 0 {
            // The least number that reaches the goal: one fewer misses a part of it.
            let level = number(&step["service_level"]);
            let abandonment = number(&step["abandonment"]);
            assert!(level >= 0.8 - 1e-4 && abandonment <= 0.05 + 1e-4, "{step}");
            let fewer = &step["service_level_one_fewer"];
            let is_missed = fewer.is_null()
                || number(fewer) < 0.8
                || number(&step["abandonment_one_fewer"]) > 0.05;
            assert!(is_missed, "{step}");
            reached += 1;
        }
    }
    assert!(reached > 100 && came > 500.0, "{reached} steps, {came} calls");
    let (wape, floor) = (number(&fault["basis"]["wape"]), number(&fault["basis"]["wape_floor"]));
    assert!(wape / floor < 1.3, "an error of {wape}, where chance alone makes {floor}");
    let days: f64 =
        fault["days"].as_array().expect("days").iter().map(|it| number(&it["offered"])).sum();
    assert_eq!(days, came);
}

#[test]
fn csv_and_json_of_a_plan_have_the_same_numbers_and_the_api_gives_them_too() {
    let _shared = serial::shared();
    let (from, to) = (Weeks::date(21), Weeks::date(23));
    let arguments = ["--from", &from, "--to", &to, "--volume", "+10%", "--agents", "+1"];
    let plan = plan_json(&arguments);
    let csv = run("plan", &[&arguments[..], &["--format", "csv"]].concat());
    let records = parse_csv(text(&csv.stdout));
    let (header, rows) = records.split_first().expect("a header");
    let objects: Vec<(&Value, &Value)> = plan["queues"]
        .as_array()
        .expect("queues")
        .iter()
        .flat_map(|queue| {
            queue["steps"].as_array().expect("steps").iter().map(move |it| (queue, it))
        })
        .collect();
    assert_eq!(rows.len(), objects.len());
    for (row, (queue, step)) in rows.iter().zip(objects) {
        for (name, cell) in header.iter().zip(row) {
            let value = if ["queue", "channel"].contains(&name.as_str()) {
                &queue[name]
            } else {
                &step[name]
            };
            match value {
                Value::Null => assert_eq!(cell, "", "{name}"),
                Value::Number(number) => assert_eq!(cell.parse().ok(), number.as_f64(), "{name}"),
                Value::String(text) => assert_eq!(cell, text, "{name}"),
                other => assert_eq!(cell, &other.to_string(), "{name}"),
            }
        }
    }
    let server = server();
    let address = format!("/api/v1/plan?from={from}&to={to}&volume=%2B10%25&agents=%2B1");
    let get = |address: &str| {
        let mut answer = ureq::get(server.url(address)).call().expect("an answer");
        answer.body_mut().read_to_string().expect("a text")
    };
    let answered: Value = serde_json::from_str(&get(&address)).expect("JSON");
    assert_eq!(answered, plan);
    assert_eq!(get(&format!("{address}&format=csv")), text(&csv.stdout));
}

#[test]
fn table_of_a_plan_says_what_it_goes_by() {
    let _shared = serial::shared();
    let (from, to) = (Weeks::date(21), Weeks::date(22));
    let day = run("plan", &["--from", &from, "--to", &to, "--queue", "600"]);
    assert_eq!(day.status.code(), Some(0), "{}", text(&day.stderr));
    let table = text(&day.stdout);
    assert!(
        table.starts_with("Arıza Bildirim (fault), phone\n  learned from 21 days, "),
        "{table}"
    );
    for expected in
        ["handle time ", "target 80 % within 20 s", "12.0 % absent", "forecast", "pauses"]
    {
        assert!(table.contains(expected), "{expected} is not in\n{table}");
    }
    let week = run("plan", &["--from", &from, "--queue", "fault"]);
    let lines: Vec<&str> = text(&week.stdout).lines().collect();
    let header = lines.iter().find(|line| line.trim_start().starts_with("agents")).expect("a week");
    assert_eq!(header.split_whitespace().count(), 1 + 2 * 7, "{header}");
    let unknown = run("plan", &["--from", &from, "--queue", "nowhere"]);
    assert!(text(&unknown.stderr).contains("there is no history to learn from"));
}

#[test]
fn arguments_of_a_plan_are_refused_with_what_is_allowed() {
    let _shared = serial::shared();
    for (arguments, expected) in [
        (vec!["--from", "monday"], "--from: expected a date"),
        (vec!["--volume", "much"], "--volume: expected a factor"),
        (vec!["--step", "1d"], "--step: expected 15m, 30m, 1h"),
        (vec!["--channel", "phne"], "did you mean phone"),
    ] {
        let output = run("plan", &arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
    }
    let server = server();
    for (query, expected) in [
        ("from=monday", "from: expected a date"),
        ("volume=0", "volume: expected a factor"),
        ("simulate=yes", "simulate: expected true or false"),
        ("when=now", "unknown parameter \\\"when\\\""),
        ("from=2026-01-05&from=2026-01-05", "from: expected once"),
    ] {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        let mut answer =
            agent.get(server.url(&format!("/api/v1/plan?{query}"))).call().expect("an answer");
        let body = answer.body_mut().read_to_string().expect("a text");
        assert_eq!(answer.status().as_u16(), 400, "{query}");
        assert!(body.contains(expected), "{query}: {body}");
    }
}

#[test]
fn simulated_plan_reaches_what_it_expects_and_names_its_error() {
    let _shared = serial::shared();
    let (from, to) = (Weeks::date(22), Weeks::date(23));
    let plan = plan_json(&["--from", &from, "--to", &to, "--queue", "fault", "--simulate"]);
    let fault = queue(&plan, "fault");
    let simulated = &fault["simulated"];
    let steps = fault["steps"].as_array().expect("steps");
    let (mut expected, mut contacts) = (0.0, 0.0);
    for step in steps.iter().filter(|step| !step["service_level"].is_null()) {
        expected += number(&step["service_level"]) * number(&step["forecast"]);
        contacts += number(&step["forecast"]);
    }
    let expected = expected / contacts;
    let found = number(&simulated["service_level"]);
    assert!(number(&simulated["replications"]) >= 10.0);
    assert!((found - expected).abs() < 0.05, "simulated {found}, expected {expected}");
}

/// Returns the status and the body of an answer about a plan.
fn answer(server: &Server, query: &str) -> (u16, String) {
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    let address = server.url(&format!("/api/v1/plan?{query}"));
    let mut answer = agent.get(address).call().expect("an answer");
    let status = answer.status().as_u16();
    (status, answer.body_mut().read_to_string().expect("a text"))
}

#[test]
fn simulation_of_too_many_contacts_is_refused_over_http() {
    let _shared = serial::shared();
    let (from, to) = (Weeks::date(21), Weeks::date(49));
    let query = format!("from={from}&to={to}&queue=fault&volume=100&simulate=true");
    let (status, body) = answer(&server(), &query);
    assert_eq!(status, 400, "{body}");
    assert!(body.contains("would be simulated, expected at most 2000000"), "{body}");
}

#[test]
fn plan_ends_when_its_client_leaves_and_makes_room_for_the_next() {
    let _shared = serial::shared();
    let server = server();
    let from = Weeks::date(21);
    let long = format!("/api/v1/plan?from={from}&to={}&simulate=true", Weeks::date(49));
    let short = format!("from={from}&to={}&queue=fault", Weeks::date(22));
    let address = server.url("").replace("http://", "");
    let begin = || {
        let mut client = TcpStream::connect(&address).expect("connected");
        let head = format!("GET {long} HTTP/1.1\r\nHost: a\r\n\r\n");
        client.write_all(head.as_bytes()).expect("sent");
        std::thread::sleep(Duration::from_millis(200));
        client
    };
    // One plan at a time. On a busy machine the short one may come before the long one.
    let mut client = begin();
    let mut refused = answer(&server, &short);
    for _ in 0..10 {
        if refused.0 != 503 {
            client = begin();
            refused = answer(&server, &short);
        }
    }
    assert_eq!(refused.0, 503, "{}", refused.1);
    assert!(refused.1.contains("too many plans at once"), "{}", refused.1);
    drop(client);
    let left = Instant::now();
    while answer(&server, &short).0 == 503 {
        assert!(left.elapsed() < Duration::from_secs(5), "the plan goes on");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(answer(&server, &short).0, 200);
}
