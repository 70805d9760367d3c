//! What became of the records read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::Reason;

/// What became of the records read, each in exactly one of these (or held at the context).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordTotals {
    /// Applied in time.
    pub applied: u64,
    /// Seen before, or without a new fact.
    pub duplicate: u64,
    /// Applied, older than every window.
    pub late: u64,
    /// Refused, by reason.
    pub rejected: BTreeMap<Reason, u64>,
    /// Endings that wait for their start.
    pub held: u64,
}

impl RecordTotals {
    /// All refused records.
    pub fn rejected_sum(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// All records read.
    pub fn read_sum(&self) -> u64 {
        self.applied + self.duplicate + self.late + self.rejected_sum() + self.held
    }
}
