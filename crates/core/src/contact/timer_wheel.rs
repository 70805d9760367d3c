//! Timers of many contacts, in the order in which they fire.
//!
//! One heap of all timers would be deep, and each step through it a miss of the CPU cache. Most
//! timers are about an hour away, so they stay unsorted in buckets of a few seconds, and only the
//! next bucket is a heap.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::contact::handle::Handle;
use crate::time::Timestamp;

/// Width of a bucket: 2^12 ms, about 4 s.
const BUCKET_BITS: u32 = 12;

/// Returns the bucket of an instant.
fn bucket_of(time: Timestamp) -> i64 {
    time.get() >> BUCKET_BITS
}

/// The timers of a partition.
#[derive(Debug, Default)]
pub(super) struct TimerWheel {
    /// All timers that fire before the bucket `first`.
    near: BinaryHeap<Reverse<(Timestamp, Handle)>>,
    /// The first bucket of `later`; earlier ones are in `near`.
    first: i64,
    later: BTreeMap<i64, Vec<Reverse<(Timestamp, Handle)>>>,
}

impl TimerWheel {
    /// Adds a timer.
    pub(super) fn push(&mut self, due: Timestamp, handle: Handle) {
        let (bucket, timer) = (bucket_of(due), Reverse((due, handle)));
        if bucket < self.first {
            self.near.push(timer);
        } else {
            self.later.entry(bucket).or_default().push(timer);
        }
    }

    /// Returns whether a timer is due at `now`.
    pub(super) fn is_due(&mut self, now: Timestamp) -> bool {
        if self.near.is_empty() {
            let Some(next) = self.later.first_entry().filter(|next| *next.key() <= bucket_of(now))
            else {
                return false;
            };
            self.first = next.key() + 1;
            self.near = next.remove().into();
        }
        self.near.peek().is_some_and(|Reverse((due, _))| *due <= now)
    }

    /// Removes the next timer that is due at `now` and returns it. Timers of the same instant come
    /// in order of their handles.
    pub(super) fn pop_due(&mut self, now: Timestamp) -> Option<(Timestamp, Handle)> {
        if !self.is_due(now) {
            return None;
        }
        self.near.pop().map(|Reverse(timer)| timer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn timers_come_as_from_one_heap_when_pushes_and_pops_alternate(
            steps in prop::collection::vec(
                (prop::option::of((-20_000_i64..60_000, 0_u32..4)), 0_i64..9_000),
                1..200,
            )
        ) {
            let (mut timers, mut heap) = (TimerWheel::default(), BinaryHeap::new());
            let mut now = -10_000;
            for (push, pass) in steps {
                if let Some((away, slot)) = push {
                    let timer = (Timestamp(now + away), Handle::of_test(slot));
                    timers.push(timer.0, timer.1);
                    heap.push(Reverse(timer));
                    continue;
                }
                now += pass;
                let due = |timer: &&Reverse<(Timestamp, Handle)>| timer.0.0 <= Timestamp(now);
                while let Some(&Reverse(timer)) = heap.peek().filter(due) {
                    heap.pop();
                    prop_assert_eq!(timers.pop_due(Timestamp(now)), Some(timer));
                }
                prop_assert_eq!(timers.pop_due(Timestamp(now)), None);
            }
        }
    }
}
