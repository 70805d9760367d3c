//! `nabiz history`: prints the interval history.

mod format;
mod further;
mod output;
mod table;
mod year;

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, anyhow};

use jiff::tz::TimeZone;
use nabiz_core::time::TimeRange;

use self::format::Format;
use self::further::Further;
use self::output::{Output, Written};
use super::configuration;
use super::failure::Failure;
use crate::config::Config;
use crate::ledger::history::{
    AgentRow, ArrivalRow, Fill, History, HistoryRow, Kind, LayoutRequest, PauseRow, ProfileRow,
    Request, RequestError, ScoreRow, Suite, UnitRow, local_time, profile,
};

/// Prints the interval history from the ledger.
///
/// One row for each step, queue and channel that has any number, or with --fill for each.
/// `nabiz serve` may run at the same time. Rows that can still change are marked as open.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "\
Examples:
  nabiz history --from 2026-01-05 --to 2026-01-06 --step 30m
  nabiz history --from 2026-01-01 --to 2026-02-01 --step 1d --queue fault --format csv > january.csv
  nabiz history --from 2026-01-01 --to 2027-01-01 --step 1mo --of arrivals
  nabiz history --from 2026-03-02 --to 2026-04-27 --step 30m --profile week
  nabiz history --from 2026-03-02 --to 2026-04-27 --format wfm-eleveo --into wfm
  nabiz history year 2026

A date is the start of that business day in the zone of [windows].
--from is included and --to is not.
Exit codes: 0 done, 1 the ledger cannot be read, 2 wrong usage or configuration.")]
pub(crate) struct Args {
    #[command(subcommand)]
    other: Option<Other>,
    /// Intervals that begin at or after it: RFC 3339 or a date
    #[arg(long, value_name = "TIME", required = true)]
    from: Option<String>,
    /// Intervals that begin before it: RFC 3339 or a date
    #[arg(long, value_name = "TIME", required = true)]
    to: Option<String>,
    /// What the rows are about: visits, arrivals, units, scores, pauses or agents; visits if absent
    #[arg(long, value_name = "KIND")]
    of: Option<String>,
    /// Length of a row: 15m, 30m, 1h, 1d, 1w, 1mo, 1y or all; the shortest possible if absent
    #[arg(long)]
    step: Option<String>,
    /// Only this queue, by id or alias; may be repeated
    #[arg(long = "queue", value_name = "QUEUE")]
    queues: Vec<String>,
    /// Only this channel; may be repeated
    #[arg(long = "channel", value_name = "CHANNEL")]
    channels: Vec<String>,
    /// Rows by queue, by channel, or one of all; by queue and channel if absent
    #[arg(long, value_name = "WHAT")]
    by: Option<String>,
    /// Also rows of zeros: in every step, or with "open" in steps within opening hours
    #[arg(long, value_name = "STEPS", num_args = 0..=1, default_missing_value = "all")]
    fill: Option<String>,
    /// Instead of rows, what is usual by weekday and step of the day: week
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// How rows are written: table for people, csv and json with every column, wfm-eleveo for
    /// Eleveo WFM
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    layout: LayoutArgs,
    /// Write CSV into files of at most 2 MB in this folder, and nothing to standard output
    #[arg(long, value_name = "FOLDER")]
    into: Option<PathBuf>,
    /// Configuration; without it nabiz.toml where that exists, else the defaults
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What is printed in place of rows.
#[derive(Debug, clap::Subcommand)]
enum Other {
    Year(year::Args),
}

/// The order, names and form of the columns of CSV and JSON.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Columns of csv and json")]
struct LayoutArgs {
    /// Only these, in this order: NAME, NAME=TITLE, NAME:FORM=TITLE or 'TEXT'=TITLE, with commas
    /// between; FORM is a number of decimals or the pattern of a time such as %H:%M
    #[arg(long, value_name = "COLUMNS")]
    columns: Option<String>,
    /// Whether CSV begins with the names: yes or no
    #[arg(long, value_name = "YES")]
    header: Option<String>,
    /// What is between the fields of CSV: , ; | or tab
    #[arg(long, value_name = "CHARACTER")]
    separator: Option<String>,
    /// What an empty field of CSV holds, such as 0
    #[arg(long, value_name = "TEXT")]
    empty: Option<String>,
    /// The zone of times: local or utc
    #[arg(long, value_name = "ZONE")]
    times: Option<String>,
}

/// Reads the history and prints it.
///
/// # Errors
/// A usage failure for wrong arguments or configuration, else an error of the ledger or the output.
pub(crate) fn run(args: Args) -> Result<(), Failure> {
    match args.other {
        Some(Other::Year(args)) => year::run(args),
        None => run_rows(args),
    }
}

fn run_rows(args: Args) -> Result<(), Failure> {
    let config = configuration::load_or_default(args.config.as_deref())?;
    let settings = Arc::new(config.settings());
    let Args { from, to, of, step, queues, channels, by, fill, profile: of_profile, .. } = args;
    let LayoutArgs { columns, header, separator, empty, times } = args.layout;
    let layout = LayoutRequest { columns, header, separator, empty, times };
    let suite = (args.format == Format::WfmEleveo).then_some(Suite::Eleveo);
    let (from, to) = (from.unwrap_or_default(), to.unwrap_or_default());
    let request = Request {
        of,
        from,
        to,
        step,
        queues,
        channels,
        by,
        fill,
        profile: of_profile,
        year: None,
        layout,
        suite,
    };
    let interval = config.ledger.interval;
    let usage = |error: RequestError| Failure::usage(anyhow!("--{error}"));
    let query = request.query(&settings, interval).map_err(usage)?;
    let further = Further {
        config: &config,
        settings: Arc::clone(&settings),
        request: &request,
        format: args.format,
        into: args.into.as_deref(),
        topics: topics(&config),
    };
    let topics = match query.of {
        Kind::Visits => further.topics,
        Kind::Arrivals => return further.print::<ArrivalRow>(query),
        Kind::Units => return further.print::<UnitRow>(query),
        Kind::Scores => return further.print::<ScoreRow>(query),
        Kind::Pauses => return further.print::<PauseRow>(query),
        Kind::Agents => return further.print::<AgentRow>(query),
    };
    let layout = match query.is_profile {
        true => request.layout::<ProfileRow>(),
        false => request.layout::<HistoryRow>(),
    };
    let output = Output {
        format: args.format,
        layout: layout.map_err(usage)?,
        zone: settings.windows.business_day.zone(),
        into: args.into.as_deref(),
    };
    output.check(&request)?;
    let mut queues_without_rows: BTreeSet<String> = query.queues.iter().cloned().collect();
    let (period, fill, is_profile) = (query.period, query.fill, query.is_profile);
    let unreadable = "the history cannot be read";
    let mut history = History::open(&config.ledger.path, settings.clone(), interval, query)
        .context(unreadable)?
        .of_topics(topics);
    if suite.is_some()
        && let Some(error) = history.unknown_part().context(unreadable)?
    {
        return Err(usage(error));
    }
    let known = if fill == Fill::Nothing { None } else { history.known().context(unreadable)? };
    let mut is_empty = true;
    let mut note = |queue: &str| {
        is_empty = false;
        queues_without_rows.remove(queue);
    };
    let written = if is_profile {
        let rows = profile(history).context(unreadable)?;
        rows.iter().for_each(|row| note(&row.key.0));
        output.write(rows.into_iter().map(Ok))?
    } else {
        output.write(history.inspect(|row| {
            if let Ok(row) = row {
                note(&row.queue);
            }
        }))?
    };
    if written == Written::ReaderGone {
        return Ok(());
    }
    // Where standard error is closed, the notes are lost.
    if is_empty && queues_without_rows.is_empty() {
        let _ = writeln!(io::stderr(), "nabiz: there is no history in this period");
    }
    if request.by.as_deref().is_none_or(|by| by == "queue") {
        for queue in queues_without_rows {
            let _ =
                writeln!(io::stderr(), "nabiz: the queue {queue:?} has no history in this period");
        }
    }
    if fill != Fill::Nothing && !is_profile {
        note_unknown(known, period, output.zone);
    }
    Ok(())
}

/// Returns the topics that are read now.
fn topics(config: &Config) -> Vec<String> {
    let topics = config.kafka.iter().flat_map(|kafka| &kafka.topics);
    topics.map(|topic| topic.name.clone()).collect()
}

/// Says on standard error which part of a filled period has no rows of zeros.
fn note_unknown(known: Option<TimeRange>, period: TimeRange, zone: &TimeZone) {
    let text = match known {
        None => "nothing is known to its end yet, so there are no rows of zeros".to_string(),
        Some(known) if known.start <= period.start && period.end <= known.end => return,
        Some(known) => format!(
            "the history is known from {} to {}; rows of zeros are only there",
            local_time(known.start, zone),
            local_time(known.end, zone)
        ),
    };
    let _ = writeln!(io::stderr(), "nabiz: {text}");
}
