//! Reads the intervals of a further table, one step after the other.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::Path;
use std::sync::Arc;

use nabiz_core::settings::Settings;
use nabiz_core::time::{Millis, TimeRange, Timestamp};
use rusqlite::Connection;

use super::row::{FurtherRow, Label, Span};
use crate::ledger::error::LedgerError;
use crate::ledger::history::ledger_reads::{
    Names, beginning, closed_until, ids, open_ledger, push_filter, round_up,
};
use crate::ledger::history::query::Query;
use crate::ledger::tables::Table;
use crate::ledger::{counts, schema};

/// The rows of a query of a further table, step by step, and within a step by their labels. Steps
/// and labels without an interval have no row.
///
/// The rows of one step come from one transaction. What a ledger has from before its table is no
/// whole, and has no row: see [`Self::known_from`].
pub struct FurtherHistory<R> {
    connection: Connection,
    settings: Arc<Settings>,
    interval: Millis,
    query: Query,
    /// Restricts the rows to wanted queues and channels.
    filter: String,
    /// The first interval that is known as a whole, where the ledger is older than the table.
    known_from: Option<Timestamp>,
    /// The first interval of the ledger, before which nothing is known; `None` where it was empty.
    beginning: Option<Timestamp>,
    /// The first instant that has not been read.
    next: Timestamp,
    /// Rows of the last step that were not returned yet.
    ready: VecDeque<R>,
    names: HashMap<i64, Arc<str>>,
    is_cancelled: Box<dyn Fn() -> bool + Send>,
    /// The topics that decide whether a row is open; all topics of the ledger where empty.
    topics: Vec<String>,
}

impl<R: FurtherRow> FurtherHistory<R> {
    /// Opens a ledger for reading, also while another process writes it. `settings` give the time
    /// zone; `interval` is the configured interval length.
    ///
    /// # Errors
    /// [`LedgerError`] where there is no ledger of this or an older version, or its intervals have
    /// another length.
    pub fn open(
        path: &Path,
        settings: Arc<Settings>,
        interval: Millis,
        query: Query,
    ) -> Result<Self, LedgerError> {
        let connection = open_ledger(path, interval)?;
        let Table { name, labels, .. } = R::TABLE;
        let known_from = match connection.table_exists(None, name)? {
            true => schema::further_since(&connection)?.map(|since| round_up(since, interval)),
            // A ledger of an older version: nothing is known.
            false => Some(Timestamp::MAX),
        };
        let mut filter = String::new();
        for (column, wanted) in [("queue", &query.queues), ("channel", &query.channels)] {
            if labels.contains(&column) {
                push_filter(&mut filter, column, ids(&connection, wanted)?.as_deref());
            }
        }
        let start = query.period.start;
        let begins = |table: &str| -> Result<Option<Timestamp>, LedgerError> {
            if !connection.table_exists(None, table)? {
                return Ok(None);
            }
            let sql = format!("SELECT min(start_ms) FROM {table}");
            let first: Option<i64> = connection.query_row(&sql, [], |row| row.get(0))?;
            Ok(first.map(Timestamp))
        };
        // A ledger may begin with a record that is of no visit.
        let firsts = [beginning(&connection)?, begins(name)?];
        Ok(FurtherHistory {
            beginning: firsts.into_iter().flatten().min(),
            connection,
            settings,
            interval,
            filter,
            known_from,
            next: known_from.map_or(start, |known_from| known_from.max(start)),
            query,
            ready: VecDeque::new(),
            names: HashMap::new(),
            is_cancelled: Box::new(|| false),
            topics: Vec::new(),
        })
    }

    /// Returns the first instant of which the table is whole, where a ledger is older than its
    /// table; [`Timestamp::MAX`] where it has no such table yet. `None` where the table is whole
    /// from the first record on.
    pub fn known_from(&self) -> Option<Timestamp> {
        self.known_from
    }

    /// Returns the time of which the table is complete: from the first whole interval to the instant
    /// before which all rows are closed. `None` where there is no such time.
    ///
    /// # Errors
    /// [`LedgerError::Sqlite`]
    pub fn known(&mut self) -> Result<Option<TimeRange>, LedgerError> {
        let Some(beginning) = self.beginning else { return Ok(None) };
        let tx = self.connection.transaction()?;
        let end = closed_until(&tx, &self.settings, &self.topics)?;
        let start = self.known_from.map_or(beginning, |from| from.max(beginning));
        Ok(end.filter(|end| start < *end).map(|end| TimeRange { start, end }))
    }

    /// Names the topics that are read now: a row is closed once these have been read past it.
    #[must_use]
    pub fn of_topics(self, topics: Vec<String>) -> Self {
        FurtherHistory { topics, ..self }
    }

    /// Ends the rows early, also within a long step, once `is_cancelled` returns true.
    #[must_use]
    pub fn cancelled_by(self, is_cancelled: impl Fn() -> bool + Send + 'static) -> Self {
        FurtherHistory { is_cancelled: Box::new(is_cancelled), ..self }
    }

    /// Reads the next step that has an interval. Returns false at the end of the period.
    fn read_step(&mut self) -> Result<bool, LedgerError> {
        let (period, Table { name, labels, numbers }) = (self.query.period, R::TABLE);
        let tx = self.connection.transaction()?;
        let of_range = format!("FROM {name} WHERE start_ms >= ?1 AND start_ms < ?2{}", self.filter);
        let first: Option<i64> = tx.query_row(
            &format!("SELECT min(start_ms) {of_range}"),
            [self.next.get(), period.end.get()],
            |row| row.get(0),
        )?;
        let Some(first) = first.map(Timestamp) else { return Ok(false) };
        let around = self.query.step.around(first, &self.settings.windows.business_day);
        let step = around.unwrap_or(period);
        let known =
            self.beginning.max(self.known_from).map_or(period.start, |from| from.min(first));
        let start = step.start.max(known).max(period.start);
        let range = TimeRange { start, end: step.end.min(period.end) };

        let columns: Vec<&str> = labels.iter().chain(numbers).copied().collect();
        let mut select = tx.prepare(&format!("SELECT {} {of_range}", columns.join(", ")))?;
        let mut rows = select.query([first.get(), range.end.get()])?;
        let mut names = Names { tx: &tx, known: &mut self.names };
        let mut sums: BTreeMap<Vec<Label>, Vec<u64>> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            if (self.is_cancelled)() {
                return Ok(true);
            }
            let mut key = Vec::with_capacity(labels.len());
            for (index, label) in labels.iter().enumerate() {
                let value = row.get(index)?;
                key.push(match *label {
                    "score" => Label::Score(counts::from_stored(value)),
                    _ => Label::Name(names.get(value)?),
                });
            }
            let sum = sums.entry(key).or_insert_with(|| vec![0; numbers.len()]);
            for (index, sum) in sum.iter_mut().enumerate() {
                let more = counts::from_stored(row.get(labels.len() + index)?);
                *sum = sum.saturating_add(more).min(counts::COUNT_MAX);
            }
        }
        // The period may end within an interval, which then belongs to it as a whole.
        let last_interval_end = round_up(range.end, self.interval);
        let open = closed_until(&tx, &self.settings, &self.topics)?
            .is_none_or(|closed_until| last_interval_end > closed_until);
        let span = Span { range, open };
        self.ready.extend(sums.iter().map(|(labels, numbers)| R::new(span, labels, numbers)));
        self.next = range.end.max(first.saturating_add(Millis(1)));
        Ok(true)
    }
}

impl<R: FurtherRow> Iterator for FurtherHistory<R> {
    type Item = Result<R, LedgerError>;

    /// Returns the next row. After an error there are no more.
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if (self.is_cancelled)() {
                return None;
            }
            if let Some(row) = self.ready.pop_front() {
                return Some(Ok(row));
            }
            if self.next >= self.query.period.end {
                return None;
            }
            match self.read_step() {
                Ok(true) => {}
                Ok(false) => self.next = self.query.period.end,
                Err(error) => {
                    self.next = self.query.period.end;
                    return Some(Err(error));
                }
            }
        }
    }
}
