//! `nabiz ledger rewind`, run as a user runs it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use nabiz::ledger::{self, CheckpointRequest, CommitOutcome, Ledger, RecordFingerprint, TopicId};
use nabiz_core::decode::{Format, Message};
use nabiz_core::event::Channels;
use nabiz_core::ids::{Offset, RecordDigest};
use nabiz_core::settings::Settings;
use nabiz_core::shard::{Calls, RecordMeta, RecordOutcome, Shard};
use nabiz_core::snapshot::Snapshot;
use nabiz_core::time::{Millis, Timestamp, WallTime};

/// 2026-01-05T07:00:00Z, a Monday.
const START_MS: i64 = 1_767_596_400_000;
const TO: &str = "2026-01-05T07:10:00Z";
const TO_MS: i64 = START_MS + 600_000;
const THREE_YEARS_MS: i64 = 3 * 365 * 86_400_000;

const LAST_RECORD: RecordFingerprint = RecordFingerprint {
    offset: Offset(3),
    timestamp: Some(WallTime(START_MS + THREE_YEARS_MS)),
    digest: RecordDigest::from_bytes([7; 16]),
};

const TOPIC_ID: TopicId = TopicId([5; 16]);

/// A folder with a configuration and a ledger.
struct Fixture {
    folder: tempfile::TempDir,
    settings: Arc<Settings>,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::builder().history_interval(Millis::from_mins(15)).build();
        let fixture = Fixture { folder, settings: Arc::new(settings) };
        let toml = format!("[ledger]\npath = {:?}\n", fixture.ledger());
        std::fs::write(fixture.configuration(), toml).unwrap();
        fixture
    }

    fn ledger(&self) -> PathBuf {
        self.folder.path().join("nabiz.db")
    }

    fn configuration(&self) -> PathBuf {
        self.folder.path().join("nabiz.toml")
    }

    fn open(&self) -> Ledger {
        let mut ledger = Ledger::open(&self.ledger(), Channels::default()).unwrap();
        ledger.ensure_interval(Millis::from_mins(15)).unwrap();
        ledger
    }

    /// Stores a partition, and the instant to which its stream time advances.
    fn store(&self, partition: i32, mut shard: Shard, advance_to: Option<i64>) {
        let mut ledger = self.open();
        let lease = ledger.acquire("calls", partition, "test").unwrap().lease;
        let request = CheckpointRequest {
            advance_to: advance_to.map(Timestamp),
            records_missed: 7,
            newest_record: Some(WallTime(START_MS + THREE_YEARS_MS)),
            last_record: Some(LAST_RECORD),
            topic_id: Some(TOPIC_ID),
            calls: Some(Calls::Apart),
            ..CheckpointRequest::new(lease, shard.checkpoint())
        };
        assert_eq!(ledger.store(&[request], WallTime(0)).unwrap(), [CommitOutcome::Stored]);
    }

    fn shard(&self) -> Shard {
        Shard::new(Arc::clone(&self.settings), key(&self.ledger()))
    }

    /// Returns the partition as its next owner finds it, with its offset.
    fn restored(&self, partition: i32) -> (Shard, i64) {
        let acquired = self.open().acquire("calls", partition, "test").unwrap();
        assert_eq!(acquired.records_missed, 7);
        assert_eq!(acquired.last_record, Some(LAST_RECORD), "the log is still known by it");
        assert_eq!(acquired.topic_id, Some(TOPIC_ID));
        assert_eq!(acquired.calls, Some(Calls::Apart));
        assert!(acquired.newest_record <= Some(WallTime(START_MS + THREE_YEARS_MS)));
        let stored = acquired.stored.unwrap();
        let settings = Arc::clone(&self.settings);
        let mut shard = Shard::restore(settings, key(&self.ledger()), &stored.chunks).unwrap();
        if let Some(advance_to) = stored.advance_to {
            shard.advance(advance_to);
        }
        (shard, stored.next_offset.0)
    }

    fn rewind(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nabiz"));
        command.args(["ledger", "rewind", "--config"]).arg(self.configuration());
        command.args(arguments).output().unwrap()
    }
}

fn key(ledger: &Path) -> [u8; 16] {
    ledger::load_or_create(ledger).unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn fold(
    shard: &mut Shard,
    position: i64,
    kind: &str,
    contact: &str,
    time_ms: i64,
) -> RecordOutcome {
    let time = jiff::Timestamp::from_millisecond(time_ms).unwrap();
    let json = format!(
        r#"{{"specversion":"1.0","id":"{kind}-{contact}","source":"/test","type":"contact.{kind}","time":"{time}","data":{{"contact_id":"{contact}","queue":"fault"}}}}"#
    );
    let message = Message { value: Some(json.as_bytes()), headers: &[] };
    shard.fold(
        Format::CloudEvents,
        &message,
        RecordMeta { offset: Offset(position), timestamp: None },
    )
}

/// Returns offered, answered and missed visits.
fn counted(snapshot: &Snapshot) -> [u64; 3] {
    let totals = &snapshot.series.iter().find(|series| &*series.queue == "fault").unwrap().totals;
    [totals.visits.offered, totals.visits.answered, totals.service_level.missed]
}

#[test]
fn stream_time_is_set_back_and_counters_and_offsets_stay() {
    let fixture = Fixture::new();
    // Partition 0: an event was three years ahead. Partition 1: a clock was. Partition 2 is right.
    let mut shard = fixture.shard();
    fold(&mut shard, 0, "queued", "a", START_MS);
    fold(&mut shard, 1, "answered", "a", START_MS + 5_000);
    fold(&mut shard, 2, "queued", "ahead", START_MS + THREE_YEARS_MS);
    fold(&mut shard, 3, "queued", "b", START_MS + 540_000);
    let before = counted(&shard.snapshot());
    fixture.store(0, shard, None);
    for (partition, advance_to) in [(1, Some(START_MS + THREE_YEARS_MS)), (2, Some(TO_MS))] {
        let mut shard = fixture.shard();
        fold(&mut shard, 0, "queued", "c", START_MS);
        fixture.store(partition, shard, advance_to);
    }

    let planned = fixture.rewind(&["--to", TO]);
    let plan = text(&planned);
    assert_eq!(planned.status.code(), Some(0), "{plan}");
    for part in [
        "calls/0: stream time 2029-01-04T07:00:00Z is set back to 2026-01-05T07:10:00Z",
        "calls/1: stream time 2029-01-04T07:00:00Z",
        "kept: offsets",
        // The start that is far ahead. The visit that arrived late is not over yet.
        "(rows: 1)",
        "add --yes",
    ] {
        assert!(plan.contains(part), "{part} is not in\n{plan}");
    }
    assert!(!plan.contains("calls/2"), "{plan}");
    let unchanged = fixture.restored(0).0.stream_time().map(Timestamp::get);
    assert_eq!(unchanged, Some(START_MS + THREE_YEARS_MS));

    let done = fixture.rewind(&["--to", TO, "--yes"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done));
    let (mut shard, next_offset) = fixture.restored(0);
    assert_eq!((shard.stream_time().map(Timestamp::get), next_offset), (Some(TO_MS), 4));
    assert_eq!(counted(&shard.snapshot()), before);
    assert_eq!(fold(&mut shard, 4, "queued", "d", TO_MS + 1_000), RecordOutcome::Applied);
    let again = fold(&mut shard, 5, "queued", "b", START_MS + 540_000);
    assert_eq!(again, RecordOutcome::Duplicate, "its identity is remembered");
    let offered = shard.snapshot().series[0].windows[0].counts.visits.offered;
    assert_eq!(offered, 1, "the window begins again");
    assert_eq!(
        fixture.restored(1).0.stream_time().map(Timestamp::get),
        Some(START_MS),
        "the advance is gone"
    );
    assert_eq!(fixture.restored(2).0.stream_time().map(Timestamp::get), Some(TO_MS));

    let again = fixture.rewind(&["--to", TO, "--yes"]);
    assert!(text(&again).contains("no partition has a stream time after"), "{}", text(&again));
}

#[test]
fn rewind_is_refused_while_another_process_has_the_ledger_open() {
    let fixture = Fixture::new();
    let mut shard = fixture.shard();
    fold(&mut shard, 0, "queued", "ahead", START_MS + THREE_YEARS_MS);
    fixture.store(0, shard, None);
    let running = fixture.open();
    let refused = fixture.rewind(&["--to", TO, "--yes"]);
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
    assert!(text(&refused).contains("is in use"), "{}", text(&refused));
    drop(running);
    assert_eq!(
        fixture.restored(0).0.stream_time().map(Timestamp::get),
        Some(START_MS + THREE_YEARS_MS)
    );
}

#[test]
fn rewind_is_wrong_usage_when_the_time_is_in_the_future_or_no_time() {
    let fixture = Fixture::new();
    for time in ["2999-01-01T00:00:00Z", "yesterday"] {
        let output = fixture.rewind(&["--to", time]);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    }
    let absent = fixture.rewind(&["--to", TO]);
    assert_eq!(absent.status.code(), Some(1));
    assert!(text(&absent).contains("there is no ledger"), "{}", text(&absent));
    assert!(!fixture.ledger().exists(), "nothing is created");
}
