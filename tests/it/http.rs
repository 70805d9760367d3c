//! Every path against a served listener.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::harness::numbers::{published, snapshot, with_waiting};
use crate::harness::serial;
use crate::harness::server::{DEADLINE, Server};
use nabiz::http::Limits;
use nabiz::readmodel::{Availability, Degradation, DenialReason, PublishedState, ShardLabel};
use nabiz_core::ids::Offset;
use nabiz_core::time::WallTime;
use serde_json::{Value, json};

struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {:?}", self.body))
    }
}

fn get(server: &Server, path: &str) -> Answer {
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(DEADLINE))
        .build()
        .new_agent();
    let mut response = agent.get(server.url(path)).call().expect("an answer");
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_string()))
        .collect();
    Answer {
        status: response.status().as_u16(),
        headers,
        body: response.body_mut().read_to_string().expect("a text"),
    }
}

/// Sends `request` as it is and reads until the server closes.
fn raw(server: &Server, request: &str) -> String {
    let mut stream = connect(server);
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address).expect("connected");
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    stream
}

/// An open event stream; the head of the answer has been read.
struct Events(BufReader<TcpStream>);

impl Events {
    fn open(server: &Server) -> Events {
        let mut stream = connect(server);
        stream.write_all(b"GET /api/v1/stream HTTP/1.1\r\nhost: test\r\n\r\n").expect("sent");
        let mut events = Events(BufReader::new(stream));
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(
                events.0.read_line(&mut head).expect("a line in time") > 0,
                "closed after {head:?}"
            );
        }
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(head.contains("content-type: text/event-stream"), "{head}");
        assert!(head.contains("x-accel-buffering: no"), "nginx would collect events: {head}");
        events
    }

    /// Returns the name and data of the next event.
    fn next(&mut self) -> (String, Value) {
        let mut name = String::new();
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).expect("a line in time") > 0, "the stream ended");
            if let Some(event) = line.strip_prefix("event: ") {
                name = event.trim().to_string();
            } else if let Some(data) = line.strip_prefix("data: ") {
                return (name, serde_json::from_str(data).expect("JSON"));
            }
        }
    }
}

fn waiting_in(answer: &Value, queue: &str) -> Value {
    let queues = answer["queues"].as_array().expect("queues");
    let queue = queues.iter().find(|known| known["queue"] == queue).expect("the queue");
    queue["channels"][0]["live"]["waiting"].clone()
}

/// Checks a parsed number, whose last digit is not exact.
fn assert_near(value: &Value, expected: f64) {
    let number = value.as_f64().unwrap_or_else(|| panic!("{value} is not {expected}"));
    assert!((number - expected).abs() < 1e-12, "{number} is not {expected}");
}

#[test]
fn healthz_says_ok_and_readyz_follows_the_pipeline() {
    let _shared = serial::shared();
    let server = Server::start(published(snapshot(), false));
    let health = get(&server, "/healthz");
    assert_eq!((health.status, health.body.trim()), (200, "ok"));

    let behind = get(&server, "/readyz");
    assert_eq!(behind.status, 503);
    let body = behind.json();
    assert_eq!(body["ready"], false);
    assert_eq!(body["error"], "catching up: 1 of 1 partitions, 12665 records to go");
    assert_eq!(body["lag_records"], 22_665);
    assert_eq!(body["partitions"][0]["position"], 17_335);
    assert_eq!(body["partitions"][0]["end"], 40_000);
    assert_eq!(body["partitions"][0]["catch_up_to"], 30_000);
    assert_eq!(body["partitions"][0]["caught_up"], false);

    let mut unreachable = published(snapshot(), false);
    unreachable.health.availability =
        Availability::Withheld("no kafka broker can be reached".to_owned());
    server.publish(unreachable);
    assert_eq!(get(&server, "/readyz").json()["error"], "no kafka broker can be reached");

    server.publish(published(snapshot(), true));
    let ready = get(&server, "/readyz");
    assert_eq!((ready.status, ready.json()["ready"].clone()), (200, json!(true)));
}

#[test]
fn readyz_stays_200_and_names_place_cause_and_remedy_when_degraded() {
    let _shared = serial::shared();
    let mut degraded = published(snapshot(), true);
    degraded.health.degraded = vec![
        Degradation {
            label: None,
            offset: None,
            cause: "the disk is full".into(),
            remedy: "make room".into(),
        },
        Degradation {
            label: Some(ShardLabel { topic: "calls".into(), partition: 3 }),
            offset: Some(Offset(17)),
            cause: "no right to read".into(),
            remedy: "grant READ".into(),
        },
    ];
    let server = Server::start(degraded);
    for path in ["/readyz", "/api/v1/status", "/api/v1/queues"] {
        let answer = get(&server, path);
        assert_eq!(answer.status, 200, "{path}");
        let body = answer.json();
        assert_eq!(body["ready"], true, "{path}");
        assert_eq!(
            body["degraded"],
            "the disk is full; make room | calls/3 at offset 17: no right to read; grant READ"
        );
        assert_eq!(
            body["degradations"],
            json!([
                {"cause": "the disk is full", "remedy": "make room"},
                {"topic": "calls", "partition": 3, "offset": 17, "cause": "no right to read",
                 "remedy": "grant READ"}
            ])
        );
    }
    server.publish(published(snapshot(), true));
    let body = get(&server, "/readyz").json();
    assert_eq!((&body["degraded"], &body["degradations"]), (&Value::Null, &Value::Null));
}

#[test]
fn readyz_is_503_when_the_numbers_are_withheld_for_want_of_a_confirmation() {
    let _shared = serial::shared();
    let confirmed_at = Instant::now().checked_sub(Duration::from_secs(5));
    assert!(confirmed_at.is_some());
    let unconfirmed = PublishedState { confirmed_at, ..published(snapshot(), true) };
    let server = Server::start(unconfirmed);
    let reason = "a worker has not confirmed its partitions for 4 seconds";
    for path in ["/readyz", "/api/v1/queues"] {
        let answer = get(&server, path);
        assert_eq!(answer.status, 503, "{path}");
        let body = answer.json();
        assert_eq!((&body["ready"], &body["error"]), (&json!(false), &json!(reason)), "{path}");
    }
    let status = get(&server, "/api/v1/status").json();
    assert_eq!((&status["ready"], &status["records"]), (&json!(false), &Value::Null));
}

#[test]
fn metrics_are_rendered_in_the_format_that_the_client_accepts() {
    let _shared = serial::shared();
    let server = Server::start(published(snapshot(), true));
    let answer = raw(
        &server,
        "GET /metrics HTTP/1.1\r\nhost: t\r\naccept: application/x\r\nconnection: close\r\n\r\n",
    );
    let content_type = "content-type: text/plain; version=0.0.4; charset=utf-8\r\n";
    assert!(answer.contains(content_type), "{answer}");
    assert!(answer.ends_with("\r\n\r\nnabiz_ready 1\n"), "{answer}");
    // The renderer of the test server fails for protobuf.
    let broken = "GET /metrics HTTP/1.1\r\nhost: t\r\naccept: application/vnd.google.protobuf;\
                  proto=io.prometheus.client.MetricFamily;encoding=delimited\r\n\
                  connection: close\r\n\r\n";
    let answer = raw(&server, broken);
    assert!(
        answer.starts_with("HTTP/1.1 500") && answer.contains("metrics were not rendered"),
        "{answer}"
    );
}

#[test]
fn metrics_are_compressed_when_the_client_accepts_gzip() {
    let _shared = serial::shared();
    let server = Server::start(published(snapshot(), true));
    let mut stream = connect(&server);
    let request = "GET /metrics HTTP/1.1\r\nhost: t\r\naccept-encoding: deflate, gzip;q=0.9\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a head") + 4;
    let head = String::from_utf8_lossy(&answer[..end]);
    assert!(
        head.contains("content-encoding: gzip\r\n")
            && head.contains("vary: accept, accept-encoding\r\n"),
        "{head}"
    );
    let mut text = String::new();
    flate2::read::GzDecoder::new(&answer[end..]).read_to_string(&mut text).expect("gzip");
    assert!(text.contains("nabiz_ready 1\n"), "{text}");
    let plain = raw(&server, "GET /metrics HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n");
    assert!(!plain.contains("content-encoding") && plain.contains("nabiz_ready 1\n"), "{plain}");
}

#[test]
fn queues_have_live_numbers_windows_and_targets() {
    let _shared = serial::shared();
    let server = Server::start(published(snapshot(), true));
    let answer = get(&server, "/api/v1/queues");
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    let body = answer.json();
    assert_eq!(body["as_of"], "2026-01-05T07:29:58Z");
    assert_eq!(body["age_ms"], 2000);
    assert_eq!(body["ready"], true);
    assert_eq!(body["time_zone"], "Europe/Istanbul");
    assert_eq!(body["windows"][1], json!({"label": "5m", "seconds": 300}));
    assert_eq!(body["windows"][5], json!({"label": "today", "seconds": null}));
    assert_eq!(body["contacts_started"]["phone"], 3071);
    assert_eq!(body["contacts_started"]["chat"], 0);
    assert_eq!(body["self_service"]["main"]["contained"], 952);
    assert_eq!(
        body["followups"]["field"],
        json!({"opened": 61, "informed": 41, "open": 20, "overdue": 4, "mean_seconds": null})
    );
    assert_eq!(body["surveys"]["responses"], 300);
    assert_eq!(body["surveys"]["scores"]["5"], 150);
    assert_near(&body["surveys"]["csat"], 250.0 / 300.0);

    let fault = &body["queues"][2];
    assert_eq!(fault["queue"], "fault");
    assert_eq!(fault["name"], "Arıza Bildirim");
    assert_eq!(fault["open"], true);
    assert_eq!(fault["targets"]["wait_seconds"], 30.0);
    assert_eq!(fault["targets"]["formula"], "live");
    assert_eq!(
        fault["agents"],
        json!({"available": 0, "busy": 21, "wrap_up": 4, "paused": 3, "offline": 6})
    );
    assert_eq!(fault["observed"]["waiting"], 16);
    assert_eq!(fault["occupancy"]["5m"], 1.0);
    let phone = &fault["channels"][0];
    assert_eq!((&phone["channel"], &phone["immediate"]), (&json!("phone"), &json!(true)));
    assert_eq!(phone["live"]["waiting_over_target"], 9);
    assert_eq!(phone["live"]["longest_wait_seconds"], 103.0);
    assert_eq!(phone["totals"]["left"]["timeout"], 0);

    // Thirty answers at 4 s, 28 at 90 s, nine gave up, two of them within five seconds.
    let window = &phone["windows"]["5m"];
    assert_eq!(window["offered"], 67);
    assert_eq!(window["service_level"]["count"], 30);
    assert_eq!(window["service_level"]["of"], 65);
    assert_near(&window["service_level"]["ratio"], 30.0 / 65.0);
    assert_near(&window["abandonment"]["ratio"], 7.0 / 65.0);
    assert_near(&window["asa_seconds"], (30.0 * 4.0 + 28.0 * 90.0) / 58.0);
    let p90 = window["wait_seconds"]["p90"].as_f64().expect("a quantile");
    assert!((p90 - 90.0).abs() <= 0.9, "{p90}");
    assert_eq!(window["wait_seconds"]["max"], 90.0);
    assert_eq!(window["aht_seconds"], 184.0);
}

#[test]
fn ratio_is_null_when_its_denominator_is_zero() {
    let _shared = serial::shared();
    let server = Server::start(published(snapshot(), true));
    let idle = get(&server, "/api/v1/queues/water-quality").json();
    let window = &idle["channels"][0]["windows"]["5m"];
    assert_eq!(window["service_level"], json!({"ratio": null, "count": 0, "of": 0}));
    assert_eq!(window["abandonment"]["ratio"], Value::Null);
    assert_eq!(window["asa_seconds"], Value::Null);
    assert_eq!(window["wait_seconds"], Value::Null);
    assert_eq!(window["aht_seconds"], Value::Null);
    assert_eq!(idle["occupancy"]["5m"], 0.0);
    assert_eq!(get(&server, "/api/v1/queues/petition").json()["surveys"]["csat"], Value::Null);
}

#[test]
fn queue_is_found_by_id_and_by_alias() {
    let _shared = serial::shared();
    let server = Server::start(published(snapshot(), true));
    for path in ["/api/v1/queues/fault", "/api/v1/queues/ariza", "/api/v1/queues/600"] {
        let answer = get(&server, path);
        assert_eq!(
            (answer.status, answer.json()["queue"].clone()),
            (200, json!("fault")),
            "{path}"
        );
        assert_eq!(answer.json()["age_ms"], 2000);
    }
    let absent = get(&server, "/api/v1/queues/nowhere");
    assert_eq!(absent.status, 404);
    assert_eq!(absent.json()["error"], "no queue \"nowhere\", /api/v1/queues lists them");
}

#[test]
fn no_numbers_while_catching_up() {
    let _shared = serial::shared();
    let server = Server::start(published(snapshot(), false));
    for path in ["/api/v1/queues", "/api/v1/queues/fault"] {
        let answer = get(&server, path);
        assert_eq!(answer.status, 503, "{path}");
        let body = answer.json();
        assert_eq!(body["error"], "catching up: 1 of 1 partitions, 12665 records to go");
        assert_eq!(body["partitions"][0]["end"], 40_000);
        assert_eq!(body["queues"], Value::Null);
    }
    let (event, data) = Events::open(&server).next();
    assert_eq!((event.as_str(), &data["lag_records"]), ("catching_up", &json!(22_665)));
}

#[test]
fn status_shows_assignment_lag_and_records() {
    let _shared = serial::shared();
    let server = Server::start(published(snapshot(), true));
    let body = get(&server, "/api/v1/status").json();
    assert_eq!(body["version"], env!("CARGO_PKG_VERSION"));
    assert!(body["uptime_seconds"].is_u64());
    assert_eq!(body["as_of"], "2026-01-05T07:29:58Z");
    assert_eq!(body["checkpoint_age_seconds"], Value::Null);
    assert_eq!(body["partitions"][0]["lag_records"], 0);
    assert_eq!(body["partitions"][0]["topic"], "calls");
    assert_eq!(body["records"]["calls"]["applied"], 17_320);
    assert_eq!(body["rebalances"], 1);
    assert_eq!(body["series"], 9);

    // Before the log is read to its end, the counters would seem to go back.
    server.publish(published(snapshot(), false));
    let behind = get(&server, "/api/v1/status").json();
    assert_eq!(
        (&behind["ready"], &behind["partitions"][0]["lag_records"]),
        (&json!(false), &json!(22_665))
    );
    assert_eq!((&behind["records"], &behind["dead_letters"]), (&Value::Null, &Value::Null));
}

#[test]
fn stream_sends_the_numbers_at_once_and_at_each_change() {
    let _shared = serial::shared();
    let server = Server::start(published(snapshot(), true));
    let mut events = Events::open(&server);
    let (event, data) = events.next();
    assert_eq!(event, "queues");
    assert_eq!(data, get(&server, "/api/v1/queues").json());

    server.publish(published(with_waiting("fault", 77), true));
    let (event, data) = events.next();
    assert_eq!((event.as_str(), waiting_in(&data, "fault")), ("queues", json!(77)));
}

#[test]
fn streams_are_bounded_and_a_slot_is_freed_when_its_client_leaves() {
    let _shared = serial::shared();
    let limits = Limits { streams: 1, ..Limits::default() };
    let server = Server::with(
        published(snapshot(), true),
        || WallTime(crate::harness::numbers::NOW_MS),
        limits,
    );
    let first = Events::open(&server);
    let refused = get(&server, "/api/v1/stream");
    assert_eq!((refused.status, refused.header("retry-after")), (503, "10"));
    assert_eq!(server.denied.get(DenialReason::Streams), 1);

    drop(first);
    let begun = std::time::Instant::now();
    loop {
        let answer =
            raw(&server, "HEAD /api/v1/stream HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n");
        if answer.starts_with("HTTP/1.1 200") {
            break;
        }
        assert!(begun.elapsed() < DEADLINE, "the place stays taken: {answer}");
        std::thread::sleep(Duration::from_millis(20));
        // The server detects the end of a connection when it writes to it.
        server.publish(published(snapshot(), true));
    }
}

#[test]
fn open_streams_do_not_delay_shutdown() {
    let _shared = serial::shared();
    let server = Server::start(published(snapshot(), true));
    let mut events = Events::open(&server);
    events.next();
    let idle = connect(&server);
    let took = server.stop();
    assert!(took < Duration::from_secs(2), "{took:?}");
    let mut rest = Vec::new();
    events.0.read_to_end(&mut rest).expect("the stream ends");
    assert!(rest.ends_with(b"0\r\n\r\n"), "the stream ends in order");
    drop(idle);
}

#[test]
fn server_accepts_only_get_and_head() {
    let _shared = serial::shared();
    let server = Server::start(published(snapshot(), true));
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
        for path in ["/", "/metrics", "/api/v1/queues", "/nowhere"] {
            let answer = raw(
                &server,
                &format!("{method} {path} HTTP/1.1\r\nhost: t\r\ncontent-length: 0\r\n\r\n"),
            );
            assert!(answer.starts_with("HTTP/1.1 405"), "{method} {path}: {answer}");
            assert!(answer.contains("allow: GET, HEAD\r\n"), "{answer}");
        }
    }
    let head = raw(&server, "HEAD /api/v1/queues HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
}

#[test]
fn server_refuses_bodies_and_large_heads() {
    let _shared = serial::shared();
    let server = Server::start(published(snapshot(), true));
    let with_body =
        raw(&server, "GET /healthz HTTP/1.1\r\nhost: t\r\ncontent-length: 5\r\n\r\nhello");
    assert!(with_body.starts_with("HTTP/1.1 413"), "{with_body}");
    let many = (0..70).map(|index| format!("x-{index}: 1\r\n")).collect::<String>();
    let many = raw(&server, &format!("GET /healthz HTTP/1.1\r\nhost: t\r\n{many}\r\n"));
    assert!(many.starts_with("HTTP/1.1 431"), "{many}");
    let large = raw(
        &server,
        &format!("GET /healthz HTTP/1.1\r\nhost: t\r\nx: {}\r\n\r\n", "a".repeat(20_000)),
    );
    assert!(large.starts_with("HTTP/1.1 431"), "{large}");
}

#[test]
fn unknown_paths_answer_404_and_json_under_api() {
    let _shared = serial::shared();
    let server = Server::start(published(snapshot(), true));
    assert_eq!(get(&server, "/nowhere").status, 404);
    let answer = get(&server, "/api/v2/queues");
    assert_eq!((answer.status, answer.header("content-type")), (404, "application/json"));
    assert!(answer.json()["error"].as_str().is_some_and(|text| text.starts_with("no such path")));
}

#[test]
fn answers_have_security_headers_and_the_page_allows_only_itself() {
    let _shared = serial::shared();
    let server = Server::start(published(snapshot(), true));
    for path in
        ["/", "/metrics", "/healthz", "/readyz", "/api/v1/queues", "/api/v1/status", "/nowhere"]
    {
        let answer = get(&server, path);
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert!(
            answer.header("content-security-policy").starts_with("default-src 'none'"),
            "{path}"
        );
    }
    let page = get(&server, "/");
    let policy = page.header("content-security-policy");
    assert!(policy.contains("script-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    // The only address in it is the name of the SVG vocabulary, and no browser loads it.
    let text = page.body.replace("http://www.w3.org/2000/svg", "");
    for outside in ["http://", "https://", "//cdn", "@import", " src=", "innerHTML"] {
        assert!(!text.contains(outside), "the page holds {outside:?}");
    }
    assert!(
        text.split(" href=").skip(1).all(|target| target.starts_with("\"data:")),
        "links out of the page"
    );
}
