//! Parsers of arguments that several commands have.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use nabiz_simulator::Scenario;

/// Parses a scenario. `--help` and errors list the words of [`Scenario::ALL`].
pub(super) fn scenario_parser() -> impl TypedValueParser<Value = Scenario> {
    PossibleValuesParser::new(Scenario::ALL.map(Scenario::as_str))
        .try_map(|word| word.parse::<Scenario>())
}
