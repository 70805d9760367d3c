//! Counts of logs that are not the ones that were read, or may not be.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of the process. Partitions count here themselves, so that no count is lost with its
/// partition.
#[derive(Debug, Default)]
pub(super) struct LogCounters {
    resets: AtomicU64,
    unverified: AtomicU64,
}

impl LogCounters {
    /// Counts a log that lost its end, or whose topic was recreated.
    pub(super) fn count_reset(&self) {
        self.resets.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a partition that is read on without proof that its log is the one that was read.
    pub(super) fn count_unverified(&self) {
        self.unverified.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn resets(&self) -> u64 {
        self.resets.load(Ordering::Relaxed)
    }

    pub(super) fn unverified(&self) -> u64 {
        self.unverified.load(Ordering::Relaxed)
    }
}
