//! Counts of one window.

use serde::{Deserialize, Serialize};

use crate::measures::hdr_counts::SparseHdrCounts;

/// A window of a series: the counts, the label, and the wait distribution.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WindowSnapshot {
    /// Exact counts and sums.
    pub counts: WindowCounts,
    /// Wait of answered visits, in HDR cells.
    pub waits: SparseHdrCounts,
}

/// Exact counts and sums of one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowCounts {
    /// Visits that entered.
    pub offered: u64,
    /// A
    pub answered: u64,
    /// N
    pub answered_in_target: u64,
    /// Ab
    pub abandoned: u64,
    /// AbT
    pub abandoned_in_target: u64,
    /// AbS
    pub abandoned_short: u64,
    /// F, all reasons
    pub left: u64,
    /// Service-level events met.
    pub met: u64,
    /// Service-level events missed.
    pub missed: u64,
    /// Sum of the waits of answered visits.
    pub wait_sum_ms: u64,
    /// Longest wait of an answered visit.
    pub wait_max_ms: u64,
    /// Sum of the waits of abandoned visits.
    pub abandon_wait_sum_ms: u64,
    /// Conversations with a handle time.
    pub handled: u64,
    /// Sum of handle times.
    pub handle_sum_ms: u64,
}
