//! The tables of the ledger, and the migration of older files.

use std::path::Path;
use std::time::{Duration, Instant};

use nabiz_core::time::{Millis, Timestamp};
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior};

use super::error::LedgerError;
use super::views;

/// The version of the tables that this program writes.
pub const SCHEMA_VERSION: i64 = 17;

/// `nabz` in ASCII: marks the file as a ledger.
const APPLICATION_ID: i64 = 0x6e61_627a;

/// The statements that lead to each version from the one before.
///
/// SQLite stores the text of a `CREATE TABLE` with its comments in the file, so these texts never
/// change, also where a line is long or a word is older than the glossary: a row of `pieces` is a
/// `StateChunk`, and `facts` has nothing to do with the facts of contacts.
const MIGRATIONS: [&str; SCHEMA_VERSION as usize] = [
    "
-- The partitions and who owns them.
CREATE TABLE partitions (
    id INTEGER PRIMARY KEY,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    -- Counts takeovers; a writer with an older number is refused.
    generation INTEGER NOT NULL,
    owner TEXT NOT NULL,
    -- Position after the last record of the stored state; NULL before the first checkpoint.
    next_offset INTEGER,
    -- Stream time of the stored state. What the advance brings is in the history only after the next checkpoint.
    stream_ms INTEGER,
    -- Instant to which stream time advances after the stored state and before the next record.
    advance_ms INTEGER,
    -- Number of the last checkpoint of the partition.
    checkpoint INTEGER NOT NULL DEFAULT 0,
    -- Wall time of the last checkpoint.
    stored_ms INTEGER,
    UNIQUE (topic, partition)
) STRICT;
-- The state of a shard in pieces, so that a checkpoint writes only what changed.
CREATE TABLE pieces (
    partition_id INTEGER NOT NULL REFERENCES partitions (id),
    kind INTEGER NOT NULL,
    number INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (partition_id, kind, number)
) STRICT;
-- Queue ids and channel words of the interval history.
CREATE TABLE names (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;
-- The interval history: one row per interval of event time, queue and channel. Durations in milliseconds.
CREATE TABLE intervals (
    start_ms INTEGER NOT NULL,
    queue INTEGER NOT NULL REFERENCES names (id),
    channel INTEGER NOT NULL REFERENCES names (id),
    target_wait_ms INTEGER NOT NULL,
    target_ratio REAL NOT NULL,
    offered INTEGER NOT NULL,
    answered INTEGER NOT NULL,
    answered_in_target INTEGER NOT NULL,
    abandoned INTEGER NOT NULL,
    abandoned_in_target INTEGER NOT NULL,
    abandoned_short INTEGER NOT NULL,
    left_timeout INTEGER NOT NULL,
    left_full INTEGER NOT NULL,
    left_empty INTEGER NOT NULL,
    left_exit_key INTEGER NOT NULL,
    left_withdrawn INTEGER NOT NULL,
    left_transfer INTEGER NOT NULL,
    left_callback INTEGER NOT NULL,
    left_closed INTEGER NOT NULL,
    lost INTEGER NOT NULL,
    service_level_met INTEGER NOT NULL,
    service_level_missed INTEGER NOT NULL,
    wait_sum_ms INTEGER NOT NULL,
    wait_max_ms INTEGER NOT NULL,
    abandon_wait_sum_ms INTEGER NOT NULL,
    handled INTEGER NOT NULL,
    handle_sum_ms INTEGER NOT NULL,
    first_responses INTEGER NOT NULL,
    first_response_sum_ms INTEGER NOT NULL,
    resolutions INTEGER NOT NULL,
    resolution_sum_ms INTEGER NOT NULL,
    not_answered INTEGER NOT NULL,
    transfers INTEGER NOT NULL,
    reopened INTEGER NOT NULL,
    surveys INTEGER NOT NULL,
    survey_score_sum INTEGER NOT NULL,
    -- Format of the three distributions: 1 is HDR V2 with deflate, two significant digits, milliseconds.
    histogram_format INTEGER NOT NULL,
    wait_answered BLOB,
    wait_abandoned BLOB,
    handle BLOB,
    PRIMARY KEY (start_ms, queue, channel)
) STRICT, WITHOUT ROWID;
-- Agent time by interval and queue.
CREATE TABLE agent_intervals (
    start_ms INTEGER NOT NULL,
    queue INTEGER NOT NULL REFERENCES names (id),
    available_ms INTEGER NOT NULL,
    busy_ms INTEGER NOT NULL,
    wrap_up_ms INTEGER NOT NULL,
    paused_ms INTEGER NOT NULL,
    offline_ms INTEGER NOT NULL,
    PRIMARY KEY (start_ms, queue)
) STRICT, WITHOUT ROWID;
",
    "
-- Pieces may be native histograms: programs that do not know these pieces are kept out.
-- What holds for the whole ledger, such as the length of its intervals.
CREATE TABLE facts (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- Records of the partition that the topic no longer held when they were wanted.
ALTER TABLE partitions ADD COLUMN missed INTEGER NOT NULL DEFAULT 0;
-- Largest timestamp of a record in the stored state, by Kafka.
ALTER TABLE partitions ADD COLUMN record_ms INTEGER;
",
    "
-- Panes stand in slices of all series: programs that know only panes of one are kept out.
",
    "
-- Counters are stored as lists with their length: programs that read them by position are kept out.
",
    "
-- A contact can be in several conversations, an agent in several calls: programs that know one are kept out.
",
    "
-- Pieces may be counts of records by name: programs that do not know these pieces are kept out.
",
    "
-- Misses that were revoked. service_level_missed is without them.
ALTER TABLE intervals ADD COLUMN service_level_revoked INTEGER NOT NULL DEFAULT 0;
",
    "
-- The last record in the stored state: its offset, its timestamp by Kafka, and a keyed hash of its
-- key and value. NULL where none is known. Programs that read past it without comparing are kept out.
ALTER TABLE partitions ADD COLUMN last_offset INTEGER;
ALTER TABLE partitions ADD COLUMN last_ms INTEGER;
ALTER TABLE partitions ADD COLUMN last_digest BLOB;
",
    "
-- The id of the topic whose records are in the stored state; NULL where no broker has told it.
-- Programs that would leave an old id beside a newer state are kept out.
ALTER TABLE partitions ADD COLUMN topic_id BLOB;
",
    "
-- A keyed digest of the configuration under which the state was stored; NULL where none is known.
ALTER TABLE partitions ADD COLUMN configuration BLOB;
",
    "
-- Whether calls drive agents in the stored state (1) or not (0); NULL where it was not stored.
-- Programs that would decide it anew are kept out.
ALTER TABLE partitions ADD COLUMN calls_drive_agents INTEGER;
",
    "
-- Visits of citizens who are called back.
ALTER TABLE intervals ADD COLUMN callbacks INTEGER NOT NULL DEFAULT 0;
",
    "
-- Ends of contacts by the party that ended them.
ALTER TABLE intervals ADD COLUMN ended_by_agent INTEGER NOT NULL DEFAULT 0;
ALTER TABLE intervals ADD COLUMN ended_by_customer INTEGER NOT NULL DEFAULT 0;
ALTER TABLE intervals ADD COLUMN ended_by_system INTEGER NOT NULL DEFAULT 0;
",
    "
-- Pieces may be the reasons of pauses, and the time of pauses by reason: programs that do not know
-- these pieces are kept out.
",
    "
-- Contacts that reached the centre, and outcomes of self-service.
CREATE TABLE arrival_intervals (
    start_ms INTEGER NOT NULL,
    channel INTEGER NOT NULL REFERENCES names (id),
    entry_point INTEGER NOT NULL REFERENCES names (id),
    contacts INTEGER NOT NULL,
    self_service_contained INTEGER NOT NULL,
    self_service_to_queue INTEGER NOT NULL,
    self_service_abandoned INTEGER NOT NULL,
    self_service_failed INTEGER NOT NULL,
    PRIMARY KEY (start_ms, channel, entry_point)
) STRICT, WITHOUT ROWID;
-- Follow-ups by unit.
CREATE TABLE unit_intervals (
    start_ms INTEGER NOT NULL,
    unit INTEGER NOT NULL REFERENCES names (id),
    opened INTEGER NOT NULL,
    informed INTEGER NOT NULL,
    -- Informed follow-ups whose opening is known, and the sum of their times.
    timed INTEGER NOT NULL,
    informed_sum_ms INTEGER NOT NULL,
    PRIMARY KEY (start_ms, unit)
) STRICT, WITHOUT ROWID;
-- Survey answers by score.
CREATE TABLE score_intervals (
    start_ms INTEGER NOT NULL,
    queue INTEGER NOT NULL REFERENCES names (id),
    channel INTEGER NOT NULL REFERENCES names (id),
    score INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (start_ms, queue, channel, score)
) STRICT, WITHOUT ROWID;
-- Paused time by reason, each agent counted once.
CREATE TABLE pause_intervals (
    start_ms INTEGER NOT NULL,
    reason INTEGER NOT NULL REFERENCES names (id),
    paused_ms INTEGER NOT NULL,
    PRIMARY KEY (start_ms, reason)
) STRICT, WITHOUT ROWID;
-- Agent time over all queues, each agent counted once.
CREATE TABLE head_intervals (
    start_ms INTEGER PRIMARY KEY,
    available_ms INTEGER NOT NULL,
    busy_ms INTEGER NOT NULL,
    wrap_up_ms INTEGER NOT NULL,
    paused_ms INTEGER NOT NULL,
    offline_ms INTEGER NOT NULL
) STRICT;
-- The instant from which these tables are whole, where the ledger is older than they are.
INSERT INTO facts (name, value)
    SELECT 'further_since_ms', since_ms FROM (
        SELECT max(max(coalesce(stream_ms, advance_ms), coalesce(advance_ms, stream_ms)))
        AS since_ms FROM partitions
    ) WHERE since_ms IS NOT NULL;
",
    "
-- The version of the tables when the row began. A row does not know the columns of later versions:
-- what it counted before has no part in them.
ALTER TABLE intervals ADD COLUMN counted_since INTEGER NOT NULL DEFAULT 15;
-- Visits by their ending, in the interval in which they entered.
ALTER TABLE intervals ADD COLUMN arrived_answered INTEGER NOT NULL DEFAULT 0;
ALTER TABLE intervals ADD COLUMN arrived_abandoned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE intervals ADD COLUMN arrived_left INTEGER NOT NULL DEFAULT 0;
ALTER TABLE intervals ADD COLUMN arrived_lost INTEGER NOT NULL DEFAULT 0;
ALTER TABLE intervals ADD COLUMN arrived_answered_in_target INTEGER NOT NULL DEFAULT 0;
ALTER TABLE intervals ADD COLUMN arrived_abandoned_short INTEGER NOT NULL DEFAULT 0;
-- Sums of waits, and what the measured patience needs.
ALTER TABLE intervals ADD COLUMN left_wait_sum_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE intervals ADD COLUMN lost_wait_sum_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE intervals ADD COLUMN wait_beyond_short_sum_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE intervals ADD COLUMN abandoned_beyond_short INTEGER NOT NULL DEFAULT 0;
ALTER TABLE intervals ADD COLUMN first_responses_in_target INTEGER NOT NULL DEFAULT 0;
ALTER TABLE intervals ADD COLUMN resolutions_in_target INTEGER NOT NULL DEFAULT 0;
",
    "
-- From here on the ledger has views of the history, which are made after the last migration.
",
];

/// Creates a ledger with the tables of an older version.
#[cfg(test)]
pub(super) fn create(path: &Path, version: i64) -> Connection {
    let connection = Connection::open(path).unwrap();
    let versions = usize::try_from(version).unwrap();
    for migration in MIGRATIONS.iter().take(versions) {
        connection.execute_batch(migration).unwrap();
    }
    connection.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
    connection.pragma_update(None, "user_version", version).unwrap();
    connection
}

/// The version that has the further tables of the history.
#[cfg(test)]
pub(super) const FURTHER_VERSION: i64 = 15;

/// The name of [`further_since`].
pub(super) const FURTHER_SINCE: &str = "further_since_ms";

/// Memory for pages, in KiB.
const CACHE_KIB: i64 = 16 << 10;
/// Pages of 4 KiB in the write-ahead log at which SQLite copies them into the file.
const WAL_PAGES: i64 = 4096;
/// How long a statement waits for another instance's write. Short, because a worker may wait for
/// the outcome of its checkpoint before it reads on; a failed checkpoint is retried.
pub(super) const BUSY_WAIT: Duration = Duration::from_secs(2);

/// How long opening is retried, and the pause between two attempts.
const OPEN_WITHIN: Duration = Duration::from_secs(5);
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// Opens the ledger for writing. Creates it where there is no file, and migrates an older one.
///
/// # Errors
/// [`LedgerError`]; an unreadable, foreign or newer file is never replaced.
pub(super) fn open(path: &Path) -> Result<Connection, LedgerError> {
    retry_while_busy(|| try_open(path))
}

/// Retries while another process creates the ledger or changes its journal mode: SQLite's busy
/// timeout does not cover these.
fn retry_while_busy<T>(
    mut attempt: impl FnMut() -> Result<T, LedgerError>,
) -> Result<T, LedgerError> {
    let started = Instant::now();
    loop {
        match attempt() {
            Err(error) if error.is_busy() && started.elapsed() < OPEN_WITHIN => {
                std::thread::sleep(BUSY_PAUSE);
            }
            result => return result,
        }
    }
}

fn try_open(path: &Path) -> Result<Connection, LedgerError> {
    let unreadable = |source| LedgerError::Unreadable { path: path.to_owned(), source };
    let mut connection = Connection::open(path).map_err(unreadable)?;
    connection.busy_timeout(BUSY_WAIT)?;
    let found = schema_version(&connection, path)?;
    connection.pragma_update(None, "journal_mode", "wal").map_err(unreadable)?;
    connection.pragma_update(None, "synchronous", "full")?;
    // SQLite's defaults, 2 MiB of cache and 4 MiB of write-ahead log, make it read and copy pages
    // several times a second.
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "wal_autocheckpoint", WAL_PAGES)?;
    if found == MIGRATIONS.len() {
        // Opening then writes nothing, so a start on a full disk, or beside a writer, does not fail
        // here. The start waits for its partitions, and the status shows why.
        return Ok(connection);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = schema_version(&transaction, path)?;
    transaction.execute_batch(&views::removal())?;
    for migration in MIGRATIONS.iter().skip(found) {
        transaction.execute_batch(migration)?;
    }
    transaction.execute_batch(&views::definitions())?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()?;
    // From now on the file alone is a ledger, also without its write-ahead log.
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    if found == 0 {
        tracing::info!(
            path = %path.display(),
            "ledger created, partitions are read from their earliest offset"
        );
    }
    Ok(connection)
}

/// The content of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contents {
    /// There is no file, or it is empty.
    Nothing,
    /// A ledger in which no partition was ever stored.
    NoPartition,
    /// A ledger with partitions.
    Partitions,
}

/// Returns what the file of a ledger holds, without changing it.
///
/// # Errors
/// [`LedgerError`] where it is unreadable, foreign or newer.
pub(super) fn contents(path: &Path) -> Result<Contents, LedgerError> {
    retry_while_busy(|| try_contents(path))
}

fn try_contents(path: &Path) -> Result<Contents, LedgerError> {
    let unreadable = |source| LedgerError::Unreadable { path: path.to_owned(), source };
    if !path.exists() {
        return Ok(Contents::Nothing);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(unreadable)?;
    connection.busy_timeout(BUSY_WAIT)?;
    if schema_version(&connection, path)? == 0 {
        return Ok(Contents::Nothing);
    }
    let stored =
        connection.query_row("SELECT EXISTS (SELECT * FROM partitions)", [], |row| row.get(0));
    Ok(if stored.map_err(unreadable)? { Contents::Partitions } else { Contents::NoPartition })
}

/// Returns the interval length of the history; `None` where it is not stored, as in a ledger of
/// the first version.
pub(super) fn interval(connection: &Connection) -> rusqlite::Result<Option<Millis>> {
    let stored = fact(connection, "interval_ms")?;
    Ok(stored.map(|interval_ms| Millis(interval_ms.unsigned_abs())))
}

/// Returns the instant from which the further tables of the history are whole; `None` where they
/// are from the first record on.
pub(super) fn further_since(connection: &Connection) -> rusqlite::Result<Option<Timestamp>> {
    Ok(fact(connection, FURTHER_SINCE)?.map(Timestamp))
}

/// Returns what holds for the whole ledger under a name; `None` where it is not stored.
fn fact(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    if !connection.table_exists(None, "facts")? {
        return Ok(None);
    }
    let select = "SELECT value FROM facts WHERE name = ?1";
    connection.query_row(select, [name], |row| row.get(0)).optional()
}

/// Returns the schema version of a file; 0 for an empty one.
pub(super) fn schema_version(connection: &Connection, path: &Path) -> Result<usize, LedgerError> {
    let unreadable = |source| LedgerError::Unreadable { path: path.to_owned(), source };
    // One statement reads one state, also while another process creates the ledger.
    let (application, version, tables): (i64, i64, i64) = connection
        .query_row(
            "SELECT (SELECT application_id FROM pragma_application_id),
             (SELECT user_version FROM pragma_user_version),
             (SELECT count(*) FROM sqlite_schema)",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .map_err(unreadable)?;
    match (application, version) {
        (0, 0) if tables == 0 => Ok(0),
        (APPLICATION_ID, version) if version > SCHEMA_VERSION => {
            Err(LedgerError::Newer { path: path.to_owned(), found: version, known: SCHEMA_VERSION })
        }
        (APPLICATION_ID, version) => {
            usize::try_from(version).map_err(|_| LedgerError::Foreign { path: path.to_owned() })
        }
        _ => Err(LedgerError::Foreign { path: path.to_owned() }),
    }
}
