//! The speed of simulated time.

use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use nabiz_core::time::Timestamp;

/// Simulated seconds in a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Speed {
    /// A number above 0.
    Times(f64),
    /// As fast as possible.
    Max,
}

impl Speed {
    /// One simulated second in a second.
    pub(super) const REAL_TIME: Speed = Speed::Times(1.0);
}

impl FromStr for Speed {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text.parse::<f64>() {
            _ if text == "max" => Ok(Speed::Max),
            Ok(times) if (0.001..=1e6).contains(&times) => Ok(Speed::Times(times)),
            _ => Err("expected a number from 0.001 to 1000000, or `max`"),
        }
    }
}

/// Delays events until they are due, and shows the progress.
#[derive(Debug)]
pub(super) struct Pace {
    began: Instant,
    start: Timestamp,
    speed: Speed,
    progress: ProgressBar,
}

/// Shorter waits are skipped, because a sleep and a flush cost more.
const WAIT_MIN: Duration = Duration::from_millis(1);
/// Longest single sleep, so that the progress bar moves.
const SLEEP_MAX: Duration = Duration::from_millis(250);

impl Pace {
    /// Creates a pace in which the simulated time `start` is now.
    pub(super) fn starting_now(start: Timestamp, speed: Speed, progress: ProgressBar) -> Self {
        Pace { began: Instant::now(), start, speed, progress }
    }

    /// Returns the wait until `time` is due, or `None` if it is.
    pub(super) fn wait_until(&self, time: Timestamp) -> Option<Duration> {
        self.wait_after(time, self.began.elapsed())
    }

    fn wait_after(&self, time: Timestamp, elapsed: Duration) -> Option<Duration> {
        let Speed::Times(times) = self.speed else { return None };
        let due = Duration::from_secs_f64(time.since(self.start).as_secs_f64() / times);
        due.checked_sub(elapsed).filter(|wait| *wait >= WAIT_MIN)
    }

    /// Sleeps until `time` is due.
    pub(super) fn sleep_until(&self, time: Timestamp) {
        while let Some(wait) = self.wait_until(time) {
            thread::sleep(wait.min(SLEEP_MAX));
            if let Speed::Times(times) = self.speed {
                self.progress
                    .set_position((self.began.elapsed().as_secs_f64() * 1000.0 * times) as u64);
            }
        }
    }

    /// Shows that the events until `time` are written.
    pub(super) fn show(&self, time: Timestamp) {
        self.progress.set_position(time.since(self.start).get());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_is_due_at_the_speed() {
        let pace = |speed| Pace::starting_now(Timestamp(1_000), speed, ProgressBar::hidden());
        let after = Duration::from_millis;
        assert_eq!(
            pace(Speed::Times(10.0)).wait_after(Timestamp(61_000), after(0)),
            Some(after(6_000))
        );
        assert_eq!(
            pace(Speed::Times(10.0)).wait_after(Timestamp(61_000), after(5_000)),
            Some(after(1_000))
        );
        assert_eq!(pace(Speed::Times(10.0)).wait_after(Timestamp(61_000), after(6_001)), None);
        assert_eq!(pace(Speed::Max).wait_after(Timestamp(61_000), after(0)), None);
    }

    #[test]
    fn speed_is_a_number_above_zero_or_max() {
        assert_eq!("60".parse(), Ok(Speed::Times(60.0)));
        assert_eq!("max".parse(), Ok(Speed::Max));
        for text in ["0", "-1", "inf", "NaN", "", "Max"] {
            assert!(text.parse::<Speed>().is_err(), "{text}");
        }
    }
}
