//! The thread that owns the ledger. Workers hand it checkpoints and go on reading; it answers when they are stored.

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nabiz_core::settings::Settings;
use nabiz_core::time::{Millis, Timestamp};

use super::options::LedgerOptions;
use super::{StartError, spawn};
use crate::clock::WallClock;
use crate::ledger::{
    AcquiredPartition, CheckpointRequest, CommitOutcome, DistributionErrors, Ledger, LedgerError,
};
use crate::readmodel::ShardLabel;

/// How often history past its retention is looked for.
const CLEAN_EVERY: Duration = Duration::from_secs(60);
const LOG_EVERY: Duration = Duration::from_secs(10);

enum Request {
    Acquire { label: ShardLabel, reply: Sender<Result<AcquiredPartition, LedgerError>> },
    Store { jobs: Vec<CheckpointRequest>, reply: Sender<Outcome> },
}

/// What became of a checkpoint.
pub(super) struct Outcome {
    /// The jobs, to be given back where they were not stored.
    pub jobs: Vec<CheckpointRequest>,
    /// What became of each; an error where nothing was stored.
    pub outcomes: Result<Vec<CommitOutcome>, LedgerError>,
}

/// How the ledger fares.
#[derive(Debug, Default)]
pub(super) struct LedgerHealth {
    stored_ms: AtomicI64,
    duration_us: AtomicU64,
    failures: AtomicU64,
    used_bytes: AtomicU64,
    file_bytes: AtomicU64,
    wal_bytes: AtomicU64,
    /// Longest time for which a worker stopped reading for a checkpoint.
    pause_us: AtomicU64,
    trouble: Mutex<Option<String>>,
    /// Checkpoints that are not answered yet.
    outstanding: AtomicUsize,
    /// Stored distributions that the ledger or a reader of the history could not read.
    pub(super) distribution_errors: DistributionErrors,
}

/// A reading of [`LedgerHealth`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LedgerHealthReport {
    pub stored_ms: Option<i64>,
    pub duration_us: Option<u64>,
    pub failures: u64,
    pub used_bytes: u64,
    pub file_bytes: u64,
    pub wal_bytes: u64,
    pub pause_us: u64,
    /// What is wrong with the ledger now.
    pub trouble: Option<String>,
}

impl LedgerHealth {
    pub(super) fn report(&self) -> LedgerHealthReport {
        let stored_ms = self.stored_ms.load(Ordering::Relaxed);
        let is_stored = stored_ms != 0;
        LedgerHealthReport {
            stored_ms: is_stored.then_some(stored_ms),
            duration_us: is_stored.then(|| self.duration_us.load(Ordering::Relaxed)),
            failures: self.failures.load(Ordering::Relaxed),
            used_bytes: self.used_bytes.load(Ordering::Relaxed),
            file_bytes: self.file_bytes.load(Ordering::Relaxed),
            wal_bytes: self.wal_bytes.load(Ordering::Relaxed),
            pause_us: self.pause_us.load(Ordering::Relaxed),
            trouble: self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// A worker has nothing to store at this instant of the wall clock. Where no other waits for the ledger either, and it
    /// works, the last checkpoint is as good as one of now.
    pub(super) fn nothing_to_store(&self, now_ms: i64) {
        let works = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).is_none();
        if works && self.outstanding.load(Ordering::Acquire) == 0 {
            self.stored_ms.store(now_ms, Ordering::Relaxed);
        }
    }

    /// Takes note of a checkpoint of an earlier process, where there is no newer one.
    fn was_stored(&self, at_ms: i64) {
        let _ = self.stored_ms.compare_exchange(0, at_ms, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Takes note of how long a worker stopped reading.
    pub(super) fn paused(&self, pause: Duration) {
        self.pause_us
            .fetch_max(u64::try_from(pause.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}

/// The workers' side of the keeper.
#[derive(Clone)]
pub(super) struct LedgerHandle {
    requests: Sender<Request>,
    pub(super) health: Arc<LedgerHealth>,
}

impl LedgerHandle {
    /// Opens the ledger and starts the thread. It ends when the last keeper is dropped.
    pub(super) fn start(
        options: &LedgerOptions,
        settings: &Settings,
        clock: WallClock,
    ) -> Result<(Self, JoinHandle<()>), StartError> {
        let mut ledger = Ledger::open(&options.path, settings.channels.clone())
            .map_err(StartError::Ledger)?
            .counting_errors_in(options.distribution_errors.clone());
        if let Some(interval) = settings.history_interval {
            ledger.ensure_interval(interval).map_err(StartError::Ledger)?;
        }
        let health = Arc::new(LedgerHealth {
            distribution_errors: options.distribution_errors.clone(),
            ..LedgerHealth::default()
        });
        let (requests, received) = channel();
        let thread = Thread {
            ledger,
            health: Arc::clone(&health),
            clock,
            owner: format!("{}:{}", std::process::id(), options.instance),
            retention_ms: options.history_retention_ms,
            cleaned_at: Instant::now(),
            logged_at: None,
        };
        let thread = spawn("nabiz-ledger".to_owned(), move || thread.run(&received))?;
        Ok((LedgerHandle { requests, health }, thread))
    }

    /// Takes a partition over.
    pub(super) fn acquire(
        &self,
        label: ShardLabel,
    ) -> Receiver<Result<AcquiredPartition, LedgerError>> {
        let (reply, replies) = channel();
        // Where the thread is gone, the dropped reply tells.
        let _ = self.requests.send(Request::Acquire { label, reply });
        replies
    }

    /// Stores a checkpoint.
    pub(super) fn store(&self, jobs: Vec<CheckpointRequest>) -> Receiver<Outcome> {
        let (reply, replies) = channel();
        self.health.outstanding.fetch_add(1, Ordering::AcqRel);
        let _ = self.requests.send(Request::Store { jobs, reply });
        replies
    }
}

struct Thread {
    ledger: Ledger,
    health: Arc<LedgerHealth>,
    clock: WallClock,
    owner: String,
    retention_ms: u64,
    cleaned_at: Instant,
    logged_at: Option<Instant>,
}

impl Thread {
    fn run(mut self, requests: &Receiver<Request>) {
        loop {
            match requests.recv_timeout(CLEAN_EVERY) {
                Ok(Request::Acquire { label, reply }) => {
                    let taken = self.ledger.acquire(&label.topic, label.partition, &self.owner);
                    self.note(taken.as_ref().err());
                    if let Ok(AcquiredPartition { stored_at: Some(stored_at), .. }) = &taken {
                        self.health.was_stored(stored_at.get());
                    }
                    // A worker that stops does not wait for the answer.
                    let _ = reply.send(taken);
                }
                Ok(Request::Store { jobs, reply }) => {
                    let outcomes = self.store(&jobs);
                    self.health.outstanding.fetch_sub(1, Ordering::AcqRel);
                    let _ = reply.send(Outcome { jobs, outcomes });
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.cleaned_at.elapsed() >= CLEAN_EVERY {
                self.cleaned_at = Instant::now();
                self.clean();
            }
        }
    }

    fn store(&mut self, jobs: &[CheckpointRequest]) -> Result<Vec<CommitOutcome>, LedgerError> {
        let began = Instant::now();
        let now = (self.clock)();
        let outcomes = self.ledger.store(jobs, now);
        self.note(outcomes.as_ref().err());
        if let Ok(outcomes) = &outcomes {
            let stored = outcomes.contains(&CommitOutcome::Stored);
            if stored {
                self.health.stored_ms.store(now.get(), Ordering::Relaxed);
            }
            let duration_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.health.duration_us.store(duration_us, Ordering::Relaxed);
            if let Ok(size) = self.ledger.size() {
                self.health.used_bytes.store(size.used_bytes, Ordering::Relaxed);
                self.health.file_bytes.store(size.file_bytes, Ordering::Relaxed);
                self.health.wal_bytes.store(size.wal_bytes, Ordering::Relaxed);
            }
        }
        outcomes
    }

    fn note(&mut self, error: Option<&LedgerError>) {
        self.health.set_trouble(error.map(LedgerError::chain));
        let Some(error) = error else { return };
        self.health.failures.fetch_add(1, Ordering::Relaxed);
        if self.logged_at.is_none_or(|logged_at| logged_at.elapsed() >= LOG_EVERY) {
            self.logged_at = Some(Instant::now());
            tracing::error!(error = error.chain(), "ledger failed, retrying");
        }
    }

    fn clean(&mut self) {
        // Intervals are of event time, but a retention is counted back from the wall clock.
        let end = (self.clock)().saturating_sub(Millis(self.retention_ms));
        match self.ledger.delete_history_before(Timestamp(end.get())) {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "interval history past its retention deleted"),
            Err(error) => self.note(Some(&error)),
        }
    }
}
