//! What the pipeline of `serve` makes of a configuration.

use std::sync::Arc;

use nabiz_core::settings::Settings;

use super::configuration;
use super::failure::Failure;
use crate::config::Config;
use crate::http::Security;
use crate::ingest::{LedgerOptions, Options};
use crate::plan::PlanningSettings;
use crate::readmodel::Aggregation;

/// What follows from a configuration.
#[derive(Clone)]
pub(super) struct Parts {
    pub options: Options,
    pub settings: Arc<Settings>,
    pub planning: Arc<PlanningSettings>,
    pub security: Security,
}

impl Parts {
    /// Derives the parts. `ledger` has what does not follow from the configuration; the caller sets
    /// `options.reloads`, which outlive it.
    ///
    /// # Errors
    /// Returns a usage failure when the brokers or the topics are missing, or a mapping has a
    /// mistake.
    pub(super) fn of(
        config: &Config,
        security: Security,
        ledger: LedgerOptions,
    ) -> Result<Self, Failure> {
        let ledger = LedgerOptions { history_retention: config.ledger.retention, ..ledger };
        let options = options(config, ledger)?;
        let mut settings = config.settings();
        settings.history_interval = Some(config.ledger.interval);
        let planning = Arc::new(PlanningSettings::of(config));
        Ok(Parts { options, settings: Arc::new(settings), planning, security })
    }
}

/// Returns the options of ingest.
fn options(config: &Config, ledger: LedgerOptions) -> Result<Options, Failure> {
    let kafka = config.require_kafka().map_err(Failure::usage)?;
    let topics = configuration::topics(config, &kafka.topics, ledger.hash_key)?;
    Ok(Options {
        workers: kafka.workers,
        instance_id: kafka.instance_id.clone(),
        topics,
        client: kafka.client.iter().cloned().collect(),
        on_undecodable: kafka.on_undecodable,
        record_bytes_max: config.limits.record_bytes,
        aggregation: match config.metrics.shard_label {
            true => Aggregation::PerShard,
            false => Aggregation::Summed,
        },
        ..Options::new(&kafka.brokers, &kafka.group, &kafka.dead_letter_topic, ledger)
    })
}
