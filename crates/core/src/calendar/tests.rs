//! The calendar against hand-computed days and a minute-by-minute oracle.

use jiff::civil::{Date, Time};
use proptest::prelude::*;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::*;
use crate::calendar::zone::timestamp;

const MINUTE_MS: i64 = 60_000;

const HOUR_MS: i64 = 60 * MINUTE_MS;

fn zone(name: &str) -> TimeZone {
    time_zone(name).unwrap_or_else(|| panic!("{name} is not a zone"))
}

fn ms(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap_or_else(|error| panic!("{text}: {error}")).as_millisecond()
}

fn hours(text: &str, holidays: &[&str], zone_name: &str) -> OpeningHours {
    let holidays: Vec<Date> = holidays.iter().map(|date| date.parse().expect("a date")).collect();
    OpeningHours::parse(text, &holidays, zone(zone_name)).expect("opening hours")
}

#[test]
fn zones_come_from_the_compiled_in_rules() {
    assert_eq!(zone("europe/istanbul").iana_name(), Some("Europe/Istanbul"));
    assert!(time_zone("UTC").is_some());
    for unknown in
        ["", "Etc/Unknown", "Europe/Ankara", "../Europe/Istanbul", "EST5EDT4,M3.2.0,M11.1.0"]
    {
        assert!(time_zone(unknown).is_none(), "{unknown}");
    }
}

#[test]
fn business_days_follow_the_clocks() {
    // zone, start of the day, instant, and the start and end of its day
    let cases = [
        (
            "Europe/Istanbul",
            "00:00",
            "2026-10-29T12:00:00+03",
            "2026-10-29T00:00:00+03",
            "2026-10-30T00:00:00+03",
        ),
        (
            "Europe/Istanbul",
            "00:00",
            "2026-10-29T00:00:00+03",
            "2026-10-29T00:00:00+03",
            "2026-10-30T00:00:00+03",
        ),
        (
            "Europe/Istanbul",
            "06:00",
            "2026-10-29T05:59:59+03",
            "2026-10-28T06:00:00+03",
            "2026-10-29T06:00:00+03",
        ),
        (
            "Europe/Istanbul",
            "06:00",
            "2026-10-29T06:00:00+03",
            "2026-10-29T06:00:00+03",
            "2026-10-30T06:00:00+03",
        ),
        // 23 and 25 hours
        (
            "Europe/Berlin",
            "00:00",
            "2026-03-29T12:00:00+02",
            "2026-03-29T00:00:00+01",
            "2026-03-30T00:00:00+02",
        ),
        (
            "Europe/Berlin",
            "00:00",
            "2026-10-25T02:30:00+01",
            "2026-10-25T00:00:00+02",
            "2026-10-26T00:00:00+01",
        ),
        (
            "America/New_York",
            "00:00",
            "2026-11-01T12:00:00-05",
            "2026-11-01T00:00:00-04",
            "2026-11-02T00:00:00-05",
        ),
        // 02:30 is skipped: that day begins at 03:30
        (
            "Europe/Berlin",
            "02:30",
            "2026-03-29T03:15:00+02",
            "2026-03-28T02:30:00+01",
            "2026-03-29T03:30:00+02",
        ),
        (
            "Europe/Berlin",
            "02:30",
            "2026-03-29T03:30:00+02",
            "2026-03-29T03:30:00+02",
            "2026-03-30T02:30:00+02",
        ),
        // 02:30 comes twice: the first counts, also for 02:15 after it
        (
            "Europe/Berlin",
            "02:30",
            "2026-10-25T02:15:00+01",
            "2026-10-25T02:30:00+02",
            "2026-10-26T02:30:00+01",
        ),
        // the clocks went back from 00:01 to 23:01 of the date before
        (
            "America/St_Johns",
            "00:00",
            "2006-10-28T23:30:00-03:30",
            "2006-10-29T00:00:00-02:30",
            "2006-10-30T00:00:00-03:30",
        ),
        // a date that was left out
        (
            "Pacific/Apia",
            "00:00",
            "2011-12-29T23:00:00-10",
            "2011-12-29T00:00:00-10",
            "2011-12-31T00:00:00+14",
        ),
    ];
    for (name, starts, time, start, end) in cases {
        let days = BusinessDay::new(zone(name), starts.parse::<Time>().expect("a time"));
        assert_eq!(days.around(ms(time)), (ms(start), ms(end)), "{name} {starts} {time}");
    }
}

#[test]
fn business_days_of_any_instant_hold_it() {
    let days = BusinessDay::new(zone("Europe/Istanbul"), Time::midnight());
    for time_ms in
        [i64::MIN, Timestamp::MIN.as_millisecond(), 0, Timestamp::MAX.as_millisecond(), i64::MAX]
    {
        let (start_ms, end_ms) = days.around(time_ms);
        assert!(start_ms <= end_ms, "{time_ms}");
    }
    assert_eq!(days.around(0).1 - days.around(0).0, 24 * HOUR_MS);
}

#[test]
fn opening_hours_follow_the_clocks() {
    let night = hours("Mo-Su 02:00-03:00", &[], "Europe/Berlin");
    let midnight = ms("2026-03-29T00:00:00+01");
    assert_eq!(
        night.open_ms_between(midnight, midnight + 23 * HOUR_MS),
        0,
        "02:00 to 03:00 is skipped"
    );
    let midnight = ms("2026-10-25T00:00:00+02");
    assert_eq!(
        night.open_ms_between(midnight, midnight + 25 * HOUR_MS),
        2 * HOUR_MS as u64,
        "02:00 to 03:00 comes twice"
    );
    assert!(
        night.is_open(ms("2026-10-25T02:30:00+02")) && night.is_open(ms("2026-10-25T02:30:00+01"))
    );
    assert_eq!(night.after_open_ms(midnight, 90 * 60_000), Some(ms("2026-10-25T02:30:00+01")));

    let always = hours("24/7", &[], "America/New_York");
    let (from, to) = (ms("2026-01-01T00:00:00Z"), ms("2027-01-01T00:00:00Z"));
    assert_eq!(always.open_ms_between(from, to), 365 * 24 * HOUR_MS as u64);

    // A working week over the change of clocks: Friday afternoon to Monday morning.
    let office = hours("Mo-Fr 08:00-17:30; Sa 09:00-13:00", &[], "Europe/Berlin");
    let friday = ms("2026-03-27T17:00:00+01");
    assert_eq!(
        office.open_ms_between(friday, ms("2026-03-30T08:45:00+02")),
        (30 + 240 + 45) * MINUTE_MS as u64
    );
    assert_eq!(
        office.after_open_ms(friday, (30 + 240 + 45) * 60_000),
        Some(ms("2026-03-30T08:45:00+02"))
    );
    // Due at closing time, not at the next opening.
    assert_eq!(office.after_open_ms(friday, 30 * 60_000), Some(ms("2026-03-27T17:30:00+01")));
    assert_eq!(
        office.after_open_ms(ms("2026-03-29T12:00:00+02"), 0),
        Some(ms("2026-03-29T12:00:00+02"))
    );
}

#[test]
fn holidays_are_closed_from_midnight_to_midnight() {
    let shift = hours("Mo-Su 22:00-06:00", &["2026-10-29", "2026-10-29"], "Europe/Istanbul");
    assert!(shift.is_open(ms("2026-10-28T23:59:59+03")));
    assert!(!shift.is_open(ms("2026-10-29T00:00:00+03")), "the shift of the evening before ends");
    assert!(!shift.is_open(ms("2026-10-29T23:00:00+03")));
    assert!(shift.is_open(ms("2026-10-30T00:00:00+03")));
    let (from, to) = (ms("2026-10-28T00:00:00+03"), ms("2026-10-31T00:00:00+03"));
    assert_eq!(shift.open_ms_between(from, to), 16 * HOUR_MS as u64);
    assert_eq!(shift.open_ms_between(to, from), 0);
    assert_eq!(
        shift.after_open_ms(ms("2026-10-28T23:00:00+03"), HOUR_MS as u64 + 1),
        Some(ms("2026-10-30T00:00:00.001+03"))
    );
}

#[test]
fn what_is_never_open_is_never_due() {
    let never = hours("off", &[], "Europe/Istanbul");
    assert_eq!(never.after_open_ms(0, 1), None);
    assert_eq!(never.open_ms_between(0, i64::MAX), 0);
    // One hour a week: more than ten years for 600 hours, less for 500.
    let rarely = hours("Mo 10:00-11:00", &[], "Europe/Berlin");
    assert_eq!(rarely.after_open_ms(0, 600 * HOUR_MS as u64), None);
    assert!(rarely.after_open_ms(0, 500 * HOUR_MS as u64).is_some());
    assert_eq!(rarely.after_open_ms(0, u64::MAX), None);
    let always = hours("24/7", &[], "Europe/Berlin");
    for from_ms in [i64::MIN, i64::MAX - 1] {
        always.is_open(from_ms);
        always.after_open_ms(from_ms, 1);
        always.open_ms_between(from_ms, i64::MAX);
    }
}

/// Spans in minutes of the day on which they begin, by weekday; an end past 1440 lies on the next day.
type Week = Vec<Vec<(i64, i64)>>;

fn notation(week: &Week) -> String {
    let time = |minutes: i64| format!("{:02}:{:02}", minutes / 60, minutes % 60);
    let rules = week.iter().zip(["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"]).map(|(spans, day)| {
        let spans: Vec<String> = spans
            .iter()
            .map(|&(start, end)| {
                format!("{}-{}", time(start), time(if end > 1440 { end - 1440 } else { end }))
            })
            .collect();
        format!("{day} {}", if spans.is_empty() { "off".to_string() } else { spans.join(",") })
    });
    rules.collect::<Vec<_>>().join("; ")
}

/// Whether a civil minute is open, straight from the definition.
fn oracle(week: &Week, holidays: &[Date], zone: &TimeZone, time_ms: i64) -> bool {
    let local = zone.to_datetime(timestamp(time_ms));
    let minute = i64::from(local.hour()) * 60 + i64::from(local.minute());
    let today = local.date().weekday().to_monday_zero_offset() as usize;
    let holds = |day: usize, minute: i64| {
        week[day].iter().any(|&(start, end)| start <= minute && minute < end)
    };
    !holidays.contains(&local.date())
        && (holds(today, minute) || holds((today + 6) % 7, minute + 1440))
}

fn a_week() -> impl Strategy<Value = Week> {
    // Lengths below a day: a span of 24 hours from another time than midnight has no notation.
    let span = (0i64..1440, 1i64..1440).prop_map(|(start, length)| (start, start + length));
    prop::collection::vec(prop::collection::vec(span, 0..3), 7)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn opening_hours_agree_with_counting_minutes(
        week in a_week(),
        place in prop::sample::select(vec![
            ("Europe/Berlin", "2026-03-29T01:00:00Z"),
            ("Europe/Berlin", "2026-10-25T01:00:00Z"),
            ("America/New_York", "2026-03-08T07:00:00Z"),
            ("America/New_York", "2026-11-01T06:00:00Z"),
            ("Europe/Istanbul", "2026-10-29T00:00:00Z"),
            ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
            ("America/Havana", "2026-11-01T05:00:00Z"),
        ]),
        before in 0i64..3000,
        length in 0i64..6000,
        share in 0.0..1.0f64,
        holiday in prop::option::of(-2i64..4),
    ) {
        let (name, change) = place;
        let zone = zone(name);
        let from_ms = ms(change) - before * MINUTE_MS;
        let to_ms = from_ms + length * MINUTE_MS;
        let holidays: Vec<Date> = holiday
            .map(|days| zone.to_datetime(timestamp(ms(change) + days * 24 * HOUR_MS)).date())
            .into_iter()
            .collect();
        let hours = OpeningHours::parse(&notation(&week), &holidays, zone.clone()).expect("notation");

        let open: Vec<i64> =
            (0..length).map(|minute| from_ms + minute * MINUTE_MS).filter(|at| oracle(&week, &holidays, &zone, *at)).collect();
        for minute in (0..length).step_by(7) {
            let at = from_ms + minute * MINUTE_MS;
            prop_assert_eq!(hours.is_open(at), open.binary_search(&at).is_ok(), "at {}", timestamp(at));
        }
        prop_assert_eq!(hours.open_ms_between(from_ms, to_ms), open.len() as u64 * MINUTE_MS as u64);

        // The end of the n-th open minute, and half of it.
        let wanted = (open.len() as f64 * share) as usize;
        if let Some(last) = open.get(wanted) {
            let due = hours.after_open_ms(from_ms, (wanted as u64 + 1) * MINUTE_MS as u64);
            prop_assert_eq!(due, Some(last + MINUTE_MS));
            let due = hours.after_open_ms(from_ms, wanted as u64 * MINUTE_MS as u64 + 30_000);
            prop_assert_eq!(due, Some(last + 30_000));
        }
    }

    #[test]
    fn business_days_follow_one_another(
        name in prop::sample::select(vec!["Europe/Berlin", "America/New_York", "Europe/Istanbul", "America/St_Johns", "Asia/Tehran"]),
        minute in 0i8..60,
        hour in 0i8..24,
        time_s in 0i64..4_000_000_000,
    ) {
        let days = BusinessDay::new(zone(name), Time::constant(hour, minute, 0, 0));
        let (start_ms, end_ms) = days.around(time_s * 1000);
        prop_assert!(start_ms <= time_s * 1000 && time_s * 1000 < end_ms);
        prop_assert!((20..=28).contains(&((end_ms - start_ms) / HOUR_MS)), "{} hours", (end_ms - start_ms) / HOUR_MS);
        prop_assert_eq!(days.around(start_ms), (start_ms, end_ms));
        prop_assert_eq!(days.around(end_ms).0, end_ms);
        prop_assert_eq!(days.around(start_ms - 1).1, start_ms);
    }
}
