//! A kind of row of the further tables.

use std::sync::Arc;

use nabiz_core::time::TimeRange;

use crate::ledger::history::cell::Record;
use crate::ledger::tables::Table;

/// The time of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The part of the step that lies in the queried period and is known.
    pub range: TimeRange,
    /// The row can still change, because not all events of its time have been read.
    pub open: bool,
}

/// What a row is about, besides its time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Label {
    /// A queue, channel, entry point, unit or reason.
    Name(Arc<str>),
    /// A score.
    Score(u64),
}

impl Label {
    /// Returns the name; an empty text for a score.
    pub(super) fn name(&self) -> &str {
        match self {
            Label::Name(name) => name,
            Label::Score(_) => "",
        }
    }
}

/// A row of a further table: sums over the intervals of a step.
pub trait FurtherRow: Record + Send {
    /// The table.
    #[doc(hidden)]
    const TABLE: Table;

    /// Creates the row. `labels` and `numbers` are in the order of the columns of the table.
    #[doc(hidden)]
    fn new(span: Span, labels: &[Label], numbers: &[u64]) -> Self;
}

/// Returns the label at an index of a row.
pub(super) fn label(labels: &[Label], index: usize) -> Arc<str> {
    labels.get(index).map(Label::name).unwrap_or_default().into()
}

/// Returns milliseconds in seconds.
pub(super) fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1000.0
}

/// Returns a part as a ratio; `None` where the whole is 0.
pub(super) fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
