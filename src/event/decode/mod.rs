//! From the bytes of a message to a [`Record`], one file per wire format.

use super::{Channels, DURATION_MS_MAX, Reason, Record, Rejection};

mod body;
mod cloudevents;
mod fields;
mod plain;
mod queue_log;
mod slots;

/// Most entries of a list field.
pub const LIST_LEN_MAX: usize = 64;
/// Largest count (`waiting`, `priority`, `position`): the bound of durations.
pub const COUNT_MAX: u64 = DURATION_MS_MAX;
/// Largest `scale` of a survey.
pub const SCALE_MAX: u64 = 100;

/// How the records of a topic or file are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// CloudEvents 1.0 JSON, structured or binary mode.
    CloudEvents,
    /// Asterisk queue_log lines, bare or as `message` of a JSON object.
    AsteriskQueueLog,
}

impl Format {
    /// Every format, for help texts and error messages.
    pub const ALL: [Format; 2] = [Format::CloudEvents, Format::AsteriskQueueLog];

    /// The word in configuration and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::CloudEvents => "cloudevents",
            Format::AsteriskQueueLog => "asterisk_queue_log",
        }
    }

    /// The format of a word in configuration or on the command line.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == word)
    }
}

/// One message as it came, from Kafka or from a line of a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Message<'a> {
    /// The value; absent for a Kafka tombstone.
    pub value: Option<&'a [u8]>,
    /// Header names and values in order; empty for a line of a file.
    pub headers: &'a [(&'a str, &'a [u8])],
}

/// Decodes one message. `record_bytes_max` bounds the value's size.
///
/// # Errors
/// A [`Rejection`] with one of the fixed reasons; decoding never panics, whatever the bytes.
pub fn decode<'a>(
    format: Format,
    message: &Message<'a>,
    channels: &Channels,
    record_bytes_max: usize,
) -> Result<Record<'a>, Rejection> {
    match format {
        Format::CloudEvents => cloudevents::decode(message, channels, record_bytes_max),
        Format::AsteriskQueueLog => queue_log::decode(message, record_bytes_max),
    }
}

/// Whether the headers of a record with this value have to be looked at. To ask for them makes the Kafka client read them
/// into lists of its own, which costs a third of what decoding costs, even where there are none.
pub fn reads_headers(format: Format, value: Option<&[u8]>) -> bool {
    match format {
        Format::CloudEvents => !value.is_some_and(cloudevents::begins_as_envelope),
        Format::AsteriskQueueLog => false,
    }
}

fn check_size(message: &Message<'_>, record_bytes_max: usize) -> Result<(), Rejection> {
    match message.value {
        Some(value) if value.len() > record_bytes_max => {
            Err(Rejection::new(Reason::TooLarge, format!("the value must have at most {record_bytes_max} bytes")))
        }
        _ => Ok(()),
    }
}
