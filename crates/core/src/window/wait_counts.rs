//! Counts of the waits of one window by HDR cell.

/// Counts by HDR cell that can be subtracted again. Most windows have waits in a few cells, and
/// keep only these, in order: a counter for each cell would need some kilobytes per window.
#[derive(Debug)]
pub(crate) enum WaitCounts {
    /// Pairs of cell and count, ascending by cell, with each count above 0.
    Few(Vec<(u16, u32)>),
    /// A count for each cell, up to the highest one that was used.
    Many(Vec<u32>),
}

impl Default for WaitCounts {
    fn default() -> Self {
        WaitCounts::Few(Vec::new())
    }
}

/// The most cells that are kept in order: half a kilobyte.
const FEW: usize = 64;

impl WaitCounts {
    /// Adds `count` waits of a cell. The first cell that exceeds [`FEW`] creates a counter for each
    /// cell.
    pub(crate) fn add(&mut self, cell: u16, count: u32) {
        if let WaitCounts::Few(few) = self {
            match few.binary_search_by_key(&cell, |(known, _)| *known) {
                Ok(place) => return few[place].1 += count,
                Err(place) if few.len() < FEW => return few.insert(place, (cell, count)),
                Err(_) => {
                    let last = few.last().map_or(0, |(last, _)| *last);
                    let mut many = vec![0; usize::from(last) + 1];
                    few.iter().for_each(|(known, count)| many[usize::from(*known)] = *count);
                    *self = WaitCounts::Many(many);
                }
            }
        }
        if let WaitCounts::Many(many) = self {
            let cell = usize::from(cell);
            if many.len() <= cell {
                many.resize(cell + 1, 0);
            }
            many[cell] += count;
        }
    }

    /// Subtracts waits of a cell that were added before.
    pub(crate) fn subtract(&mut self, cell: u16, count: u32) {
        match self {
            WaitCounts::Few(few) => {
                let Ok(place) = few.binary_search_by_key(&cell, |(known, _)| *known) else {
                    return;
                };
                few[place].1 -= count;
                if few[place].1 == 0 {
                    few.remove(place);
                }
            }
            WaitCounts::Many(many) => many[usize::from(cell)] -= count,
        }
    }

    /// Returns pairs of cell and count, ascending by cell, with each count above 0.
    pub(crate) fn used(&self) -> Vec<(u16, u32)> {
        match self {
            WaitCounts::Few(few) => few.clone(),
            WaitCounts::Many(many) => {
                // Most counts are 0, so the search skips whole chunks without a count.
                const CHUNK: usize = 32;
                let chunks = many.chunks(CHUNK).enumerate();
                let used = chunks
                    .filter(|(_, counts)| counts.iter().fold(0, |all, count| all | count) != 0);
                let cells = used.flat_map(|(chunk, counts)| {
                    let cells = counts.iter().enumerate().filter(|(_, count)| **count > 0);
                    cells.map(move |(cell, count)| ((chunk * CHUNK + cell) as u16, *count))
                });
                cells.collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Compares the counts with a map after each addition and subtraction.
        #[test]
        fn counts_match_a_map_when_waits_are_added_and_subtracted(
            steps in prop::collection::vec((0_u16..200, 1_u32..4, any::<bool>()), 0..400),
        ) {
            let (mut waits, mut expected) = (WaitCounts::default(), BTreeMap::<u16, u32>::new());
            for (cell, count, is_subtracted) in steps {
                let known = expected.entry(cell).or_default();
                let count = if is_subtracted { count.min(*known) } else { count };
                if is_subtracted && count > 0 {
                    waits.subtract(cell, count);
                    *known -= count;
                } else if !is_subtracted {
                    waits.add(cell, count);
                    *known += count;
                }
                expected.retain(|_, count| *count > 0);
                let expected_used: Vec<_> =
                    expected.iter().map(|(cell, count)| (*cell, *count)).collect();
                prop_assert_eq!(waits.used(), expected_used);
            }
        }
    }
}
