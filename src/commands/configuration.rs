//! The configuration of a command, checked against the libraries that use it.

use std::path::Path;

use anyhow::Context;

use super::Failure;
use crate::config::{self, Config};
use crate::http::Security;
use crate::ingest::check_client_property;

/// Reads a file with the environment variables of the process over it.
pub(super) fn load(path: &Path) -> Result<Config, Failure> {
    config::load(path, config::environment(), check_client_property).map_err(Failure::usage)
}

/// Reads the environment variables of the process alone.
pub(super) fn without_file() -> Result<Config, Failure> {
    let variables = config::environment();
    Config::parse_checked("", "the defaults", variables, check_client_property)
        .map_err(Failure::usage)
}

/// Loads what protects the HTTP side.
pub(super) fn security(config: &Config) -> Result<Security, Failure> {
    Security::load(&config.http).context(config.file_name.clone()).map_err(Failure::Usage)
}
