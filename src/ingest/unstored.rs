//! Partitions whose numbers may be ahead of the ledger.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::readmodel::ShardLabel;

/// How a partition is when its owner gives it away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LeftAs {
    /// The ledger has what was read, and everything up to the first end that was seen is read.
    StoredCaughtUp,
    /// The ledger has what was read.
    Stored,
    /// The ledger may lack some of what was read and published.
    Unstored,
}

/// The partitions that were given away without a last checkpoint, over all runs of ingest in this
/// process. Other rules must not apply to them: records whose numbers were published would be
/// counted again, and a counter could fall. Under the same rules they are counted the same.
#[derive(Debug, Default)]
pub(super) struct Unstored(Mutex<BTreeSet<ShardLabel>>);

impl Unstored {
    /// Records how a partition is when its owner gives it away.
    pub(super) fn on_left(&self, label: &ShardLabel, left_as: LeftAs) {
        match left_as {
            // What was published before is read again, and stored this time.
            LeftAs::StoredCaughtUp => drop(self.lock().remove(label)),
            LeftAs::Stored => {}
            LeftAs::Unstored => drop(self.lock().insert(label.clone())),
        }
    }

    /// Records partitions of a worker that did not end in time.
    pub(super) fn add(&self, labels: impl IntoIterator<Item = ShardLabel>) {
        self.lock().extend(labels);
    }

    /// Returns the partitions.
    pub(super) fn labels(&self) -> Vec<ShardLabel> {
        self.lock().iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<ShardLabel>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partition_stays_unstored_until_it_is_stored_with_all_that_was_published() {
        let label = ShardLabel { topic: "calls".into(), partition: 1 };
        let unstored = Unstored::default();
        unstored.on_left(&label, LeftAs::Stored);
        assert_eq!(unstored.labels(), []);
        unstored.on_left(&label, LeftAs::Unstored);
        // The next owner has stored the little that it has read again.
        unstored.on_left(&label, LeftAs::Stored);
        assert_eq!(unstored.labels(), std::slice::from_ref(&label));
        unstored.on_left(&label, LeftAs::StoredCaughtUp);
        assert_eq!(unstored.labels(), []);
    }
}
