//! A worker: a thread that reads with one consumer, and recreates it after a fatal error.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;

use super::consumer_context::WorkerContext;
use super::session::{Session, SessionError};
use super::shared::Shared;
use crate::error_chain::error_chain;

/// Time between two checks of the stop flag.
const STOP_POLL: Duration = Duration::from_millis(50);
/// The first pause before a consumer is recreated. It doubles with each failure.
const RECREATE_PAUSE_MIN: Duration = Duration::from_secs(1);
/// The longest pause. A session that lasts longer resets the pause.
const RECREATE_PAUSE_MAX: Duration = Duration::from_secs(30);

/// A worker that has not started yet.
pub(super) struct Worker {
    number: usize,
    shared: Arc<Shared>,
    consumer: BaseConsumer<WorkerContext>,
}

impl Worker {
    /// Creates the consumer of a worker.
    pub(super) fn new(number: usize, shared: Arc<Shared>) -> KafkaResult<Self> {
        let consumer = subscribe(number, &shared)?;
        Ok(Worker { number, shared, consumer })
    }

    /// Reads until ingest stops, or until an error that a new consumer would not mend.
    pub(super) fn run(self) {
        let (number, shared) = (self.number, Arc::clone(&self.shared));
        self.read();
        shared.leave(number);
    }

    fn read(self) {
        let Worker { number, shared, consumer } = self;
        let mut next = Ok(consumer);
        let mut pause = RECREATE_PAUSE_MIN;
        while !shared.is_stopping() {
            let started = Instant::now();
            let result = next
                .map_err(SessionError::Client)
                .and_then(|consumer| Session::new(number, &shared, consumer).run());
            let Err(error) = result else { return };
            let text = error_chain(&error);
            match error {
                SessionError::State { .. } | SessionError::SameInstanceId => {
                    tracing::error!(worker = number, error = text, "worker cannot continue");
                    shared.status_hub.fail(text);
                    return;
                }
                SessionError::Client(_) | SessionError::Fenced => {}
            }
            if started.elapsed() > RECREATE_PAUSE_MAX {
                pause = RECREATE_PAUSE_MIN;
            }
            shared.status_hub.count_client_error();
            let retry_s = pause.as_secs();
            tracing::error!(worker = number, error = text, retry_s, "consumer failed");
            let until = Instant::now() + pause;
            while !shared.is_stopping() && Instant::now() < until {
                thread::sleep(STOP_POLL);
            }
            pause = (pause * 2).min(RECREATE_PAUSE_MAX);
            if shared.is_stopping() {
                return;
            }
            next = subscribe(number, &shared);
            if next.is_ok() {
                tracing::info!(worker = number, "consumer recreated");
            }
        }
    }
}

/// Creates a consumer that is subscribed to the configured topics.
fn subscribe(worker: usize, shared: &Shared) -> KafkaResult<BaseConsumer<WorkerContext>> {
    let options = &shared.options;
    let context = WorkerContext::new(worker, options, Arc::clone(&shared.status_hub));
    let consumer: BaseConsumer<WorkerContext> =
        options.consumer_config(worker).create_with_context(context)?;
    let topics: Vec<&str> = options.topics.iter().map(|topic| topic.name.as_str()).collect();
    consumer.subscribe(&topics)?;
    Ok(consumer)
}
