//! The event time of a record: what the record says, judged by the clock at its reading. Pure.

use crate::event::{Reason, Rejection};
use crate::time::{Millis, Timestamp, WallTime};

/// The largest difference at which a record confirms a clock, and the clock a record.
const NEAR: Millis = Millis::from_mins(1);
/// 2000-01-01. Systems that write seconds or an unset clock as milliseconds stamp records before.
const EARLIEST_STAMP: Timestamp = Timestamp(946_684_800_000);
/// 9999-12-31, the last day that RFC 3339 can write.
const LATEST_STAMP: Timestamp = Timestamp(253_402_300_799_999);

/// What happens to a record that is too far ahead of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AheadRule {
    /// Its event is taken at the clock, or at its Kafka timestamp if that is earlier and plausible.
    Clamp,
    /// Its event keeps its time: the clock is the suspect.
    Keep,
    /// It is rejected, as in a replay.
    Reject,
}

/// The clock at the reading of a record. Records can be `max_ahead` ahead of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ceiling {
    /// The clock.
    pub clock: WallTime,
    /// What happens to a record that is farther ahead.
    pub rule: AheadRule,
}

impl Ceiling {
    /// Returns the clock as an event time. The comparison of both is the purpose of a ceiling.
    fn time(self) -> Timestamp {
        Timestamp(self.clock.get())
    }

    /// Returns the ceiling that a plausible Kafka timestamp has; none if the clock is the suspect.
    fn of_stamps(self) -> Option<Timestamp> {
        match self.rule {
            AheadRule::Clamp | AheadRule::Reject => Some(self.time()),
            AheadRule::Keep => None,
        }
    }
}

/// Returns whether a record with this Kafka timestamp cannot be ahead of a clock that shows
/// `clock` or later: its event is at most `max_ahead` ahead of the timestamp.
pub fn is_before(timestamp: WallTime, clock: WallTime) -> bool {
    timestamp.get() >= EARLIEST_STAMP.get() && timestamp <= clock
}

/// Where a record stands by the clock at its reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// No clock, or a record that is older than a minute: it says nothing about the clock.
    Unknown,
    /// Within a minute of the clock: the record is a witness of it.
    Near,
    /// Its `time` is not ahead, and its Kafka timestamp is more than `max_ahead` ahead.
    StampAhead,
    /// Its time is more than `max_ahead` ahead: the result depends on the clock. A second reading
    /// with another clock can have another result.
    Ahead,
}

/// The event time of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JudgedTime {
    pub(super) event_time: Timestamp,
    /// The time was too far ahead, or the Kafka timestamp is not plausible.
    pub(super) is_skewed: bool,
    pub(super) standing: Standing,
}

/// Returns the event time of a record with this `time` and Kafka timestamp. Neither can be more
/// than `max_ahead` ahead of the ceiling, and `time` not of the timestamp.
///
/// # Errors
/// The rejection of a record without a usable time, with its standing.
pub(super) fn judge(
    time: Option<Timestamp>,
    stamp: Option<Timestamp>,
    ceiling: Option<Ceiling>,
    max_ahead: Millis,
) -> Result<JudgedTime, (Rejection, Standing)> {
    let is_possible = |stamp: &Timestamp| (EARLIEST_STAMP..=LATEST_STAMP).contains(stamp);
    let is_ahead_of = |time: Timestamp, clock: Timestamp| time > clock.saturating_add(max_ahead);
    let possible = stamp.filter(is_possible);
    let latest = ceiling.and_then(Ceiling::of_stamps);
    let plausible =
        possible.filter(|stamp| latest.is_none_or(|latest| !is_ahead_of(*stamp, latest)));
    let is_stamp_ahead = possible != plausible;
    let Some(claimed) = time.or(plausible) else {
        let detail = match stamp {
            None => "neither the event nor the record has a time",
            Some(_) => "the event has no time, and the timestamp of the record is not plausible",
        };
        let standing = if is_stamp_ahead { Standing::Ahead } else { Standing::Unknown };
        return Err((Rejection::new(Reason::MissingTime, detail), standing));
    };
    let mut event_time = claimed;
    let mut is_skewed = possible != stamp;
    if let Some(stamp) = plausible.filter(|stamp| is_ahead_of(claimed, *stamp)) {
        event_time = stamp;
        is_skewed = true;
    }
    let Some(ceiling) = ceiling else {
        return Ok(JudgedTime { event_time, is_skewed, standing: Standing::Unknown });
    };
    let clock = ceiling.time();
    let standing = if is_ahead_of(event_time, clock) {
        Standing::Ahead
    } else if is_stamp_ahead {
        Standing::StampAhead
    } else if event_time >= clock.saturating_sub(NEAR) && event_time <= clock.saturating_add(NEAR) {
        Standing::Near
    } else {
        Standing::Unknown
    };
    if standing == Standing::Ahead {
        match ceiling.rule {
            AheadRule::Clamp => {
                // A plausible timestamp is later than the clock here: an earlier one has decided
                // above.
                event_time = clock;
                is_skewed = true;
            }
            AheadRule::Keep => {}
            AheadRule::Reject => {
                let detail = "time is ahead of the clock by more than windows.max_ahead";
                return Err((Rejection::new(Reason::FutureTime, detail), standing));
            }
        }
    }
    Ok(JudgedTime { event_time, is_skewed, standing })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOCK: Timestamp = Timestamp(1_767_596_400_000);
    const MINUTE: i64 = 60_000;

    fn after(delta_ms: i64) -> Option<Timestamp> {
        Some(Timestamp(CLOCK.get() + delta_ms))
    }

    fn ceiling(rule: AheadRule) -> Option<Ceiling> {
        Some(Ceiling { clock: WallTime(CLOCK.get()), rule })
    }

    /// Returns the event time relative to the clock, and the standing.
    fn judged(
        time: Option<Timestamp>,
        stamp: Option<Timestamp>,
        rule: AheadRule,
    ) -> Result<(i64, Standing), (Reason, Standing)> {
        judge(time, stamp, ceiling(rule), Millis::from_mins(1))
            .map(|judged| (judged.event_time.get() - CLOCK.get(), judged.standing))
            .map_err(|(rejection, standing)| (rejection.reason, standing))
    }

    #[test]
    fn event_is_taken_at_the_clock_when_it_is_more_than_max_ahead_ahead() {
        let clamped = |time, stamp| judged(after(time), stamp, AheadRule::Clamp);
        assert_eq!(clamped(MINUTE, None), Ok((MINUTE, Standing::Near)));
        assert_eq!(clamped(MINUTE + 1, None), Ok((0, Standing::Ahead)));
        assert_eq!(clamped(55 * MINUTE, after(55 * MINUTE)), Ok((0, Standing::Ahead)));
        // Within a minute of each other, both ahead.
        assert_eq!(clamped(MINUTE + 1, after(MINUTE)), Ok((0, Standing::Ahead)));
        // The timestamp is right: it alone decides.
        assert_eq!(clamped(55 * MINUTE, after(-5)), Ok((-5, Standing::Near)));
        assert_eq!(clamped(-10 * MINUTE, after(-5)), Ok((-10 * MINUTE, Standing::Unknown)));
    }

    #[test]
    fn implausible_timestamp_never_overrules_the_time() {
        let seconds = Some(Timestamp(CLOCK.get() / 1000));
        for rule in [AheadRule::Clamp, AheadRule::Keep, AheadRule::Reject] {
            assert_eq!(judged(after(-5), seconds, rule), Ok((-5, Standing::Near)));
            let missing = Err((Reason::MissingTime, Standing::Unknown));
            assert_eq!(judged(None, seconds, rule), missing);
        }
        let ahead = after(2 * MINUTE);
        assert_eq!(judged(after(-5), ahead, AheadRule::Clamp), Ok((-5, Standing::StampAhead)));
        let missing = Err((Reason::MissingTime, Standing::Ahead));
        assert_eq!(judged(None, ahead, AheadRule::Clamp), missing);
        let at_stamp = Ok((2 * MINUTE, Standing::Ahead));
        assert_eq!(judged(None, ahead, AheadRule::Keep), at_stamp, "the clock is the suspect");

        // Without a clock, only an impossible timestamp is implausible.
        let judged = judge(after(0), seconds, None, Millis::from_mins(1)).unwrap();
        assert_eq!((judged.event_time, judged.is_skewed), (CLOCK, true));
        assert!(judge(None, Some(Timestamp::MAX), None, Millis::from_mins(1)).is_err());
    }

    #[test]
    fn event_ahead_keeps_its_time_or_is_rejected_when_the_rule_says_so() {
        let time = after(MINUTE + 1);
        assert_eq!(judged(time, None, AheadRule::Keep), Ok((MINUTE + 1, Standing::Ahead)));
        let future = Err((Reason::FutureTime, Standing::Ahead));
        assert_eq!(judged(time, None, AheadRule::Reject), future);
        assert_eq!(judged(after(MINUTE), None, AheadRule::Reject), Ok((MINUTE, Standing::Near)));
    }
}
