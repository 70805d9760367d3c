//! The ledger under faults: crashes at every point of a checkpoint, former owners, full disks,
//! damaged and foreign files.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use nabiz::config::Config;
use nabiz::config_digest::ConfigDigest;
use nabiz::ledger::{
    CheckpointRequest, CommitOutcome, CrashPoint, Lease, Ledger, LedgerError, RecordFingerprint,
    StoredState, TopicId,
};
use nabiz_core::decode::{Format, Message};
use nabiz_core::event::Channels;
use nabiz_core::ids::{Offset, RecordDigest};
use nabiz_core::settings::Settings;
use nabiz_core::shard::{Calls, RecordMeta, Shard};
use nabiz_core::state::{Checkpoint, ChunkKind, StateChunk};
use nabiz_core::time::{Millis, WallTime};
use nabiz_simulator::{DEFAULT_START_MS, Options, Scenario, Simulation};
use tempfile::TempDir;

use crate::harness::serial;

const KEY: [u8; 16] = [9; 16];
const CRASH_AT: &str = "NABIZ_TEST_CRASH_AT";
const CRASH_LEDGER: &str = "NABIZ_TEST_CRASH_LEDGER";

fn settings() -> Arc<Settings> {
    let mut settings = Config::defaults().settings();
    settings.history_interval = Some(Millis(900_000));
    Arc::new(settings)
}

/// Returns the first records of a log, the same at every call.
fn events(count: usize) -> Vec<String> {
    let start_ms = DEFAULT_START_MS + 9 * 3_600_000;
    let options = Options { start_ms, seed: 3, duration_ms: None, ..Options::default() };
    Simulation::new(Scenario::OrdinaryDay, options).take(count).map(|event| event.json).collect()
}

fn fold(shard: &mut Shard, events: &[String], from: usize) {
    for (position, event) in events.iter().enumerate().skip(from) {
        let message = Message { value: Some(event.as_bytes()), headers: &[] };
        shard.fold(
            Format::CloudEvents,
            &message,
            RecordMeta { offset: Offset(position as i64), timestamp: None },
        );
    }
}

fn open(path: &Path) -> Ledger {
    Ledger::open(path, Channels::default()).unwrap()
}

fn acquire(ledger: &mut Ledger) -> (Lease, Option<StoredState>) {
    let taken = ledger.acquire("calls", 0, "test").unwrap();
    (taken.lease, taken.stored)
}

fn request(lease: Lease, shard: &mut Shard) -> CheckpointRequest {
    CheckpointRequest::new(lease, shard.checkpoint())
}

/// Returns the visits offered by the restored state and by the interval history, and the offset of
/// the checkpoint.
fn offered(path: &Path) -> (u64, u64, i64) {
    let (_, stored) = acquire(&mut open(path));
    let Some(stored) = stored else { return (0, 0, 0) };
    let mut shard = Shard::restore(settings(), KEY, &stored.chunks).unwrap();
    let offered = shard.snapshot().series.iter().map(|series| series.totals.visits.offered).sum();
    let connection = rusqlite::Connection::open(path).unwrap();
    let in_history: i64 = connection
        .query_row("SELECT coalesce(sum(offered), 0) FROM intervals", [], |row| row.get(0))
        .unwrap();
    (offered, in_history as u64, stored.next_offset.0)
}

/// Returns the result of [`offered`] after a plain fold of the records.
fn expected(events: &[String]) -> (u64, u64, i64) {
    let mut shard = Shard::new(settings(), KEY);
    fold(&mut shard, events, 0);
    let offered = shard.snapshot().series.iter().map(|series| series.totals.visits.offered).sum();
    (offered, offered, events.len() as i64)
}

/// Creates a ledger with one checkpoint of all records.
fn ledger_of(folder: &TempDir, events: &[String]) -> PathBuf {
    let path = folder.path().join("nabiz.db");
    let mut ledger = open(&path);
    let (lease, _) = acquire(&mut ledger);
    let mut shard = Shard::new(settings(), KEY);
    fold(&mut shard, events, 0);
    assert_eq!(
        ledger.store(&[request(lease, &mut shard)], WallTime(1)).unwrap(),
        [CommitOutcome::Stored]
    );
    path
}

/// Acquires the partition, folds the rest of `events` and stores a checkpoint.
fn continue_to(path: &Path, events: &[String], at: impl FnMut(CrashPoint)) -> Vec<CommitOutcome> {
    let mut ledger = open(path);
    let (lease, stored) = acquire(&mut ledger);
    let stored = stored.unwrap();
    let mut shard = Shard::restore(settings(), KEY, &stored.chunks).unwrap();
    fold(&mut shard, events, stored.next_offset.0 as usize);
    ledger.store_observed(&[request(lease, &mut shard)], WallTime(2), at).unwrap()
}

/// Stores a checkpoint and aborts at a crash point. Runs in a process that the test below starts.
#[test]
fn crash_child() {
    let (Ok(at), Ok(path)) = (std::env::var(CRASH_AT), std::env::var(CRASH_LEDGER)) else { return };
    continue_to(Path::new(&path), &events(4_000), |point| {
        if format!("{point:?}") == at {
            std::process::abort();
        }
    });
    unreachable!("the process ends at {at}");
}

#[test]
fn checkpoint_is_atomic_when_the_process_crashes_at_any_point() {
    let _shared = serial::shared();
    let events = events(4_000);
    for (at, survives) in [("BeforeWrite", false), ("BeforeCommit", false), ("AfterCommit", true)] {
        let folder = TempDir::new().unwrap();
        let path = ledger_of(&folder, &events[..2_500]);
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "ledger::crash_child", "--nocapture"])
            .env(CRASH_AT, at)
            .env(CRASH_LEDGER, &path)
            .output()
            .unwrap()
            .status;
        assert!(!status.success(), "the child did not crash at {at}");
        let stored = if survives { &events[..] } else { &events[..2_500] };
        assert_eq!(offered(&path), expected(stored), "crash {at}");
        continue_to(&path, &events, |_| {});
        assert_eq!(offered(&path), expected(&events), "after the crash {at}");
    }
}

#[test]
fn former_owner_is_refused_and_stores_nothing() {
    let _shared = serial::shared();
    let events = events(4_000);
    let folder = TempDir::new().unwrap();
    let path = ledger_of(&folder, &events[..2_500]);

    let mut zombie = open(&path);
    let (old_lease, stored) = acquire(&mut zombie);
    let mut old_shard = Shard::restore(settings(), KEY, &stored.unwrap().chunks).unwrap();
    fold(&mut old_shard, &events[..3_000], 2_500);

    assert_eq!(continue_to(&path, &events, |_| {}), [CommitOutcome::Stored]);
    assert_eq!(
        zombie.store(&[request(old_lease, &mut old_shard)], WallTime(3)).unwrap(),
        [CommitOutcome::Fenced]
    );
    assert_eq!(offered(&path), expected(&events));
}

#[test]
fn checkpoint_fails_whole_on_a_full_disk_and_succeeds_later() {
    let _shared = serial::shared();
    let events = events(6_000);
    let folder = TempDir::new().unwrap();
    let path = ledger_of(&folder, &events[..1_000]);

    let mut ledger = open(&path);
    let (lease, stored) = acquire(&mut ledger);
    let mut shard = Shard::restore(settings(), KEY, &stored.unwrap().chunks).unwrap();
    ledger.limit_pages(1).unwrap();
    let mut failures = 0;
    for upto in [2_500, 4_000, 6_000] {
        let from =
            if upto == 2_500 { 1_000 } else { upto - if upto == 4_000 { 1_500 } else { 2_000 } };
        fold(&mut shard, &events[..upto], from);
        let requests = [request(lease, &mut shard)];
        let error = ledger.store(&requests, WallTime(2)).unwrap_err();
        assert!(matches!(error, LedgerError::Sqlite(_)), "{error}");
        let [request] = requests;
        shard.rollback(request.checkpoint);
        failures += 1;
    }
    assert_eq!(failures, 3);
    ledger.limit_pages(1 << 30).unwrap();
    assert_eq!(
        ledger.store(&[request(lease, &mut shard)], WallTime(3)).unwrap(),
        [CommitOutcome::Stored]
    );
    drop(ledger);
    assert_eq!(
        offered(&path),
        expected(&events),
        "nothing lost and nothing twice in the history either"
    );
}

#[test]
fn ledger_returns_to_a_whole_checkpoint_when_the_write_ahead_log_is_torn() {
    let _shared = serial::shared();
    let events = events(4_000);
    let folder = TempDir::new().unwrap();
    let path = ledger_of(&folder, &events[..2_500]);
    // A reader keeps the log of the second checkpoint. The copy loses its end, as in a power
    // failure.
    let reader = rusqlite::Connection::open(&path).unwrap();
    let _: i64 = reader.query_row("SELECT count(*) FROM pieces", [], |row| row.get(0)).unwrap();
    continue_to(&path, &events, |_| {});
    let torn = folder.path().join("torn.db");
    std::fs::copy(&path, &torn).unwrap();
    let wal = std::fs::read(folder.path().join("nabiz.db-wal")).unwrap();
    assert!(wal.len() > 10_000, "{} bytes of log", wal.len());
    std::fs::write(folder.path().join("torn.db-wal"), &wal[..wal.len() - 5_000]).unwrap();
    let found = offered(&torn);
    assert!(
        [expected(&events[..2_500]), (0, 0, 0)].contains(&found),
        "{found:?} is no whole checkpoint"
    );
}

#[test]
fn ledger_rejects_damaged_foreign_and_newer_files_and_leaves_them_unchanged() {
    let _shared = serial::shared();
    let folder = TempDir::new().unwrap();
    let open_error = |path: &Path| Ledger::open(path, Channels::default()).unwrap_err();

    let damaged = folder.path().join("damaged.db");
    std::fs::write(&damaged, vec![0x5a; 8_192]).unwrap();
    assert!(matches!(open_error(&damaged), LedgerError::Unreadable { .. }));
    assert_eq!(std::fs::read(&damaged).unwrap(), vec![0x5a; 8_192]);

    let foreign = folder.path().join("foreign.db");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    assert!(matches!(open_error(&foreign), LedgerError::Foreign { .. }));

    let newer = ledger_of(&folder, &events(100));
    rusqlite::Connection::open(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = open_error(&newer);
    assert!(matches!(error, LedgerError::Newer { found: 99, .. }), "{error}");
    assert!(error.to_string().contains("99"), "{error}");
}

#[test]
fn ledger_of_the_first_version_is_migrated_by_its_first_opener() {
    let _shared = serial::shared();
    let folder = TempDir::new().unwrap();
    let all = events(3_000);
    let path = ledger_of(&folder, &all[..2_000]);
    // The tables of the first version, and no native histograms. The tests of the core read chunks
    // in the form of older ledgers, and the golden tests read a ledger of an older program.
    let first_version = "DROP VIEW history_intervals; DROP VIEW history_queue_agents;
                         DROP VIEW history_arrivals; DROP VIEW history_units;
                         DROP VIEW history_scores; DROP VIEW history_pauses;
                         DROP VIEW history_agents;
                         DROP TABLE arrival_intervals; DROP TABLE unit_intervals;
                         DROP TABLE score_intervals; DROP TABLE pause_intervals;
                         DROP TABLE head_intervals;
                         DROP TABLE facts; ALTER TABLE partitions DROP COLUMN missed;
                         ALTER TABLE partitions DROP COLUMN record_ms;
                         ALTER TABLE intervals DROP COLUMN service_level_revoked;
                         ALTER TABLE intervals DROP COLUMN counted_since;
                         ALTER TABLE intervals DROP COLUMN arrived_answered;
                         ALTER TABLE intervals DROP COLUMN arrived_abandoned;
                         ALTER TABLE intervals DROP COLUMN arrived_left;
                         ALTER TABLE intervals DROP COLUMN arrived_lost;
                         ALTER TABLE intervals DROP COLUMN arrived_answered_in_target;
                         ALTER TABLE intervals DROP COLUMN arrived_abandoned_short;
                         ALTER TABLE intervals DROP COLUMN left_wait_sum_ms;
                         ALTER TABLE intervals DROP COLUMN lost_wait_sum_ms;
                         ALTER TABLE intervals DROP COLUMN wait_beyond_short_sum_ms;
                         ALTER TABLE intervals DROP COLUMN abandoned_beyond_short;
                         ALTER TABLE intervals DROP COLUMN first_responses_in_target;
                         ALTER TABLE intervals DROP COLUMN resolutions_in_target;
                         ALTER TABLE intervals DROP COLUMN callbacks;
                         ALTER TABLE intervals DROP COLUMN ended_by_agent;
                         ALTER TABLE intervals DROP COLUMN ended_by_customer;
                         ALTER TABLE intervals DROP COLUMN ended_by_system;
                         ALTER TABLE partitions DROP COLUMN last_offset;
                         ALTER TABLE partitions DROP COLUMN last_ms;
                         ALTER TABLE partitions DROP COLUMN last_digest;
                         ALTER TABLE partitions DROP COLUMN topic_id;
                         ALTER TABLE partitions DROP COLUMN configuration;
                         ALTER TABLE partitions DROP COLUMN calls_drive_agents;
                         DELETE FROM pieces WHERE kind IN (9, 10); PRAGMA user_version = 1;";
    rusqlite::Connection::open(&path).unwrap().execute_batch(first_version).unwrap();
    std::thread::scope(|scope| {
        let openers: Vec<_> = (0..4).map(|_| scope.spawn(|| drop(open(&path)))).collect();
        openers.into_iter().for_each(|opener| opener.join().unwrap());
    });
    assert_eq!(offered(&path), expected(&all[..2_000]));
    assert_eq!(continue_to(&path, &all, |_| {}), [CommitOutcome::Stored]);
    assert_eq!(offered(&path), expected(&all));
    let version: i64 = rusqlite::Connection::open(&path)
        .unwrap()
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(version, nabiz::ledger::SCHEMA_VERSION);
}

#[test]
fn ledger_returns_the_fingerprint_of_the_last_record() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("nabiz.db");
    let mut ledger = open(&path);
    let taken = ledger.acquire("calls", 0, "test").unwrap();
    assert_eq!(taken.last_record, None);
    let mut shard = Shard::new(settings(), KEY);
    let dated = RecordFingerprint {
        offset: Offset(34),
        timestamp: Some(WallTime(1_000)),
        digest: RecordDigest::new(&KEY, Some(b"key"), Some(b"value")),
    };
    let undated = RecordFingerprint { timestamp: None, ..dated };
    for last_record in [Some(dated), Some(undated), None] {
        let stored = CheckpointRequest { last_record, ..request(taken.lease, &mut shard) };
        assert_eq!(ledger.store(&[stored], WallTime(0)).unwrap(), [CommitOutcome::Stored]);
        let connection = rusqlite::Connection::open(&path).unwrap();
        let select = "SELECT last_offset, last_ms, last_digest FROM partitions";
        let columns = connection
            .query_row(select, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .unwrap();
        let expected: (Option<i64>, Option<i64>, Option<Vec<u8>>) = (
            last_record.map(|last| last.offset.0),
            last_record.and_then(|last| last.timestamp).map(WallTime::get),
            last_record.map(|last| last.digest.to_bytes().to_vec()),
        );
        assert_eq!(columns, expected);
    }
    let stored = CheckpointRequest { last_record: Some(dated), ..request(taken.lease, &mut shard) };
    assert_eq!(ledger.store(&[stored], WallTime(0)).unwrap(), [CommitOutcome::Stored]);
    assert_eq!(ledger.acquire("calls", 0, "next").unwrap().last_record, Some(dated));
}

#[test]
fn ledger_returns_the_topic_id_of_the_last_checkpoint() {
    let folder = TempDir::new().unwrap();
    let mut ledger = open(&folder.path().join("nabiz.db"));
    let taken = ledger.acquire("calls", 0, "test").unwrap();
    assert_eq!(taken.topic_id, None);
    let mut shard = Shard::new(settings(), KEY);
    for topic_id in [Some(TopicId([7; 16])), None, Some(TopicId([9; 16]))] {
        let taken = ledger.acquire("calls", 0, "test").unwrap();
        let stored = CheckpointRequest { topic_id, ..request(taken.lease, &mut shard) };
        assert_eq!(ledger.store(&[stored], WallTime(0)).unwrap(), [CommitOutcome::Stored]);
        assert_eq!(ledger.acquire("calls", 0, "next").unwrap().topic_id, topic_id);
    }
}

#[test]
fn ledger_returns_the_configuration_of_the_last_checkpoint() {
    let folder = TempDir::new().unwrap();
    let mut ledger = open(&folder.path().join("nabiz.db"));
    assert_eq!(ledger.acquire("calls", 0, "test").unwrap().configuration, None);
    let mut shard = Shard::new(settings(), KEY);
    for text in ["a = 1", "a = 2"] {
        let digest = Some(ConfigDigest::new(&KEY, text));
        let taken = ledger.acquire("calls", 0, "test").unwrap();
        ledger.set_configuration(digest);
        let stored = request(taken.lease, &mut shard);
        assert_eq!(ledger.store(&[stored], WallTime(0)).unwrap(), [CommitOutcome::Stored]);
        assert_eq!(ledger.acquire("calls", 0, "next").unwrap().configuration, digest);
    }
}

#[test]
fn ledger_returns_whether_calls_drive_agents_by_the_last_checkpoint() {
    let folder = TempDir::new().unwrap();
    let mut ledger = open(&folder.path().join("nabiz.db"));
    assert_eq!(ledger.acquire("calls", 0, "test").unwrap().calls, None);
    let mut shard = Shard::new(settings(), KEY);
    for calls in [Calls::DriveAgents, Calls::Apart] {
        let taken = ledger.acquire("calls", 0, "test").unwrap();
        let stored = CheckpointRequest { calls: Some(calls), ..request(taken.lease, &mut shard) };
        assert_eq!(ledger.store(&[stored], WallTime(0)).unwrap(), [CommitOutcome::Stored]);
        assert_eq!(ledger.acquire("calls", 0, "next").unwrap().calls, Some(calls));
    }
}

/// Returns the chunks of a shard that has a contact in a queue, a contact whose ending is held, an
/// agent and a follow-up.
fn chunks_with(key: [u8; 16]) -> Vec<StateChunk> {
    let record = |id: &str, kind: &str, data: &str| {
        format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"/source-of-the-test","type":"{kind}",
                "time":"2026-01-05T10:00:00Z","data":{data}}}"#
        )
    };
    let records = [
        record(
            "first-identity",
            "contact.queued",
            r#"{"contact_id":"contact-in-queue","queue":"fault"}"#,
        ),
        record(
            "second-identity",
            "contact.answered",
            r#"{"contact_id":"contact-held","queue":"fault"}"#,
        ),
        record(
            "third-identity",
            "agent.state_changed",
            r#"{"agent":"agent-of-the-test","state":"available"}"#,
        ),
        record(
            "fourth-identity",
            "followup.opened",
            r#"{"followup_id":"followup-of-the-test","unit":"field"}"#,
        ),
    ];
    let mut shard = Shard::new(settings(), key);
    fold(&mut shard, &records, 0);
    let snapshot = shard.snapshot();
    assert_eq!(
        (snapshot.records.applied, snapshot.records.held, snapshot.open_contacts),
        (3, 1, 2)
    );
    shard.checkpoint().chunks
}

#[test]
fn ledger_contains_no_id_in_plain_text() {
    let _shared = serial::shared();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("nabiz.db");
    let mut ledger = open(&path);
    let (lease, _) = acquire(&mut ledger);
    let checkpoint =
        Checkpoint { next_offset: Offset(4), chunks: chunks_with(KEY), ..Checkpoint::default() };
    assert_eq!(
        ledger.store(&[CheckpointRequest::new(lease, checkpoint)], WallTime(1)).unwrap(),
        [CommitOutcome::Stored]
    );
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend(std::fs::read(folder.path().join("nabiz.db-wal")).unwrap());
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    // Names of queues and units may be in it, but no name of a person or a contact.
    assert!(holds("fault") && holds("field"));
    for id in ["contact-", "agent-of", "followup-of", "-identity", "source-of"] {
        assert!(!holds(id), "{id} is in the ledger");
    }
    // Without the key no id can be tested: with another key all chunks with ids are different.
    let (one, other) = (chunks_with(KEY), chunks_with([8; 16]));
    for kind in [ChunkKind::ContactPart, ChunkKind::Ids, ChunkKind::Agents, ChunkKind::Followups] {
        let of_kind = |chunks: &[StateChunk]| -> Vec<Vec<u8>> {
            chunks
                .iter()
                .filter(|chunk| chunk.kind == kind)
                .map(|chunk| chunk.bytes.clone())
                .collect()
        };
        let (one, other) = (of_kind(&one), of_kind(&other));
        assert!(
            !one.is_empty() && !one.iter().any(|bytes| other.contains(bytes)),
            "{kind:?} is the same by any key"
        );
    }
}
