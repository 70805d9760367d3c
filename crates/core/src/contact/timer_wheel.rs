//! TimerWheel of many contacts, in the order in which they are due.
//!
//! One heap of all would be deep, and each step through it a miss of the cache. Most timers are about an hour away, so
//! they wait unsorted in buckets of a few seconds, and only the bucket that is next is a heap.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::contact::handle::Handle;

/// Width of a bucket: 2^12 ms, about 4 s.
const BUCKET_BITS: u32 = 12;

#[derive(Debug, Default)]
pub(crate) struct TimerWheel {
    /// All that are due before the end of the first bucket.
    near: BinaryHeap<Reverse<(i64, Handle)>>,
    /// Buckets before this one are in `near`.
    first: i64,
    later: BTreeMap<i64, Vec<Reverse<(i64, Handle)>>>,
}

impl TimerWheel {
    pub(crate) fn push(&mut self, due_ms: i64, handle: Handle) {
        let (bucket, timer) = (due_ms >> BUCKET_BITS, Reverse((due_ms, handle)));
        match bucket < self.first {
            true => self.near.push(timer),
            false => self.later.entry(bucket).or_default().push(timer),
        }
    }

    /// Whether one is due at `now_ms`.
    pub(crate) fn is_due(&mut self, now_ms: i64) -> bool {
        if self.near.is_empty() {
            let Some(next) =
                self.later.first_entry().filter(|next| *next.key() <= now_ms >> BUCKET_BITS)
            else {
                return false;
            };
            self.first = next.key() + 1;
            self.near = next.remove().into();
        }
        self.near.peek().is_some_and(|Reverse((due_ms, _))| *due_ms <= now_ms)
    }

    /// Takes the next that is due at `now_ms`; of several at the same instant, by handle.
    pub(crate) fn pop_due(&mut self, now_ms: i64) -> Option<(i64, Handle)> {
        if !self.is_due(now_ms) {
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
        /// They come in the order of one heap, however pushes and pops alternate.
        #[test]
        fn timers_come_as_from_one_heap(
            steps in prop::collection::vec((prop::option::of((-20_000_i64..60_000, 0_u32..4)), 0_i64..9_000), 1..200)
        ) {
            let (mut timers, mut heap, mut now_ms) = (TimerWheel::default(), BinaryHeap::new(), -10_000);
            for (push, pass_ms) in steps {
                if let Some((away_ms, slot)) = push {
                    let handle = Handle::of_test(slot);
                    timers.push(now_ms + away_ms, handle);
                    heap.push(Reverse((now_ms + away_ms, handle)));
                } else {
                    now_ms += pass_ms;
                    while let Some(&Reverse(timer)) = heap.peek().filter(|Reverse((due_ms, _))| *due_ms <= now_ms) {
                        heap.pop();
                        prop_assert_eq!(timers.pop_due(now_ms), Some(timer));
                    }
                    prop_assert_eq!(timers.pop_due(now_ms), None);
                }
            }
        }
    }
}
