//! Durations as people write them: `20s`, `5m`, `1h30m`, `500ms`, `3d`.

use crate::event::DURATION_MS_MAX;

/// Units from the longest to the shortest, with their length in milliseconds.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Why a text is not a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not whole numbers, each followed by a unit, from the longest unit to the shortest.
    #[error(
        "a duration is whole numbers with the units d, h, m, s, ms in this order, such as 20s, 5m, 1h30m or 500ms"
    )]
    Form,
    /// Longer than 2^40 ms.
    #[error("the longest duration is 2^40 ms, which is about 34 years")]
    TooLong,
}

/// Milliseconds of a duration such as `1h30m`. Units are `d`, `h`, `m`, `s`, `ms`, from the longest to the shortest,
/// each at most once; numbers are whole. Zero (`0s`) is a duration.
///
/// # Errors
/// [`DurationError`] where the text has another form or is more than 2^40 ms.
pub fn parse_duration_ms(text: &str) -> Result<u64, DurationError> {
    let mut rest = text;
    let mut total_ms: u64 = 0;
    let mut units_left = UNITS.as_slice();
    while !rest.is_empty() || text.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = rest.split_at(digits);
        let unit_end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_end);
        let place = units_left.iter().position(|(name, _)| *name == unit);
        let (false, Some(place)) = (number.is_empty(), place) else {
            return Err(DurationError::Form);
        };
        let unit_ms = units_left[place].1;
        units_left = &units_left[place + 1..];
        total_ms = number
            .parse::<u64>()
            .ok()
            .and_then(|count| count.checked_mul(unit_ms))
            .and_then(|part_ms| total_ms.checked_add(part_ms))
            .filter(|total_ms| *total_ms <= DURATION_MS_MAX)
            .ok_or(DurationError::TooLong)?;
        rest = next;
    }
    Ok(total_ms)
}

/// The duration in the form that [`parse_duration_ms`] reads, with the longest units that give whole numbers: `1h30m`.
pub fn format_duration(duration_ms: u64) -> String {
    if duration_ms == 0 {
        return "0s".to_string();
    }
    let mut out = String::new();
    let mut rest_ms = duration_ms;
    for (name, unit_ms) in UNITS {
        if rest_ms >= unit_ms {
            out.push_str(&format!("{}{name}", rest_ms / unit_ms));
            rest_ms %= unit_ms;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_of_every_unit_are_read() {
        let cases = [
            ("20s", 20_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("500ms", 500),
            ("1d2h3m4s5ms", 93_784_005),
            ("0s", 0),
            ("1m500ms", 60_500),
            ("90m", 5_400_000),
            ("1099511627776ms", 1 << 40),
        ];
        for (text, expected_ms) in cases {
            assert_eq!(parse_duration_ms(text), Ok(expected_ms), "{text}");
        }
    }

    #[test]
    fn anything_else_is_an_error() {
        let other_forms = [
            "", "5", "s", "-5s", "1.5h", "5 m", "5min", "5M", "m5", "5s ", "+5s", "30m1h", "1m1m",
            "1ms1s", "٥s", "5ş",
        ];
        for text in other_forms {
            assert_eq!(parse_duration_ms(text), Err(DurationError::Form), "{text}");
        }
        for text in ["1099511627777ms", "99999999999999999999s", "18446744073709551615d", "40000d"]
        {
            assert_eq!(parse_duration_ms(text), Err(DurationError::TooLong), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(duration_ms in 0..=DURATION_MS_MAX) {
            prop_assert_eq!(parse_duration_ms(&format_duration(duration_ms)), Ok(duration_ms));
        }

        #[test]
        fn no_text_breaks_the_reader(text in "\\PC{0,12}|[0-9dhms]{0,12}") {
            let _ = parse_duration_ms(&text);
        }
    }

    #[test]
    fn durations_are_written_as_people_write_them() {
        for text in ["0s", "20s", "1h30m", "3d", "500ms", "1d12h"] {
            assert_eq!(parse_duration_ms(text).map(format_duration).as_deref(), Ok(text));
        }
    }
}
