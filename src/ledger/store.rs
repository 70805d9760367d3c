//! Checkpoints: what a worker stores of its partitions, and what the next owner finds.

use std::path::Path;

use nabiz_core::event::Channels;
use nabiz_core::state::{Checkpoint, ChunkKind, StateChunk};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::{LedgerError, counts, intervals, schema};

/// The right to write a partition, until another takes it over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    partition_id: i64,
    generation: i64,
}

/// A partition as the ledger holds it, for its new owner.
#[derive(Debug)]
pub struct AcquiredPartition {
    /// The right to write it.
    pub lease: Lease,
    /// What was stored; nothing before the first checkpoint.
    pub stored: Option<StoredState>,
    /// Records that the topic no longer held when they were wanted.
    pub missed: u64,
    /// Largest timestamp, by Kafka, of a record in what was stored.
    pub record_ms: Option<i64>,
    /// Wall time of the last checkpoint.
    pub stored_ms: Option<i64>,
}

/// The last checkpoint of a partition.
#[derive(Debug)]
pub struct StoredState {
    /// Position after the last record in it.
    pub next_offset: i64,
    /// Stream time advances to this instant before the next record.
    pub advance_ms: Option<i64>,
    /// The state.
    pub chunks: Vec<StateChunk>,
}

/// One partition of a checkpoint.
#[derive(Debug)]
pub struct CheckpointRequest {
    /// The right to write it.
    pub lease: Lease,
    /// What to write.
    pub checkpoint: Checkpoint,
    /// Stream time is to advance to this instant, once it is stored and before the next record.
    pub advance_ms: Option<i64>,
    /// Records that the topic no longer held when they were wanted.
    pub missed: u64,
    /// Largest timestamp, by Kafka, of a record that was read.
    pub record_ms: Option<i64>,
}

impl CheckpointRequest {
    /// Returns a request that advances no time, and whose log has lost no record.
    pub fn new(lease: Lease, checkpoint: Checkpoint) -> Self {
        CheckpointRequest { lease, checkpoint, advance_ms: None, missed: 0, record_ms: None }
    }
}

/// What became of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitOutcome {
    /// Stored.
    Stored,
    /// Refused: another instance has taken the partition over.
    Fenced,
}

/// Points of a checkpoint at which a test may let it end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrashPoint {
    /// Nothing is written.
    BeforeWrite,
    /// Everything is written and nothing is committed.
    BeforeCommit,
    /// All is committed, and the worker has not heard of it.
    AfterCommit,
}

/// The size of the ledger's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerSize {
    /// Bytes in use.
    pub used_bytes: u64,
    /// Bytes of the file, with what is free for new data; the write-ahead log is not counted.
    pub file_bytes: u64,
    /// Bytes of the write-ahead log.
    pub wal_bytes: u64,
}

/// The ledger, open for writing.
#[derive(Debug)]
pub struct Ledger {
    connection: Connection,
    channels: Channels,
}

impl Ledger {
    /// Opens the ledger; makes it where there is none, and brings an older one up to date.
    ///
    /// # Errors
    /// [`LedgerError`]; an unreadable, foreign or newer file is never replaced.
    pub fn open(path: &Path, channels: Channels) -> Result<Self, LedgerError> {
        Ok(Ledger { connection: schema::open(path)?, channels })
    }

    /// Takes note of the length of the intervals of the history, which stays the same for the life of the ledger.
    ///
    /// # Errors
    /// [`LedgerError::OtherInterval`] where it has been another, else [`LedgerError::Sqlite`].
    pub fn keep_interval(&mut self, interval_ms: u64) -> Result<(), LedgerError> {
        let mut stored_ms = schema::interval_ms(&self.connection)?;
        if stored_ms.is_none() {
            // Another process may be about to say something else: the first counts.
            let insert =
                "INSERT INTO facts (name, value) VALUES ('interval_ms', ?1) ON CONFLICT DO NOTHING";
            self.connection
                .execute(insert, params![i64::try_from(interval_ms).unwrap_or(i64::MAX)])?;
            stored_ms = schema::interval_ms(&self.connection)?;
        }
        match stored_ms {
            Some(stored_ms) if stored_ms != interval_ms => {
                Err(LedgerError::OtherInterval { stored_ms, configured_ms: interval_ms })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Takes a partition over. From then on, whoever held it is refused.
    ///
    /// # Errors
    /// [`LedgerError`]: another instance writes for too long, or the file fails. Nothing is taken over then.
    pub fn acquire(
        &mut self,
        topic: &str,
        partition: i32,
        owner: &str,
    ) -> Result<AcquiredPartition, LedgerError> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute(
            "INSERT INTO partitions (topic, partition, generation, owner) VALUES (?1, ?2, 1, ?3)
             ON CONFLICT (topic, partition) DO UPDATE SET generation = generation + 1, owner = excluded.owner",
            params![topic, partition, owner],
        )?;
        let (partition_id, generation, next_offset, advance_ms, missed, record_ms, stored_ms) = transaction.query_row(
            "SELECT id, generation, next_offset, advance_ms, missed, record_ms, stored_ms FROM partitions
             WHERE topic = ?1 AND partition = ?2",
            params![topic, partition],
            |row| {
                let (next_offset, missed) = (row.get::<_, Option<i64>>(2)?, counts::read(row.get(4)?));
                Ok((row.get(0)?, row.get(1)?, next_offset, row.get(3)?, missed, row.get(5)?, row.get(6)?))
            },
        )?;
        let stored = match next_offset {
            Some(next_offset) => Some(StoredState {
                next_offset,
                advance_ms,
                chunks: chunks_of(&transaction, partition_id)?,
            }),
            None => None,
        };
        transaction.commit()?;
        Ok(AcquiredPartition {
            lease: Lease { partition_id, generation },
            stored,
            missed,
            record_ms,
            stored_ms,
        })
    }

    /// Stores a checkpoint in one transaction; what became of each job, in their order.
    ///
    /// # Errors
    /// [`LedgerError`], and then nothing is stored.
    pub fn store(
        &mut self,
        jobs: &[CheckpointRequest],
        wall_ms: i64,
    ) -> Result<Vec<CommitOutcome>, LedgerError> {
        self.store_observed(jobs, wall_ms, |_| {})
    }

    /// [`Self::store`], telling a test at which point it is.
    ///
    /// # Errors
    /// As [`Self::store`].
    #[doc(hidden)]
    pub fn store_observed(
        &mut self,
        jobs: &[CheckpointRequest],
        wall_ms: i64,
        mut at: impl FnMut(CrashPoint),
    ) -> Result<Vec<CommitOutcome>, LedgerError> {
        at(CrashPoint::BeforeWrite);
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut outcomes = Vec::with_capacity(jobs.len());
        for job in jobs {
            outcomes.push(write(&transaction, job, wall_ms)?);
        }
        let stored =
            jobs.iter().zip(&outcomes).filter(|(_, outcome)| **outcome == CommitOutcome::Stored);
        let checkpoints: Vec<&Checkpoint> = stored.map(|(job, _)| &job.checkpoint).collect();
        intervals::add(
            &transaction,
            &self.channels,
            checkpoints.iter().flat_map(|checkpoint| &checkpoint.intervals),
            checkpoints.iter().flat_map(|checkpoint| &checkpoint.agent_intervals),
        )?;
        at(CrashPoint::BeforeCommit);
        transaction.commit()?;
        at(CrashPoint::AfterCommit);
        Ok(outcomes)
    }

    /// Deletes the interval history from before an instant.
    ///
    /// # Errors
    /// [`LedgerError`], and then nothing is deleted.
    pub fn delete_history_before(&mut self, start_ms: i64) -> Result<usize, LedgerError> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let deleted = intervals::delete_before(&transaction, start_ms)?;
        transaction.commit()?;
        Ok(deleted)
    }

    /// How large the ledger is.
    ///
    /// # Errors
    /// [`LedgerError`] where SQLite does not say.
    pub fn size(&self) -> Result<LedgerSize, LedgerError> {
        let pragma =
            |name: &str| self.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let (page_bytes, pages, free) =
            (pragma("page_size")?, pragma("page_count")?, pragma("freelist_count")?);
        let bytes = |pages: i64| (page_bytes * pages).unsigned_abs();
        let wal = self.connection.path().map(|path| format!("{path}-wal"));
        let wal_bytes =
            wal.and_then(|wal| std::fs::metadata(wal).ok()).map_or(0, |file| file.len());
        Ok(LedgerSize { used_bytes: bytes(pages - free), file_bytes: bytes(pages), wal_bytes })
    }

    /// Bounds the file, so that a test can fill it.
    ///
    /// # Errors
    /// [`LedgerError`] where SQLite refuses.
    #[doc(hidden)]
    pub fn limit_pages(&self, pages: i64) -> Result<(), LedgerError> {
        Ok(self.connection.pragma_update(None, "max_page_count", pages)?)
    }
}

fn chunks_of(
    transaction: &Transaction<'_>,
    partition_id: i64,
) -> Result<Vec<StateChunk>, LedgerError> {
    let mut statement =
        transaction.prepare("SELECT kind, number, bytes FROM pieces WHERE partition_id = ?1")?;
    let mut rows = statement.query(params![partition_id])?;
    let mut chunks = Vec::new();
    while let Some(row) = rows.next()? {
        let kind: i64 = row.get(0)?;
        let kind = ChunkKind::from_number(kind).ok_or_else(|| LedgerError::Corrupt {
            what: "chunk",
            detail: format!("unknown kind {kind}"),
        })?;
        chunks.push(StateChunk { kind, number: row.get(1)?, bytes: row.get(2)? });
    }
    Ok(chunks)
}

fn write(
    transaction: &Transaction<'_>,
    job: &CheckpointRequest,
    wall_ms: i64,
) -> Result<CommitOutcome, LedgerError> {
    let CheckpointRequest { lease, checkpoint, advance_ms, missed, record_ms } = job;
    let id = lease.partition_id;
    let owned: Option<i64> = transaction
        .prepare(
            "UPDATE partitions SET next_offset = ?3, stream_ms = ?4, advance_ms = ?5, stored_ms = ?6,
             missed = ?7, record_ms = ?8, checkpoint = checkpoint + 1 WHERE id = ?1 AND generation = ?2 RETURNING id",
        )?
        .query_row(
            params![
                id,
                lease.generation,
                checkpoint.next_offset,
                checkpoint.stream_ms,
                advance_ms,
                wall_ms,
                counts::stored(*missed),
                record_ms
            ],
            |row| row.get(0),
        )
        .optional()?;
    if owned.is_none() {
        return Ok(CommitOutcome::Fenced);
    }
    let mut delete = transaction.prepare(
        "DELETE FROM pieces WHERE partition_id = ?1 AND kind = ?2 AND number BETWEEN ?3 AND ?4",
    )?;
    for deletion in &checkpoint.deletions {
        delete.execute(params![id, deletion.kind as i64, deletion.first, deletion.last])?;
    }
    let mut put = transaction.prepare(
        "INSERT INTO pieces (partition_id, kind, number, bytes) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (partition_id, kind, number) DO UPDATE SET bytes = excluded.bytes",
    )?;
    for chunk in &checkpoint.chunks {
        put.execute(params![id, chunk.kind as i64, chunk.number, chunk.bytes])?;
    }
    Ok(CommitOutcome::Stored)
}
