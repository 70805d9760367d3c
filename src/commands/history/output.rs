//! Where the rows of a history go: standard output, or files of a bounded size.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use jiff::tz::TimeZone;

use super::format::Format;
use super::table::{TableRow, write_table};
use crate::commands::failure::Failure;
use crate::ledger::LedgerError;
use crate::ledger::history::{
    HistoryFormat, Layout, OutputError, Record, Request, Suite, write_rows,
};

/// How the writing ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// All rows are written.
    Whole,
    /// The reader closed the pipe, as `| head` does.
    ReaderGone,
}

/// The place and the form of the output.
pub(super) struct Output<'a> {
    pub(super) format: Format,
    pub(super) layout: Layout,
    pub(super) zone: &'a TimeZone,
    /// The folder of files, in place of standard output.
    pub(super) into: Option<&'a Path>,
}

impl Output<'_> {
    /// Checks that the format has what else is asked for.
    pub(super) fn check(&self, request: &Request) -> Result<(), Failure> {
        let is_csv = matches!(self.format, Format::Csv | Format::WfmEleveo);
        if self.into.is_some() && !is_csv {
            return Err(Failure::usage(anyhow!("--into: expected --format csv or wfm-eleveo")));
        }
        if self.format == Format::Table && !request.layout.is_default() {
            return Err(Failure::usage(anyhow!(
                "--columns, --header, --separator, --empty, --times: expected --format csv or json"
            )));
        }
        Ok(())
    }

    /// Writes rows.
    pub(super) fn write<R: Record + TableRow>(
        &self,
        rows: impl Iterator<Item = Result<R, LedgerError>>,
    ) -> Result<Written, Failure> {
        let written = match self.into {
            Some(folder) => {
                let mut parts = Parts::new(folder, self.layout.has_header())
                    .with_context(|| format!("cannot write into {}", folder.display()))?;
                // Not buffered: each write is one record.
                let csv = HistoryFormat::Csv;
                write_rows(rows, csv, &self.layout, self.zone, &mut parts)
                    .and_then(|()| parts.flush().map_err(OutputError::from))
            }
            None => {
                let mut out = BufWriter::new(io::stdout().lock());
                self.write_to(rows, &mut out).and_then(|()| out.flush().map_err(OutputError::from))
            }
        };
        match written {
            Ok(()) => Ok(Written::Whole),
            Err(OutputError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                Ok(Written::ReaderGone)
            }
            Err(OutputError::Output(error)) => {
                let place = match self.into {
                    Some(folder) => format!("cannot write into {}", folder.display()),
                    None => "cannot write to standard output".to_string(),
                };
                Err(anyhow::Error::new(error).context(place).into())
            }
            Err(error) => {
                Err(anyhow::Error::new(error).context("the history cannot be read").into())
            }
        }
    }

    fn write_to<R: Record + TableRow>(
        &self,
        rows: impl Iterator<Item = Result<R, LedgerError>>,
        out: &mut impl Write,
    ) -> Result<(), OutputError> {
        let format = match self.format {
            Format::Table => return write_table(rows, self.zone, out),
            Format::Csv | Format::WfmEleveo => HistoryFormat::Csv,
            Format::Json => HistoryFormat::Json,
        };
        write_rows(rows, format, &self.layout, self.zone, out)
    }
}

/// Files of at most [`Suite::FILE_MAX`] bytes, each with whole records and the header. One call of
/// `write` is one record.
struct Parts {
    folder: PathBuf,
    has_header: bool,
    header: Vec<u8>,
    part: Option<BufWriter<File>>,
    number: usize,
    bytes: usize,
}

impl Parts {
    /// Creates the folder where there is none.
    fn new(folder: &Path, has_header: bool) -> io::Result<Parts> {
        fs::create_dir_all(folder)?;
        let folder = folder.to_owned();
        Ok(Parts { folder, has_header, header: Vec::new(), part: None, number: 0, bytes: 0 })
    }

    /// Begins the next file. A file that is there already is an error: a shorter export would leave
    /// the last files of a longer one beside its own.
    fn begin(&mut self) -> io::Result<&mut BufWriter<File>> {
        self.flush()?;
        self.number += 1;
        let path = self.folder.join(format!("nabiz-history-{:03}.csv", self.number));
        let file =
            OpenOptions::new().write(true).create_new(true).open(&path).map_err(|error| {
                io::Error::new(error.kind(), format!("{}: {error}", path.display()))
            })?;
        let part = self.part.insert(BufWriter::new(file));
        part.write_all(&self.header)?;
        self.bytes = self.header.len();
        Ok(part)
    }
}

impl Write for Parts {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        if self.has_header && self.header.is_empty() {
            self.header = record.to_vec();
            self.begin()?;
            return Ok(record.len());
        }
        let fits = self.bytes.saturating_add(record.len()) <= Suite::FILE_MAX;
        let part = match &mut self.part {
            Some(part) if fits => part,
            _ => self.begin()?,
        };
        part.write_all(record)?;
        self.bytes += record.len();
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.part.as_mut().map_or(Ok(()), Write::flush)
    }
}
