//! What happens next: a priority queue of steps by time, and in the order of planning where times are equal.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::world::Step;

#[derive(Debug)]
struct Due {
    time_ms: i64,
    order: u64,
    step: Step,
}

impl Due {
    fn place(&self) -> (i64, u64) {
        (self.time_ms, self.order)
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    // Reversed: the standard heap gives the greatest first.
    fn cmp(&self, other: &Self) -> Ordering {
        other.place().cmp(&self.place())
    }
}

/// The steps to come.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    heap: BinaryHeap<Due>,
    planned: u64,
}

impl Agenda {
    /// Plans `step` for `time_ms`.
    pub(super) fn plan(&mut self, time_ms: i64, step: Step) {
        self.heap.push(Due { time_ms, order: self.planned, step });
        self.planned += 1;
    }

    /// Takes the next step that comes before `end_ms`.
    pub(super) fn next_before(&mut self, end_ms: i64) -> Option<(i64, Step)> {
        if self.heap.peek()?.time_ms >= end_ms {
            return None;
        }
        self.heap.pop().map(|due| (due.time_ms, due.step))
    }

    /// How many steps are planned.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_come_by_time_and_then_in_the_order_of_planning() {
        let mut agenda = Agenda::default();
        for (time_ms, agent) in [(5, 0), (3, 1), (5, 2), (3, 3), (5, 4), (5, 5), (9, 6)] {
            agenda.plan(time_ms, Step::ShiftEnds { agent });
        }
        let taken: Vec<(i64, usize)> = std::iter::from_fn(|| agenda.next_before(9))
            .map(|(time_ms, step)| match step {
                Step::ShiftEnds { agent } => (time_ms, agent),
                other => panic!("{other:?} was not planned"),
            })
            .collect();
        assert_eq!(taken, [(3, 1), (3, 3), (5, 0), (5, 2), (5, 4), (5, 5)]);
        assert_eq!(agenda.len(), 1, "what is not before the end stays");
    }
}
