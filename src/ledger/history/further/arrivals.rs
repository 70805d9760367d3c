//! Rows of arrivals.

use std::sync::Arc;

use nabiz_core::measures::ArrivalCounts;

use super::row::{FurtherRow, Label, Span, label, ratio};
use crate::ledger::history::cell::{Cell, Column, Record};
use crate::ledger::tables::{ARRIVALS, Table};

/// Contacts that reached the centre, and outcomes of self-service.
#[derive(Clone, Debug, PartialEq)]
pub struct ArrivalRow {
    /// The time of the row.
    pub span: Span,
    /// Channel of the contacts.
    pub channel: Arc<str>,
    /// Entry point.
    pub entry_point: Arc<str>,
    /// Exact counts.
    pub counts: ArrivalCounts,
}

impl ArrivalRow {
    /// Returns contained / all outcomes of self-service.
    pub fn containment(&self) -> Option<f64> {
        let ArrivalCounts {
            contacts: _,
            self_service_contained,
            self_service_to_queue,
            self_service_abandoned,
            self_service_failed,
        } = self.counts;
        let others = [self_service_to_queue, self_service_abandoned, self_service_failed];
        let all = others.into_iter().fold(self_service_contained, u64::saturating_add);
        ratio(self_service_contained, all)
    }
}

impl FurtherRow for ArrivalRow {
    const TABLE: Table = ARRIVALS;

    fn new(span: Span, labels: &[Label], numbers: &[u64]) -> Self {
        let mut counts = ArrivalCounts::default();
        counts.iter_mut().zip(numbers).for_each(|((_, count), number)| *count = *number);
        ArrivalRow { span, channel: label(labels, 0), entry_point: label(labels, 1), counts }
    }
}

impl Record for ArrivalRow {
    const COLUMNS: &'static [Column<Self>] = &[
        ("start", |row| Cell::Time(row.span.range.start)),
        ("end", |row| Cell::Time(row.span.range.end)),
        ("open", |row| Cell::Flag(row.span.open)),
        ("channel", |row| Cell::Text(&row.channel)),
        ("entry_point", |row| Cell::Text(&row.entry_point)),
        ("contacts", |row| Cell::Count(row.counts.contacts)),
        ("self_service_contained", |row| Cell::Count(row.counts.self_service_contained)),
        ("self_service_to_queue", |row| Cell::Count(row.counts.self_service_to_queue)),
        ("self_service_abandoned", |row| Cell::Count(row.counts.self_service_abandoned)),
        ("self_service_failed", |row| Cell::Count(row.counts.self_service_failed)),
        ("containment", |row| row.containment().into()),
    ];
}
