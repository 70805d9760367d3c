//! `nabiz history`: prints the interval history.

mod table;

use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, anyhow};

use super::configuration;
use super::failure::Failure;
use crate::ledger::history::{History, HistoryFormat, OutputError, Request, write_rows};

/// Prints the interval history from the ledger.
///
/// One row for each step, queue and channel that has any number. `nabiz serve` may run at the same
/// time. Rows that can still change are marked as open.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  nabiz history --from 2026-01-05 --to 2026-01-06 --step 30m
  nabiz history --from 2026-01-01 --to 2026-02-01 --step 1d --queue fault --format csv > january.csv

A date is the start of that business day in the zone of [windows].
--from is included and --to is not.
Exit codes: 0 done, 1 the ledger cannot be read, 2 wrong usage or configuration.")]
pub(crate) struct Args {
    /// Intervals that begin at or after it: RFC 3339 or a date
    #[arg(long, value_name = "TIME")]
    from: String,
    /// Intervals that begin before it: RFC 3339 or a date
    #[arg(long, value_name = "TIME")]
    to: String,
    /// Length of a row: 15m, 30m, 1h, 1d or all; the shortest possible if absent
    #[arg(long)]
    step: Option<String>,
    /// Only this queue, by id or alias; may be repeated
    #[arg(long = "queue", value_name = "QUEUE")]
    queues: Vec<String>,
    /// Only this channel; may be repeated
    #[arg(long = "channel", value_name = "CHANNEL")]
    channels: Vec<String>,
    /// How rows are written: table for people, csv and json with every column
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

/// Reads the history and prints it.
///
/// # Errors
/// A usage failure for wrong arguments or configuration, else an error of the ledger or the output.
pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let config = configuration::load_or_default(args.config.as_deref())?;
    let settings = Arc::new(config.settings());
    let Args { from, to, step, queues, channels, format, .. } = args;
    let request = Request { from, to, step, queues, channels };
    let interval = config.ledger.interval;
    let query =
        request.query(&settings, interval).map_err(|error| Failure::usage(anyhow!("--{error}")))?;
    let mut queues_without_rows: BTreeSet<String> = query.queues.iter().cloned().collect();
    let topics = config
        .kafka
        .iter()
        .flat_map(|kafka| &kafka.topics)
        .map(|topic| topic.name.clone())
        .collect();
    let history = History::open(&config.ledger.path, settings.clone(), interval, query)
        .context("the history cannot be read")?
        .of_topics(topics);
    let mut is_empty = true;
    let rows = history.inspect(|row| {
        if let Ok(row) = row {
            is_empty = false;
            queues_without_rows.remove(&*row.queue);
        }
    });

    let zone = settings.windows.business_day.zone();
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match format {
        Format::Table => table::write_table(rows, zone, &mut out),
        Format::Csv => write_rows(rows, HistoryFormat::Csv, zone, &mut out),
        Format::Json => write_rows(rows, HistoryFormat::Json, zone, &mut out),
    };
    match written.and_then(|()| out.flush().map_err(OutputError::from)) {
        // The reader closed the pipe, as `| head` does.
        Err(OutputError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            return Ok(());
        }
        Err(OutputError::Output(error)) => {
            return Err(anyhow::Error::new(error)
                .context("cannot write to standard output")
                .into());
        }
        Err(error) => {
            return Err(anyhow::Error::new(error).context("the history cannot be read").into());
        }
        Ok(()) => {}
    }
    // Where standard error is closed, the note is lost.
    if is_empty && queues_without_rows.is_empty() {
        let _ = writeln!(io::stderr(), "nabiz: there is no history in this period");
    }
    for queue in queues_without_rows {
        let _ = writeln!(io::stderr(), "nabiz: the queue {queue:?} has no history in this period");
    }
    Ok(())
}
