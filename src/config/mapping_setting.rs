//! How the program of a mapping is read from the document, and printed.

use std::path::PathBuf;

use nabiz_mapping::{SHIPPED, shipped};

use super::document::{Node, Value, file_of};
use super::keys::Row;
use super::mapped::MappingProgram;
use super::setting::{Report, Setting, quoted};
use crate::suggestion::suggestion;

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
            other => match file_of(other) {
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
