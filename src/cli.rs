//! The command line: parses the arguments, runs a subcommand, and turns its result into an exit
//! code: 0 done, 1 failed while running, 2 wrong usage or configuration.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::commands::{
    check, demo, gateway, hash_secret, history, ledger, logging, map, plan, replay, schema, serve,
    simulate,
};

/// Streaming telemetry for contact centres.
#[derive(Debug, Parser)]
#[command(
    name = "nabiz",
    version,
    about,
    max_term_width = 100,
    after_help = "\
Examples:
  nabiz demo --duration 10m            everything in one process, with a live page
  nabiz check --config nabiz.toml      validates a configuration
  nabiz serve --config nabiz.toml      the pipeline"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Args),
    Serve(serve::Args),
    Gateway(gateway::Args),
    Simulate(simulate::Args),
    Map(map::Args),
    Replay(replay::Args),
    History(Box<history::Args>),
    Plan(Box<plan::Args>),
    Ledger(ledger::Args),
    Check(check::Args),
    Schema(schema::Args),
    HashSecret(hash_secret::Args),
}

/// Parses the arguments of the process, runs the command, and returns the exit code.
pub fn main() -> ExitCode {
    let command = Cli::parse().command;
    let result = logging::check().and_then(|()| match command {
        Command::Demo(args) => demo::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Gateway(args) => gateway::run(args),
        Command::Simulate(args) => simulate::run(args),
        Command::Map(args) => map::run(args),
        Command::Replay(args) => replay::run(args),
        Command::History(args) => history::run(*args),
        Command::Plan(args) => plan::run(*args),
        Command::Ledger(args) => ledger::run(args),
        Command::Check(args) => check::run(args),
        Command::Schema(args) => schema::run(args),
        Command::HashSecret(args) => hash_secret::run(args),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of standard output has read enough, as with `| head`.
        Err(failure) if failure.is_broken_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("nabiz: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}
