//! `nabiz demo`.

use super::Failure;

/// Runs everything in one process: embedded Kafka, a simulated contact centre, the pipeline and the page.
#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn run(args: Args) -> Result<(), Failure> {
    let _ = args;
    Err(Failure::Running(anyhow::anyhow!("not built yet")))
}
