//! How far a partition has been read. Pure.

use nabiz_core::ids::Offset;

use super::consumer_stats::PartitionStats;

/// The position in a log, its end, and whether the end that was seen first has been reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct OffsetTracker {
    /// The next offset to read; `None` before the first record of a log that is not known to be
    /// empty.
    position: Option<Offset>,
    /// The end of the log, as last seen.
    end: Option<Offset>,
    /// The first end that was seen under this assignment.
    target: Option<Offset>,
    caught_up: bool,
    at_end: bool,
    /// The leader has answered under this assignment, so that the end which the client reports is
    /// not left over from an earlier one.
    is_fresh: bool,
}

/// How the offset of a record follows the ones before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a log that went back must be counted"]
pub(super) enum Step {
    /// At or after the position. Gaps are normal: compaction, transaction markers.
    Forward,
    /// Before the position: the topic was recreated.
    Back,
}

impl OffsetTracker {
    /// Returns a tracker for a log that is read from `position`.
    pub(super) fn from_position(position: Option<Offset>) -> Self {
        OffsetTracker { position, ..OffsetTracker::default() }
    }

    /// Records that the record at `offset` was read.
    pub(super) fn read(&mut self, offset: Offset) -> Step {
        let is_forward = self.position.is_none_or(|position| offset >= position);
        let next = offset.next();
        self.position = Some(next);
        // The record proves that the log is at least this long, whatever the last report shows.
        self.end = self.end.map(|end| if is_forward { end.max(next) } else { end });
        self.is_fresh = true;
        self.at_end = false;
        self.update_caught_up();
        if is_forward { Step::Forward } else { Step::Back }
    }

    /// Records what the client reports about the log.
    pub(super) fn observe(&mut self, stats: &PartitionStats) {
        if let Some(drained_to) = stats.drained_to
            && self.position.is_none_or(|position| position <= drained_to)
        {
            // After the last record there may be transaction markers, which the client skips.
            self.position = Some(drained_to);
            self.at_end = true;
            self.is_fresh = true;
        } else {
            self.at_end = false;
        }
        if self.is_fresh {
            self.end = stats.end.map(|end| end.max(self.position.unwrap_or(end))).or(self.end);
            self.target = self.target.or(self.end);
        }
        self.update_caught_up();
    }

    /// Records that nothing is known about the end of the log until the next report.
    pub(super) fn mark_leader_silent(&mut self) {
        self.at_end = false;
    }

    fn update_caught_up(&mut self) {
        let has_reached = matches!(
            (self.position, self.target),
            (Some(position), Some(target)) if position >= target
        );
        self.caught_up |= self.at_end || has_reached;
    }

    pub(super) fn position(&self) -> Option<Offset> {
        self.position
    }

    pub(super) fn end(&self) -> Option<Offset> {
        self.end
    }

    pub(super) fn target(&self) -> Option<Offset> {
        self.target
    }

    /// Returns whether everything up to the first end that was seen has been read.
    pub(super) fn caught_up(&self) -> bool {
        self.caught_up
    }

    /// Returns whether there is nothing left to read, by a leader that answered recently.
    pub(super) fn at_end(&self) -> bool {
        self.at_end
    }

    /// Returns how many records are left to read.
    pub(super) fn lag(&self) -> Option<u64> {
        let behind = self.end?.0.saturating_sub(self.position?.0);
        Some(if self.at_end { 0 } else { u64::try_from(behind).unwrap_or(0) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::consumer_stats::FetchState;

    fn stats(end: i64, drained_to: Option<i64>) -> PartitionStats {
        PartitionStats {
            topic: "calls".into(),
            partition: 0,
            end: Some(Offset(end)),
            drained_to: drained_to.map(Offset),
            fetch: FetchState::Running,
        }
    }

    fn read(tracker: &mut OffsetTracker, offset: i64) {
        assert_eq!(tracker.read(Offset(offset)), Step::Forward);
    }

    #[test]
    fn tracker_catches_up_to_the_first_end_when_the_log_grows() {
        let mut tracker = OffsetTracker::default();
        read(&mut tracker, 0);
        tracker.observe(&stats(3, None));
        assert!(!tracker.caught_up());
        assert_eq!(tracker.lag(), Some(2));
        read(&mut tracker, 1);
        tracker.observe(&stats(100, None));
        read(&mut tracker, 2);
        assert!(tracker.caught_up(), "offset 3 is the end that was seen first");
        assert!(!tracker.at_end());
        assert_eq!(tracker.lag(), Some(97));
    }

    #[test]
    fn tracker_ignores_the_end_of_an_earlier_assignment() {
        let mut tracker = OffsetTracker::default();
        tracker.observe(&stats(1, None));
        read(&mut tracker, 0);
        assert!(!tracker.caught_up(), "the end 1 was known before the first fetch");
        tracker.observe(&stats(50, None));
        assert_eq!(tracker.target(), Some(Offset(50)));
    }

    #[test]
    fn tracker_is_at_the_end_of_an_empty_log() {
        let mut tracker = OffsetTracker::default();
        tracker.observe(&stats(0, Some(0)));
        assert!(tracker.at_end() && tracker.caught_up());
        assert_eq!((tracker.position(), tracker.lag()), (Some(Offset(0)), Some(0)));
    }

    #[test]
    fn lag_excludes_a_transaction_marker_after_the_last_record() {
        let mut tracker = OffsetTracker::default();
        read(&mut tracker, 4);
        tracker.observe(&stats(6, Some(6)));
        assert!(tracker.at_end());
        assert_eq!(tracker.lag(), Some(0));
        // The next record comes after the marker.
        read(&mut tracker, 6);
        assert!(!tracker.at_end(), "until the next report");
    }

    #[test]
    fn end_moves_with_a_record_that_is_newer_than_the_report() {
        let mut tracker = OffsetTracker::default();
        read(&mut tracker, 7);
        tracker.observe(&stats(7, Some(7)));
        assert_eq!((tracker.end(), tracker.lag()), (Some(Offset(8)), Some(0)));
        assert!(!tracker.at_end(), "the report is older than record 7");
    }

    #[test]
    fn read_returns_back_when_an_offset_was_passed() {
        let mut tracker = OffsetTracker::default();
        read(&mut tracker, 10);
        read(&mut tracker, 12);
        assert_eq!(tracker.read(Offset(0)), Step::Back);
    }

    #[test]
    fn tracker_stays_caught_up_when_the_leader_is_silent() {
        let mut tracker = OffsetTracker::default();
        tracker.observe(&stats(0, Some(0)));
        tracker.observe(&stats(0, None));
        assert!(!tracker.at_end());
        assert!(tracker.caught_up());
    }
}
