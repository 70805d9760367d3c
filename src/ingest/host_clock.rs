//! The believed wall clock that all threads of ingest share.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nabiz_core::time::WallTime;

use crate::clock::{ClockReading, ClockView, MonotonicClock, TrustedClock, WallClock};

/// The clocks of the host, with what is believed of them.
pub(super) struct HostClock {
    wall: WallClock,
    monotonic: MonotonicClock,
    state: Mutex<State>,
}

struct State {
    trusted: TrustedClock,
    last: ClockView,
}

impl HostClock {
    pub(super) fn new(wall: WallClock, monotonic: MonotonicClock) -> Self {
        let mut trusted = TrustedClock::new(read(&wall, &monotonic));
        let last = trusted.read(read(&wall, &monotonic));
        HostClock { wall, monotonic, state: Mutex::new(State { trusted, last }) }
    }

    /// Reads both clocks, and logs each change of what is believed of them.
    pub(super) fn read(&self) -> ClockView {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Within the lock, so that the readings of all threads come in order.
        let reading = read(&self.wall, &self.monotonic);
        let view = state.trusted.read(reading);
        let last = std::mem::replace(&mut state.last, view);
        drop(state);
        log_change(&last, &view, reading.wall);
        view
    }

    /// Returns the time of the monotonic clock.
    pub(super) fn monotonic(&self) -> Instant {
        (self.monotonic)()
    }

    /// Records that a record close to the believed time was read.
    pub(super) fn confirm(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).trusted.confirm();
    }
}

/// Reads both clocks. Reads again if the process stood still between them, because the two readings
/// would look like a jump.
fn read(wall: &WallClock, monotonic: &MonotonicClock) -> ClockReading {
    const TOGETHER: Duration = Duration::from_millis(50);
    const ATTEMPTS: usize = 3;
    let mut before = monotonic();
    for _ in 1..ATTEMPTS {
        let (wall, after) = (wall(), monotonic());
        if after.saturating_duration_since(before) <= TOGETHER {
            return ClockReading { wall, monotonic: after };
        }
        before = after;
    }
    ClockReading { wall: wall(), monotonic: monotonic() }
}

fn log_change(last: &ClockView, view: &ClockView, wall: WallTime) {
    match (last.jumped_to, view.jumped_to) {
        (None, Some(wall)) => {
            let ahead_ms = wall.get().saturating_sub(view.now.get());
            tracing::warn!(ahead_ms, "wall clock jumped, followed once it is steady for a minute");
        }
        (Some(_), None) => {
            let followed_ms = view.now.get().saturating_sub(last.now.get());
            tracing::warn!(followed_ms, wall_ms = wall.get(), "wall clock is steady again");
        }
        (None, None) | (Some(_), Some(_)) => {}
    }
}
