//! `nabiz serve`

use std::path::PathBuf;
use std::sync::Arc;

use super::failure::Failure;
use super::{configuration, logging, memory, pipeline};
use crate::config::{self, Config};
use crate::ingest::{LedgerOptions, Options, Topic};
use crate::ledger;
use crate::readmodel::Aggregation;

const EXAMPLES: &str = "\
Example:
  nabiz serve --config nabiz.toml";

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
    let config = configuration::load(&args.config)?;
    logging::start("info")?;
    let options = options(&config)?;
    memory::bound_arenas(options.workers);
    let mut settings = config.settings();
    settings.history_interval = Some(config.ledger.interval);
    let security = configuration::security(&config)?;
    let http = pipeline::HttpOptions { listen: config.http.listen, security };
    pipeline::run(options, Arc::new(settings), http, None, |_| {})
}

/// Returns the options of the ledger, and creates its key if there is none.
fn ledger(config: &Config) -> Result<LedgerOptions, Failure> {
    let hash_key = ledger::load_or_create(&config.ledger.path)
        .map_err(|error| Failure::Running(error.into()))?;
    Ok(LedgerOptions {
        history_retention: config.ledger.retention,
        ..LedgerOptions::new(&config.ledger.path, hash_key)
    })
}

/// Returns the options of ingest.
fn options(config: &Config) -> Result<Options, Failure> {
    let kafka = config.require_kafka().map_err(Failure::usage)?;
    let topic = |topic: &config::Topic| Topic { name: topic.name.clone(), format: topic.format };
    Ok(Options {
        workers: kafka.workers,
        instance_id: kafka.instance_id.clone(),
        topics: kafka.topics.iter().map(topic).collect(),
        client: kafka.client.iter().cloned().collect(),
        on_undecodable: kafka.on_undecodable,
        record_bytes_max: config.limits.record_bytes,
        aggregation: match config.metrics.shard_label {
            true => Aggregation::PerShard,
            false => Aggregation::Summed,
        },
        ..Options::new(&kafka.brokers, &kafka.group, &kafka.dead_letter_topic, ledger(config)?)
    })
}
