//! How the tables of a path of the gateway are read and printed: the key of a record, and the place
//! of a secret.

use std::path::PathBuf;

use super::document::{Node, Value};
use super::keys::Row;
use super::rules::is_short_text;
use super::setting::{Report, Setting, quoted};
use super::webhook::{RecordKey, SecretSource};

/// Most pointers of a key.
const POINTERS_MAX: usize = 8;

const KEY_EXPECTED: &str = "{ pointer = \"/conversation/id\" }, { pointer = [\"…\", \"…\"] } with \
                            up to 8 pointers, or { field = \"CallSid\" }";
const SECRET_EXPECTED: &str = "{ file = \"path\" } or { env = \"NAME\" }";

/// Returns the one entry of a table.
fn only_entry(value: &Value) -> Option<(&str, &Value)> {
    let Value::Table(table) = value else { return None };
    let mut entries = table.iter();
    match (entries.next(), entries.next()) {
        (Some((key, _, node)), None) => Some((key, &node.value)),
        _ => None,
    }
}

/// Returns a JSON pointer: the empty text, or steps that each begin with a slash.
fn pointer(value: &Value) -> Option<String> {
    let Value::Text(text) = value else { return None };
    let is_pointer = is_short_text(text) && text.starts_with('/');
    is_pointer.then(|| text.clone())
}

fn read_key(value: &Value) -> Option<RecordKey> {
    match only_entry(value)? {
        ("pointer", Value::List(items)) if (1..=POINTERS_MAX).contains(&items.len()) => {
            let pointers: Option<Vec<String>> =
                items.iter().map(|item| pointer(&item.value)).collect();
            pointers.map(RecordKey::Pointers)
        }
        ("pointer", one) => pointer(one).map(|one| RecordKey::Pointers(vec![one])),
        ("field", Value::Text(name)) if is_short_text(name) => Some(RecordKey::Field(name.clone())),
        _ => None,
    }
}

impl Setting for Option<RecordKey> {
    fn read(_: &Row, node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let read = read_key(&node.value);
        if read.is_none() {
            report.diagnostics.report_unexpected(node, report.path, KEY_EXPECTED);
        }
        read.map(Some)
    }

    fn to_toml(&self) -> Option<String> {
        self.as_ref().map(|key| match key {
            RecordKey::Field(name) => format!("{{ field = {} }}", quoted(name)),
            RecordKey::Pointers(pointers) => match pointers.as_slice() {
                [one] => format!("{{ pointer = {} }}", quoted(one)),
                several => {
                    let several: Vec<String> = several.iter().map(|one| quoted(one)).collect();
                    format!("{{ pointer = [{}] }}", several.join(", "))
                }
            },
        })
    }
}

impl Setting for Option<SecretSource> {
    fn read(_: &Row, node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let read = match only_entry(&node.value) {
            Some(("file", Value::Text(path))) if !path.is_empty() => {
                Some(SecretSource::File(PathBuf::from(path)))
            }
            Some(("env", Value::Text(name))) if is_short_text(name) => {
                Some(SecretSource::Variable(name.clone()))
            }
            _ => None,
        };
        if read.is_none() {
            // The value may be the secret itself, and the name of the key masks it.
            report.diagnostics.report_unexpected(node, report.path, SECRET_EXPECTED);
        }
        read.map(Some)
    }

    fn to_toml(&self) -> Option<String> {
        self.as_ref().map(|source| match source {
            SecretSource::File(path) => {
                format!("{{ file = {} }}", quoted(&path.to_string_lossy()))
            }
            SecretSource::Variable(name) => format!("{{ env = {} }}", quoted(name)),
        })
    }
}
