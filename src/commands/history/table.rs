//! Rows as an aligned table of the main numbers, for people.

use std::io::{self, Write};

use jiff::tz::TimeZone;
use nabiz_core::time::{Millis, Timestamp};

use crate::ledger::LedgerError;
use crate::ledger::history::{HistoryRow, OutputError, ProfileRow};

/// How many rows are aligned together; more would take memory.
const ALIGNED_ROWS: usize = 500;

/// A row of which people see the main numbers.
pub(super) trait TableRow {
    /// The names of the columns. Those of texts come first.
    const HEADER: &'static [&'static str];
    /// How many columns, from the first, are texts and aligned to the left.
    const TEXT_COLUMNS: usize;

    /// Returns whether the row can still change.
    fn is_open(&self) -> bool;

    /// Returns a text for each column, with times in `zone`.
    fn cells(&self, zone: &TimeZone) -> Vec<String>;
}

/// Writes rows, with times in `zone`. A row that can still change has a star.
///
/// # Errors
/// [`OutputError`] of a row, or of `out`.
pub(super) fn write_table<R: TableRow>(
    mut rows: impl Iterator<Item = Result<R, LedgerError>>,
    zone: &TimeZone,
    out: &mut impl Write,
) -> Result<(), OutputError> {
    let mut widths: Vec<usize> = R::HEADER.iter().map(|name| name.chars().count()).collect();
    let mut is_first = true;
    let mut any_open = false;
    loop {
        let chunk = rows.by_ref().take(ALIGNED_ROWS).collect::<Result<Vec<_>, _>>()?;
        if chunk.is_empty() {
            break;
        }
        any_open |= chunk.iter().any(TableRow::is_open);
        let lines: Vec<Vec<String>> = chunk.iter().map(|row| row.cells(zone)).collect();
        for line in &lines {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = (*width).max(cell.chars().count());
            }
        }
        if is_first {
            let header: Vec<String> = R::HEADER.iter().map(ToString::to_string).collect();
            write_line(&header, &widths, R::TEXT_COLUMNS, out)?;
            is_first = false;
        }
        for line in &lines {
            write_line(line, &widths, R::TEXT_COLUMNS, out)?;
        }
    }
    if any_open {
        writeln!(out, "* can still change: not all events of this time have been read")?;
    }
    Ok(())
}

fn write_line(
    line: &[String],
    widths: &[usize],
    text_columns: usize,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut text = String::new();
    for (index, (cell, width)) in line.iter().zip(widths).enumerate() {
        if index > 0 {
            text.push_str("  ");
        }
        let spaces = " ".repeat(width.saturating_sub(cell.chars().count()));
        let (before, after) =
            if index < text_columns { ("", spaces.as_str()) } else { (spaces.as_str(), "") };
        text.extend([before, cell, after]);
    }
    writeln!(out, "{}", text.trim_end())
}

impl TableRow for HistoryRow {
    const HEADER: &'static [&'static str] = &[
        "start",
        "queue",
        "channel",
        "offered",
        "answered",
        "abandoned",
        "left",
        "level",
        "abandonment",
        "asa",
        "p90",
        "aht",
        "occupancy",
    ];
    const TEXT_COLUMNS: usize = 3;

    fn is_open(&self) -> bool {
        self.open
    }

    fn cells(&self, zone: &TimeZone) -> Vec<String> {
        let start = start_text(self.range.start, zone);
        let (counts, window) = (&self.counts, self.window());
        vec![
            format!("{start}{}", if self.open { "*" } else { "" }),
            name(&self.queue),
            name(&self.channel),
            counts.visits.offered.to_string(),
            counts.visits.answered.to_string(),
            counts.visits.abandoned.to_string(),
            self.left().to_string(),
            percent(self.service_level()),
            percent(window.abandonment()),
            seconds(window.wait_mean_seconds()),
            seconds(self.wait_quantiles.map(|[_, p90, ..]| Millis::as_secs_f64(p90))),
            seconds(window.handle_mean_seconds()),
            percent(self.occupancy()),
        ]
    }
}

impl TableRow for ProfileRow {
    const HEADER: &'static [&'static str] = &[
        "queue", "channel", "day", "time", "n", "offered", "p10", "p50", "p90", "n", "aht", "p10",
        "p50", "p90", "n", "level", "p10", "p50", "p90",
    ];
    const TEXT_COLUMNS: usize = 4;

    fn is_open(&self) -> bool {
        false
    }

    fn cells(&self, _zone: &TimeZone) -> Vec<String> {
        let (queue, channel) = &self.key;
        let mut cells = vec![
            name(queue),
            name(channel),
            self.day.name().to_string(),
            self.time.strftime("%H:%M").to_string(),
        ];
        let number =
            |number: Option<f64>| number.map_or(String::new(), |number| format!("{number:.1}"));
        let texts: [fn(Option<f64>) -> String; 3] = [number, seconds, percent];
        for (spread, text) in [self.offered, self.aht, self.service_level].into_iter().zip(texts) {
            cells.push(spread.n.to_string());
            cells.push(text(spread.mean));
            let percentiles = spread.percentiles.map_or([None; 3], |all| all.map(Some));
            cells.extend(percentiles.map(text));
        }
        cells
    }
}

pub(super) fn percent(ratio: Option<f64>) -> String {
    ratio.map_or(String::new(), |ratio| format!("{:.1}%", ratio * 100.0))
}

pub(super) fn seconds(seconds: Option<f64>) -> String {
    seconds.map_or(String::new(), |seconds| format!("{seconds:.1}s"))
}

/// Formats the start of a row, with the offset of the zone: without it, an hour that comes twice in
/// autumn would have the same text both times.
pub(super) fn start_text(start: Timestamp, zone: &TimeZone) -> String {
    match jiff::Timestamp::from_millisecond(start.get()) {
        Ok(start) => {
            let local = zone.to_datetime(start).strftime("%Y-%m-%d %H:%M");
            format!("{local}{}", zone.to_offset(start))
        }
        Err(_) => String::new(),
    }
}

/// Returns the name of a queue or channel, with "all" in a row over all of them.
pub(super) fn name(name: &str) -> String {
    if name.is_empty() { "all".to_string() } else { printable(name) }
}

/// Replaces control characters: queue ids come from events, and a terminal would execute them.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
