//! How far a partition has been read. Pure.

use super::consumer_stats::PartitionStats;

/// Position in a log, its end, and whether we have caught up to the end that we saw first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct OffsetTracker {
    /// Next offset to read; absent before the first record of a log that is not known to be empty.
    position: Option<i64>,
    /// End of the log as last seen.
    end: Option<i64>,
    /// The first end seen since the partition is ours.
    target: Option<i64>,
    caught_up: bool,
    at_end: bool,
    /// A record has come since the partition is ours, so the end that the client knows is not one of an earlier time.
    fresh: bool,
}

impl OffsetTracker {
    /// Reading goes on from a position that is known.
    pub(super) fn from_position(position: Option<i64>) -> Self {
        OffsetTracker { position, ..OffsetTracker::default() }
    }

    /// Takes note of a record. Returns false where the log has gone back: it was made anew.
    pub(super) fn read(&mut self, offset: i64) -> bool {
        let forward = self.position.is_none_or(|position| offset >= position);
        let next = offset.saturating_add(1);
        self.position = Some(next);
        // A record is there, so the log is at least that long, whatever was last said of it.
        self.end = self.end.map(|end| if forward { end.max(next) } else { end });
        self.fresh = true;
        self.at_end = false;
        self.judge();
        forward
    }

    /// Takes note of what is known of the log.
    pub(super) fn observe(&mut self, log: &PartitionStats) {
        if let Some(drained_to) = log.drained_to
            && self.position.is_none_or(|position| position <= drained_to)
        {
            // Past the last record there may be transaction markers, which are never handed over.
            self.position = Some(drained_to);
            self.at_end = true;
            self.fresh = true;
        } else {
            self.at_end = false;
        }
        if self.fresh {
            self.end = log.end.map(|end| end.max(self.position.unwrap_or(end))).or(self.end);
            self.target = self.target.or(self.end);
        }
        self.judge();
    }

    /// Says that nothing more is heard of the log for now.
    pub(super) fn mark_leader_silent(&mut self) {
        self.at_end = false;
    }

    fn judge(&mut self) {
        let reached = matches!((self.position, self.target), (Some(position), Some(target)) if position >= target);
        self.caught_up |= self.at_end || reached;
    }

    pub(super) fn position(&self) -> Option<i64> {
        self.position
    }

    pub(super) fn end(&self) -> Option<i64> {
        self.end
    }

    pub(super) fn target(&self) -> Option<i64> {
        self.target
    }

    /// Whether everything that the log held when we got it has been read.
    pub(super) fn caught_up(&self) -> bool {
        self.caught_up
    }

    /// Whether there is no more to read, as far as a leader in touch knows.
    pub(super) fn at_end(&self) -> bool {
        self.at_end
    }

    /// Records still to read.
    pub(super) fn lag(&self) -> Option<u64> {
        let behind = self.end?.saturating_sub(self.position?);
        Some(if self.at_end { 0 } else { u64::try_from(behind).unwrap_or(0) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(end: i64, drained_to: Option<i64>) -> PartitionStats {
        PartitionStats {
            topic: "calls".into(),
            partition: 0,
            end: Some(end),
            drained_to,
            stopped: false,
        }
    }

    #[test]
    fn catches_up_to_the_first_end_although_the_log_grows() {
        let mut progress = OffsetTracker::default();
        assert!(progress.read(0));
        progress.observe(&log(3, None));
        assert!(!progress.caught_up());
        assert_eq!(progress.lag(), Some(2));
        progress.read(1);
        progress.observe(&log(100, None));
        progress.read(2);
        assert!(progress.caught_up(), "offset 3 is the end that was seen first");
        assert!(!progress.at_end());
        assert_eq!(progress.lag(), Some(97));
    }

    #[test]
    fn an_end_of_an_earlier_time_is_not_believed() {
        let mut progress = OffsetTracker::default();
        progress.observe(&log(1, None));
        progress.read(0);
        assert!(!progress.caught_up(), "the end 1 was known before anything was fetched");
        progress.observe(&log(50, None));
        assert_eq!(progress.target(), Some(50));
    }

    #[test]
    fn an_empty_log_is_at_its_end() {
        let mut progress = OffsetTracker::default();
        progress.observe(&log(0, Some(0)));
        assert!(progress.at_end() && progress.caught_up());
        assert_eq!((progress.position(), progress.lag()), (Some(0), Some(0)));
    }

    #[test]
    fn a_marker_after_the_last_record_is_no_lag() {
        let mut progress = OffsetTracker::default();
        progress.read(4);
        progress.observe(&log(6, Some(6)));
        assert!(progress.at_end());
        assert_eq!(progress.lag(), Some(0));
        assert!(progress.read(6), "the next record goes on after the marker");
        assert!(!progress.at_end(), "until the leader says so again");
    }

    #[test]
    fn a_record_that_overtook_the_report_counts() {
        let mut progress = OffsetTracker::default();
        progress.read(7);
        progress.observe(&log(7, Some(7)));
        assert_eq!((progress.end(), progress.lag()), (Some(8), Some(0)), "and proves a longer log");
        assert!(!progress.at_end(), "the report is older than record 7");
    }

    #[test]
    fn a_log_that_goes_back_is_noticed() {
        let mut progress = OffsetTracker::default();
        assert!(progress.read(10));
        assert!(progress.read(12), "gaps are normal");
        assert!(!progress.read(0));
    }

    #[test]
    fn touch_lost_is_no_end() {
        let mut progress = OffsetTracker::default();
        progress.observe(&log(0, Some(0)));
        progress.observe(&log(0, None));
        assert!(!progress.at_end());
        assert!(progress.caught_up(), "what was reached stays reached");
    }
}
