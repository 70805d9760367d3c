//! Rows of agent time, each agent counted once.

use nabiz_core::measures::AgentWindow;
use nabiz_core::time::Millis;

use super::row::{FurtherRow, Label, Span, ratio};
use crate::ledger::history::cell::{Cell, Column, Record};
use crate::ledger::tables::{HEADS, Table};

/// Time of agents as heads, by state.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentRow {
    /// The time of the row.
    pub span: Span,
    /// The time by [`AgentState::index`](nabiz_core::event::AgentState::index).
    pub time: [Millis; 5],
}

impl AgentRow {
    /// Returns (busy + wrap-up) / (busy + wrap-up + available).
    pub fn occupancy(&self) -> Option<f64> {
        AgentWindow { state_ms: self.time.map(Millis::get) }.occupancy()
    }

    /// Returns paused / (paused + available + busy + wrap-up): the shrinkage within a shift.
    pub fn paused_share(&self) -> Option<f64> {
        let [available, busy, wrap_up, paused, _offline] = self.time.map(Millis::get);
        let signed_in = [available, busy, wrap_up].into_iter().fold(paused, u64::saturating_add);
        ratio(paused, signed_in)
    }
}

impl FurtherRow for AgentRow {
    const TABLE: Table = HEADS;

    fn new(span: Span, _labels: &[Label], numbers: &[u64]) -> Self {
        let mut time = [Millis::ZERO; 5];
        time.iter_mut().zip(numbers).for_each(|(time, number)| *time = Millis(*number));
        AgentRow { span, time }
    }
}

impl Record for AgentRow {
    const COLUMNS: &'static [Column<Self>] = &[
        ("start", |row| Cell::Time(row.span.range.start)),
        ("end", |row| Cell::Time(row.span.range.end)),
        ("open", |row| Cell::Flag(row.span.open)),
        ("available_seconds", |row| Cell::Number(row.time[0].as_secs_f64())),
        ("busy_seconds", |row| Cell::Number(row.time[1].as_secs_f64())),
        ("wrap_up_seconds", |row| Cell::Number(row.time[2].as_secs_f64())),
        ("paused_seconds", |row| Cell::Number(row.time[3].as_secs_f64())),
        ("offline_seconds", |row| Cell::Number(row.time[4].as_secs_f64())),
        ("occupancy", |row| row.occupancy().into()),
        ("paused_share", |row| row.paused_share().into()),
    ];
}
