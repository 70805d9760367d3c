//! The collection of the errors of one configuration.

use std::fmt::Display;

use super::document::{Node, Place};
use super::error::{ConfigError, Diagnostic};
use super::keys;

/// The errors of one configuration.
pub(super) struct Diagnostics {
    file_name: String,
    reported: Vec<Diagnostic>,
}

impl Diagnostics {
    pub(super) fn new(file_name: &str, reported: Vec<Diagnostic>) -> Self {
        Diagnostics { file_name: file_name.to_string(), reported }
    }

    /// Reports an error at the place of `key`.
    pub(super) fn report(&mut self, place: &Place, key: &str, detail: impl Display) {
        self.reported.push(place.diagnostic(&self.file_name, format!("{key}: {detail}")));
    }

    /// Reports an error of a value, and displays the value.
    pub(super) fn report_value(&mut self, node: &Node, key: &str, detail: impl Display) {
        self.report(&node.place, key, format!("{}: {detail}", display(node, key)));
    }

    /// Reports that a value is not among the allowed ones.
    pub(super) fn report_unexpected(&mut self, node: &Node, key: &str, expected: impl Display) {
        let detail = format!("expected {expected}, found {}", display(node, key));
        self.report(&node.place, key, detail);
    }

    /// Returns an error if one was reported.
    pub(super) fn finish(mut self) -> Result<(), ConfigError> {
        if self.reported.is_empty() {
            return Ok(());
        }
        self.reported.sort_by_key(|diagnostic| (diagnostic.line.is_none(), diagnostic.line));
        Err(ConfigError::Invalid(self.reported))
    }
}

/// Returns a value as messages display it: masked where the key may be a secret.
fn display(node: &Node, key: &str) -> String {
    if keys::is_secret(key) { keys::MASK.to_string() } else { node.value.display() }
}
