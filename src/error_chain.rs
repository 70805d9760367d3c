//! The text of an error with its causes, for a log line or a status.

use std::error::Error;

/// Returns the message of an error followed by those of its causes, separated by colons.
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    anyhow::Chain::new(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
