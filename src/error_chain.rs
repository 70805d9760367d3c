//! The text of an error with its causes, for a log line or a status.

use std::error::Error;
use std::iter::successors;

/// Returns the message of an error followed by those of its causes, separated by colons.
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    let causes = successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
