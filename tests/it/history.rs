//! The interval history, compared with sums that the test computes in the plainest way.

mod api;
mod asking;
mod command;
mod export;
pub mod fixture;
mod further;
mod profile;
mod read_only;
mod sql;
mod week;
mod year;

use std::collections::BTreeMap;

use fixture::{FACT, Fact, Fixture, INTERVAL_MS, Kind, exact, ms, query};
use jiff::tz::TimeZone;
use nabiz::ledger::CheckpointRequest;
use nabiz::ledger::history::{By, History, HistoryRow, Query, Step, WaitTarget};
use nabiz_core::measures::{CohortCounts, IntervalCounts, VisitCounts, WaitSums};
use nabiz_core::state::Checkpoint;
use nabiz_core::time::{Millis, Timestamp, WallTime};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::harness::serial;

const QUEUES: [&str; 3] = ["billing", "fault", "water-quality"];
const CHANNELS: [&str; 2] = ["phone", "chat"];

/// Returns facts at random instants of [from, to).
fn random_facts(rng: &mut ChaCha8Rng, from_ms: i64, to_ms: i64, count: usize) -> Vec<Fact> {
    let kinds = [Kind::Answered, Kind::Answered, Kind::Abandoned, Kind::Handled];
    (0..count)
        .map(|_| Fact {
            time_ms: rng.random_range(from_ms..to_ms),
            queue: QUEUES[rng.random_range(0..QUEUES.len())],
            channel: CHANNELS[rng.random_range(0..CHANNELS.len())],
            kind: kinds[rng.random_range(0..kinds.len())],
            // From milliseconds to days, most of them in between.
            duration_ms: 1u64 << rng.random_range(3..28u32) | rng.random_range(0..1_000_000),
        })
        .collect()
}

/// Returns the step of an instant as local time shows it, with the offset of the zone.
fn clock_key(time_ms: i64, step: Step, zone: &TimeZone) -> (String, i32) {
    let time = jiff::Timestamp::from_millisecond(time_ms)
        .expect("within the calendar")
        .to_zoned_datetime(zone.clone());
    let quarter = |minutes: i8| {
        format!("{} {:02}:{:02}", time.date(), time.hour(), time.minute() / minutes * minutes)
    };
    match step {
        Step::QuarterHour => (quarter(15), time.offset().seconds()),
        Step::HalfHour => (quarter(30), time.offset().seconds()),
        Step::Hour => (quarter(60), time.offset().seconds()),
        Step::Day => (time.date().to_string(), 0),
        Step::Week => {
            let week = time.date().iso_week_date();
            (format!("{} {}", week.year(), week.week()), 0)
        }
        Step::Month => (format!("{} {}", time.year(), time.month()), 0),
        Step::Year => (time.year().to_string(), 0),
        Step::All => (String::new(), 0),
    }
}

type Expected = BTreeMap<(String, i32, String, String), Vec<Fact>>;

fn compare(rows: &[HistoryRow], facts: &[Fact], step: Step, zone: &TimeZone) {
    let mut expected = Expected::new();
    for fact in facts {
        // An interval belongs to the step in which it starts.
        let start_ms = fact.time_ms.div_euclid(INTERVAL_MS) * INTERVAL_MS;
        let (clock, offset) = clock_key(start_ms, step, zone);
        expected
            .entry((clock, offset, fact.queue.into(), fact.channel.into()))
            .or_default()
            .push(*fact);
    }
    assert_eq!(rows.len(), expected.len(), "{step:?}");
    assert!(
        rows.is_sorted_by_key(|row| (row.range.start, row.queue.clone(), row.channel.clone())),
        "{step:?}"
    );
    for row in rows {
        let (clock, offset) = clock_key(row.range.start.get(), step, zone);
        let key = (clock, offset, row.queue.to_string(), row.channel.to_string());
        let facts = expected.remove(&key).unwrap_or_else(|| panic!("no fact for {key:?}"));
        let of = |kind: Kind| -> Vec<u64> {
            facts.iter().filter(|fact| fact.kind == kind).map(|fact| fact.duration_ms).collect()
        };
        let (answered, abandoned, handled) =
            (of(Kind::Answered), of(Kind::Abandoned), of(Kind::Handled));
        let counts = &row.counts;
        assert_eq!(
            (counts.visits.answered, counts.visits.abandoned, counts.sums.handled),
            (answered.len() as u64, abandoned.len() as u64, handled.len() as u64),
            "{key:?}"
        );
        assert_eq!(
            (counts.sums.wait_sum_ms, counts.sums.abandon_wait_sum_ms, counts.sums.handle_sum_ms),
            (answered.iter().sum(), abandoned.iter().sum(), handled.iter().sum()),
            "{key:?}"
        );
        assert_eq!(counts.wait_max.get(), answered.iter().max().copied().unwrap_or(0), "{key:?}");
        assert_eq!(row.quantile_values_missing, 0);
        for (index, quantile) in [0.5, 0.9, 0.95, 0.99].into_iter().enumerate() {
            let merged = row.wait_quantiles.map(|quantiles| quantiles[index]);
            assert_near(merged, exact(&answered, quantile), &key);
        }
        assert_near(row.abandon_wait_p90, exact(&abandoned, 0.9), &key);
        assert_near(row.handle_p90, exact(&handled, 0.9), &key);
    }
}

/// Asserts that two values differ by at most 1 %, or that both are absent.
fn assert_near(merged: Option<Millis>, exact: Option<u64>, what: &impl std::fmt::Debug) {
    match (merged, exact) {
        (None, None) => {}
        (Some(Millis(merged)), Some(exact)) => {
            assert!(
                merged.abs_diff(exact) as f64 <= exact as f64 * 0.01,
                "{merged} is not {exact} in {what:?}"
            );
        }
        other => panic!("{other:?} in {what:?}"),
    }
}

#[test]
fn history_equals_a_plain_sum_when_increments_come_in_any_order() {
    let _shared = serial::shared();
    let periods = [
        ("Europe/Istanbul", "2026-01-05T00:00:00+03:00", "2026-01-07T00:00:00+03:00"),
        // The days of 23 and 25 hours.
        ("Europe/Berlin", "2026-03-28T00:00:00+01:00", "2026-03-31T00:00:00+02:00"),
        ("Europe/Berlin", "2026-10-24T00:00:00+02:00", "2026-10-27T00:00:00+01:00"),
        ("Asia/Kathmandu", "2026-01-05T00:00:00+05:45", "2026-01-07T00:00:00+05:45"),
    ];
    let mut rng = ChaCha8Rng::seed_from_u64(17);
    for (zone, from, to) in periods {
        let (from_ms, to_ms) = (ms(from), ms(to));
        let mut facts = random_facts(&mut rng, from_ms, to_ms, 2_000);
        let mut fixture = Fixture::new(&format!("[windows]\ntime_zone = '{zone}'"));
        facts.shuffle(&mut rng);
        let mut rest = facts.as_slice();
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(rng.random_range(1..=300usize).min(rest.len()));
            fixture.add_facts(batch);
            rest = later;
        }
        // Facts outside of the period.
        fixture.add_facts(&[
            Fact { time_ms: from_ms - 1, ..facts[0] },
            Fact { time_ms: to_ms, ..facts[0] },
        ]);
        let zone = fixture.settings.windows.business_day.zone().clone();
        for (step, _) in Step::ALL {
            let rows = fixture.rows(query(from_ms, to_ms, step));
            compare(&rows, &facts, step, &zone);
        }
    }
}

#[test]
fn day_has_23_or_25_hours_when_the_clocks_change() {
    let _shared = serial::shared();
    for (from, to, hours) in [
        ("2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00", 23),
        ("2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00", 25),
    ] {
        let (from_ms, to_ms) = (ms(from), ms(to));
        let mut fixture = Fixture::new("[windows]\ntime_zone = 'Europe/Berlin'");
        let each_quarter =
            (from_ms - INTERVAL_MS..to_ms + INTERVAL_MS).step_by(INTERVAL_MS as usize);
        let facts: Vec<Fact> =
            each_quarter.map(|time_ms| Fact { time_ms, ..fixture::FACT }).collect();
        fixture.add_facts(&facts);
        let wide = |step| query(from_ms - 86_400_000, to_ms + 86_400_000, step);
        let days = fixture.rows(wide(Step::Day));
        let day: Vec<_> = days.iter().filter(|row| row.range.start.get() == from_ms).collect();
        assert_eq!(day.len(), 1);
        assert_eq!((day[0].range.end.get(), day[0].counts.visits.answered), (to_ms, hours * 4));
        let hours_of_day = fixture.rows(query(from_ms, to_ms, Step::Hour));
        assert_eq!(hours_of_day.len() as u64, hours);
        assert!(hours_of_day.iter().all(|row| row.counts.visits.answered == 4));
    }
}

#[test]
fn business_day_begins_with_the_window_today() {
    let _shared = serial::shared();
    let mut fixture =
        Fixture::new("[windows]\ntime_zone = 'Europe/Istanbul'\nbusiness_day_starts = '06:00'");
    fixture.add_facts(&[
        Fact { time_ms: ms("2026-01-06T05:59:00+03:00"), ..fixture::FACT },
        Fact { time_ms: ms("2026-01-06T06:00:00+03:00"), ..fixture::FACT },
    ]);
    let rows = fixture.rows(query(
        ms("2026-01-05T00:00:00+03:00"),
        ms("2026-01-08T00:00:00+03:00"),
        Step::Day,
    ));
    let starts: Vec<i64> = rows.iter().map(|row| row.range.start.get()).collect();
    // The first day begins where the ledger does.
    assert_eq!(starts, [ms("2026-01-06T05:45:00+03:00"), ms("2026-01-06T06:00:00+03:00")]);
}

#[test]
fn interval_reopens_on_a_late_increment_and_closes_with_the_slowest_partition() {
    let _shared = serial::shared();
    let start_ms = ms("2026-01-05T08:00:00Z");
    let end_ms = start_ms + INTERVAL_MS;
    // allowed_lateness is one minute; reorder_grace and miss_grace are shorter.
    let closed_ms = end_ms + 60_000;
    let mut fixture = Fixture::new("");
    fixture.add_facts(&[Fact { time_ms: start_ms, ..fixture::FACT }]);
    let row = |fixture: &Fixture| {
        fixture.rows(query(start_ms, end_ms, Step::QuarterHour)).pop().expect("a row")
    };
    assert!(row(&fixture).open, "without a stream time");
    fixture.advance(0, Timestamp(closed_ms - 1));
    assert!(row(&fixture).open);
    fixture.advance(0, Timestamp(closed_ms));
    assert!(!row(&fixture).open);
    fixture.advance(1, Timestamp(closed_ms - 1));
    assert!(row(&fixture).open, "another partition is behind");
    let lease = fixture.acquire(1);
    let checkpoint =
        Checkpoint { stream_time: Some(Timestamp(closed_ms - 1)), ..Checkpoint::default() };
    let request = CheckpointRequest {
        advance_to: Some(Timestamp(closed_ms + 5_000)),
        ..CheckpointRequest::new(lease, checkpoint)
    };
    fixture.ledger.store(&[request], WallTime(0)).unwrap();
    assert!(row(&fixture).open, "facts of the advance are stored with the next checkpoint");
    fixture.advance(1, Timestamp(closed_ms + 5_000));
    assert!(!row(&fixture).open);
    fixture.acquire(2);
    assert!(row(&fixture).open, "a partition without a checkpoint may hold records of any time");
    fixture.advance(2, Timestamp(closed_ms));
    let before = row(&fixture);
    fixture.add_facts(&[Fact { time_ms: end_ms - 1, duration_ms: 90_000, ..fixture::FACT }]);
    let after = row(&fixture);
    assert!(!before.open && !after.open);
    assert_eq!((before.counts.visits.answered, after.counts.visits.answered), (1, 2));
    assert_eq!(after.counts.wait_max, Millis(90_000));
    // A longer step is open until its last interval is closed.
    assert!(
        fixture.rows(query(start_ms, start_ms + 86_400_000, Step::Day)).iter().all(|row| row.open)
    );
}

/// Stores an interval in which `offered` visits entered, and `abandoned` of them waited 65 s, 60 s
/// beyond S, before they hung up. The others were answered in target.
fn add_cohort(fixture: &mut Fixture, start_ms: i64, offered: u64, abandoned: u64) {
    let cohort = CohortCounts {
        arrived_answered: offered - abandoned,
        arrived_answered_in_target: offered - abandoned,
        arrived_abandoned: abandoned,
        ..CohortCounts::default()
    };
    let waits = WaitSums {
        wait_beyond_short_sum_ms: 60_000 * abandoned,
        abandoned_beyond_short: abandoned,
        ..WaitSums::default()
    };
    let visits = VisitCounts { offered, ..VisitCounts::default() };
    fixture.add_counts(start_ms, IntervalCounts { visits, cohort, waits, ..Default::default() });
}

#[test]
fn service_level_by_arrival_is_absent_until_the_target_of_the_last_visit_has_passed() {
    let _shared = serial::shared();
    let start_ms = ms("2026-01-05T08:00:00Z");
    let end_ms = start_ms + INTERVAL_MS;
    let mut fixture = Fixture::new("");
    add_cohort(&mut fixture, start_ms, 40, 10);
    let level = |fixture: &Fixture, to_ms, step| {
        fixture.rows(query(start_ms, to_ms, step)).pop().expect("a row").service_level_arrival()
    };
    assert_eq!(level(&fixture, end_ms, Step::QuarterHour), None, "without a stream time");
    // A row is not final while it is open: the lateness comes after the target.
    let late_ms = end_ms + 20_000 + 60_000;
    fixture.advance(0, Timestamp(late_ms - 1));
    assert_eq!(level(&fixture, end_ms, Step::QuarterHour), None);
    fixture.advance(0, Timestamp(late_ms));
    assert_eq!(level(&fixture, end_ms, Step::QuarterHour), Some(0.75));
    assert_eq!(level(&fixture, end_ms + INTERVAL_MS, Step::HalfHour), None, "a later interval");
    fixture.add_agents(end_ms, "billing", [1; 5]);
    fixture.advance(0, Timestamp(end_ms + 2 * INTERVAL_MS));
    let rows = fixture.rows(query(end_ms, end_ms + INTERVAL_MS, Step::QuarterHour));
    assert_eq!(rows[0].service_level_arrival(), None, "nothing was offered");
}

#[test]
fn patience_is_absent_under_thirty_abandonments_beyond_short() {
    let _shared = serial::shared();
    let start_ms = ms("2026-01-05T08:00:00Z");
    let mut fixture = Fixture::new("");
    add_cohort(&mut fixture, start_ms, 40, 29);
    let patience = |fixture: &Fixture, step| {
        let rows = fixture.rows(query(start_ms, start_ms + 2 * INTERVAL_MS, step));
        rows.iter().map(HistoryRow::patience_seconds).collect::<Vec<_>>()
    };
    assert_eq!(patience(&fixture, Step::QuarterHour), [None]);
    add_cohort(&mut fixture, start_ms + INTERVAL_MS, 5, 1);
    assert_eq!(patience(&fixture, Step::QuarterHour), [None, None]);
    assert_eq!(patience(&fixture, Step::HalfHour), [Some(60.0)]);
}

#[test]
fn patience_is_absent_when_a_row_has_the_waits_of_several_channels() {
    let _shared = serial::shared();
    let start_ms = ms("2026-01-05T08:00:00Z");
    let mut fixture = Fixture::new("");
    add_cohort(&mut fixture, start_ms, 40, 30);
    fixture.add_facts(&[Fact { time_ms: start_ms, channel: "chat", ..FACT }]);
    let patience = |fixture: &Fixture, by| {
        let asked = query(start_ms, start_ms + INTERVAL_MS, Step::QuarterHour);
        let rows = fixture.rows(Query { by, ..asked });
        rows.iter().map(HistoryRow::patience_seconds).collect::<Vec<_>>()
    };
    // A channel without waits beyond S changes nothing.
    assert_eq!(patience(&fixture, By::Queue), [Some(60.0)]);
    fixture.sql("UPDATE intervals SET wait_beyond_short_sum_ms = 9000000 WHERE answered = 1");
    for (by, expected) in [
        (By::Queue, vec![None]),
        (By::All, vec![None]),
        (By::Channel, vec![None, Some(60.0)]),
        (By::QueueAndChannel, vec![None, Some(60.0)]),
    ] {
        assert_eq!(patience(&fixture, by), expected, "{by:?}");
    }
}

#[test]
fn row_lacks_counts_by_arrival_when_an_older_program_began_one_of_its_intervals() {
    let _shared = serial::shared();
    let start_ms = ms("2026-01-05T08:00:00Z");
    let next_ms = start_ms + INTERVAL_MS;
    let mut fixture = Fixture::new("");
    add_cohort(&mut fixture, start_ms, 7, 0);
    fixture.sql("UPDATE intervals SET counted_since = 15");
    add_cohort(&mut fixture, start_ms, 3, 0);
    add_cohort(&mut fixture, next_ms, 5, 1);
    fixture.advance(0, Timestamp(next_ms + 2 * INTERVAL_MS));
    let rows = |fixture: &Fixture, step| {
        let rows = fixture.rows(query(start_ms, next_ms + INTERVAL_MS, step));
        let of_row = |row: &HistoryRow| {
            let in_target = row.cohort().map(|cohort| cohort.arrived_answered_in_target);
            (row.counts.visits.offered, in_target, row.still_waiting())
        };
        rows.iter().map(of_row).collect::<Vec<_>>()
    };
    let quarters = [(10, None, None), (5, Some(4), Some(0))];
    assert_eq!(rows(&fixture, Step::QuarterHour), quarters);
    assert_eq!(rows(&fixture, Step::HalfHour), [(15, None, None)]);

    // The tables before the counts by arrival, which a reader does not migrate.
    let names = CohortCounts::NAMES.iter().chain(WaitSums::NAMES);
    let of_responses = ["first_responses_in_target", "resolutions_in_target", "counted_since"];
    fixture.sql("DROP VIEW history_intervals");
    for name in names.chain(&of_responses) {
        fixture.sql(&format!("ALTER TABLE intervals DROP COLUMN {name}"));
    }
    fixture.sql("PRAGMA user_version = 15");
    assert_eq!(rows(&fixture, Step::QuarterHour), [(10, None, None), (5, None, None)]);
    let row = &fixture.rows(query(start_ms, next_ms, Step::QuarterHour))[0];
    assert_eq!((row.waits(), row.responses_in_target()), (None, None));
    assert_eq!((row.service_level_arrival(), row.patience_seconds()), (None, None));
}

#[test]
fn agent_time_is_in_the_row_of_the_configured_channel_only() {
    let _shared = serial::shared();
    let start_ms = ms("2026-01-05T08:00:00Z");
    let mut fixture = Fixture::new("[queues.fault]\nchannel = 'chat'");
    fixture.add_facts(&[Fact { time_ms: start_ms, ..fixture::FACT }]);
    fixture.add_agents(start_ms, "fault", [300, 500, 100, 50, 0]);
    fixture.add_agents(start_ms + INTERVAL_MS, "fault", [100, 0, 0, 0, 7]);
    let rows = fixture.rows(query(start_ms, start_ms + 3_600_000, Step::All));
    let seen: Vec<_> = rows
        .iter()
        .map(|row| (&*row.channel, row.counts.visits.answered, row.agent_time))
        .collect();
    assert_eq!(seen, [("chat", 0, Some([400, 500, 100, 50, 7].map(Millis))), ("phone", 1, None)]);
    assert_eq!(rows[0].occupancy(), Some(0.6));
    assert_eq!(rows[0].target, None);
    let phone = Query {
        channels: vec!["phone".to_string()],
        ..query(start_ms, start_ms + 3_600_000, Step::QuarterHour)
    };
    assert_eq!(fixture.rows(phone).len(), 1);
}

#[test]
fn query_filters_rows_and_shows_targets() {
    let _shared = serial::shared();
    let start_ms = ms("2026-01-05T08:00:00Z");
    let mut fixture = Fixture::new("");
    for (queue, channel) in
        QUEUES.iter().flat_map(|queue| CHANNELS.map(|channel| (*queue, channel)))
    {
        fixture.add_facts(&[Fact { time_ms: start_ms, queue, channel, ..fixture::FACT }]);
    }
    let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
    let asked = |queues: &[&str], channels: &[&str]| Query {
        queues: names(queues),
        channels: names(channels),
        ..query(start_ms, start_ms + 1, Step::All)
    };
    let seen = |query| -> Vec<(String, String)> {
        let rows = fixture.rows(query);
        rows.iter().map(|row| (row.queue.to_string(), row.channel.to_string())).collect()
    };
    assert_eq!(seen(asked(&[], &[])).len(), 6);
    assert_eq!(
        seen(asked(&["fault"], &[])),
        [("fault".into(), "chat".into()), ("fault".into(), "phone".into())]
    );
    assert_eq!(seen(asked(&["fault", "billing"], &["chat"])).len(), 2);
    assert_eq!(seen(asked(&["nowhere"], &[])), []);
    assert_eq!(seen(asked(&["nowhere", "fault"], &["chat"])).len(), 1);
    assert_eq!(
        fixture.rows(asked(&["fault"], &[]))[0].target,
        Some(WaitTarget { wait: Millis(20_000), ratio: 0.8 })
    );
}

#[test]
fn row_keeps_counts_and_names_what_is_missing_when_a_distribution_is_unreadable() {
    let _shared = serial::shared();
    let start_ms = ms("2026-01-05T08:00:00Z");
    let mut fixture = Fixture::new("");
    fixture.add_facts(&[
        Fact { time_ms: start_ms, ..fixture::FACT },
        Fact { time_ms: start_ms + INTERVAL_MS, ..fixture::FACT },
    ]);
    fixture.sql(&format!(
        "UPDATE intervals SET wait_answered = x'1c84931400' WHERE start_ms = {start_ms}"
    ));
    let row = fixture.rows(query(start_ms, start_ms + 3_600_000, Step::All)).pop().expect("a row");
    assert_eq!((row.counts.visits.answered, row.quantile_values_missing), (2, 1));
    assert!(row.wait_quantiles.is_some());
}

#[test]
fn retention_deletes_only_older_intervals() {
    let _shared = serial::shared();
    let start_ms = ms("2026-01-01T00:00:00Z");
    let mut fixture = Fixture::new("");
    let facts: Vec<Fact> = (0..400)
        .map(|index| Fact { time_ms: start_ms + index * INTERVAL_MS, ..fixture::FACT })
        .collect();
    fixture.add_facts(&facts);
    let cut_ms = start_ms + 250 * INTERVAL_MS;
    while fixture.ledger.delete_history_before(Timestamp(cut_ms)).expect("deleted") > 0 {}
    let rows = fixture.rows(query(start_ms, start_ms + 400 * INTERVAL_MS, Step::QuarterHour));
    assert_eq!((rows.len(), rows[0].range.start.get()), (150, cut_ms));
}

#[test]
fn year_is_read_in_steps_beside_a_writer() {
    let _shared = serial::shared();
    let mut fixture = Fixture::new("");
    let (from_ms, to_ms) = fixture.fill_year();
    let mut rows = fixture.history(query(from_ms, to_ms, Step::HalfHour));
    let first = rows.next().expect("a row").expect("read");
    assert_eq!(first.range.start.get(), from_ms);
    // Rows that are deleted now appear only if they were read ahead.
    while fixture.ledger.delete_history_before(Timestamp(to_ms)).expect("deleted") > 0 {}
    let rest = rows.map(|row| row.expect("read").range.start.get()).collect::<Vec<_>>();
    assert_eq!(rest, [from_ms; QUEUES.len() - 1]);
}

#[test]
fn interval_closes_when_its_topic_is_no_longer_read() {
    let _shared = serial::shared();
    let mut fixture = Fixture::new("");
    let start_ms = ms("2026-01-05T09:00:00+03:00");
    fixture.add_facts(&[Fact { time_ms: start_ms, ..fixture::FACT }]);
    fixture.advance(0, Timestamp(start_ms + 86_400_000));
    let former = fixture.ledger.acquire("former", 0, "test").unwrap().lease;
    fixture.store(
        former,
        Checkpoint { stream_time: Some(Timestamp(start_ms)), ..Checkpoint::default() },
    );
    let is_open = |topics: &[&str]| {
        let query = query(start_ms, start_ms + INTERVAL_MS, Step::QuarterHour);
        let history = History::open(
            &fixture.path,
            fixture.settings.clone(),
            Millis(INTERVAL_MS as u64),
            query,
        )
        .unwrap();
        let mut rows = history.of_topics(topics.iter().map(|topic| topic.to_string()).collect());
        rows.next().unwrap().unwrap().open
    };
    assert!(is_open(&[]), "the former topic is behind");
    assert!(is_open(&["calls", "former"]));
    assert!(!is_open(&["calls"]));
}

#[test]
fn history_rejects_intervals_of_another_length() {
    let _shared = serial::shared();
    let mut fixture = Fixture::new("");
    fixture.ledger.ensure_interval(Millis(INTERVAL_MS as u64)).unwrap();
    fixture.ledger.ensure_interval(Millis(INTERVAL_MS as u64)).unwrap();
    let expected =
        "the ledger has intervals of 15m and the configuration says [ledger] interval = \"1h\"";
    let error = fixture.ledger.ensure_interval(Millis(3_600_000)).unwrap_err();
    assert!(error.to_string().starts_with(expected), "{error}");
    let error = History::open(
        &fixture.path,
        fixture.settings.clone(),
        Millis(3_600_000),
        query(0, 1, Step::All),
    )
    .err()
    .unwrap();
    assert!(error.to_string().starts_with(expected), "{error}");
}
