//! The wall clock as far as it can be believed. Pure: the readings are arguments.

use std::time::{Duration, Instant};

use nabiz_core::time::{Millis, WallTime};

/// A wall clock that differs from the monotonic clock by more than this has jumped.
const JUMP: Millis = Millis::from_secs(1);
/// Time for which a wall clock must be steady after a jump before nabiz follows it.
const STEADY: Duration = Duration::from_secs(60);
/// How often the believed time is set to a wall clock that has not jumped. It follows a clock that
/// is corrected slowly, by at most [`JUMP`] in this time.
const FOLLOW_INTERVAL: Duration = Duration::from_secs(10);

/// Both clocks, read at the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockReading {
    /// The wall clock.
    pub wall: WallTime,
    /// The monotonic clock.
    pub monotonic: Instant,
}

impl ClockReading {
    /// Returns the wall time at a later reading of the monotonic clock, if no clock jumps.
    fn wall_at(self, monotonic: Instant) -> WallTime {
        let passed = monotonic.saturating_duration_since(self.monotonic).as_millis();
        self.wall.saturating_add(Millis(u64::try_from(passed).unwrap_or(u64::MAX)))
    }

    /// Returns whether the wall clock has not jumped between this reading and a later one.
    fn agrees_with(self, later: ClockReading) -> bool {
        self.wall_at(later.monotonic).get().abs_diff(later.wall.get()) <= JUMP.get()
    }

    /// Returns `later` instead of this reading if that is long enough after it.
    fn followed_by(self, later: ClockReading) -> Self {
        let passed = later.monotonic.saturating_duration_since(self.monotonic);
        if passed >= FOLLOW_INTERVAL { later } else { self }
    }
}

/// The believed time at one reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockView {
    /// The believed wall time.
    pub now: WallTime,
    /// Whether a record or a steady minute has confirmed the clock since the start. Without that,
    /// the clock moves nothing.
    pub is_witnessed: bool,
    /// The time that the wall clock shows, if it has jumped and is not believed.
    pub jumped_to: Option<WallTime>,
}

/// A wall clock that has left the believed time.
#[derive(Clone, Copy, Debug)]
struct Jump {
    since: Instant,
    line: ClockReading,
}

/// A wall clock that follows the monotonic clock.
///
/// A wall clock that jumps is not believed until it has been steady for a minute; until then the
/// believed time continues with the monotonic clock. After the start, the clock needs a witness: a
/// record close to it, or a steady minute.
#[derive(Debug)]
pub struct TrustedClock {
    /// The trusted reading. All others follow from it and the monotonic clock.
    line: ClockReading,
    /// The start, or the last jump before the clock had a witness.
    steady_since: Instant,
    is_witnessed: bool,
    jump: Option<Jump>,
}

impl TrustedClock {
    /// Creates a clock without a witness.
    pub fn new(reading: ClockReading) -> Self {
        TrustedClock {
            line: reading,
            steady_since: reading.monotonic,
            is_witnessed: false,
            jump: None,
        }
    }

    /// Returns the believed time at a reading. The readings come in order.
    pub fn read(&mut self, reading: ClockReading) -> ClockView {
        let ClockReading { wall, monotonic } = reading;
        if self.line.agrees_with(reading) {
            self.jump = None;
            self.line = self.line.followed_by(reading);
        } else if !self.is_witnessed {
            // Nothing vouches for either time. The minute begins again.
            *self = TrustedClock::new(reading);
        } else {
            let jump = self.jump.filter(|jump| jump.line.agrees_with(reading));
            let jump = jump.unwrap_or(Jump { since: monotonic, line: reading });
            self.jump = Some(Jump { line: jump.line.followed_by(reading), ..jump });
            if monotonic.saturating_duration_since(jump.since) >= STEADY {
                self.line = reading;
                self.jump = None;
            }
        }
        let steady = monotonic.saturating_duration_since(self.steady_since);
        self.is_witnessed |= steady >= STEADY;
        ClockView {
            now: self.line.wall_at(monotonic),
            is_witnessed: self.is_witnessed,
            jumped_to: self.jump.map(|_| wall),
        }
    }

    /// Records that a record close to the believed time was read.
    pub fn confirm(&mut self) {
        self.is_witnessed = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_767_596_400_000;
    const DAY: i64 = 86_400_000;

    /// A host whose two clocks a test moves.
    struct Host {
        origin: Instant,
        seconds: u64,
        /// The error of the wall clock in milliseconds.
        error: i64,
        clock: TrustedClock,
    }

    impl Host {
        fn starting_with(error: i64) -> Self {
            let origin = Instant::now();
            let wall = WallTime(START + error);
            let clock = TrustedClock::new(ClockReading { wall, monotonic: origin });
            Host { origin, seconds: 0, error, clock }
        }

        /// Lets time pass, with a reading each second, and returns the last view.
        fn pass(&mut self, seconds: u64) -> ClockView {
            (0..seconds).map(|_| self.tick()).last().expect("at least a second")
        }

        fn tick(&mut self) -> ClockView {
            self.seconds += 1;
            let wall = WallTime(START + self.error + self.seconds as i64 * 1000);
            let monotonic = self.origin + Duration::from_secs(self.seconds);
            self.clock.read(ClockReading { wall, monotonic })
        }

        /// Returns the error of the believed time in milliseconds.
        fn believed_error(&self, view: ClockView) -> i64 {
            view.now.get() - START - self.seconds as i64 * 1000
        }
    }

    #[test]
    fn clock_is_witnessed_after_a_steady_minute_or_by_a_record() {
        let mut host = Host::starting_with(0);
        assert!(!host.pass(59).is_witnessed);
        assert!(host.pass(1).is_witnessed);

        let mut host = Host::starting_with(0);
        host.clock.confirm();
        assert!(host.tick().is_witnessed);
    }

    #[test]
    fn minute_begins_again_when_the_clock_jumps_before_it_has_a_witness() {
        let mut host = Host::starting_with(2 * DAY);
        assert!(!host.pass(10).is_witnessed);
        host.error = 0;
        let view = host.tick();
        assert_eq!((host.believed_error(view), view.is_witnessed), (0, false));
        assert_eq!(view.jumped_to, None, "neither time was believed");
        assert!(!host.pass(59).is_witnessed);
        assert!(host.pass(1).is_witnessed);
    }

    #[test]
    fn believed_time_continues_when_the_wall_clock_jumps_for_ten_seconds() {
        for jump in [2 * DAY, -2 * DAY, 1_500] {
            let mut host = Host::starting_with(0);
            host.pass(60);
            host.error = jump;
            let view = host.pass(10);
            assert_eq!(host.believed_error(view), 0);
            assert!(view.jumped_to.is_some() && view.is_witnessed);
            host.error = 0;
            let view = host.tick();
            assert_eq!((host.believed_error(view), view.jumped_to), (0, None));
            // Another jump to the same time has its own minute.
            host.error = jump;
            let view = host.pass(59);
            assert_eq!(host.believed_error(view), 0);
        }
    }

    #[test]
    fn jumped_clock_is_believed_when_it_is_steady_for_a_minute() {
        let mut host = Host::starting_with(0);
        host.pass(60);
        host.error = -3 * DAY;
        let view = host.pass(60);
        assert_eq!(host.believed_error(view), 0);
        // A second jump begins the minute again.
        host.error = 3 * DAY;
        let view = host.pass(60);
        assert_eq!(host.believed_error(view), 0);
        let view = host.pass(1);
        assert_eq!((host.believed_error(view), view.jumped_to), (3 * DAY, None));
    }

    #[test]
    fn slow_correction_is_followed_without_a_jump() {
        let mut host = Host::starting_with(0);
        host.pass(60);
        for _ in 0..600 {
            host.error += 90;
            let view = host.tick();
            assert!(view.jumped_to.is_none());
            assert!(host.believed_error(view).abs_diff(host.error) <= JUMP.get());
        }
    }

    #[test]
    fn gap_between_readings_is_no_jump() {
        let mut host = Host::starting_with(0);
        host.pass(60);
        host.seconds += 7_200;
        let view = host.tick();
        assert_eq!((host.believed_error(view), view.jumped_to), (0, None));
    }
}
