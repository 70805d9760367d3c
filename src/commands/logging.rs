//! Logs of a running pipeline.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging to standard error.
///
/// `NABIZ_LOG` (or `RUST_LOG`) sets the filter in the notation of `tracing`, such as `nabiz=debug`;
/// without it the filter is `default`. `NABIZ_LOG_FORMAT=json` writes one JSON object a line.
pub(super) fn start(default: &str) {
    let filter = ["NABIZ_LOG", "RUST_LOG"].iter().find_map(|name| std::env::var(name).ok());
    let filter = EnvFilter::new(filter.as_deref().unwrap_or(default));
    // A line that cannot be written, for example on a full disk, is lost. Reporting that to
    // standard error would panic in the thread that logged.
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .log_internal_errors(false);
    let is_json = std::env::var("NABIZ_LOG_FORMAT").is_ok_and(|format| format == "json");
    // Fails if the process already has a subscriber (tests), which then stays in use.
    let _ = match is_json {
        true => logs.json().try_init(),
        false => logs.with_ansi(std::io::stderr().is_terminal()).try_init(),
    };
}
