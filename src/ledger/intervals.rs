//! The interval history, written: adds increments to the rows of their intervals.

use nabiz_core::event::Channels;
use nabiz_core::measures::{AgentIntervalDelta, IntervalCounts, IntervalDelta, SparseHdrCounts};
use nabiz_core::time::{Millis, Timestamp};
use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Row, Statement, Transaction, params, params_from_iter};

use super::counts;
use super::distribution::{self, Codec, FORMAT};
use super::distribution_errors::DistributionErrors;
use super::error::LedgerError;
use super::names::Names;
use super::schema::SCHEMA_VERSION;
use super::tables::{AGENT_COLUMNS, HISTORY_TABLES};

/// The distributions of a row, in the order of the table.
pub(super) const DISTRIBUTIONS: [&str; 3] = ["wait_answered", "wait_abandoned", "handle"];

/// Adds increments to their intervals, within the transaction of a checkpoint. A row has the target
/// of its newest increment; one that only counts endings by arrival keeps the target that is stored.
///
/// A stored distribution that cannot be read does not stop a checkpoint, now or later: the
/// increment replaces it, and the error is logged and counted in `errors`. The exact counts and
/// sums of the row stay, so a reader can compute how many values are missing.
///
/// # Errors
/// Returns [`LedgerError`]; the caller must then roll the transaction back.
pub(crate) fn add<'d>(
    tx: &Transaction<'_>,
    channels: &Channels,
    errors: &DistributionErrors,
    deltas: impl Iterator<Item = &'d IntervalDelta>,
    agents: impl Iterator<Item = &'d AgentIntervalDelta>,
) -> Result<(), LedgerError> {
    let mut deltas: Vec<&IntervalDelta> = deltas.collect();
    let mut agents: Vec<&AgentIntervalDelta> = agents.collect();
    if deltas.is_empty() && agents.is_empty() {
        return Ok(());
    }
    // A row to which several partitions add is written once. The sort is stable, so the newest
    // target stays the last.
    deltas.sort_by(|a, b| (a.start, &a.queue, a.channel).cmp(&(b.start, &b.queue, b.channel)));
    agents.sort_by(|a, b| (a.start, &a.queue).cmp(&(b.start, &b.queue)));
    let mut names = Names::new(tx)?;
    let mut rows = Rows::new(tx, errors)?;
    let is_same = |a: &&IntervalDelta, b: &&IntervalDelta| {
        a.start == b.start && a.queue == b.queue && a.channel == b.channel
    };
    for deltas in deltas.chunk_by(is_same) {
        let (queue, channel) =
            (names.id(&deltas[0].queue)?, names.id(channels.name(deltas[0].channel))?);
        rows.add(deltas, queue, channel)?;
    }
    let mut update = tx.prepare(
        "INSERT INTO agent_intervals
         (start_ms, queue, available_ms, busy_ms, wrap_up_ms, paused_ms, offline_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT DO UPDATE SET available_ms = ?3, busy_ms = ?4, wrap_up_ms = ?5,
         paused_ms = ?6, offline_ms = ?7",
    )?;
    let mut select = tx.prepare(&format!(
        "SELECT {} FROM agent_intervals WHERE start_ms = ?1 AND queue = ?2",
        AGENT_COLUMNS.join(", ")
    ))?;
    for agents in agents.chunk_by(|a, b| a.start == b.start && a.queue == b.queue) {
        let (start_ms, queue) = (agents[0].start.get(), names.id(&agents[0].queue)?);
        let stored =
            select.query_row(params![start_ms, queue], |row| read_agent_time(row, 0)).optional()?;
        let sum = agents.iter().fold(stored.unwrap_or_default(), |sum, agent| {
            agent_sum(sum, agent.state_ms.map(Millis))
        });
        let [available, busy, wrap_up, paused, offline] =
            sum.map(|time| counts::to_stored(time.get()));
        update.execute(params![start_ms, queue, available, busy, wrap_up, paused, offline])?;
    }
    Ok(())
}

/// Deletes intervals that begin before `end`: at most one day from the oldest row on, so that a
/// retention that was shortened does not hold up a checkpoint. Returns how many rows it deleted;
/// with 0, nothing older is left.
///
/// # Errors
/// [`LedgerError::Sqlite`]
pub(crate) fn delete_before(tx: &Transaction<'_>, end: Timestamp) -> Result<usize, LedgerError> {
    const DAY: Millis = Millis::from_hours(24);
    let oldest =
        HISTORY_TABLES.map(|table| format!("SELECT min(start_ms) AS start_ms FROM {table}"));
    let oldest = format!("SELECT min(start_ms) FROM ({})", oldest.join(" UNION ALL "));
    let oldest: Option<i64> = tx.query_row(&oldest, [], |row| row.get(0))?;
    let Some(oldest) = oldest.map(Timestamp).filter(|oldest| *oldest < end) else {
        return Ok(0);
    };
    let end = end.min(oldest.saturating_add(DAY)).get();
    let mut deleted = 0;
    for table in HISTORY_TABLES {
        deleted += tx.execute(&format!("DELETE FROM {table} WHERE start_ms < ?1"), [end])?;
    }
    Ok(deleted)
}

/// Reads agent time from a row, beginning at column `first`.
pub(super) fn read_agent_time(row: &Row<'_>, first: usize) -> rusqlite::Result<[Millis; 5]> {
    let mut by_state = [Millis::ZERO; 5];
    for (index, time) in by_state.iter_mut().enumerate() {
        *time = Millis(counts::from_stored(row.get(first + index)?));
    }
    Ok(by_state)
}

/// Reads counts from a row, beginning at column `first`.
pub(super) fn read_counts(row: &Row<'_>, first: usize) -> rusqlite::Result<IntervalCounts> {
    let mut read = IntervalCounts::default();
    for (index, (_, count)) in counts::columns(&mut read).enumerate() {
        *count = counts::from_stored(row.get(first + index)?);
    }
    Ok(read)
}

/// Returns the sum of two agent times, state by state.
pub(super) fn agent_sum(mut sum: [Millis; 5], more: [Millis; 5]) -> [Millis; 5] {
    for (sum, more) in sum.iter_mut().zip(more) {
        *sum = sum.saturating_add(more);
    }
    sum
}

/// Reads and writes rows of `intervals`.
struct Rows<'tx> {
    errors: &'tx DistributionErrors,
    select: Statement<'tx>,
    replace: Statement<'tx>,
    codec: Codec,
    count_columns: usize,
}

impl<'tx> Rows<'tx> {
    fn new(tx: &'tx Transaction<'_>, errors: &'tx DistributionErrors) -> rusqlite::Result<Self> {
        let mut columns = counts::names();
        let count_columns = columns.len();
        columns.push(counts::COUNTED_SINCE);
        columns.push("histogram_format");
        columns.extend(DISTRIBUTIONS);
        let places = vec!["?"; 5 + columns.len()].join(", ");
        let columns = columns.join(", ");
        Ok(Rows {
            errors,
            select: tx.prepare(&format!(
                "SELECT {columns}, target_wait_ms, target_ratio FROM intervals
                 WHERE start_ms = ?1 AND queue = ?2 AND channel = ?3"
            ))?,
            replace: tx.prepare(&format!(
                "INSERT OR REPLACE INTO intervals
                 (start_ms, queue, channel, target_wait_ms, target_ratio, {columns})
                 VALUES ({places})"
            ))?,
            codec: Codec::new(),
            count_columns,
        })
    }

    /// Adds the increments of one row; there is at least one.
    fn add(
        &mut self,
        deltas: &[&IntervalDelta],
        queue: i64,
        channel: i64,
    ) -> Result<(), LedgerError> {
        let Some(delta) = deltas.last() else { return Ok(()) };
        let since_at = self.count_columns;
        let format_at = since_at + 1;
        let key = params![delta.start.get(), queue, channel];
        let stored = self
            .select
            .query_row(key, |row| {
                let mut blobs: [Option<Vec<u8>>; DISTRIBUTIONS.len()] = Default::default();
                for (index, blob) in blobs.iter_mut().enumerate() {
                    *blob = row.get(format_at + 1 + index)?;
                }
                let versions = (row.get::<_, i64>(since_at)?, row.get::<_, i64>(format_at)?);
                let target_at = format_at + 1 + blobs.len();
                let target: (i64, f64) = (row.get(target_at)?, row.get(target_at + 1)?);
                Ok((read_counts(row, 0)?, versions, blobs, Some(target)))
            })
            .optional()?;
        let (mut sum, (counted_since, format), blobs, target) = stored.unwrap_or_else(|| {
            (IntervalCounts::default(), (SCHEMA_VERSION, FORMAT), Default::default(), None)
        });
        let of_delta = |delta: &IntervalDelta| {
            (counts::to_stored(delta.target_wait.get()), delta.target_ratio)
        };
        // An ending by arrival changes an interval of long ago, and has the target of today.
        let newest = deltas.iter().rev().find(|delta| !delta.counts.is_by_arrival_alone());
        let (target_wait_ms, target_ratio) =
            newest.map(|delta| of_delta(delta)).or(target).unwrap_or_else(|| of_delta(delta));
        deltas.iter().for_each(|delta| counts::add_increment(&mut sum, &delta.counts));

        let mut values = vec![
            Value::Integer(delta.start.get()),
            Value::Integer(queue),
            Value::Integer(channel),
            Value::Integer(target_wait_ms),
            Value::Real(target_ratio),
        ];
        values.extend(
            counts::columns(&mut sum).map(|(_, count)| Value::Integer(counts::to_stored(*count))),
        );
        values.push(Value::Integer(counted_since));
        values.push(Value::Integer(FORMAT));
        let cells_of_delta: [fn(&IntervalDelta) -> &SparseHdrCounts; DISTRIBUTIONS.len()] =
            [|delta| &delta.wait_answered, |delta| &delta.wait_abandoned, |delta| &delta.handle];
        for ((blob, cells_of), name) in blobs.into_iter().zip(cells_of_delta).zip(DISTRIBUTIONS) {
            let mut cells = SparseHdrCounts::default();
            deltas.iter().for_each(|delta| cells.add(cells_of(delta)));
            let at =
                DistributionRef { start: delta.start, queue: &delta.queue, distribution: name };
            values
                .push(self.add_to_blob(blob, format, &cells, at)?.map_or(Value::Null, Value::Blob));
        }
        self.replace.execute(params_from_iter(values))?;
        Ok(())
    }

    /// Returns the blob of a stored distribution with increments added.
    fn add_to_blob(
        &mut self,
        blob: Option<Vec<u8>>,
        format: i64,
        cells: &SparseHdrCounts,
        at: DistributionRef<'_>,
    ) -> Result<Option<Vec<u8>>, LedgerError> {
        if cells.counts.is_empty() && (format == FORMAT || blob.is_none()) {
            return Ok(blob);
        }
        let mut sum = match blob.map(|blob| self.codec.decode(format, &blob)) {
            None => distribution::empty(),
            Some(Ok(stored)) => stored,
            Some(Err(detail)) => {
                let error = at.corrupt(detail);
                self.errors.count_replaced();
                tracing::error!(%error, "unreadable distribution replaced by its increment");
                distribution::empty()
            }
        };
        distribution::add_cells(&mut sum, cells);
        self.codec.encode(&sum).map_err(|detail| at.corrupt(detail))
    }
}

/// Names a stored distribution in a message.
#[derive(Clone, Copy)]
pub(super) struct DistributionRef<'a> {
    pub(super) start: Timestamp,
    pub(super) queue: &'a str,
    pub(super) distribution: &'static str,
}

impl DistributionRef<'_> {
    pub(super) fn corrupt(&self, detail: String) -> LedgerError {
        let start = jiff::Timestamp::from_millisecond(self.start.get())
            .map_or_else(|_| format!("{} ms", self.start.get()), |start| start.to_string());
        LedgerError::Corrupt {
            what: self.distribution,
            detail: format!("{detail}, interval {start} of queue {:?}", self.queue),
        }
    }
}

#[cfg(test)]
mod tests;
