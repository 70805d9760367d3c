//! How far a partition has been read, and what proves that nothing is left to read. Pure.

use std::time::{Duration, Instant};

use nabiz_core::ids::Offset;

use super::consumer_stats::PartitionStats;

/// The time for which an answer of the broker about the high watermark is a proof.
pub(super) const PROOF_TTL: Duration = Duration::from_secs(10);
/// Time after which a stable offset below the high watermark is a fault. Every transaction holds it
/// back for a moment.
pub(super) const STABLE_OFFSET_PATIENCE: Duration = Duration::from_secs(30);

/// An answer of the broker about the high watermark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Proof {
    high_watermark: Offset,
    /// When the broker was asked.
    asked_at: Instant,
}

/// The position in a log, its end, and whether the end that was seen first has been reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct OffsetTracker {
    /// The next offset to read; `None` before the first record of a log that is not known to be
    /// empty.
    position: Option<Offset>,
    /// The offset up to which records are handed over, as last seen.
    end: Option<Offset>,
    /// The high watermark, as the client last fetched it.
    fetched: Option<Offset>,
    /// The high watermark, as the broker last answered.
    proof: Option<Proof>,
    /// The last error that may be about this partition.
    error_at: Option<Instant>,
    /// The first end that was seen under this assignment.
    target: Option<Offset>,
    caught_up: bool,
    /// The client has handed over everything up to `end`.
    is_drained: bool,
    at_end: bool,
    /// The leader has answered under this assignment, so that the end which the client reports is
    /// not left over from an earlier one.
    is_fresh: bool,
    /// The stable offset that the high watermark is past, and since when.
    held_back: Option<(Offset, Instant)>,
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
        self.is_drained = false;
        self.at_end = false;
        if !is_forward {
            self.proof = None;
            self.fetched = None;
        }
        self.update_caught_up();
        if is_forward { Step::Forward } else { Step::Back }
    }

    /// Records what the client reports about the log.
    pub(super) fn observe(&mut self, stats: &PartitionStats, now: Instant) {
        self.is_drained = false;
        if let Some(drained_to) = stats.drained_to
            && self.position.is_none_or(|position| position <= drained_to)
        {
            // After the last record there may be transaction markers, which the client skips.
            self.position = Some(drained_to);
            self.is_drained = true;
            self.is_fresh = true;
        }
        if self.is_fresh {
            self.end = stats.end.map(|end| end.max(self.position.unwrap_or(end))).or(self.end);
            self.target = self.target.or(self.end);
            self.fetched = stats.high_watermark;
            self.observe_stable_offset(stats, now);
        }
        self.update_caught_up();
        self.update_at_end(now);
    }

    fn observe_stable_offset(&mut self, stats: &PartitionStats, now: Instant) {
        let (Some(stable), Some(high)) = (stats.end, stats.high_watermark) else { return };
        self.held_back = match self.held_back {
            _ if high <= stable => None,
            Some((offset, since)) if offset == stable => Some((offset, since)),
            _ => Some((stable, now)),
        };
    }

    /// Records the answer of a broker that was asked for the high watermark at `asked_at`.
    pub(super) fn on_asked(&mut self, high_watermark: Offset, asked_at: Instant, now: Instant) {
        self.proof = Some(Proof { high_watermark, asked_at });
        self.update_at_end(now);
    }

    /// Records an error that may be about this partition: answers to earlier questions are no proof
    /// any more.
    pub(super) fn on_error(&mut self, now: Instant) {
        self.error_at = Some(now);
        self.at_end = false;
    }

    /// Records that nothing is known about the end of the log until the next report.
    pub(super) fn mark_leader_silent(&mut self) {
        self.is_drained = false;
        self.at_end = false;
    }

    /// Continues at `offset`, because what is before it cannot be read. The partition stays caught
    /// up if it was.
    pub(super) fn skip_to(&mut self, offset: Offset) {
        self.position = self.position.max(Some(offset));
        self.mark_leader_silent();
        self.update_caught_up();
    }

    fn update_caught_up(&mut self) {
        let has_reached = matches!(
            (self.position, self.target),
            (Some(position), Some(target)) if position >= target
        );
        self.caught_up |= self.is_drained || has_reached;
    }

    fn update_at_end(&mut self, now: Instant) {
        let is_read = |high_watermark: Offset| {
            self.position.is_some_and(|position| high_watermark <= position)
        };
        let is_proven = self.proof(now).is_some_and(|proof| {
            is_read(proof.high_watermark) && self.error_at.is_none_or(|at| proof.asked_at > at)
        });
        self.at_end = self.is_drained && self.fetched.is_some_and(is_read) && is_proven;
    }

    /// Returns the last answer of the broker if it is not too old.
    fn proof(&self, now: Instant) -> Option<Proof> {
        self.proof.filter(|proof| now.saturating_duration_since(proof.asked_at) <= PROOF_TTL)
    }

    pub(super) fn position(&self) -> Option<Offset> {
        self.position
    }

    /// Returns the high watermark as last seen, or else the end up to which records are handed
    /// over.
    pub(super) fn end(&self) -> Option<Offset> {
        let asked = self.proof.map(|proof| proof.high_watermark);
        let end = self.fetched.max(asked).or(self.end)?;
        // A record that was read proves that the log is at least this long.
        Some(self.position.map_or(end, |position| position.max(end)))
    }

    pub(super) fn target(&self) -> Option<Offset> {
        self.target
    }

    /// Returns whether everything up to the first end that was seen has been read.
    pub(super) fn caught_up(&self) -> bool {
        self.caught_up
    }

    /// Returns whether it is proven that there is nothing left to read.
    pub(super) fn at_end(&self) -> bool {
        self.at_end
    }

    /// Returns how many offsets the high watermark is past the position; `None` if no broker has
    /// answered recently. Markers of transactions before the end are not counted.
    pub(super) fn lag(&self, now: Instant) -> Option<u64> {
        if self.at_end {
            return Some(0);
        }
        let asked = self.proof(now).map(|proof| proof.high_watermark);
        let behind = self.fetched.max(asked)?.0.saturating_sub(self.position?.0);
        Some(u64::try_from(behind).unwrap_or(0))
    }

    /// Returns the stable offset if it has been below the high watermark for too long.
    pub(super) fn held_back(&self, now: Instant) -> Option<Offset> {
        let (offset, since) = self.held_back?;
        (now.saturating_duration_since(since) >= STABLE_OFFSET_PATIENCE).then_some(offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::consumer_stats::FetchState;

    /// A report of a log without transactions.
    fn stats(end: i64, drained_to: Option<i64>) -> PartitionStats {
        stats_of(end, end, drained_to)
    }

    fn stats_of(stable: i64, high: i64, drained_to: Option<i64>) -> PartitionStats {
        PartitionStats {
            topic: "calls".into(),
            partition: 0,
            end: Some(Offset(stable)),
            high_watermark: Some(Offset(high)),
            drained_to: drained_to.map(Offset),
            fetch: FetchState::Running,
        }
    }

    fn read(tracker: &mut OffsetTracker, offset: i64) {
        assert_eq!(tracker.read(Offset(offset)), Step::Forward);
    }

    /// A tracker with an injected clock, in milliseconds.
    struct Timed {
        tracker: OffsetTracker,
        start: Instant,
    }

    impl Timed {
        fn new() -> Self {
            Timed { tracker: OffsetTracker::default(), start: Instant::now() }
        }

        fn at(&self, ms: u64) -> Instant {
            self.start + Duration::from_millis(ms)
        }

        fn observe(&mut self, ms: u64, stats: &PartitionStats) {
            let now = self.at(ms);
            self.tracker.observe(stats, now);
        }

        fn ask(&mut self, ms: u64, high: i64) {
            let now = self.at(ms);
            self.tracker.on_asked(Offset(high), now, now);
        }

        fn fail(&mut self, ms: u64) {
            let now = self.at(ms);
            self.tracker.on_error(now);
        }
    }

    #[test]
    fn tracker_catches_up_to_the_first_end_when_the_log_grows() {
        let Timed { mut tracker, start } = Timed::new();
        read(&mut tracker, 0);
        tracker.observe(&stats(3, None), start);
        assert!(!tracker.caught_up());
        assert_eq!(tracker.lag(start), Some(2));
        read(&mut tracker, 1);
        tracker.observe(&stats(100, None), start);
        read(&mut tracker, 2);
        assert!(tracker.caught_up(), "offset 3 is the end that was seen first");
        assert!(!tracker.at_end());
        assert_eq!(tracker.lag(start), Some(97));
    }

    #[test]
    fn tracker_ignores_the_end_of_an_earlier_assignment() {
        let Timed { mut tracker, start } = Timed::new();
        tracker.observe(&stats(1, None), start);
        read(&mut tracker, 0);
        assert!(!tracker.caught_up(), "the end 1 was known before the first fetch");
        tracker.observe(&stats(50, None), start);
        assert_eq!(tracker.target(), Some(Offset(50)));
    }

    #[test]
    fn tracker_is_at_the_end_of_an_empty_log() {
        let mut timed = Timed::new();
        timed.observe(0, &stats(0, Some(0)));
        assert!(timed.tracker.caught_up());
        timed.ask(0, 0);
        assert!(timed.tracker.at_end());
        let position = timed.tracker.position();
        assert_eq!((position, timed.tracker.lag(timed.start)), (Some(Offset(0)), Some(0)));
    }

    #[test]
    fn lag_excludes_a_transaction_marker_after_the_last_record() {
        let mut timed = Timed::new();
        read(&mut timed.tracker, 4);
        timed.ask(0, 6);
        timed.observe(0, &stats(6, Some(6)));
        assert!(timed.tracker.at_end());
        assert_eq!(timed.tracker.lag(timed.start), Some(0));
        // The next record comes after the marker.
        read(&mut timed.tracker, 6);
        assert!(!timed.tracker.at_end(), "until the next report");
    }

    #[test]
    fn end_moves_with_a_record_that_is_newer_than_the_report() {
        let Timed { mut tracker, start } = Timed::new();
        read(&mut tracker, 7);
        tracker.observe(&stats(7, Some(7)), start);
        assert_eq!((tracker.end(), tracker.lag(start)), (Some(Offset(8)), Some(0)));
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
        let mut timed = Timed::new();
        timed.ask(0, 0);
        timed.observe(0, &stats(0, Some(0)));
        timed.observe(1000, &PartitionStats { high_watermark: None, ..stats(0, None) });
        assert!(!timed.tracker.at_end());
        assert!(timed.tracker.caught_up());
        assert_eq!(timed.tracker.lag(timed.at(1000)), Some(0), "by the answer a second ago");
        assert_eq!(timed.tracker.lag(timed.at(10_001)), None);
    }

    #[test]
    fn end_is_proven_for_ten_seconds_after_an_answer() {
        let mut timed = Timed::new();
        read(&mut timed.tracker, 4);
        timed.observe(0, &stats(5, Some(5)));
        assert!(!timed.tracker.at_end(), "no broker was asked");
        timed.ask(500, 5);
        assert!(timed.tracker.at_end());
        timed.observe(10_500, &stats(5, Some(5)));
        assert!(timed.tracker.at_end());
        timed.observe(10_501, &stats(5, Some(5)));
        assert!(!timed.tracker.at_end());
    }

    #[test]
    fn end_is_not_proven_when_the_answer_is_past_the_position() {
        let mut timed = Timed::new();
        read(&mut timed.tracker, 4);
        timed.observe(0, &stats(5, Some(5)));
        timed.ask(0, 9);
        assert!(!timed.tracker.at_end());
        assert_eq!(timed.tracker.lag(timed.start), Some(4));
    }

    #[test]
    fn end_is_not_proven_when_the_fetched_high_watermark_is_past_the_position() {
        let mut timed = Timed::new();
        read(&mut timed.tracker, 4);
        timed.ask(0, 5);
        timed.observe(0, &stats_of(5, 9, Some(5)));
        assert!(!timed.tracker.at_end(), "a transaction has begun since the answer");
        assert_eq!(timed.tracker.lag(timed.start), Some(4));
    }

    #[test]
    fn end_is_not_proven_by_an_answer_to_a_question_from_before_an_error() {
        let mut timed = Timed::new();
        read(&mut timed.tracker, 4);
        timed.ask(0, 5);
        timed.observe(0, &stats(5, Some(5)));
        timed.fail(100);
        assert!(!timed.tracker.at_end());
        let (asked_at, now) = (timed.at(99), timed.at(200));
        timed.tracker.on_asked(Offset(5), asked_at, now);
        assert!(!timed.tracker.at_end(), "the question is older than the error");
        timed.ask(300, 5);
        assert!(timed.tracker.at_end());
    }

    #[test]
    fn end_is_not_proven_when_the_leader_refuses_the_fetch() {
        let mut timed = Timed::new();
        read(&mut timed.tracker, 4);
        timed.ask(0, 5);
        timed.observe(0, &stats(5, Some(5)));
        let refused = PartitionStats {
            end: None,
            high_watermark: None,
            drained_to: None,
            fetch: FetchState::Refused,
            ..stats(0, None)
        };
        timed.observe(1000, &refused);
        assert!(!timed.tracker.at_end());
        timed.ask(1001, 8);
        assert_eq!(timed.tracker.lag(timed.at(1001)), Some(3));
    }

    #[test]
    fn stable_offset_below_the_high_watermark_is_a_fault_when_it_stands_for_thirty_seconds() {
        let mut timed = Timed::new();
        read(&mut timed.tracker, 4);
        timed.ask(0, 9);
        timed.observe(0, &stats_of(5, 9, Some(5)));
        assert!(timed.tracker.caught_up(), "everything that can be read was read");
        assert!(!timed.tracker.at_end(), "time stands still at once");
        assert_eq!(timed.tracker.lag(timed.start), Some(4));
        timed.observe(29_999, &stats_of(5, 12, Some(5)));
        assert_eq!(timed.tracker.held_back(timed.at(29_999)), None);
        timed.observe(30_000, &stats_of(5, 12, Some(5)));
        assert_eq!(timed.tracker.held_back(timed.at(30_000)), Some(Offset(5)));
        // The next transaction is another one.
        timed.observe(31_000, &stats_of(12, 14, None));
        assert_eq!(timed.tracker.held_back(timed.at(31_000)), None);
        timed.observe(32_000, &stats_of(14, 14, None));
        assert_eq!(timed.tracker.held_back(timed.at(90_000)), None);
    }

    #[test]
    fn tracker_is_caught_up_at_the_stable_offset_when_its_state_was_restored() {
        let mut timed = Timed::new();
        timed.tracker = OffsetTracker::from_position(Some(Offset(5)));
        timed.observe(0, &stats_of(5, 9, Some(5)));
        assert!(timed.tracker.caught_up());
    }

    #[test]
    fn skip_keeps_the_partition_caught_up() {
        let mut timed = Timed::new();
        timed.observe(0, &stats(5, Some(5)));
        timed.tracker.skip_to(Offset(9));
        assert!(timed.tracker.caught_up());
        assert_eq!(timed.tracker.position(), Some(Offset(9)));
        timed.tracker.skip_to(Offset(7));
        assert_eq!(timed.tracker.position(), Some(Offset(9)), "never back");
    }
}
