//! Checkpoints: what a worker stores of its partitions, and what the next owner reads.

use std::path::Path;

use nabiz_core::event::Channels;
use nabiz_core::ids::{Offset, RecordDigest};
use nabiz_core::shard::Calls;
use nabiz_core::state::{Checkpoint, ChunkKind, StateChunk};
use nabiz_core::time::{Millis, Timestamp, WallTime};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::distribution_errors::DistributionErrors;
use super::error::LedgerError;
use super::{counts, further, intervals, schema};
use crate::config_digest::ConfigDigest;

/// The topic of a ledger that `nabiz replay` has written. No topic of Kafka has such a name.
pub const REPLAY_TOPIC: &str = "(replay)";

/// The right to write a partition, until another instance acquires it.
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
    /// The last checkpoint; `None` before the first one.
    pub stored: Option<StoredState>,
    /// Records that the topic had deleted before they were read.
    pub records_missed: u64,
    /// The largest Kafka timestamp of a record in the stored state.
    pub newest_record: Option<WallTime>,
    /// The last record in the stored state; `None` if none is known.
    pub last_record: Option<RecordFingerprint>,
    /// The id of the topic whose records are in the stored state; `None` if no broker has told it.
    pub topic_id: Option<TopicId>,
    /// Whether calls drive agents in the stored state; `None` if that was not stored.
    pub calls: Option<Calls>,
    /// When the last checkpoint was stored.
    pub stored_at: Option<WallTime>,
    /// The configuration under which it was stored; `None` if that is not known.
    pub configuration: Option<ConfigDigest>,
}

/// What identifies the record of a log at its offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordFingerprint {
    /// The offset of the record.
    pub offset: Offset,
    /// Its timestamp by Kafka.
    pub timestamp: Option<WallTime>,
    /// The keyed hash of its key and value.
    pub digest: RecordDigest,
}

/// The id that the brokers give to a topic when it is created: a topic that is deleted and created
/// again has another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicId(pub [u8; 16]);

/// The last checkpoint of a partition.
#[derive(Debug)]
pub struct StoredState {
    /// The offset after the last record in it.
    pub next_offset: Offset,
    /// The instant to which stream time advances before the next record is read.
    pub advance_to: Option<Timestamp>,
    /// The state of the shard.
    pub chunks: Vec<StateChunk>,
}

/// One partition of a checkpoint.
#[derive(Debug)]
pub struct CheckpointRequest {
    /// The right to write the partition.
    pub lease: Lease,
    /// The changes to write.
    pub checkpoint: Checkpoint,
    /// The instant to which stream time advances once the checkpoint is stored, before the next
    /// record is read.
    pub advance_to: Option<Timestamp>,
    /// Records that the topic had deleted before they were read.
    pub records_missed: u64,
    /// The largest Kafka timestamp of a record that was read.
    pub newest_record: Option<WallTime>,
    /// The last record that was read; `None` if none is known.
    pub last_record: Option<RecordFingerprint>,
    /// The id of the topic whose records were read; `None` if no broker has told it.
    pub topic_id: Option<TopicId>,
    /// Whether calls drive agents once the checkpoint is stored, from the next record on.
    pub calls: Option<Calls>,
}

impl CheckpointRequest {
    /// Returns a request that advances no time, for a partition that has missed no record.
    pub fn new(lease: Lease, checkpoint: Checkpoint) -> Self {
        CheckpointRequest {
            lease,
            checkpoint,
            advance_to: None,
            records_missed: 0,
            newest_record: None,
            last_record: None,
            topic_id: None,
            calls: None,
        }
    }
}

/// The result of a checkpoint request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a fenced partition must be given up"]
pub enum CommitOutcome {
    /// The checkpoint is stored.
    Stored,
    /// Nothing is stored, because another instance has acquired the partition.
    Fenced,
}

/// A moment of a checkpoint at which a test may end the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrashPoint {
    /// Nothing is written.
    BeforeWrite,
    /// Everything is written, nothing is committed.
    BeforeCommit,
    /// After the commit, and before the worker has its result.
    AfterCommit,
}

/// The size of the ledger's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerSize {
    /// Bytes in use.
    pub used_bytes: u64,
    /// Bytes of the file, with its free pages, without the write-ahead log.
    pub file_bytes: u64,
    /// Bytes of the write-ahead log.
    pub wal_bytes: u64,
}

/// The ledger, open for writing.
#[derive(Debug)]
pub struct Ledger {
    pub(super) connection: Connection,
    channels: Channels,
    distribution_errors: DistributionErrors,
    configuration: Option<ConfigDigest>,
}

impl Ledger {
    /// Opens the ledger. Creates it where there is no file, and migrates an older one.
    ///
    /// # Errors
    /// [`LedgerError`]; an unreadable, foreign or newer file is never replaced.
    pub fn open(path: &Path, channels: Channels) -> Result<Self, LedgerError> {
        Ok(Ledger {
            connection: schema::open(path)?,
            channels,
            distribution_errors: DistributionErrors::default(),
            configuration: None,
        })
    }

    /// Sets the configuration that is stored with each checkpoint from now on.
    pub fn set_configuration(&mut self, digest: Option<ConfigDigest>) {
        self.configuration = digest;
    }

    /// Counts unreadable distributions in `errors`, which the caller shares with readers.
    #[must_use]
    pub fn counting_errors_in(mut self, errors: DistributionErrors) -> Self {
        self.distribution_errors = errors;
        self
    }

    /// Stores the interval length of the history, or checks that it is the stored one: it never
    /// changes in the life of a ledger.
    ///
    /// # Errors
    /// [`LedgerError::OtherInterval`] where another length is stored, else
    /// [`LedgerError::Sqlite`].
    pub fn ensure_interval(&mut self, interval: Millis) -> Result<(), LedgerError> {
        let mut stored = schema::interval(&self.connection)?;
        if stored.is_none() {
            // Another process may store a length between the two statements: the first one counts.
            let insert =
                "INSERT INTO facts (name, value) VALUES ('interval_ms', ?1) ON CONFLICT DO NOTHING";
            let interval_ms = i64::try_from(interval.get()).unwrap_or(i64::MAX);
            self.connection.execute(insert, params![interval_ms])?;
            stored = schema::interval(&self.connection)?;
        }
        match stored {
            Some(stored) if stored != interval => {
                Err(LedgerError::OtherInterval { stored, configured: interval })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Acquires a partition for `owner`. From then on, checkpoints of its former owner are fenced.
    ///
    /// # Errors
    /// [`LedgerError`] where another instance holds the write lock for too long, or the file
    /// fails. The owner is then the former one.
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
             ON CONFLICT (topic, partition)
             DO UPDATE SET generation = generation + 1, owner = excluded.owner",
            params![topic, partition, owner],
        )?;
        let (mut acquired, next_offset, advance_to) = transaction.query_row(
            "SELECT id, generation, next_offset, advance_ms, missed, record_ms, stored_ms,
             last_offset, last_ms, last_digest, topic_id, configuration, calls_drive_agents
             FROM partitions WHERE topic = ?1 AND partition = ?2",
            params![topic, partition],
            |row| {
                let acquired = AcquiredPartition {
                    lease: Lease { partition_id: row.get(0)?, generation: row.get(1)? },
                    stored: None,
                    records_missed: counts::from_stored(row.get(4)?),
                    newest_record: row.get::<_, Option<i64>>(5)?.map(WallTime),
                    stored_at: row.get::<_, Option<i64>>(6)?.map(WallTime),
                    last_record: fingerprint(row.get(7)?, row.get(8)?, row.get(9)?),
                    topic_id: row.get::<_, Option<[u8; 16]>>(10)?.map(TopicId),
                    configuration: row
                        .get::<_, Option<[u8; 16]>>(11)?
                        .map(ConfigDigest::from_bytes),
                    calls: row.get::<_, Option<bool>>(12)?.map(calls_of),
                };
                let next_offset = row.get::<_, Option<i64>>(2)?.map(Offset);
                let advance_to = row.get::<_, Option<i64>>(3)?.map(Timestamp);
                Ok((acquired, next_offset, advance_to))
            },
        )?;
        if let Some(next_offset) = next_offset {
            let chunks = read_chunks(&transaction, acquired.lease.partition_id)?;
            acquired.stored = Some(StoredState { next_offset, advance_to, chunks });
        }
        transaction.commit()?;
        Ok(acquired)
    }

    /// Stores a checkpoint in one transaction. Returns the outcome of each request, in their order.
    ///
    /// # Errors
    /// [`LedgerError`]; nothing is stored then.
    pub fn store(
        &mut self,
        requests: &[CheckpointRequest],
        now: WallTime,
    ) -> Result<Vec<CommitOutcome>, LedgerError> {
        self.store_observed(requests, now, |_| {})
    }

    /// Does the same as [`Self::store`], and calls `reached` at each crash point.
    ///
    /// # Errors
    /// As [`Self::store`].
    #[doc(hidden)]
    pub fn store_observed(
        &mut self,
        requests: &[CheckpointRequest],
        now: WallTime,
        mut reached: impl FnMut(CrashPoint),
    ) -> Result<Vec<CommitOutcome>, LedgerError> {
        reached(CrashPoint::BeforeWrite);
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut outcomes = Vec::with_capacity(requests.len());
        for request in requests {
            outcomes.push(write_partition(&transaction, request, self.configuration, now)?);
        }
        let checkpoints: Vec<&Checkpoint> = requests
            .iter()
            .zip(&outcomes)
            .filter(|(_, outcome)| **outcome == CommitOutcome::Stored)
            .map(|(request, _)| &request.checkpoint)
            .collect();
        intervals::add(
            &transaction,
            &self.channels,
            &self.distribution_errors,
            checkpoints.iter().flat_map(|checkpoint| &checkpoint.intervals),
            checkpoints.iter().flat_map(|checkpoint| &checkpoint.agent_intervals),
        )?;
        further::add(
            &transaction,
            &self.channels,
            checkpoints.iter().map(|checkpoint| &checkpoint.further),
        )?;
        reached(CrashPoint::BeforeCommit);
        transaction.commit()?;
        reached(CrashPoint::AfterCommit);
        Ok(outcomes)
    }

    /// Deletes intervals that begin before `end`, at most one day of them at a time. Returns how
    /// many rows it deleted; with 0, nothing older is left.
    ///
    /// # Errors
    /// [`LedgerError`]; nothing is deleted then.
    pub fn delete_history_before(&mut self, end: Timestamp) -> Result<usize, LedgerError> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let deleted = intervals::delete_before(&transaction, end)?;
        transaction.commit()?;
        Ok(deleted)
    }

    /// Returns the size of the ledger's files.
    ///
    /// # Errors
    /// [`LedgerError`] where SQLite cannot read its own figures.
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

    /// Limits the pages of the file, so that a test can fill it.
    ///
    /// # Errors
    /// [`LedgerError`] where SQLite refuses.
    #[doc(hidden)]
    pub fn limit_pages(&self, pages: i64) -> Result<(), LedgerError> {
        Ok(self.connection.pragma_update(None, "max_page_count", pages)?)
    }
}

/// Returns the fingerprint that is stored in these columns.
fn fingerprint(
    offset: Option<i64>,
    timestamp_ms: Option<i64>,
    digest: Option<[u8; 16]>,
) -> Option<RecordFingerprint> {
    Some(RecordFingerprint {
        offset: Offset(offset?),
        timestamp: timestamp_ms.map(WallTime),
        digest: RecordDigest::from_bytes(digest?),
    })
}

fn read_chunks(
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
            what: "state chunk",
            detail: format!("unknown kind {kind}"),
        })?;
        chunks.push(StateChunk { kind, number: row.get(1)?, bytes: row.get(2)? });
    }
    Ok(chunks)
}

fn calls_of(drive_agents: bool) -> Calls {
    if drive_agents { Calls::DriveAgents } else { Calls::Apart }
}

fn write_partition(
    transaction: &Transaction<'_>,
    request: &CheckpointRequest,
    configuration: Option<ConfigDigest>,
    now: WallTime,
) -> Result<CommitOutcome, LedgerError> {
    let CheckpointRequest {
        lease,
        checkpoint,
        advance_to,
        records_missed,
        newest_record,
        last_record,
        topic_id,
        calls,
    } = request;
    let id = lease.partition_id;
    let owned: Option<i64> = transaction
        .prepare(
            "UPDATE partitions SET next_offset = ?3, stream_ms = ?4, advance_ms = ?5,
             stored_ms = ?6, missed = ?7, record_ms = ?8, last_offset = ?9, last_ms = ?10,
             last_digest = ?11, topic_id = ?12, configuration = ?13, calls_drive_agents = ?14,
             checkpoint = checkpoint + 1
             WHERE id = ?1 AND generation = ?2 RETURNING id",
        )?
        .query_row(
            params![
                id,
                lease.generation,
                checkpoint.next_offset.0,
                checkpoint.stream_time.map(Timestamp::get),
                advance_to.map(Timestamp::get),
                now.get(),
                counts::to_stored(*records_missed),
                newest_record.map(WallTime::get),
                last_record.map(|last| last.offset.0),
                last_record.and_then(|last| last.timestamp).map(WallTime::get),
                last_record.map(|last| last.digest.to_bytes()),
                topic_id.map(|TopicId(bytes)| bytes),
                configuration.map(ConfigDigest::to_bytes),
                calls.map(|calls| calls == Calls::DriveAgents),
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
