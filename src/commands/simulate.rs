//! `nabiz simulate`.

use super::Failure;

/// Writes synthetic events to Kafka or as NDJSON.
#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn run(args: Args) -> Result<(), Failure> {
    let _ = args;
    Err(Failure::Running(anyhow::anyhow!("not built yet")))
}
