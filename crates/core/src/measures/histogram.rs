//! Histograms with classic and native buckets.

use serde::{Deserialize, Serialize};

use crate::measures::native::NativeCounts;

/// Exact counts per classic bucket, with the exact sum, and the counts of the native histogram. The
/// upper bounds of the buckets are in [`crate::settings::Settings`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketHistogram {
    /// Observations per bucket, not cumulated. There is one bucket more than there are bounds; the
    /// last one counts all values above the last bound. Empty before the first observation.
    pub counts: Vec<u64>,
    /// Sum of all observed values, in milliseconds.
    pub sum_ms: u64,
    /// The same observations in native buckets. The ledger stores them in a separate chunk, because
    /// its first version had no native histograms.
    #[serde(skip)]
    pub native: NativeCounts,
}

impl BucketHistogram {
    /// Counts a value in the bucket of the smallest bound that is not below it. `bounds_ms` ascends
    /// and is the same for all observations.
    pub fn observe(&mut self, value_ms: u64, bounds_ms: &[u64]) {
        if self.counts.is_empty() {
            self.counts = vec![0; bounds_ms.len() + 1];
        }
        let bucket = bounds_ms.partition_point(|bound| *bound < value_ms);
        self.counts[bucket] += 1;
        self.sum_ms = self.sum_ms.saturating_add(value_ms);
        self.native.observe(value_ms);
    }

    /// Derives the native counts from the classic ones, for a state without native counts. Each
    /// observation counts at the upper bound of its bucket, or at the last bound if it is above, so
    /// both histograms have the same number of observations.
    pub(crate) fn native_from_classic(&mut self, bounds_ms: &[u64]) {
        self.native = NativeCounts::default();
        for (bucket, &count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let bound_ms = bounds_ms.get(bucket).or(bounds_ms.last()).copied().unwrap_or(0);
            self.native.observe_many(bound_ms, count);
        }
    }

    /// Moves the counts to other bounds. The count of each bucket goes to the smallest new bound
    /// that is not below the old one. So an earlier observation is never counted at a bound below
    /// its value, although a new bound between two old ones misses some of them.
    pub(crate) fn move_to(&mut self, from_ms: &[u64], to_ms: &[u64]) {
        if from_ms == to_ms || self.counts.is_empty() {
            return;
        }
        let mut counts = vec![0; to_ms.len() + 1];
        for (bucket, count) in self.counts.iter().enumerate() {
            let place = from_ms
                .get(bucket)
                .map_or(to_ms.len(), |bound| to_ms.partition_point(|to| to < bound));
            counts[place] += count;
        }
        self.counts = counts;
    }

    /// Returns the number of observations.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Adds the observations of another histogram with the same bounds.
    pub fn add(&mut self, other: &BucketHistogram) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.sum_ms = self.sum_ms.saturating_add(other.sum_ms);
        self.native.add(&other.native);
    }
}
