//! Sparse counts in the cell layout of an HDR histogram with two significant digits.

use hdrhistogram::Histogram;

/// Cells per power of two: enough for two significant digits (error below 1 %).
const HALF: u64 = 128;

/// Returns the index of the cell of a value: one cell per value below 256, then 128 cells per power
/// of two.
pub fn hdr_index(value: u64) -> usize {
    let shift = (64 - (value | (2 * HALF - 1)).leading_zeros() - 8) as u64;
    (shift * HALF + (value >> shift)) as usize
}

/// Returns the lowest value of a cell.
pub fn lowest_value_at(cell: usize) -> u64 {
    let cell = cell as u64;
    if cell < 2 * HALF {
        return cell;
    }
    let shift = cell / HALF - 1;
    (cell - shift * HALF) << shift
}

/// Returns the middle value of a cell, rounded down.
pub(crate) fn middle_value_at(cell: usize) -> u64 {
    let lowest = lowest_value_at(cell);
    lowest + (lowest_value_at(cell + 1) - lowest) / 2
}

/// Counts by HDR cell, kept only where they are not 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SparseHdrCounts {
    /// Pairs of cell and count. Each cell occurs once, in ascending order, with a count above 0.
    pub counts: Vec<(u16, u32)>,
}

impl SparseHdrCounts {
    /// Counts a value once.
    pub fn increment(&mut self, value: u64) {
        let cell = hdr_index(value) as u16;
        match self.counts.binary_search_by_key(&cell, |(known, _)| *known) {
            Ok(place) => self.counts[place].1 += 1,
            Err(place) => self.counts.insert(place, (cell, 1)),
        }
    }

    /// Adds the counts of `other`, and stops each at [`u32::MAX`].
    pub fn add(&mut self, other: &SparseHdrCounts) {
        if other.counts.is_empty() {
            return;
        }
        let mut merged = Vec::with_capacity(self.counts.len() + other.counts.len());
        let (mut left, mut right) = (self.counts.iter().peekable(), other.counts.iter().peekable());
        loop {
            match (left.peek(), right.peek()) {
                (Some(&&(a, count)), Some(&&(b, more))) if a == b => {
                    merged.push((a, count.saturating_add(more)));
                    left.next();
                    right.next();
                }
                (Some(&&(a, count)), Some(&&(b, _))) if a < b => {
                    merged.push((a, count));
                    left.next();
                }
                (_, Some(&&entry)) => {
                    merged.push(entry);
                    right.next();
                }
                (Some(&&entry), None) => {
                    merged.push(entry);
                    left.next();
                }
                (None, None) => break,
            }
        }
        self.counts = merged;
    }

    /// Returns an auto-resizing HDR histogram of two significant digits with the same counts.
    pub fn to_hdr(&self) -> Histogram<u32> {
        let mut histogram =
            Histogram::new(2).unwrap_or_else(|_| unreachable!("two significant digits are valid"));
        for &(cell, count) in &self.counts {
            histogram.saturating_record_n_or_grow(lowest_value_at(usize::from(cell)), count);
        }
        histogram
    }
}

/// Recording without an error, for an auto-resizing histogram.
trait RecordOrGrow {
    /// Records `value` `count` times; the counts stop at their maximum.
    fn saturating_record_n_or_grow(&mut self, value: u64, count: u32);
}

impl RecordOrGrow for Histogram<u32> {
    fn saturating_record_n_or_grow(&mut self, value: u64, count: u32) {
        // An auto-resizing histogram refuses only values above 2^63, and cells end at 2^41.
        let _ = self.record_n(value, count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_those_of_the_hdr_layout() {
        let hdr: Histogram<u32> = Histogram::new_with_bounds(1, 1 << 41, 2).unwrap();
        let around_powers =
            (0..41).flat_map(|power| [1u64 << power, (1 << power) + 1, (1 << power) * 3 / 2]);
        for value in (0..2_000).chain(around_powers) {
            let cell = hdr_index(value);
            assert_eq!(lowest_value_at(cell), hdr.lowest_equivalent(value), "value {value}");
            assert_eq!(hdr_index(lowest_value_at(cell)), cell, "value {value}");
        }
    }

    #[test]
    fn cells_are_dense_and_ascending() {
        for cell in 0..4_000 {
            assert_eq!(hdr_index(lowest_value_at(cell)), cell);
            assert!(lowest_value_at(cell) < lowest_value_at(cell + 1));
        }
    }

    #[test]
    fn hdr_histogram_holds_the_same_counts() {
        let cells =
            SparseHdrCounts { counts: vec![(0, 3), (255, 1), (hdr_index(1 << 40) as u16, 2)] };
        let hdr = cells.to_hdr();
        assert_eq!(hdr.len(), 6);
        assert_eq!(hdr.count_at(0), 3);
        assert_eq!(hdr.count_at(255), 1);
        assert_eq!(hdr.count_at(1 << 40), 2);
    }

    #[test]
    fn cells_stay_sorted_and_single_when_counts_are_added() {
        let mut sum = SparseHdrCounts { counts: vec![(1, 1), (3, 2)] };
        sum.add(&SparseHdrCounts { counts: vec![(0, 5), (3, 4), (9, 1)] });
        assert_eq!(sum.counts, [(0, 5), (1, 1), (3, 6), (9, 1)]);
    }
}
