//! A value of a truth.

use serde::Serialize;

/// A value of the truth.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A count.
    Count(u64),
    /// Seconds: whole milliseconds divided by 1000.
    Seconds(f64),
}

impl Value {
    /// Returns the value as a number.
    pub fn as_f64(self) -> f64 {
        match self {
            Value::Count(count) => count as f64,
            Value::Seconds(seconds) => seconds,
        }
    }
}
