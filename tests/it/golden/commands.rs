//! Commands that print: check, schema, replay and simulate.

use std::collections::BTreeMap;
use std::path::Path;

use super::expected::{assert_all_expected, assert_expected};
use super::exposition::without_help;
use super::fixture::{Run, path_text, records};
use super::program::{nabiz, output_of, text};
use super::stored::sha256;
use crate::harness::serial;

fn printed(arguments: &[&str]) -> String {
    text(&output_of(&mut nabiz(arguments)).stdout).to_owned()
}

#[test]
fn check_prints_the_effective_configuration() {
    let _shared = serial::shared();
    assert_expected(
        "check_deploy.toml",
        &printed(&["check", "--config", "../../../deploy/nabiz.toml"]),
    );
    assert_expected("check_full.toml", &printed(&["check", "--config", "full.toml"]));
    let mut command = nabiz(&["check", "--config", "full.toml"]);
    command
        .env("NABIZ_HTTP__LISTEN", "127.0.0.1:9999")
        .env("NABIZ_WINDOWS__LENGTHS", "2m,10m")
        .env("NABIZ_QUEUES__WATER_QUALITY__TARGET_WAIT", "77s")
        .env("NABIZ_KAFKA__CLIENT__CLIENT_RACK", "here");
    assert_expected("check_environment.toml", text(&output_of(&mut command).stdout));
}

#[test]
fn check_names_every_mistake() {
    let _shared = serial::shared();
    let output = nabiz(&["check", "--config", "wrong.toml"]).output().expect("nabiz starts");
    let mut places = format!("exit code {:?}\n", output.status.code());
    // The wording may change: file, line and key stay.
    for line in text(&output.stderr).lines() {
        let parts: Vec<&str> = line.trim_start_matches("nabiz: ").splitn(3, ": ").take(2).collect();
        places.push_str(&format!("{}\n", parts.join(": ")));
    }
    assert_expected("check_wrong.txt", &places);
    assert!(output.stdout.is_empty());
}

/// Returns JSON without its descriptions, which are prose.
fn without_descriptions(json: &str) -> String {
    fn clear(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(members) => {
                members.retain(|name, value| !(name == "description" && value.is_string()));
                members.values_mut().for_each(clear);
            }
            serde_json::Value::Array(values) => values.iter_mut().for_each(clear),
            _ => {}
        }
    }
    let mut value = serde_json::from_str(json).expect("JSON");
    clear(&mut value);
    format!("{value:#}\n")
}

#[test]
fn schema_is_as_expected() {
    let _shared = serial::shared();
    assert_expected("schema.json", &without_descriptions(&printed(&["schema"])));
    assert_expected(
        "schema_contact.left_queue.json",
        &without_descriptions(&printed(&["schema", "contact.left_queue"])),
    );
    let unknown = nabiz(&["schema", "contact"]).output().expect("nabiz starts");
    assert_eq!(unknown.status.code(), Some(2));
}

/// Returns the metrics of a replay and its standard error: lines and reasons of refusals, numbers
/// of the summary.
fn replayed(arguments: &[&str]) -> String {
    let output = output_of(&mut nabiz(&[&["replay"], arguments].concat()));
    let mut out = String::new();
    for line in text(&output.stderr).lines() {
        match line.strip_prefix("line ") {
            Some(refused) => {
                let parts: Vec<&str> = refused.splitn(3, ": ").take(2).collect();
                out.push_str(&format!("# refused {}\n", parts.join(" ")));
            }
            None => {
                let numbers = line
                    .split(|character: char| !character.is_ascii_digit())
                    .filter(|part| !part.is_empty());
                out.push_str(&format!("# summary {}\n", numbers.collect::<Vec<_>>().join(" ")));
            }
        }
    }
    out + &without_help(text(&output.stdout))
}

#[test]
fn replay_of_a_queue_log_is_as_expected() {
    let _shared = serial::shared();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/queue_log");
    let found = replayed(&["--format", "asterisk_queue_log", path_text(&file)]);
    assert_expected("replay_queue_log.txt.gz", &found);
}

#[test]
fn replay_of_events_is_as_expected() {
    let _shared = serial::shared();
    let run = Run::with_ledger("empty.db.gz");
    let config = run.configure_alone();
    let file = config.with_extension("ndjson");
    let values =
        records().into_iter().filter(|record| record.topic == "calls" && record.headers.is_empty());
    let lines: Vec<String> =
        values.filter_map(|record| record.value).map(|value| value + "\n").collect();
    std::fs::write(&file, lines.concat()).expect("written");
    let (file, config) = (path_text(&file), path_text(&config));
    assert_expected("replay_defaults.txt.gz", &replayed(&[file]));
    assert_expected("replay_configured.txt.gz", &replayed(&[file, "--config", config]));
    let later = ["--config", config, "--at", "2026-01-06T13:37:00+03:00"];
    assert_expected("replay_later.txt.gz", &replayed(&[&[file][..], &later].concat()));
    let strict = nabiz(&["replay", file, "--strict"]).output().expect("nabiz starts");
    assert_eq!(strict.status.code(), Some(1));
}

#[test]
fn simulated_events_and_their_truth_are_as_expected() {
    let _shared = serial::shared();
    let folder = tempfile::tempdir().expect("a folder");
    let (events, truth) = (folder.path().join("events"), folder.path().join("truth"));
    let mut found = BTreeMap::new();
    let mut hashes = String::new();
    for (scenario, start, duration, scale) in [
        ("ordinary-day", "2026-01-05T00:00:00+03:00", "1d", "0.2"),
        ("pipe-burst", "2026-01-05T09:45:00+03:00", "1h", "0.5"),
        ("overnight", "2026-03-28T22:00:00+03:00", "8h", "1"),
    ] {
        let (output, truth_file) = (path_text(&events), path_text(&truth));
        printed(&[
            "simulate",
            "--scenario",
            scenario,
            "--seed",
            "7",
            "--start",
            start,
            "--duration",
            duration,
            "--rate-scale",
            scale,
            "--output",
            output,
            "--truth",
            truth_file,
        ]);
        let bytes = std::fs::read(&events).expect("the events");
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
        hashes.push_str(&format!(
            "{scenario} {lines} lines {} bytes sha256:{}\n",
            bytes.len(),
            sha256(&bytes)
        ));
        let truth = std::fs::read_to_string(&truth).expect("the truth");
        found.insert(format!("simulate/{scenario}.truth.json"), truth);
    }
    found.insert("simulate/events.txt".to_owned(), hashes);
    assert_all_expected(found.iter().map(|(name, found)| (name.as_str(), found.as_str())));
}
