//! The interval history, written: increments are added to the rows of their intervals.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use nabiz_core::event::Channels;
use nabiz_core::measures::{AgentIntervalDelta, IntervalCounts, IntervalDelta, SparseHdrCounts};
use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Row, Statement, Transaction, params, params_from_iter};

use super::LedgerError;
use super::counts;
use super::distribution::{self, Codec, Distribution, FORMAT};

/// The distributions of a row, in the order of the table.
pub(super) const DISTRIBUTIONS: [&str; 3] = ["wait_answered", "wait_abandoned", "handle"];
/// Agent time by [`nabiz_core::event::AgentState::index`].
pub(super) const AGENT_COLUMNS: [&str; 5] =
    ["available_ms", "busy_ms", "wrap_up_ms", "paused_ms", "offline_ms"];

/// Stored distributions that could not be read and were replaced, since the process began.
static REPLACED: AtomicU64 = AtomicU64::new(0);

/// How many stored distributions could not be read, and were replaced by their increments, since the process began.
pub fn distributions_replaced() -> u64 {
    REPLACED.load(Ordering::Relaxed)
}

/// Adds increments to their intervals, within the transaction of a checkpoint. A row's target is that of its newest
/// increment.
///
/// A stored distribution that cannot be read does not stop a checkpoint, now or later: its counts and sums stay, it is
/// replaced by the increment, the error is logged and counted ([`distributions_replaced`]). Readers see how many values are
/// missing, because the exact counts stand beside it.
///
/// # Errors
/// [`LedgerError::Sqlite`]; then nothing of the transaction must be committed.
pub(crate) fn add<'d>(
    tx: &Transaction<'_>,
    channels: &Channels,
    deltas: impl Iterator<Item = &'d IntervalDelta>,
    agents: impl Iterator<Item = &'d AgentIntervalDelta>,
) -> Result<(), LedgerError> {
    let mut deltas: Vec<&IntervalDelta> = deltas.collect();
    let mut agents: Vec<&AgentIntervalDelta> = agents.collect();
    if deltas.is_empty() && agents.is_empty() {
        return Ok(());
    }
    // What several partitions add to a row is written once. The sort is stable: the newest target stays the newest.
    deltas
        .sort_by(|a, b| (a.start_ms, &a.queue, a.channel).cmp(&(b.start_ms, &b.queue, b.channel)));
    agents.sort_by(|a, b| (a.start_ms, &a.queue).cmp(&(b.start_ms, &b.queue)));
    let mut names = Names::new(tx)?;
    let mut rows = Rows::new(tx)?;
    let is_same = |a: &&IntervalDelta, b: &&IntervalDelta| {
        a.start_ms == b.start_ms && a.queue == b.queue && a.channel == b.channel
    };
    for deltas in deltas.chunk_by(is_same) {
        let (queue, channel) =
            (names.id(&deltas[0].queue)?, names.id(channels.name(deltas[0].channel))?);
        rows.add(deltas, queue, channel)?;
    }
    let mut update = tx.prepare(
        "INSERT INTO agent_intervals (start_ms, queue, available_ms, busy_ms, wrap_up_ms, paused_ms, offline_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE SET available_ms = ?3, busy_ms = ?4, wrap_up_ms = ?5,
         paused_ms = ?6, offline_ms = ?7",
    )?;
    let mut select = tx.prepare(&format!(
        "SELECT {} FROM agent_intervals WHERE start_ms = ?1 AND queue = ?2",
        AGENT_COLUMNS.join(", ")
    ))?;
    for agents in agents.chunk_by(|a, b| a.start_ms == b.start_ms && a.queue == b.queue) {
        let (start_ms, queue) = (agents[0].start_ms, names.id(&agents[0].queue)?);
        let stored =
            select.query_row(params![start_ms, queue], |row| agent_ms(row, 0)).optional()?;
        let sum =
            agents.iter().fold(stored.unwrap_or_default(), |sum, agent| added(sum, agent.state_ms));
        let [available, busy, wrap_up, paused, offline] = sum.map(counts::stored);
        update.execute(params![start_ms, queue, available, busy, wrap_up, paused, offline])?;
    }
    Ok(())
}

/// Deletes history that begins before `start_ms`: at most the day that follows the oldest row, so that a shorter retention
/// does not hold up a checkpoint. Gives the number of rows; 0 means that nothing older is left.
///
/// # Errors
/// [`LedgerError::Sqlite`]
pub(crate) fn delete_before(tx: &Transaction<'_>, start_ms: i64) -> Result<usize, LedgerError> {
    const DAY_MS: i64 = 86_400_000;
    let oldest = "SELECT min(start_ms) FROM (SELECT min(start_ms) AS start_ms FROM intervals
                  UNION ALL SELECT min(start_ms) FROM agent_intervals)";
    let oldest_ms: Option<i64> = tx.query_row(oldest, [], |row| row.get(0))?;
    let Some(oldest_ms) = oldest_ms.filter(|oldest_ms| *oldest_ms < start_ms) else {
        return Ok(0);
    };
    let end_ms = start_ms.min(oldest_ms.saturating_add(DAY_MS));
    let intervals = tx.execute("DELETE FROM intervals WHERE start_ms < ?1", [end_ms])?;
    Ok(intervals + tx.execute("DELETE FROM agent_intervals WHERE start_ms < ?1", [end_ms])?)
}

/// Agent time of a row from column `first`.
pub(super) fn agent_ms(row: &Row<'_>, first: usize) -> rusqlite::Result<[u64; 5]> {
    let mut state_ms = [0; 5];
    for (index, ms) in state_ms.iter_mut().enumerate() {
        *ms = counts::read(row.get(first + index)?);
    }
    Ok(state_ms)
}

/// Counts of a row from column `first`.
pub(super) fn row_counts(row: &Row<'_>, first: usize) -> rusqlite::Result<IntervalCounts> {
    let mut read = IntervalCounts::default();
    for (index, (_, count)) in counts::columns(&mut read).enumerate() {
        *count = counts::read(row.get(first + index)?);
    }
    Ok(read)
}

/// Agent time added state by state.
pub(super) fn added(mut sum: [u64; 5], more: [u64; 5]) -> [u64; 5] {
    for (sum, more) in sum.iter_mut().zip(more) {
        *sum = sum.saturating_add(more);
    }
    sum
}

/// Ids of names. Remembered within one transaction only, because one that is rolled back takes its new ids along.
struct Names<'tx> {
    known: HashMap<String, i64>,
    select: Statement<'tx>,
    insert: Statement<'tx>,
}

impl<'tx> Names<'tx> {
    fn new(tx: &'tx Transaction<'_>) -> rusqlite::Result<Self> {
        Ok(Names {
            known: HashMap::new(),
            select: tx.prepare("SELECT id FROM names WHERE name = ?1")?,
            insert: tx.prepare("INSERT INTO names (name) VALUES (?1)")?,
        })
    }

    fn id(&mut self, name: &str) -> rusqlite::Result<i64> {
        if let Some(id) = self.known.get(name) {
            return Ok(*id);
        }
        let id = match self.select.query_row([name], |row| row.get(0)).optional()? {
            Some(id) => id,
            None => self.insert.insert([name])?,
        };
        self.known.insert(name.to_string(), id);
        Ok(id)
    }
}

/// Rows of `intervals`, read and written.
struct Rows<'tx> {
    select: Statement<'tx>,
    replace: Statement<'tx>,
    codec: Codec,
    count_columns: usize,
}

impl<'tx> Rows<'tx> {
    fn new(tx: &'tx Transaction<'_>) -> rusqlite::Result<Self> {
        let mut columns = counts::names();
        let count_columns = columns.len();
        columns.push("histogram_format");
        columns.extend(DISTRIBUTIONS);
        let columns = columns.join(", ");
        let places = vec!["?"; 5 + count_columns + 1 + DISTRIBUTIONS.len()].join(", ");
        Ok(Rows {
            select: tx.prepare(&format!(
                "SELECT {columns} FROM intervals WHERE start_ms = ?1 AND queue = ?2 AND channel = ?3"
            ))?,
            replace: tx.prepare(&format!(
                "INSERT OR REPLACE INTO intervals (start_ms, queue, channel, target_wait_ms, target_ratio, {columns})
                 VALUES ({places})"
            ))?,
            codec: Codec::new(),
            count_columns,
        })
    }

    /// Adds increments of one row, of which there is at least one.
    fn add(
        &mut self,
        deltas: &[&IntervalDelta],
        queue: i64,
        channel: i64,
    ) -> Result<(), LedgerError> {
        let Some(delta) = deltas.last() else { return Ok(()) };
        let count_columns = self.count_columns;
        let key = params![delta.start_ms, queue, channel];
        let stored = self
            .select
            .query_row(key, |row| {
                let format_at = count_columns;
                let mut blobs: [Option<Vec<u8>>; DISTRIBUTIONS.len()] = Default::default();
                for (index, blob) in blobs.iter_mut().enumerate() {
                    *blob = row.get(format_at + 1 + index)?;
                }
                Ok((row_counts(row, 0)?, row.get::<_, i64>(format_at)?, blobs))
            })
            .optional()?;
        let (mut sum, format, blobs) = stored.unwrap_or_default();
        deltas.iter().for_each(|delta| counts::add(&mut sum, &delta.counts));

        let mut values = vec![
            Value::Integer(delta.start_ms),
            Value::Integer(queue),
            Value::Integer(channel),
            Value::Integer(counts::stored(delta.target_wait_ms)),
            Value::Real(delta.target_ratio),
        ];
        values.extend(
            counts::columns(&mut sum).map(|(_, count)| Value::Integer(counts::stored(*count))),
        );
        values.push(Value::Integer(FORMAT));
        let of_delta: [fn(&IntervalDelta) -> &SparseHdrCounts; DISTRIBUTIONS.len()] =
            [|delta| &delta.wait_answered, |delta| &delta.wait_abandoned, |delta| &delta.handle];
        for ((blob, cells_of), name) in blobs.into_iter().zip(of_delta).zip(DISTRIBUTIONS) {
            let mut cells = SparseHdrCounts::default();
            deltas.iter().for_each(|delta| cells.add(cells_of(delta)));
            let row = RowName { start_ms: delta.start_ms, queue: &delta.queue, distribution: name };
            values.push(self.grown(blob, format, &cells, row)?.map_or(Value::Null, Value::Blob));
        }
        self.replace.execute(params_from_iter(values))?;
        Ok(())
    }

    /// The blob of a stored distribution with increments added.
    fn grown(
        &mut self,
        blob: Option<Vec<u8>>,
        format: i64,
        cells: &SparseHdrCounts,
        row: RowName<'_>,
    ) -> Result<Option<Vec<u8>>, LedgerError> {
        if cells.counts.is_empty() && (format == FORMAT || blob.is_none()) {
            return Ok(blob);
        }
        let mut sum = match blob.map(|blob| self.codec.decode(format, &blob)) {
            None => distribution::empty(),
            Some(Ok(stored)) => stored,
            Some(Err(detail)) => {
                let error = row.corrupt(detail);
                REPLACED.fetch_add(1, Ordering::Relaxed);
                tracing::error!(%error, "stored distribution replaced by its increment");
                distribution::empty()
            }
        };
        let grown = add_to(&mut sum, cells).then(|| self.codec.encode(&sum)).transpose();
        grown.map(Option::flatten).map_err(|detail| row.corrupt(detail))
    }
}

/// Adds increments and tells whether there is something to store.
fn add_to(sum: &mut Distribution, cells: &SparseHdrCounts) -> bool {
    distribution::add_cells(sum, cells);
    !sum.is_empty()
}

/// Which stored distribution a message is about.
#[derive(Clone, Copy)]
pub(super) struct RowName<'a> {
    pub(super) start_ms: i64,
    pub(super) queue: &'a str,
    pub(super) distribution: &'static str,
}

impl RowName<'_> {
    pub(super) fn corrupt(&self, detail: String) -> LedgerError {
        let start = jiff::Timestamp::from_millisecond(self.start_ms)
            .map_or_else(|_| format!("{} ms", self.start_ms), |start| start.to_string());
        LedgerError::Corrupt {
            what: self.distribution,
            detail: format!("{detail}, in the interval {start} of queue {:?}", self.queue),
        }
    }
}

#[cfg(test)]
mod tests;
