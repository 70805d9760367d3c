//! One file per subcommand. Exit codes: 0 done, 1 failed while running, 2 wrong usage or
//! configuration.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod check;
mod configuration;
mod demo;
mod hash_secret;
mod history;
mod memory;
mod pipeline;
mod replay;
mod schema;
mod serve;
mod simulate;

/// Streaming telemetry for contact centres.
#[derive(Debug, Parser)]
#[command(
    name = "nabiz",
    version,
    about,
    max_term_width = 100,
    after_help = "\
Examples:
  nabiz demo --duration 10m                       everything in one process, with a live page
  nabiz check --config nabiz.toml                 is the configuration right
  nabiz serve --config nabiz.toml                 the pipeline"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Args),
    Serve(serve::Args),
    Simulate(simulate::Args),
    Replay(replay::Args),
    History(history::Args),
    Check(check::Args),
    Schema(schema::Args),
    HashSecret(hash_secret::Args),
}

/// Why a command did not do its work.
#[derive(Debug)]
pub enum Failure {
    /// Wrong usage or configuration: exit code 2.
    Usage(anyhow::Error),
    /// Failed while running: exit code 1.
    Running(anyhow::Error),
}

impl Failure {
    /// A usage failure, for `map_err`.
    pub fn usage(error: impl Into<anyhow::Error>) -> Self {
        Failure::Usage(error.into())
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Failure::Running(error)
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let is_broken = |error: &std::io::Error| error.kind() == std::io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref().is_some_and(is_broken))
}

/// Reads the arguments of the process, runs the command, and gives the exit code.
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Demo(args) => demo::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Simulate(args) => simulate::run(args),
        Command::Replay(args) => replay::run(args),
        Command::History(args) => history::run(args),
        Command::Check(args) => check::run(args),
        Command::Schema(args) => schema::run(args),
        Command::HashSecret(args) => hash_secret::run(args),
    };
    let (code, error) = match result {
        Ok(()) => return ExitCode::SUCCESS,
        // Whoever read the output has seen enough.
        Err(Failure::Running(error)) if is_broken_pipe(&error) => return ExitCode::SUCCESS,
        Err(Failure::Running(error)) => (1, error),
        Err(Failure::Usage(error)) => (2, error),
    };
    eprintln!("nabiz: {error:#}");
    ExitCode::from(code)
}
