//! `nabiz plan`: forecasts what comes, and says how many agents it needs.

mod progress;
mod table;

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use nabiz_core::time::Timestamp;

use self::progress::PlanProgress;
use super::configuration;
use super::failure::Failure;
use crate::clock::system_time;
use crate::ledger::history::{History, Query};
use crate::plan::{
    Limits, PlanError, PlanRequest, Planner, PlanningSettings, write_csv, write_json,
};

/// Forecasts what comes, and says how many agents it needs.
///
/// Learns from the interval history of the weeks before. A number that the history does not bear is
/// absent, and the plan says why.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  nabiz plan                                           the coming week, as a table
  nabiz plan --queue fault --format csv > week.csv     every number of each half hour
  nabiz plan --now                                     the rest of today, by what came so far
  nabiz plan --volume +10% --aht +30s --agents 12      what if
  nabiz plan --queue fault --simulate                  checked by a simulation

Exit codes: 0 done, 1 the ledger cannot be read, 2 wrong usage or configuration.")]
pub(crate) struct Args {
    /// First day, such as 2026-01-05; the coming Monday if absent, today with --now
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// Day after the last; a week after --from if absent
    #[arg(long, value_name = "DATE")]
    to: Option<String>,
    /// Length of a row: 15m, 30m or 1h; the configured one if absent
    #[arg(long)]
    step: Option<String>,
    /// Only this queue, by id or alias; may be repeated
    #[arg(long = "queue", value_name = "QUEUE")]
    queues: Vec<String>,
    /// Only this channel; may be repeated
    #[arg(long = "channel", value_name = "CHANNEL")]
    channels: Vec<String>,
    /// Correct the rest of the day by what came until this time; the present if none is given
    #[arg(long, value_name = "TIME", num_args = 0..=1, default_missing_value = "now")]
    now: Option<String>,
    /// What if more or less came: 1.1, +10%, -5%
    #[arg(long, value_name = "CHANGE", allow_hyphen_values = true)]
    volume: Option<String>,
    /// What if contacts took longer or shorter: 1.1, +10%, +30s, -20s, 240s
    #[arg(long, value_name = "CHANGE", allow_hyphen_values = true)]
    aht: Option<String>,
    /// What if callers were more or less patient: 0.8, -10%, +30s, 200s
    #[arg(long, value_name = "CHANGE", allow_hyphen_values = true)]
    patience: Option<String>,
    /// What comes of other agents than the plan needs: 12, +2, -1, +10%
    #[arg(long, value_name = "CHANGE", allow_hyphen_values = true)]
    agents: Option<String>,
    /// Simulate the plan, with the agents that it needs or those of --agents
    #[arg(long)]
    simulate: bool,
    /// How the plan is written: table for people, csv and json with every number
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Configuration; without it nabiz.toml where that exists, else the defaults
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    Table,
    Csv,
    Json,
}

/// Makes the plan and prints it.
///
/// # Errors
/// A usage failure for wrong arguments or configuration, else an error of the ledger or the output.
pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let config = configuration::load_or_default(args.config.as_deref())?;
    let settings = Arc::new(config.settings());
    let planning = PlanningSettings::of(&config);
    let Args { from, to, step, queues, channels, now, volume, aht, patience, agents, .. } = args;
    let request = PlanRequest {
        from,
        to,
        step,
        queues,
        channels,
        now,
        volume,
        aht,
        patience,
        agents,
        simulate: args.simulate,
    };
    let interval = config.ledger.interval;
    let clock = Timestamp(system_time().get());
    let query = request
        .query(&settings, &planning, interval, clock)
        .map_err(|error| Failure::usage(anyhow!("--{error}")))?;
    let topics: Vec<String> = config
        .kafka
        .iter()
        .flat_map(|kafka| &kafka.topics)
        .map(|topic| topic.name.clone())
        .collect();
    let open = |query: Query| {
        let history = History::open(&config.ledger.path, settings.clone(), interval, query)?;
        Ok(history.of_topics(topics.clone()))
    };
    let planner =
        Planner { settings: &settings, planning: &planning, open: &open, limits: Limits::NONE };
    let mut progress = PlanProgress::new();
    let plan = planner.plan(&query, &mut |part, share| progress.show(part, share));
    drop(progress);
    let plan = plan.map_err(|error| match error {
        PlanError::TooLong { .. } | PlanError::TooMuchToSimulate { .. } | PlanError::Cancelled => {
            Failure::usage(error)
        }
        PlanError::Output(error) => anyhow::Error::new(error).into(),
        PlanError::Ledger(error) => {
            anyhow::Error::new(error).context("the history cannot be read").into()
        }
    })?;

    let zone = settings.windows.business_day.zone();
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match args.format {
        Format::Table => table::write_table(&plan, zone, &mut out),
        Format::Csv => write_csv(&plan, zone, &mut out),
        Format::Json => write_json(&plan, zone, &mut out),
    };
    written.and_then(|()| out.flush()).context("cannot write to standard output")?;
    if plan.series.is_empty() {
        // Where standard error is closed, the note is lost.
        let _ = writeln!(io::stderr(), "nabiz: there is no history to learn from");
    }
    Ok(())
}
