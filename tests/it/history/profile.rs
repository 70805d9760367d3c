//! `--profile week`: what is usual on a weekday.

use nabiz::ledger::history::{self, DayClass, ProfileRow, Query, Step};
use nabiz::ledger::history::{By, Fill, Spread};
use nabiz_core::time::Timestamp;

use super::fixture::{FACT, Fact, Fixture, Kind, ms, query};
use crate::harness::serial;

/// Calls at 09:00 of Mondays from 5 January on; the third is a holiday, the sixth has none.
const MONDAYS: [(&str, u64); 5] = [
    ("2026-01-05", 10),
    ("2026-01-12", 20),
    ("2026-01-19", 30),
    ("2026-01-26", 40),
    ("2026-02-02", 60),
];

fn fixture(toml: &str) -> Fixture {
    let mut fixture = Fixture::new(toml);
    let mut facts = Vec::new();
    for (date, calls) in MONDAYS {
        let call = Fact { time_ms: ms(&format!("{date}T09:00:00+03:00")), ..FACT };
        facts.extend((0..calls).map(|_| call));
    }
    let handled = |date: &str, duration_ms| Fact {
        time_ms: ms(&format!("{date}T09:15:00+03:00")),
        kind: Kind::Handled,
        duration_ms,
        ..FACT
    };
    facts.extend([
        handled("2026-01-05", 100_000),
        handled("2026-01-05", 100_000),
        handled("2026-01-12", 400_000),
        // A half hour that is not read to its end.
        Fact { time_ms: ms("2026-02-16T09:00:00+03:00"), ..FACT },
    ]);
    fixture.add_facts(&facts);
    fixture.sql(
        "UPDATE intervals SET offered = answered, service_level_met = answered;
         UPDATE intervals SET service_level_met = 5, service_level_missed = 15
             WHERE answered = 20",
    );
    fixture.advance(99, Timestamp(ms("2026-02-16T09:20:00+03:00")));
    fixture
}

fn weeks(step: Step) -> Query {
    let (from_ms, to_ms) = (ms("2026-01-05T00:00:00+03:00"), ms("2026-02-17T00:00:00+03:00"));
    Query { is_profile: true, ..query(from_ms, to_ms, step) }
}

fn profile(fixture: &Fixture, query: Query) -> Vec<ProfileRow> {
    history::profile(fixture.history(query)).expect("a profile")
}

fn at(rows: &[ProfileRow], day: DayClass, time: &str) -> Option<ProfileRow> {
    let time = time.parse().expect("a time");
    rows.iter().find(|row| row.day == day && row.time == time).cloned()
}

fn assert_spread(actual: Spread, n: u64, mean: f64, percentiles: [f64; 3]) {
    let near = |actual: f64, expected: f64| {
        assert!((actual - expected).abs() < 1e-4, "{actual} is not {expected}");
    };
    assert_eq!(actual.n, n);
    near(actual.mean.expect("a mean"), mean);
    for (actual, expected) in actual.percentiles.expect("percentiles").into_iter().zip(percentiles)
    {
        near(actual, expected);
    }
}

const MONDAY: DayClass = DayClass::Weekday(0);

#[test]
fn profile_spreads_over_like_days_with_those_without_calls_and_holidays_apart() {
    let _shared = serial::shared();
    let fixture = fixture("[queues.fault]\nopening_hours = '24/7'\nholidays = ['2026-01-19']");
    let rows = profile(&fixture, weeks(Step::HalfHour));
    assert_eq!(rows.len(), 8 * 48, "seven weekdays and holidays");
    let nine = at(&rows, MONDAY, "09:00").expect("a row");
    // 0, 10, 20, 40 and 60; 16 February is open.
    assert_spread(nine.offered, 5, 26.0, [4.0, 20.0, 52.0]);
    // Calls weigh in the mean, days in the percentiles.
    assert_spread(nine.aht, 2, 200.0, [130.0, 250.0, 370.0]);
    assert_spread(nine.service_level, 4, 115.0 / 130.0, [0.475, 1.0, 1.0]);
    let holiday = at(&rows, DayClass::Holiday, "09:00").expect("a row");
    assert_spread(holiday.offered, 1, 30.0, [30.0; 3]);
    // Half past eight of the first Monday is before the ledger begins.
    let before = at(&rows, MONDAY, "08:30").expect("a row");
    assert_spread(before.offered, 5, 0.0, [0.0; 3]);
    assert_eq!((before.aht, before.service_level.mean), (Spread::default(), None));
    let after = at(&rows, MONDAY, "09:30").expect("a row");
    assert_eq!(after.offered.n, 5, "without the holiday and the Monday that is not read");
    let tuesday = at(&rows, DayClass::Weekday(1), "09:00").expect("a row");
    assert_spread(tuesday.offered, 6, 0.0, [0.0; 3]);
}

#[test]
fn profile_of_days_leaves_out_days_that_are_not_whole() {
    let _shared = serial::shared();
    let fixture = fixture("[queues.fault]\nopening_hours = '24/7'\nholidays = ['2026-01-19']");
    let rows = profile(&fixture, weeks(Step::Day));
    let monday = at(&rows, MONDAY, "00:00").expect("a row");
    // Without the first day, of which the ledger has only the time from nine o'clock on.
    assert_spread(monday.offered, 4, 30.0, [6.0, 30.0, 54.0]);
    let first = &fixture.rows(Query { is_profile: false, ..weeks(Step::Day) })[0];
    assert_eq!(first.range.start, Timestamp(ms("2026-01-05T09:00:00+03:00")));
    let from_noon = Query {
        period: nabiz_core::time::TimeRange {
            start: Timestamp(ms("2026-01-05T09:00:00+03:00")),
            ..weeks(Step::Day).period
        },
        ..weeks(Step::Day)
    };
    let monday = at(&profile(&fixture, from_noon), MONDAY, "00:00").expect("a row");
    assert_spread(monday.offered, 4, 30.0, [6.0, 30.0, 54.0]);
}

#[test]
fn profile_has_one_value_of_a_date_when_an_hour_comes_twice() {
    let _shared = serial::shared();
    let mut fixture = Fixture::new("[windows]\ntime_zone = 'Europe/Berlin'");
    let (from_ms, to_ms) = (ms("2026-10-17T00:00:00+02:00"), ms("2026-10-27T00:00:00+01:00"));
    fixture.add_facts(&[Fact { time_ms: from_ms, ..FACT }]);
    fixture.advance(99, Timestamp(to_ms + 60_000));
    let weeks = Query { is_profile: true, ..query(from_ms, to_ms, Step::QuarterHour) };
    let rows = profile(&fixture, weeks);
    for time in ["01:45", "02:00", "02:45", "03:00"] {
        let row = at(&rows, DayClass::Weekday(6), time).expect("a row");
        assert_eq!(row.offered.n, 2, "{time}: two Sundays");
    }
}

#[test]
fn profile_filled_in_opening_hours_has_only_steps_that_are_open_or_used() {
    let _shared = serial::shared();
    let fixture =
        fixture("[queues.fault]\nopening_hours = 'Mo 09:00-10:30'\nholidays = ['2026-01-19']");
    let rows = profile(&fixture, Query { fill: Fill::Open, ..weeks(Step::HalfHour) });
    let seen: Vec<_> =
        rows.iter().map(|row| (row.day, row.time.to_string(), row.offered.n)).collect();
    let expected = [
        (MONDAY, "09:00:00".to_string(), 5),
        (MONDAY, "09:30:00".to_string(), 5),
        (MONDAY, "10:00:00".to_string(), 5),
        (DayClass::Holiday, "09:00:00".to_string(), 1),
    ];
    assert_eq!(seen, expected);
    let all = profile(&fixture, Query { by: By::All, ..weeks(Step::HalfHour) });
    let nine = at(&all, MONDAY, "09:00").expect("a row");
    assert_eq!((&*nine.key.0, nine.offered.n), ("", 5));
}
