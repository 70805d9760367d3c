//! The publishing thread: adds up what the workers report, for the readers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use super::degraded::log_changes;
use super::shared::Shared;
use crate::readmodel::{Availability, PublishedState};

/// The shortest pause: reports that arrive within it are added up together.
const PAUSE_MIN: Duration = Duration::from_millis(10);
/// The longest pause, however long adding up took.
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// The pause, as a multiple of the time that adding up took: it uses at most a third of a core.
const PAUSE_FACTOR: u32 = 2;
/// The health is published at least this often, also without reports.
const HEALTH_INTERVAL: Duration = Duration::from_millis(250);
/// Why numbers are withheld between two runs of ingest.
pub(super) const RESTARTING: &str = "ingest starts again";

/// Publishes until ingest stops, and once after that.
pub(super) fn run(shared: &Shared, published: &ArcSwap<PublishedState>) {
    let starting =
        PublishedState::starting(Arc::clone(&shared.settings), shared.options.aggregation);
    let mut last = Arc::new(starting);
    loop {
        let is_stopping = shared.is_stopping();
        let is_restarting = shared.is_restarting.load(Ordering::Relaxed);
        let began = Instant::now();
        let mut next = shared.published_state(&last);
        if is_restarting {
            next.health.availability = Availability::Withheld(RESTARTING.to_owned());
        }
        log_changes(&last.health.degraded, &next.health.degraded);
        last = Arc::new(next);
        published.store(Arc::clone(&last));
        if is_stopping {
            return;
        }
        shared.dead_letters.retry_failed(Instant::now());
        thread::sleep(began.elapsed().saturating_mul(PAUSE_FACTOR).clamp(PAUSE_MIN, PAUSE_MAX));
        shared.status_hub.wait_for_report(HEALTH_INTERVAL);
    }
}
