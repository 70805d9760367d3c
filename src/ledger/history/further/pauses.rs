//! Rows of paused time.

use std::sync::Arc;

use nabiz_core::time::Millis;

use super::row::{FurtherRow, Label, Span, label};
use crate::ledger::history::cell::{Cell, Column, Record};
use crate::ledger::tables::{PAUSES, Table};

/// Paused time of agents as heads, for one reason.
#[derive(Clone, Debug, PartialEq)]
pub struct PauseRow {
    /// The time of the row.
    pub span: Span,
    /// The reason.
    pub reason: Arc<str>,
    /// The time.
    pub paused: Millis,
}

impl FurtherRow for PauseRow {
    const TABLE: Table = PAUSES;

    fn new(span: Span, labels: &[Label], numbers: &[u64]) -> Self {
        let paused = Millis(numbers.first().copied().unwrap_or(0));
        PauseRow { span, reason: label(labels, 0), paused }
    }
}

impl Record for PauseRow {
    const COLUMNS: &'static [Column<Self>] = &[
        ("start", |row| Cell::Time(row.span.range.start)),
        ("end", |row| Cell::Time(row.span.range.end)),
        ("open", |row| Cell::Flag(row.span.open)),
        ("reason", |row| Cell::Text(&row.reason)),
        ("paused_seconds", |row| Cell::Number(row.paused.as_secs_f64())),
    ];
}
