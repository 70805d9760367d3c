//! How long to wait for answers of brokers while the poll loop waits too. Pure but for the clock.

use std::time::{Duration, Instant};

/// The time for several questions that are asked one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeBudget {
    /// Longest wait for one answer.
    each: Duration,
    /// The end of the wait for all of them.
    until: Instant,
}

impl TimeBudget {
    /// Starts the time for all questions.
    pub(super) fn start(each: Duration, all: Duration) -> Self {
        TimeBudget { each, until: Instant::now() + all }
    }

    /// Returns how long to wait for the next answer; `None` if no time is left to ask.
    pub(super) fn for_next(&self) -> Option<Duration> {
        let left = self.until.saturating_duration_since(Instant::now());
        // The client counts in milliseconds.
        (left >= Duration::from_millis(1)).then(|| left.min(self.each))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_is_the_shorter_one_when_the_budget_ends() {
        let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
        assert_eq!(TimeBudget::start(second, minute).for_next(), Some(second));
        let left = TimeBudget::start(minute, second).for_next();
        assert!(left.is_some_and(|left| left <= second), "{left:?}");
        assert_eq!(TimeBudget::start(second, Duration::ZERO).for_next(), None);
    }
}
