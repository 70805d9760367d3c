//! Stream time that is set back: what that changes in the ledger.

use std::path::Path;

use nabiz_core::event::Channels;
use nabiz_core::time::Timestamp;
use rusqlite::{Connection, TransactionBehavior, params};

use super::error::LedgerError;
use super::schema::FURTHER_SINCE;
use super::store::Ledger;
use super::tables::HISTORY_TABLES;
use super::{counts, read_only};

/// A partition whose stream time is after an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionAhead {
    /// The topic.
    pub topic: String,
    /// The partition of the topic.
    pub partition: i32,
    /// Its stream time, with the advance that is stored.
    pub stream_time: Timestamp,
}

/// What would change if stream time was set back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RewindPlan {
    /// The partitions that would be set back, by topic and number.
    pub partitions: Vec<PartitionAhead>,
    /// The rows of the interval history that would be deleted.
    pub history_rows: u64,
}

/// Returns what would change if stream time was set back to `to`. Changes nothing.
///
/// # Errors
/// [`LedgerError`], also where there is no ledger.
pub fn plan_rewind(path: &Path, to: Timestamp) -> Result<RewindPlan, LedgerError> {
    let connection = read_only::open_read_only(path)?;
    let mut select = connection.prepare(
        "SELECT topic, partition,
         -- Before the first record there is only the advance: max() of a NULL would be NULL.
         max(coalesce(stream_ms, advance_ms), coalesce(advance_ms, stream_ms)) AS time_ms
         FROM partitions WHERE time_ms > ?1 ORDER BY topic, partition",
    )?;
    let partitions = select.query_map(params![to.get()], |row| {
        Ok(PartitionAhead {
            topic: row.get(0)?,
            partition: row.get(1)?,
            stream_time: Timestamp(row.get(2)?),
        })
    })?;
    let partitions = partitions.collect::<Result<Vec<_>, _>>()?;
    let mut history_rows = 0;
    for table in HISTORY_TABLES {
        // A ledger of an older version has only some of the tables.
        if connection.table_exists(None, table)? {
            let count = format!("SELECT count(*) FROM {table} WHERE start_ms >= ?1");
            let rows: i64 = connection.query_row(&count, params![to.get()], |row| row.get(0))?;
            history_rows += counts::from_stored(rows);
        }
    }
    Ok(RewindPlan { partitions, history_rows })
}

impl Ledger {
    /// Opens an existing ledger for this process alone, until it is dropped.
    ///
    /// # Errors
    /// [`LedgerError::InUse`] where another process has it open, else as [`Ledger::open`].
    pub fn open_alone(path: &Path, channels: Channels) -> Result<Self, LedgerError> {
        let ledger = Ledger::open(path, channels)?;
        match lock(&ledger.connection).map_err(LedgerError::from) {
            Ok(()) => Ok(ledger),
            Err(error) if error.is_busy() => Err(LedgerError::InUse { path: path.to_owned() }),
            Err(error) => Err(error),
        }
    }

    /// Deletes the interval history from `start` on. Returns how many rows it had. From there on
    /// the further tables are whole, also where stream time was in the future when they came.
    ///
    /// # Errors
    /// [`LedgerError`]; nothing is deleted then.
    pub fn delete_history_from(&mut self, start: Timestamp) -> Result<usize, LedgerError> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut deleted = 0;
        for table in HISTORY_TABLES {
            let delete = format!("DELETE FROM {table} WHERE start_ms >= ?1");
            deleted += transaction.execute(&delete, params![start.get()])?;
        }
        let lower = "UPDATE facts SET value = min(value, ?1) WHERE name = ?2";
        transaction.execute(lower, params![start.get(), FURTHER_SINCE])?;
        transaction.commit()?;
        Ok(deleted)
    }
}

/// Locks the file. In the mode of the write-ahead log every open connection holds a lock that
/// forbids another mode, so this fails also where the other process only reads, or does nothing.
fn lock(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "locking_mode", "exclusive")?;
    connection.pragma_update(None, "journal_mode", "delete")?;
    connection.execute_batch("BEGIN EXCLUSIVE; COMMIT")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use nabiz_core::settings::Settings;
    use nabiz_core::shard::Shard;
    use nabiz_core::time::WallTime;

    use super::*;
    use crate::ledger::CheckpointRequest;

    #[test]
    fn plan_has_a_partition_that_time_alone_has_moved() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nabiz.db");
        let mut ledger = Ledger::open(&path, Channels::default()).unwrap();
        let lease = ledger.acquire("calls", 0, "test").unwrap().lease;
        // Before the first record the state has no stream time.
        let settings = Arc::new(Settings::builder().build());
        let checkpoint = Shard::new(settings, [1; 16]).checkpoint();
        let advance_to = Some(Timestamp(9_000));
        let request = CheckpointRequest { advance_to, ..CheckpointRequest::new(lease, checkpoint) };
        let _ = ledger.store(&[request], WallTime(0)).unwrap();
        drop(ledger);

        let plan = plan_rewind(&path, Timestamp(8_999)).unwrap();
        let times: Vec<Timestamp> = plan.partitions.iter().map(|one| one.stream_time).collect();
        assert_eq!(times, [Timestamp(9_000)]);
        assert_eq!(plan_rewind(&path, Timestamp(9_000)).unwrap().partitions, []);
    }

    #[test]
    fn ledger_is_in_use_when_another_connection_is_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nabiz.db");
        let open = || Ledger::open(&path, Channels::default());
        let alone = || Ledger::open_alone(&path, Channels::default());
        let other = open().unwrap();
        assert!(matches!(alone(), Err(LedgerError::InUse { .. })));
        drop(other);
        let reader = read_only::open_read_only(&path).unwrap();
        // A connection without any statement holds no lock.
        reader
            .query_row("SELECT count(*) FROM partitions", [], |row| row.get::<_, i64>(0))
            .unwrap();
        assert!(matches!(alone(), Err(LedgerError::InUse { .. })));
        drop(reader);

        let mut locked = alone().unwrap();
        assert!(open().is_err());
        locked.acquire("calls", 0, "test").unwrap();
        drop(locked);
        assert!(open().is_ok());
    }
}
