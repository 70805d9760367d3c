//! The further tables of the history: arrivals, units, scores, pauses, agents.

use std::collections::BTreeMap;
use std::process::Command;

use nabiz::ledger::history::{
    AgentRow, ArrivalRow, FurtherHistory, FurtherRow, Kind, PauseRow, Query, Request, ScoreRow,
    Step, UnitRow,
};
use nabiz_core::event::ChannelId;
use nabiz_core::measures::{ArrivalCounts, FurtherIncrements, UnitCounts};
use nabiz_core::state::Checkpoint;
use nabiz_core::time::{Millis, Timestamp};
use serde_json::Value;

use super::api::{get, server};
use super::fixture::{Fixture, INTERVAL_MS, ms, parse_csv, query};
use crate::harness::serial;

const CHAT: ChannelId = ChannelId(5);

fn start() -> i64 {
    ms("2026-01-05T09:00:00+03:00")
}

/// Returns the increments of one interval, each number another multiple of `count`.
fn increments(start_ms: i64, count: u64) -> FurtherIncrements {
    let start = Timestamp(start_ms);
    let contacts = |contacts| ArrivalCounts { contacts, ..ArrivalCounts::default() };
    let phone = ArrivalCounts {
        contacts: 10 * count,
        self_service_contained: 3 * count,
        self_service_to_queue: 5 * count,
        self_service_abandoned: count,
        self_service_failed: count,
    };
    let unit = UnitCounts {
        opened: 4 * count,
        informed: 3 * count,
        timed: 2 * count,
        informed_sum_ms: 90_000 * count,
    };
    FurtherIncrements {
        arrivals: BTreeMap::from([
            ((start, ChannelId::PHONE, "main".into()), phone),
            ((start, ChannelId::PHONE, "fault line".into()), contacts(count)),
            ((start, CHAT, "main".into()), contacts(2 * count)),
        ]),
        units: BTreeMap::from([
            ((start, "north".into()), unit),
            ((start, "south".into()), UnitCounts { opened: count, ..UnitCounts::default() }),
        ]),
        scores: BTreeMap::from([
            ((start, "fault".into(), ChannelId::PHONE, 5), 3 * count),
            ((start, "fault".into(), ChannelId::PHONE, 1), count),
            ((start, "billing".into(), CHAT, 10), 2 * count),
        ]),
        pauses: BTreeMap::from([
            ((start, "lunch".into()), 60_000 * count),
            ((start, "none".into()), 30_000 * count),
        ]),
        heads: BTreeMap::from([(
            start,
            [50_000, 200_000, 20_000, 90_000, 7_000].map(|n| n * count),
        )]),
    }
}

fn add(fixture: &mut Fixture, further: FurtherIncrements) {
    let lease = fixture.acquire(99);
    fixture.store(lease, Checkpoint { further, ..Checkpoint::default() });
}

/// Three intervals from nine o'clock on, the last one of the next hour.
fn fixture() -> Fixture {
    let mut fixture = Fixture::new("[queues.fault]\naliases = ['600']");
    for (place, count) in [(0, 1), (1, 2), (4, 4)] {
        add(&mut fixture, increments(start() + place * INTERVAL_MS, count));
    }
    fixture
}

fn history<R: FurtherRow>(fixture: &Fixture, query: Query) -> FurtherHistory<R> {
    let settings = fixture.settings.clone();
    FurtherHistory::open(&fixture.path, settings, Millis(INTERVAL_MS as u64), query)
        .expect("a history")
}

fn rows<R: FurtherRow>(fixture: &Fixture, query: Query) -> Vec<R> {
    history(fixture, query).collect::<Result<_, _>>().expect("rows")
}

fn day(step: Step) -> Query {
    query(ms("2026-01-05T00:00:00+03:00"), ms("2026-01-06T00:00:00+03:00"), step)
}

#[test]
fn rows_add_up_the_intervals_of_a_step_by_their_labels() {
    let _shared = serial::shared();
    let fixture = fixture();
    let arrivals: Vec<ArrivalRow> = rows(&fixture, day(Step::Hour));
    let seen: Vec<_> = arrivals
        .iter()
        .map(|row| {
            let hour = (row.span.range.start.get() - start()) / 3_600_000;
            (hour, &*row.channel, &*row.entry_point, row.counts.contacts)
        })
        .collect();
    assert_eq!(
        seen,
        [
            (0, "chat", "main", 6),
            (0, "phone", "fault line", 3),
            (0, "phone", "main", 30),
            (1, "chat", "main", 8),
            (1, "phone", "fault line", 4),
            (1, "phone", "main", 40),
        ]
    );
    assert_eq!(arrivals[2].counts.self_service_to_queue, 15);
    assert_eq!(arrivals[2].containment(), Some(0.3));
    assert_eq!(arrivals[0].containment(), None, "no outcome");

    let units: Vec<UnitRow> = rows(&fixture, day(Step::All));
    assert_eq!((&*units[0].unit, &*units[1].unit), ("north", "south"));
    assert_eq!(
        units[0].counts,
        UnitCounts { opened: 28, informed: 21, timed: 14, informed_sum_ms: 630_000 }
    );
    assert_eq!(units[0].followup_mean_seconds(), Some(45.0));
    assert_eq!(units[1].followup_mean_seconds(), None);

    let scores: Vec<ScoreRow> = rows(&fixture, day(Step::All));
    let seen: Vec<_> =
        scores.iter().map(|row| (&*row.queue, &*row.channel, row.score, row.count)).collect();
    assert_eq!(
        seen,
        [("billing", "chat", 10, 14), ("fault", "phone", 1, 7), ("fault", "phone", 5, 21)]
    );

    let pauses: Vec<PauseRow> = rows(&fixture, day(Step::All));
    let seen: Vec<_> = pauses.iter().map(|row| (&*row.reason, row.paused)).collect();
    assert_eq!(seen, [("lunch", Millis(420_000)), ("none", Millis(210_000))]);

    let agents: Vec<AgentRow> = rows(&fixture, day(Step::Day));
    assert_eq!(agents.len(), 1);
    assert_eq!(agents[0].span.range.start, Timestamp(start()), "where the ledger begins");
    assert_eq!(agents[0].time.map(Millis::get), [350_000, 1_400_000, 140_000, 630_000, 49_000]);
    assert_eq!(agents[0].occupancy(), Some(220.0 / 270.0));
    assert_eq!(agents[0].paused_share(), Some(90.0 / 360.0));
}

#[test]
fn rows_are_those_of_the_period_and_of_the_wanted_queues_and_channels() {
    let _shared = serial::shared();
    let fixture = fixture();
    let second = query(start() + 1, start() + INTERVAL_MS + 1, Step::QuarterHour);
    let agents: Vec<AgentRow> = rows(&fixture, second);
    assert_eq!(agents.iter().map(|row| row.time[0].get()).collect::<Vec<_>>(), [100_000]);

    let of_chat = Query { channels: vec!["chat".to_string()], ..day(Step::All) };
    let arrivals: Vec<ArrivalRow> = rows(&fixture, of_chat.clone());
    assert_eq!(arrivals.iter().map(|row| row.counts.contacts).collect::<Vec<_>>(), [14]);
    let scores: Vec<ScoreRow> = rows(&fixture, of_chat);
    assert_eq!(scores.iter().map(|row| row.count).collect::<Vec<_>>(), [14]);
    for (queue, expected) in [("fault", vec![7, 21]), ("nowhere", vec![])] {
        let of_queue = Query { queues: vec![queue.to_string()], ..day(Step::All) };
        let scores: Vec<ScoreRow> = rows(&fixture, of_queue);
        assert_eq!(scores.iter().map(|row| row.count).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn row_is_open_until_stream_time_is_past_it() {
    let _shared = serial::shared();
    let mut fixture = fixture();
    // The lease of the other tests has no stream time.
    fixture.advance(99, Timestamp(start() + 3 * INTERVAL_MS));
    let open: Vec<bool> =
        rows::<PauseRow>(&fixture, day(Step::Hour)).iter().map(|row| row.span.open).collect();
    assert_eq!(open, [true, true, true, true]);
    fixture.advance(99, Timestamp(start() + 5 * INTERVAL_MS));
    let rows: Vec<PauseRow> = rows(&fixture, day(Step::Hour));
    assert_eq!(
        rows.iter().map(|row| row.span.open).collect::<Vec<_>>(),
        [false, false, true, true]
    );
}

#[test]
fn row_begins_with_the_first_whole_interval_when_the_ledger_is_older_than_its_table() {
    let _shared = serial::shared();
    let fixture = fixture();
    let since = start() + 1;
    fixture.sql(&format!("INSERT INTO facts (name, value) VALUES ('further_since_ms', {since})"));
    let known_from = Timestamp(start() + INTERVAL_MS);
    let asked = history::<AgentRow>(&fixture, day(Step::Day));
    assert_eq!(asked.known_from(), Some(known_from));
    let rows: Vec<AgentRow> = asked.collect::<Result<_, _>>().expect("rows");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].span.range.start, known_from);
    assert_eq!(rows[0].time[0], Millis(300_000), "without the first interval");
    let (_, note) = run(&fixture, &["--of", "agents"]);
    assert!(note.contains("agents are known from 2026-01-05T09:15:00+03:00"), "{note}");
}

#[test]
fn nothing_is_known_when_the_ledger_has_no_such_table() {
    let _shared = serial::shared();
    let fixture = fixture();
    fixture.sql("DROP TABLE unit_intervals; PRAGMA user_version = 14");
    let asked = history::<UnitRow>(&fixture, day(Step::Day));
    assert_eq!(asked.known_from(), Some(Timestamp::MAX));
    assert_eq!(asked.count(), 0);
    let (_, note) = run(&fixture, &["--of", "units"]);
    assert!(note.contains("this ledger has no units yet"), "{note}");
}

/// Runs `nabiz history` for the day. Returns its output and its notes.
fn run(fixture: &Fixture, arguments: &[&str]) -> (String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_nabiz"))
        .current_dir(fixture.folder())
        .args(["history", "--from", "2026-01-05", "--to", "2026-01-06", "--step", "all"])
        .args(arguments)
        .output()
        .expect("run");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (text(output.stdout), text(output.stderr))
}

#[test]
fn command_prints_each_kind_as_table_csv_and_json() {
    let _shared = serial::shared();
    let fixture = fixture();
    for (kind, table, column, expected) in [
        ("arrivals", "to queue", "self_service_to_queue", "0 0 35"),
        ("units", "informed", "informed_mean_seconds", "45 "),
        ("scores", "score", "count", "14 7 21"),
        ("pauses", "reason", "paused_seconds", "420 210"),
        ("agents", "paused share", "paused_share", "0.25"),
    ] {
        let (text, note) = run(&fixture, &["--of", kind]);
        assert_eq!(note, "");
        assert!(text.lines().next().is_some_and(|header| header.contains(table)), "{text}");
        let (csv, _) = run(&fixture, &["--of", kind, "--format", "csv"]);
        let records = parse_csv(&csv);
        let (header, rows) = records.split_first().expect("a header");
        assert_eq!(header[..3], ["start", "end", "open"]);
        let at = header.iter().position(|name| name == column).expect(column);
        let cells: Vec<&str> = rows.iter().map(|row| row[at].as_str()).collect();
        assert_eq!(cells.join(" "), expected, "{kind}");
        assert_eq!(text.lines().filter(|line| line.starts_with("2026")).count(), rows.len());

        let (json, _) = run(&fixture, &["--of", kind, "--format", "json"]);
        let objects: Value = serde_json::from_str(&json).expect("JSON");
        let numbers = objects.as_array().expect("an array").iter();
        let numbers: Vec<String> = numbers
            .map(|object| object[column].as_f64().map_or(String::new(), |n| n.to_string()))
            .collect();
        assert_eq!(numbers.join(" "), expected, "{kind}");
    }
    let (visits, _) = run(&fixture, &["--of", "visits", "--format", "csv"]);
    assert_eq!(visits, run(&fixture, &["--format", "csv"]).0, "visits are the default");
}

#[test]
fn request_says_what_a_kind_does_not_have() {
    let settings = nabiz::config::Config::parse("", "nabiz.toml", std::iter::empty())
        .expect("a configuration")
        .settings();
    let request = |of: Kind| Request {
        of: Some(of.name().to_string()),
        from: "2026-01-05".to_string(),
        to: "2026-01-06".to_string(),
        ..Request::default()
    };
    let problem = |request: &Request| {
        request.query(&settings, Millis(INTERVAL_MS as u64)).map_err(|error| error.to_string())
    };
    for (kind, name) in Kind::NAMED {
        assert_eq!(problem(&request(kind)).expect(name).of, kind);
        let by_queue = Request { queues: vec!["fault".to_string()], ..request(kind) };
        let by_channel = Request { channels: vec!["phone".to_string()], ..request(kind) };
        let filled = Request { fill: Some("all".to_string()), ..request(kind) };
        for (asked, is_allowed) in [
            (by_queue, matches!(kind, Kind::Visits | Kind::Scores)),
            (by_channel, matches!(kind, Kind::Visits | Kind::Scores | Kind::Arrivals)),
            (filled, kind == Kind::Visits),
        ] {
            let answer = problem(&asked);
            assert_eq!(answer.is_ok(), is_allowed, "{answer:?}");
            if let Err(text) = answer {
                assert!(text.ends_with(&format!("expected nothing: {name} have no such rows")));
            }
        }
    }
    let unknown = Request { of: Some("calls".to_string()), ..request(Kind::Visits) };
    let text = problem(&unknown).expect_err("unknown");
    let expected = "of: expected visits, arrivals, units, scores, pauses, agents, found \"calls\"";
    assert_eq!(text, expected);
}

#[test]
fn api_answers_each_kind() {
    let _shared = serial::shared();
    let fixture = fixture();
    let server = server(&fixture);
    let day = "/api/v1/history?from=2026-01-05&to=2026-01-06&step=all";
    for (kind, column, sum) in [
        ("arrivals", "contacts", 91.0),
        ("units", "opened", 35.0),
        ("scores", "count", 42.0),
        ("pauses", "paused_seconds", 630.0),
        ("agents", "busy_seconds", 1_400.0),
    ] {
        let answer = get(&server, &format!("{day}&of={kind}"), "*/*");
        assert_eq!(answer.status, 200, "{}", answer.body);
        let objects: Value = serde_json::from_str(&answer.body).expect("JSON");
        let numbers = objects.as_array().expect("an array").iter();
        let numbers = numbers.map(|object| object[column].as_f64().expect(column));
        assert_eq!(numbers.sum::<f64>(), sum, "{kind}");
        let csv = get(&server, &format!("{day}&of={kind}&format=csv"), "*/*");
        assert!(csv.body.lines().next().is_some_and(|header| header.contains(column)));
    }
    let answer = get(&server, &format!("{day}&of=units&queue=fault"), "*/*");
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("units have no such rows"), "{}", answer.body);
}
