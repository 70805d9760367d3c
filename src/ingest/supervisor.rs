//! Starts and stops the threads of ingest.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use nabiz_core::settings::Settings;

use super::broker_watch::BrokerWatch;
use super::dead_letters::DeadLetters;
use super::earlier_run::EarlierRun;
use super::error::StartError;
use super::host_clock::HostClock;
use super::ledger_handle::LedgerHandle;
use super::log_ends::LogEnds;
use super::options::Options;
use super::partition_counts::PartitionCounts;
use super::publisher::{self, RESTARTING};
use super::shared::Shared;
use super::standstill_watch::StandstillWatch;
use super::status_hub::StatusHub;
use super::threads::spawn;
use super::unstored::Unstored;
use super::worker::Worker;
use crate::readmodel::{Availability, Health, PublishedState};

/// Time between two checks of threads that must end.
const STOP_POLL: Duration = Duration::from_millis(10);

/// Running ingest. Dropping it does not stop it: call [`Ingest::stop`].
#[must_use = "only this handle can stop ingest"]
pub struct Ingest {
    shared: Arc<Shared>,
    published: Arc<ArcSwap<PublishedState>>,
    threads: Threads,
    ledger: JoinHandle<()>,
}

/// The threads that end when ingest is to stop.
struct Threads {
    workers: Vec<JoinHandle<()>>,
    others: [JoinHandle<()>; 3],
}

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
        let earlier = EarlierRun {
            clock: Arc::new(HostClock::new(wall, monotonic)),
            health: Arc::new(Health::default()),
            unstored: Arc::new(Unstored::default()),
        };
        Ingest::start_again(options, settings, published, earlier)
    }

    /// Does the same as [`Ingest::start`] after an earlier run of ingest in this process has ended.
    /// Its counts continue, and what it knew of the clock is still believed.
    ///
    /// # Errors
    /// As [`Ingest::start`]. No thread of ingest goes on then.
    pub fn start_again(
        options: Options,
        settings: Arc<Settings>,
        published: Arc<ArcSwap<PublishedState>>,
        earlier: EarlierRun,
    ) -> Result<Ingest, StartError> {
        options.validate()?;
        let dead_letters = Arc::new(DeadLetters::new(&options).map_err(StartError::from_client)?);
        let EarlierRun { clock, health, unstored } = earlier;
        let (ledger, ledger_thread) = LedgerHandle::start(
            &options.ledger,
            &settings,
            Arc::clone(&options.reloads),
            Arc::clone(&options.clock),
            Arc::clone(&clock),
        )?;
        let topics = options.topics.iter().map(|topic| topic.name.as_str());
        let counts = PartitionCounts::of_topics(topics);
        let hub = StatusHub::new(options.workers, counts).continuing(&health);
        let shared = Arc::new(Shared {
            status_hub: Arc::new(hub),
            log_ends: LogEnds::default(),
            clock,
            ledger,
            dead_letters,
            unstored,
            stop: AtomicBool::new(false),
            is_restarting: AtomicBool::new(false),
            workers_left: (0..options.workers).map(|_| AtomicBool::new(false)).collect(),
            options,
            settings,
        });
        match Threads::start(&shared, &published) {
            Ok(threads) => Ok(Ingest { shared, published, threads, ledger: ledger_thread }),
            Err(error) => {
                // Those that have started end by themselves.
                shared.stop.store(true, Ordering::Relaxed);
                Err(error)
            }
        }
    }

    /// Returns why ingest cannot continue, if so: the stored state is unusable, another process has
    /// the same instance id, or a thread has ended, which is a bug.
    pub fn failure(&self) -> Option<String> {
        let has_ended = || self.threads.all().chain([&self.ledger]).any(JoinHandle::is_finished);
        self.shared.status_hub.failure().or_else(|| {
            has_ended()
                .then(|| "an ingest thread has ended, which is a bug: see the log".to_owned())
        })
    }

    /// Returns the present error of the ledger.
    pub fn ledger_trouble(&self) -> Option<String> {
        self.shared.ledger.health().trouble
    }

    /// Leaves the group, writes the dead letters, and ends the threads, for at most `within`.
    /// Returns whether all of that is done. A client whose broker is unreachable can take longer
    /// to close; its thread then ends with the process.
    pub fn stop(self, within: Duration) -> bool {
        self.end(within)
    }

    /// Does the same as [`Ingest::stop`] before another run of ingest in this process. From now on
    /// the numbers are withheld, because another owner may have the partitions.
    pub fn stop_to_start_again(self, within: Duration) -> EarlierRun {
        let shared = Arc::clone(&self.shared);
        let published = Arc::clone(&self.published);
        shared.is_restarting.store(true, Ordering::Relaxed);
        self.end(within);
        // What the others store from now on may come too late.
        shared.unstored.add(shared.status_hub.labels_of(|worker| !shared.has_left(worker)));
        // The publishing thread has ended before the workers, whose last counts are missing.
        let mut last = shared.published_state(&published.load());
        last.health.availability = Availability::Withheld(RESTARTING.to_owned());
        let earlier = EarlierRun {
            clock: Arc::clone(&shared.clock),
            health: Arc::new(last.health.clone()),
            unstored: Arc::clone(&shared.unstored),
        };
        published.store(Arc::new(last));
        earlier
    }

    fn end(self, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        self.shared.stop.store(true, Ordering::Relaxed);
        let threads_ended = loop {
            if self.threads.all().all(JoinHandle::is_finished) {
                break true;
            }
            if Instant::now() >= deadline {
                break false;
            }
            thread::sleep(STOP_POLL);
        };
        let left = deadline.saturating_duration_since(Instant::now());
        let letters_written = self.shared.dead_letters.flush(left);
        if !threads_ended || !letters_written {
            tracing::warn!(threads_ended, letters_written, "kafka clients not closed in time");
        }
        threads_ended && letters_written
    }
}

impl Threads {
    /// Starts the threads. After an error some of them run.
    fn start(
        shared: &Arc<Shared>,
        published: &Arc<ArcSwap<PublishedState>>,
    ) -> Result<Self, StartError> {
        // All consumers are created before the first thread starts, so that a bad property starts
        // nothing.
        let consumers: Vec<Worker> = (0..shared.options.workers)
            .map(|number| Worker::new(number, Arc::clone(shared)))
            .collect::<Result<_, _>>()
            .map_err(StartError::from_client)?;
        let broker_watch = BrokerWatch::new(Arc::clone(shared)).map_err(StartError::from_client)?;
        let mut workers = Vec::with_capacity(consumers.len());
        for (number, worker) in consumers.into_iter().enumerate() {
            workers.push(spawn(format!("nabiz-ingest-{number}"), move || worker.run())?);
        }
        let broker_watch = spawn("nabiz-watch".to_owned(), move || broker_watch.run())?;
        let standstill_watch = StandstillWatch::new(Arc::clone(shared));
        let standstill_watch =
            spawn("nabiz-standstill".to_owned(), move || standstill_watch.run())?;
        let (of_publisher, published) = (Arc::clone(shared), Arc::clone(published));
        let publisher = spawn("nabiz-publish".to_owned(), move || {
            publisher::run(&of_publisher, &published);
        })?;
        Ok(Threads { workers, others: [broker_watch, standstill_watch, publisher] })
    }

    fn all(&self) -> impl Iterator<Item = &JoinHandle<()>> {
        self.workers.iter().chain(&self.others)
    }
}
