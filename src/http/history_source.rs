//! The place from which the interval history is read.

use std::path::PathBuf;
use std::sync::Arc;

use nabiz_core::settings::Settings;
use nabiz_core::time::Millis;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::ledger::history::{FurtherHistory, FurtherRow, History, Query};
use crate::ledger::{DistributionErrors, LedgerError};
use crate::plan::PlanningSettings;

/// Concurrent queries. More are answered 503.
pub(super) const QUERIES_MAX: usize = 4;

/// Concurrent plans: one, because a plan computes much more than a query reads. More are answered
/// 503.
pub(super) const PLANS_MAX: usize = 1;

/// The ledger from which the interval history is read.
#[derive(Clone, Debug)]
pub struct HistorySource {
    path: PathBuf,
    pub(super) settings: Arc<Settings>,
    pub(super) interval: Millis,
    topics: Vec<String>,
    pub(super) planning: Arc<PlanningSettings>,
    distribution_errors: DistributionErrors,
    permits: Arc<Semaphore>,
    plan_permits: Arc<Semaphore>,
}

impl HistorySource {
    /// Creates a source from the ledger at `path`, with intervals of length `interval`, which holds
    /// the history of `topics`. Each query opens the file again.
    pub fn new(
        path: PathBuf,
        settings: Arc<Settings>,
        interval: Millis,
        topics: Vec<String>,
    ) -> Self {
        let permits = Arc::new(Semaphore::new(QUERIES_MAX));
        HistorySource {
            path,
            settings,
            interval,
            topics,
            planning: Arc::default(),
            distribution_errors: DistributionErrors::default(),
            permits,
            plan_permits: Arc::new(Semaphore::new(PLANS_MAX)),
        }
    }

    /// Counts unreadable distributions in `errors`.
    #[must_use]
    pub fn counting_errors_in(mut self, errors: DistributionErrors) -> Self {
        self.distribution_errors = errors;
        self
    }

    /// Makes plans by these settings; without them, by the defaults.
    #[must_use]
    pub fn planning_by(mut self, planning: Arc<PlanningSettings>) -> Self {
        self.planning = planning;
        self
    }

    /// Returns a source of the same ledger and the same limit of queries, for other settings.
    #[must_use]
    pub fn with_settings(&self, settings: Arc<Settings>) -> Self {
        HistorySource { settings, ..self.clone() }
    }

    /// Reserves one of the [`QUERIES_MAX`] queries. Returns `None` if all are in use.
    pub(super) fn reserve(&self) -> Option<OwnedSemaphorePermit> {
        self.permits.clone().try_acquire_owned().ok()
    }

    /// Reserves one of the [`PLANS_MAX`] plans. Returns `None` if all are in use.
    pub(super) fn reserve_plan(&self) -> Option<OwnedSemaphorePermit> {
        self.plan_permits.clone().try_acquire_owned().ok()
    }

    /// Opens the ledger for a query. Blocks.
    pub(super) fn open(&self, query: Query) -> Result<History, LedgerError> {
        Ok(History::open(&self.path, self.settings.clone(), self.interval, query)?
            .of_topics(self.topics.clone())
            .counting_errors_in(self.distribution_errors.clone()))
    }

    /// Opens the ledger for a query of a further table. Blocks.
    pub(super) fn open_further<R: FurtherRow>(
        self,
        query: Query,
    ) -> Result<FurtherHistory<R>, LedgerError> {
        let history = FurtherHistory::open(&self.path, self.settings, self.interval, query)?;
        Ok(history.of_topics(self.topics))
    }
}
