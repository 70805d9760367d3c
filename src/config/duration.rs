//! Durations as people write them: `20s`, `5m`, `1h30m`, `500ms`, `2d`.

/// Units from the longest to the shortest, with their length in milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not whole numbers, each followed by a unit.
    #[error("`{0}` is not a duration: write whole numbers with the units d, h, m, s, ms, as in 20s, 5m, 1h30m")]
    Form(String),
    /// A unit twice, or a longer unit after a shorter one.
    #[error("`{0}` is not a duration: units go from the longest to the shortest, each once, as in 1h30m")]
    Order(String),
    /// More milliseconds than 64 bits hold.
    #[error("`{0}` is too long a duration")]
    TooLong(String),
}

/// Milliseconds of a duration such as `1h30m`. Units are `d`, `h`, `m`, `s`, `ms`, from the longest to the shortest,
/// each at most once; numbers are whole. Zero (`0s`) is a duration.
///
/// # Errors
///
/// [`DurationError`] where the text has another form or does not fit into 64 bits.
pub fn parse_duration_ms(text: &str) -> Result<u64, DurationError> {
    let mut rest = text;
    let mut total_ms: u64 = 0;
    let mut units_left = UNITS.as_slice();
    if text.is_empty() {
        return Err(DurationError::Form(text.to_owned()));
    }
    while !rest.is_empty() {
        let digits_end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, after) = rest.split_at(digits_end);
        let unit_end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_end);
        if digits.is_empty() || !UNITS.iter().any(|(name, _)| *name == unit) {
            return Err(DurationError::Form(text.to_owned()));
        }
        let Some(place) = units_left.iter().position(|(name, _)| *name == unit) else {
            return Err(DurationError::Order(text.to_owned()));
        };
        let (_, unit_ms) = units_left[place];
        units_left = &units_left[place + 1..];
        total_ms = digits
            .parse::<u64>()
            .ok()
            .and_then(|count| count.checked_mul(unit_ms))
            .and_then(|part_ms| total_ms.checked_add(part_ms))
            .ok_or_else(|| DurationError::TooLong(text.to_owned()))?;
        rest = next;
    }
    Ok(total_ms)
}

#[cfg(test)]
mod tests {
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
        ];
        for (text, expected_ms) in cases {
            assert_eq!(parse_duration_ms(text), Ok(expected_ms), "{text}");
        }
    }

    #[test]
    fn anything_else_is_an_error() {
        for text in ["", "5", "s", "-5s", "1.5h", "5 m", "5min", "5M", "m5", "5s ", "+5s"] {
            assert_eq!(parse_duration_ms(text), Err(DurationError::Form(text.to_owned())), "{text}");
        }
        for text in ["30m1h", "1m1m", "1ms1s"] {
            assert_eq!(parse_duration_ms(text), Err(DurationError::Order(text.to_owned())), "{text}");
        }
        for text in ["99999999999999999999s", "18446744073709551615s", "18446744073709551615ms1ms"] {
            assert!(parse_duration_ms(text).is_err(), "{text}");
        }
        assert_eq!(
            parse_duration_ms("213503982335d"),
            Err(DurationError::TooLong("213503982335d".to_owned())),
            "the product does not fit"
        );
    }
}
