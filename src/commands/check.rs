//! `nabiz check`

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;

use super::configuration;
use super::failure::Failure;
use crate::config::Kafka;

/// Validates a configuration and prints the effective one.
///
/// Every key is printed with its effective value: from the file, from an environment variable
/// NABIZ_SECTION__KEY, or the default. Secrets and their hashes are printed as ***. With these
/// filled in, the output is a valid configuration itself.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  nabiz check --config nabiz.toml
  NABIZ_HTTP__LISTEN=0.0.0.0:9464 nabiz check --config nabiz.toml

Exit codes: 0 the configuration is valid, 2 it is not; every error names its line.")]
pub(crate) struct Args {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Validates the configuration and prints it.
///
/// # Errors
/// Returns a usage failure when the configuration is wrong, or has `[kafka]` without its required
/// keys.
pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let config = configuration::load(&args.config)?;
    // `replay` and `history` need no [kafka].
    if config.gateway.is_some() {
        configuration::gateway(&config)?;
    }
    // A file for the gateway alone has no topics to read.
    let reads = |kafka: &Kafka| !kafka.topics.is_empty() || config.gateway.is_none();
    if config.kafka.as_ref().is_some_and(reads) {
        let kafka = config.require_kafka().map_err(Failure::usage)?;
        // The key of the ledger is not needed to find mistakes.
        configuration::topics(&config, &kafka.topics, [0; 16])?;
    }
    configuration::security(&config)?;
    let mut out = std::io::stdout().lock();
    out.write_all(config.to_toml().as_bytes())
        .and_then(|()| out.flush())
        .context("cannot write to standard output")?;
    Ok(())
}
