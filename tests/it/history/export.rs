//! Files for other programs: another layout of the columns, and suites of workforce management.

use std::path::Path;
use std::process::{Command, Output};

use nabiz_core::time::Timestamp;

use super::api::{get, server};
use super::fixture::{FACT, Fact, Fixture, Kind, ms, parse_csv};
use crate::harness::serial;

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nabiz"));
    command.current_dir(folder).arg("history").args(arguments).output().expect("run")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

/// A ledger that is known from 5 January at midnight for 20 days.
fn fixture() -> Fixture {
    let mut fixture = Fixture::new("");
    let start_ms = ms("2026-01-05T00:00:00+03:00");
    let mut facts = Vec::new();
    for number in 0..200 {
        let time_ms = start_ms + number * number * 40_000;
        let queue = ["billing", "=fault, \"x\""][(number % 2) as usize];
        facts.push(Fact { time_ms, queue, ..FACT });
        facts.push(Fact {
            time_ms,
            queue,
            channel: "chat",
            kind: Kind::Handled,
            duration_ms: 100_700,
        });
    }
    fixture.add_facts(&facts);
    fixture.sql("UPDATE intervals SET offered = answered");
    fixture.advance(99, Timestamp(start_ms + 20 * 86_400_000));
    fixture
}

const PERIOD: [&str; 4] = ["--from", "2026-01-05", "--to", "2026-01-20"];
const LAYOUT: [(&str, &str); 6] = [
    (
        "columns",
        "'15'=Length,start:%d.%m.%Y=Date,start:%H:%M=Time,queue=Queue,offered=Calls,\
         aht_seconds:1=AHT,open",
    ),
    ("header", "no"),
    ("separator", ";"),
    ("empty", "0"),
    ("times", "utc"),
    ("step", "1d"),
];

#[test]
fn layout_gives_columns_another_order_names_and_form() {
    let _shared = serial::shared();
    let fixture = fixture();
    let options: Vec<String> = LAYOUT
        .into_iter()
        .flat_map(|(name, value)| [format!("--{name}"), value.to_string()])
        .collect();
    let mut arguments = PERIOD.to_vec();
    arguments.extend(["--channel", "phone"]);
    arguments.extend(options.iter().map(String::as_str));
    let csv = run(fixture.folder(), &[&arguments[..], &["--format", "csv"]].concat());
    assert_eq!(csv.status.code(), Some(0), "{}", text(&csv.stderr));
    let first: Vec<&str> = text(&csv.stdout).lines().take(2).collect();
    assert_eq!(
        first,
        [
            r#"15;04.01.2026;21:00;"'=fault, ""x""";23;0;false"#,
            "15;04.01.2026;21:00;billing;24;0;false",
        ]
    );
    // The API gives the same.
    let query: Vec<String> = LAYOUT
        .into_iter()
        .chain([("from", "2026-01-05"), ("to", "2026-01-20"), ("channel", "phone")])
        .map(|(name, value)| format!("{name}={}", value.replace('%', "%25").replace(';', "%3B")))
        .collect();
    let server = server(&fixture);
    let path = format!("/api/v1/history?{}", query.join("&").replace(' ', ""));
    let answer = get(&server, &path, "text/csv");
    assert_eq!(answer.body, text(&csv.stdout));
    let json = run(fixture.folder(), &[&arguments[..], &["--format", "json"]].concat());
    let rows: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    let expected = serde_json::json!({
        "Length": "15", "Date": "04.01.2026", "Time": "21:00", "Queue": "billing",
        "Calls": 24, "AHT": null, "open": false,
    });
    assert_eq!(rows[1], expected);
}

#[test]
fn layout_error_names_the_parameter_and_what_is_allowed() {
    let _shared = serial::shared();
    let fixture = fixture();
    let server = server(&fixture);
    for (name, value, expected) in [
        ("columns", "start,ofered", "a column of the rows, found \"ofered\"; did you mean offered"),
        ("columns", "start:%25!", "expected after :"),
        ("separator", "x", "expected one of"),
        ("header", "maybe", "expected yes or no"),
        ("times", "here", "expected local or utc"),
        ("by", "team", "expected queue, channel, all"),
        ("fill", "closed", "expected all, open"),
        ("profile", "day", "expected week"),
        ("step", "1w&profile=week", "expected a step of a day at most"),
        ("format", "wfm-eleveo&step=1h", "expected 15m"),
        ("format", "wfm-eleveo&by=channel", "expected queue or nothing"),
        ("format", "wfm-eleveo&fill=open", "expected all or nothing"),
    ] {
        let path = format!("/api/v1/history?from=2026-01-05&to=2026-01-20&{name}={value}");
        let answer = get(&server, &path, "text/csv");
        assert_eq!(answer.status, 400, "{path}");
        let body = answer.body.replace("\\\"", "\"");
        assert!(body.contains(expected), "{path}: {body}");
        let parameter = match value.split_once('&') {
            Some((_, other)) => other.split_once('=').expect("a value").0,
            None => name,
        };
        if !value.contains("profile") {
            assert!(body.contains(&format!("\"{parameter}: ")), "{path}: {body}");
        }
    }
    for (arguments, expected) in [
        (&["--columns", "start"][..], "--columns, --header"),
        (&["--into", "files"], "--into: expected --format csv"),
        (&["--columns", "strat", "--format", "csv"], "--columns: expected a column"),
    ] {
        let output = run(fixture.folder(), &[&PERIOD[..], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
    }
}

#[test]
fn eleveo_file_has_every_quarter_of_an_hour_in_utc() {
    let _shared = serial::shared();
    let fixture = fixture();
    let eleveo = [&PERIOD[..], &["--format", "wfm-eleveo"]].concat();
    let output = run(fixture.folder(), &eleveo);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let csv = text(&output.stdout);
    assert!(!csv.contains('\r'));
    assert!(csv.starts_with("\"=fault, \"\"x\"\"\",2026-01-04T21:00:00Z,"), "{csv:.60}");
    let records = parse_csv(&csv.replace('\n', "\r\n"));
    assert_eq!(records.len(), 15 * 96 * 2);
    let (mut offered, mut handled) = (0, 0);
    for (index, record) in records.iter().enumerate() {
        assert_eq!(record.len(), 4);
        assert_eq!(record[0], ["=fault, \"x\"", "billing"][index % 2]);
        let start_ms = ms("2026-01-05T00:00:00+03:00") + (index / 2) as i64 * 900_000;
        assert_eq!(ms(&record[1]), start_ms);
        assert_eq!(record[1].len(), "2026-01-04T21:00:00Z".len());
        offered += record[2].parse::<u64>().expect("a count");
        let aht = record[3].parse::<u64>().expect("whole seconds");
        assert!(aht == 0 || aht == 101, "{aht}");
        handled += u64::from(aht > 0);
    }
    // 180² times 40 seconds are 15 days.
    assert_eq!(offered, 180);
    assert!(handled > 150, "{handled}");
    let server = server(&fixture);
    let path = "/api/v1/history?from=2026-01-05&to=2026-01-20&format=wfm-eleveo";
    assert_eq!(get(&server, path, "*/*").body, csv);
    // What is not known is not zero.
    for (from, to, expected) in [
        ("2026-01-04", "2026-01-20", "--from: expected a period that is known"),
        ("2026-01-05", "2026-02-01", "--to: expected a period that is known"),
        ("2026-01-05", "2026-01-19", "--to: expected at least 15 days"),
    ] {
        let arguments = ["--from", from, "--to", to, "--format", "wfm-eleveo"];
        let output = run(fixture.folder(), &arguments);
        assert_eq!(output.status.code(), Some(2), "{from} {to}");
        assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
    }
}

#[test]
fn files_of_an_export_are_bounded_and_hold_whole_records() {
    let _shared = serial::shared();
    // Long names make long records.
    let queues: Vec<String> = (0..9).map(|number| format!("{number}{}", "x".repeat(200))).collect();
    let toml: Vec<String> =
        queues.iter().map(|queue| format!("[queues.{queue}]\nchannel = 'phone'\n")).collect();
    let mut fixture = Fixture::new(&toml.concat());
    let start_ms = ms("2026-01-05T00:00:00+03:00");
    fixture.add_facts(&[Fact { time_ms: start_ms, ..FACT }]);
    fixture.advance(99, Timestamp(start_ms + 16 * 86_400_000));
    let arguments = [&PERIOD[..], &["--format", "wfm-eleveo", "--into", "wfm"]].concat();
    let whole = run(fixture.folder(), &arguments[..6]);
    let output = run(fixture.folder(), &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "");
    let mut joined = String::new();
    let mut files = 0;
    loop {
        let path = fixture.folder().join(format!("wfm/nabiz-history-{:03}.csv", files + 1));
        let Ok(part) = std::fs::read_to_string(path) else { break };
        assert!(part.len() <= 2_000_000 && part.ends_with('\n'), "{}", part.len());
        joined.push_str(&part);
        files += 1;
    }
    assert_eq!((joined.lines().count(), files), (15 * 96 * 10, 2));
    assert!(joined == text(&whole.stdout));
    let again = run(fixture.folder(), &arguments);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("nabiz-history-001.csv"), "{}", text(&again.stderr));
}
