//! `nabiz serve`.

use std::path::PathBuf;
use std::sync::Arc;

use super::Failure;
use super::pipeline;
use crate::config::{self, Config, ConfigError};
use crate::ingest::{Options, Topic};

const EXAMPLES: &str = "\
Example:
  nabiz serve --config nabiz.toml";

/// Runs the pipeline.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Configuration file; see docs/configuration.md.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub fn run(args: Args) -> Result<(), Failure> {
    let config = config::load(&args.config, config::environment()).map_err(Failure::usage)?;
    let options = options(&config).map_err(Failure::usage)?;
    pipeline::start_logging("info");
    pipeline::run(options, Arc::new(config.settings()), config.http.listen, None, |_| {})
}

/// What ingestion takes from the configuration.
pub(super) fn options(config: &Config) -> Result<Options, ConfigError> {
    let kafka = config.require_kafka()?;
    let topic = |topic: &config::Topic| Topic { name: topic.name.clone(), format: topic.format };
    Ok(Options {
        workers: kafka.workers,
        topics: kafka.topics.iter().map(topic).collect(),
        client: kafka.client.iter().cloned().collect(),
        record_bytes_max: config.limits.record_bytes,
        shard_label: config.metrics.shard_label,
        ..Options::new(&kafka.brokers, &kafka.group, &kafka.dead_letter_topic)
    })
}
