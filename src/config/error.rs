//! What is wrong with a configuration, all of it at once.

use std::fmt;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// File or environment variable.
    pub source: String,
    /// Line of the file.
    pub line: Option<usize>,
    /// What is wrong, beginning with the key; secrets are masked.
    pub detail: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(out, "{}:{line}: {}", self.source, self.detail),
            None => write!(out, "{}: {}", self.source, self.detail),
        }
    }
}

/// Everything that is wrong with a configuration, one line each when displayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// At least one, in the order of the file.
    pub problems: Vec<Problem>,
}

impl ConfigError {
    pub(super) fn one(source: &str, detail: String) -> Self {
        ConfigError { problems: vec![Problem { source: source.to_string(), line: None, detail }] }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let end_of_line = if index == 0 { "" } else { "\n" };
            write!(out, "{end_of_line}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}
