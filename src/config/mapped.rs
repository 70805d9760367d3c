//! The format of a topic: one that nabiz reads itself, or one that a mapping turns into events.

use std::path::PathBuf;

use nabiz_core::decode::Format;
use nabiz_mapping::{SHIPPED, Shipped, shipped};

use super::document::{Node, Value};
use super::keys::Row;
use super::setting::{Report, Setting, quoted};
use crate::suggestion::suggestion;

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

impl Setting for Option<MappingProgram> {
    fn read(_: &Row, node: &Node, report: &mut Report<'_>) -> Option<Self> {
        match &node.value {
            Value::Text(name) => match shipped(name) {
                Some(shipped) => return Some(Some(MappingProgram::Shipped(shipped))),
                None => {
                    let names = SHIPPED.iter().map(|shipped| shipped.name);
                    let known: Vec<&str> = names.clone().collect();
                    let hint = suggestion(name, names);
                    let detail = format!(
                        "expected {{ file = \"path\" }} or one of {}, found {name:?}{hint}",
                        known.join(", ")
                    );
                    report.diagnostics.report(&node.place, report.path, detail);
                }
            },
            other => match super::kafka::file_of(other) {
                Some(file) => return Some(Some(MappingProgram::File(PathBuf::from(file)))),
                None => {
                    let expected = "the name of a shipped mapping, or { file = \"path\" }";
                    report.diagnostics.report_unexpected(node, report.path, expected);
                }
            },
        }
        None
    }

    fn to_toml(&self) -> Option<String> {
        self.as_ref().map(|program| match program {
            MappingProgram::Shipped(shipped) => quoted(shipped.name),
            MappingProgram::File(file) => {
                format!("{{ file = {} }}", quoted(&file.to_string_lossy()))
            }
        })
    }
}
