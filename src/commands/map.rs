//! `nabiz map`

mod explain;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use nabiz_core::decode::Message;
use nabiz_core::event::Rejection;
use nabiz_core::ids::Offset;
use nabiz_core::shard::RecordMeta;
use nabiz_mapping::{Mapping, Output, SHIPPED};

use self::explain::Explanation;
use super::bounded_lines::BoundedLines;
use super::failure::Failure;
use super::{configuration, mapping};
use crate::config::Config;
use crate::record_format::{self, RawRecord};

/// Shows what a mapping makes of the records in a file.
///
/// Prints the events, one a line. With --explain, also what becomes of each record and event, and
/// which counters it moves, when the file is folded as if it were one partition. A record that the
/// mapping passes over prints nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  nabiz map --list
  nabiz map --mapping freeswitch_callcenter --explain events.ndjson
  nabiz map --mapping ours.jq --whole sample.json

Exit codes: 0 done, 1 a file cannot be read, or --strict and a record was rejected, 2 the program
has a mistake; every mistake names its line and column.")]
pub(crate) struct Args {
    /// File with one record a line; - reads standard input
    #[arg(required_unless_present = "list")]
    file: Option<PathBuf>,
    /// Name of a shipped mapping, or file with a program
    #[arg(long, value_name = "NAME|FILE", required_unless_present = "list")]
    mapping: Option<String>,
    /// Print the names of the shipped mappings
    #[arg(long, conflicts_with_all = ["file", "mapping", "explain", "whole", "strict"])]
    list: bool,
    /// Print what becomes of each record, and why
    #[arg(long)]
    explain: bool,
    /// Read the whole file as one record
    #[arg(long)]
    whole: bool,
    /// Exit with code 1 if a record was rejected
    #[arg(long)]
    strict: bool,
    /// Configuration file (TOML); without it, the defaults
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Prints the events of the records.
///
/// # Errors
/// Returns a usage failure when the mapping or the configuration is wrong, and a running failure
/// when the file cannot be read, or `--strict` is given and a record was rejected.
pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    if args.list {
        return Ok(list(&mut out).context("cannot write to standard output")?);
    }
    let (Some(file), Some(name)) = (&args.file, &args.mapping) else {
        return Err(Failure::Usage(anyhow!("--mapping and a file are needed")));
    };
    let config = match &args.config {
        Some(path) => configuration::load(path)?,
        None => Config::defaults(),
    };
    // The ids of a run are never stored, so a fixed key is enough.
    let mapping = mapping::compile(&mapping::program(name), &config.windows.time_zone, [0; 16])
        .map_err(|error| Failure::Usage(error.into()))?;
    let mut input = open(file)?;
    let mut printer = Printer {
        mapping,
        config: &config,
        explanation: Explanation::new(config.settings()),
        is_explained: args.explain,
        rejected: 0,
        read: 0,
        out,
    };
    if args.whole {
        let mut record = Vec::new();
        let bytes_max = config.limits.record_bytes as u64;
        input.take(bytes_max.saturating_add(1)).read_to_end(&mut record).context("cannot read")?;
        printer.print(&record)?;
    } else {
        let mut lines = BoundedLines::new(&mut input, config.limits.record_bytes);
        while let Some(line) =
            lines.next().with_context(|| format!("cannot read after line {}", printer.read))?
        {
            printer.print(line)?;
        }
    }
    printer.finish()?;
    if args.strict && printer.rejected > 0 {
        return Err(Failure::Running(anyhow!("--strict: {} rejected", printer.rejected)));
    }
    Ok(())
}

fn list(out: &mut impl Write) -> io::Result<()> {
    for shipped in SHIPPED {
        writeln!(out, "{:<22} {}", shipped.name, shipped.summary)?;
    }
    out.flush()
}

fn open(file: &Path) -> Result<Box<dyn BufRead>, Failure> {
    if file == Path::new("-") {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let opened = std::fs::File::open(file);
    let opened = opened.with_context(|| format!("cannot open {}", file.display()))?;
    Ok(Box::new(BufReader::new(opened)))
}

/// Prints the records of one run.
struct Printer<'a, W> {
    mapping: Mapping,
    config: &'a Config,
    explanation: Explanation,
    is_explained: bool,
    rejected: u64,
    read: i64,
    out: W,
}

impl<W: Write> Printer<'_, W> {
    fn print(&mut self, value: &[u8]) -> anyhow::Result<()> {
        self.read += 1;
        if value.trim_ascii().is_empty() {
            return Ok(());
        }
        let meta = RecordMeta { offset: Offset(self.read), timestamp: None };
        let record = RawRecord {
            topic: "",
            key: None,
            message: Message { value: Some(value), headers: &[] },
        };
        let limit = self.config.limits.record_bytes;
        let outputs = record_format::map(&self.mapping, limit, &record, meta);
        if self.is_explained {
            self.rejected += self.explanation.print(&mut self.out, value, meta, &outputs)?;
        } else {
            print_events(&mut self.out, self.read, &outputs)?;
            // Also what nabiz would reject later.
            self.rejected += self.explanation.print(&mut io::sink(), value, meta, &outputs)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        self.rejected += match self.is_explained {
            true => self.explanation.finish(&mut self.out)?,
            false => self.explanation.finish(&mut io::sink())?,
        };
        self.out.flush().context("cannot write to standard output")
    }
}

/// Prints the events of one record.
fn print_events(
    out: &mut impl Write,
    line: i64,
    outputs: &Result<Vec<Output>, Rejection>,
) -> anyhow::Result<()> {
    match outputs {
        Ok(outputs) => {
            for output in outputs {
                writeln!(out, "{}", output.text()).context("cannot write to standard output")?;
            }
        }
        Err(rejection) => writeln!(io::stderr(), "line {line}: {rejection}").unwrap_or(()),
    }
    Ok(())
}
