//! Logs of a running pipeline.

use std::env;
use std::io::IsTerminal;

use anyhow::anyhow;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::failure::Failure;

const FILTER: &str = "NABIZ_LOG";
const FORMAT: &str = "NABIZ_LOG_FORMAT";
/// What Rust programs read in common. It is not only for nabiz, so its faults are passed over.
const COMMON_FILTER: &str = "RUST_LOG";

const FILTER_ALLOWED: &str = "allowed are off, error, warn, info, debug, trace, and TARGET=LEVEL, \
                              separated by commas, as in info,librdkafka=debug";
const FORMAT_ALLOWED: &str = "allowed are text and json";

/// How a line of the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LogFormat {
    Text,
    Json,
}

/// Checks the variables of the log, so that a wrong one is found by every command, also by one
/// that logs nothing.
///
/// # Errors
/// A usage failure that says what is allowed.
pub(crate) fn check() -> Result<(), Failure> {
    own_filter()?;
    format()?;
    Ok(())
}

/// Starts logging to standard error.
///
/// `NABIZ_LOG` (or `RUST_LOG`) sets the filter in the notation of `tracing`, such as `nabiz=debug`;
/// without it the filter is `default`. `NABIZ_LOG_FORMAT=json` writes one JSON object a line.
///
/// # Errors
/// A usage failure where a variable has a wrong value.
pub(super) fn start(default: &str) -> Result<(), Failure> {
    let filter = match own_filter()? {
        Some(filter) => filter,
        None => EnvFilter::new(env::var(COMMON_FILTER).as_deref().unwrap_or(default)),
    };
    // A line that cannot be written, for example on a full disk, is lost. Reporting that to
    // standard error would panic in the thread that logged.
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .log_internal_errors(false);
    // Fails if the process already has a subscriber (tests), which then stays in use.
    let _ = match format()? {
        LogFormat::Json => logs.json().try_init(),
        LogFormat::Text => logs.with_ansi(std::io::stderr().is_terminal()).try_init(),
    };
    Ok(())
}

/// Returns the filter of `NABIZ_LOG`; `None` where it is absent or empty.
fn own_filter() -> Result<Option<EnvFilter>, Failure> {
    let Some(value) = variable(FILTER, FILTER_ALLOWED)? else { return Ok(None) };
    // `tracing` takes a lone word that is no level, such as `debgu`, for a target.
    let is_wrong = |part: &&str| !part.contains('=') && part.parse::<LevelFilter>().is_err();
    let parts: Vec<&str> = value.split(',').map(str::trim).collect();
    if let Some(part) = parts.iter().copied().find(is_wrong) {
        return Err(Failure::usage(anyhow!("{FILTER}: {part:?} is no level: {FILTER_ALLOWED}")));
    }
    EnvFilter::builder().parse(parts.join(",")).map(Some).map_err(|error| {
        Failure::usage(anyhow!("{FILTER}: {value:?} is no filter ({error}): {FILTER_ALLOWED}"))
    })
}

/// Returns the format of `NABIZ_LOG_FORMAT`; text where it is absent or empty.
fn format() -> Result<LogFormat, Failure> {
    match variable(FORMAT, FORMAT_ALLOWED)?.as_deref() {
        None | Some("text") => Ok(LogFormat::Text),
        Some("json") => Ok(LogFormat::Json),
        Some(other) => {
            Err(Failure::usage(anyhow!("{FORMAT}: {other:?} is no format: {FORMAT_ALLOWED}")))
        }
    }
}

/// Returns the value of a variable; `None` where it is absent or empty.
fn variable(name: &str, allowed: &str) -> Result<Option<String>, Failure> {
    let Some(value) = env::var_os(name).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let wrong = |value| Failure::usage(anyhow!("{name}: {value:?} is not UTF-8: {allowed}"));
    value.into_string().map(Some).map_err(wrong)
}
