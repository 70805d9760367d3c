//! Rows as CSV and JSON, written one by one.

use std::io::{self, Write};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::columns::{COLUMNS, Cell, Object};
use super::row::HistoryRow;
use crate::ledger::LedgerError;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180, with a header, in UTF-8.
    Csv,
    /// One array with an object for each row.
    Json,
}

/// Why rows were not written to the end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// A row could not be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A row could not be written.
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
}

/// Writes rows as they come, with times in `zone`. After an error the output is cut short: JSON is then not valid.
///
/// # Errors
/// [`OutputError`] of a row, or of `out`.
pub fn write_rows(
    rows: impl Iterator<Item = Result<HistoryRow, LedgerError>>,
    format: Format,
    zone: &TimeZone,
    out: &mut impl Write,
) -> Result<(), OutputError> {
    match format {
        Format::Csv => {
            let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
            write!(out, "{}\r\n", names.join(","))?;
            for row in rows {
                csv_row(&row?, zone, out)?;
            }
        }
        Format::Json => {
            let mut before = "[\n";
            for row in rows {
                out.write_all(before.as_bytes())?;
                serde_json::to_writer(&mut *out, &Object { row: &row?, zone })
                    .map_err(io::Error::from)?;
                before = ",\n";
            }
            out.write_all(if before == "[\n" { b"[]\n" } else { b"\n]\n" })?;
        }
    }
    Ok(())
}

fn csv_row(row: &HistoryRow, zone: &TimeZone, out: &mut impl Write) -> io::Result<()> {
    for (index, (_, cell)) in COLUMNS.iter().enumerate() {
        if index > 0 {
            out.write_all(b",")?;
        }
        match cell(row) {
            Cell::Empty => {}
            Cell::Flag(flag) => write!(out, "{flag}")?,
            Cell::Count(count) => write!(out, "{count}")?,
            Cell::Number(number) => write!(out, "{number}")?,
            Cell::Text(text) => csv_text(text, out)?,
            Cell::Time(time_ms) => csv_text(&local_time(time_ms, zone), out)?,
        }
    }
    out.write_all(b"\r\n")
}

/// A text, quoted where it needs it. Queue ids come with the events, and spreadsheets run a text that begins like a
/// formula: it gets an apostrophe before it.
fn csv_text(text: &str, out: &mut impl Write) -> io::Result<()> {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if !is_formula && !text.contains([',', '"', '\r', '\n']) {
        return out.write_all(text.as_bytes());
    }
    let apostrophe = if is_formula { "'" } else { "" };
    write!(out, "\"{apostrophe}{}\"", text.replace('"', "\"\""))
}

/// An instant in RFC 3339 with the offset of a zone.
pub fn local_time(time_ms: i64, zone: &TimeZone) -> String {
    match Timestamp::from_millisecond(time_ms) {
        Ok(time) => time.display_with_offset(zone.to_offset(time)).to_string(),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(text: &str) -> String {
        let mut out = Vec::new();
        csv_text(text, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn texts_are_quoted_where_they_need_it() {
        for (text, expected) in [
            ("fault", "fault"),
            ("a,b", "\"a,b\""),
            ("a\"b", "\"a\"\"b\""),
            ("a\nb", "\"a\nb\""),
            ("=1+1", "\"'=1+1\""),
            ("@x", "\"'@x\""),
            ("", ""),
        ] {
            assert_eq!(csv(text), expected);
        }
    }

    #[test]
    fn times_have_the_offset_of_their_zone() {
        let berlin = nabiz_core::calendar::time_zone("Europe/Berlin").unwrap();
        assert_eq!(local_time(1_767_596_400_000, &berlin), "2026-01-05T08:00:00+01:00");
        assert_eq!(local_time(1_783_148_400_000, &berlin), "2026-07-04T09:00:00+02:00");
    }
}
