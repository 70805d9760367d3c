//! Loading of the configuration for a command.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};

use super::failure::Failure;
use super::mapping;
use crate::config::{self, Config, TopicFormat};
use crate::gateway;
use crate::http::Security;
use crate::ingest::{Topic, check_client_property};
use crate::record_format::RecordFormat;

/// The configuration file that is read where none is named.
const CONFIG_FILE: &str = "nabiz.toml";

/// Loads a configuration file, overridden by the environment variables of the process. Properties
/// of the Kafka client are checked by librdkafka.
pub(super) fn load(path: &Path) -> Result<Config, Failure> {
    config::load(path, config::environment(), check_client_property).map_err(Failure::usage)
}

/// Loads the environment variables of the process without a file.
fn without_file() -> Result<Config, Failure> {
    let variables = config::environment();
    Config::parse_checked("", "the defaults", variables, check_client_property)
        .map_err(Failure::usage)
}

/// Loads a configuration file; without one `nabiz.toml` where that exists, else the defaults.
pub(super) fn load_or_default(path: Option<&Path>) -> Result<Config, Failure> {
    let default = Path::new(CONFIG_FILE);
    match path {
        Some(path) => load(path),
        None if default.exists() => load(default),
        None => without_file(),
    }
}

/// Returns the topics that are read, with their mappings compiled. `hash_key` is the secret key of
/// the ids of events that have none.
///
/// # Errors
/// Returns a usage failure that names each mistake of each program, with its line and column.
pub(super) fn topics(
    config: &Config,
    topics: &[config::Topic],
    hash_key: [u8; 16],
) -> Result<Vec<Topic>, Failure> {
    let mut compiled = Vec::with_capacity(topics.len());
    let mut mistakes = Vec::new();
    for topic in topics {
        let format = match (topic.format, &topic.mapping) {
            (TopicFormat::Native(format), _) => RecordFormat::Native(format),
            (TopicFormat::Mapped, Some(program)) => {
                match mapping::compile(program, &config.windows.time_zone, hash_key) {
                    Ok(mapping) => RecordFormat::Mapped(Arc::new(mapping)),
                    Err(error) => {
                        mistakes.push(format!("{:#}", anyhow::Error::from(error)));
                        continue;
                    }
                }
            }
            (TopicFormat::Mapped, None) => {
                mistakes.push(format!("{}: no mapping", topic.name));
                continue;
            }
        };
        compiled.push(Topic { name: topic.name.clone(), format });
    }
    match mistakes.is_empty() {
        true => Ok(compiled),
        false => Err(Failure::Usage(anyhow!("{}", mistakes.join("\n")))),
    }
}

/// Loads the certificate and the credentials of the HTTP side.
pub(super) fn security(config: &Config) -> Result<Security, Failure> {
    let http = &config.http;
    let tls_files = http.tls.as_ref().map(|files| (&*files.certificate, &*files.key));
    Security::load(tls_files, http.bearer_token_hash.clone(), http.basic_auth.clone())
        .context(config.file_name.clone())
        .map_err(Failure::Usage)
}

/// Reads the secrets and the certificate of the gateway.
pub(super) fn gateway(config: &Config) -> Result<gateway::Options, Failure> {
    let (kafka, gateway) = config.require_gateway().map_err(Failure::usage)?;
    gateway::Options::load(kafka, gateway).context(config.file_name.clone()).map_err(Failure::Usage)
}
