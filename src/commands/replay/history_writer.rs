//! The ledger of a replay: the interval history of a file, for backtests.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use nabiz_core::settings::Settings;
use nabiz_core::shard::Shard;
use nabiz_core::time::Millis;

use crate::clock::system_time;
use crate::commands::failure::Failure;
use crate::ledger::{CheckpointRequest, CommitOutcome, Lease, Ledger, REPLAY_TOPIC};

/// Records between two checkpoints: few enough that the intervals of one need little memory, and
/// many enough that their transactions take little of the time.
const CHECKPOINT_RECORDS: u64 = 200_000;

/// Writes the interval history of a replay into a ledger of its own, in checkpoints.
pub(super) struct HistoryWriter {
    ledger: Ledger,
    lease: Lease,
    path: PathBuf,
    /// Records since the last checkpoint.
    unstored: u64,
}

impl HistoryWriter {
    /// Creates the ledger.
    ///
    /// # Errors
    /// Returns a usage failure where there is a file already: the history of a replay is not added
    /// to another. Returns a running failure where the ledger cannot be written.
    pub(super) fn create(
        path: &Path,
        settings: &Settings,
        interval: Millis,
    ) -> Result<Self, Failure> {
        if path.exists() {
            return Err(Failure::Usage(anyhow!(
                "--ledger: expected a new file, found `{}`",
                path.display()
            )));
        }
        let create = || -> anyhow::Result<(Ledger, Lease)> {
            let mut ledger = Ledger::open(path, settings.channels.clone())?;
            ledger.ensure_interval(interval)?;
            let lease = ledger.acquire(REPLAY_TOPIC, 0, "nabiz replay")?.lease;
            Ok((ledger, lease))
        };
        let (ledger, lease) =
            create().with_context(|| format!("cannot create the ledger `{}`", path.display()))?;
        Ok(HistoryWriter { ledger, lease, path: path.to_owned(), unstored: 0 })
    }

    /// Notes that a record was folded, and stores a checkpoint if one is due.
    ///
    /// # Errors
    /// As [`Self::store`].
    pub(super) fn on_record(&mut self, shard: &mut Shard) -> Result<(), Failure> {
        self.unstored += 1;
        if self.unstored < CHECKPOINT_RECORDS {
            return Ok(());
        }
        self.store(shard)
    }

    /// Stores what was folded since the last checkpoint.
    ///
    /// # Errors
    /// Returns a running failure where the ledger does not store it.
    pub(super) fn store(&mut self, shard: &mut Shard) -> Result<(), Failure> {
        self.unstored = 0;
        let request = CheckpointRequest::new(self.lease, shard.checkpoint());
        let path = self.path.display();
        let outcomes = self
            .ledger
            .store(&[request], system_time())
            .with_context(|| format!("cannot write the ledger `{path}`"))?;
        if outcomes.contains(&CommitOutcome::Fenced) {
            return Err(anyhow!("another process writes the ledger `{path}`").into());
        }
        Ok(())
    }
}
