//! The priority queue of planned steps: by time, and in the order of planning at equal times.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::steps::Step;

#[derive(Debug)]
struct PlannedStep {
    time_ms: i64,
    order: u64,
    step: Step,
}

impl PlannedStep {
    fn sort_key(&self) -> (i64, u64) {
        (self.time_ms, self.order)
    }
}

impl PartialEq for PlannedStep {
    fn eq(&self, other: &Self) -> bool {
        self.sort_key() == other.sort_key()
    }
}

impl Eq for PlannedStep {}

impl PartialOrd for PlannedStep {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PlannedStep {
    // Reversed, because the standard heap returns the greatest element first.
    fn cmp(&self, other: &Self) -> Ordering {
        other.sort_key().cmp(&self.sort_key())
    }
}

/// The planned steps.
#[derive(Debug, Default)]
pub(crate) struct EventQueue {
    heap: BinaryHeap<PlannedStep>,
    /// Steps planned so far.
    planned: u64,
}

impl EventQueue {
    /// Plans `step` for `time_ms`.
    pub(crate) fn plan(&mut self, time_ms: i64, step: Step) {
        self.heap.push(PlannedStep { time_ms, order: self.planned, step });
        self.planned += 1;
    }

    /// Removes and returns the next step, with its time, if that is before `end_ms`.
    pub(crate) fn next_before(&mut self, end_ms: i64) -> Option<(i64, Step)> {
        if self.heap.peek()?.time_ms >= end_ms {
            return None;
        }
        self.heap.pop().map(|planned| (planned.time_ms, planned.step))
    }

    /// Returns how many steps are planned.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_keep_the_order_of_planning_when_times_are_equal() {
        let mut event_queue = EventQueue::default();
        for (time_ms, agent) in [(5, 0), (3, 1), (5, 2), (3, 3), (5, 4), (5, 5), (9, 6)] {
            event_queue.plan(time_ms, Step::ShiftEnds { agent });
        }
        let taken: Vec<(i64, usize)> = std::iter::from_fn(|| event_queue.next_before(9))
            .map(|(time_ms, step)| match step {
                Step::ShiftEnds { agent } => (time_ms, agent),
                other => panic!("{other:?} was not planned"),
            })
            .collect();
        assert_eq!(taken, [(3, 1), (3, 3), (5, 0), (5, 2), (5, 4), (5, 5)]);
        assert_eq!(event_queue.len(), 1, "a step at the end stays");
    }
}
