//! Live gauges of one series: counts that change with each event, and the oldest of the counted.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::contact::handle::Handle;
use crate::time::Timestamp;

/// The visits, conversations and issues of one series that are open now.
#[derive(Debug, Default)]
pub(super) struct LiveSeries {
    pub(super) waiting: u64,
    pub(super) over_target: u64,
    pub(super) in_service: u64,
    pub(super) open: u64,
    pub(super) overdue: u64,
    pub(super) oldest_waiting: OldestTracker,
    pub(super) oldest_open: OldestTracker,
}

/// Min-heap of (start, contact) with lazy deletion: stale entries are dropped when they reach the
/// top, or when they outnumber the present ones.
#[derive(Debug, Default)]
pub(super) struct OldestTracker {
    heap: BinaryHeap<Reverse<(Timestamp, Handle)>>,
}

impl OldestTracker {
    /// Adds an entry.
    pub(super) fn push(&mut self, since: Timestamp, handle: Handle) {
        self.heap.push(Reverse((since, handle)));
    }

    /// Returns whether stale entries outnumber the `present` ones.
    pub(super) fn is_bloated(&self, present: u64) -> bool {
        const SLACK: usize = 64;
        self.heap.len() > present as usize * 2 + SLACK
    }

    /// Drops stale entries.
    pub(super) fn retain(&mut self, is_present: impl Fn(Timestamp, Handle) -> bool) {
        self.heap.retain(|Reverse((since, handle))| is_present(*since, *handle));
    }

    /// Returns the earliest start of those present.
    pub(super) fn oldest(
        &mut self,
        is_present: impl Fn(Timestamp, Handle) -> bool,
    ) -> Option<Timestamp> {
        while let Some(&Reverse((since, handle))) = self.heap.peek() {
            if is_present(since, handle) {
                return Some(since);
            }
            self.heap.pop();
        }
        None
    }
}
