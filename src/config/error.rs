//! The errors of a configuration, all of them at once.

use std::fmt;

/// One error, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// File or environment variable.
    pub source: String,
    /// Line of the file.
    pub line: Option<usize>,
    /// The error, which begins with the key. Secrets are masked.
    pub detail: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(out, "{}:{line}: {}", self.source, self.detail),
            None => write!(out, "{}: {}", self.source, self.detail),
        }
    }
}

/// The reason for which a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{file_name}: the file cannot be read")]
    Unreadable {
        /// The file.
        file_name: String,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The configuration is wrong: at least one error, in the order of the file, one a line.
    #[error("{}", lines(.0))]
    Invalid(Vec<Diagnostic>),
}

impl ConfigError {
    /// Returns the errors in the text of the configuration.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            ConfigError::Unreadable { .. } => &[],
            ConfigError::Invalid(diagnostics) => diagnostics,
        }
    }
}

fn lines(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
