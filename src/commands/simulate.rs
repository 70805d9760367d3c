//! `nabiz simulate`

mod kafka;
mod lines;
mod pace;

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressDrawTarget};
use nabiz_core::time::{Millis, Timestamp};
use nabiz_simulator::{
    HistoryTruth, Options, RATE_SCALE_MAX, RATE_SCALE_MIN, Scenario, Simulation, Truth,
};
use pace::{Pace, Speed};

use super::arguments::scenario_parser;
use super::failure::Failure;

const EXAMPLES: &str = "\
Examples:
  nabiz simulate --output day.ndjson --truth day.truth.json
  nabiz simulate --output - --scenario pipe-burst --duration 1h | nabiz replay -
  nabiz simulate --brokers 127.0.0.1:9092 --duration 8h --speed 60";

/// Writes synthetic events to Kafka or as NDJSON.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,
    /// Scenario to simulate
    #[arg(
        long,
        default_value = Scenario::OrdinaryDay.as_str(),
        value_parser = scenario_parser()
    )]
    scenario: Scenario,
    /// First instant (RFC 3339)
    #[arg(
        long,
        value_name = "TIME",
        default_value = "2026-01-05T00:00:00+03:00",
        value_parser = parse_start
    )]
    start: Timestamp,
    /// Simulated duration, such as 20s, 5m, 1h30m or 7d
    #[arg(long, default_value = "1d", value_parser = parse_duration)]
    duration: Millis,
    /// Simulated seconds a second, or `max`; default: 1 to Kafka, max to a file
    #[arg(long, value_name = "X|max")]
    speed: Option<Speed>,
    /// Factor on arrivals and staff, 0.001 to 100000
    #[arg(long, value_name = "X", default_value = "1", value_parser = parse_rate_scale)]
    rate_scale: f64,
    /// Seed of all random numbers
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// File for the ground truth: the exact counts that a correct reader must reach
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// File for the truth of the interval history, a JSON object a line for each row of 15 minutes
    ///
    /// It takes about 350 MB of memory for each simulated year.
    #[arg(long, value_name = "FILE")]
    history_truth: Option<PathBuf>,
    /// Kafka topic
    #[arg(long, value_name = "NAME", default_value = "calls", conflicts_with = "output")]
    topic: String,
}

/// The target of the events.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Target {
    /// Kafka bootstrap servers: host:port, separated by commas
    #[arg(long)]
    brokers: Option<String>,
    /// File for one JSON event a line; `-` writes to standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The last allowed start. Every time of a run then has a year of four digits.
const START_MAX: &str = "9000-01-01T00:00:00Z";
/// The intervals of the history in the default configuration.
const HISTORY_INTERVAL: Millis = Millis(15 * 60 * 1000);
const DURATION_MAX: Millis = Millis::from_hours(3_650 * 24);

fn parse_start(text: &str) -> Result<Timestamp, String> {
    let time = jiff::Timestamp::from_str(text).map_err(|error| {
        format!("expected a time in RFC 3339, such as 2026-01-05T00:00:00+03:00: {error}")
    })?;
    let last = jiff::Timestamp::from_str(START_MAX).map_err(|error| error.to_string())?;
    if time < jiff::Timestamp::UNIX_EPOCH || time > last {
        return Err(format!("expected a time from 1970-01-01T00:00:00Z to {START_MAX}"));
    }
    Ok(Timestamp(time.as_millisecond()))
}

fn parse_duration(text: &str) -> Result<Millis, String> {
    match nabiz_core::time::parse_duration(text) {
        Ok(duration) if (Millis(1)..=DURATION_MAX).contains(&duration) => Ok(duration),
        Ok(_) => Err("expected a duration from 1ms to 3650d".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn parse_rate_scale(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(scale) if (RATE_SCALE_MIN..=RATE_SCALE_MAX).contains(&scale) => Ok(scale),
        _ => Err(format!("expected a number from {RATE_SCALE_MIN} to {RATE_SCALE_MAX}")),
    }
}

/// The result of writing events.
enum Written {
    /// All events are written.
    All,
    /// The reader of standard output closed it, as `head` does.
    PipeClosed,
}

/// Writes the events, and then the ground truth if all of them were written.
///
/// # Errors
/// Returns a running failure when a file or Kafka does not accept an event.
pub(crate) fn run(args: Args) -> Result<(), Failure> {
    // Created before the simulation, so that a path that cannot be written to is reported at once.
    let truth_file = args.truth.as_deref().map(create).transpose()?;
    let history_file = args.history_truth.as_deref().map(create).transpose()?;
    let options = Options {
        start_ms: args.start.get(),
        duration_ms: Some(args.duration.get()),
        rate_scale: args.rate_scale,
        seed: args.seed,
        history_interval_ms: history_file.as_ref().map(|_| HISTORY_INTERVAL.get()),
        ..Options::default()
    };
    let mut simulation = Simulation::new(args.scenario, options);
    let progress = progress_bar(&args);
    let default_speed = if args.target.brokers.is_some() { Speed::REAL_TIME } else { Speed::Max };
    let pace =
        Pace::starting_now(args.start, args.speed.unwrap_or(default_speed), progress.clone());
    let written = match (&args.target.brokers, &args.target.output) {
        (Some(brokers), _) => kafka::write(&mut simulation, brokers, &args.topic, pace),
        (None, Some(path)) if path.as_os_str() == "-" => {
            lines::write(&mut simulation, io::stdout().lock(), pace)
        }
        (None, Some(path)) => lines::write(&mut simulation, create(path)?, pace)
            .with_context(|| format!("cannot write events to `{}`", path.display())),
        (None, None) => Err(anyhow::anyhow!("expected --brokers or --output")),
    };
    progress.finish_and_clear();
    if let Written::PipeClosed = written? {
        return Ok(());
    }
    if let (Some(file), Some(path)) = (truth_file, &args.truth) {
        write_truth(&simulation.truth(), file)
            .with_context(|| format!("cannot write the ground truth to `{}`", path.display()))?;
    }
    if let (Some(file), Some(path)) = (history_file, &args.history_truth) {
        write_history_truth(simulation.take_history_truth(), file).with_context(|| {
            format!("cannot write the truth of the history to `{}`", path.display())
        })?;
    }
    Ok(())
}

fn create(path: &Path) -> Result<File, Failure> {
    File::create(path)
        .with_context(|| format!("cannot create `{}`", path.display()))
        .map_err(Failure::Running)
}

fn write_truth(truth: &Truth, file: File) -> anyhow::Result<()> {
    let mut out = BufWriter::new(file);
    serde_json::to_writer_pretty(&mut out, truth)?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(())
}

fn write_history_truth(truth: Option<HistoryTruth>, file: File) -> anyhow::Result<()> {
    let mut out = BufWriter::new(file);
    for row in truth.iter().flat_map(HistoryTruth::rows) {
        serde_json::to_writer(&mut out, &row)?;
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(())
}

/// Returns a progress bar. It is hidden if standard error is no terminal, or the events go to one.
fn progress_bar(args: &Args) -> ProgressBar {
    let is_to_stdout = args.target.output.as_deref().is_some_and(|path| path.as_os_str() == "-");
    let is_hidden = !io::stderr().is_terminal() || (is_to_stdout && io::stdout().is_terminal());
    let target =
        if is_hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    ProgressBar::with_draw_target(Some(args.duration.get()), target)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use nabiz_simulator::{DAY_MS, DEFAULT_START_MS};

    use super::*;

    #[derive(Debug, Parser)]
    struct Only {
        #[command(flatten)]
        args: Args,
    }

    fn parse(words: &[&str]) -> Result<Args, String> {
        Only::try_parse_from([&["simulate"], words].concat())
            .map(|only| only.args)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_are_an_ordinary_day_from_the_default_start() {
        let args = parse(&["--output", "-"]).expect("valid");
        assert_eq!(args.scenario, Scenario::OrdinaryDay);
        assert_eq!(args.start, Timestamp(DEFAULT_START_MS));
        assert_eq!(args.duration, Millis(DAY_MS));
        assert_eq!((args.rate_scale, args.seed, args.speed), (1.0, 1, None));
    }

    #[test]
    fn exactly_one_target_is_needed() {
        assert!(parse(&[]).is_err());
        assert!(parse(&["--brokers", "localhost:9092", "--output", "-"]).is_err());
        assert!(parse(&["--topic", "calls", "--output", "-"]).is_err(), "a file has no topic");
        assert!(parse(&["--topic", "calls", "--brokers", "localhost:9092"]).is_ok());
    }

    #[test]
    fn error_names_the_option_and_the_allowed_values() {
        for (option, value, allowed) in [
            ("--scenario", "quiet", "ordinary-day, pipe-burst, overnight"),
            ("--start", "yesterday", "RFC 3339"),
            ("--start", "1969-12-31T23:59:59Z", "1970-01-01"),
            ("--duration", "0s", "1ms to 3650d"),
            ("--duration", "1.5h", "1h30m"),
            ("--duration", "4000d", "1ms to 3650d"),
            ("--speed", "0", "max"),
            ("--speed", "fast", "max"),
            ("--rate-scale", "0", "0.001 to 100000"),
            ("--rate-scale", "NaN", "0.001 to 100000"),
        ] {
            let error = parse(&["--output", "-", option, value]).expect_err(value);
            assert!(error.contains(option) && error.contains(allowed), "{option} {value}: {error}");
        }
    }
}
