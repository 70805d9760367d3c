//! Effects of the clock on a partition, hidden from readers until the ledger holds them. Pure.
//!
//! The time of a record that is ahead of the clock is decided by the clock at its reading. A second
//! reading of the same record, after a crash, can decide otherwise. So nothing of the partition is
//! published between such a decision and a checkpoint with an offset past its record: from then on
//! the record is never read again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nabiz_core::snapshot::Snapshot;
use nabiz_core::time::Timestamp;

/// Time after which numbers that are still hidden are a fault: checkpoints are made every few
/// seconds.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// What readers may see of a partition while decisions are not stored.
#[derive(Default)]
pub(super) struct ClockEffects {
    /// A decision came after the last checkpoint was captured.
    is_pending: bool,
    /// The numbers of the checkpoint on its way, if it has decisions.
    in_flight: Option<Arc<Snapshot>>,
    /// The numbers of a stored checkpoint that are not published yet. Without them, a partition
    /// with a decision in each checkpoint would never be published.
    stored: Option<Arc<Snapshot>>,
    /// Stream time without the decisions that are not stored.
    stream_time: Option<Timestamp>,
    /// Since when the shown numbers stand still.
    hidden_since: Option<Instant>,
}

impl ClockEffects {
    /// Returns whether the present state of the shard must not be shown.
    pub(super) fn hide(&self) -> bool {
        self.is_pending || self.in_flight.is_some()
    }

    /// Returns whether the shown numbers have stood still for too long.
    pub(super) fn is_overdue(&self, now: Instant) -> bool {
        let is_overdue = |since| now.saturating_duration_since(since) >= PATIENCE;
        self.hide() && self.hidden_since.is_some_and(is_overdue)
    }

    /// Records a decision. `stream_time` is that before it.
    pub(super) fn on_decision(&mut self, stream_time: Option<Timestamp>, now: Instant) {
        if !self.hide() {
            self.stream_time = stream_time;
            self.hidden_since = Some(now);
        }
        self.is_pending = true;
    }

    /// Records that a checkpoint is captured. `snapshot` is called if it has a decision.
    pub(super) fn on_captured(&mut self, snapshot: impl FnOnce() -> Snapshot) {
        if std::mem::take(&mut self.is_pending) {
            self.in_flight = Some(Arc::new(snapshot()));
        }
    }

    /// Records that the checkpoint on its way is stored.
    pub(super) fn on_stored(&mut self, now: Instant) {
        if let Some(snapshot) = self.in_flight.take() {
            self.hidden_since = Some(now);
            self.stream_time = snapshot.stream_time;
            self.stored = self.is_pending.then_some(snapshot);
        }
    }

    /// Records that the checkpoint on its way is not stored.
    pub(super) fn on_store_failed(&mut self) {
        self.is_pending |= self.in_flight.take().is_some();
    }

    /// Returns the numbers of a stored checkpoint, to be published instead of the present ones.
    pub(super) fn take_stored(&mut self) -> Option<Arc<Snapshot>> {
        self.stored.take()
    }

    /// Returns the stream time to show. `present` is that of the shard.
    pub(super) fn shown_stream_time(&self, present: Option<Timestamp>) -> Option<Timestamp> {
        if self.hide() { self.stream_time } else { present }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_stream_time(stream_time: i64) -> Snapshot {
        Snapshot { stream_time: Some(Timestamp(stream_time)), ..Snapshot::default() }
    }

    #[test]
    fn decision_is_hidden_until_a_checkpoint_past_it_is_stored() {
        let (mut effects, now) = (ClockEffects::default(), Instant::now());
        effects.on_captured(|| unreachable!("there is no decision"));
        effects.on_decision(Some(Timestamp(1)), now);
        // The checkpoint on its way was captured before the decision.
        effects.on_stored(now);
        assert!(effects.hide() && effects.take_stored().is_none());
        assert_eq!(effects.shown_stream_time(Some(Timestamp(5))), Some(Timestamp(1)));

        effects.on_captured(|| at_stream_time(5));
        assert!(effects.hide());
        effects.on_stored(now);
        assert!(!effects.hide());
        assert_eq!(effects.shown_stream_time(Some(Timestamp(6))), Some(Timestamp(6)));
    }

    #[test]
    fn decision_stays_hidden_when_its_checkpoint_fails() {
        let (mut effects, now) = (ClockEffects::default(), Instant::now());
        effects.on_decision(None, now);
        effects.on_captured(|| at_stream_time(5));
        effects.on_store_failed();
        assert!(effects.hide() && effects.take_stored().is_none());
        assert_eq!(effects.shown_stream_time(Some(Timestamp(5))), None);
        effects.on_captured(|| at_stream_time(6));
        effects.on_stored(now);
        assert!(!effects.hide());
    }

    #[test]
    fn stored_numbers_are_shown_when_there_is_a_decision_in_each_checkpoint() {
        let (mut effects, now) = (ClockEffects::default(), Instant::now());
        effects.on_decision(None, now);
        for number in 1..4 {
            effects.on_captured(|| at_stream_time(number));
            effects.on_decision(Some(Timestamp(100)), now);
            effects.on_stored(now);
            assert!(effects.hide());
            let stored = effects.take_stored().and_then(|snapshot| snapshot.stream_time);
            assert_eq!(stored, Some(Timestamp(number)));
            assert_eq!(effects.shown_stream_time(None), Some(Timestamp(number)));
        }
    }

    #[test]
    fn numbers_are_overdue_when_no_checkpoint_is_stored_for_thirty_seconds() {
        let (mut effects, start) = (ClockEffects::default(), Instant::now());
        let at = |s| start + Duration::from_secs(s);
        assert!(!effects.is_overdue(at(100)), "nothing is hidden");
        effects.on_decision(None, start);
        effects.on_decision(None, at(20));
        assert!(!effects.is_overdue(at(29)));
        assert!(effects.is_overdue(at(30)), "since the first decision");
        // With a decision in each checkpoint, the numbers move with each checkpoint.
        effects.on_captured(|| at_stream_time(5));
        effects.on_decision(None, at(31));
        effects.on_stored(at(32));
        assert!(effects.hide() && !effects.is_overdue(at(61)));
        assert!(effects.is_overdue(at(62)));
        effects.on_captured(|| at_stream_time(6));
        effects.on_stored(at(63));
        assert!(!effects.is_overdue(at(200)));
    }
}
