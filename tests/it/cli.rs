//! The commands of nabiz, run as a user runs them: replays against hand-counted and simulated
//! truth, a queue without agents, and the demo.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::harness::serial;
use nabiz::exposition::catalogue::{self, Kind, Source};
use nabiz_dev::scrape::Scrape;
use serde_json::Value;

fn nabiz(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nabiz"));
    command.args(arguments);
    command
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

fn scraped(output: &Output) -> Scrape {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    Scrape::parse(text(&output.stdout))
}

fn last_line(output: &Output) -> &str {
    text(&output.stderr).lines().last().unwrap_or_default()
}

/// A child that does not outlive its test.
struct Running(Child);

impl Running {
    /// Waits for the end, at most for `within`; the exit code.
    fn ended(&mut self, within: Duration) -> Option<i32> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.0.try_wait().expect("its status") {
                return status.code();
            }
            assert!(Instant::now() < deadline, "it has not ended within {within:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs `nabiz simulate … --output - --truth T | nabiz replay -`. Returns the truth and the output
/// of the replay.
fn simulated_and_replayed(arguments: &[&str]) -> (Value, Output) {
    let folder = tempfile::tempdir().expect("a folder");
    let truth = folder.path().join("truth.json");
    let mut simulation = nabiz(&["simulate", "--speed", "max", "--output", "-"])
        .args(arguments)
        .arg("--truth")
        .arg(&truth)
        .stdout(Stdio::piped())
        .spawn()
        .map(Running)
        .expect("the simulation starts");
    let events = simulation.0.stdout.take().expect("standard output");
    let replayed = nabiz(&["replay", "-", "--simulated", "--strict"])
        .stdin(events)
        .output()
        .expect("the replay runs");
    assert_eq!(simulation.ended(Duration::from_secs(60)), Some(0));
    let truth = serde_json::from_slice(&std::fs::read(&truth).expect("the truth")).expect("JSON");
    (truth, replayed)
}

/// Checks that every sample of the truth is in the exposition with the same value, and that no
/// metric of the truth has another sample that is not 0.
fn assert_same(truth: &Value, replayed: &Output, at_least: usize) {
    let found = scraped(replayed);
    let metrics = truth["metrics"].as_object().expect("metrics");
    assert!(metrics.len() >= at_least, "{:?}", metrics.keys());
    for (name, samples) in metrics {
        let mut known: BTreeSet<BTreeMap<String, String>> = BTreeSet::new();
        for sample in samples.as_array().expect("samples") {
            let labels: BTreeMap<String, String> =
                serde_json::from_value(sample["labels"].clone()).expect("labels");
            let pairs: Vec<(&str, &str)> =
                labels.iter().map(|(name, value)| (&**name, &**value)).collect();
            assert_eq!(found.value(name, &pairs), sample["value"].as_f64(), "{name} {labels:?}");
            known.insert(labels);
        }
        for (labels, value) in found.series(name).filter(|(labels, _)| !known.contains(*labels)) {
            assert_eq!(value, 0.0, "{name} {labels:?} is not in the truth");
        }
    }
    let events = &truth["events"];
    let summary = format!("read {events} lines: applied {events}, duplicate 0, late 0, rejected 0");
    assert_eq!(last_line(replayed), summary);
}

#[test]
fn negative_hold_is_zero_and_costs_no_call() {
    let _shared = serial::shared();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/field/13-negative-hold.log");
    let replayed = nabiz(&["replay", file, "--format", "asterisk_queue_log", "--strict"])
        .output()
        .expect("the replay runs");
    let found = scraped(&replayed);
    let queue = [("queue", "q1"), ("channel", "phone")];
    let waits = |outcome| [queue[0], queue[1], ("outcome", outcome)];
    for (name, expected) in [
        ("nabiz_visits_answered_total", 2.0),
        ("nabiz_visits_abandoned_total", 1.0),
        ("nabiz_visits_lost_total", 0.0),
    ] {
        assert_eq!(found.value(name, &queue), Some(expected), "{name}");
    }
    assert_eq!(found.value("nabiz_wait_seconds_sum", &waits("answered")), Some(2.0), "0 s and 2 s");
    assert_eq!(found.value("nabiz_wait_seconds_sum", &waits("abandoned")), Some(0.0));
    assert_eq!(found.value("nabiz_clock_skew_total", &[]), Some(2.0));
    assert_eq!(
        last_line(&replayed),
        "read 7 lines: applied 7, duplicate 0, late 0, rejected 0, clock skew 2"
    );
}

#[test]
fn replayed_day_equals_the_truth_of_its_simulation() {
    let _shared = serial::shared();
    let (truth, replayed) = simulated_and_replayed(&["--scenario", "ordinary-day", "--seed", "7"]);
    // Every kind of counter but lost visits, which the simulation does not make.
    assert_same(&truth, &replayed, 28);
}

#[test]
fn replayed_pipe_burst_equals_the_truth_of_its_simulation() {
    let _shared = serial::shared();
    let from_nine =
        ["--scenario", "pipe-burst", "--seed", "7", "--start", "2026-01-05T09:00:00+03:00"];
    let (truth, replayed) =
        simulated_and_replayed(&[&from_nine[..], &["--duration", "3h"]].concat());
    assert_same(&truth, &replayed, 20);
    let missed = scraped(&replayed).sum("nabiz_service_level_missed_total", &[("queue", "fault")]);
    assert!(missed > 100.0, "a burst without misses: {missed}");
}

#[test]
fn unanswered_queue_shows_misses_while_callers_wait() {
    let _shared = serial::shared();
    let event = |id: u32, kind: &str, second: &str, data: &str| {
        format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"/pbx","type":"contact.{kind}","time":"2026-01-05T10:0{second}Z","data":{data}}}"#
        )
    };
    let queued = |id, second| {
        event(id, "queued", second, &format!(r#"{{"contact_id":"c{id}","queue":"fault"}}"#))
    };
    let events = [
        queued(1, "0:00"),
        queued(2, "0:05"),
        queued(3, "0:50"),
        event(4, "started", "1:00", r#"{"contact_id":"c4","channel":"phone"}"#),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("events.ndjson");
    std::fs::write(&file, events.join("\n")).expect("written");
    let file = file.to_str().expect("a path in UTF-8");

    let fault = [("queue", "fault"), ("channel", "phone")];
    let in_window = |window| [("queue", "fault"), ("channel", "phone"), ("window", window)];
    // A wait is judged two seconds after its target of 20 s: the third at 10:01:12.
    for (at, missed, longest) in
        [("10:01:00", 2.0, 60.0), ("10:01:11.999", 2.0, 71.999), ("10:01:12", 3.0, 72.0)]
    {
        let found =
            nabiz(&["replay", file, "--strict", "--at", &format!("2026-01-05T{at}Z")]).output();
        let found = scraped(&found.expect("the replay runs"));
        assert_eq!(found.value("nabiz_service_level_missed_total", &fault), Some(missed), "{at}");
        for window in ["5m", "1h", "today"] {
            let labels = in_window(window);
            assert_eq!(
                found.value("nabiz_window_service_level_missed", &labels),
                Some(missed),
                "{at} {window}"
            );
            assert_eq!(
                found.value("nabiz_window_service_level_met", &labels),
                Some(0.0),
                "{at} {window}"
            );
            assert_eq!(
                found.value("nabiz_window_service_level_ratio", &labels),
                Some(0.0),
                "{at} {window}"
            );
            assert_eq!(found.value("nabiz_window_offered", &labels), Some(3.0), "{at} {window}");
        }
        assert_eq!(found.value("nabiz_waiting", &fault), Some(3.0), "{at}");
        assert_eq!(found.value("nabiz_longest_wait_seconds", &fault), Some(longest), "{at}");
        assert_eq!(found.value("nabiz_visits_abandoned_total", &fault), Some(0.0), "{at}");
    }
}

/// A shipper stalls for longer than the target, and then sends two calls in order: both callers
/// were answered in target.
#[test]
fn replayed_late_batch_of_a_queue_log_is_counted_as_it_was() {
    let _shared = serial::shared();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/field/19-late-batch.log");
    let output = nabiz(&["replay", "--format", "asterisk_queue_log", file])
        .output()
        .expect("the replay runs");
    assert_eq!(last_line(&output), "read 6 lines: applied 6, duplicate 0, late 0, rejected 0");
    let found = scraped(&output);
    let labels = [("queue", "q1"), ("channel", "phone")];
    for (name, expected) in [("met", 2.0), ("missed", 0.0), ("revoked", 0.0)] {
        let name = format!("nabiz_service_level_{name}_total");
        assert_eq!(found.value(&name, &labels), Some(expected), "{name}");
    }
}

/// An hour of a small centre with every verb, call by call:
///
/// - support, answered: waits of 3, 5, 8, 12, 15, 18, 20, 21, 25, 30, 40, 60 s with 100 s of talk,
///   and a call that sales handed over: 11 s, talk 50 s
/// - support, abandoned: after 2, 4, 5, 9, 20, 33, 75 s
/// - support, left: two timeouts after 90 s, one empty exit after 10 s, two keys after 7 s and
///   45 s; withdrawn after 12 s, incompatible after 6 s, dropped by the agent and withdrawn after
///   9 s
/// - support: one waits 12 s when Asterisk restarts, one has waited for 25 s at the end
/// - sales: answered after 6, 6, 14, 26, 4, 2 s and handed over after 30, 30, 40, 20, 10, 25 s
/// - billing: five are rejected at entry, one leaves because no agent serves the queue
#[test]
fn replayed_queue_log_equals_numbers_counted_by_hand() {
    let _shared = serial::shared();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/queue_log");
    let output = nabiz(&["replay", "--format", "asterisk_queue_log", file])
        .output()
        .expect("the replay runs");
    // A line twice; two custom verbs, a torn line, and a second exit of one caller.
    assert_eq!(
        last_line(&output),
        "read 130 lines: applied 125, duplicate 1, late 0, rejected 4 (orphans 1)"
    );
    assert_eq!(std::fs::read_to_string(file).expect("the file").lines().count(), 130);
    let count = |reason: &str| text(&output.stderr).matches(&format!(": {reason}: ")).count();
    assert_eq!(
        [count("unknown_type"), count("bad_line"), count("orphan")],
        [2, 1, 1],
        "{}",
        text(&output.stderr)
    );

    let found = scraped(&output);
    let expected: [(&str, [f64; 3]); 14] = [
        // In support, sales and billing.
        ("nabiz_visits_offered_total", [30.0, 6.0, 6.0]),
        ("nabiz_visits_answered_total", [13.0, 6.0, 0.0]),
        // All but 21, 25, 30, 40 and 60 s; all but 26 s.
        ("nabiz_visits_answered_in_target_total", [8.0, 5.0, 0.0]),
        ("nabiz_visits_abandoned_total", [7.0, 0.0, 0.0]),
        ("nabiz_visits_abandoned_in_target_total", [5.0, 0.0, 0.0]),
        ("nabiz_visits_abandoned_short_total", [3.0, 0.0, 0.0]),
        ("nabiz_visits_lost_total", [1.0, 0.0, 0.0]),
        ("nabiz_service_level_met_total", [8.0, 5.0, 0.0]),
        // Answered 5, abandoned 2, timeouts 2, a key 1, and the caller that still waits.
        ("nabiz_service_level_missed_total", [11.0, 1.0, 0.0]),
        ("nabiz_not_answered_total", [7.0, 0.0, 0.0]),
        ("nabiz_transfers_total", [0.0, 6.0, 0.0]),
        ("nabiz_handle_seconds_count", [13.0, 6.0, 0.0]),
        ("nabiz_handle_seconds_sum", [1250.0, 155.0, 0.0]),
        ("nabiz_waiting", [1.0, 0.0, 0.0]),
    ];
    let queues = ["support", "sales", "billing"];
    for (name, values) in expected {
        let got = queues.map(|queue| found.value(name, &[("queue", queue), ("channel", "phone")]));
        assert_eq!(got, values.map(Some), "{name}");
    }
    for (reason, values) in [
        ("timeout", [2.0, 0.0, 0.0]),
        // FULL and the two DIVERT verbs.
        ("full", [0.0, 0.0, 3.0]),
        ("empty", [1.0, 0.0, 2.0]),
        ("exit_key", [2.0, 0.0, 0.0]),
        ("withdrawn", [3.0, 0.0, 0.0]),
        ("transfer", [0.0, 0.0, 0.0]),
        ("callback", [0.0, 0.0, 0.0]),
        ("closed", [0.0, 0.0, 1.0]),
    ] {
        let got = queues.map(|queue| {
            found.sum("nabiz_visits_left_total", &[("queue", queue), ("reason", reason)])
        });
        assert_eq!(got, values, "left {reason}");
    }
    let waits = |part: &str, outcome| {
        let name = format!("nabiz_wait_seconds_{part}");
        queues.map(|queue| found.sum(&name, &[("queue", queue), ("outcome", outcome)]))
    };
    assert_eq!(waits("count", "answered"), [13.0, 6.0, 0.0]);
    assert_eq!(waits("sum", "answered"), [268.0, 58.0, 0.0]);
    assert_eq!(waits("count", "abandoned"), [7.0, 0.0, 0.0]);
    assert_eq!(waits("sum", "abandoned"), [148.0, 0.0, 0.0]);
}

/// Returns whether a scrape has a sample of a metric of the catalogue.
fn has_samples(scrape: &Scrape, metric: &catalogue::Metric) -> bool {
    // The page of text cannot carry it.
    if metric.kind == Kind::GaugeHistogram {
        return true;
    }
    let name = match metric.kind {
        Kind::Histogram => format!("{}_count", metric.name),
        _ => metric.name.to_owned(),
    };
    scrape.series(&name).next().is_some()
}

/// Returns the sum of a counter over some channels.
fn over(scrape: &Scrape, metric: &str, channels: &[&str]) -> f64 {
    channels.iter().map(|channel| scrape.sum(metric, &[("channel", channel)])).sum()
}

#[test]
fn demo_shows_every_metric_and_its_contacts_move() {
    let _shared = serial::shared();
    const WRITTEN: [&str; 4] = ["email", "social", "mobile_app", "petition"];
    // More arrivals than by default, so that a message arrives within seconds.
    let mut demo =
        nabiz(&["demo", "--duration", "20s", "--rate-scale", "20", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .map(Running)
            .expect("the demo starts");
    let mut lines = BufReader::new(demo.0.stdout.take().expect("standard output"))
        .lines()
        .map_while(Result::ok);
    let page = lines
        .find_map(|line| line.strip_prefix("page").map(|url| url.trim().to_owned()))
        .expect("an address");
    let get = |path: &str| -> Option<String> {
        let mut answer = ureq::get(format!("{page}{path}")).call().ok()?;
        answer.body_mut().read_to_string().ok()
    };
    assert!(get("").is_some_and(|page| page.starts_with("<!doctype html>")), "no page");

    // The demo ends by itself, and then requests fail: that bounds the waits.
    let mut missing = Vec::new();
    let first = loop {
        let scrape = Scrape::parse(
            &get("metrics").unwrap_or_else(|| panic!("the demo ended without {missing:?}")),
        );
        let contacts = catalogue::ALL.iter().filter(|metric| metric.source == Source::Contacts);
        missing = contacts
            .filter(|metric| !has_samples(&scrape, metric))
            .map(|metric| metric.name)
            .collect();
        if missing.is_empty() {
            break scrape;
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    let mut moved = [false; 3];
    while moved != [true; 3] {
        std::thread::sleep(Duration::from_millis(200));
        let text = get("metrics")
            .unwrap_or_else(|| panic!("the demo ended; offered, answered, written: {moved:?}"));
        let scrape = Scrape::parse(&text);
        let rose =
            |metric, channels| over(&scrape, metric, channels) > over(&first, metric, channels);
        moved[0] |= rose("nabiz_visits_offered_total", &["phone"]);
        moved[1] |= rose("nabiz_visits_answered_total", &["phone"]);
        moved[2] |= [
            "nabiz_contacts_started_total",
            "nabiz_visits_answered_total",
            "nabiz_handle_seconds_count",
        ]
        .into_iter()
        .any(|metric| rose(metric, &WRITTEN));
        assert_eq!(scrape.fallen_since(&first), Vec::<String>::new());
    }
    assert_eq!(demo.ended(Duration::from_secs(60)), Some(0));
}

#[test]
fn command_names_what_is_allowed_when_a_variable_of_the_log_is_wrong() {
    let _shared = serial::shared();
    let levels = "allowed are off, error, warn, info, debug, trace, and TARGET=LEVEL";
    let formats = "allowed are text and json";
    // One command that logs, and one that does not.
    for arguments in [&["demo", "--duration", "1s", "--listen", "127.0.0.1:0"][..], &["schema"]] {
        for (name, value, allowed) in [
            ("NABIZ_LOG", "debgu", levels),
            ("NABIZ_LOG", "nabiz=loud", levels),
            ("NABIZ_LOG", "info,,nabiz", levels),
            ("NABIZ_LOG_FORMAT", "JSON", formats),
            ("NABIZ_LOG_FORMAT", "pretty", formats),
        ] {
            let output = nabiz(arguments).env(name, value).output().expect("it runs");
            let shown = text(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{arguments:?} {name}={value}: {shown}");
            assert!(shown.starts_with(&format!("nabiz: {name}: ")), "{shown}");
            assert!(shown.contains(allowed), "{shown}");
            assert_eq!(text(&output.stdout), "", "{arguments:?} {name}={value}");
        }
    }
}

#[test]
fn command_runs_when_the_variables_of_the_log_are_right_or_empty() {
    let _shared = serial::shared();
    for (name, value) in [
        ("NABIZ_LOG", ""),
        ("NABIZ_LOG", "off"),
        ("NABIZ_LOG", "WARN"),
        ("NABIZ_LOG", "librdkafka=debug,nabiz=info"),
        ("NABIZ_LOG", "info, nabiz::ingest=trace"),
        ("NABIZ_LOG_FORMAT", ""),
        ("NABIZ_LOG_FORMAT", "text"),
        ("NABIZ_LOG_FORMAT", "json"),
        // Other programs read it too, with their own notation.
        ("RUST_LOG", "nabiz=loud"),
    ] {
        let output = nabiz(&["schema"]).env(name, value).output().expect("it runs");
        let shown = text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{name}={value}: {shown}");
    }
}
