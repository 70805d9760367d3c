//! Typed configuration, validated into domain types.
//!
//! A configuration is a TOML file with environment variables over it. Unknown keys are errors, and all errors are
//! reported at once, each with its line. Every key has a default except `kafka.brokers` and `kafka.topics`, which only
//! reading from Kafka needs.

mod document;
mod error;
mod http;
mod kafka;
pub mod keys;
mod print;
mod queues;
mod reader;
mod windows;

use std::path::{Path, PathBuf};

use document::{Table, Value};
use nabiz_core::event::Channels;
use nabiz_core::settings::{Limits, Settings, SettingsBuilder};
use reader::{Problems, Section, duration_ms, flag, integer, text};

pub use error::{ConfigError, Problem};
pub use http::{Http, TlsFiles};
pub use kafka::{Kafka, PropertyCheck, PropertyError, Topic};
pub use queues::{Queue, QueueKeys};
pub use windows::Windows;

/// The value of a channel label past a limit.
const OTHER: &str = "other";
const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 1440 * MINUTE_MS;

/// A validated configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The name of the file, for messages.
    pub file_name: String,
    /// `[kafka]`; absent where neither the file nor the environment has the section.
    pub kafka: Option<Kafka>,
    /// The contract's channels and those of `[channels]`.
    pub channels: Channels,
    /// `[windows]`.
    pub windows: Windows,
    /// `[limits]`.
    pub limits: Limits,
    /// `[queue_defaults]`.
    pub queue_defaults: QueueKeys,
    /// `[queues]`, sorted by id.
    pub queues: Vec<Queue>,
    /// `[metrics]`.
    pub metrics: Metrics,
    /// `[http]`.
    pub http: Http,
    /// `[ledger]`.
    pub ledger: Ledger,
}

/// `[metrics]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Contact metrics carry the label `shard`.
    pub shard_label: bool,
}

/// `[ledger]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// The file.
    pub path: PathBuf,
    /// Length of an interval of the history: whole minutes, a whole number of which make a day.
    pub interval_ms: u64,
    /// How long the history is kept, at least a day.
    pub retention_ms: u64,
}

impl Default for Ledger {
    fn default() -> Self {
        Ledger {
            path: PathBuf::from("nabiz.db"),
            interval_ms: 15 * MINUTE_MS,
            retention_ms: 1095 * DAY_MS,
        }
    }
}

/// The environment variables of the process that are configuration. Names and values that are not Unicode are made so.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .map(|(name, value)| {
            (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
        })
        .filter(|(name, _)| document::is_configuration(name))
}

/// Reads a file, with environment variables `NABIZ_SECTION__KEY` over it; [`environment`] returns
/// those of the process. `check` checks the properties of `[kafka.client]`.
///
/// # Errors
/// [`ConfigError`] with everything that is wrong.
pub fn load(
    path: &Path,
    variables: impl Iterator<Item = (String, String)>,
    check: PropertyCheck,
) -> Result<Config, ConfigError> {
    let file_name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        ConfigError::one(&file_name, format!("the file cannot be read: {error}"))
    })?;
    Config::parse_checked(&text, &file_name, variables, check)
}

impl Config {
    /// Reads a TOML text and accepts every property of `[kafka.client]`; `file_name` is for messages.
    ///
    /// # Errors
    /// [`ConfigError`] with everything that is wrong.
    pub fn parse(
        toml: &str,
        file_name: &str,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<Config, ConfigError> {
        Self::parse_checked(toml, file_name, variables, |_, _| Ok(()))
    }

    /// Reads a TOML text, with `check` for the properties of `[kafka.client]`.
    ///
    /// # Errors
    /// [`ConfigError`] with everything that is wrong.
    pub fn parse_checked(
        toml: &str,
        file_name: &str,
        variables: impl Iterator<Item = (String, String)>,
        check: PropertyCheck,
    ) -> Result<Config, ConfigError> {
        let mut document = document::parse(toml, file_name)?;
        let noted = document::overlay(&mut document, variables);
        let mut problems = Problems::new(file_name, noted);
        for (name, place, _) in document.iter() {
            if let Err(detail) = document::section_of(name) {
                problems.note(place, name, detail);
            }
        }
        let config = Self::read(&mut problems, &document, file_name, check);
        problems.finish().map(|()| config)
    }

    /// Every default, without topics and configured queues: what replay and demo use without a file.
    pub fn defaults() -> Config {
        let document = Table::default();
        Self::read(&mut Problems::new("", Vec::new()), &document, "the defaults", |_, _| Ok(()))
    }

    fn read(
        problems: &mut Problems,
        document: &Table,
        file_name: &str,
        check: PropertyCheck,
    ) -> Config {
        let kafka = Kafka::read(problems, document, check);
        let channels = read_channels(problems, document);
        let windows = Windows::read(problems, document);
        let context = queues::Context { channels: &channels, windows: &windows };
        let queue_defaults = queues::read_defaults(problems, document, &context);
        let queues = queues::read_queues(problems, document, &queue_defaults, &context);
        let limits = read_limits(problems, document, queues.len());
        let mut section = Section::of_document(problems, document, keys::METRICS);
        let metrics = Metrics { shard_label: section.read("shard_label", false, flag) };
        Config {
            file_name: file_name.to_string(),
            kafka: document.get("kafka").map(|_| kafka),
            http: Http::read(problems, document),
            ledger: read_ledger(problems, document),
            channels,
            windows,
            limits,
            queue_defaults,
            queues,
            metrics,
        }
    }

    /// What reading from Kafka needs.
    ///
    /// # Errors
    /// [`ConfigError`] where the brokers or the topics are missing.
    pub fn require_kafka(&self) -> Result<&Kafka, ConfigError> {
        let problem = |detail: &str| Problem {
            source: self.file_name.clone(),
            line: None,
            detail: detail.to_string(),
        };
        let mut problems = Vec::new();
        if self.kafka.as_ref().is_none_or(|kafka| kafka.brokers.is_empty()) {
            problems.push(problem(
                "kafka.brokers: missing: addresses such as \"127.0.0.1:9092\" are needed",
            ));
        }
        if self.kafka.as_ref().is_none_or(|kafka| kafka.topics.is_empty()) {
            problems.push(problem("kafka.topics: missing: at least one topic is needed"));
        }
        match &self.kafka {
            Some(kafka) if problems.is_empty() => Ok(kafka),
            _ => Err(ConfigError { problems }),
        }
    }

    /// What the fold of a partition depends on.
    pub fn settings(&self) -> Settings {
        let builder = Settings::builder()
            .channels(self.channels.clone())
            .windows(self.windows.settings.clone())
            .limits(self.limits.clone())
            .queue_defaults(self.queue_defaults.settings.clone());
        let add = |builder: SettingsBuilder, queue: &Queue| {
            let aliases: Vec<&str> = queue.aliases.iter().map(String::as_str).collect();
            builder.queue(&queue.id, queue.keys.settings.clone(), &aliases)
        };
        self.queues.iter().fold(builder, add).build()
    }

    /// The effective configuration as TOML: every key with its value, secrets and hashes of secrets as `***`. It loads
    /// again to the same configuration once these are put back; `***` in the place of a hash is refused.
    pub fn to_toml(&self) -> String {
        print::to_toml(self)
    }
}

fn read_channels(problems: &mut Problems, document: &Table) -> Channels {
    let mut section = Section::of_document(problems, document, keys::CHANNELS);
    let path = section.path("names");
    let written = section.read_list("names", text).unwrap_or_default();
    let mut names: Vec<String> = Vec::new();
    for (name, node) in written {
        let detail = if Channels::BUILT_IN.contains(&name.as_str()) {
            "is a channel already".to_string()
        } else if name == OTHER {
            "is reserved: in the metrics it stands for the channels past a limit".to_string()
        } else if names.contains(&name) {
            "listed twice".to_string()
        } else if names.len() == Channels::ADDED_MAX {
            format!("one too many; at most {} channels can be added", Channels::ADDED_MAX)
        } else {
            names.push(name);
            continue;
        };
        section.problems().note_value(node, &path, detail);
    }
    Channels::with_added(&names)
}

fn read_limits(problems: &mut Problems, document: &Table, queues: usize) -> Limits {
    let mut section = Section::of_document(problems, document, keys::LIMITS);
    let base = Limits::default();
    let limits = Limits {
        series: section.read("series", base.series, integer(1..=1_000_000)),
        open_contacts: section.read("open_contacts", base.open_contacts, integer(1..=100_000_000)),
        remembered_ids: section.read(
            "remembered_ids",
            base.remembered_ids,
            integer(1..=100_000_000),
        ),
        record_bytes: section.read("record_bytes", base.record_bytes, integer(1..=104_857_600)),
    };
    if queues > limits.series {
        let detail = format!("{queues} queues are configured; each needs one");
        match section.node("series") {
            Some(_) => section.note_value("series", detail),
            None => {
                let place = document.get("queues").map(|node| node.place.clone());
                if let Some(place) = place {
                    section.problems().note(
                        &place,
                        "limits.series",
                        format!("{}: {detail}", limits.series),
                    );
                }
            }
        }
    }
    limits
}

fn read_ledger(problems: &mut Problems, document: &Table) -> Ledger {
    let defaults = Ledger::default();
    let mut section = Section::of_document(problems, document, keys::LEDGER);
    let interval = |value: &Value| {
        let interval_ms = duration_ms(MINUTE_MS..=DAY_MS)(value)?;
        if !interval_ms.is_multiple_of(MINUTE_MS) || !DAY_MS.is_multiple_of(interval_ms) {
            return Err(
                "whole minutes that divide a day are allowed, such as 15m, 30m or 1h".to_string()
            );
        }
        Ok(interval_ms)
    };
    let path = |value: &Value| match value {
        Value::Text(path) if !path.is_empty() => Ok(PathBuf::from(path)),
        _ => Err("the path of a file is allowed".to_string()),
    };
    Ledger {
        path: section.read("path", defaults.path, path),
        interval_ms: section.read("interval", defaults.interval_ms, interval),
        retention_ms: section.read(
            "retention",
            defaults.retention_ms,
            duration_ms(DAY_MS..=nabiz_core::time::DURATION_MAX.get()),
        ),
    }
}
