//! `nabiz replay`

mod history_writer;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use nabiz_core::decode::{Format, Message};
use nabiz_core::event::{Reason, Rejection};
use nabiz_core::ids::Offset;
use nabiz_core::measures::RecordTotals;
use nabiz_core::settings::Settings;
use nabiz_core::shard::{AheadRule, Ceiling, RecordMeta, RecordOutcome, Shard};
use nabiz_core::snapshot::Snapshot;

use self::history_writer::HistoryWriter;
use super::arguments::parse_time;
use super::bounded_lines::BoundedLines;
use super::failure::Failure;
use super::{configuration, mapping};
use crate::clock::{WallClock, system_clock};
use crate::config::Config;
use crate::exposition;
use crate::record_format::{RawRecord, RecordFormat};

/// Folds a file as if it were one partition and prints the metrics.
///
/// Rejected lines and a summary go to standard error. Standard output gets the contact metrics and
/// the clock skew as Prometheus text, as of the largest event time read or of --at.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: nabiz replay events.ndjson --at 2026-01-05T18:00:00+03:00 --strict"
)]
pub(crate) struct Args {
    /// File with one record a line; - reads standard input
    file: PathBuf,
    /// Format of the records
    #[arg(long, default_value = Format::CloudEvents.as_str(), value_parser = format_parser())]
    format: Format,
    /// Shipped mapping, or file with a program, that turns a record into events
    #[arg(long, value_name = "NAME|FILE", conflicts_with = "format")]
    mapping: Option<String>,
    /// Configuration file (TOML); without it, the defaults
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Instant of the metrics (RFC 3339), not before the largest event time read
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    at: Option<Timestamp>,
    /// Accept event times ahead of the clock
    ///
    /// Without this option, a line more than `windows.max_ahead` ahead is rejected.
    #[arg(long)]
    simulated: bool,
    /// New ledger for the interval history of the file, which `nabiz history` reads
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
    /// Exit with code 1 if a line was rejected
    #[arg(long)]
    strict: bool,
}

/// Parses a format. `--help` and errors list the words of [`Format::ALL`].
fn format_parser() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(Format::as_str))
        .try_map(|word| Format::from_word(&word).ok_or_else(|| format!("unknown format {word:?}")))
}

/// Folds the file and prints the metrics.
///
/// # Errors
/// Returns a usage failure when the configuration or `--at` is wrong, and a running failure when
/// the file cannot be read, or `--strict` is given and a line was rejected.
pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let config = load_config(args.config.as_deref())?;
    let mut settings = config.settings();
    settings.history_interval = args.ledger.as_ref().map(|_| config.ledger.interval);
    let settings = Arc::new(settings);
    let format = match &args.mapping {
        None => RecordFormat::Native(args.format),
        Some(name) => {
            let program = mapping::program(name);
            // The ids of a run are never stored, so a fixed key is enough.
            let mapping = mapping::compile(&program, &config.windows.time_zone, [0; 16])
                .map_err(|error| Failure::Usage(error.into()))?;
            RecordFormat::Mapped(Arc::new(mapping))
        }
    };
    let (input, progress) = open(&args.file)?;
    let interval = config.ledger.interval;
    let history = args.ledger.as_deref();
    let history =
        history.map(|path| HistoryWriter::create(path, &settings, interval)).transpose()?;
    let clock = if args.simulated { None } else { Some(system_clock()) };
    let replayed = replay(input, &format, args.at, &settings, clock, history, |line| {
        // Standard error may be closed; the metrics are printed anyway.
        progress.suspend(|| writeln!(io::stderr(), "{line}").unwrap_or(()));
    });
    progress.finish_and_clear();
    let snapshot = replayed.map_err(|failure| match failure {
        Failure::Running(error) => Failure::Running(error.context(args.file.display().to_string())),
        usage => usage,
    })?;
    let rejected = snapshot.records.rejected_sum();
    let rejected_events = snapshot.records.events.rejected.max(rejected);
    let is_native = args.mapping.is_none();
    if is_native && rejected > 0 && rejected == snapshot.records.read_sum() {
        let others =
            Format::ALL.into_iter().filter(|format| *format != args.format).map(Format::as_str);
        let others: Vec<&str> = others.collect();
        let _ = writeln!(
            io::stderr(),
            "no line is {}; try --format {}",
            args.format.as_str(),
            others.join(" or ")
        );
    }
    let text = exposition::contact_text(&settings, &snapshot);
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        // The reader has read enough, as with `| head`; `--strict` still decides the exit code.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        written => written.context("cannot write to standard output")?,
    }
    if args.strict && rejected_events > 0 {
        return Err(Failure::Running(anyhow!("--strict: {rejected_events} rejected")));
    }
    Ok(())
}

/// Folds all lines and advances stream time to `at`. With a clock, rejects event times that are
/// ahead of it: one line of the year 2530 must not make all others late. Stores the interval history
/// with `history`. Calls `report` with a line for each rejection, then with the summary.
fn replay(
    input: impl BufRead,
    format: &RecordFormat,
    at: Option<Timestamp>,
    settings: &Arc<Settings>,
    clock: Option<WallClock>,
    mut history: Option<HistoryWriter>,
    mut report: impl FnMut(&str),
) -> Result<Snapshot, Failure> {
    // The hashes of a run are never stored or shown, so a fixed key is enough.
    let mut shard = Shard::new(Arc::clone(settings), [0; 16]);
    let mut lines = BoundedLines::new(input, settings.limits.record_bytes);
    let mut line_number = 0;
    while let Some(line) =
        lines.next().with_context(|| format!("cannot read after line {line_number}"))?
    {
        line_number += 1;
        if *format != RecordFormat::Native(Format::AsteriskQueueLog) && line.trim_ascii().is_empty()
        {
            continue;
        }
        let meta = RecordMeta { offset: Offset(line_number), timestamp: None };
        let ceiling =
            clock.as_ref().map(|clock| Ceiling { clock: clock(), rule: AheadRule::Reject });
        let message = Message { value: Some(line), headers: &[] };
        let record = RawRecord { topic: "", key: None, message };
        let outcome = format.fold(&mut shard, &record, meta, ceiling).outcome;
        report_orphans(&mut shard, &mut report);
        if let RecordOutcome::Rejected(rejection) = outcome {
            report(&format!("line {line_number}: {rejection}"));
        }
        if let Some(history) = &mut history {
            history.on_record(&mut shard)?;
        }
    }

    if let Some(at) = at {
        let end = nabiz_core::time::Timestamp(at.as_millisecond());
        if let Some(largest) = shard.stream_time().filter(|largest| end < *largest) {
            let largest =
                Timestamp::from_millisecond(largest.get()).context("event time out of range")?;
            return Err(Failure::Usage(anyhow!(
                "--at: expected {largest}, the largest event time read, or later; found {at}"
            )));
        }
        shard.advance(end);
        report_orphans(&mut shard, &mut report);
    }
    shard.reject_held();
    report_orphans(&mut shard, &mut report);
    if let Some(history) = &mut history {
        history.store(&mut shard)?;
    }
    let snapshot = shard.snapshot();
    report(&summary(&snapshot));
    Ok(snapshot)
}

/// Reports the endings whose start did not come.
fn report_orphans(shard: &mut Shard, report: &mut impl FnMut(&str)) {
    let mut orphans = shard.take_orphans();
    orphans.sort_unstable_by_key(|orphan| orphan.offset);
    for orphan in orphans {
        let rejection =
            Rejection::new(Reason::Orphan, "ending without wait_ms whose start never came");
        report(&format!("line {}: {rejection}", orphan.offset.0));
    }
}

fn summary(snapshot: &Snapshot) -> String {
    let Snapshot { records, clock_skew, .. } = snapshot;
    let RecordTotals {
        applied, duplicate, late, rejected, fields_dropped, ignored, events, ..
    } = records;
    let mut text = format!(
        "read {} lines: applied {applied}, duplicate {duplicate}, late {late}, rejected {}",
        records.read_sum(),
        records.rejected_sum()
    );
    if let Some(orphans) = rejected.get(&Reason::Orphan) {
        text.push_str(&format!(" (orphans {orphans})"));
    }
    // Only a mapping ignores a line, or makes an event that is rejected of a line that is not.
    if *ignored > 0 {
        text.push_str(&format!(", ignored {ignored}"));
    }
    let parts = events.rejected.saturating_sub(records.rejected_sum());
    if parts > 0 {
        text.push_str(&format!(", {parts} rejected events beside others of their lines"));
    }
    if *clock_skew > 0 {
        text.push_str(&format!(", clock skew {clock_skew}"));
    }
    if !fields_dropped.is_empty() {
        let dropped = fields_dropped.iter();
        let dropped: Vec<String> =
            dropped.map(|(field, count)| format!("{} {count}", field.as_str())).collect();
        text.push_str(&format!(", fields left out: {}", dropped.join(", ")));
    }
    text
}

/// Opens the input, with a progress bar of its bytes if it is a file.
fn open(file: &Path) -> Result<(Box<dyn BufRead>, ProgressBar), Failure> {
    const BUFFER_BYTES: usize = 1 << 18;
    if file == Path::new("-") {
        let stdin = BufReader::with_capacity(BUFFER_BYTES, io::stdin());
        return Ok((Box::new(stdin), ProgressBar::hidden()));
    }
    let opened = File::open(file).and_then(|opened| Ok((opened.metadata()?, opened)));
    let (metadata, opened) = opened.with_context(|| format!("cannot open {}", file.display()))?;
    let progress =
        if metadata.is_file() { ProgressBar::new(metadata.len()) } else { ProgressBar::hidden() };
    let style = ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {eta} to go")
        .context("the template of the progress bar is wrong")?;
    progress.set_style(style);
    Ok((Box::new(BufReader::with_capacity(BUFFER_BYTES, progress.wrap_read(opened))), progress))
}

/// Returns the configuration of a file, or the defaults.
fn load_config(config: Option<&Path>) -> Result<Config, Failure> {
    match config {
        Some(path) => configuration::load(path),
        None => Ok(Config::defaults()),
    }
}

#[cfg(test)]
mod tests;
