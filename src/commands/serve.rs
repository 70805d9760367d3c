//! `nabiz serve`

use std::path::PathBuf;
use std::sync::Arc;

use super::failure::Failure;
use super::parts::Parts;
use super::reload::{self, Reloader};
use super::{configuration, logging, memory, pipeline};
use crate::clock::system_time;
use crate::config::Config;
use crate::ingest::LedgerOptions;
use crate::ledger;
use crate::readmodel::Reloads;

const EXAMPLES: &str = "\
Example:
  nabiz serve --config nabiz.toml

SIGHUP reads the configuration again; SIGTERM, SIGINT and SIGQUIT stop.";

/// Runs the pipeline.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Configuration file (TOML); see docs/guide/configuration.md
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Runs the pipeline until a signal.
///
/// # Errors
/// Returns a usage failure when the configuration is wrong, else a running failure.
pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let loaded = reload::load(&args.config)?;
    let config = &loaded.config;
    logging::start("info")?;
    config.require_kafka().map_err(Failure::usage)?;
    let ledger = ledger(config)?;
    let security = configuration::security(config)?;
    let mut parts = Parts::of(config, security, ledger)?;
    let programs = reload::programs(&parts.options.topics);
    let digest = reload::digest(config, &parts.options.ledger, &programs);
    parts.options.reloads = Arc::new(Reloads::new(digest, system_time()));
    memory::bound_arenas(parts.options.workers);
    let listen = config.http.listen;
    let reloader = Reloader::new(args.config, loaded, &parts);
    pipeline::run(parts, listen, Some(reloader), None, |_| {})
}

/// Returns the options of the ledger, and creates its key if there is none.
fn ledger(config: &Config) -> Result<LedgerOptions, Failure> {
    let hash_key = ledger::load_or_create(&config.ledger.path)
        .map_err(|error| Failure::Running(error.into()))?;
    Ok(LedgerOptions::new(&config.ledger.path, hash_key))
}
