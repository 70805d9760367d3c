//! RFC 3339 times.
//!
//! Written by hand because every event has a time, and its fixed layout needs no general parser
//! (ADR 0012). A property test compares it with `jiff`.

use crate::time::instant::Timestamp;

/// Returns the instant of an RFC 3339 text, rounded down to milliseconds.
///
/// Accepts the forms of RFC 3339 section 5.6: `T`, `t` or a space between date and time, a fraction
/// of at least one digit, and `Z`, `z` or a numeric offset. Second 60 counts as the last
/// millisecond of second 59. Returns `None` for anything else, such as a day that its month does
/// not have.
pub fn parse_rfc3339(text: &str) -> Option<Timestamp> {
    let (head, tail) = text.as_bytes().split_first_chunk::<19>()?;
    let [
        y1,
        y2,
        y3,
        y4,
        b'-',
        o1,
        o2,
        b'-',
        d1,
        d2,
        b'T' | b't' | b' ',
        h1,
        h2,
        b':',
        m1,
        m2,
        b':',
        s1,
        s2,
    ] = *head
    else {
        return None;
    };
    let all = [y1, y2, y3, y4, o1, o2, d1, d2, h1, h2, m1, m2, s1, s2];
    // One branch for all digits, because this runs for every event.
    if all.iter().fold(false, |other, byte| other | !byte.is_ascii_digit()) {
        return None;
    }
    let number = |tens: u8, ones: u8| (tens - b'0') * 10 + (ones - b'0');
    let year = i64::from(number(y1, y2)) * 100 + i64::from(number(y3, y4));
    let (month, day, hour, minute, second) =
        (number(o1, o2), number(d1, d2), number(h1, h2), number(m1, m2), number(s1, s2));
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (fraction_ms, zone) = fraction_ms(tail)?;
    let offset_minutes = offset_minutes(zone)?;
    let in_minute_ms = if second == 60 { 59_999 } else { i64::from(second) * 1000 + fraction_ms };
    let minutes =
        days_since_epoch(year, month, day) * 1440 + i64::from(hour) * 60 + i64::from(minute)
            - offset_minutes;
    Some(Timestamp(minutes * 60_000 + in_minute_ms))
}

fn digit(byte: u8) -> Option<u8> {
    let value = byte.wrapping_sub(b'0');
    (value <= 9).then_some(value)
}

fn two(tens: u8, ones: u8) -> Option<u8> {
    Some(digit(tens)? * 10 + digit(ones)?)
}

/// Returns the fraction in whole milliseconds, and the text after it.
fn fraction_ms(tail: &[u8]) -> Option<(i64, &[u8])> {
    let [b'.', digits @ ..] = tail else {
        return Some((0, tail));
    };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 {
        return None;
    }
    let (fraction, zone) = digits.split_at(count);
    let place = |index: usize| fraction.get(index).map_or(0, |byte| i64::from(byte - b'0'));
    Some((place(0) * 100 + place(1) * 10 + place(2), zone))
}

fn offset_minutes(zone: &[u8]) -> Option<i64> {
    match *zone {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (two(h1, h2)?, two(m1, m2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let total = i64::from(hours) * 60 + i64::from(minutes);
            Some(if sign == b'-' { -total } else { total })
        }
        _ => None,
    }
}

fn days_in_month(year: i64, month: u8) -> u8 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Returns the days since 1970-01-01 in the proleptic Gregorian calendar. Years begin in March
/// here, so that the leap day is the last day of its year and one formula gives the days before a
/// month.
fn days_since_epoch(year: i64, month: u8, day: u8) -> i64 {
    let months_since_march = (i64::from(month) + 9) % 12;
    let year = if month <= 2 { year - 1 } else { year };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let day_of_year = (153 * months_since_march + 2) / 5 + i64::from(day) - 1;
    year * 365 + leap_days + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parser_reads_the_instant() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01t00:00:00.0019z", 1),
            ("1969-12-31T23:59:59.9999Z", -1),
            ("2026-01-05T08:30:00.123+03:00", 1_767_591_000_123),
            ("2026-01-05 05:30:00.1234567890123456789Z", 1_767_591_000_123),
            ("2026-01-04T19:30:00.1-10:00", 1_767_591_000_100),
            ("2000-02-29T12:00:00-00:00", 951_825_600_000),
            ("0000-01-01T00:00:00Z", -62_167_219_200_000),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
            ("2016-12-31T23:59:60Z", 1_483_228_799_999),
            ("2016-12-31T23:59:60.5Z", 1_483_228_799_999),
        ] {
            assert_eq!(parse_rfc3339(text), Some(Timestamp(expected)), "{text}");
        }
    }

    #[test]
    fn parser_refuses_another_form() {
        for text in [
            "",
            "2026-01-05",
            "2026-01-05T08:30:00",
            "2026-01-05T08:30Z",
            "2026-01-05T08:30:00.Z",
            "2026-01-05T08:30:00,5Z",
            "2026-01-05T08:30:00Z ",
            " 2026-01-05T08:30:00Z",
            "2026-01-05T08:30:00+0300",
            "2026-01-05T08:30:00+24:00",
            "2026-01-05T08:30:00+03:60",
            "2026-01-05T08:30:00+03",
            "2026-01-05T24:00:00Z",
            "2026-01-05T08:60:00Z",
            "2026-01-05T08:30:61Z",
            "2026-00-05T08:30:00Z",
            "2026-13-05T08:30:00Z",
            "2026-01-00T08:30:00Z",
            "2026-01-32T08:30:00Z",
            "2026-04-31T08:30:00Z",
            "2026-02-29T08:30:00Z",
            "1900-02-29T08:30:00Z",
            "+026-01-05T08:30:00Z",
            "2026-01-05_08:30:00Z",
            "2026-01-0\u{661}T08:30:00Z",
        ] {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
    }

    fn by_jiff(text: &str) -> Option<Timestamp> {
        let time = text.parse::<jiff::Timestamp>().ok()?;
        i64::try_from(time.as_nanosecond().div_euclid(1_000_000)).ok().map(Timestamp)
    }

    proptest! {
        #[test]
        fn parser_agrees_with_jiff(
            (year, month, day) in (1u16..9999, 1u8..=12, 1u8..=31),
            (hour, minute, second) in (0u8..24, 0u8..60, 0u8..60),
            fraction in "(\\.[0-9]{1,9})?",
            zone in "Z|z|[+-](0[0-9]|1[0-9]|2[0-3]):[0-5][0-9]",
        ) {
            let date = format!("{year:04}-{month:02}-{day:02}");
            let text = format!("{date}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}");
            let expected = by_jiff(&text);
            prop_assert_eq!(parse_rfc3339(&text), expected, "{}", text);
        }

        #[test]
        fn parser_never_panics(text in "\\PC{0,40}") {
            let _ = parse_rfc3339(&text);
        }

        #[test]
        fn jiff_accepts_an_accepted_text(
            date in "[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]",
            time in "[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{0,3})?(Z|\\+[0-9]{2}:[0-9]{2}|)",
        ) {
            let text = date + &time;
            // jiff moves second 60 to the next minute.
            if let Some(time) = parse_rfc3339(&text) && !text.contains(":60") {
                prop_assert_eq!(by_jiff(&text), Some(time), "{}", text);
            }
        }
    }
}
