//! The further tables of the history, printed.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use jiff::tz::TimeZone;
use nabiz_core::settings::Settings;
use nabiz_core::time::{Millis, Timestamp};

use super::format::Format;
use super::output::{Output, Written};
use super::table::{TableRow, name, percent, seconds, start_text};
use crate::commands::failure::Failure;
use crate::config::Config;
use crate::ledger::history::{
    AgentRow, ArrivalRow, FurtherHistory, FurtherRow, PauseRow, Query, Request, ScoreRow, Span,
    UnitRow, local_time,
};

/// What is asked of a further table.
pub(super) struct Further<'a> {
    pub(super) config: &'a Config,
    pub(super) settings: Arc<Settings>,
    pub(super) request: &'a Request,
    pub(super) format: Format,
    /// The folder of files, in place of standard output.
    pub(super) into: Option<&'a Path>,
    pub(super) topics: Vec<String>,
}

impl Further<'_> {
    /// Reads the rows and prints them.
    pub(super) fn print<R: FurtherRow + TableRow>(self, query: Query) -> Result<(), Failure> {
        let layout = self.request.layout::<R>();
        let layout = layout.map_err(|error| Failure::usage(anyhow!("--{error}")))?;
        let zone = self.settings.windows.business_day.zone();
        let output = Output { format: self.format, layout, zone, into: self.into };
        output.check(self.request)?;
        let (of, period) = (query.of, query.period);
        let ledger = &self.config.ledger;
        let settings = Arc::clone(&self.settings);
        let history = FurtherHistory::<R>::open(&ledger.path, settings, ledger.interval, query)
            .context("the history cannot be read")?
            .of_topics(self.topics);
        let known_from = history.known_from().filter(|known_from| *known_from > period.start);
        let mut is_empty = true;
        let written = output.write(history.inspect(|row| is_empty &= row.is_err()))?;
        if written == Written::ReaderGone {
            return Ok(());
        }
        // Where standard error is closed, the notes are lost.
        if is_empty {
            let _ = writeln!(io::stderr(), "nabiz: there is no history in this period");
        }
        match known_from {
            None => {}
            Some(Timestamp::MAX) => {
                let _ = writeln!(
                    io::stderr(),
                    "nabiz: this ledger has no {} yet: they begin when nabiz serve opens it",
                    of.name()
                );
            }
            Some(known_from) => {
                let known_from = local_time(known_from, zone);
                let _ = writeln!(
                    io::stderr(),
                    "nabiz: {} are known from {known_from}; the ledger is older",
                    of.name()
                );
            }
        }
        Ok(())
    }
}

/// Returns the first cell of a row.
fn start(span: Span, zone: &TimeZone) -> String {
    format!("{}{}", start_text(span.range.start, zone), if span.open { "*" } else { "" })
}

impl TableRow for ArrivalRow {
    const HEADER: &'static [&'static str] = &[
        "start",
        "channel",
        "entry point",
        "contacts",
        "contained",
        "to queue",
        "abandoned",
        "failed",
        "containment",
    ];
    const TEXT_COLUMNS: usize = 3;

    fn is_open(&self) -> bool {
        self.span.open
    }

    fn cells(&self, zone: &TimeZone) -> Vec<String> {
        let mut cells = vec![start(self.span, zone), name(&self.channel), name(&self.entry_point)];
        cells.extend(self.counts.iter().map(|(_, count)| count.to_string()));
        cells.push(percent(self.containment()));
        cells
    }
}

impl TableRow for UnitRow {
    const HEADER: &'static [&'static str] =
        &["start", "unit", "opened", "informed", "timed", "mean"];
    const TEXT_COLUMNS: usize = 2;

    fn is_open(&self) -> bool {
        self.span.open
    }

    fn cells(&self, zone: &TimeZone) -> Vec<String> {
        vec![
            start(self.span, zone),
            name(&self.unit),
            self.counts.opened.to_string(),
            self.counts.informed.to_string(),
            self.counts.timed.to_string(),
            seconds(self.followup_mean_seconds()),
        ]
    }
}

impl TableRow for ScoreRow {
    const HEADER: &'static [&'static str] = &["start", "queue", "channel", "score", "count"];
    const TEXT_COLUMNS: usize = 3;

    fn is_open(&self) -> bool {
        self.span.open
    }

    fn cells(&self, zone: &TimeZone) -> Vec<String> {
        vec![
            start(self.span, zone),
            name(&self.queue),
            name(&self.channel),
            self.score.to_string(),
            self.count.to_string(),
        ]
    }
}

impl TableRow for PauseRow {
    const HEADER: &'static [&'static str] = &["start", "reason", "paused"];
    const TEXT_COLUMNS: usize = 2;

    fn is_open(&self) -> bool {
        self.span.open
    }

    fn cells(&self, zone: &TimeZone) -> Vec<String> {
        let paused = seconds(Some(self.paused.as_secs_f64()));
        vec![start(self.span, zone), name(&self.reason), paused]
    }
}

impl TableRow for AgentRow {
    const HEADER: &'static [&'static str] = &[
        "start",
        "available",
        "busy",
        "wrap-up",
        "paused",
        "offline",
        "occupancy",
        "paused share",
    ];
    const TEXT_COLUMNS: usize = 1;

    fn is_open(&self) -> bool {
        self.span.open
    }

    fn cells(&self, zone: &TimeZone) -> Vec<String> {
        let mut cells = vec![start(self.span, zone)];
        cells.extend(self.time.map(Millis::as_secs_f64).map(|time| seconds(Some(time))));
        cells.extend([percent(self.occupancy()), percent(self.paused_share())]);
        cells
    }
}
