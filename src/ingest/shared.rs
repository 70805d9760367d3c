//! State that all threads of ingest share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nabiz_core::settings::Settings;

use super::dead_letters::DeadLetters;
use super::host_clock::HostClock;
use super::ledger_handle::LedgerHandle;
use super::log_ends::LogEnds;
use super::options::Options;
use super::status_hub::StatusHub;
use super::unstored::Unstored;
use crate::readmodel::PublishedState;

/// The options, and the parts that every worker uses.
pub(super) struct Shared {
    pub options: Options,
    pub settings: Arc<Settings>,
    pub status_hub: Arc<StatusHub>,
    pub log_ends: LogEnds,
    pub clock: Arc<HostClock>,
    pub ledger: LedgerHandle,
    pub dead_letters: Arc<DeadLetters>,
    pub unstored: Arc<Unstored>,
    /// Set once, when ingest is to stop.
    pub stop: AtomicBool,
    /// Ingest starts again after it stops: another owner may have the partitions meanwhile, and the
    /// numbers are withheld.
    pub is_restarting: AtomicBool,
    /// By worker: it holds no partition any more, and none will come.
    pub workers_left: Vec<AtomicBool>,
}

impl Shared {
    /// Returns whether ingest is to stop.
    pub(super) fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Builds the state for readers. Reuses the sum of `last` if no snapshot has changed.
    pub(super) fn published_state(&self, last: &PublishedState) -> PublishedState {
        let (letters, ledger) = (self.dead_letters.counts(), self.ledger.health());
        let unreadable = &self.options.ledger.distribution_errors;
        let config = self.options.reloads.status();
        self.status_hub.published_state(last, letters, ledger, unreadable, config)
    }

    /// Records that a worker holds no partition any more. Ingest must be stopping.
    pub(super) fn leave(&self, worker: usize) {
        if let Some(left) = self.workers_left.get(worker) {
            // Pairs with the acquiring load once ingest has stopped.
            left.store(true, Ordering::Release);
        }
    }

    /// Returns whether a worker holds no partition any more, once ingest is stopping.
    pub(super) fn has_left(&self, worker: usize) -> bool {
        self.workers_left.get(worker).is_some_and(|left| left.load(Ordering::Acquire))
    }
}
