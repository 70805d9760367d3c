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

/// The options, and the parts that every worker uses.
pub(super) struct Shared {
    pub options: Options,
    pub settings: Arc<Settings>,
    pub status_hub: Arc<StatusHub>,
    pub log_ends: LogEnds,
    pub clock: Arc<HostClock>,
    pub ledger: LedgerHandle,
    pub dead_letters: Arc<DeadLetters>,
    /// Set once, when ingest is to stop.
    pub stop: Arc<AtomicBool>,
}

impl Shared {
    /// Returns whether ingest is to stop.
    pub(super) fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
