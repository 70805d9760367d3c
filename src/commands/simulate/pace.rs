//! How fast simulated time goes by.

use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;

/// Simulated seconds a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Speed {
    /// This many, above 0.
    Times(f64),
    /// As many as the machine can.
    Max,
}

impl Speed {
    /// One second a second.
    pub(super) const REAL_TIME: Speed = Speed::Times(1.0);
}

impl FromStr for Speed {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text.parse::<f64>() {
            _ if text == "max" => Ok(Speed::Max),
            Ok(times) if (0.001..=1e6).contains(&times) => Ok(Speed::Times(times)),
            _ => Err("allowed are numbers from 0.001 to 1000000, and `max`"),
        }
    }
}

/// Holds events back until their time has come, and shows how far they are.
#[derive(Debug)]
pub(super) struct Pace {
    began: Instant,
    start_ms: i64,
    speed: Speed,
    progress: ProgressBar,
}

/// Shorter waits are not worth a sleep, nor a flush.
const WAIT_MIN: Duration = Duration::from_millis(1);
/// Longest single sleep, so that the bar moves.
const SLEEP_MAX: Duration = Duration::from_millis(250);

impl Pace {
    /// Simulated time `start_ms` is now.
    pub(super) fn starting_now(start_ms: i64, speed: Speed, progress: ProgressBar) -> Self {
        Pace { began: Instant::now(), start_ms, speed, progress }
    }

    /// How long it is until `time_ms` comes; `None` where it has come.
    pub(super) fn wait_until(&self, time_ms: i64) -> Option<Duration> {
        self.wait_after(time_ms, self.began.elapsed())
    }

    fn wait_after(&self, time_ms: i64, elapsed: Duration) -> Option<Duration> {
        let Speed::Times(times) = self.speed else { return None };
        let due = Duration::from_secs_f64(self.since_start_ms(time_ms) as f64 / 1000.0 / times);
        due.checked_sub(elapsed).filter(|wait| *wait >= WAIT_MIN)
    }

    /// Sleeps until `time_ms` comes.
    pub(super) fn sleep_until(&self, time_ms: i64) {
        while let Some(wait) = self.wait_until(time_ms) {
            thread::sleep(wait.min(SLEEP_MAX));
            if let Speed::Times(times) = self.speed {
                self.progress
                    .set_position((self.began.elapsed().as_secs_f64() * 1000.0 * times) as u64);
            }
        }
    }

    /// Shows that the events have come to `time_ms`.
    pub(super) fn show(&self, time_ms: i64) {
        self.progress.set_position(self.since_start_ms(time_ms));
    }

    fn since_start_ms(&self, time_ms: i64) -> u64 {
        time_ms.saturating_sub(self.start_ms).max(0) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_due_at_the_speed() {
        let pace = |speed| Pace::starting_now(1_000, speed, ProgressBar::hidden());
        let after = Duration::from_millis;
        assert_eq!(pace(Speed::Times(10.0)).wait_after(61_000, after(0)), Some(after(6_000)));
        assert_eq!(pace(Speed::Times(10.0)).wait_after(61_000, after(5_000)), Some(after(1_000)));
        assert_eq!(pace(Speed::Times(10.0)).wait_after(61_000, after(6_001)), None);
        assert_eq!(pace(Speed::Max).wait_after(61_000, after(0)), None);
    }

    #[test]
    fn speeds_are_numbers_above_zero_or_max() {
        assert_eq!("60".parse(), Ok(Speed::Times(60.0)));
        assert_eq!("max".parse(), Ok(Speed::Max));
        for text in ["0", "-1", "inf", "NaN", "", "Max"] {
            assert!(text.parse::<Speed>().is_err(), "{text}");
        }
    }
}
