//! Parsers of arguments that several commands have.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::Timestamp;
use nabiz_simulator::Scenario;

/// Parses a scenario. `--help` and errors list the words of [`Scenario::ALL`].
pub(super) fn scenario_parser() -> impl TypedValueParser<Value = Scenario> {
    PossibleValuesParser::new(Scenario::ALL.map(Scenario::as_str))
        .try_map(|word| word.parse::<Scenario>())
}

/// Parses a time.
pub(super) fn parse_time(text: &str) -> Result<Timestamp, String> {
    text.parse()
        .map_err(|_| "expected a time in RFC 3339, such as 2026-01-05T18:00:00+03:00".to_string())
}
