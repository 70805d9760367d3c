//! Rows as CSV and JSON, written one by one.

use std::io::{self, Write};

use csv::{Terminator, WriterBuilder};
use jiff::tz::TimeZone;
use serde::{Serialize, Serializer};

use super::cell::{Cell, Record};
use super::layout::Layout;
use super::local_time::local_time;
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

/// Writes each row once it is read, with times in `zone` unless the layout names another. After an
/// error the output ends early, and JSON is then not valid.
///
/// # Errors
/// [`OutputError`] of a row, or of `out`.
pub fn write_rows<R: Record>(
    rows: impl Iterator<Item = Result<R, LedgerError>>,
    format: HistoryFormat,
    layout: &Layout,
    zone: &TimeZone,
    out: &mut impl Write,
) -> Result<(), OutputError> {
    let zone = layout.zone(zone);
    let titles = layout.titles::<R>();
    match format {
        HistoryFormat::Csv => {
            if layout.has_header() {
                let cells: Vec<Cell<'_>> =
                    titles.iter().map(|title| Cell::Constant(title)).collect();
                write_csv_record(&cells, layout, zone, out)?;
            }
            for row in rows {
                let row = row?;
                write_csv_record(&layout.cells(&row, zone), layout, zone, out)?;
            }
        }
        HistoryFormat::Json => {
            let mut before = "[\n";
            for row in rows {
                let row = row?;
                out.write_all(before.as_bytes())?;
                let object = JsonRow { titles: &titles, cells: &layout.cells(&row, zone), zone };
                serde_json::to_writer(&mut *out, &object).map_err(io::Error::from)?;
                before = ",\n";
            }
            out.write_all(if before == "[\n" { b"[]\n" } else { b"\n]\n" })?;
        }
    }
    Ok(())
}

/// Serializes a row as a JSON object with a member for each column.
struct JsonRow<'a> {
    titles: &'a [String],
    cells: &'a [Cell<'a>],
    zone: &'a TimeZone,
}

impl Serialize for JsonRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let values = self.cells.iter().map(|cell| JsonValue { cell, zone: self.zone });
        serializer.collect_map(self.titles.iter().zip(values))
    }
}

/// Serializes a value of a row.
pub(crate) struct JsonValue<'a> {
    pub(crate) cell: &'a Cell<'a>,
    pub(crate) zone: &'a TimeZone,
}

impl Serialize for JsonValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.cell {
            Cell::Empty => serializer.serialize_none(),
            Cell::Flag(flag) => serializer.serialize_bool(*flag),
            Cell::Count(count) => serializer.serialize_u64(*count),
            Cell::Number(number) => serializer.serialize_f64(*number),
            Cell::Text(text) | Cell::Constant(text) => serializer.serialize_str(text),
            Cell::Owned(text) => serializer.serialize_str(text),
            Cell::Time(time) => serializer.serialize_str(&local_time(*time, self.zone)),
        }
    }
}

/// Writes one CSV record.
///
/// Queue ids come from events, and a spreadsheet would run a text that begins like a formula. Such
/// a text is quoted, with an apostrophe in front.
pub(crate) fn write_csv_record(
    cells: &[Cell<'_>],
    layout: &Layout,
    zone: &TimeZone,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut builder = WriterBuilder::new();
    builder.delimiter(layout.separator);
    if layout.is_for_spreadsheets {
        builder.terminator(Terminator::CRLF);
    }
    let is_guarded = |text: &str| layout.is_for_spreadsheets && is_formula(text);
    if cells.iter().any(|cell| matches!(cell, Cell::Text(text) if is_guarded(text))) {
        // Makes the crate quote every field with an apostrophe.
        builder.comment(Some(b'\''));
    }
    // A writer for each record, because the crate flushes its target, and `out` flushes by size.
    let mut record = builder.from_writer(Vec::new());
    for cell in cells {
        match cell {
            Cell::Empty => record.write_field(&layout.empty)?,
            Cell::Flag(flag) => record.write_field(flag.to_string())?,
            Cell::Count(count) => record.write_field(count.to_string())?,
            Cell::Number(number) => record.write_field(number.to_string())?,
            Cell::Text(text) if is_guarded(text) => record.write_field(format!("'{text}"))?,
            Cell::Text(text) | Cell::Constant(text) => record.write_field(text)?,
            Cell::Owned(text) => record.write_field(text)?,
            Cell::Time(time) => record.write_field(local_time(*time, zone))?,
        }
    }
    record.write_record(None::<&[u8]>)?;
    let bytes = record.into_inner().map_err(csv::IntoInnerError::into_error)?;
    out.write_all(&bytes)
}

/// Returns whether a spreadsheet would run a text.
fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(text: &str) -> String {
        let cells = [Cell::Count(1), Cell::Empty, Cell::Text(text), Cell::Number(-0.5)];
        let mut out = Vec::new();
        write_csv_record(&cells, &Layout::default(), &TimeZone::UTC, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn csv_text_is_quoted_when_it_needs_it() {
        for (text, expected) in [
            ("fault", "fault"),
            ("a,b", "\"a,b\""),
            ("a\"b", "\"a\"\"b\""),
            ("a\nb", "\"a\nb\""),
            ("a\rb", "\"a\rb\""),
            ("o'clock", "o'clock"),
            ("", ""),
        ] {
            assert_eq!(record(text), format!("1,,{expected},-0.5\r\n"));
        }
    }

    #[test]
    fn csv_text_is_quoted_with_an_apostrophe_when_it_is_a_formula() {
        for (text, expected) in [
            ("=1+1", "\"'=1+1\""),
            ("@x", "\"'@x\""),
            ("-\"a\",b", "\"'-\"\"a\"\",b\""),
            ("\tx", "\"'\tx\""),
        ] {
            assert_eq!(record(text), format!("1,,{expected},-0.5\r\n"));
        }
    }
}
