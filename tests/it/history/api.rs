//! `/api/v1/history` against a served listener.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use crate::harness::serial;
use nabiz::http::HistorySource;
use serde_json::Value;

use super::fixture::{FACT, Fact, Fixture, INTERVAL_MS, ms, parse_csv};
use crate::harness::numbers::{published, snapshot};
use crate::harness::server::{DEADLINE, Server};

pub(super) fn server(fixture: &Fixture) -> Server {
    let source = HistorySource::new(
        fixture.path.clone(),
        fixture.settings.clone(),
        nabiz_core::time::Millis(INTERVAL_MS as u64),
        Vec::new(),
    );
    Server::with_history(published(snapshot(), true), source)
}

pub(super) struct Answer {
    pub(super) status: u16,
    content_type: String,
    /// The time that is known.
    pub(super) known: Option<(String, String)>,
    pub(super) body: String,
}

pub(super) fn get(server: &Server, path: &str, accept: &str) -> Answer {
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(DEADLINE))
        .build()
        .new_agent();
    let mut response =
        agent.get(server.url(path)).header("accept", accept).call().expect("an answer");
    let header = |name| {
        let value = response.headers().get(name).and_then(|value| value.to_str().ok());
        value.map(str::to_string)
    };
    Answer {
        status: response.status().as_u16(),
        content_type: header("content-type").unwrap_or_default(),
        known: header("x-nabiz-known-from").zip(header("x-nabiz-known-to")),
        body: response.body_mut().read_to_string().expect("a text"),
    }
}

const DAY: &str = "/api/v1/history?from=2026-01-05&to=2026-01-06";

fn fixture() -> Fixture {
    let mut fixture = Fixture::new("[queues.fault]\naliases = ['600']");
    let start_ms = ms("2026-01-05T09:00:00+03:00");
    for queue in ["fault", "billing"] {
        fixture.add_facts(&[Fact { time_ms: start_ms, queue, ..FACT }]);
    }
    fixture
}

#[test]
fn api_answers_json_or_csv_by_parameter_or_header() {
    let _shared = serial::shared();
    let fixture = fixture();
    let server = server(&fixture);
    let json = get(&server, DAY, "*/*");
    assert_eq!((json.status, json.content_type.as_str()), (200, "application/json"));
    let rows: Value = serde_json::from_str(&json.body).expect("JSON");
    assert_eq!(rows.as_array().map(Vec::len), Some(2));
    assert_eq!(rows[1]["queue"], "fault");
    let one =
        get(&server, &format!("{DAY}&queue=600&channel=phone&step=1d&format=json"), "text/csv");
    let one: Value = serde_json::from_str(&one.body).expect("JSON");
    assert_eq!((one.as_array().map(Vec::len), &one[0]["answered"]), (Some(1), &1.into()));
    for (path, accept) in [
        (DAY.to_string(), "text/csv"),
        (DAY.to_string(), "application/json;q=0.5, text/csv;q=0.9"),
        (format!("{DAY}&format=csv"), "application/json"),
    ] {
        let csv = get(&server, &path, accept);
        assert_eq!(csv.content_type, "text/csv; charset=utf-8; header=present", "{accept}");
        assert_eq!(parse_csv(&csv.body).len(), 3);
    }
    let bare = get(&server, &format!("{DAY}&format=csv&header=no"), "*/*");
    assert_eq!(bare.content_type, "text/csv; charset=utf-8; header=absent");
    for accept in ["text/csv, application/json", "text/csv;q=0"] {
        assert_eq!(get(&server, DAY, accept).content_type, "application/json", "{accept}");
    }
}

#[test]
fn api_says_from_when_to_when_the_history_is_known() {
    let _shared = serial::shared();
    let mut fixture = fixture();
    let server = server(&fixture);
    assert_eq!(get(&server, DAY, "*/*").known, None, "nothing is closed yet");
    let start_ms = ms("2026-01-05T06:00:00Z");
    fixture.advance(99, nabiz_core::time::Timestamp(start_ms + 2 * INTERVAL_MS + 60_000));
    let since = |time: &str| Some((time.to_string(), "2026-01-05T06:30:00+00:00".to_string()));
    for query in ["", "&fill=all", "&profile=week", "&of=units"] {
        let known = get(&server, &format!("{DAY}{query}"), "*/*").known;
        assert_eq!(known, since("2026-01-05T06:00:00+00:00"), "{query}");
    }
    let further = format!("INSERT INTO facts VALUES ('further_since_ms', {})", start_ms + 1);
    fixture.sql(&further);
    let known = get(&server, &format!("{DAY}&of=units"), "*/*").known;
    assert_eq!(known, since("2026-01-05T06:15:00+00:00"));
}

#[test]
fn api_names_each_wrong_parameter() {
    let _shared = serial::shared();
    let fixture = fixture();
    let server = server(&fixture);
    for (query, expected) in [
        ("to=2026-01-06", "from: missing"),
        ("from=2026-01-05", "to: missing"),
        ("from=x&to=2026-01-06", "from: expected RFC 3339"),
        ("from=2026-01-05T00:00:00+03:00&to=2026-01-06", "in an address, + is written %2B"),
        ("from=2026-01-06&to=2026-01-05", "to: "),
        ("from=2026-01-05&to=2026-01-06&step=7m", "step: expected 15m"),
        ("from=2026-01-05&to=2026-01-06&channel=fax", "channel: expected phone"),
        ("from=2026-01-05&to=2026-01-06&format=xml", "format: expected csv, json or wfm-eleveo"),
        ("from=2026-01-05&to=2026-01-06&queues=fault", "unknown parameter \"queues\""),
        ("from=2026-01-05&from=2026-01-05&to=2026-01-06", "from: expected once"),
    ] {
        let answer = get(&server, &format!("/api/v1/history?{query}"), "*/*");
        let json: Value = serde_json::from_str(&answer.body).expect("JSON");
        assert_eq!(answer.status, 400, "{query}");
        assert!(
            json["error"].as_str().is_some_and(|error| error.contains(expected)),
            "{query}: {}",
            answer.body
        );
    }
}

#[test]
fn api_answers_an_error_when_the_ledger_is_absent_or_broken() {
    let _shared = serial::shared();
    let plain = Server::start(published(snapshot(), true));
    let answer = get(&plain, DAY, "*/*");
    assert_eq!(answer.status, 404);
    assert!(answer.body.contains("no ledger is configured"));
    let fixture = fixture();
    let server = server(&fixture);
    std::fs::remove_file(&fixture.path).expect("removed");
    let answer = get(&server, DAY, "*/*");
    assert_eq!(answer.status, 500);
    assert!(!answer.body.contains("nabiz.db"), "{}", answer.body);
}

/// Requests a long answer and reads only its head.
fn stalled(server: &Server) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(server.address).expect("connected");
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    let request =
        "GET /api/v1/history?from=2025-01-01&to=2026-01-01 HTTP/1.1\r\nhost: test\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("sent");
    let mut head = [0; 12];
    stream.read_exact(&mut head).expect("an answer that begins");
    (stream, String::from_utf8_lossy(&head).into_owned())
}

#[test]
fn queries_are_bounded_and_a_slot_is_freed_when_its_client_leaves() {
    let _shared = serial::shared();
    let mut fixture = Fixture::new("");
    fixture.fill_year();
    let server = server(&fixture);
    let mut open: Vec<_> = (0..4).map(|_| stalled(&server)).collect();
    assert!(open.iter().all(|(_, head)| head == "HTTP/1.1 200"), "{open:?}");
    assert_eq!(stalled(&server).1, "HTTP/1.1 503");
    assert_eq!(server.denied.get(nabiz::readmodel::DenialReason::History), 1);
    open.pop();
    let asked = Instant::now();
    loop {
        let (stream, head) = stalled(&server);
        if head == "HTTP/1.1 200" {
            open.push((stream, head));
            break;
        }
        assert!(asked.elapsed() < DEADLINE, "no slot was freed in time");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    drop(open);
    assert!(server.stop() < DEADLINE);
}
