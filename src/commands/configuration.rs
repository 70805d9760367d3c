//! Loading of the configuration for a command.

use std::path::Path;

use anyhow::Context;

use super::failure::Failure;
use crate::config::{self, Config};
use crate::http::Security;
use crate::ingest::check_client_property;

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

/// Loads the certificate and the credentials of the HTTP side.
pub(super) fn security(config: &Config) -> Result<Security, Failure> {
    let http = &config.http;
    let tls_files = http.tls.as_ref().map(|files| (&*files.certificate, &*files.key));
    Security::load(tls_files, http.bearer_token_hash.clone(), http.basic_auth.clone())
        .context(config.file_name.clone())
        .map_err(Failure::Usage)
}
