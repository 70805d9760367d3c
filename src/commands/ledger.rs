//! `nabiz ledger`: repairs of the ledger while no instance runs.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow};
use jiff::Timestamp;
use nabiz_core::shard::Shard;
use nabiz_core::time::{self, WallTime};

use super::arguments::parse_time;
use super::configuration;
use super::failure::Failure;
use crate::clock::system_time;
use crate::config::Config;
use crate::ledger::{
    self, CheckpointRequest, CommitOutcome, Ledger, PartitionAhead, RewindPlan, plan_rewind,
};

/// Repairs the ledger while no instance of nabiz runs.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Rewind(Rewind),
}

/// Sets stream time that is in the future back.
///
/// Counters, offsets and open visits stay. Windows begin again, and the interval history from TIME
/// on is deleted: docs/operate/operations.md, "Stream time in the future". Without --yes the
/// command only says what it would do.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  nabiz ledger rewind --config nabiz.toml --to 2026-01-05T10:30:00+03:00

Exit codes: 0 done, 1 the ledger cannot be changed, 2 wrong usage or configuration.")]
struct Rewind {
    /// The stream time to set (RFC 3339), not in the future
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    to: Timestamp,
    /// Configuration; without it nabiz.toml where that exists, else the defaults
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Change the ledger
    #[arg(long)]
    yes: bool,
}

/// Runs the repair.
///
/// # Errors
/// A usage failure for wrong arguments or configuration, else an error of the ledger.
pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let Command::Rewind(rewind) = args.command;
    let config = configuration::load_or_default(rewind.config.as_deref())?;
    let now = system_time();
    if rewind.to.as_millisecond() > now.get() {
        let found = rewind.to;
        return Err(Failure::usage(anyhow!(
            "--to: expected a time that is not in the future, found {found}"
        )));
    }
    let to = time::Timestamp(rewind.to.as_millisecond());
    let path = &config.ledger.path;
    let plan = plan_rewind(path, to).context("the ledger cannot be read")?;
    if plan.partitions.is_empty() {
        return print(&format!("no partition has a stream time after {}", rewind.to));
    }
    print(&description(&plan, rewind.to))?;
    if !rewind.yes {
        return print("nothing is changed; add --yes to change it");
    }
    set_back(&config, path, to, &plan, now)?;
    print("done")
}

fn print(text: &str) -> Result<(), Failure> {
    Ok(writeln!(io::stdout(), "{text}").context("cannot write to standard output")?)
}

/// Says what stays and what is lost.
fn description(plan: &RewindPlan, to: Timestamp) -> String {
    let mut lines = Vec::new();
    for PartitionAhead { topic, partition, stream_time } in &plan.partitions {
        let found = Timestamp::from_millisecond(stream_time.get())
            .map_or_else(|_| format!("{} ms", stream_time.get()), |time| time.to_string());
        lines.push(format!("{topic}/{partition}: stream time {found} is set back to {to}"));
    }
    let rows = plan.history_rows;
    lines
        .push("kept: offsets, all counters, open visits and follow-ups, remembered ids".to_owned());
    lines.push(format!(
        "lost: the windows of these partitions, which begin again, and the interval history from \
         {to} on, of all partitions (rows: {rows})"
    ));
    lines.join("\n")
}

/// Sets the partitions of the plan back, and deletes the history from there on. If it fails in
/// between, it can be repeated.
fn set_back(
    config: &Config,
    path: &Path,
    to: time::Timestamp,
    plan: &RewindPlan,
    now: WallTime,
) -> Result<(), Failure> {
    let hash_key = ledger::load_or_create(path).map_err(anyhow::Error::from)?;
    let mut settings = config.settings();
    settings.history_interval = Some(config.ledger.interval);
    let settings = Arc::new(settings);
    let mut ledger =
        Ledger::open_alone(path, settings.channels.clone()).map_err(anyhow::Error::from)?;
    ledger.ensure_interval(config.ledger.interval).map_err(anyhow::Error::from)?;
    ledger.delete_history_from(to).map_err(anyhow::Error::from)?;
    let mut requests = Vec::with_capacity(plan.partitions.len());
    for ahead in &plan.partitions {
        let acquired = ledger
            .acquire(&ahead.topic, ahead.partition, "nabiz ledger rewind")
            .map_err(anyhow::Error::from)?;
        let Some(stored) = acquired.stored else { continue };
        let mut shard = Shard::restore(Arc::clone(&settings), hash_key, &stored.chunks)
            .with_context(|| format!("{}/{} is unusable", ahead.topic, ahead.partition))?;
        if let Some(advance_to) = stored.advance_to.filter(|advance_to| *advance_to <= to) {
            shard.advance(advance_to);
        }
        let mut checkpoint = shard.rewind(to);
        // After the last record there may be transaction markers, which the client skips.
        checkpoint.next_offset = stored.next_offset;
        requests.push(CheckpointRequest {
            records_missed: acquired.records_missed,
            last_record: acquired.last_record,
            topic_id: acquired.topic_id,
            calls: acquired.calls,
            newest_record: acquired.newest_record.map(|newest| newest.min(WallTime(to.get()))),
            ..CheckpointRequest::new(acquired.lease, checkpoint)
        });
    }
    let outcomes = ledger.store(&requests, now).map_err(anyhow::Error::from)?;
    if outcomes.contains(&CommitOutcome::Fenced) {
        return Err(anyhow!("another process has acquired a partition meanwhile").into());
    }
    Ok(())
}
