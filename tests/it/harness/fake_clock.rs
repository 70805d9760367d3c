//! A host whose clocks a test moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use nabiz::clock::{MonotonicClock, WallClock};
use nabiz::ingest::Options;
use nabiz_core::time::WallTime;

/// The wall clock and the monotonic clock of a host.
pub struct FakeClock {
    origin: Instant,
    start_ms: i64,
    passed_ms: AtomicI64,
    /// What the wall clock shows too much.
    error_ms: AtomicI64,
}

impl FakeClock {
    /// Returns clocks that stand at `time_ms`.
    pub fn at(time_ms: i64) -> Arc<FakeClock> {
        Arc::new(FakeClock {
            origin: Instant::now(),
            start_ms: time_ms,
            passed_ms: AtomicI64::new(0),
            error_ms: AtomicI64::new(0),
        })
    }

    /// Lets time pass on both clocks, up to this wall time.
    pub fn advance_to(&self, time_ms: i64) {
        self.passed_ms.store(time_ms - self.start_ms, Ordering::SeqCst);
    }

    /// Lets time pass on both clocks.
    pub fn pass(&self, ms: i64) {
        self.passed_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// Sets the wall clock alone, to this much ahead of the true time.
    pub fn set_error(&self, error_ms: i64) {
        self.error_ms.store(error_ms, Ordering::SeqCst);
    }

    /// Returns the true time.
    pub fn now_ms(&self) -> i64 {
        self.start_ms + self.passed_ms.load(Ordering::SeqCst)
    }

    /// Returns options with these clocks.
    pub fn of(self: &Arc<Self>, options: Options) -> Options {
        let (wall, monotonic) = (Arc::clone(self), Arc::clone(self));
        let clock: WallClock =
            Arc::new(move || WallTime(wall.now_ms() + wall.error_ms.load(Ordering::SeqCst)));
        let monotonic: MonotonicClock = Arc::new(move || {
            let passed = monotonic.passed_ms.load(Ordering::SeqCst).unsigned_abs();
            monotonic.origin + Duration::from_millis(passed)
        });
        Options { clock, monotonic, ..options }
    }
}
