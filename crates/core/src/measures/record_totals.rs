//! Counts of records by result.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::Reason;

/// Counts of the records read. Each record counts in exactly one field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordTotals {
    /// Records that were applied in time.
    pub applied: u64,
    /// Records that were seen before, or that say nothing new.
    pub duplicate: u64,
    /// Records that were applied, but are older than the longest window and `allowed_lateness`.
    pub late: u64,
    /// Rejected records, by reason.
    pub rejected: BTreeMap<Reason, u64>,
    /// Endings that wait for their start now. The only count that can go down.
    pub held: u64,
}

impl RecordTotals {
    /// Returns the number of rejected records.
    pub fn rejected_sum(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// Returns the number of records read.
    pub fn read_sum(&self) -> u64 {
        self.applied + self.duplicate + self.late + self.rejected_sum() + self.held
    }
}
