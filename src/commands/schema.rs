//! `nabiz schema`.

use super::Failure;

/// Prints the JSON Schema of the events.
#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn run(args: Args) -> Result<(), Failure> {
    let _ = args;
    Err(Failure::Running(anyhow::anyhow!("not built yet")))
}
