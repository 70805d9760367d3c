//! Durations as people write them: `20s`, `5m`, `1h30m`, `500ms`, `3d`.
//!
//! `jiff` reads and writes the numbers. Its own language is larger (`1 hour 30 min`, `-5s`, `1.5h`,
//! ISO 8601), so that a strict check of the form stands in front of it (ADR 0019).

use jiff::fmt::friendly::{Designator, Spacing, SpanPrinter};
use jiff::{Span, SpanRelativeTo, SpanRound, Unit};

use crate::time::instant::Millis;

/// The longest duration of a configuration key or an event field: 2^40 ms, about 34 years.
pub const DURATION_MAX: Millis = Millis(1 << 40);

/// The allowed units, from the longest to the shortest.
const UNITS: [&str; 5] = ["d", "h", "m", "s", "ms"];

const PRINTER: SpanPrinter =
    SpanPrinter::new().designator(Designator::Compact).spacing(Spacing::None);

/// The reason why a text is not a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// The text is not whole numbers, each with a unit, from the longest unit to the shortest.
    #[error(
        "expected whole numbers with the units d, h, m, s, ms in this order, such as 20s, 5m, \
         1h30m or 500ms"
    )]
    Form,
    /// The duration is longer than [`DURATION_MAX`].
    #[error("expected at most 2^40 ms, which is about 34 years")]
    TooLong,
}

/// Returns the duration of a text such as `1h30m`. Units are `d`, `h`, `m`, `s`, `ms`, from the
/// longest to the shortest, each at most once; numbers are whole. `0s` is a duration.
///
/// # Errors
/// [`DurationError`] where the text has another form, or the duration is longer than
/// [`DURATION_MAX`].
pub fn parse_duration(text: &str) -> Result<Millis, DurationError> {
    if !is_strict(text) {
        return Err(DurationError::Form);
    }
    // After the check of the form, only the size of a number can be wrong.
    text.parse()
        .and_then(|span: Span| span.to_duration(SpanRelativeTo::days_are_24_hours()))
        .ok()
        .and_then(|duration| u64::try_from(duration.as_millis()).ok())
        .map(Millis)
        .filter(|duration| *duration <= DURATION_MAX)
        .ok_or(DurationError::TooLong)
}

/// Returns whether a text is numbers in front of known units, each unit at most once and in order.
fn is_strict(text: &str) -> bool {
    let is_digit = |letter: char| letter.is_ascii_digit();
    let mut units_left = UNITS.iter();
    text.starts_with(is_digit)
        && !text.ends_with(is_digit)
        && text
            .split(is_digit)
            .filter(|unit| !unit.is_empty())
            .all(|unit| units_left.any(|known| *known == unit))
}

/// Returns the duration in the form that [`parse_duration`] reads, with the longest units that
/// give whole numbers: `1h30m`.
pub fn format_duration(duration: Millis) -> String {
    let whole = SpanRound::new().largest(Unit::Day).days_are_24_hours();
    i64::try_from(duration.get())
        .ok()
        .and_then(|duration_ms| Span::new().try_milliseconds(duration_ms).ok())
        .and_then(|span| span.round(whole).ok())
        // A longer duration than `jiff` has, which is no duration of the configuration.
        .map_or_else(|| format!("{}ms", duration.get()), |span| PRINTER.span_to_string(&span))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a duration digit by digit, to compare.
    fn by_hand(text: &str) -> Result<Millis, DurationError> {
        const LENGTHS: [u64; 5] = [86_400_000, 3_600_000, 60_000, 1_000, 1];
        let (mut rest, mut total, mut next_unit) = (text, 0u128, 0);
        if text.is_empty() {
            return Err(DurationError::Form);
        }
        while !rest.is_empty() {
            let (number, after) =
                rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
            let (unit, next) =
                after.split_at(after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len()));
            let place = UNITS.iter().position(|known| *known == unit);
            let (false, Some(place)) = (number.is_empty(), place.filter(|p| *p >= next_unit))
            else {
                return Err(DurationError::Form);
            };
            next_unit = place + 1;
            total += number.parse::<u128>().unwrap() * u128::from(LENGTHS[place]);
            rest = next;
        }
        let total = u64::try_from(total).map_or(Millis::MAX, Millis);
        if total <= DURATION_MAX { Ok(total) } else { Err(DurationError::TooLong) }
    }

    #[test]
    fn parser_reads_every_unit() {
        let cases = [
            ("20s", 20_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("500ms", 500),
            ("1d2h3m4s5ms", 93_784_005),
            ("0s", 0),
            ("1m500ms", 60_500),
            ("90m", 5_400_000),
            ("0000000000000000001s", 1_000),
            ("0d0h", 0),
            ("12725d", 1_099_440_000_000),
            ("1099511627776ms", 1 << 40),
        ];
        for (text, expected_ms) in cases {
            assert_eq!(parse_duration(text), Ok(Millis(expected_ms)), "{text}");
        }
    }

    #[test]
    fn parser_refuses_another_form() {
        let other_forms = [
            "", "5", "s", "-5s", "1.5h", "5 m", "5min", "5M", "m5", "5s ", "+5s", "30m1h", "1m1m",
            "1ms1s", "٥s", "5ş",
        ];
        for text in other_forms {
            assert_eq!(parse_duration(text), Err(DurationError::Form), "{text}");
        }
        for text in ["1099511627777ms", "99999999999999999999s", "18446744073709551615d", "40000d"]
        {
            assert_eq!(parse_duration(text), Err(DurationError::TooLong), "{text}");
        }
    }

    proptest! {
        #[test]
        fn written_duration_is_read_again(duration_ms in 0..=DURATION_MAX.get()) {
            let duration = Millis(duration_ms);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }

        #[test]
        fn parser_agrees_with_a_plain_reading(
            text in "\\PC{0,12}|[0-9dhms]{0,12}|([0-9]{1,18}(d|h|m|s|ms)){1,5}",
        ) {
            prop_assert_eq!(parse_duration(&text), by_hand(&text), "{}", text);
        }
    }

    #[test]
    fn duration_is_written_with_the_longest_units() {
        for text in ["0s", "20s", "1h30m", "3d", "500ms", "1d12h", "1d2h3m4s5ms", "12725d"] {
            assert_eq!(parse_duration(text).map(format_duration).as_deref(), Ok(text));
        }
    }
}
