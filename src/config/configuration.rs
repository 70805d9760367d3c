//! The whole configuration, from a file or a text.

use std::path::Path;

use nabiz_core::event::Channels;
use nabiz_core::settings::{Limits, Settings, SettingsBuilder};

use super::diagnostics::Diagnostics;
use super::document::{self, Table};
use super::error::{ConfigError, Diagnostic};
use super::gateway::Gateway;
use super::http::Http;
use super::kafka::{Kafka, PropertyCheck};
use super::ledger::Ledger;
use super::metrics::Metrics;
use super::planning::Planning;
use super::queues::{self, Queue, QueueKeys};
use super::windows::Windows;
use super::{channels, limits};

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
    /// `[planning]`.
    pub planning: Planning,
    /// `[gateway]`; absent where neither the file nor the environment has the section.
    pub gateway: Option<Gateway>,
}

/// Returns the environment variables of the process that are configuration. Replaces bytes of names
/// and values that are not Unicode.
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
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { file_name: file_name.clone(), source })?;
    Config::parse_checked(&text, &file_name, variables, check)
}

impl Config {
    /// Reads a TOML text and accepts every property of `[kafka.client]`. `file_name` is for
    /// messages.
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
        let reported = document::overlay(&mut document, variables);
        let mut diagnostics = Diagnostics::new(file_name, reported);
        for (name, place, _) in document.iter() {
            if let Err(detail) = document::section_of(name) {
                diagnostics.report(place, name, detail);
            }
        }
        let config = Self::read(&mut diagnostics, &document, file_name, check);
        diagnostics.finish().map(|()| config)
    }

    /// Returns every default, without topics and queues. Replay uses it without a file.
    pub fn defaults() -> Config {
        let document = Table::default();
        let mut diagnostics = Diagnostics::new("", Vec::new());
        Self::read(&mut diagnostics, &document, "the defaults", |_, _| Ok(()))
    }

    fn read(
        diagnostics: &mut Diagnostics,
        document: &Table,
        file_name: &str,
        check: PropertyCheck,
    ) -> Config {
        let kafka = Kafka::read(diagnostics, document, check);
        let channels = channels::read(diagnostics, document);
        let windows = Windows::read(diagnostics, document);
        let context = queues::Context { channels: &channels, windows: &windows };
        let queue_defaults = queues::read_defaults(diagnostics, document, &context);
        let queues = queues::read_queues(diagnostics, document, &queue_defaults, &context);
        let limits = limits::read(diagnostics, document, queues.len());
        Config {
            file_name: file_name.to_string(),
            kafka: document.get("kafka").map(|_| kafka),
            metrics: Metrics::read(diagnostics, document),
            http: Http::read(diagnostics, document),
            ledger: Ledger::read(diagnostics, document),
            planning: Planning::read(diagnostics, document),
            gateway: Gateway::read(diagnostics, document),
            channels,
            windows,
            limits,
            queue_defaults,
            queues,
        }
    }

    /// Returns the section that reading from Kafka needs.
    ///
    /// # Errors
    /// [`ConfigError`] where the brokers or the topics are missing.
    pub fn require_kafka(&self) -> Result<&Kafka, ConfigError> {
        let diagnostic = |detail: &str| Diagnostic {
            source: self.file_name.clone(),
            line: None,
            detail: detail.to_string(),
        };
        let mut diagnostics = Vec::new();
        if self.kafka.as_ref().is_none_or(|kafka| kafka.brokers.is_empty()) {
            diagnostics.push(diagnostic(
                "kafka.brokers: missing: expected addresses such as \"127.0.0.1:9092\"",
            ));
        }
        if self.kafka.as_ref().is_none_or(|kafka| kafka.topics.is_empty()) {
            diagnostics.push(diagnostic("kafka.topics: missing: expected at least one topic"));
        }
        match &self.kafka {
            Some(kafka) if diagnostics.is_empty() => Ok(kafka),
            _ => Err(ConfigError::Invalid(diagnostics)),
        }
    }

    /// Returns the sections that the gateway needs.
    ///
    /// # Errors
    /// [`ConfigError`] where the brokers, the section or its paths are missing.
    pub fn require_gateway(&self) -> Result<(&Kafka, &Gateway), ConfigError> {
        let missing = |detail: &str| Diagnostic {
            source: self.file_name.clone(),
            line: None,
            detail: detail.to_string(),
        };
        let mut diagnostics = Vec::new();
        let kafka = self.kafka.as_ref().filter(|kafka| !kafka.brokers.is_empty());
        if kafka.is_none() {
            diagnostics.push(missing(
                "kafka.brokers: missing: expected addresses such as \"127.0.0.1:9092\"",
            ));
        }
        let gateway = self.gateway.as_ref().filter(|gateway| !gateway.paths.is_empty());
        if gateway.is_none() {
            diagnostics.push(missing("gateway.paths: missing: expected at least one path"));
        }
        kafka.zip(gateway).ok_or(ConfigError::Invalid(diagnostics))
    }

    /// Returns the settings of the core.
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
}
