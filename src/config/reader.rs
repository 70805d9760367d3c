//! Reading the keys of one section into types, with every error noted at its place.

use std::ops::RangeInclusive;

use nabiz_core::event::TEXT_BYTES_MAX;
use nabiz_core::time::{Millis, format_duration, parse_duration};

use super::document::{Node, Place, Table, Value, unknown_key};
use super::error::{ConfigError, Problem};
use super::keys;
use crate::suggestion::suggestion;

/// The errors of one configuration.
pub(super) struct Problems {
    file_name: String,
    noted: Vec<Problem>,
}

impl Problems {
    pub(super) fn new(file_name: &str, noted: Vec<Problem>) -> Self {
        Problems { file_name: file_name.to_string(), noted }
    }

    /// Notes that what stands at `key` is wrong.
    pub(super) fn note(&mut self, place: &Place, key: &str, detail: impl std::fmt::Display) {
        self.noted.push(place.problem(&self.file_name, format!("{key}: {detail}")));
    }

    /// Notes that the value of `key` is wrong. The last part of the key decides whether the value is shown.
    pub(super) fn note_value(&mut self, node: &Node, key: &str, detail: impl std::fmt::Display) {
        let shown = if keys::is_secret(key) { keys::MASK.to_string() } else { node.value.shown() };
        self.note(&node.place, key, format!("{shown}: {detail}"));
    }

    /// An error where anything was noted.
    pub(super) fn finish(mut self) -> Result<(), ConfigError> {
        if self.noted.is_empty() {
            return Ok(());
        }
        self.noted.sort_by_key(|problem| (problem.line.is_none(), problem.line));
        Err(ConfigError { problems: self.noted })
    }
}

/// One table of the document, whose keys are all known.
pub(super) struct Section<'p, 'd> {
    problems: &'p mut Problems,
    table: Option<&'d Table>,
    path: String,
}

impl<'p, 'd> Section<'p, 'd> {
    /// The section of a document; where it is absent every key has its default.
    pub(super) fn of_document(
        problems: &'p mut Problems,
        document: &'d Table,
        section: keys::Section,
    ) -> Self {
        let (name, known) = section;
        match document.get(name) {
            Some(node) => Self::of_node(problems, node, name, name, known),
            None => Section { problems, table: None, path: name.to_string() },
        }
    }

    /// The section that `node` is. `name` says in messages what kind of section.
    pub(super) fn of_node(
        problems: &'p mut Problems,
        node: &'d Node,
        path: &str,
        name: &str,
        known: &[(&str, keys::Kind)],
    ) -> Self {
        let Value::Table(table) = &node.value else {
            problems.note_value(node, path, "a table is allowed");
            return Section { problems, table: None, path: path.to_string() };
        };
        for (key, place, _) in table.iter() {
            if !known.iter().any(|(name, _)| *name == key) {
                problems.note(
                    place,
                    path,
                    unknown_key(name, key, known.iter().map(|(name, _)| *name)),
                );
            }
        }
        Section { problems, table: Some(table), path: path.to_string() }
    }

    /// What is written at a key.
    pub(super) fn node(&self, key: &str) -> Option<&'d Node> {
        self.table.and_then(|table| table.get(key))
    }

    /// The key with its section, for messages.
    pub(super) fn path(&self, key: &str) -> String {
        format!("{}.{key}", self.path)
    }

    /// Notes that the value of a key is wrong.
    pub(super) fn note_value(&mut self, key: &str, detail: impl std::fmt::Display) {
        if let Some(node) = self.node(key) {
            let path = self.path(key);
            self.problems.note_value(node, &path, detail);
        }
    }

    /// The errors of the whole configuration.
    pub(super) fn problems(&mut self) -> &mut Problems {
        self.problems
    }

    /// The value of a key; `default` where it is absent, or wrong and noted.
    pub(super) fn read<T>(
        &mut self,
        key: &str,
        default: T,
        read: impl FnOnce(&Value) -> Result<T, String>,
    ) -> T {
        let Some(node) = self.node(key) else {
            return default;
        };
        read(&node.value).unwrap_or_else(|detail| {
            self.note_value(key, detail);
            default
        })
    }

    /// The items of a list, each with its place; `None` where the key is absent, or no list and noted. Items that are
    /// wrong are noted and left out.
    pub(super) fn read_list<T>(
        &mut self,
        key: &str,
        read: impl Fn(&Value) -> Result<T, String>,
    ) -> Option<Vec<(T, &'d Node)>> {
        let node = self.node(key)?;
        let path = self.path(key);
        let Value::List(items) = &node.value else {
            self.note_value(key, "a list such as [\"…\", \"…\"] is allowed");
            return None;
        };
        let mut out = Vec::with_capacity(items.len());
        for item in items {
            match read(&item.value) {
                Ok(value) => out.push((value, item)),
                Err(detail) => self.problems.note_value(item, &path, detail),
            }
        }
        Some(out)
    }
}

/// A text of 1 to 256 bytes.
pub(super) fn text(value: &Value) -> Result<String, String> {
    let fits = |text: &str| !text.is_empty() && text.len() <= TEXT_BYTES_MAX;
    match value {
        Value::Text(text) if fits(text) => Ok(text.clone()),
        Value::Text(text) if !text.is_empty() => {
            Err(format!("{} bytes; text of 1 to {TEXT_BYTES_MAX} bytes is allowed", text.len()))
        }
        _ => Err(format!("text of 1 to {TEXT_BYTES_MAX} bytes is allowed")),
    }
}

/// A duration within `range`, in milliseconds.
pub(super) fn duration_ms(range: RangeInclusive<u64>) -> impl Fn(&Value) -> Result<u64, String> {
    move |value| {
        let allowed = || {
            format!(
                "{} to {} is allowed",
                format_duration(Millis(*range.start())),
                format_duration(Millis(*range.end()))
            )
        };
        let Value::Text(text) = value else {
            return Err("a duration such as \"20s\", \"5m\" or \"1h30m\" is allowed".to_string());
        };
        let duration_ms = parse_duration(text).map_err(|error| error.to_string())?.get();
        if range.contains(&duration_ms) { Ok(duration_ms) } else { Err(allowed()) }
    }
}

/// A whole number within `range`.
pub(super) fn integer(range: RangeInclusive<usize>) -> impl Fn(&Value) -> Result<usize, String> {
    move |value| {
        match value {
            Value::Integer(value) => {
                usize::try_from(*value).ok().filter(|value| range.contains(value))
            }
            _ => None,
        }
        .ok_or_else(|| {
            format!("a whole number from {} to {} is allowed", range.start(), range.end())
        })
    }
}

/// A number from 0 to 1.
pub(super) fn ratio(value: &Value) -> Result<f64, String> {
    let number = match value {
        Value::Number(number) => *number,
        Value::Integer(number) => *number as f64,
        _ => f64::NAN,
    };
    // Minus zero is a number from 0 to 1, and would be printed with its sign.
    if (0.0..=1.0).contains(&number) {
        Ok(number.abs())
    } else {
        Err("a ratio from 0 to 1 is allowed".to_string())
    }
}

/// `true` or `false`.
pub(super) fn flag(value: &Value) -> Result<bool, String> {
    match value {
        Value::Flag(flag) => Ok(*flag),
        _ => Err("true or false is allowed".to_string()),
    }
}

/// One of a set of words.
pub(super) fn one_of<T: Copy>(words: &[(T, &str)]) -> impl Fn(&Value) -> Result<T, String> {
    move |value| {
        let Value::Text(text) = value else {
            return Err(format!("allowed are {}", list(words)));
        };
        words.iter().find(|(_, word)| word == text).map(|(meaning, _)| *meaning).ok_or_else(|| {
            let hint = suggestion(text, words.iter().map(|(_, word)| *word));
            format!("allowed are {}{hint}", list(words))
        })
    }
}

fn list<T>(words: &[(T, &str)]) -> String {
    words.iter().map(|(_, word)| *word).collect::<Vec<_>>().join(", ")
}
