//! Rows of survey answers.

use std::sync::Arc;

use super::row::{FurtherRow, Label, Span, label};
use crate::ledger::history::cell::{Cell, Column, Record};
use crate::ledger::tables::{SCORES, Table};

/// Survey answers with one score.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreRow {
    /// The time of the row.
    pub span: Span,
    /// Queue id.
    pub queue: Arc<str>,
    /// Channel.
    pub channel: Arc<str>,
    /// The score.
    pub score: u64,
    /// How many answers have it.
    pub count: u64,
}

impl FurtherRow for ScoreRow {
    const TABLE: Table = SCORES;

    fn new(span: Span, labels: &[Label], numbers: &[u64]) -> Self {
        let score = match labels.get(2) {
            Some(Label::Score(score)) => *score,
            Some(Label::Name(_)) | None => 0,
        };
        let count = numbers.first().copied().unwrap_or(0);
        ScoreRow { span, queue: label(labels, 0), channel: label(labels, 1), score, count }
    }
}

impl Record for ScoreRow {
    const COLUMNS: &'static [Column<Self>] = &[
        ("start", |row| Cell::Time(row.span.range.start)),
        ("end", |row| Cell::Time(row.span.range.end)),
        ("open", |row| Cell::Flag(row.span.open)),
        ("queue", |row| Cell::Text(&row.queue)),
        ("channel", |row| Cell::Text(&row.channel)),
        ("score", |row| Cell::Count(row.score)),
        ("count", |row| Cell::Count(row.count)),
    ];
}
