//! `nabiz history year`: prints the headline of a year.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use jiff::tz::TimeZone;

use super::Format;
use super::output::Output;
use super::table::{TableRow, name};
use crate::commands::configuration;
use crate::commands::failure::Failure;
use crate::ledger::history::{Headline, History, Layout, Request, headlines, local_time};

/// Prints the headline of a year: calls, self-service, service level, waits, messages, follow-ups,
/// satisfaction.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The year, of business days in the configured zone
    year: String,
    /// How it is written: table for people, csv and json for programs
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Configuration; without it nabiz.toml where that exists, else the defaults
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Reads the headline and prints it.
pub(super) fn run(args: Args) -> Result<(), Failure> {
    let config = configuration::load_or_default(args.config.as_deref())?;
    let settings = Arc::new(config.settings());
    let interval = config.ledger.interval;
    let request = Request { year: Some(args.year), ..Request::default() };
    let query =
        request.query(&settings, interval).map_err(|error| Failure::usage(anyhow!("{error}")))?;
    let period = query.period;
    let output = Output {
        format: args.format,
        layout: Layout::default(),
        zone: settings.windows.business_day.zone(),
        into: None,
    };
    if args.format == Format::WfmEleveo {
        return Err(Failure::usage(anyhow!("--format: expected table, csv or json")));
    }
    let unreadable = "the history cannot be read";
    let history = History::open(&config.ledger.path, settings.clone(), interval, query)
        .context(unreadable)?
        .of_topics(super::topics(&config));
    let rows = headlines(history).context(unreadable)?;
    // Where standard error is closed, the notes are lost.
    match rows.first() {
        None => {
            let _ = writeln!(io::stderr(), "nabiz: there is no history in this year");
        }
        Some(first) if first.range.start > period.start => {
            let start = local_time(first.range.start, output.zone);
            let _ = writeln!(io::stderr(), "nabiz: the history begins at {start}");
        }
        Some(_) => {}
    }
    output.write(rows.into_iter().map(Ok)).map(|_| ())
}

impl TableRow for Headline {
    const HEADER: &'static [&'static str] = &["measure", "channel", "value"];
    const TEXT_COLUMNS: usize = 2;

    fn is_open(&self) -> bool {
        self.open
    }

    fn cells(&self, _zone: &TimeZone) -> Vec<String> {
        let star = if self.open { "*" } else { "" };
        let value = match self.value {
            None => "not known".to_string(),
            Some(value) if self.measure.ends_with("_seconds") => format!("{value:.1}s"),
            Some(value) if self.is_ratio() => format!("{:.1}%", value * 100.0),
            Some(value) if self.measure.ends_with("_mean") => format!("{value:.2}"),
            Some(value) => format!("{value:.0}"),
        };
        vec![format!("{}{star}", self.measure), name(&self.channel), value]
    }
}
