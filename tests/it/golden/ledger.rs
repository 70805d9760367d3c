//! The bytes that the program stores for the first part of the input.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::expected::{self, assert_all_expected, assert_expected, is_update};
use super::exposition::without_help;
use super::fixture::{Broker, Labels, Run, first_part};
use super::program::{Served, nabiz, output_of, text, wait_for};
use super::served::wait_until_stored;
use super::stored;
use crate::harness::serial;

/// Largest number of runs until one has no checkpoint in the middle of reading.
const TRIES: usize = 8;

/// Waits until a checkpoint is made, also one without changes. The next follows two seconds later.
fn wait_for_checkpoint(served: &Served) {
    let stored_at = || {
        let metrics = served.get_text("/metrics");
        metrics
            .lines()
            .find(|line| line.starts_with("nabiz_checkpoint_timestamp_seconds "))
            .map(str::to_owned)
    };
    let before = stored_at();
    wait_for("a checkpoint", || {
        if stored_at() == before { Err(format!("{before:?}")) } else { Ok(()) }
    });
}

/// The result of a run over the first part of the input, by the name of the expected file. All of
/// it is in one checkpoint, and a second comes at the end of the process: the bytes depend on which
/// chunks a checkpoint finds changed.
static PART_ONE: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let records = first_part();
    for _ in 0..TRIES {
        let broker = Broker::empty();
        let run = Run::with_ledger("empty.db.gz");
        let mut served = run.serve(&broker, 0, Labels::ByShard);
        wait_for_checkpoint(&served);
        let before = stored::checkpoints(&run.ledger());
        broker.write(&records);
        served.wait_until_read(records.len());
        wait_until_stored(&run, &records);
        let after = stored::checkpoints(&run.ledger());
        let metrics = without_help(&served.get_text("/metrics"));
        served.terminate();
        if before.iter().zip(&after).all(|(before, after)| before + 1 == *after) {
            keep_ledger(&run);
            let mut found = stored::texts(&run.ledger());
            found.insert("metrics_by_shard.txt.gz".to_owned(), metrics);
            return found;
        }
    }
    panic!("in {TRIES} runs there was always a checkpoint before everything was read");
});

/// Keeps the ledger as a fixture where there is none yet. It is never replaced: it holds the bytes
/// that the program of that time wrote.
fn keep_ledger(run: &Run) {
    let fixture = expected::path("data/part1.db.gz");
    if is_update() && !fixture.exists() {
        expected::write(&fixture, &std::fs::read(run.ledger()).expect("the ledger"));
    }
}

/// Compares the texts whose names begin with `start`.
fn assert_part_one(start: &str) {
    let named = PART_ONE.iter().filter(|(name, _)| name.starts_with(start));
    assert_all_expected(named.map(|(name, found)| (name.as_str(), found.as_str())));
}

#[test]
fn metrics_by_shard_are_as_expected() {
    let _shared = serial::shared();
    assert_part_one("metrics_by_shard");
}

#[test]
fn a_stored_ledger_shows_what_was_stored() {
    let broker = Broker::empty();
    let records = first_part();
    broker.write(&records);
    let run = Run::with_ledger("part1.db.gz");
    let served = run.serve(&broker, records.len(), Labels::ByShard);
    let metrics = without_help(&served.get_text("/metrics"));
    assert_expected("metrics_of_part1_by_shard.txt.gz", &metrics);
}

#[test]
fn stored_pieces_are_as_expected() {
    let _shared = serial::shared();
    assert_part_one("stored/piece");
}

#[test]
fn stored_tables_are_as_expected() {
    let _shared = serial::shared();
    assert_part_one("stored/table");
}

#[test]
fn history_command_reads_a_stored_ledger_without_changing_it() {
    let _shared = serial::shared();
    let run = Run::with_ledger("part1.db.gz");
    let before = std::fs::read(run.ledger()).expect("the ledger");
    let config = run.configure_alone();
    let arguments =
        ["history", "--config", config.to_str().expect("UTF-8"), "--from", "2026-01-05"];
    let csv = output_of(&mut nabiz(
        &[&arguments[..], &["--to", "2026-01-06", "--step", "30m", "--format", "csv"]].concat(),
    ));
    assert_expected("history_of_part1_30m.csv.gz", text(&csv.stdout));
    assert!(
        std::fs::read(run.ledger()).expect("the ledger") == before,
        "reading changed the ledger"
    );
}
