//! Counts of one window of a series.

use serde::{Deserialize, Serialize};

use crate::measures::counters::{DurationSums, ServiceLevelCounts, VisitCounts};
use crate::measures::hdr_counts::SparseHdrCounts;
use crate::time::Millis;

/// One window of a series: its counts and its wait distribution.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WindowSnapshot {
    /// Exact counts and sums.
    pub counts: WindowCounts,
    /// Waits of answered visits in milliseconds, by HDR cell.
    pub waits: SparseHdrCounts,
}

/// Exact counts and sums of one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowCounts {
    /// Visits by outcome.
    pub visits: VisitCounts,
    /// Service-level events.
    pub service_level: ServiceLevelCounts,
    /// F: visits that left, for any reason.
    pub left: u64,
    /// Sums of waits and handle times.
    pub sums: DurationSums,
    /// Longest wait of an answered visit.
    pub wait_max: Millis,
}

impl WindowCounts {
    /// Adds the counts and sums of `more` and keeps the larger maximum.
    pub fn add(&mut self, more: &WindowCounts) {
        self.wait_max = self.wait_max.max(more.wait_max);
        self.add_without_maximum(more);
    }

    /// Adds the counts and sums of `more`, but not its maximum.
    pub(crate) fn add_without_maximum(&mut self, more: &WindowCounts) {
        let WindowCounts { visits, service_level, left, sums, wait_max: _ } = more;
        self.visits.add(visits);
        self.service_level.add(service_level);
        self.left = self.left.saturating_add(*left);
        self.sums.add(sums);
    }

    /// Subtracts counts that were added before. The maximum stays, because the next lower value is
    /// not known.
    pub(crate) fn subtract(&mut self, less: &WindowCounts) {
        let WindowCounts { visits, service_level, left, sums, wait_max: _ } = less;
        self.visits.subtract(visits);
        self.service_level.subtract(service_level);
        self.left = self.left.saturating_sub(*left);
        self.sums.subtract(sums);
    }
}
