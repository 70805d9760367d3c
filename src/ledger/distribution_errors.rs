//! Counters of stored distributions that could not be read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of unreadable distributions. Clones share the counters, so that the writer, all readers
/// of the history, and the metrics see the same numbers.
#[derive(Clone, Debug, Default)]
pub struct DistributionErrors {
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    replaced: AtomicU64,
    left_out: AtomicU64,
}

impl DistributionErrors {
    /// Returns how many distributions a checkpoint replaced by their increment.
    pub fn replaced(&self) -> u64 {
        self.counters.replaced.load(Ordering::Relaxed)
    }

    /// Returns how many distributions readers left out of a history; each reading counts.
    pub fn left_out(&self) -> u64 {
        self.counters.left_out.load(Ordering::Relaxed)
    }

    pub(super) fn count_replaced(&self) {
        self.counters.replaced.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a distribution that is left out. Returns whether it is the first.
    pub(super) fn count_left_out(&self) -> bool {
        self.counters.left_out.fetch_add(1, Ordering::Relaxed) == 0
    }
}
