//! Rows as CSV and JSON, written one by one.

use std::io::{self, Write};

use jiff::tz::TimeZone;

use super::columns::{COLUMNS, Cell, JsonRow};
use super::local_time::local_time;
use super::row::HistoryRow;
use crate::ledger::error::LedgerError;

/// The form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryFormat {
    /// RFC 4180, with a header, in UTF-8.
    Csv,
    /// One array with an object for each row.
    Json,
}

/// An error that ends the output early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// A row could not be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A row could not be written.
    #[error("cannot write")]
    Output(#[from] io::Error),
}

/// Writes each row once it is read, with times in `zone`. After an error the output ends early, and
/// JSON is then not valid.
///
/// # Errors
/// [`OutputError`] of a row, or of `out`.
pub fn write_rows(
    rows: impl Iterator<Item = Result<HistoryRow, LedgerError>>,
    format: HistoryFormat,
    zone: &TimeZone,
    out: &mut impl Write,
) -> Result<(), OutputError> {
    match format {
        HistoryFormat::Csv => {
            let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
            write!(out, "{}\r\n", names.join(","))?;
            for row in rows {
                csv_row(&row?, zone, out)?;
            }
        }
        HistoryFormat::Json => {
            let mut before = "[\n";
            for row in rows {
                out.write_all(before.as_bytes())?;
                serde_json::to_writer(&mut *out, &JsonRow { row: &row?, zone })
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
            Cell::Time(time) => csv_text(&local_time(time, zone), out)?,
        }
    }
    out.write_all(b"\r\n")
}

/// Writes a text, quoted where CSV needs it. Queue ids come from events, and a spreadsheet would run
/// a text that begins like a formula, so such a text gets an apostrophe in front.
fn csv_text(text: &str, out: &mut impl Write) -> io::Result<()> {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if !is_formula && !text.contains([',', '"', '\r', '\n']) {
        return out.write_all(text.as_bytes());
    }
    let apostrophe = if is_formula { "'" } else { "" };
    write!(out, "\"{apostrophe}{}\"", text.replace('"', "\"\""))
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
    fn text_is_quoted_when_it_needs_it() {
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
}
