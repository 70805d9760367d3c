//! Detection of a suspended process.

use std::time::{Duration, Instant};

/// A loop that takes longer than this for one turn was suspended. Shorter than the time after which
/// readers withhold an unconfirmed state.
const STALL: Duration = Duration::from_secs(3);

/// Notices that the process was suspended, from the time between two ticks.
pub(super) struct StallDetector {
    /// The last tick; after a stall, the last tick before it until [`Self::take_stall`] is called.
    last_tick: Instant,
    stalled: bool,
}

impl StallDetector {
    pub(super) fn new(now: Instant) -> Self {
        StallDetector { last_tick: now, stalled: false }
    }

    /// Records that the process runs at `now`. Every loop that waits calls it on each turn.
    pub(super) fn tick(&mut self, now: Instant) {
        self.stalled |= now.saturating_duration_since(self.last_tick) > STALL;
        if !self.stalled {
            self.last_tick = now;
        }
    }

    /// Returns the last instant at which the process is known to have run without a stall since.
    pub(super) fn running_at(&self) -> Instant {
        self.last_tick
    }

    /// Returns whether the process was suspended since the last call.
    #[must_use = "after a stall, partitions may belong to another instance"]
    pub(super) fn take_stall(&mut self, now: Instant) -> bool {
        let stalled = std::mem::take(&mut self.stalled);
        if stalled {
            self.last_tick = now;
        }
        stalled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stall_keeps_the_last_tick_before_it_until_it_is_taken() {
        let before = Instant::now();
        let mut detector = StallDetector::new(before);
        let after = before + STALL + Duration::from_secs(1);
        detector.tick(after);
        detector.tick(after);
        assert_eq!(detector.running_at(), before, "a report of now must look old");
        assert!(detector.take_stall(after));
        assert_eq!(detector.running_at(), after);
        assert!(!detector.take_stall(after));
        detector.tick(after + STALL);
        assert!(!detector.take_stall(after + STALL), "a tick in time is no stall");
    }
}
