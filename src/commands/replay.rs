//! `nabiz replay`.

use super::Failure;

/// Folds a file as if it were one partition and prints the metrics.
#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn run(args: Args) -> Result<(), Failure> {
    let _ = args;
    Err(Failure::Running(anyhow::anyhow!("not built yet")))
}
