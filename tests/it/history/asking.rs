//! Rows over several queues or channels, and rows of zeros.

use std::collections::BTreeSet;

use nabiz::ledger::history::{By, Fill, HistoryRow, Query, Step, WaitTarget};
use nabiz_core::settings::Formula;
use nabiz_core::time::{Millis, Timestamp};

use super::fixture::{FACT, Fact, Fixture, INTERVAL_MS, Kind, exact, ms, query};
use crate::harness::serial;

const DAY_MS: i64 = 86_400_000;

/// Returns the start, queue and channel of a row, with its offered-like number: what was answered.
fn seen(rows: &[HistoryRow]) -> Vec<(i64, &str, &str, u64)> {
    rows.iter()
        .map(|row| (row.range.start.get(), &*row.queue, &*row.channel, row.counts.visits.answered))
        .collect()
}

#[test]
fn row_by_queue_channel_or_all_adds_up_what_it_is_over() {
    let _shared = serial::shared();
    let start_ms = ms("2026-01-05T08:00:00Z");
    let mut fixture = Fixture::new("");
    let facts: Vec<Fact> = ["billing", "fault"]
        .into_iter()
        .flat_map(|queue| ["chat", "phone"].map(|channel| (queue, channel)))
        .zip(1..)
        .flat_map(|((queue, channel), number)| {
            (0..20 * number).map(move |second| Fact {
                time_ms: start_ms,
                queue,
                channel,
                duration_ms: 1_000 * (second + 1),
                ..FACT
            })
        })
        .collect();
    fixture.add_facts(&facts);
    fixture.add_agents(start_ms, "fault", [300, 500, 100, 50, 0]);
    fixture.add_agents(start_ms, "billing", [300, 500, 100, 50, 0]);
    fixture.sql(&format!("INSERT INTO head_intervals VALUES ({start_ms}, 300, 500, 100, 50, 0)"));
    let asked = |by| Query { by, ..query(start_ms, start_ms + INTERVAL_MS, Step::QuarterHour) };
    for (by, expected) in [
        (By::Queue, vec![("billing", "", 60), ("fault", "", 140)]),
        (By::Channel, vec![("", "chat", 80), ("", "phone", 120)]),
        (By::All, vec![("", "", 200)]),
    ] {
        let rows = fixture.rows(asked(by));
        let rows_seen: Vec<_> = seen(&rows)
            .into_iter()
            .map(|(_, queue, channel, count)| (queue, channel, count))
            .collect();
        assert_eq!(rows_seen, expected, "{by:?}");
        for row in &rows {
            let is_of_row = |fact: &&Fact| {
                ["", fact.queue].contains(&&*row.queue)
                    && ["", fact.channel].contains(&&*row.channel)
            };
            let waits: Vec<u64> =
                facts.iter().filter(is_of_row).map(|fact| fact.duration_ms).collect();
            assert_eq!(row.counts.sums.wait_sum_ms, waits.iter().sum::<u64>(), "{by:?}");
            let p90 = exact(&waits, 0.9).expect("waits");
            let merged = row.wait_quantiles.map(|quantiles| quantiles[1].get()).expect("quantiles");
            assert!(merged.abs_diff(p90) as f64 <= p90 as f64 * 0.01, "{merged} is not {p90}");
        }
        let agents: Vec<_> =
            rows.iter().map(|row| row.agent_time.map(|time| time[1].get())).collect();
        let expected_agents = match by {
            By::Queue => vec![Some(500), Some(500)],
            // An agent of two queues has time in both, and is in the row over everything once.
            By::All => vec![Some(500)],
            _ => vec![None; expected.len()],
        };
        assert_eq!(agents, expected_agents, "{by:?}");
    }
    // Of a part of the queues, and of time before the table, it is not known.
    let of_two = Query { queues: vec!["billing".into(), "fault".into()], ..asked(By::All) };
    assert_eq!(fixture.rows(of_two)[0].agent_time, None);
    fixture.sql(&format!("INSERT INTO facts VALUES ('further_since_ms', {})", start_ms + 1));
    assert_eq!(fixture.rows(asked(By::All))[0].agent_time, None);
}

#[test]
fn row_over_queues_has_no_target_and_no_level_when_they_differ() {
    let _shared = serial::shared();
    let start_ms = ms("2026-01-05T08:00:00Z");
    let all = |fixture: &Fixture| {
        let query =
            Query { by: By::All, ..query(start_ms, start_ms + INTERVAL_MS, Step::QuarterHour) };
        fixture.rows(query).pop().expect("a row")
    };
    let facts = ["billing", "fault"].map(|queue| Fact { time_ms: start_ms, queue, ..FACT });
    let mut fixture = Fixture::new("");
    fixture.add_facts(&facts);
    let target = WaitTarget { wait: Millis(20_000), ratio: 0.8 };
    assert_eq!((all(&fixture).target, all(&fixture).formula), (Some(target), Some(Formula::Live)));
    let mut fixture = Fixture::new("[queues.fault]\nformula = 'answered_only'");
    fixture.add_facts(&facts);
    assert_eq!((all(&fixture).formula, all(&fixture).service_level()), (None, None));
    fixture.sql("UPDATE intervals SET target_wait_ms = 30000 WHERE queue = (SELECT id FROM names WHERE name = 'fault')");
    assert_eq!(all(&fixture).target, None);
}

/// A ledger of Monday that is closed until `closed`, with an answer of `fault` at 09:00 and one of
/// `billing` at 11:30.
fn monday(toml: &str, closed: &str) -> Fixture {
    let mut fixture = Fixture::new(toml);
    fixture.add_facts(&[
        Fact { time_ms: ms("2026-01-05T09:00:00+03:00"), ..FACT },
        Fact { time_ms: ms("2026-01-05T11:30:00+03:00"), queue: "billing", ..FACT },
    ]);
    fixture.advance(99, Timestamp(ms(closed) + 60_000));
    fixture
}

fn monday_query(fill: Fill, step: Step) -> Query {
    let from_ms = ms("2026-01-05T00:00:00+03:00");
    Query { fill, ..query(from_ms, from_ms + DAY_MS, step) }
}

#[test]
fn filled_history_has_every_step_that_is_known_and_no_other() {
    let _shared = serial::shared();
    let fixture = monday("[queues.never]\nchannel = 'chat'", "2026-01-05T11:45:00+03:00");
    let rows = fixture.rows(monday_query(Fill::All, Step::HalfHour));
    let known: Vec<_> = rows.iter().filter(|row| !row.open).collect();
    // From 09:00, where the ledger begins, to 11:30: the half hour after it is not read to its end.
    assert_eq!(known.len(), 5 * 3);
    for (index, row) in known.iter().enumerate() {
        let start_ms = ms("2026-01-05T09:00:00+03:00") + (index / 3) as i64 * 2 * INTERVAL_MS;
        let expected = [("billing", "phone"), ("fault", "phone"), ("never", "chat")][index % 3];
        assert_eq!((row.range.start.get(), (&*row.queue, &*row.channel)), (start_ms, expected));
        assert_eq!(row.counts.visits.answered, u64::from(index == 1), "{index}");
        assert_eq!(row.wait_quantiles.is_some(), index == 1);
    }
    // What is not known is absent, and what has a number so far is open.
    let open: Vec<_> = rows.iter().filter(|row| row.open).collect();
    assert_eq!(open.len(), 1);
    assert_eq!((&*open[0].queue, open[0].counts.visits.answered), ("billing", 1));
    // A day that is not over has no zeros at all.
    assert_eq!(fixture.rows(monday_query(Fill::All, Step::Day)).len(), 2);
    // Without a closed time there are none.
    let fixture = monday("", "2026-01-05T08:00:00+03:00");
    assert_eq!(fixture.rows(monday_query(Fill::All, Step::HalfHour)).len(), 2);
}

#[test]
fn filled_history_stays_within_what_is_asked_for() {
    let _shared = serial::shared();
    let fixture = monday("[queues.never]\nchannel = 'chat'", "2026-01-06T00:00:00+03:00");
    let filled = monday_query(Fill::All, Step::Hour);
    let names = |queries: Query| -> BTreeSet<(String, String)> {
        let rows = fixture.rows(queries);
        rows.iter().map(|row| (row.queue.to_string(), row.channel.to_string())).collect()
    };
    let one = |queue: &str, channel: &str| BTreeSet::from([(queue.into(), channel.into())]);
    let of_queue = |queue: &str| Query { queues: vec![queue.into()], ..filled.clone() };
    assert_eq!(names(of_queue("billing")), one("billing", "phone"));
    assert_eq!(names(of_queue("never")), one("never", "chat"), "configured, without an event");
    assert_eq!(names(of_queue("nowhere")), BTreeSet::new());
    let chat = Query { channels: vec!["chat".into()], ..filled.clone() };
    assert_eq!(names(chat), one("never", "chat"));
    assert_eq!(names(Query { by: By::All, ..filled.clone() }), one("", ""));
    let all = fixture.rows(Query { by: By::All, ..filled.clone() });
    assert_eq!(all.len(), 15, "09:00 to midnight");
    assert_eq!(all.iter().map(|row| row.counts.visits.answered).sum::<u64>(), 2);
}

#[test]
fn history_filled_in_opening_hours_keeps_what_happened_outside() {
    let _shared = serial::shared();
    let mut fixture = monday(
        "[queues.fault]\nopening_hours = 'Mo-Fr 09:45-12:00'\n\
         [queues.billing]\nopening_hours = 'Mo-Fr 10:00-11:00'\nholidays = ['2026-01-05']",
        "2026-01-06T00:00:00+03:00",
    );
    // Agents are offline around the clock, and one is there after it.
    for quarter in 0..32 {
        let start_ms = ms("2026-01-05T09:00:00+03:00") + quarter * INTERVAL_MS;
        fixture.add_agents(start_ms, "fault", [0, 0, 0, 0, 900_000]);
    }
    fixture.add_agents(ms("2026-01-05T18:00:00+03:00"), "fault", [1, 0, 0, 0, 0]);
    fixture.advance(99, Timestamp(ms("2026-01-06T00:00:00+03:00") + 60_000));
    let rows = fixture.rows(monday_query(Fill::Open, Step::HalfHour));
    let of = |queue: &str| -> Vec<(String, u64)> {
        let zone = fixture.settings.windows.business_day.zone();
        rows.iter()
            .filter(|row| &*row.queue == queue)
            .map(|row| {
                let text = nabiz::ledger::history::local_time(row.range.start, zone);
                (text["2026-01-05T".len()..][..5].to_string(), row.counts.visits.answered)
            })
            .collect()
    };
    let expected = |rows: &[(&str, u64)]| -> Vec<(String, u64)> {
        rows.iter().map(|(time, count)| (time.to_string(), *count)).collect()
    };
    assert_eq!(
        of("fault"),
        expected(&[
            ("09:00", 1),
            ("09:30", 0),
            ("10:00", 0),
            ("10:30", 0),
            ("11:00", 0),
            ("11:30", 0),
            ("18:00", 0),
        ])
    );
    assert_eq!(of("billing"), expected(&[("11:30", 1)]), "a holiday has no opening hours");
}

#[test]
fn filled_history_is_the_history_and_zeros() {
    let _shared = serial::shared();
    // The hour that comes twice, and a day of 25 hours.
    let (from_ms, to_ms) = (ms("2026-10-24T00:00:00+02:00"), ms("2026-10-27T00:00:00+01:00"));
    let mut fixture = Fixture::new("[windows]\ntime_zone = 'Europe/Berlin'");
    let facts: Vec<Fact> = (0..60)
        .map(|number: i64| Fact {
            time_ms: from_ms + number * number * 71_000,
            queue: ["billing", "fault"][(number % 2) as usize],
            kind: [Kind::Answered, Kind::Abandoned, Kind::Handled][(number % 3) as usize],
            ..FACT
        })
        .collect();
    fixture.add_facts(&facts);
    fixture.advance(99, Timestamp(to_ms + 60_000));
    for (step, steps) in [
        (Step::QuarterHour, 73 * 4),
        (Step::HalfHour, 73 * 2),
        (Step::Hour, 73),
        (Step::Day, 3),
        (Step::All, 1),
    ] {
        let plain = fixture.rows(query(from_ms, to_ms, step));
        let filled = fixture.rows(Query { fill: Fill::All, ..query(from_ms, to_ms, step) });
        assert_eq!(filled.len(), steps * 2, "{step:?}");
        let is_zero = |row: &HistoryRow| {
            let counts = &row.counts;
            counts.visits.answered + counts.visits.abandoned + counts.sums.handled == 0
        };
        let (zeros, rest): (Vec<_>, Vec<_>) = filled.into_iter().partition(is_zero);
        assert_eq!(rest, plain, "{step:?}");
        assert_eq!(zeros.len() + rest.len(), steps * 2);
    }
}
