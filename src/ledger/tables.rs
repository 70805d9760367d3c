//! The tables of the interval history, by their names and columns.

use nabiz_core::measures::{ArrivalCounts, UnitCounts};

/// The tables of the interval history, each with the column `start_ms`. A ledger of an older
/// version has only the first ones.
pub(super) const HISTORY_TABLES: [&str; 7] = [
    "intervals",
    "agent_intervals",
    "arrival_intervals",
    "unit_intervals",
    "score_intervals",
    "pause_intervals",
    "head_intervals",
];

/// The columns of agent time by [`nabiz_core::event::AgentState::index`].
pub(super) const AGENT_COLUMNS: [&str; 5] =
    ["available_ms", "busy_ms", "wrap_up_ms", "paused_ms", "offline_ms"];

/// The columns of a further table: its labels, which with the start of the interval are the key of
/// a row, and its numbers, which add up.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    pub(super) name: &'static str,
    /// All but a score are ids of names.
    pub(super) labels: &'static [&'static str],
    pub(super) numbers: &'static [&'static str],
}

pub(super) const ARRIVALS: Table = Table {
    name: "arrival_intervals",
    labels: &["channel", "entry_point"],
    numbers: ArrivalCounts::NAMES,
};
pub(super) const UNITS: Table =
    Table { name: "unit_intervals", labels: &["unit"], numbers: UnitCounts::NAMES };
pub(super) const SCORES: Table =
    Table { name: "score_intervals", labels: &["queue", "channel", "score"], numbers: &["count"] };
pub(super) const PAUSES: Table =
    Table { name: "pause_intervals", labels: &["reason"], numbers: &["paused_ms"] };
pub(super) const HEADS: Table =
    Table { name: "head_intervals", labels: &[], numbers: &AGENT_COLUMNS };
