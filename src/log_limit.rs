//! The one rate limit of log lines: use it wherever a cause can repeat with each record, request
//! or attempt.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The usual time between two lines of one kind.
pub const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Limits one kind of log line to one per interval, and counts the occurrences in between.
///
/// ```
/// # use std::time::Instant;
/// # let limit = nabiz::log_limit::LogLimit::default();
/// if let Some(count) = limit.record(Instant::now()) {
///     tracing::warn!(count, "credentials refused");
/// }
/// ```
#[derive(Debug)]
pub struct LogLimit {
    interval: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    logged_at: Option<Instant>,
    /// Occurrences since the last line.
    count: u64,
}

impl Default for LogLimit {
    fn default() -> Self {
        LogLimit::new(LOG_INTERVAL)
    }
}

impl LogLimit {
    /// Creates a limit of one line per `interval`. The first occurrence is always logged.
    pub fn new(interval: Duration) -> Self {
        LogLimit { interval, state: Mutex::default() }
    }

    /// Counts an occurrence at `now`. Returns how many there were since the last line, this one
    /// included, if the next line is due; the caller then writes it.
    #[must_use = "the line is due if there is a count"]
    pub fn record(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.count = state.count.saturating_add(1);
        let is_due = state
            .logged_at
            .is_none_or(|logged_at| now.saturating_duration_since(logged_at) >= self.interval);
        is_due.then(|| {
            state.logged_at = Some(now);
            std::mem::take(&mut state.count)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_limit_counts_occurrences_between_lines() {
        let limit = LogLimit::new(Duration::from_secs(10));
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(limit.record(at(0)), Some(1));
        assert_eq!(limit.record(at(1)), None);
        assert_eq!(limit.record(at(9)), None);
        assert_eq!(limit.record(at(10)), Some(3));
        assert_eq!(limit.record(at(19)), None);
    }
}
