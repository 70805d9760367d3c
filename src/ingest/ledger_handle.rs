//! The thread that owns the ledger. Workers send it checkpoints and continue to read; it replies
//! once they are stored.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nabiz_core::settings::Settings;
use nabiz_core::time::{Millis, Timestamp, WallTime};

use super::error::StartError;
use super::host_clock::HostClock;
use super::options::LedgerOptions;
use super::threads::spawn;
use crate::clock::WallClock;
use crate::config_digest::ConfigDigest;
use crate::ledger::{AcquiredPartition, CheckpointRequest, CommitOutcome, Ledger, LedgerError};
use crate::log_limit::LogLimit;
use crate::readmodel::{Reloads, ShardLabel};

/// Time between two deletions of interval history that is past its retention.
const CLEAN_INTERVAL: Duration = Duration::from_secs(60);

enum Request {
    Acquire { label: ShardLabel, reply: Sender<Result<AcquiredPartition, LedgerError>> },
    Store { requests: Vec<CheckpointRequest>, reply: Sender<CheckpointResult> },
}

/// The result of a checkpoint.
#[must_use = "what was not stored must be rolled back"]
pub(super) struct CheckpointResult {
    /// The requests, for the rollback of those that were not stored.
    pub requests: Vec<CheckpointRequest>,
    /// The outcome of each request; an error if nothing was stored.
    pub outcomes: Result<Vec<CommitOutcome>, LedgerError>,
}

/// The health of the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LedgerHealth {
    /// When the last checkpoint was stored, or was not needed.
    pub stored_at: Option<WallTime>,
    /// How long it took to store the last checkpoint.
    pub store_duration: Duration,
    /// The longest time for which a worker stopped reading because of a checkpoint.
    pub pause_max: Duration,
    pub failures: u64,
    pub used_bytes: u64,
    pub file_bytes: u64,
    pub wal_bytes: u64,
    /// The present error of the ledger.
    pub trouble: Option<String>,
    /// Checkpoints without a reply yet.
    outstanding: usize,
}

/// The workers' side of the thread that owns the ledger.
#[derive(Clone)]
pub(super) struct LedgerHandle {
    requests: Sender<Request>,
    health: Arc<Mutex<LedgerHealth>>,
}

impl LedgerHandle {
    /// Opens the ledger and starts the thread, which ends when the last handle is dropped.
    pub(super) fn start(
        options: &LedgerOptions,
        settings: &Settings,
        reloads: Arc<Reloads>,
        clock: WallClock,
        host_clock: Arc<HostClock>,
    ) -> Result<(Self, JoinHandle<()>), StartError> {
        let mut ledger = Ledger::open(&options.path, settings.channels.clone())
            .map_err(StartError::Ledger)?
            .counting_errors_in(options.distribution_errors.clone());
        if let Some(interval) = settings.history_interval {
            ledger.ensure_interval(interval).map_err(StartError::Ledger)?;
        }
        let health = Arc::new(Mutex::new(LedgerHealth::default()));
        let (requests, received) = channel();
        let thread = LedgerThread {
            ledger,
            health: Arc::clone(&health),
            clock,
            host_clock,
            reloads,
            changed: false,
            owner: format!("{}:{}", std::process::id(), options.instance),
            retention: options.history_retention,
            cleaned_at: Instant::now(),
            log_limit: LogLimit::default(),
        };
        let thread = spawn("nabiz-ledger".to_owned(), move || thread.run(&received))?;
        Ok((LedgerHandle { requests, health }, thread))
    }

    /// Asks to acquire a partition.
    #[must_use = "the reply has the state of the partition"]
    pub(super) fn acquire(
        &self,
        label: ShardLabel,
    ) -> Receiver<Result<AcquiredPartition, LedgerError>> {
        let (reply, replies) = channel();
        // If the thread is gone, the reply channel is dropped, and the caller's receive fails.
        let _ = self.requests.send(Request::Acquire { label, reply });
        replies
    }

    /// Asks to store a checkpoint.
    #[must_use = "the reply tells whether the checkpoint is stored"]
    pub(super) fn store(&self, requests: Vec<CheckpointRequest>) -> Receiver<CheckpointResult> {
        let (reply, replies) = channel();
        lock(&self.health).outstanding += 1;
        let _ = self.requests.send(Request::Store { requests, reply });
        replies
    }

    pub(super) fn health(&self) -> LedgerHealth {
        lock(&self.health).clone()
    }

    /// Records that a worker has nothing to store at `now`. If the ledger works and no other worker
    /// waits for it, the last checkpoint is as good as one of `now`.
    pub(super) fn nothing_to_store(&self, now: WallTime) {
        let mut health = lock(&self.health);
        if health.trouble.is_none() && health.outstanding == 0 {
            health.stored_at = Some(now);
        }
    }

    /// Records how long a worker stopped reading because of a checkpoint.
    pub(super) fn record_pause(&self, pause: Duration) {
        let mut health = lock(&self.health);
        health.pause_max = health.pause_max.max(pause);
    }
}

fn lock(health: &Mutex<LedgerHealth>) -> MutexGuard<'_, LedgerHealth> {
    health.lock().unwrap_or_else(PoisonError::into_inner)
}

struct LedgerThread {
    ledger: Ledger,
    health: Arc<Mutex<LedgerHealth>>,
    clock: WallClock,
    host_clock: Arc<HostClock>,
    /// The configuration that is stored with checkpoints.
    reloads: Arc<Reloads>,
    /// It was logged that the configuration is not the stored one.
    changed: bool,
    owner: String,
    retention: Millis,
    cleaned_at: Instant,
    log_limit: LogLimit,
}

impl LedgerThread {
    fn run(mut self, requests: &Receiver<Request>) {
        loop {
            match requests.recv_timeout(CLEAN_INTERVAL) {
                Ok(Request::Acquire { label, reply }) => {
                    let acquired = self.acquire(&label);
                    // A worker that stops does not wait for the reply.
                    let _ = reply.send(acquired);
                }
                Ok(Request::Store { requests, reply }) => {
                    let outcomes = self.store(&requests);
                    lock(&self.health).outstanding -= 1;
                    let _ = reply.send(CheckpointResult { requests, outcomes });
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.cleaned_at.elapsed() >= CLEAN_INTERVAL {
                self.cleaned_at = Instant::now();
                self.delete_old_history();
            }
        }
    }

    fn acquire(&mut self, label: &ShardLabel) -> Result<AcquiredPartition, LedgerError> {
        let acquired = self.ledger.acquire(&label.topic, label.partition, &self.owner);
        self.record_outcome(acquired.as_ref().err());
        if let Ok(AcquiredPartition { stored_at: Some(stored_at), .. }) = &acquired {
            // A checkpoint of an earlier process counts until there is a newer one.
            lock(&self.health).stored_at.get_or_insert(*stored_at);
        }
        if let Ok(AcquiredPartition { configuration: Some(stored), .. }) = &acquired {
            self.log_change_since(*stored);
        }
        acquired
    }

    /// Logs once that the configuration is not the one under which the last checkpoint was stored.
    fn log_change_since(&mut self, stored: ConfigDigest) {
        if let Some(now) = self.reloads.status().digest
            && now != stored
            && !std::mem::replace(&mut self.changed, true)
        {
            tracing::info!(before = %stored, %now, "configuration changed since the last checkpoint");
        }
    }

    fn store(&mut self, requests: &[CheckpointRequest]) -> Result<Vec<CommitOutcome>, LedgerError> {
        let began = Instant::now();
        let now = (self.clock)();
        self.ledger.set_configuration(self.reloads.status().digest);
        let outcomes = self.ledger.store(requests, now);
        self.record_outcome(outcomes.as_ref().err());
        if let Ok(outcomes) = &outcomes {
            let (store_duration, size) = (began.elapsed(), self.ledger.size());
            let mut health = lock(&self.health);
            if outcomes.contains(&CommitOutcome::Stored) {
                health.stored_at = Some(now);
            }
            health.store_duration = store_duration;
            if let Ok(size) = size {
                health.used_bytes = size.used_bytes;
                health.file_bytes = size.file_bytes;
                health.wal_bytes = size.wal_bytes;
            }
        }
        outcomes
    }

    /// Records whether the last operation failed.
    fn record_outcome(&mut self, error: Option<&LedgerError>) {
        let trouble = error.map(LedgerError::chain);
        if let Some(error) = &trouble
            && let Some(failures) = self.log_limit.record(Instant::now())
        {
            tracing::error!(error, failures, "ledger failed, retrying");
        }
        let mut health = lock(&self.health);
        health.failures += u64::from(trouble.is_some());
        health.trouble = trouble;
    }

    fn delete_old_history(&mut self) {
        let view = self.host_clock.read();
        if !view.is_witnessed || view.jumped_to.is_some() {
            // A clock that is wrong for a moment must not delete anything.
            return;
        }
        // Rows of the history carry event time; their age is counted from the wall clock.
        let before = Timestamp(view.now.saturating_sub(self.retention).get());
        match self.ledger.delete_history_before(before) {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "interval history past its retention deleted"),
            Err(error) => self.record_outcome(Some(&error)),
        }
    }
}
