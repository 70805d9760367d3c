//! `nabiz simulate`.

mod kafka;
mod lines;
mod pace;

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressDrawTarget};
use nabiz_core::time::Millis;
use nabiz_simulator::{
    DEFAULT_START_MS, Options, RATE_SCALE_MAX, RATE_SCALE_MIN, Scenario, Simulation, Truth,
};
use pace::{Pace, Speed};

use super::Failure;

const EXAMPLES: &str = "\
Examples:
  nabiz simulate --output day.ndjson --truth day.truth.json
  nabiz simulate --output - --scenario pipe-burst --start 2026-01-05T10:00:00+03:00 --duration 1h | nabiz replay -
  nabiz simulate --brokers 127.0.0.1:9092 --duration 8h --speed 60";

/// Writes synthetic events to Kafka or as NDJSON.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    target: Target,
    /// What kind of time to simulate: ordinary-day, pipe-burst, or overnight.
    #[arg(long, default_value = "ordinary-day")]
    scenario: Scenario,
    /// First instant, RFC 3339.
    #[arg(long, value_name = "TIME", default_value = "2026-01-05T00:00:00+03:00", value_parser = parse_start)]
    start: i64,
    /// Simulated time, such as 20s, 5m, 1h30m, 7d.
    #[arg(long, default_value = "1d", value_parser = parse_duration)]
    duration: u64,
    /// Simulated seconds a second, or `max`. Default: 1 to Kafka, max to a file.
    #[arg(long, value_name = "X|max")]
    speed: Option<Speed>,
    /// Factor on the arrivals, 0.001 to 100000; staff grows with it.
    #[arg(long, value_name = "X", default_value = "1", value_parser = parse_rate_scale)]
    rate_scale: f64,
    /// Everything random follows from it.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// File for the exact counts that a correct reader must reach.
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// Kafka topic.
    #[arg(long, value_name = "NAME", default_value = "calls", conflicts_with = "output")]
    topic: String,
}

/// Where the events go.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Target {
    /// Kafka bootstrap servers, as host:port separated by commas.
    #[arg(long)]
    brokers: Option<String>,
    /// File for one JSON event a line; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The last start that is taken, so that every time of a run has four digits of year.
const START_MAX: &str = "9000-01-01T00:00:00Z";
const DURATION_MS_MAX: u64 = 3_650 * 86_400_000;

fn parse_start(text: &str) -> Result<i64, String> {
    let time = jiff::Timestamp::from_str(text)
        .map_err(|error| format!("{error}; write RFC 3339, as in 2026-01-05T00:00:00+03:00"))?;
    let last = jiff::Timestamp::from_str(START_MAX).map_err(|error| error.to_string())?;
    if time < jiff::Timestamp::UNIX_EPOCH || time > last {
        return Err(format!("allowed are times from 1970-01-01T00:00:00Z to {START_MAX}"));
    }
    Ok(time.as_millisecond())
}

fn parse_duration(text: &str) -> Result<u64, String> {
    match nabiz_core::time::parse_duration(text).map(Millis::get) {
        Ok(duration_ms) if (1..=DURATION_MS_MAX).contains(&duration_ms) => Ok(duration_ms),
        Ok(_) => Err("allowed are durations from 1ms to 3650d".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn parse_rate_scale(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(scale) if (RATE_SCALE_MIN..=RATE_SCALE_MAX).contains(&scale) => Ok(scale),
        _ => Err(format!("allowed are numbers from {RATE_SCALE_MIN} to {RATE_SCALE_MAX}")),
    }
}

/// How the writing of events went.
enum Written {
    /// To the end.
    Whole,
    /// The reader of standard output had enough.
    CutShort,
}

pub fn run(args: Args) -> Result<(), Failure> {
    debug_assert_eq!(parse_start("2026-01-05T00:00:00+03:00"), Ok(DEFAULT_START_MS));
    // Before the simulation, so that a place that cannot be written to is told at once.
    let truth_file = args.truth.as_deref().map(create).transpose()?;
    let options = Options {
        start_ms: args.start,
        duration_ms: Some(args.duration),
        rate_scale: args.rate_scale,
        seed: args.seed,
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
        (None, None) => Err(anyhow::anyhow!("one of --brokers and --output is needed")),
    };
    progress.finish_and_clear();
    match (written?, truth_file, &args.truth) {
        (Written::Whole, Some(file), Some(path)) => write_truth(&simulation.truth(), file)
            .with_context(|| format!("cannot write the truth to `{}`", path.display()))
            .map_err(Failure::Running),
        _ => Ok(()),
    }
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

/// A bar on a terminal, where the events themselves do not go to one.
fn progress_bar(args: &Args) -> ProgressBar {
    let is_to_stdout = args.target.output.as_deref().is_some_and(|path| path.as_os_str() == "-");
    let is_hidden = !io::stderr().is_terminal() || (is_to_stdout && io::stdout().is_terminal());
    let target =
        if is_hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    ProgressBar::with_draw_target(Some(args.duration), target)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

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
        assert_eq!((args.start, args.duration), (DEFAULT_START_MS, nabiz_simulator::DAY_MS));
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
    fn a_bad_value_names_its_option_and_what_is_allowed() {
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
