//! Starts and stops the threads of ingest.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use nabiz_core::settings::Settings;

use super::broker_watch::BrokerWatch;
use super::dead_letters::DeadLetters;
use super::error::StartError;
use super::host_clock::HostClock;
use super::ledger_handle::LedgerHandle;
use super::log_ends::LogEnds;
use super::options::Options;
use super::partition_counts::PartitionCounts;
use super::publisher;
use super::shared::Shared;
use super::standstill_watch::StandstillWatch;
use super::status_hub::StatusHub;
use super::threads::spawn;
use super::worker::Worker;
use crate::readmodel::PublishedState;

/// Time between two checks of threads that must end.
const STOP_POLL: Duration = Duration::from_millis(10);

/// Running ingest. Dropping it does not stop it: call [`Ingest::stop`].
#[must_use = "only this handle can stop ingest"]
pub struct Ingest {
    stop: Arc<AtomicBool>,
    workers: Vec<JoinHandle<()>>,
    publisher: JoinHandle<()>,
    broker_watch: JoinHandle<()>,
    standstill_watch: JoinHandle<()>,
    dead_letters: Arc<DeadLetters>,
    ledger: JoinHandle<()>,
    status_hub: Arc<StatusHub>,
    clock: Arc<HostClock>,
}

/// The clock of a run of ingest, with what is believed of it.
#[derive(Clone)]
pub struct KnownClock(Arc<HostClock>);

impl Ingest {
    /// Starts the workers and the publishing thread, which replaces `published` a few times a
    /// second.
    ///
    /// # Errors
    /// See [`StartError`]. An unreachable broker is no error: the consumers keep trying.
    pub fn start(
        options: Options,
        settings: Arc<Settings>,
        published: Arc<ArcSwap<PublishedState>>,
    ) -> Result<Ingest, StartError> {
        let (wall, monotonic) = (Arc::clone(&options.clock), Arc::clone(&options.monotonic));
        let clock = KnownClock(Arc::new(HostClock::new(wall, monotonic)));
        Ingest::start_again(options, settings, published, clock)
    }

    /// Does the same as [`Ingest::start`] after an earlier run of ingest in this process has ended.
    /// Its counts continue, and what it knew of the clock is still believed.
    ///
    /// # Errors
    /// As [`Ingest::start`].
    pub fn start_again(
        options: Options,
        settings: Arc<Settings>,
        published: Arc<ArcSwap<PublishedState>>,
        clock: KnownClock,
    ) -> Result<Ingest, StartError> {
        options.validate()?;
        let dead_letters = Arc::new(DeadLetters::new(&options).map_err(StartError::from_client)?);
        let worker_count = options.workers;
        let KnownClock(clock) = clock;
        let (ledger, ledger_thread) = LedgerHandle::start(
            &options.ledger,
            &settings,
            Arc::clone(&options.reloads),
            Arc::clone(&options.clock),
            Arc::clone(&clock),
        )?;
        let topics = options.topics.iter().map(|topic| topic.name.as_str());
        let counts = PartitionCounts::of_topics(topics);
        let hub = StatusHub::new(worker_count, counts).continuing(&published.load().health);
        let status_hub = Arc::new(hub);
        let shared = Arc::new(Shared {
            status_hub: Arc::clone(&status_hub),
            log_ends: LogEnds::default(),
            clock: Arc::clone(&clock),
            ledger,
            dead_letters: Arc::clone(&dead_letters),
            stop: Arc::new(AtomicBool::new(false)),
            options,
            settings,
        });
        // All consumers are created before the first thread starts, so that a bad property starts
        // nothing.
        let consumers: Vec<Worker> = (0..worker_count)
            .map(|number| Worker::new(number, Arc::clone(&shared)))
            .collect::<Result<_, _>>()
            .map_err(StartError::from_client)?;
        let broker_watch =
            BrokerWatch::new(Arc::clone(&shared)).map_err(StartError::from_client)?;
        let mut workers = Vec::with_capacity(worker_count);
        for (number, worker) in consumers.into_iter().enumerate() {
            workers.push(spawn(format!("nabiz-ingest-{number}"), move || worker.run())?);
        }
        let broker_watch = spawn("nabiz-watch".to_owned(), move || broker_watch.run())?;
        let standstill_watch = StandstillWatch::new(Arc::clone(&shared));
        let standstill_watch =
            spawn("nabiz-standstill".to_owned(), move || standstill_watch.run())?;
        let stop = Arc::clone(&shared.stop);
        let publisher =
            spawn("nabiz-publish".to_owned(), move || publisher::run(&shared, &published))?;
        let ledger = ledger_thread;
        Ok(Ingest {
            stop,
            workers,
            publisher,
            broker_watch,
            standstill_watch,
            dead_letters,
            ledger,
            status_hub,
            clock,
        })
    }

    /// Returns the clock, for the next run of ingest in this process.
    pub fn known_clock(&self) -> KnownClock {
        KnownClock(Arc::clone(&self.clock))
    }

    /// Returns why ingest cannot continue, if so: the stored state is unusable, another process has
    /// the same instance id, or a thread has ended, which is a bug.
    pub fn failure(&self) -> Option<String> {
        let has_ended = || {
            let watches = [&self.broker_watch, &self.standstill_watch];
            let others = watches.into_iter().chain([&self.publisher, &self.ledger]);
            self.workers.iter().chain(others).any(JoinHandle::is_finished)
        };
        self.status_hub.failure().or_else(|| {
            has_ended()
                .then(|| "an ingest thread has ended, which is a bug: see the log".to_owned())
        })
    }

    /// Leaves the group, writes the dead letters, and ends the threads, for at most `within`.
    /// Returns whether all of that is done. A client whose broker is unreachable can take longer
    /// to close; its thread then ends with the process.
    pub fn stop(self, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        self.stop.store(true, Ordering::Relaxed);
        let threads_ended = loop {
            let others = [&self.publisher, &self.broker_watch, &self.standstill_watch];
            if self.workers.iter().chain(others).all(JoinHandle::is_finished) {
                break true;
            }
            if Instant::now() >= deadline {
                break false;
            }
            thread::sleep(STOP_POLL);
        };
        let letters_written =
            self.dead_letters.flush(deadline.saturating_duration_since(Instant::now()));
        if !threads_ended || !letters_written {
            tracing::warn!(threads_ended, letters_written, "kafka clients not closed in time");
        }
        threads_ended && letters_written
    }
}
