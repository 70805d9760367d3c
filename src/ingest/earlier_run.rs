//! What a run of ingest leaves to the next one in the same process.

use std::sync::Arc;

use super::host_clock::HostClock;
use super::unstored::Unstored;
use crate::readmodel::{Health, ShardLabel};

/// An ended run of ingest: its last counts, what it knew of the clock, and what it did not store.
#[derive(Clone)]
pub struct EarlierRun {
    pub(super) clock: Arc<HostClock>,
    pub(super) health: Arc<Health>,
    pub(super) unstored: Arc<Unstored>,
}

impl EarlierRun {
    /// Returns the partitions whose numbers may have been published and not stored. Ingest must
    /// start again with the same settings while there are any.
    pub fn unstored(&self) -> Vec<ShardLabel> {
        self.unstored.labels()
    }
}
