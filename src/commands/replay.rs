//! `nabiz replay`.

mod bounded_lines;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow};
use bounded_lines::BoundedLines;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use nabiz_core::decode::{Format, Message};
use nabiz_core::event::{Reason, Rejection};
use nabiz_core::measures::RecordTotals;
use nabiz_core::settings::Settings;
use nabiz_core::shard::{RecordMeta, RecordOutcome, Shard};
use nabiz_core::snapshot::Snapshot;

use super::{Failure, configuration};
use crate::config::Config;
use crate::exposition;

/// Folds a file as if it were one partition and prints the metrics.
///
/// Rejected lines are told on standard error, and then a summary. Standard output gets the contact
/// metrics as Prometheus text, as of the largest event time read or of --at.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: nabiz replay events.ndjson --at 2026-01-05T18:00:00+03:00 --strict"
)]
pub struct Args {
    /// File with one record a line; - is standard input
    file: PathBuf,
    /// How the records are written: cloudevents or asterisk_queue_log
    #[arg(long, default_value = Format::CloudEvents.as_str(), value_parser = parse_format)]
    format: Format,
    /// Configuration; without it, the defaults
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Instant of the metrics in RFC 3339; not before the largest event time read
    #[arg(long, value_name = "TIME", value_parser = parse_at)]
    at: Option<Timestamp>,
    /// Exit with 1 if any line was rejected
    #[arg(long)]
    strict: bool,
}

fn parse_format(word: &str) -> Result<Format, String> {
    Format::from_word(word).ok_or_else(|| {
        let words: Vec<&str> = Format::ALL.into_iter().map(Format::as_str).collect();
        format!("allowed are {}", words.join(" and "))
    })
}

fn parse_at(text: &str) -> Result<Timestamp, String> {
    text.parse()
        .map_err(|_| "a time in RFC 3339 is allowed, such as 2026-01-05T18:00:00+03:00".to_string())
}

pub fn run(args: Args) -> Result<(), Failure> {
    let settings = Arc::new(load_settings(args.config.as_deref())?);
    let (input, progress) = open(&args.file)?;
    let replayed = replay(input, args.format, args.at, &settings, |line| {
        // Nobody is left to tell where standard error is closed.
        progress.suspend(|| writeln!(io::stderr(), "{line}").unwrap_or(()));
    });
    progress.finish_and_clear();
    let snapshot = replayed.map_err(|failure| match failure {
        Failure::Running(error) => Failure::Running(error.context(args.file.display().to_string())),
        usage => usage,
    })?;
    let rejected = snapshot.records.rejected_sum();
    if rejected > 0 && rejected == snapshot.records.read_sum() {
        let others =
            Format::ALL.into_iter().filter(|format| *format != args.format).map(Format::as_str);
        let others: Vec<&str> = others.collect();
        let _ = writeln!(
            io::stderr(),
            "nothing was {}: is it --format {}?",
            args.format.as_str(),
            others.join(" or ")
        );
    }
    let text = exposition::contact_text(&settings, &snapshot);
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        // Whoever reads has seen enough, as with `| head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        written => written.context("cannot write to standard output")?,
    }
    if args.strict && rejected > 0 {
        return Err(Failure::Running(anyhow!("--strict: {rejected} rejected")));
    }
    Ok(())
}

/// Folds all lines, as of `at`; `tell` gets a line for each rejection, then the summary.
fn replay(
    input: impl BufRead,
    format: Format,
    at: Option<Timestamp>,
    settings: &Arc<Settings>,
    mut tell: impl FnMut(&str),
) -> Result<Snapshot, Failure> {
    // One run is one process with one input of one owner: there is nothing to hide in its hashes.
    let mut shard = Shard::new(Arc::clone(settings), [0; 16]);
    let mut lines = BoundedLines::new(input, settings.limits.record_bytes);
    let mut line_number = 0;
    while let Some(line) =
        lines.next().with_context(|| format!("cannot read past line {line_number}"))?
    {
        line_number += 1;
        if format == Format::CloudEvents && line.trim_ascii().is_empty() {
            continue;
        }
        let meta = RecordMeta { position: line_number, timestamp_ms: None };
        let outcome = shard.fold(format, &Message { value: Some(line), headers: &[] }, meta);
        tell_orphans(&mut shard, &mut tell);
        if let RecordOutcome::Rejected(rejection) = outcome {
            tell(&format!("line {line_number}: {rejection}"));
        }
    }

    if let Some(at) = at {
        let at_ms = at.as_millisecond();
        if let Some(largest_ms) = shard.stream_time_ms().filter(|largest_ms| at_ms < *largest_ms) {
            let largest =
                Timestamp::from_millisecond(largest_ms).context("event time out of range")?;
            return Err(Failure::Usage(anyhow!(
                "--at {at} is before {largest}, the largest event time read; give that or a later one"
            )));
        }
        shard.advance(at_ms);
        tell_orphans(&mut shard, &mut tell);
    }
    shard.reject_held();
    tell_orphans(&mut shard, &mut tell);
    let snapshot = shard.snapshot();
    tell(&summary(&snapshot.records));
    Ok(snapshot)
}

fn tell_orphans(shard: &mut Shard, tell: &mut impl FnMut(&str)) {
    let mut orphans = shard.take_orphans();
    orphans.sort_unstable_by_key(|orphan| orphan.position);
    for orphan in orphans {
        let rejection =
            Rejection::new(Reason::Orphan, "an ending without wait_ms, whose start never came");
        tell(&format!("line {}: {rejection}", orphan.position));
    }
}

fn summary(records: &RecordTotals) -> String {
    let RecordTotals { applied, duplicate, late, rejected, held: _ } = records;
    let mut text = format!(
        "read {} lines: applied {applied}, duplicate {duplicate}, late {late}, rejected {}",
        records.read_sum(),
        records.rejected_sum()
    );
    if let Some(orphans) = rejected.get(&Reason::Orphan) {
        text.push_str(&format!(" (orphans {orphans})"));
    }
    text
}

/// The input, and a bar of its bytes where it is a file and standard error is a terminal.
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
        .context("progress bar template")?;
    progress.set_style(style);
    Ok((Box::new(BufReader::with_capacity(BUFFER_BYTES, progress.wrap_read(opened))), progress))
}

/// The settings of a configuration file, or the defaults.
fn load_settings(config: Option<&Path>) -> Result<Settings, Failure> {
    let config = match config {
        Some(path) => configuration::load(path)?,
        None => Config::defaults(),
    };
    Ok(config.settings())
}

#[cfg(test)]
mod tests;
