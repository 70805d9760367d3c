//! A queue of which each entry keeps its number for as long as it is there.

use std::collections::VecDeque;

/// Entries of one chunk.
const CHUNK: usize = 4096;

/// Numbered entries, taken up at one end and dropped at the other, in chunks that stay where they are: one list of them
/// all would be copied whenever it grows, and keep the most memory it ever had.
#[derive(Debug)]
pub(crate) struct ChunkedQueue<T> {
    /// All but the last are full; the first entries of the first may be dropped already.
    chunks: VecDeque<Vec<T>>,
    /// Number of the first entry of the first chunk.
    base: u64,
    /// Number of the oldest entry.
    oldest: u64,
    /// Number of the next entry.
    next: u64,
}

impl<T: Copy> ChunkedQueue<T> {
    /// An empty one, whose first entry will have the number `next`.
    pub(crate) fn new(next: u64) -> Self {
        ChunkedQueue { chunks: VecDeque::new(), base: next, oldest: next, next }
    }

    pub(crate) fn len(&self) -> usize {
        (self.next - self.oldest) as usize
    }

    /// The number of the oldest entry; of the next where there is none.
    pub(crate) fn oldest(&self) -> u64 {
        self.oldest
    }

    /// The number that the next entry will have.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// The entry of a number, which is not older than the oldest; `None` where there is no such number yet.
    #[inline]
    pub(crate) fn get(&self, number: u64) -> Option<T> {
        let place = number.checked_sub(self.base)? as usize;
        self.chunks.get(place / CHUNK)?.get(place % CHUNK).copied()
    }

    /// The entries from a number on.
    pub(crate) fn from(&self, number: u64) -> impl Iterator<Item = T> {
        (number..self.next).map_while(|number| self.get(number))
    }

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

    /// Drops the oldest entry.
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
        /// As a list of numbered entries, however pushes and pops alternate.
        #[test]
        fn entries_keep_their_numbers(first in 0_u64..10, steps in prop::collection::vec((any::<bool>(), 1_usize..6_000), 1..12)) {
            let (mut ring, mut due) = (ChunkedQueue::new(first), VecDeque::new());
            for (push, many) in steps {
                for _ in 0..many {
                    if push {
                        due.push_back((ring.next(), ring.next() * 7));
                        ring.push(ring.next() * 7);
                    } else {
                        prop_assert_eq!(ring.pop(), due.pop_front().map(|(_, entry)| entry));
                    }
                }
                prop_assert_eq!(ring.len(), due.len());
                prop_assert_eq!(ring.oldest(), due.front().map_or(ring.next(), |(number, _)| *number));
                prop_assert!(due.iter().all(|(number, entry)| ring.get(*number) == Some(*entry)));
                prop_assert_eq!(ring.get(ring.next()), None);
                let middle = ring.oldest() + ring.len() as u64 / 2;
                prop_assert!(ring.from(middle).eq(due.iter().skip(ring.len() / 2).map(|(_, entry)| *entry)));
            }
        }
    }
}
