//! `nabiz gateway`

use std::path::PathBuf;

use anyhow::Context;

use super::failure::Failure;
use super::signals::{Request, Signals};
use super::{configuration, logging};
use crate::gateway;

const EXAMPLES: &str = "\
Example:
  nabiz gateway --config nabiz.toml

Exit codes: 0 stopped by a signal, 1 failed while running, 2 wrong configuration.";

/// Receives webhooks over HTTP and writes them to Kafka.
///
/// A request is answered 200 only after Kafka has acknowledged its records. While Kafka is away it
/// is answered 503, and its source has to send it again.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Configuration file (TOML); see docs/guide/gateway.md
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Runs the gateway until a signal.
///
/// # Errors
/// Returns a usage failure when the configuration is wrong, else a running failure.
pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let config = configuration::load(&args.config)?;
    logging::start("info")?;
    let options = configuration::gateway(&config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let result = runtime.block_on(async {
        let mut signals = Signals::catch()?;
        let stop = async {
            loop {
                match signals.next().await {
                    Request::Stop(reason) => {
                        tracing::info!(reason, "gateway is stopping");
                        return;
                    }
                    Request::Reload => {
                        tracing::warn!("the gateway does not reload its configuration, restart it");
                    }
                }
            }
        };
        gateway::serve(options, stop).await.map_err(|error| match error {
            gateway::ServeError::Producer(_) => Failure::usage(error),
            _ => Failure::Running(error.into()),
        })
    });
    // A Kafka client whose broker does not answer may block a thread; it ends with the process.
    runtime.shutdown_background();
    if result.is_ok() {
        tracing::info!("gateway stopped");
    }
    result
}
