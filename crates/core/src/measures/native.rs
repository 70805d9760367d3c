//! Counts in the buckets of Prometheus native histograms of schema 5.
//!
//! Bucket `i` counts the values above 2^((i-1)/32) seconds, up to and including 2^(i/32) seconds.
//! The bounds of neighbours differ by a factor of 1.022.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::measures::hdr_counts::{SparseHdrCounts, hdr_index, middle_value_at};
use crate::time::Millis;

/// The schema of the native histograms: 2^5 buckets per power of two.
pub const NATIVE_SCHEMA: i32 = 5;

/// Upper bound of the zero bucket, in seconds. Durations are whole milliseconds, so the bucket
/// counts only 0.
pub const NATIVE_ZERO_THRESHOLD: f64 = 1.0 / (1u64 << 32) as f64;

/// Number of HDR cells whose buckets are computed once. They cover all values below 2^42 ms, more
/// than any event may have.
const CELLS: usize = 4608;

/// The bucket of each HDR cell. Cell 0 contains only the value 0, which has no bucket.
static BUCKETS: LazyLock<Vec<i16>> = LazyLock::new(|| (0..CELLS).map(bucket_of_middle).collect());

/// Computes the bucket of the middle value of a cell.
fn bucket_of_middle(cell: usize) -> i16 {
    let seconds = middle_value_at(cell) as f64 / 1000.0;
    (seconds.log2() * f64::from(1 << NATIVE_SCHEMA)).ceil() as i16
}

/// Returns the bucket of the middle value of a cell, from the table where it reaches.
fn bucket_of(cell: usize) -> i16 {
    BUCKETS.get(cell).copied().unwrap_or_else(|| bucket_of_middle(cell))
}

/// The number of values in each bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NativeCounts {
    /// Number of values that are 0.
    pub zero: u64,
    /// Pairs of bucket and count, ascending by bucket. Each bucket occurs once, with a count above
    /// 0.
    pub buckets: Vec<(i16, u64)>,
}

impl NativeCounts {
    /// Counts a duration once.
    pub fn observe(&mut self, duration: Millis) {
        self.observe_many(duration, 1);
    }

    /// Counts a duration `count` times.
    pub(crate) fn observe_many(&mut self, duration: Millis, count: u64) {
        self.count_cell(hdr_index(duration.get()), count);
    }

    /// Adds the counts of another histogram.
    pub fn add(&mut self, other: &NativeCounts) {
        self.zero = self.zero.saturating_add(other.zero);
        for &(bucket, count) in &other.buckets {
            self.count_bucket(bucket, count);
        }
    }

    /// Converts counts by HDR cell, with values in milliseconds. All values of a cell count in the
    /// bucket of its middle value.
    pub fn from_cells(cells: &SparseHdrCounts) -> Self {
        let mut counts = NativeCounts::default();
        for &(cell, count) in &cells.counts {
            counts.count_cell(usize::from(cell), u64::from(count));
        }
        counts
    }

    /// Returns the number of values.
    pub fn count(&self) -> u64 {
        self.buckets.iter().fold(self.zero, |sum, (_, count)| sum.saturating_add(*count))
    }

    fn count_cell(&mut self, cell: usize, count: u64) {
        if cell == 0 {
            self.zero = self.zero.saturating_add(count);
        } else {
            self.count_bucket(bucket_of(cell), count);
        }
    }

    fn count_bucket(&mut self, bucket: i16, count: u64) {
        match self.buckets.binary_search_by_key(&bucket, |(known, _)| *known) {
            Ok(place) => self.buckets[place].1 = self.buckets[place].1.saturating_add(count),
            Err(place) => self.buckets.insert(place, (bucket, count)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the upper bound of a bucket in seconds, by the definition of the schema.
    fn upper_bound(bucket: i16) -> f64 {
        (f64::from(bucket) / 32.0).exp2()
    }

    #[test]
    fn value_lies_in_its_bucket_or_its_neighbour() {
        let mut value_ms = 1u64;
        while value_ms < 1 << 41 {
            let mut counts = NativeCounts::default();
            counts.observe(Millis(value_ms));
            let [(bucket, 1)] = counts.buckets[..] else { panic!("{counts:?}") };
            let seconds = value_ms as f64 / 1000.0;
            // The middle of a cell is less than half a percent away.
            assert!(seconds <= upper_bound(bucket) * 1.004, "{value_ms} ms in bucket {bucket}");
            assert!(seconds > upper_bound(bucket - 1) / 1.004, "{value_ms} ms in bucket {bucket}");
            value_ms += 1 + value_ms / 97;
        }
    }

    #[test]
    fn upper_bound_is_inclusive() {
        // 1 s and 2 s are 2^0 and 2^1; below 256 ms every cell is one value: 125 ms is 2^-3 s.
        let mut counts = NativeCounts::default();
        counts.observe(Millis(125));
        assert_eq!(counts.buckets, [(-96, 1)]);
        counts.observe(Millis(126));
        assert_eq!(counts.buckets, [(-96, 1), (-95, 1)]);
    }

    #[test]
    fn zero_counts_apart_when_counts_are_added() {
        let mut counts = NativeCounts::default();
        for value_ms in [0, 0, 1, 20_000, 20_001, 7_200_000] {
            counts.observe(Millis(value_ms));
        }
        assert_eq!((counts.zero, counts.count()), (2, 6));
        let mut sum = counts.clone();
        sum.add(&counts);
        assert_eq!((sum.zero, sum.count()), (4, 12));
        assert!(sum.buckets.is_sorted_by_key(|(bucket, _)| *bucket));
    }

    #[test]
    fn cells_give_the_counts_of_their_values() {
        let mut cells = SparseHdrCounts::default();
        let mut counts = NativeCounts::default();
        for value_ms in [0, 3, 255, 256, 300, 19_999, 20_000, 5_000_000_000] {
            cells.increment(value_ms);
            counts.observe(Millis(value_ms));
        }
        assert_eq!(NativeCounts::from_cells(&cells), counts);
    }

    #[test]
    fn bucket_table_reaches_past_the_longest_duration() {
        assert!(hdr_index(1 << 41) < CELLS);
        assert_eq!(bucket_of(CELLS), bucket_of_middle(CELLS));
    }
}
