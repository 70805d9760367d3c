//! The answers of `nabiz serve` after it has read the whole input, in one go or with a ledger from
//! before.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::LazyLock;

use super::expected::assert_all_expected;
use super::exposition::{protobuf_as_text, without_help};
use super::fixture::{Broker, Labels, Record, Run, records};
use super::json::laid_out;
use super::program::{Served, nabiz, output_of, text, wait_for};
use super::stored;
use crate::harness::serial;

const PROTOBUF: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.9,text/plain;q=0.5";
const PERIOD: &str = "from=2026-01-05&to=2026-01-07";

/// The answers of a run, by the name of the expected file.
pub(super) type Answers = BTreeMap<&'static str, String>;

/// Waits until the ledger holds everything that was read.
pub(super) fn wait_until_stored(run: &Run, records: &[Record]) {
    let mut ends: BTreeMap<(String, i32), i64> = BTreeMap::new();
    for record in records {
        *ends.entry((record.topic.clone(), record.partition)).or_default() += 1;
    }
    wait_for("everything stored", || {
        let found = stored::offsets(&run.ledger());
        if found == ends { Ok(()) } else { Err(format!("{found:?} of {ends:?}")) }
    });
}

/// Returns the contact numbers in every form.
fn numbers(served: &Served) -> Answers {
    BTreeMap::from([
        ("metrics.txt.gz", without_help(&served.get_text("/metrics"))),
        (
            "metrics.protobuf.txt.gz",
            protobuf_as_text(&served.get("/metrics", &[("accept", PROTOBUF)])),
        ),
        ("queues.json.gz", laid_out(&served.get_text("/api/v1/queues"))),
        ("queue.json", laid_out(&served.get_text("/api/v1/queues/fault"))),
        ("queue_by_alias.json", laid_out(&served.get_text("/api/v1/queues/601"))),
        ("status.json", laid_out(&served.get_text("/api/v1/status"))),
        ("readyz.json", laid_out(&served.get_text("/readyz"))),
    ])
}

/// Returns the interval history by HTTP.
fn history(served: &Served) -> Answers {
    let get = |rest: &str| served.get_text(&format!("/api/v1/history?{PERIOD}&{rest}"));
    BTreeMap::from([
        ("history_15m.csv.gz", get("format=csv")),
        ("history_fault_1h.csv", get("format=csv&step=1h&queue=fault")),
        ("history_1d.json", laid_out(&get("step=1d&channel=phone&queue=fault&queue=601"))),
    ])
}

/// Status and headers of answers, also of those that refuse.
fn answers(served: &Served) -> String {
    let bad_history = "/api/v1/history?from=yesterday&to=2026-01-07";
    type Headers = &'static [(&'static str, &'static str)];
    let asked: [(&str, &str, Headers); 17] = [
        ("GET", "/", &[]),
        ("GET", "/healthz", &[]),
        ("GET", "/readyz", &[]),
        ("HEAD", "/readyz", &[]),
        ("POST", "/readyz", &[]),
        ("GET", "/metrics", &[]),
        ("GET", "/metrics", &[("accept", PROTOBUF)]),
        ("GET", "/metrics", &[("accept-encoding", "gzip;q=0")]),
        ("GET", "/api/v1/queues", &[]),
        ("GET", "/api/v1/queues/nobody", &[]),
        ("GET", "/api/v1/status", &[]),
        ("GET", "/api/v1/history?from=2026-01-05&to=2026-01-06", &[]),
        ("GET", "/api/v1/history?from=2026-01-05&to=2026-01-06", &[("accept", "text/csv")]),
        ("GET", "/api/v1/history", &[]),
        ("GET", bad_history, &[]),
        ("GET", "/api/v1/none", &[]),
        ("GET", "/none", &[]),
    ];
    let mut out = String::new();
    for (method, path, headers) in asked {
        let answer = served.ask(method, path, headers).expect("an answer");
        out.push_str(&format!("{method} {path} {headers:?}\n  {}\n", answer.status));
        // The policy of the page has hashes of its content; its length and date change too.
        let named = answer.headers.iter().filter(|(name, _)| {
            let of_the_page = path == "/" && *name == "content-security-policy";
            !of_the_page && !["date", "content-length"].contains(&name.as_str())
        });
        for (name, value) in named {
            out.push_str(&format!("  {name}: {value}\n"));
        }
    }
    out
}

/// Everything read in one run of one process.
static WHOLE: LazyLock<Answers> = LazyLock::new(|| {
    let broker = Broker::full();
    let run = Run::with_ledger("empty.db.gz");
    let served = run.serve(&broker, records().len(), Labels::Merged);
    let mut found = numbers(&served);
    found.insert("stream.txt.gz", {
        let event = served.first_event("/api/v1/stream");
        let (kind, data) = event.split_once("\ndata: ").expect("an event and its data");
        format!("{kind}\n{}", laid_out(data))
    });
    found.insert("answers.txt", answers(&served));
    let zipped = served.get("/metrics", &[("accept-encoding", "gzip")]);
    let mut plain = String::new();
    flate2::read::GzDecoder::new(zipped.as_slice()).read_to_string(&mut plain).expect("gzip");
    found.insert("metrics unzipped", without_help(&plain));
    wait_until_stored(&run, &records());
    found.extend(history(&served));
    served.terminate();
    found.insert("dead_letters.txt", broker.dead_letters());
    let config = run.config();
    let config = config.to_str().expect("a path in UTF-8");
    let command = |rest: &[&str]| {
        let period = ["history", "--config", config, "--from", "2026-01-05", "--to", "2026-01-07"];
        text(&output_of(&mut nabiz(&[&period[..], rest].concat())).stdout).to_owned()
    };
    found.insert("command history_15m.csv.gz", command(&["--format", "csv"]));
    found.insert(
        "command history_fault_1h.csv",
        command(&["--format", "csv", "--step", "1h", "--queue", "fault"]),
    );
    found.insert(
        "command history_1d.json",
        laid_out(&command(&[
            "--format",
            "json",
            "--step",
            "1d",
            "--channel",
            "phone",
            "--queue",
            "fault",
            "--queue",
            "601",
        ])),
    );
    found.insert("history_all.table.txt", command(&["--step", "all"]));
    found
});

/// Another process reads the rest. It continues from a ledger that an earlier version of the
/// program has written: part 1 stays counted by the rules of that version.
static CONTINUED: LazyLock<Answers> = LazyLock::new(|| {
    let broker = Broker::full();
    let run = Run::with_ledger("part1.db.gz");
    let served = run.serve(&broker, records().len(), Labels::Merged);
    let mut found = numbers(&served);
    wait_until_stored(&run, &records());
    found.extend(history(&served));
    served.terminate();
    found
});

fn assert_whole(names: &[&'static str]) {
    assert_all_expected(names.iter().map(|name| (*name, WHOLE[name].as_str())));
}

#[test]
fn metrics_are_as_expected_as_text_and_protobuf() {
    let _shared = serial::shared();
    assert_whole(&["metrics.txt.gz", "metrics.protobuf.txt.gz"]);
    assert!(WHOLE["metrics unzipped"] == WHOLE["metrics.txt.gz"], "gzip changes the answer");
}

#[test]
fn api_answers_are_as_expected() {
    let _shared = serial::shared();
    assert_whole(&[
        "queues.json.gz",
        "queue.json",
        "queue_by_alias.json",
        "status.json",
        "readyz.json",
        "stream.txt.gz",
    ]);
}

#[test]
fn statuses_and_headers_are_as_expected() {
    let _shared = serial::shared();
    assert_whole(&["answers.txt"]);
}

#[test]
fn dead_letters_are_as_expected() {
    let _shared = serial::shared();
    assert_whole(&["dead_letters.txt"]);
}

#[test]
fn history_is_as_expected_by_http_and_command() {
    let _shared = serial::shared();
    let by_both = ["history_15m.csv.gz", "history_fault_1h.csv", "history_1d.json"];
    assert_whole(&by_both);
    assert_whole(&["history_all.table.txt"]);
    for name in by_both {
        assert!(
            WHOLE[format!("command {name}").as_str()] == WHOLE[name],
            "the command prints another {name}"
        );
    }
}

#[test]
fn an_older_ledger_continues_as_expected() {
    let _shared = serial::shared();
    let found = CONTINUED.iter().map(|(name, found)| (format!("continued/{name}"), found));
    let found: Vec<(String, &String)> = found.collect();
    assert_all_expected(found.iter().map(|(name, found)| (name.as_str(), found.as_str())));
}
