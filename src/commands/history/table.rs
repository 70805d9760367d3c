//! Rows as an aligned table of the main numbers, for people.

use std::io::{self, Write};

use jiff::tz::TimeZone;
use nabiz_core::time::{Millis, Timestamp};

use crate::ledger::LedgerError;
use crate::ledger::history::{HistoryRow, OutputError};

/// How many rows are aligned together; more would take memory.
const ALIGNED_ROWS: usize = 500;
const COLUMNS: usize = 13;
const HEADER: [&str; COLUMNS] = [
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
/// How many columns, from the first, are texts and aligned to the left.
const TEXT_COLUMNS: usize = 3;

/// Writes rows, with times in `zone`. A row that can still change has a star.
///
/// # Errors
/// [`OutputError`] of a row, or of `out`.
pub(super) fn write_table(
    mut rows: impl Iterator<Item = Result<HistoryRow, LedgerError>>,
    zone: &TimeZone,
    out: &mut impl Write,
) -> Result<(), OutputError> {
    let mut widths = HEADER.map(|name| name.chars().count());
    let mut is_first = true;
    let mut any_open = false;
    loop {
        let chunk = rows.by_ref().take(ALIGNED_ROWS).collect::<Result<Vec<_>, _>>()?;
        if chunk.is_empty() {
            break;
        }
        any_open |= chunk.iter().any(|row| row.open);
        let lines: Vec<[String; COLUMNS]> = chunk.iter().map(|row| line(row, zone)).collect();
        for line in &lines {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = (*width).max(cell.chars().count());
            }
        }
        if is_first {
            write_line(&HEADER.map(str::to_string), &widths, out)?;
            is_first = false;
        }
        for line in &lines {
            write_line(line, &widths, out)?;
        }
    }
    if any_open {
        writeln!(out, "* can still change: not all events of this time have been read")?;
    }
    Ok(())
}

fn write_line(
    line: &[String; COLUMNS],
    widths: &[usize; COLUMNS],
    out: &mut impl Write,
) -> io::Result<()> {
    let mut text = String::new();
    for (index, (cell, width)) in line.iter().zip(widths).enumerate() {
        if index > 0 {
            text.push_str("  ");
        }
        let spaces = " ".repeat(width.saturating_sub(cell.chars().count()));
        let (before, after) =
            if index < TEXT_COLUMNS { ("", spaces.as_str()) } else { (spaces.as_str(), "") };
        text.extend([before, cell, after]);
    }
    writeln!(out, "{}", text.trim_end())
}

fn line(row: &HistoryRow, zone: &TimeZone) -> [String; COLUMNS] {
    let start = start_text(row.range.start, zone);
    let (counts, window) = (&row.counts, row.window());
    let percent =
        |ratio: Option<f64>| ratio.map_or(String::new(), |ratio| format!("{:.1}%", ratio * 100.0));
    let seconds =
        |seconds: Option<f64>| seconds.map_or(String::new(), |seconds| format!("{seconds:.1}s"));
    [
        format!("{start}{}", if row.open { "*" } else { "" }),
        printable(&row.queue),
        printable(&row.channel),
        counts.visits.offered.to_string(),
        counts.visits.answered.to_string(),
        counts.visits.abandoned.to_string(),
        row.left().to_string(),
        percent(window.service_level(row.formula)),
        percent(window.abandonment()),
        seconds(window.wait_mean_seconds()),
        seconds(row.wait_quantiles.map(|[_, p90, ..]| Millis::as_secs_f64(p90))),
        seconds(window.handle_mean_seconds()),
        percent(row.occupancy()),
    ]
}

/// Formats the start of a row, with the offset of the zone: without it, an hour that comes twice in
/// autumn would have the same text both times.
fn start_text(start: Timestamp, zone: &TimeZone) -> String {
    match jiff::Timestamp::from_millisecond(start.get()) {
        Ok(start) => {
            let local = zone.to_datetime(start).strftime("%Y-%m-%d %H:%M");
            format!("{local}{}", zone.to_offset(start))
        }
        Err(_) => String::new(),
    }
}

/// Replaces control characters: queue ids come from events, and a terminal would execute them.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
