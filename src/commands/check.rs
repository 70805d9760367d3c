//! `nabiz check`.

use std::io::Write;
use std::path::PathBuf;

use super::{Failure, configuration};

/// Validates a configuration and prints the effective one.
///
/// Every key is printed with the value that counts: from the file, from an environment variable
/// NABIZ_SECTION__KEY, or the default. Secrets and their hashes are printed as ***. The output is a
/// configuration itself once these are put back.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  nabiz check --config nabiz.toml
  NABIZ_HTTP__LISTEN=0.0.0.0:9464 nabiz check --config nabiz.toml

Exit codes: 0 the configuration is right, 2 it is not; every error names its line.")]
pub struct Args {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Validates, and prints.
///
/// # Errors
/// A usage failure where the configuration is wrong, or names Kafka without what reading from it
/// needs.
pub fn run(args: Args) -> Result<(), Failure> {
    let config = configuration::load(&args.config)?;
    // A file without [kafka] is enough for replay and history.
    if config.kafka.is_some() {
        config.require_kafka().map_err(Failure::usage)?;
    }
    configuration::security(&config)?;
    let mut out = std::io::stdout().lock();
    match out.write_all(config.to_toml().as_bytes()).and_then(|()| out.flush()) {
        // Whoever reads has seen enough, as with `| head`.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::Running(
            anyhow::Error::new(error).context("standard output cannot be written"),
        )),
        Ok(()) => Ok(()),
    }
}
