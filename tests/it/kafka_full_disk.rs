//! The disk of the ledger, the log and the configuration becomes full under a running `nabiz
//! serve`. The numbers continue, and the published age of the checkpoint grows. Once there is room
//! again, the result equals that of a run without the fault.
//!
//! The disk is a small file system in memory; where the machine does not permit the mount, the test
//! reports this and passes.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nabiz_dev::broker::Kafka;
use nabiz_dev::client::{Outgoing, produce, read_all};
use nabiz_dev::pipeline::Pipeline;
use nabiz_dev::process::Nabiz;
use nabiz_dev::report_skipped;
use nabiz_dev::scrape::Scrape;
use nabiz_simulator::{Options, Scenario, Simulation};
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::simulated::simulated;
use crate::harness::{serial, truth};

const TOPIC: &str = "full.calls";
const PARTITIONS: i32 = 3;
/// 2026-01-05T10:00:00+03:00 in milliseconds since the Unix epoch.
const START_MS: i64 = 1_767_596_400_000;
const WITHIN: Duration = Duration::from_secs(60);
/// The longest pause between two attempts at a checkpoint is 30 s.
const RECOVERED_WITHIN: Duration = Duration::from_secs(60);

/// A file system of its own, unmounted when dropped.
struct Disk {
    folder: TempDir,
}

impl Disk {
    /// Mounts a small file system in memory. Returns `None` where the machine does not permit the
    /// mount.
    fn mount() -> Option<Disk> {
        let folder =
            tempfile::Builder::new().prefix("nabiz-disk-").tempdir().expect("a temporary folder");
        let output = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64m", "nabiz"])
            .arg(folder.path())
            .output();
        match output {
            Ok(output) if output.status.success() => Some(Disk { folder }),
            Ok(output) => skip(&String::from_utf8_lossy(&output.stderr)),
            Err(error) => skip(&error.to_string()),
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Takes every free byte, also the last ones of the page that the log of `pipeline` ends in.
    fn fill(&self, pipeline: &Pipeline) -> Full {
        let log = pipeline.config().with_extension("log");
        let log_bytes = fs::metadata(&log).expect("a log").len();
        let filler = self.path().join("filler");
        append(&filler, &[1 << 20, 4096]);
        append(&log, &[1]);
        Full { filler, log, log_bytes }
    }
}

/// The files that fill a disk.
struct Full {
    filler: PathBuf,
    log: PathBuf,
    log_bytes: u64,
}

impl Full {
    fn make_room(self) {
        fs::remove_file(self.filler).expect("the filler is removed");
        let log = fs::OpenOptions::new().write(true).open(self.log).expect("the log");
        log.set_len(self.log_bytes).expect("the log is cut to what it was");
    }
}

/// Appends chunks of each size until an append fails because the disk is full.
fn append(path: &Path, sizes: &[usize]) {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(path).expect("a file");
    for size in sizes {
        let error = loop {
            if let Err(error) = file.write_all(&vec![b' '; *size]) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
    }
}

fn skip(why: &str) -> Option<Disk> {
    report_skipped("kafka_full_disk", &format!("mount: {why}"));
    None
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

/// Returns four hours of events with a last one for each partition, and their truth.
fn stream() -> (Vec<Outgoing>, Value) {
    let options = Options {
        start_ms: START_MS,
        duration_ms: Some(14_400_000),
        rate_scale: 2.0,
        seed: 17,
        ..Options::default()
    };
    simulated(Simulation::new(Scenario::OrdinaryDay, options), PARTITIONS)
}

fn bad_record(number: usize) -> Outgoing {
    Outgoing {
        key: format!("bad-{number}"),
        value: b"[]".to_vec(),
        timestamp_ms: START_MS,
        partition: Some(0),
    }
}

/// Waits until `nabiz` has read `good` good records and `bad` bad ones, and has written these to
/// the dead letters. Returns the scrape.
fn shows(nabiz: &Nabiz, good: usize, bad: usize) -> Scrape {
    nabiz.scrape_until("all read", WITHIN, |scrape| {
        let read = ["applied", "duplicate", "late", "rejected"].map(|result| {
            scrape.sum("nabiz_records_total", &[("topic", TOPIC), ("result", result)])
        });
        let letters = scrape.sum("nabiz_dead_letters_total", &[]);
        let is_all = read.iter().sum::<f64>() == (good + bad) as f64
            && read[3] == bad as f64
            && letters == bad as f64;
        if is_all {
            Ok(())
        } else {
            Err(format!("{read:?} of {good} and {bad}, {letters} dead letters"))
        }
    })
}

fn checkpoint_time(scrape: &Scrape) -> f64 {
    scrape.value("nabiz_checkpoint_timestamp_seconds", &[]).expect("a checkpoint")
}

fn failures(scrape: &Scrape) -> f64 {
    scrape.sum("nabiz_ledger_failures_total", &[])
}

fn readyz(nabiz: &Nabiz) -> (u16, Value) {
    let (status, body) = nabiz.get("/readyz").expect("an answer");
    (status, serde_json::from_str(&body).expect("JSON"))
}

/// Returns the positions after the last stored record, summed over the partitions.
fn stored_records(pipeline: &Pipeline) -> i64 {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let ledger =
        rusqlite::Connection::open_with_flags(pipeline.ledger(), flags).expect("the ledger");
    ledger
        .query_row("SELECT total(next_offset) FROM partitions", [], |row| row.get::<_, f64>(0))
        .expect("a sum") as i64
}

fn wait_stored(pipeline: &Pipeline, records: usize) {
    nabiz_dev::wait_for("all stored", RECOVERED_WITHIN, || {
        let stored = stored_records(pipeline);
        if stored == records as i64 {
            Ok(())
        } else {
            Err(format!("{stored} of {records} records"))
        }
    });
}

fn assert_truth(truth: &Value, scrape: &Scrape) {
    let differences = truth::differences(truth, scrape, &[]);
    assert!(
        differences.is_empty(),
        "{} differences:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

#[test]
#[ignore = "needs Apache Kafka and the right to mount (make test)"]
fn full_disk_stops_only_checkpoints_until_there_is_room() {
    let _alone = serial::alone();
    let Some(disk) = Disk::mount() else { return };
    let kafka = Kafka::start();
    let pipeline = Pipeline::new(kafka.brokers(), "full")
        .topic(TOPIC, "cloudevents")
        .client("session.timeout.ms", "6000")
        .client("heartbeat.interval.ms", "500")
        .on(disk.path());
    kafka.create_topic(TOPIC, PARTITIONS);
    kafka.create_topic(pipeline.dead_letters(), 1);
    let (events, truth) = stream();
    let third = events.len() / 3;
    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    produce(&kafka, TOPIC, &events[..third]);
    let before = shows(&nabiz, third, 0);
    wait_stored(&pipeline, third);
    assert_eq!(failures(&before), 0.0);
    assert_eq!(readyz(&nabiz).1["degraded"], Value::Null);
    for size in
        ["nabiz_ledger_size_bytes", "nabiz_ledger_file_size_bytes", "nabiz_ledger_wal_size_bytes"]
    {
        assert!(nabiz.scrape().sum(size, &[]) >= 4096.0, "{size}");
    }
    let remembered = nabiz.scrape().sum("nabiz_remembered_ids", &[]);
    assert!(
        (1.0..=third as f64).contains(&remembered),
        "{remembered} identities of {third} records"
    );

    // The disk is full. Reading continues, also past rejected records; the stored state does not
    // advance, and the status shows that.
    let full = disk.fill(&pipeline);
    produce(&kafka, TOPIC, &events[third..2 * third]);
    produce(&kafka, TOPIC, &[bad_record(0), bad_record(1)]);
    let during = shows(&nabiz, 2 * third, 2);
    assert_eq!(during.fallen_since(&before), Vec::<String>::new());
    let offered = |scrape: &Scrape| scrape.sum("nabiz_visits_offered_total", &[]);
    assert!(offered(&during) > offered(&before), "{} after {}", offered(&during), offered(&before));
    // While there is nothing to store, the checkpoint is as new as the clock: its age begins with
    // the first failure.
    let failed = |times: f64| {
        nabiz.scrape_until("failures grow", WITHIN, |scrape| {
            if failures(scrape) >= times {
                Ok(())
            } else {
                Err(format!("{} failures", failures(scrape)))
            }
        })
    };
    let stored_at = checkpoint_time(&failed(1.0));
    let grows = failed(3.0);
    assert_eq!(checkpoint_time(&grows), stored_at, "a checkpoint was stored on a full disk");
    assert_eq!(stored_records(&pipeline), third as i64);
    let (status, ready) = readyz(&nabiz);
    assert_eq!((status, &ready["ready"]), (200, &Value::Bool(true)), "{ready}");
    assert!(ready["degraded"].as_str().is_some_and(|why| why.contains("disk is full")), "{ready}");
    let age = |nabiz: &Nabiz| {
        let (_, body) = nabiz.get("/api/v1/status").expect("an answer");
        serde_json::from_str::<Value>(&body).expect("JSON")["checkpoint_age_seconds"]
            .as_u64()
            .expect("an age")
    };
    assert!(age(&nabiz) >= 2, "{} s", age(&nabiz));

    // The disk has room again: the process recovers without a restart.
    let room_at = Instant::now();
    full.make_room();
    wait_stored(&pipeline, 2 * third + 2);
    let recovered_after = room_at.elapsed();
    let after = nabiz.scrape_until("a new checkpoint", WITHIN, |scrape| {
        if checkpoint_time(scrape) > stored_at {
            Ok(())
        } else {
            Err("the old checkpoint".to_owned())
        }
    });
    assert_eq!(after.fallen_since(&during), Vec::<String>::new());
    assert_eq!(readyz(&nabiz).1["degraded"], Value::Null);

    // The disk is full again, and the process crashes. The next process waits for room and reports
    // it, and then reads the records again that are not stored.
    let full = disk.fill(&pipeline);
    produce(&kafka, TOPIC, &events[2 * third..]);
    produce(&kafka, TOPIC, &[bad_record(2)]);
    assert_truth(&truth, &shows(&nabiz, events.len(), 3));
    nabiz.scrape_until("a failure", WITHIN, |scrape| {
        if failures(scrape) > failures(&after) { Ok(()) } else { Err("no failure".to_owned()) }
    });
    nabiz.kill();
    assert_eq!(
        stored_records(&pipeline),
        2 * third as i64 + 2,
        "offsets that are not stored are not committed"
    );
    let nabiz = pipeline.serve();
    nabiz_dev::wait_for("the next process waits", WITHIN, || {
        let (status, body) = nabiz.get("/readyz")?;
        let waits = status == 503
            && body.contains("waiting for the ledger: ")
            && body.contains("disk is full");
        if waits { Ok(()) } else { Err(format!("{status} {body}\n{}", nabiz.log_tail())) }
    });
    assert_eq!(
        nabiz.terminate(Duration::from_secs(5)).code(),
        Some(0),
        "it ends when asked, also while it waits"
    );
    let mut nabiz = pipeline.serve();
    full.make_room();
    nabiz.wait_ready();
    assert_truth(&truth, &shows(&nabiz, events.len(), 3));
    wait_stored(&pipeline, events.len() + 3);
    assert_eq!(nabiz.terminate(Duration::from_secs(5)).code(), Some(0));

    // After the restart the metrics equal the truth too, and each rejected record is a dead letter.
    let mut nabiz = pipeline.serve();
    nabiz.wait_ready();
    assert_truth(&truth, &shows(&nabiz, events.len(), 3));
    assert_eq!(nabiz.terminate(Duration::from_secs(5)).code(), Some(0));
    let letters = read_all(&kafka, pipeline.dead_letters());
    let mut places: Vec<_> = letters.iter().map(|letter| letter.header("offset")).collect();
    places.sort();
    places.dedup();
    assert_eq!(places.len(), 3, "{places:?}");
    let _ = writeln!(
        std::io::stderr(),
        "full disk: {} records, {} failed attempts, stored {:.1} s after there was room",
        events.len() + 3,
        failures(&grows),
        recovered_after.as_secs_f64()
    );
}
