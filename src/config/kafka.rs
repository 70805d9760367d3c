//! `[kafka]`: brokers, topics and the client.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

use nabiz_core::decode::Format;

use super::document::{Node, Place, Table, Value};
use super::keys;
use super::reader::{Problems, Section, integer, one_of, text};

/// Most ingest workers of one process.
pub const WORKERS_MAX: usize = 64;
/// Longest name of a topic, in bytes; a limit of Kafka.
const TOPIC_BYTES_MAX: usize = 249;
/// Largest file that a value is read from, in bytes.
const VALUE_BYTES_MAX: u64 = 64 * 1024;

/// `[kafka]`.
#[derive(Clone, PartialEq, Eq)]
pub struct Kafka {
    /// `host:port` with commas between them; empty where not configured.
    pub brokers: String,
    /// Consumer group.
    pub group: String,
    /// Topic that gets rejected records.
    pub dead_letter_topic: String,
    /// Ingest workers, 1 to [`WORKERS_MAX`].
    pub workers: usize,
    /// Topics that are read; empty where not configured.
    pub topics: Vec<Topic>,
    /// librdkafka properties and values, sorted by property. May hold secrets.
    pub client: Vec<(String, String)>,
    /// The properties whose values come from files, and these.
    pub client_files: BTreeMap<String, PathBuf>,
}

/// A topic that is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// How its records are written.
    pub format: Format,
}

/// The reason for which the client library refuses a property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PropertyError {
    /// The library has no such property.
    Unknown,
    /// The library refuses the value, with the reason that it gives.
    Value(String),
}

/// Checks a property and its value of `[kafka.client]` against the client library.
pub type PropertyCheck = fn(&str, &str) -> Result<(), PropertyError>;

impl Default for Kafka {
    fn default() -> Self {
        Kafka {
            brokers: String::new(),
            group: "nabiz".to_string(),
            dead_letter_topic: "nabiz.dead-letters".to_string(),
            workers: 1,
            topics: Vec::new(),
            client: Vec::new(),
            client_files: BTreeMap::new(),
        }
    }
}

impl std::fmt::Debug for Kafka {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Kafka")
            .field("brokers", &self.brokers)
            .field("group", &self.group)
            .field("dead_letter_topic", &self.dead_letter_topic)
            .field("workers", &self.workers)
            .field("topics", &self.topics)
            .field("client", &self.client_masked().collect::<Vec<_>>())
            .finish()
    }
}

impl Kafka {
    /// The librdkafka properties with secret values, and what comes from files, as `***`.
    pub fn client_masked(&self) -> impl Iterator<Item = (&str, &str)> {
        let secret = |key: &str| keys::is_secret(key) || self.client_files.contains_key(key);
        self.client
            .iter()
            .map(move |(key, value)| (key.as_str(), if secret(key) { keys::MASK } else { value }))
    }

    pub(super) fn read(problems: &mut Problems, document: &Table, check: PropertyCheck) -> Self {
        let defaults = Kafka::default();
        let mut section = Section::of_document(problems, document, keys::KAFKA);
        let dead_letter_topic =
            section.read("dead_letter_topic", defaults.dead_letter_topic, topic_name);
        let topics = read_topics(&mut section, &dead_letter_topic);
        let (client, client_files) = read_client(&mut section, check);
        Kafka {
            brokers: section.read("brokers", defaults.brokers, brokers),
            group: section.read("group", defaults.group, text),
            dead_letter_topic,
            workers: section.read("workers", defaults.workers, integer(1..=WORKERS_MAX)),
            topics,
            client,
            client_files,
        }
    }
}

fn brokers(value: &Value) -> Result<String, String> {
    let Value::Text(text) = value else {
        return Err("text such as \"one:9092,two:9092\" is allowed".to_string());
    };
    if text.split(',').any(|broker| broker.trim().is_empty()) {
        return Err(
            "addresses with commas between them are allowed, such as one:9092,two:9092".to_string()
        );
    }
    Ok(text.clone())
}

fn topic_name(value: &Value) -> Result<String, String> {
    let plain = |name: &str| {
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    match value {
        Value::Text(name)
            if (1..=TOPIC_BYTES_MAX).contains(&name.len())
                && plain(name)
                && name != "."
                && name != ".." =>
        {
            Ok(name.clone())
        }
        _ => Err(format!(
            "a topic name is allowed: 1 to {TOPIC_BYTES_MAX} letters, digits, dots, _ and -"
        )),
    }
}

fn read_topics(section: &mut Section<'_, '_>, dead_letter_topic: &str) -> Vec<Topic> {
    let is_table =
        |value: &Value| match value {
            Value::Table(_) => Ok(()),
            _ => Err("a table such as { name = \"calls\", format = \"cloudevents\" } is allowed"
                .to_string()),
        };
    let tables = section.read_list("topics", is_table).unwrap_or_default();
    let formats = Format::ALL.map(|format| (format, format.as_str()));
    let mut seen: Vec<(String, &Place)> = Vec::new();
    let mut topics = Vec::new();
    for (_, node) in tables {
        let (path, known) = keys::TOPIC;
        let mut table = Section::of_node(section.problems(), node, path, path, known);
        let format = table.read("format", Format::CloudEvents, one_of(&formats));
        let Some(name_node) = table.node("name") else {
            table.problems().note(
                &node.place,
                "kafka.topics.name",
                "missing: every topic needs a name",
            );
            continue;
        };
        let Ok(name) = topic_name(&name_node.value) else {
            table.read("name", String::new(), topic_name);
            continue;
        };
        if name == dead_letter_topic {
            table.note_value(
                "name",
                "is the dead-letter topic, which is written and cannot be read",
            );
        } else if let Some((_, place)) = seen.iter().find(|(known, _)| *known == name) {
            table.note_value("name", format!("listed twice, first at {}", place.words()));
        }
        seen.push((name.clone(), &name_node.place));
        topics.push(Topic { name, format });
    }
    topics
}

type Client = (Vec<(String, String)>, BTreeMap<String, PathBuf>);

fn read_client(section: &mut Section<'_, '_>, check: PropertyCheck) -> Client {
    let mut client: Vec<(String, String)> = Vec::new();
    let mut files = BTreeMap::new();
    let Some(node) = section.node("client") else {
        return (client, files);
    };
    let mut found = Vec::new();
    match &node.value {
        Value::Table(table) => flatten(table, "", &mut found),
        // Whatever it is, it may be a secret.
        _ => section.problems().note(
            &node.place,
            "kafka.client",
            "a table of librdkafka properties is allowed",
        ),
    }
    found.sort_by(|(one, here), (other, there)| (one, &here.place).cmp(&(other, &there.place)));
    for (property, node) in found {
        let path = format!("kafka.client.{property:?}");
        if let Some((_, reason)) = keys::CLIENT_OWNED.iter().find(|(owned, _)| *owned == property) {
            section.problems().note(
                &node.place,
                &path,
                format!("set by nabiz and cannot be changed: {reason}"),
            );
            continue;
        }
        let file = file_of(&node.value);
        let value = match (&node.value, file) {
            (_, Some(file)) => match read_value(file) {
                Ok(value) => value,
                Err(detail) => {
                    section.problems().note(
                        &node.place,
                        &path,
                        format!("the file {file} {detail}"),
                    );
                    continue;
                }
            },
            (Value::Text(text), _) => text.clone(),
            (Value::List(_) | Value::Table(_), _) => {
                let allowed = "text, a number, true, false, or { file = \"path\" } is allowed";
                section.problems().note_value(node, &path, allowed);
                continue;
            }
            (plain, _) => plain.shown(),
        };
        let is_secret = file.is_some() || keys::is_secret(&property);
        // Two ways of writing one property: "a.b" and a.b as a table.
        if client.last().is_some_and(|(known, _)| *known == property) {
            section.problems().note(&node.place, &path, "given twice");
        } else if let Err(error) = check(&property, &value) {
            match error {
                // The name is wrong, so it does not show whether the value is a secret.
                PropertyError::Unknown => section.problems().note(
                    &node.place,
                    &path,
                    "librdkafka does not take it: there is no such property",
                ),
                // The text of the reason may repeat the value.
                PropertyError::Value(detail) if !is_secret => {
                    let detail = format!("librdkafka does not take it: {detail}");
                    section.problems().note_value(node, &path, detail);
                }
                PropertyError::Value(_) => {
                    section.problems().note_value(node, &path, "librdkafka does not take it");
                }
            }
        } else {
            if let Some(file) = file {
                files.insert(property.clone(), PathBuf::from(file));
            }
            client.push((property, value));
        }
    }
    (client, files)
}

/// The path in `{ file = "path" }`. No property of librdkafka ends in `.file`, so it is not one as a table.
fn file_of(value: &Value) -> Option<&str> {
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

/// What a file says, without the end of its last line. The words of the error follow the file's name.
fn read_value(path: &str) -> Result<String, String> {
    let unreadable = |error| format!("cannot be read: {error}");
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(VALUE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > VALUE_BYTES_MAX {
        return Err(format!("is larger than {VALUE_BYTES_MAX} bytes"));
    }
    let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_string())?;
    let value = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(&text);
    if value.is_empty() { Err("is empty".to_string()) } else { Ok(value.to_string()) }
}

/// `a.b = 1` in TOML is a table `a` with a key `b`: the same property as `"a.b" = 1`.
fn flatten<'a>(table: &'a Table, prefix: &str, found: &mut Vec<(String, &'a Node)>) {
    for (key, _, node) in table.iter() {
        let property = format!("{prefix}{key}");
        match &node.value {
            value if file_of(value).is_some() => found.push((property, node)),
            Value::Table(inner) => flatten(inner, &format!("{property}."), found),
            _ => found.push((property, node)),
        }
    }
}
