//! Why a record was refused.

use std::fmt;

/// The fixed set of reasons a record can be rejected for; the value of the `reason` label.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum Reason {
    /// The value is not JSON (or not UTF-8).
    NotJson,
    /// The value, or its `data`, is JSON but not an object.
    NotObject,
    /// A required field or attribute is absent.
    MissingField,
    /// A field has a value of another JSON type than the contract's; null is a wrong type.
    WrongType,
    /// The `type` is not in the vocabulary, or the queue_log verb is not known.
    UnknownType,
    /// A field with a fixed set of values has another one.
    UnknownValue,
    /// A text is empty or longer than its limit.
    TextLength,
    /// A number or a time is outside its range.
    OutOfRange,
    /// The record is larger than `limits.record_bytes`.
    TooLarge,
    /// A log line has not the form of its format.
    BadLine,
    /// Neither the event nor the record says when it happened.
    MissingTime,
    /// An ending whose start never came within `reorder_grace`.
    Orphan,
}

impl Reason {
    /// Every reason, in label order of the catalogue.
    pub const ALL: [Reason; 12] = [
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
        Reason::Orphan,
    ];

    /// The label value.
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
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refused record: the reason that is counted, and a sentence for a person that names the field and what is
/// allowed. The detail never repeats the value of a field, which may be about a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct Rejection {
    /// What is counted.
    pub reason: Reason,
    /// What is told to a person: lower case, no full stop.
    pub detail: String,
}

impl Rejection {
    /// A rejection with its explanation.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Rejection { reason, detail: detail.into() }
    }
}
