//! Kafka: consumer threads, assignment, catch-up, dead letters.
//!
//! A worker is a thread with its own consumer in the group. It owns the shards of the partitions it was assigned and
//! folds them inline: no channel stands between poll and fold. A few times a second it lays snapshots on the board,
//! from which one publishing thread makes the view that every reader sees.
//!
//! What a broker tells about the end of a log comes from the client's own statistics, once a second. The end-of-partition
//! event of the client binding does not name the topic, and asking the broker would block the poll loop.

mod assignment;
mod consumer_context;
mod consumer_stats;
mod dead_letters;
mod ledger_handle;
mod offset_tracker;
mod options;
mod partition;
mod status_hub;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use dead_letters::DeadLetters;
use ledger_handle::LedgerHandle;
use nabiz_core::settings::Settings;
use rdkafka::error::KafkaError;
use status_hub::StatusHub;
use worker::{Shared, Worker};

use crate::ledger::LedgerError;
use crate::readmodel::PublishedState;

pub use options::{LedgerOptions, Options, Topic, check_client_property};

/// Why ingestion could not start. A broker that is away is no reason.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Nothing to read.
    #[error("kafka.topics is empty: name at least one topic")]
    NoTopic,
    /// A topic is listed twice.
    #[error("kafka.topics names {0:?} twice")]
    TopicTwice(String),
    /// Dead letters would be read back.
    #[error("kafka.dead_letter_topic {0:?} is one of kafka.topics: it must be another topic")]
    DeadLetterTopicIsRead(String),
    /// No worker.
    #[error("kafka.workers is 0: at least 1 is needed")]
    NoWorker,
    /// A property that nabiz sets itself.
    #[error("kafka.client must not set {0:?}: nabiz sets it itself")]
    ReservedProperty(String),
    /// The client library refuses a property. The value is not repeated, it may be a secret.
    #[error("kafka.client has a bad value for {property:?}")]
    Property {
        /// Name of the property.
        property: String,
    },
    /// The client library refuses the properties as a whole.
    #[error("kafka client cannot be made: {0}")]
    Client(KafkaError),
    /// The ledger cannot be used.
    #[error("{0}")]
    Ledger(LedgerError),
    /// The operating system gave no thread.
    #[error("no thread for {name}: {error}")]
    Thread {
        /// What the thread was for.
        name: String,
        /// What the system said.
        error: std::io::Error,
    },
}

impl StartError {
    fn from_client(error: KafkaError) -> Self {
        match error {
            KafkaError::ClientConfig(_, _, property, _) => StartError::Property { property },
            other => StartError::Client(other),
        }
    }
}

/// Running ingestion. Dropping it does not stop it; call [`Ingest::stop`].
#[must_use = "ingestion can only be stopped through this"]
pub struct Ingest {
    stop: Arc<AtomicBool>,
    workers: Vec<JoinHandle<()>>,
    publisher: JoinHandle<()>,
    dead_letters: Arc<DeadLetters>,
    keeper: JoinHandle<()>,
    status_hub: Arc<StatusHub>,
}

impl Ingest {
    /// Starts the workers and the publishing thread. From then on `published` is replaced a few times a second.
    ///
    /// # Errors
    /// See [`StartError`]; a broker that cannot be reached is waited for.
    pub fn start(
        options: Options,
        settings: Arc<Settings>,
        published: Arc<ArcSwap<PublishedState>>,
    ) -> Result<Ingest, StartError> {
        options.validate()?;
        let dead_letters = Arc::new(DeadLetters::new(&options).map_err(StartError::from_client)?);
        let worker_count = options.workers;
        let (keeper, keeper_thread) =
            LedgerHandle::start(&options.ledger, &settings, Arc::clone(&options.clock))?;
        let status_hub = Arc::new(StatusHub::new(worker_count));
        let shared = Arc::new(Shared {
            status_hub: Arc::clone(&status_hub),
            keeper,
            dead_letters: Arc::clone(&dead_letters),
            stop: Arc::new(AtomicBool::new(false)),
            options,
            settings,
        });
        // Every consumer is made before the first thread is, so that a refused property starts nothing.
        let made: Vec<Worker> = (0..worker_count)
            .map(|number| Worker::new(number, Arc::clone(&shared)))
            .collect::<Result<_, _>>()
            .map_err(StartError::from_client)?;
        let mut workers = Vec::with_capacity(worker_count);
        for (number, worker) in made.into_iter().enumerate() {
            workers.push(spawn(format!("nabiz-ingest-{number}"), move || worker.run())?);
        }
        let stop = Arc::clone(&shared.stop);
        let publisher = spawn("nabiz-publish".to_owned(), move || publish(&shared, &published))?;
        Ok(Ingest { stop, workers, publisher, dead_letters, keeper: keeper_thread, status_hub })
    }

    /// Why ingestion cannot go on, if it cannot: the stored state cannot be used, or a thread has ended, which is a
    /// defect of this program.
    pub fn failure(&self) -> Option<String> {
        let ended = || {
            self.workers.iter().chain([&self.publisher, &self.keeper]).any(JoinHandle::is_finished)
        };
        self.status_hub.failure().or_else(|| {
            ended().then(|| "an ingest thread has ended: a defect, see the log".to_owned())
        })
    }

    /// Leaves the group, writes out dead letters, and ends the threads, as far as that is done within `within`. A
    /// client whose broker is away can take longer to close; its thread is then left to the end of the process.
    ///
    /// Returns whether all of it was done.
    pub fn stop(self, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        self.stop.store(true, Ordering::Relaxed);
        let threads_ended = loop {
            if self.workers.iter().chain([&self.publisher]).all(JoinHandle::is_finished) {
                break true;
            }
            if Instant::now() >= deadline {
                break false;
            }
            thread::sleep(Duration::from_millis(10));
        };
        let letters_written =
            self.dead_letters.flush(deadline.saturating_duration_since(Instant::now()));
        if !threads_ended || !letters_written {
            tracing::warn!(
                threads_ended,
                letters_written,
                "kafka did not answer in time to close cleanly"
            );
        }
        threads_ended && letters_written
    }
}

fn spawn(name: String, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StartError> {
    thread::Builder::new()
        .name(name.clone())
        .spawn(body)
        .map_err(|error| StartError::Thread { name, error })
}

/// What workers report within this time is added up together.
const GATHER: Duration = Duration::from_millis(10);
/// Adding up takes at most the third part of a core.
const ADDING_SHARE: u32 = 2;
/// And is never put off for longer, whatever held it up.
const ADDING_REST_MAX: Duration = Duration::from_secs(1);
/// The health is looked at this often, also where no worker reports.
const HEALTH_EVERY: Duration = Duration::from_millis(250);

fn publish(shared: &Shared, published: &ArcSwap<PublishedState>) {
    let mut last = Arc::new(PublishedState::starting(
        Arc::clone(&shared.settings),
        shared.options.aggregation,
    ));
    loop {
        let stopping = shared.stop.load(Ordering::Relaxed);
        let began = Instant::now();
        last = Arc::new(shared.status_hub.view(&last, &shared.dead_letters, &shared.keeper.health));
        published.store(Arc::clone(&last));
        if stopping {
            return;
        }
        shared.dead_letters.send_returned();
        // What several workers report at about the same time is added up once, and adding up never takes most of a core.
        thread::sleep(began.elapsed().saturating_mul(ADDING_SHARE).clamp(GATHER, ADDING_REST_MAX));
        shared.status_hub.wait_for_news(HEALTH_EVERY);
    }
}
