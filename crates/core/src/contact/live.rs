//! Live gauges of one series: counts kept as they change, and the oldest of those that count.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::contact::handle::Handle;

/// Who is waiting, in service and open now.
#[derive(Debug, Default)]
pub(crate) struct LiveSeries {
    pub(crate) waiting: u64,
    pub(crate) over_target: u64,
    pub(crate) in_service: u64,
    pub(crate) open: u64,
    pub(crate) overdue: u64,
    pub(crate) waits: OldestTracker,
    pub(crate) opens: OldestTracker,
}

/// A queue of (since, contact) from which the gone are dropped only when they come to the front, or when they outnumber
/// the present.
#[derive(Debug, Default)]
pub(crate) struct OldestTracker {
    heap: BinaryHeap<Reverse<(i64, Handle)>>,
}

impl OldestTracker {
    pub(crate) fn push(&mut self, since_ms: i64, handle: Handle) {
        self.heap.push(Reverse((since_ms, handle)));
    }

    /// Whether the gone outnumber the `present`.
    pub(crate) fn is_bloated(&self, present: u64) -> bool {
        const SLACK: usize = 64;
        self.heap.len() > present as usize * 2 + SLACK
    }

    /// Drops the gone.
    pub(crate) fn retain(&mut self, is_present: impl Fn(i64, Handle) -> bool) {
        self.heap.retain(|Reverse((since_ms, handle))| is_present(*since_ms, *handle));
    }

    /// The earliest `since` of those present.
    pub(crate) fn oldest_ms(&mut self, is_present: impl Fn(i64, Handle) -> bool) -> Option<i64> {
        while let Some(&Reverse((since_ms, handle))) = self.heap.peek() {
            if is_present(since_ms, handle) {
                return Some(since_ms);
            }
            self.heap.pop();
        }
        None
    }
}
