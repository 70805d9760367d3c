//! `nabiz serve`.

use super::Failure;

/// Runs the pipeline.
#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn run(args: Args) -> Result<(), Failure> {
    let _ = args;
    Err(Failure::Running(anyhow::anyhow!("not built yet")))
}
