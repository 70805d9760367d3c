//! Histograms with classic and native buckets.

use serde::{Deserialize, Serialize};

use crate::measures::native::NativeCounts;
use crate::time::Millis;

/// Exact counts per classic bucket, with the exact sum, and the counts of the native histogram. The
/// upper bounds of the buckets are in [`crate::settings::Settings`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketHistogram {
    /// Observations per bucket, not cumulated. There is one bucket more than there are bounds; the
    /// last one counts all values above the last bound. Empty before the first observation.
    pub counts: Vec<u64>,
    /// Sum of all observed durations.
    pub sum: Millis,
    /// The same observations in native buckets. The ledger stores them in a separate chunk, because
    /// its first version had no native histograms.
    #[serde(skip)]
    pub native: NativeCounts,
}

impl BucketHistogram {
    /// Counts a duration in the bucket of the smallest bound that is not below it. `bounds` ascends
    /// and is the same for all observations.
    pub fn observe(&mut self, duration: Millis, bounds: &[Millis]) {
        if self.counts.is_empty() {
            self.counts = vec![0; bounds.len() + 1];
        }
        let bucket = bounds.partition_point(|bound| *bound < duration);
        self.counts[bucket] += 1;
        self.sum = self.sum.saturating_add(duration);
        self.native.observe(duration);
    }

    /// Derives the native counts from the classic ones, for a state without native counts. Each
    /// observation counts at the upper bound of its bucket, or at the last bound if it is above, so
    /// both histograms have the same number of observations.
    pub(crate) fn native_from_classic(&mut self, bounds: &[Millis]) {
        self.native = NativeCounts::default();
        for (bucket, &count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let bound = bounds.get(bucket).or(bounds.last()).copied().unwrap_or_default();
            self.native.observe_many(bound, count);
        }
    }

    /// Moves the counts to other bounds. The count of each bucket goes to the smallest new bound
    /// that is not below the old one. So an earlier observation is never counted at a bound below
    /// its value, although a new bound between two old ones misses some of them.
    pub(crate) fn move_to(&mut self, from: &[Millis], to: &[Millis]) {
        if from == to || self.counts.is_empty() {
            return;
        }
        let mut counts = vec![0; to.len() + 1];
        for (bucket, count) in self.counts.iter().enumerate() {
            let place =
                from.get(bucket).map_or(to.len(), |old| to.partition_point(|new| new < old));
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
        self.sum = self.sum.saturating_add(other.sum);
        self.native.add(&other.native);
    }
}
