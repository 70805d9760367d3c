//! The format of a topic: one that nabiz reads itself, or one that a mapping turns into events.

use std::path::PathBuf;

use nabiz_core::decode::Format;
use nabiz_mapping::Shipped;

/// The format of the records of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicFormat {
    /// A format that nabiz reads itself.
    Native(Format),
    /// Any other one: a mapping turns each record into events.
    Mapped,
}

impl TopicFormat {
    /// Every format with its word in the configuration.
    pub(super) const ALL: [(TopicFormat, &'static str); Format::ALL.len() + 1] = {
        let mut words = [(TopicFormat::Mapped, "mapped"); Format::ALL.len() + 1];
        let mut index = 0;
        while index < Format::ALL.len() {
            let format = Format::ALL[index];
            words[index] = (TopicFormat::Native(format), format.as_str());
            index += 1;
        }
        words
    };
}

impl TopicFormat {
    /// Returns the word of the format in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            TopicFormat::Native(format) => format.as_str(),
            TopicFormat::Mapped => "mapped",
        }
    }
}

/// Where the program of a mapping is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MappingProgram {
    /// nabiz ships it.
    Shipped(&'static Shipped),
    /// A file has it.
    File(PathBuf),
}
