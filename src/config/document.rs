//! The tree of values of a configuration: a TOML text with its lines, and environment variables
//! over it.

use nabiz_core::event::TEXT_BYTES_MAX;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Diagnostic};
use super::keys::{self, Kind, SectionKeys};
use crate::suggestion::suggestion;

/// Prefix of the environment variables that nabiz reads.
const PREFIX: &str = "NABIZ_";

/// Where a value is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// Line of the file.
    Line(usize),
    /// Environment variable.
    Variable(String),
}

impl Place {
    pub(super) fn diagnostic(&self, file_name: &str, detail: String) -> Diagnostic {
        match self {
            Place::Line(line) => {
                Diagnostic { source: file_name.to_string(), line: Some(*line), detail }
            }
            Place::Variable(name) => Diagnostic { source: name.clone(), line: None, detail },
        }
    }

    /// Returns `line 12` or the name of the variable, for messages about another place.
    pub(super) fn words(&self) -> String {
        match self {
            Place::Line(line) => format!("line {line}"),
            Place::Variable(name) => name.clone(),
        }
    }
}

/// A value with its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) place: Place,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Number(f64),
    Flag(bool),
    /// A TOML date or time, as written.
    Date(String),
    List(Vec<Node>),
    Table(Table),
}

impl Value {
    /// Returns the value as messages display it.
    pub(super) fn display(&self) -> String {
        match self {
            Value::Text(text) if text.len() > TEXT_BYTES_MAX => {
                format!("text of {} bytes", text.len())
            }
            Value::Text(text) => format!("{text:?}"),
            Value::Integer(value) => value.to_string(),
            Value::Number(value) => value.to_string(),
            Value::Flag(value) => value.to_string(),
            Value::Date(text) => text.clone(),
            Value::List(_) => "a list".to_string(),
            Value::Table(_) => "a table".to_string(),
        }
    }
}

/// Keys in alphabetical order, each with the place of the key.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    entries: Vec<(String, Place, Node)>,
}

impl Table {
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entries.iter().find(|(known, _, _)| known == key).map(|(_, _, node)| node)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Place, &Node)> {
        self.entries.iter().map(|(key, place, node)| (key.as_str(), place, node))
    }

    fn set(&mut self, key: &str, node: Node) {
        self.entries.retain(|(known, _, _)| known != key);
        self.entries.push((key.to_string(), node.place.clone(), node));
    }

    /// Returns the table at a key, a new one where there is nothing; `None` where something else is
    /// there.
    fn table_mut(&mut self, key: &str, place: &Place) -> Option<&mut Table> {
        if self.get(key).is_none() {
            self.set(key, Node { value: Value::Table(Table::default()), place: place.clone() });
        }
        self.entries.iter_mut().find(|(known, _, _)| known == key).and_then(|(_, _, node)| {
            match &mut node.value {
                Value::Table(table) => Some(table),
                _ => None,
            }
        })
    }
}

/// Reads a TOML text.
pub(super) fn parse(text: &str, file_name: &str) -> Result<Table, ConfigError> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let lines = Lines::new(text);
    if !errors.is_empty() {
        let diagnostics = errors
            .iter()
            .map(|error| Diagnostic {
                source: file_name.to_string(),
                line: error.span().map(|span| lines.of(span.start)),
                detail: error.message().to_string(),
            })
            .collect();
        return Err(ConfigError::Invalid(diagnostics));
    }
    Ok(table_of(table.get_ref(), &lines))
}

struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    fn new(text: &str) -> Self {
        Lines { starts: text.match_indices('\n').map(|(at, _)| at + 1).collect() }
    }

    fn of(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset) + 1
    }
}

fn table_of(table: &DeTable<'_>, lines: &Lines) -> Table {
    let entries = table.iter().map(|(key, value)| {
        let place = Place::Line(lines.of(key.span().start));
        let node = Node {
            value: value_of(value.get_ref(), lines),
            place: Place::Line(lines.of(value.span().start)),
        };
        (key.get_ref().to_string(), place, node)
    });
    Table { entries: entries.collect() }
}

fn value_of(value: &DeValue<'_>, lines: &Lines) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        // A number past 64 bits stays as it is written; it is then out of every range.
        DeValue::Integer(value) => i64::from_str_radix(value.as_str(), value.radix()).map_or_else(
            |_| Value::Number(value.as_str().parse().unwrap_or(f64::INFINITY)),
            Value::Integer,
        ),
        DeValue::Float(value) => Value::Number(value.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(value) => Value::Flag(*value),
        DeValue::Datetime(value) => Value::Date(value.to_string()),
        DeValue::Array(items) => Value::List(
            items
                .iter()
                .map(|item| Node {
                    value: value_of(item.get_ref(), lines),
                    place: Place::Line(lines.of(item.span().start)),
                })
                .collect(),
        ),
        DeValue::Table(table) => Value::Table(table_of(table, lines)),
    }
}

/// Returns whether an environment variable is configuration: `NABIZ_SECTION__KEY`. Variables such
/// as `NABIZ_LOG` are not.
pub(super) fn is_configuration(name: &str) -> bool {
    name.strip_prefix(PREFIX).is_some_and(|rest| rest.contains("__"))
}

/// Puts the environment variables `NABIZ_SECTION__KEY` over a document, and returns the errors.
/// Other variables are ignored.
pub(super) fn overlay(
    document: &mut Table,
    variables: impl Iterator<Item = (String, String)>,
) -> Vec<Diagnostic> {
    let mut named: Vec<(String, String)> =
        variables.filter(|(name, _)| is_configuration(name)).collect();
    named.sort();
    let mut diagnostics = Vec::new();
    for (name, text) in named {
        if let Err(detail) = put(document, &name, &text) {
            diagnostics.push(Diagnostic { source: name, line: None, detail });
        }
    }
    diagnostics
}

fn put(document: &mut Table, name: &str, text: &str) -> Result<(), String> {
    let path = name.strip_prefix(PREFIX).unwrap_or(name).to_lowercase();
    let parts: Vec<&str> = path.split("__").collect();
    let place = Place::Variable(name.to_string());
    let (section, rest) = parts.split_first().ok_or("has no section")?;
    let keys = section_of(section)?;
    match (*section, rest) {
        ("queues", rest) => {
            let (key, id) =
                rest.split_last().filter(|(_, id)| !id.is_empty()).ok_or_else(|| {
                    format!("{path:?} names no queue and key; expected {PREFIX}QUEUES__QUEUE__KEY")
                })?;
            let kind = kind_of(keys, key)?;
            let queues = document.table_mut(section, &place).ok_or("queues is not a table")?;
            let id = queue_of(queues, &id.join("__"))?;
            let queue = queues
                .table_mut(&id, &place)
                .ok_or_else(|| format!("queues.{id} is not a table"))?;
            queue.set(key, Node { value: value_of_variable(text, kind, &place)?, place });
        }
        ("kafka", ["client", property]) if !property.is_empty() => {
            // librdkafka separates words by dots, which few shells allow in a variable's name.
            let property = property.replace('_', ".");
            let kafka = document.table_mut(section, &place).ok_or("kafka is not a table")?;
            let client = kafka.table_mut("client", &place).ok_or("kafka.client is not a table")?;
            client.set(&property, Node { value: Value::Text(text.to_string()), place });
        }
        (section, [key]) => {
            let kind = kind_of(keys, key)?;
            let table = document
                .table_mut(section, &place)
                .ok_or_else(|| format!("{section} is not a table"))?;
            table.set(key, Node { value: value_of_variable(text, kind, &place)?, place });
        }
        (section, _) => {
            return Err(format!(
                "{path:?} is not a key; expected {PREFIX}{}__KEY",
                section.to_uppercase()
            ));
        }
    }
    Ok(())
}

/// Returns the keys of a section, or an error that names the sections.
pub(super) fn section_of(name: &str) -> Result<&'static SectionKeys, String> {
    let names = || keys::SECTIONS.iter().map(|(known, _)| *known);
    keys::SECTIONS.iter().find(|(known, _)| *known == name).map(|(_, keys)| *keys).ok_or_else(
        || {
            let all: Vec<&str> = names().collect();
            format!(
                "{name:?} is not a section{}; the sections are {}",
                suggestion(name, names()),
                all.join(", ")
            )
        },
    )
}

fn kind_of(keys: &SectionKeys, key: &str) -> Result<Kind, String> {
    keys.row(key).map(|row| row.kind).ok_or_else(|| unknown_key(keys, key))
}

/// Returns the message for a key that a section does not have.
pub(super) fn unknown_key(keys: &SectionKeys, key: &str) -> String {
    let all: Vec<&str> = keys.names().collect();
    format!(
        "{key:?} is not a key of [{}]{}; the keys are {}",
        keys.name,
        suggestion(key, keys.names()),
        all.join(", ")
    )
}

/// Returns the configured queue that a part of a variable's name matches. Case and punctuation do
/// not count, because names of variables cannot carry them.
fn queue_of(queues: &Table, wanted: &str) -> Result<String, String> {
    let plain = |id: &str| -> String {
        id.chars()
            .flat_map(char::to_lowercase)
            .map(|c| if c.is_alphanumeric() { c } else { '_' })
            .collect()
    };
    let found: Vec<&str> =
        queues.iter().map(|(id, _, _)| id).filter(|id| plain(id) == plain(wanted)).collect();
    match found.as_slice() {
        [id] => Ok(id.to_string()),
        [] => {
            let known: Vec<&str> = queues.iter().map(|(id, _, _)| id).collect();
            let known = if known.is_empty() { "none".to_string() } else { known.join(", ") };
            Err(format!("{wanted:?} is not a configured queue; configured are: {known}"))
        }
        several => Err(format!(
            "{wanted:?} may mean each of the queues {}; write it in the file",
            several.join(", ")
        )),
    }
}

/// Returns the text of a variable as a value of the kind of its key. Text of another kind stays
/// text, which the reader of the key then refuses.
pub(super) fn value_of_variable(text: &str, kind: Kind, place: &Place) -> Result<Value, String> {
    let as_text = || Value::Text(text.to_string());
    let toml = || -> Result<Value, String> {
        let parsed = DeValue::parse(text)
            .map_err(|error| format!("is not a TOML value: {}", error.message()))?;
        Ok(moved(value_of(parsed.get_ref(), &Lines::new(text)), place))
    };
    Ok(match kind {
        Kind::Text(_) | Kind::Duration { .. } | Kind::Word(_) => as_text(),
        Kind::Integer { .. } => text.trim().parse().map_or_else(|_| as_text(), Value::Integer),
        Kind::Ratio => text.trim().parse().map_or_else(|_| as_text(), Value::Number),
        Kind::Flag => text.trim().parse().map_or_else(|_| as_text(), Value::Flag),
        Kind::List { .. } if text.trim_start().starts_with('[') => toml()?,
        Kind::List { .. } => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Value::List(
                items
                    .map(|item| Node { value: Value::Text(item.to_string()), place: place.clone() })
                    .collect(),
            )
        }
        Kind::Toml => toml()?,
    })
}

/// Returns the same value, all of it at one place.
fn moved(value: Value, place: &Place) -> Value {
    let node = |node: Node| Node { value: moved(node.value, place), place: place.clone() };
    match value {
        Value::List(items) => Value::List(items.into_iter().map(node).collect()),
        Value::Table(table) => Value::Table(Table {
            entries: table
                .entries
                .into_iter()
                .map(|(key, _, value)| (key, place.clone(), node(value)))
                .collect(),
        }),
        other => other,
    }
}

/// Returns the path in `{ file = "path" }`. No property of librdkafka ends in `.file`, so such a
/// table is not a property.
pub(super) fn file_of(value: &Value) -> Option<&str> {
    let Value::Table(table) = value else { return None };
    let mut entries = table.iter();
    match (entries.next(), entries.next()) {
        (Some(("file", _, node)), None) => match &node.value {
            Value::Text(path) => Some(path),
            _ => None,
        },
        _ => None,
    }
}
