//! The wire formats.

/// The wire format of the records of a topic or file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// CloudEvents 1.0 in JSON, in structured or binary mode.
    CloudEvents,
    /// Asterisk queue_log lines, bare or as `message` of a JSON object.
    AsteriskQueueLog,
}

impl Format {
    /// Every format, for help texts and error messages.
    pub const ALL: [Format; 2] = [Format::CloudEvents, Format::AsteriskQueueLog];

    /// Returns the word in the configuration and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Format::CloudEvents => "cloudevents",
            Format::AsteriskQueueLog => "asterisk_queue_log",
        }
    }

    /// Returns the format of a word in the configuration or on the command line.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == word)
    }
}
