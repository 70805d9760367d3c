//! A queue whose entries keep their numbers.

use std::collections::VecDeque;

/// Entries of one chunk.
const CHUNK: usize = 4096;

/// Numbered entries, appended at the back and dropped at the front.
///
/// The chunks never move. One large vector would be copied whenever it grows, and would never
/// return memory.
#[derive(Debug)]
pub(crate) struct ChunkedQueue<T> {
    /// All chunks but the last are full; the front of the first may be dropped already.
    chunks: VecDeque<Vec<T>>,
    /// Number of the first entry of the first chunk.
    base: u64,
    /// Number of the oldest entry.
    oldest: u64,
    /// Number of the next entry.
    next: u64,
}

impl<T: Copy> ChunkedQueue<T> {
    /// Creates an empty queue whose first entry gets the number `next`.
    pub(crate) fn new(next: u64) -> Self {
        ChunkedQueue { chunks: VecDeque::new(), base: next, oldest: next, next }
    }

    /// Returns how many entries the queue holds.
    pub(crate) fn len(&self) -> usize {
        (self.next - self.oldest) as usize
    }

    /// Returns the number of the oldest entry, or [`Self::next`] if the queue is empty.
    pub(crate) fn oldest(&self) -> u64 {
        self.oldest
    }

    /// Returns the number that the next entry gets.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Returns the entry of a number, or `None` if the number is not used yet.
    ///
    /// The number must not be below [`Self::oldest`]: such an entry may still be in its chunk.
    #[inline]
    pub(crate) fn get(&self, number: u64) -> Option<T> {
        let index = number.checked_sub(self.base)? as usize;
        self.chunks.get(index / CHUNK)?.get(index % CHUNK).copied()
    }

    /// Returns the entries from a number on.
    pub(crate) fn from(&self, number: u64) -> impl Iterator<Item = T> {
        (number..self.next).map_while(|number| self.get(number))
    }

    /// Appends an entry.
    pub(crate) fn push(&mut self, entry: T) {
        match self.chunks.back_mut() {
            Some(last) if last.len() < CHUNK => last.push(entry),
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(entry);
                self.chunks.push_back(chunk);
            }
        }
        self.next += 1;
    }

    /// Drops the oldest entry and returns it.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let entry = self.get(self.oldest)?;
        self.oldest += 1;
        if (self.oldest - self.base) as usize == CHUNK {
            self.chunks.pop_front();
            self.base = self.oldest;
        }
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn entries_keep_their_numbers_when_pushes_and_pops_alternate(
            first in 0_u64..10,
            steps in prop::collection::vec((any::<bool>(), 1_usize..6_000), 1..12),
        ) {
            let (mut queue, mut expected) = (ChunkedQueue::new(first), VecDeque::new());
            for (push, many) in steps {
                for _ in 0..many {
                    if push {
                        expected.push_back((queue.next(), queue.next() * 7));
                        queue.push(queue.next() * 7);
                    } else {
                        let oldest = expected.pop_front().map(|(_, entry)| entry);
                        prop_assert_eq!(queue.pop(), oldest);
                    }
                }
                prop_assert_eq!(queue.len(), expected.len());
                let oldest = expected.front().map_or(queue.next(), |(number, _)| *number);
                prop_assert_eq!(queue.oldest(), oldest);
                let same = |(number, entry): &(u64, u64)| queue.get(*number) == Some(*entry);
                prop_assert!(expected.iter().all(same));
                prop_assert_eq!(queue.get(queue.next()), None);
                let middle = queue.oldest() + queue.len() as u64 / 2;
                let newer = expected.iter().skip(queue.len() / 2).map(|(_, entry)| *entry);
                prop_assert!(queue.from(middle).eq(newer));
            }
        }
    }
}
