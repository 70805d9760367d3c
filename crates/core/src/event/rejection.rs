//! The rejection of a record.

use std::fmt;

/// The reason for which a record is rejected, of a fixed set: the value of the `reason` label.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum Reason {
    /// The value is not JSON, or not UTF-8.
    NotJson,
    /// The value, or its `data`, is JSON but not an object.
    NotObject,
    /// A required field or attribute is absent.
    MissingField,
    /// A required field or an attribute has a value of another JSON type than in the contract;
    /// `null` is one too.
    WrongType,
    /// The `type` is not in the vocabulary, or the verb of a queue_log line is unknown.
    UnknownType,
    /// A field has a value outside its fixed set.
    UnknownValue,
    /// A text is empty or longer than its limit.
    TextLength,
    /// A number or a time is outside its range.
    OutOfRange,
    /// The record is larger than `limits.record_bytes`.
    TooLarge,
    /// A log line does not have the form of its format.
    BadLine,
    /// Neither the event nor the record has a time.
    MissingTime,
    /// The start of an ending did not come within `reorder_grace`.
    Orphan,
    /// In a replay: the event time is ahead of the clock.
    FutureTime,
    /// The program of a mapping raised an error, or did more work than a record may cost.
    MappingFailed,
    /// An output of a mapping is neither an event nor a line.
    MappingOutput,
}

impl Reason {
    /// Every reason, in the order of the documentation.
    pub const ALL: [Reason; 15] = [
        Reason::NotJson,
        Reason::NotObject,
        Reason::MissingField,
        Reason::WrongType,
        Reason::UnknownType,
        Reason::UnknownValue,
        Reason::TextLength,
        Reason::OutOfRange,
        Reason::TooLarge,
        Reason::BadLine,
        Reason::MissingTime,
        Reason::FutureTime,
        Reason::MappingFailed,
        Reason::MappingOutput,
        Reason::Orphan,
    ];

    /// Returns the value of the label.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::NotJson => "not_json",
            Reason::NotObject => "not_object",
            Reason::MissingField => "missing_field",
            Reason::WrongType => "wrong_type",
            Reason::UnknownType => "unknown_type",
            Reason::UnknownValue => "unknown_value",
            Reason::TextLength => "text_length",
            Reason::OutOfRange => "out_of_range",
            Reason::TooLarge => "too_large",
            Reason::BadLine => "bad_line",
            Reason::MissingTime => "missing_time",
            Reason::Orphan => "orphan",
            Reason::FutureTime => "future_time",
            Reason::MappingFailed => "mapping_failed",
            Reason::MappingOutput => "mapping_output",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A rejected record: the reason, which is counted, and a text for a reader that names the field
/// and the allowed values. The text never repeats the value of a field, which may concern a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct Rejection {
    /// The reason.
    pub reason: Reason,
    /// The text for a reader: lower case, no full stop.
    pub detail: String,
}

impl Rejection {
    /// Creates a rejection.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Rejection { reason, detail: detail.into() }
    }

    /// Returns the rejection of one output of a mapping, which is named by its place.
    pub(crate) fn of_output(self, index: usize) -> Self {
        Rejection { detail: format!("output {index}: {}", self.detail), ..self }
    }
}
