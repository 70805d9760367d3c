//! Small inputs from the field, with the right values of `tests/data/field/README.md`. Each runs on
//! the core and on the oracle, with the defaults of the contract.

use std::path::Path;
use std::sync::Arc;

use nabiz_core::shard::Shard;

use crate::contract_cases::number;
use crate::oracle::Oracle;
use crate::oracle::compare::differences;
use crate::oracle::log::{Content, Step, step_oracle, step_shard};
use crate::oracle::world::{MINUTE, defaults};

/// An instant after the largest event time of a file.
const A_MINUTE_LATER: Option<i64> = Some(MINUTE);

/// Replays a file to `later` past its largest event time, and compares numbers by their names
/// ([`number`]) and everything else of core and oracle.
fn check(file: &str, later: Option<i64>, expected: &[(&str, u64)]) {
    let settings = Arc::new(defaults());
    let (mut shard, mut oracle) =
        (Shard::new(Arc::clone(&settings), [1; 16]), Oracle::new(Arc::clone(&settings)));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/field").join(file);
    let text = std::fs::read_to_string(&path).expect("the file");
    let read = text.lines().map(|line| {
        let content = match file.ends_with(".log") {
            true => Content::QueueLog(line.as_bytes().to_vec()),
            false => Content::CloudEvent(line.to_owned()),
        };
        Step::Read { content, timestamp_ms: None }
    });
    let mut position = 0;
    let mut step = |shard: &mut Shard, oracle: &mut Oracle, step: Step| {
        let outcome = step_shard(shard, &step, position).as_ref().map(Into::into);
        assert_eq!(outcome, step_oracle(oracle, &settings, &step, position), "{file}: {step}");
        let found = differences(&settings, &shard.snapshot(), &oracle.snapshot());
        assert!(found.is_empty(), "{file} after {step}:\n{}", found.join("\n"));
        position += 1;
    };
    for record in read {
        step(&mut shard, &mut oracle, record);
    }
    if let (Some(later), Some(stream_time)) = (later, shard.stream_time()) {
        step(&mut shard, &mut oracle, Step::Advance(stream_time.get() + later));
    }
    step(&mut shard, &mut oracle, Step::RejectHeld);
    let snapshot = shard.snapshot();
    for (name, value) in expected {
        assert_eq!(number(&settings, &snapshot, name), *value, "{file}: {name}");
    }
}

#[test]
fn dump_by_an_agent_ends_the_offer_and_not_the_visit() {
    check(
        "01-agentdump-then-connect.log",
        A_MINUTE_LATER,
        &[
            ("fault offered", 1),
            ("fault answered", 1),
            ("fault wait_ms", 12_000),
            ("fault answered_in_target", 1),
            ("fault met", 1),
            ("fault missed", 0),
            ("fault left", 0),
            ("fault not_answered", 2),
            ("agent_ms fault busy", 100_000),
        ],
    );
    check(
        "02-agentdump-then-abandon.log",
        None,
        &[
            ("fault offered", 2),
            ("fault abandoned", 1),
            ("fault abandon_wait_ms", 40_000),
            ("fault left", 1),
            ("fault missed", 2),
            ("fault not_answered", 2),
        ],
    );
}

#[test]
fn visit_counts_once_when_two_lines_end_it() {
    check(
        "03-two-abandon-lines.log",
        None,
        &[
            ("fault offered", 4),
            ("fault abandoned", 3),
            ("fault abandon_wait_ms", 21_000),
            ("fault left", 1),
            ("records duplicate", 4),
        ],
    );
}

#[test]
fn talk_of_an_attended_transfer_is_found_by_its_method() {
    check(
        "15-trailing-pipes.log",
        None,
        &[("q1 handled", 4), ("q1 handle_ms", 240_000), ("q1 left", 1), ("q1 abandoned", 1)],
    );
}

#[test]
fn lost_visit_is_remembered_from_its_loss() {
    check(
        "20-lost-is-remembered.log",
        None,
        &[
            ("q offered", 2),
            ("q lost", 1),
            ("q abandoned", 0),
            ("q missed", 2),
            ("records duplicate", 1),
        ],
    );
}

#[test]
fn restarted_source_ends_conversations_and_calls() {
    check(
        "10-crash-in-conversation.log",
        A_MINUTE_LATER,
        &[
            ("sales offered", 4),
            ("sales lost", 1),
            ("sales in_service", 0),
            ("sales handled", 0),
            ("agents sales available", 2),
            ("agents sales busy", 0),
            // From 15 s to 60 s, and from 26 s to 60 s.
            ("agent_ms sales busy", 79_000),
        ],
    );
}

#[test]
fn agent_is_busy_until_the_last_of_two_calls_ends() {
    check(
        "12-ringinuse-two-calls.log",
        A_MINUTE_LATER,
        &[
            ("agents q1 busy", 1),
            ("q1 in_service", 1),
            ("agent_ms q1 available", 12_000),
            ("agent_ms q1 busy", 90_000),
        ],
    );
}

#[test]
fn unpausing_does_not_log_an_agent_in() {
    check(
        "21-unpause-after-logoff.log",
        A_MINUTE_LATER,
        &[
            ("agent_ms none available", 900_000),
            ("agent_ms none offline", 1_000),
            ("agents none offline", 1),
        ],
    );
}

#[test]
fn end_that_names_a_queue_ends_the_conversation_in_that_queue() {
    check(
        "22-end-of-another-queue.ndjson",
        None,
        &[("p handle_ms", 71_000), ("q handle_ms", 25_000), ("q in_service", 0)],
    );
}

#[test]
fn complete_implies_the_answer() {
    check(
        "24-complete-without-connect.log",
        None,
        &[
            ("q01 answered", 1),
            ("q01 wait_ms", 12_000),
            ("q01 met", 1),
            ("q01 missed", 0),
            ("q01 handle_ms", 6_000),
            ("q01 lost", 0),
        ],
    );
}

#[test]
fn handle_time_has_the_channel_of_its_own_visit() {
    check(
        "25-channel-of-handle-time.ndjson",
        None,
        &[("p/phone handle_ms", 60_000), ("p/chat handled", 0), ("q/chat handled", 0)],
    );
}

#[test]
fn resolved_contact_is_forgotten_when_no_reply_came() {
    check("23-resolved-without-reply.ndjson", None, &[("started petition", 2)]);
}

#[test]
fn late_batch_is_counted_as_it_was_when_it_comes_in_order() {
    check(
        "19-late-batch.log",
        A_MINUTE_LATER,
        &[("q1 answered", 2), ("q1 met", 2), ("q1 missed", 0), ("q1 revoked", 0)],
    );
}

#[test]
fn negative_hold_is_zero_and_costs_no_call() {
    check(
        "13-negative-hold.log",
        None,
        &[
            ("q1 answered", 2),
            ("q1 wait_ms", 2_000),
            ("q1 abandoned", 1),
            ("q1 abandon_wait_ms", 0),
            ("q1 lost", 0),
            ("skew", 2),
            ("records rejected", 0),
        ],
    );
}
