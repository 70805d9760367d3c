//! The calendar against hand-computed days and a minute-by-minute oracle.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::calendar::zone::{from_jiff, to_jiff};
use crate::time::{Millis, TimeRange, Timestamp};

const MINUTE: Millis = Millis::from_mins(1);

fn minutes(count: i64) -> Millis {
    Millis::from_mins(count.unsigned_abs())
}

fn hours(count: u64) -> Millis {
    Millis::from_hours(count)
}

fn zone(name: &str) -> TimeZone {
    time_zone(name).unwrap_or_else(|| panic!("{name} is not a zone"))
}

fn at(text: &str) -> Timestamp {
    from_jiff(text.parse().unwrap_or_else(|error| panic!("{text}: {error}")))
}

fn opening_hours(text: &str, holidays: &[&str], zone_name: &str) -> OpeningHours {
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
        let expected = TimeRange { start: at(start), end: at(end) };
        assert_eq!(days.around(at(time)), expected, "{name} {starts} {time}");
    }
}

#[test]
fn business_day_is_a_range_for_any_instant() {
    let days = BusinessDay::new(zone("Europe/Istanbul"), Time::midnight());
    let (earliest, latest) = (from_jiff(jiff::Timestamp::MIN), from_jiff(jiff::Timestamp::MAX));
    for time in [Timestamp::MIN, earliest, Timestamp(0), latest, Timestamp::MAX] {
        let day = days.around(time);
        assert!(day.start <= day.end, "{time:?}");
    }
    let day = days.around(Timestamp(0));
    assert_eq!(day.end.since(day.start), hours(24));
}

#[test]
fn opening_hours_follow_the_clocks() {
    let night = opening_hours("Mo-Su 02:00-03:00", &[], "Europe/Berlin");
    let midnight = at("2026-03-29T00:00:00+01");
    let next = midnight.saturating_add(hours(23));
    assert_eq!(night.open_between(midnight, next), Millis::ZERO, "02:00 to 03:00 is skipped");
    let midnight = at("2026-10-25T00:00:00+02");
    let next = midnight.saturating_add(hours(25));
    assert_eq!(night.open_between(midnight, next), hours(2), "02:00 to 03:00 comes twice");
    assert!(
        night.is_open(at("2026-10-25T02:30:00+02")) && night.is_open(at("2026-10-25T02:30:00+01"))
    );
    assert_eq!(night.after_open(midnight, minutes(90)), Some(at("2026-10-25T02:30:00+01")));

    let always = opening_hours("24/7", &[], "America/New_York");
    let (from, to) = (at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"));
    assert_eq!(always.open_between(from, to), hours(365 * 24));

    // A working week over the change of clocks: Friday afternoon to Monday morning.
    let office = opening_hours("Mo-Fr 08:00-17:30; Sa 09:00-13:00", &[], "Europe/Berlin");
    let friday = at("2026-03-27T17:00:00+01");
    let monday = at("2026-03-30T08:45:00+02");
    assert_eq!(office.open_between(friday, monday), minutes(30 + 240 + 45));
    assert_eq!(office.after_open(friday, minutes(30 + 240 + 45)), Some(monday));
    // Due at closing time, not at the next opening.
    assert_eq!(office.after_open(friday, minutes(30)), Some(at("2026-03-27T17:30:00+01")));
    let sunday = at("2026-03-29T12:00:00+02");
    assert_eq!(office.after_open(sunday, Millis::ZERO), Some(sunday));
}

#[test]
fn holidays_are_closed_from_midnight_to_midnight() {
    let holidays = ["2026-10-29", "2026-10-29"];
    let shift = opening_hours("Mo-Su 22:00-06:00", &holidays, "Europe/Istanbul");
    assert!(shift.is_open(at("2026-10-28T23:59:59+03")));
    assert!(!shift.is_open(at("2026-10-29T00:00:00+03")), "the shift of the evening before ends");
    assert!(!shift.is_open(at("2026-10-29T23:00:00+03")));
    assert!(shift.is_open(at("2026-10-30T00:00:00+03")));
    let (from, to) = (at("2026-10-28T00:00:00+03"), at("2026-10-31T00:00:00+03"));
    assert_eq!(shift.open_between(from, to), hours(16));
    assert_eq!(shift.open_between(to, from), Millis::ZERO);
    assert_eq!(
        shift.after_open(at("2026-10-28T23:00:00+03"), hours(1).saturating_add(Millis(1))),
        Some(at("2026-10-30T00:00:00.001+03"))
    );
}

#[test]
fn due_time_is_absent_when_the_hours_never_add_up() {
    let epoch = Timestamp(0);
    let never = opening_hours("off", &[], "Europe/Istanbul");
    assert_eq!(never.after_open(epoch, Millis(1)), None);
    assert_eq!(never.open_between(epoch, Timestamp::MAX), Millis::ZERO);
    // One hour a week: more than ten years for 600 hours, less for 500.
    let rarely = opening_hours("Mo 10:00-11:00", &[], "Europe/Berlin");
    assert_eq!(rarely.after_open(epoch, hours(600)), None);
    assert!(rarely.after_open(epoch, hours(500)).is_some());
    assert_eq!(rarely.after_open(epoch, Millis::MAX), None);
    let always = opening_hours("24/7", &[], "Europe/Berlin");
    for from in [Timestamp::MIN, Timestamp(i64::MAX - 1)] {
        always.is_open(from);
        always.after_open(from, Millis(1));
        always.open_between(from, Timestamp::MAX);
    }
}

/// By weekday, spans in minutes of the day on which they begin; an end past 1440 lies on the next
/// day.
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

/// Returns whether a civil minute is open, straight from the definition.
fn oracle(week: &Week, holidays: &[Date], zone: &TimeZone, time: Timestamp) -> bool {
    let local = zone.to_datetime(to_jiff(time));
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
        let change = at(change);
        let from = change.saturating_sub(minutes(before));
        let to = from.saturating_add(minutes(length));
        let holidays: Vec<Date> = holiday
            .map(|days| {
                let day = Timestamp(change.get() + days * hours(24).get() as i64);
                zone.to_datetime(to_jiff(day)).date()
            })
            .into_iter()
            .collect();
        let parsed =
            OpeningHours::parse(&notation(&week), &holidays, zone.clone()).expect("notation");

        let open: Vec<Timestamp> = (0..length)
            .map(|minute| from.saturating_add(minutes(minute)))
            .filter(|time| oracle(&week, &holidays, &zone, *time))
            .collect();
        for minute in (0..length).step_by(7) {
            let time = from.saturating_add(minutes(minute));
            let expected = open.binary_search(&time).is_ok();
            prop_assert_eq!(parsed.is_open(time), expected, "at {}", to_jiff(time));
        }
        prop_assert_eq!(parsed.open_between(from, to), Millis::from_mins(open.len() as u64));

        // The end of the n-th open minute, and half of it.
        let wanted = (open.len() as f64 * share) as usize;
        if let Some(last) = open.get(wanted) {
            let whole = Millis::from_mins(wanted as u64);
            let due = parsed.after_open(from, whole.saturating_add(MINUTE));
            prop_assert_eq!(due, Some(last.saturating_add(MINUTE)));
            let half = Millis::from_secs(30);
            let due = parsed.after_open(from, whole.saturating_add(half));
            prop_assert_eq!(due, Some(last.saturating_add(half)));
        }
    }

    #[test]
    fn business_days_follow_one_another(
        name in prop::sample::select(vec![
            "Europe/Berlin",
            "America/New_York",
            "Europe/Istanbul",
            "America/St_Johns",
            "Asia/Tehran",
        ]),
        minute in 0i8..60,
        hour in 0i8..24,
        time_s in 0i64..4_000_000_000,
    ) {
        let days = BusinessDay::new(zone(name), Time::constant(hour, minute, 0, 0));
        let time = Timestamp(time_s * 1000);
        let day = days.around(time);
        prop_assert!(day.contains(time));
        let length = day.end.since(day.start);
        prop_assert!((hours(20)..=hours(28)).contains(&length), "{length}");
        prop_assert_eq!(days.around(day.start), day);
        prop_assert_eq!(days.around(day.end).start, day.end);
        prop_assert_eq!(days.around(day.start.saturating_sub(Millis(1))).end, day.start);
    }
}
