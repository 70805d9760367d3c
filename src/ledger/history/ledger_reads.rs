//! What the readers of every table of the history ask a ledger.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use nabiz_core::settings::Settings;
use nabiz_core::time::{Millis, TimeRange, Timestamp};
use rusqlite::{Connection, OptionalExtension, Transaction};

use crate::ledger::error::LedgerError;
use crate::ledger::store::REPLAY_TOPIC;
use crate::ledger::{read_only, schema};

/// Opens a ledger for reading, also while another process writes it. `interval` is the configured
/// interval length.
///
/// # Errors
/// [`LedgerError`] where there is no ledger of this or an older version, or its intervals have
/// another length.
pub(super) fn open_ledger(path: &Path, interval: Millis) -> Result<Connection, LedgerError> {
    let connection = read_only::open_read_only(path)?;
    match schema::interval(&connection)? {
        Some(stored) if stored != interval => {
            Err(LedgerError::OtherInterval { stored, configured: interval })
        }
        Some(_) | None => Ok(connection),
    }
}

/// All time.
pub(super) const EVER: TimeRange =
    TimeRange { start: Timestamp(i64::MIN), end: Timestamp(i64::MAX) };

/// Returns the first multiple of `interval` that is not before `time`.
pub(super) fn round_up(time: Timestamp, interval: Millis) -> Timestamp {
    let interval = i64::try_from(interval.get()).unwrap_or(i64::MAX);
    let intervals = time.get().saturating_add(interval - 1).div_euclid(interval);
    Timestamp(intervals.saturating_mul(interval))
}

/// Returns the ids of the names that are in the ledger; `None` where no name is given.
pub(super) fn ids(
    connection: &Connection,
    names: &[String],
) -> Result<Option<Vec<i64>>, LedgerError> {
    if names.is_empty() {
        return Ok(None);
    }
    let mut select = connection.prepare("SELECT id FROM names WHERE name = ?1")?;
    let mut ids = Vec::with_capacity(names.len());
    for name in names {
        ids.extend(select.query_row([name], |row| row.get::<_, i64>(0)).optional()?);
    }
    Ok(Some(ids))
}

/// Returns the start of the first interval of the ledger.
pub(super) fn beginning(connection: &Connection) -> Result<Option<Timestamp>, LedgerError> {
    first_start(connection, EVER)
}

/// Returns the start of the first interval that begins in a range.
pub(super) fn first_start(
    connection: &Connection,
    range: TimeRange,
) -> Result<Option<Timestamp>, LedgerError> {
    let sql = "SELECT min(start_ms) FROM (
                   SELECT min(start_ms) AS start_ms FROM intervals
                   WHERE start_ms >= ?1 AND start_ms < ?2
                   UNION ALL SELECT min(start_ms) FROM agent_intervals
                   WHERE start_ms >= ?1 AND start_ms < ?2)";
    let bounds = [range.start.get(), range.end.get()];
    let first: Option<i64> = connection.query_row(sql, bounds, |row| row.get(0))?;
    Ok(first.map(Timestamp))
}

/// Returns the instant before which the history is complete, apart from events that arrive later
/// than the allowed lateness; `None` where nothing is complete.
///
/// A partition that was never stored may still hold events of any time. A partition that was stored
/// without a record has none so far. Where `topics` are given, others do not count: the stream time
/// of a topic that is no longer read never advances again. In a ledger of `nabiz replay`, which has
/// none of them, the replayed file counts.
pub(super) fn closed_until(
    tx: &Transaction<'_>,
    settings: &Settings,
    topics: &[String],
) -> Result<Option<Timestamp>, LedgerError> {
    let sql = "SELECT topic, next_offset IS NOT NULL, stream_ms FROM partitions";
    let mut select = tx.prepare(sql)?;
    let partitions = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let partitions: Vec<(String, bool, Option<i64>)> = partitions.collect::<Result<_, _>>()?;
    let is_read = |topic: &String| topics.is_empty() || topics.contains(topic);
    let is_replay = !partitions.iter().any(|(topic, ..)| is_read(topic));
    let (mut never_stored, mut stream_time) = (0, None);
    for (topic, is_stored, of_partition) in &partitions {
        if is_read(topic) || (is_replay && topic == REPLAY_TOPIC) {
            never_stored += i32::from(!is_stored);
            stream_time = match (stream_time, of_partition.map(Timestamp)) {
                (Some(a), Some(b)) => Some(Timestamp::min(a, b)),
                (a, b) => a.or(b),
            };
        }
    }
    let windows = &settings.windows;
    // Facts of held endings and of judged waits have their own event time, which may be as far
    // behind stream time as these settings allow.
    let allowed = windows.allowed_lateness.max(windows.reorder_grace).max(windows.miss_grace);
    Ok(stream_time
        .filter(|_| never_stored == 0)
        .map(|stream_time| stream_time.saturating_sub(allowed)))
}

/// The names of queues and channels by their ids in the ledger.
pub(super) struct Names<'a> {
    pub(super) tx: &'a Transaction<'a>,
    pub(super) known: &'a mut HashMap<i64, Arc<str>>,
}

impl Names<'_> {
    pub(super) fn get(&mut self, id: i64) -> Result<Arc<str>, LedgerError> {
        if let Some(name) = self.known.get(&id) {
            return Ok(name.clone());
        }
        let name: Option<String> = self
            .tx
            .query_row("SELECT name FROM names WHERE id = ?1", [id], |row| row.get(0))
            .optional()?;
        let missing =
            || LedgerError::Corrupt { what: "name", detail: format!("no name has the id {id}") };
        let name: Arc<str> = name.ok_or_else(missing)?.into();
        self.known.insert(id, name.clone());
        Ok(name)
    }
}

/// Restricts a statement to ids.
pub(super) fn push_filter(sql: &mut String, column: &str, ids: Option<&[i64]>) {
    if let Some(ids) = ids {
        let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
        sql.push_str(&format!(" AND {column} IN ({})", ids.join(", ")));
    }
}
