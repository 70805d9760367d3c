//! Rows of follow-ups.

use std::sync::Arc;

use nabiz_core::measures::UnitCounts;

use super::row::{FurtherRow, Label, Span, label, ratio, seconds};
use crate::ledger::history::cell::{Cell, Column, Record};
use crate::ledger::tables::{Table, UNITS};

/// Follow-ups of a unit.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitRow {
    /// The time of the row.
    pub span: Span,
    /// The unit.
    pub unit: Arc<str>,
    /// Exact counts and sums.
    pub counts: UnitCounts,
}

impl UnitRow {
    /// Returns the mean time from the opening of a follow-up to the informing, in seconds.
    pub fn followup_mean_seconds(&self) -> Option<f64> {
        ratio(self.counts.informed_sum_ms, self.counts.timed).map(|mean_ms| mean_ms / 1000.0)
    }
}

impl FurtherRow for UnitRow {
    const TABLE: Table = UNITS;

    fn new(span: Span, labels: &[Label], numbers: &[u64]) -> Self {
        let mut counts = UnitCounts::default();
        counts.iter_mut().zip(numbers).for_each(|((_, count), number)| *count = *number);
        UnitRow { span, unit: label(labels, 0), counts }
    }
}

impl Record for UnitRow {
    const COLUMNS: &'static [Column<Self>] = &[
        ("start", |row| Cell::Time(row.span.range.start)),
        ("end", |row| Cell::Time(row.span.range.end)),
        ("open", |row| Cell::Flag(row.span.open)),
        ("unit", |row| Cell::Text(&row.unit)),
        ("opened", |row| Cell::Count(row.counts.opened)),
        ("informed", |row| Cell::Count(row.counts.informed)),
        ("timed", |row| Cell::Count(row.counts.timed)),
        ("informed_sum_seconds", |row| Cell::Number(seconds(row.counts.informed_sum_ms))),
        ("informed_mean_seconds", |row| row.followup_mean_seconds().into()),
    ];
}
