//! `[kafka]`: brokers, topics and the client.

use std::collections::BTreeMap;
use std::path::PathBuf;

use nabiz_core::decode::Format;

use super::diagnostics::Diagnostics;
use super::document::{Node, Place, Table, Value, file_of};
use super::keys::kafka as keys;
use super::keys::{MASK, client_owned, is_secret, topic};
use super::mapped::{MappingProgram, TopicFormat};
use super::on_undecodable::OnUndecodable;
use super::section::{Fields, Section, Visitor, with_defaults};
use super::value_file::read_value;

/// `[kafka]`.
#[derive(Clone, PartialEq, Eq)]
pub struct Kafka {
    /// `host:port` with commas between them; empty where not configured.
    pub brokers: String,
    /// Consumer group.
    pub group: String,
    /// Topic that gets rejected records.
    pub dead_letter_topic: String,
    /// Ingest workers, at least 1.
    pub workers: usize,
    /// The name by which the group knows this process after a restart.
    pub instance_id: Option<String>,
    /// What is done with a batch that cannot be decoded.
    pub on_undecodable: OnUndecodable,
    /// Topics that are read; empty where not configured.
    pub topics: Vec<Topic>,
    /// librdkafka properties and values, sorted by property. May hold secrets.
    pub client: Vec<(String, String)>,
    /// The files of the properties whose values come from files.
    pub client_files: BTreeMap<String, PathBuf>,
}

/// A topic that is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// The format of its records.
    pub format: TopicFormat,
    /// The program of a mapped topic; no other topic has one.
    pub mapping: Option<MappingProgram>,
}

/// The reason for which the client library refuses a property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PropertyError {
    /// The library has no such property.
    Unknown,
    /// The library refuses the value, for this reason.
    Value(String),
}

/// Checks a property and its value of `[kafka.client]` against the client library.
pub type PropertyCheck = fn(&str, &str) -> Result<(), PropertyError>;

impl Default for Kafka {
    fn default() -> Self {
        with_defaults(Kafka {
            brokers: String::new(),
            group: String::new(),
            dead_letter_topic: String::new(),
            workers: 1,
            instance_id: None,
            on_undecodable: OnUndecodable::Stop,
            topics: Vec::new(),
            client: Vec::new(),
            client_files: BTreeMap::new(),
        })
    }
}

impl std::fmt::Debug for Kafka {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Kafka")
            .field("brokers", &self.brokers)
            .field("group", &self.group)
            .field("dead_letter_topic", &self.dead_letter_topic)
            .field("workers", &self.workers)
            .field("instance_id", &self.instance_id)
            .field("on_undecodable", &self.on_undecodable)
            .field("topics", &self.topics)
            .field("client", &self.client_masked().collect::<Vec<_>>())
            .finish()
    }
}

/// The keys with one value; topics and client are tables.
impl Fields for Kafka {
    fn visit(&mut self, visitor: &mut impl Visitor) {
        visitor.field(&keys::BROKERS, &mut self.brokers);
        visitor.field(&keys::GROUP, &mut self.group);
        visitor.field(&keys::DEAD_LETTER_TOPIC, &mut self.dead_letter_topic);
        visitor.field(&keys::WORKERS, &mut self.workers);
        visitor.field(&keys::INSTANCE_ID, &mut self.instance_id);
        visitor.field(&keys::ON_UNDECODABLE, &mut self.on_undecodable);
    }
}

impl Fields for Topic {
    fn visit(&mut self, visitor: &mut impl Visitor) {
        visitor.field(&topic::NAME, &mut self.name);
        visitor.field(&topic::FORMAT, &mut self.format);
        visitor.field(&topic::MAPPING, &mut self.mapping);
    }
}

impl Kafka {
    /// Returns the librdkafka properties with `***` in the place of secrets and of values from
    /// files.
    pub fn client_masked(&self) -> impl Iterator<Item = (&str, &str)> {
        let is_masked = |key: &str| is_secret(key) || self.client_files.contains_key(key);
        self.client
            .iter()
            .map(move |(key, value)| (key.as_str(), if is_masked(key) { MASK } else { value }))
    }

    /// Reads the files of the properties whose values come from files once more.
    ///
    /// # Errors
    /// Everything that is wrong, without values.
    pub fn reread_files(&mut self, check: PropertyCheck) -> Result<(), Vec<String>> {
        let mut mistakes = Vec::new();
        for (property, value) in &mut self.client {
            let Some(file) = self.client_files.get(property) else { continue };
            let file = file.to_string_lossy();
            match read_value(&*file) {
                Ok(read) if check(property, &read).is_ok() => *value = read,
                Ok(_) => mistakes.push(format!("kafka.client.{property:?}: librdkafka refuses it")),
                Err(detail) => {
                    mistakes.push(format!("kafka.client.{property:?}: the file {file} {detail}"));
                }
            }
        }
        if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
    }

    pub(super) fn read(
        diagnostics: &mut Diagnostics,
        document: &Table,
        check: PropertyCheck,
    ) -> Self {
        let mut section = Section::of_document(diagnostics, document, &keys::SECTION);
        let mut kafka = Kafka::default();
        kafka.visit(&mut section);
        kafka.topics = read_topics(&mut section, &kafka.dead_letter_topic);
        (kafka.client, kafka.client_files) = read_client(&mut section, check);
        kafka
    }
}

fn read_topics(section: &mut Section<'_, '_>, dead_letter_topic: &str) -> Vec<Topic> {
    let Some(node) = section.node(&keys::TOPICS) else {
        return Vec::new();
    };
    let path = section.path(&keys::TOPICS);
    let Value::List(tables) = &node.value else {
        section.report_unexpected(&keys::TOPICS, "a list of tables");
        return Vec::new();
    };
    let mut seen: Vec<(String, &Place)> = Vec::new();
    let mut topics = Vec::new();
    for node in tables {
        if !matches!(node.value, Value::Table(_)) {
            let expected = "a table such as { name = \"calls\", format = \"cloudevents\" }";
            section.diagnostics.report_unexpected(node, &path, expected);
            continue;
        }
        let mut table = Section::of_node(section.diagnostics, node, &path, &topic::SECTION);
        let mut topic = with_defaults(Topic {
            name: String::new(),
            format: TopicFormat::Native(Format::CloudEvents),
            mapping: None,
        });
        topic.visit(&mut table);
        check_mapping(&mut table, &topic);
        let Some(name_node) = table.node(&topic::NAME) else {
            let path = table.path(&topic::NAME);
            table.diagnostics.report(&node.place, &path, "missing: every topic needs a name");
            continue;
        };
        if topic.name.is_empty() {
            // The name is wrong, and reported.
            continue;
        }
        if topic.name == dead_letter_topic {
            let detail = "is the dead-letter topic, which nabiz writes and does not read";
            table.report_value(&topic::NAME, detail);
        } else if let Some((_, place)) = seen.iter().find(|(known, _)| *known == topic.name) {
            let detail = format!("listed twice, first at {}", place.words());
            table.report_value(&topic::NAME, &detail);
        }
        seen.push((topic.name.clone(), &name_node.place));
        topics.push(topic);
    }
    topics
}

/// Reports a mapped topic without a mapping, and a mapping that nothing would use.
fn check_mapping(table: &mut Section<'_, '_>, topic: &Topic) {
    let has_mapping = table.node(&topic::MAPPING).is_some();
    match topic.format {
        TopicFormat::Mapped if !has_mapping => {
            let detail = "`mapped` needs a `mapping`";
            table.report_value(&topic::FORMAT, detail);
        }
        TopicFormat::Native(_) if has_mapping => {
            let detail = "only a topic with format = \"mapped\" has a mapping";
            table.report_value(&topic::MAPPING, detail);
        }
        _ => {}
    }
}

/// The properties with their values, and the files of those that come from files.
pub(super) type Client = (Vec<(String, String)>, BTreeMap<String, PathBuf>);

fn read_client(section: &mut Section<'_, '_>, check: PropertyCheck) -> Client {
    let mut client: Vec<(String, String)> = Vec::new();
    let mut files = BTreeMap::new();
    let Some(node) = section.node(&keys::CLIENT) else {
        return (client, files);
    };
    let mut found = Vec::new();
    match &node.value {
        Value::Table(table) => flatten(table, "", &mut found),
        // Any other value may be a secret.
        _ => section.diagnostics.report(
            &node.place,
            "kafka.client",
            "expected a table of librdkafka properties",
        ),
    }
    found.sort_by(|(one, here), (other, there)| (one, &here.place).cmp(&(other, &there.place)));
    for (property, node) in found {
        let path = format!("kafka.client.{property:?}");
        if let Some(reason) = client_owned(&property) {
            section.diagnostics.report(
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
                    section.diagnostics.report(
                        &node.place,
                        &path,
                        format!("the file {file} {detail}"),
                    );
                    continue;
                }
            },
            (Value::Text(text), _) => text.clone(),
            (Value::List(_) | Value::Table(_), _) => {
                let expected = "text, a number, true, false, or { file = \"path\" }";
                section.diagnostics.report_unexpected(node, &path, expected);
                continue;
            }
            (plain, _) => plain.display(),
        };
        let is_secret = file.is_some() || is_secret(&property);
        // Two ways of writing one property: "a.b" and a.b as a table.
        if client.last().is_some_and(|(known, _)| *known == property) {
            section.diagnostics.report(&node.place, &path, "given twice");
        } else if let Err(error) = check(&property, &value) {
            match error {
                // The name is wrong, so it does not show whether the value is a secret.
                PropertyError::Unknown => section.diagnostics.report(
                    &node.place,
                    &path,
                    "librdkafka has no such property",
                ),
                // The text of the reason may repeat the value.
                PropertyError::Value(detail) if !is_secret => {
                    let detail = format!("librdkafka refuses it: {detail}");
                    section.diagnostics.report_value(node, &path, detail);
                }
                PropertyError::Value(_) => {
                    section.diagnostics.report_value(node, &path, "librdkafka refuses it");
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
