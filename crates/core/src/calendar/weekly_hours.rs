//! Weekly opening hours in local time, and their notation. Changes of the clocks and holidays are
//! left to [`OpeningHours`](super::OpeningHours).

/// The milliseconds of a civil day without a change of the clocks.
pub(crate) const DAY_MS: i64 = 86_400_000;

const MINUTE_MS: i64 = 60_000;

const DAYS: [&str; 7] = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"];

const ALLOWED: &str = "expected days Mo Tu We Th Fr Sa Su as lists and ranges, times as \
                       HH:MM-HH:MM up to 24:00, 24/7, off, and ; between rules, as in Mo-Fr \
                       08:00-12:00,13:00-17:30; Sa 09:00-13:00";

/// The open spans of each weekday, in milliseconds since local midnight. They are sorted, do not
/// touch each other, and end at midnight at the latest.
#[derive(Clone, Debug)]
pub(crate) struct WeeklyHours {
    spans: [Vec<(i64, i64)>; 7],
    /// The open milliseconds of the week before each weekday; the last number is the whole week.
    before_ms: [i64; 8],
}

impl WeeklyHours {
    /// Reads the weekly subset of the OpenStreetMap notation. A later rule replaces earlier ones
    /// for its days. A span past midnight belongs to the day on which it begins.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        // For each weekday, the spans that begin on it; a span past midnight ends after DAY_MS.
        let mut rules: [Vec<(i64, i64)>; 7] = Default::default();
        for rule in text.split(';') {
            let (days, spans) = parse_rule(rule.trim())?;
            for (day, known) in rules.iter_mut().enumerate() {
                if days[day] {
                    known.clone_from(&spans);
                }
            }
        }
        Ok(Self::from_rules(&rules))
    }

    fn from_rules(rules: &[Vec<(i64, i64)>; 7]) -> Self {
        let mut spans: [Vec<(i64, i64)>; 7] = Default::default();
        for (day, own) in rules.iter().enumerate() {
            for &(start, end) in own {
                spans[day].push((start, end.min(DAY_MS)));
                if end > DAY_MS {
                    spans[(day + 1) % 7].push((0, end - DAY_MS));
                }
            }
        }
        let mut before_ms = [0; 8];
        for (day, own) in spans.iter_mut().enumerate() {
            *own = united(std::mem::take(own));
            before_ms[day + 1] =
                before_ms[day] + own.iter().map(|(start, end)| end - start).sum::<i64>();
        }
        WeeklyHours { spans, before_ms }
    }

    /// Returns whether local milliseconds since the epoch lie in a span.
    pub(crate) fn is_open(&self, local_ms: i64) -> bool {
        let of_day = local_ms.rem_euclid(DAY_MS);
        self.spans[weekday(local_ms.div_euclid(DAY_MS))]
            .iter()
            .any(|&(start, end)| (start..end).contains(&of_day))
    }

    /// Returns the open milliseconds of a day, which is counted since the epoch.
    pub(crate) fn day_open_ms(&self, day: i64) -> i64 {
        let weekday = weekday(day);
        self.before_ms[weekday + 1] - self.before_ms[weekday]
    }

    /// Returns the open milliseconds before a local instant, counted from a fixed Monday. Only
    /// differences of two results have a meaning.
    pub(crate) fn open_before_ms(&self, local_ms: i64) -> i64 {
        let day = local_ms.div_euclid(DAY_MS);
        let of_day = local_ms.rem_euclid(DAY_MS);
        let weekday = weekday(day);
        let weeks = (day - weekday as i64).div_euclid(7);
        let today: i64 =
            self.spans[weekday].iter().map(|&(start, end)| (of_day.min(end) - start).max(0)).sum();
        weeks * self.before_ms[7] + self.before_ms[weekday] + today
    }
}

/// Returns the weekday of a day counted since the epoch, which was a Thursday; 0 is Monday.
fn weekday(day: i64) -> usize {
    (day + 3).rem_euclid(7) as usize
}

/// Returns the same time as sorted spans that neither touch nor overlap.
fn united(mut spans: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    spans.sort_unstable();
    let mut out: Vec<(i64, i64)> = Vec::with_capacity(spans.len());
    for (start, end) in spans {
        match out.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => out.push((start, end)),
        }
    }
    out
}

type Rule = ([bool; 7], Vec<(i64, i64)>);

fn parse_rule(rule: &str) -> Result<Rule, String> {
    if rule.is_empty() {
        return Err(format!("an empty rule; {ALLOWED}"));
    }
    if rule == "24/7" {
        return Ok(([true; 7], vec![(0, DAY_MS)]));
    }
    // A rule without days holds for all days; a rule always has hours.
    let (days, hours) = if rule.starts_with(|first: char| first.is_ascii_digit()) || is_off(rule) {
        ([true; 7], rule)
    } else {
        let (days, hours) = rule
            .split_once(' ')
            .ok_or_else(|| format!("{rule:?} needs days and then hours; {ALLOWED}"))?;
        (parse_days(days)?, hours.trim())
    };
    if is_off(hours) {
        return Ok((days, Vec::new()));
    }
    let spans =
        hours.split(',').map(|span| parse_span(span.trim())).collect::<Result<Vec<_>, _>>()?;
    Ok((days, spans))
}

fn is_off(hours: &str) -> bool {
    hours == "off" || hours == "closed"
}

fn parse_days(text: &str) -> Result<[bool; 7], String> {
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (parse_day(first)?, parse_day(last)?);
        // A range may pass the end of the week: Fr-Mo is four days.
        for step in 0..=(last + 7 - first) % 7 {
            days[(first + step) % 7] = true;
        }
    }
    Ok(days)
}

fn parse_day(word: &str) -> Result<usize, String> {
    if word == "PH" || word == "SH" {
        return Err(format!(
            "{word:?} is not a weekday; holidays are listed by date in the key holidays"
        ));
    }
    DAYS.iter()
        .position(|day| *day == word)
        .ok_or_else(|| format!("{word:?} is not a day; {ALLOWED}"))
}

fn parse_span(text: &str) -> Result<(i64, i64), String> {
    let wrong = || format!("{text:?} is not a span of time; {ALLOWED}");
    let (start, end) = text.split_once('-').ok_or_else(wrong)?;
    let (start, end) = (parse_time(start).ok_or_else(wrong)?, parse_time(end).ok_or_else(wrong)?);
    if start == end {
        return Err(format!(
            "{text:?} begins and ends at the same time; 00:00-24:00 is a whole day"
        ));
    }
    if start == DAY_MS {
        return Err(wrong());
    }
    Ok((start, if end < start { end + DAY_MS } else { end }))
}

/// Returns the milliseconds since midnight of `HH:MM`, up to and with 24:00.
fn parse_time(text: &str) -> Option<i64> {
    let (hour, minute) = text.split_once(':')?;
    let two_digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !two_digits(hour) || !two_digits(minute) {
        return None;
    }
    let (hour, minute): (i64, i64) = (hour.parse().ok()?, minute.parse().ok()?);
    let time_ms = (hour * 60 + minute) * MINUTE_MS;
    (minute < 60 && time_ms <= DAY_MS).then_some(time_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 60 * MINUTE_MS;

    fn hours_of_days(text: &str) -> [i64; 7] {
        let week = WeeklyHours::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        // 1970-01-05 was a Monday.
        std::array::from_fn(|day| week.day_open_ms(4 + day as i64) / HOUR_MS)
    }

    #[test]
    fn notation_gives_the_hours_of_each_day() {
        let cases = [
            ("Mo-Su 00:00-24:00", [24; 7]),
            ("24/7", [24; 7]),
            ("08:00-17:00", [9; 7]),
            ("off", [0; 7]),
            ("Mo-Fr 08:00-17:00; Sa 09:00-13:00", [9, 9, 9, 9, 9, 4, 0]),
            ("Mo-Fr 08:00-12:00,13:00-17:00", [8, 8, 8, 8, 8, 0, 0]),
            ("Mo,We,Fr 08:00-18:00", [10, 0, 10, 0, 10, 0, 0]),
            ("Fr-Mo 10:00-12:00", [2, 0, 0, 0, 2, 2, 2]),
            ("Mo,Th-Sa 10:00-12:00", [2, 0, 0, 2, 2, 2, 0]),
            ("Mo-Fr 08:00-17:00; We 10:00-12:00", [9, 9, 2, 9, 9, 0, 0]),
            ("24/7; Su off", [24, 24, 24, 24, 24, 24, 0]),
            ("Mo 08:00-12:00, 10:00-14:00", [6, 0, 0, 0, 0, 0, 0]),
            // A span past midnight: two hours on the day it begins, six on the next.
            ("Su 22:00-06:00", [6, 0, 0, 0, 0, 0, 2]),
            // The rule of Saturday does not end the span that began on Friday.
            ("Mo-Fr 22:00-06:00; Sa off", [2, 8, 8, 8, 8, 6, 0]),
            ("Mo 18:00-00:00", [6, 0, 0, 0, 0, 0, 0]),
        ];
        for (text, expected) in cases {
            assert_eq!(hours_of_days(text), expected, "{text}");
        }
    }

    #[test]
    fn errors_name_the_part_that_is_wrong() {
        let cases = [
            ("", "empty rule"),
            ("Mo 08:00-12:00;", "empty rule"),
            ("Mo", "\"Mo\" needs days"),
            ("Mo-Fri 08:00-12:00", "\"Fri\" is not a day"),
            ("mo 08:00-12:00", "\"mo\" is not a day"),
            ("PH off", "key holidays"),
            ("Mo 8:00-12:00", "\"8:00-12:00\""),
            ("Mo 08:00-24:01", "\"08:00-24:01\""),
            ("Mo 08:60-12:00", "\"08:60-12:00\""),
            ("Mo 08:00", "\"08:00\""),
            ("Mo 08:00-08:00", "same time"),
            ("Mo 24:00-08:00", "\"24:00-08:00\""),
            ("Mo 08:00-12:00,", "\"\""),
            ("Mo 08:00-12:00, Sa 09:00-13:00", "\"Sa 09:00-13:00\""),
            ("Mo +8:00-12:00", "\"+8:00-12:00\""),
            ("Mö 08:00-12:00", "\"Mö\""),
        ];
        for (text, expected) in cases {
            let error =
                WeeklyHours::parse(text).err().unwrap_or_else(|| panic!("{text} was accepted"));
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
