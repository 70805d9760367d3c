//! The thread that finds out why partitions stand still, by tries to read them.
//!
//! A try can take seconds. So this thread is apart from the one that asks where the logs end: a
//! partition that stands still must not keep the answers about all others from being proofs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use nabiz_core::ids::Offset;

use super::log_ends::{HeldPartition, LogFinding, Reading};
use super::probe::{Finding, Probe};
use super::shared::Shared;
use super::standstill::Standstill;
use super::undecodable::{SkippedRange, first_offset_after};
use crate::config::OnUndecodable;
use crate::readmodel::ShardLabel;

/// Time between two looks at the partitions.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// Time between two tries to read a partition that does not move.
const TRY_INTERVAL: Duration = Duration::from_secs(5);
/// Longest try to read one partition.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
/// Time for which a position must not move, with records after it, before it is tried to read
/// there. Longer than the time between two reports of the position.
const STUCK_AFTER: Duration = Duration::from_secs(3);
/// Time after which a position that does not move is a fault, although a try finds no reason.
const UNREAD_AFTER: Duration = Duration::from_secs(30);
/// Time between two checks of the stop flag.
const STOP_POLL: Duration = Duration::from_millis(50);

/// What is remembered of one partition.
struct Seen {
    read_from: Option<Offset>,
    /// Since when the position has not moved.
    since: Instant,
    /// When reading there was tried last.
    tried_at: Option<Instant>,
}

/// What to do about one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// It is well.
    Clear,
    /// It stands still, and the last try is recent.
    Wait,
    /// To try to read it.
    Try { stuck_for: Duration },
}

impl Seen {
    fn new(read_from: Option<Offset>, now: Instant) -> Self {
        Seen { read_from, since: now, tried_at: None }
    }

    fn next(&mut self, partition: &HeldPartition, end: Option<Offset>, now: Instant) -> Next {
        if self.read_from != partition.read_from {
            *self = Seen::new(partition.read_from, now);
        }
        let stuck_for = now.saturating_duration_since(self.since);
        if !is_suspect(partition, end, stuck_for) {
            self.tried_at = None;
            return Next::Clear;
        }
        let is_recent = |at: Instant| now.saturating_duration_since(at) < TRY_INTERVAL;
        if self.tried_at.is_some_and(is_recent) {
            return Next::Wait;
        }
        self.tried_at = Some(now);
        Next::Try { stuck_for }
    }
}

/// The watch, not started yet.
pub(super) struct StandstillWatch {
    shared: Arc<Shared>,
    /// Exists while a partition stands still.
    probe: Option<Probe>,
    seen: BTreeMap<ShardLabel, Seen>,
}

impl StandstillWatch {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        StandstillWatch { shared, probe: None, seen: BTreeMap::new() }
    }

    /// Looks until ingest stops.
    pub(super) fn run(mut self) {
        let mut looked_at = Instant::now();
        while !self.shared.is_stopping() {
            if looked_at.elapsed() >= LOOK_INTERVAL {
                self.look();
                looked_at = Instant::now();
            }
            thread::sleep(STOP_POLL);
        }
    }

    fn look(&mut self) {
        let held = self.shared.log_ends.held_with_ends();
        let labels: BTreeSet<&ShardLabel> = held.iter().map(|(held, _)| &held.label).collect();
        self.seen.retain(|label, _| labels.contains(label));
        self.shared.log_ends.keep_findings(&labels);
        let mut stands_still = false;
        for (partition, end) in &held {
            if self.shared.is_stopping() {
                return;
            }
            let now = Instant::now();
            let seen = self.seen.entry(partition.label.clone());
            let seen = seen.or_insert_with(|| Seen::new(partition.read_from, now));
            match seen.next(partition, *end, now) {
                Next::Clear => self.shared.log_ends.found(partition, LogFinding::default()),
                Next::Wait => stands_still = true,
                Next::Try { stuck_for } => {
                    stands_still = true;
                    if let Some(finding) = self.try_to_read(partition, *end, stuck_for) {
                        self.shared.log_ends.found(partition, finding);
                    }
                }
            }
        }
        if !stands_still {
            self.probe = None;
        }
    }

    /// Tries to read a partition. Returns `None` if the try tells nothing.
    fn try_to_read(
        &mut self,
        partition: &HeldPartition,
        end: Option<Offset>,
        stuck_for: Duration,
    ) -> Option<LogFinding> {
        if self.probe.is_none() {
            self.probe = Probe::new(&self.shared.options).ok();
        }
        let probe = self.probe.as_ref()?;
        let label = &partition.label;
        let start = partition.read_from.or_else(|| probe.log_start(label))?;
        let finding = match probe.read(label, start, PROBE_TIMEOUT) {
            Ok(finding) => finding,
            Err(error) => {
                tracing::debug!(%error, "probe failed");
                return None;
            }
        };
        let mut skip = None;
        if let Finding::Undecodable { base, why } = &finding
            && let Some(end) = end
            && self.shared.options.on_undecodable == OnUndecodable::Skip
        {
            let to = self.end_of_batch(probe, label, start, end, *base);
            skip = to.map(|to| SkippedRange { from: start, to, why: why.clone() });
        }
        Some(LogFinding { standstill: standstill_of(finding, stuck_for), skip })
    }

    /// Finds the first offset after the batch that holds `from` and cannot be decoded. `base` is
    /// where the batch begins, if that is known: another such batch begins elsewhere. Returns
    /// `None` if a try tells nothing, or reading was possible after all, or ingest stops.
    fn end_of_batch(
        &self,
        probe: &Probe,
        label: &ShardLabel,
        from: Offset,
        end: Offset,
        base: Option<Offset>,
    ) -> Option<Offset> {
        let found = first_offset_after(from, end, |offset| {
            if self.shared.is_stopping() {
                return Err(());
            }
            match probe.read(label, offset, PROBE_TIMEOUT) {
                Ok(Finding::Undecodable { base: other, .. }) => Ok(other == base),
                Ok(Finding::Record | Finding::End) => Ok(false),
                Ok(Finding::Refused { .. } | Finding::Silence) | Err(_) => Err(()),
            }
        });
        found.ok()
    }
}

/// Returns whether a partition whose log ends at `end` may stand still for a reason that a try to
/// read would show.
fn is_suspect(partition: &HeldPartition, end: Option<Offset>, stuck_for: Duration) -> bool {
    match partition.reading {
        Reading::Paused => false,
        Reading::Refused => true,
        Reading::Active => {
            // The client reads from the last record on until that is compared, so that there can
            // be something to read although the position is at the end.
            let has_more = end.is_some_and(|end| end > partition.read_from.unwrap_or_default());
            has_more && stuck_for >= STUCK_AFTER
        }
    }
}

fn standstill_of(finding: Finding, stuck_for: Duration) -> Option<Standstill> {
    match finding {
        // At the last stable offset; the worker's own reports show how long already.
        Finding::End => None,
        Finding::Record | Finding::Silence => {
            (stuck_for >= UNREAD_AFTER).then_some(Standstill::Unread)
        }
        Finding::Undecodable { why, .. } => Some(Standstill::Undecodable { why }),
        Finding::Refused { why } => Some(Standstill::Refused { why }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(read_from: i64, reading: Reading) -> HeldPartition {
        let label = ShardLabel { topic: "calls".into(), partition: 0 };
        HeldPartition { label, read_from: Some(Offset(read_from)), reading }
    }

    #[test]
    fn partition_is_suspect_when_its_log_grows_and_its_position_stands() {
        let stands = |read_from, reading, end, stuck_for| {
            is_suspect(&held(read_from, reading), Some(Offset(end)), stuck_for)
        };
        let long = STUCK_AFTER;
        assert!(stands(5, Reading::Active, 6, long));
        assert!(!stands(5, Reading::Active, 6, long - Duration::from_millis(1)));
        assert!(!stands(5, Reading::Active, 5, long));
        assert!(!stands(5, Reading::Paused, 6, long));
        assert!(stands(5, Reading::Refused, 5, Duration::ZERO), "nothing tells that it is the end");
    }

    #[test]
    fn partition_is_tried_every_five_seconds_until_it_moves() {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let mut seen = Seen::new(Some(Offset(5)), start);
        let mut next =
            |read_from, s| seen.next(&held(read_from, Reading::Active), Some(Offset(9)), at(s));
        assert_eq!(next(5, 2), Next::Clear);
        assert_eq!(next(5, 3), Next::Try { stuck_for: Duration::from_secs(3) });
        assert_eq!(next(5, 7), Next::Wait);
        assert_eq!(next(5, 8), Next::Try { stuck_for: Duration::from_secs(8) });
        assert_eq!(next(6, 9), Next::Clear);
        assert_eq!(next(6, 12), Next::Try { stuck_for: Duration::from_secs(3) });
    }

    #[test]
    fn readable_partition_stands_still_only_when_it_is_unread_for_long() {
        assert_eq!(standstill_of(Finding::Record, STUCK_AFTER), None);
        assert_eq!(standstill_of(Finding::Record, UNREAD_AFTER), Some(Standstill::Unread));
        assert_eq!(standstill_of(Finding::End, UNREAD_AFTER), None);
        assert_eq!(standstill_of(Finding::Silence, STUCK_AFTER), None);
    }
}
