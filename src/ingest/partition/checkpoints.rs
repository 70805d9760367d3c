//! The way of a partition's state out: to the ledger, and from there confirmed to the readers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use nabiz_core::snapshot::Snapshot;
use nabiz_core::state::Checkpoint;
use nabiz_core::time::Timestamp;

use super::{CheckpointScope, Ownership, Partition, SyncState};
use crate::ingest::unstored::LeftAs;
use crate::ledger::CheckpointRequest;

impl Partition {
    /// Returns whether the ledger has the present state.
    pub(in crate::ingest) fn is_stored(&self) -> bool {
        self.saved == SyncState::UpToDate && self.stored_offset.is_some()
    }

    /// Returns how the partition is when it is given away now. A checkpoint on its way does not
    /// count.
    pub(in crate::ingest) fn left_as(&self) -> LeftAs {
        let is_stored = self.is_stored() && self.captured_offset.is_none();
        match self.offsets.position() {
            // Nothing was read.
            None => LeftAs::Stored,
            Some(_) if !is_stored => LeftAs::Unstored,
            Some(_) if self.offsets.caught_up() => LeftAs::StoredCaughtUp,
            Some(_) => LeftAs::Stored,
        }
    }

    /// Returns whether something takes effect once the checkpoint on its way is stored, before the
    /// next record: an advance of stream time, or another answer whether calls drive agents.
    pub(in crate::ingest) fn is_changing(&self) -> bool {
        self.advance_to.is_some() || self.calls.is_changing()
    }

    /// Returns the checkpoint to store, if there is one. At the end of the log it advances stream
    /// time to `advance_to`.
    ///
    /// There is none while a dead letter is not written: no checkpoint passes its record. There is
    /// none before the broker has answered either, because a stored start of the log would pass for
    /// a known position.
    #[must_use]
    pub(in crate::ingest) fn checkpoint(
        &mut self,
        advance_to: Option<Timestamp>,
        scope: CheckpointScope,
    ) -> Option<CheckpointRequest> {
        let is_confirmed = self.ownership == Ownership::Confirmed;
        if self.awaits_letters() || (self.offsets.position().is_none() && is_confirmed) {
            return None;
        }
        let caught_up = self.offsets.caught_up();
        let is_idle = self.offsets.at_end() && caught_up;
        let stream_time = self.stream_time();
        let advance_to =
            advance_to.filter(|to| is_idle && stream_time.is_none_or(|stream| *to > stream));
        let is_needed = self.saved == SyncState::Outdated
            || scope == CheckpointScope::All
            || !is_confirmed
            || advance_to.is_some()
            || self.calls.needs_checkpoint(caught_up);
        if !is_needed {
            return None;
        }
        self.saved = SyncState::UpToDate;
        self.advance_to = advance_to;
        if !is_confirmed {
            self.ownership = Ownership::Confirming;
        }
        let mut checkpoint = self.shard.checkpoint();
        self.clock_effects.on_captured(|| self.shard.snapshot());
        if let Some(position) = self.offsets.position() {
            // After the last record there may be transaction markers, which the client skips.
            checkpoint.next_offset = position;
        }
        self.captured_offset = Some(checkpoint.next_offset);
        Some(CheckpointRequest {
            lease: self.lease,
            checkpoint,
            advance_to,
            records_missed: self.missed,
            newest_record: self.newest_record,
            last_record: self.last_record.fingerprint(&self.hash_key),
            topic_id: self.topic.id(),
            calls: Some(self.calls.on_captured(caught_up)),
        })
    }

    /// Returns whether dead letters are not written yet, which no checkpoint passes.
    pub(super) fn awaits_letters(&self) -> bool {
        self.dead_letters.load(Ordering::Acquire) > 0
            || self.skip_letters.load(Ordering::Acquire) > 0
    }

    /// Publishes nothing until the ledger has confirmed that this process owns the partition.
    pub(in crate::ingest) fn suspend_until_confirmed(&mut self) {
        self.ownership = Ownership::Unconfirmed;
        self.published = SyncState::Outdated;
    }

    /// Records that the checkpoint on its way is stored.
    pub(in crate::ingest) fn on_stored(&mut self) {
        self.ownership = match self.ownership {
            Ownership::Confirmed | Ownership::Confirming => Ownership::Confirmed,
            Ownership::Unconfirmed => Ownership::Unconfirmed,
        };
        self.stored_offset = self.captured_offset.take().or(self.stored_offset);
        self.clock_effects.on_stored(Instant::now());
        self.shard.set_calls(self.calls.on_stored());
        if let Some(advance_to) = self.advance_to.take() {
            self.shard.advance(advance_to);
            self.on_change();
        }
    }

    /// Takes back the checkpoint on its way, which is not stored.
    pub(in crate::ingest) fn on_store_failed(&mut self, checkpoint: Checkpoint) {
        self.advance_to = None;
        self.captured_offset = None;
        self.saved = SyncState::Outdated;
        self.clock_effects.on_store_failed();
        self.calls.on_store_failed();
        self.shard.rollback(checkpoint);
    }

    /// Returns a snapshot if the shard has changed. There is none while catching up or unconfirmed,
    /// because the numbers could be wrong. While a decision of the clock is not stored, it is that
    /// of the last stored checkpoint.
    #[must_use]
    pub(in crate::ingest) fn take_snapshot(&mut self) -> Option<Arc<Snapshot>> {
        if self.published == SyncState::UpToDate || !self.is_servable() {
            return None;
        }
        if self.clock_effects.hide() {
            return self.clock_effects.take_stored();
        }
        self.published = SyncState::UpToDate;
        Some(Arc::new(self.shard.snapshot()))
    }

    pub(super) fn is_servable(&self) -> bool {
        self.offsets.caught_up() && self.ownership == Ownership::Confirmed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::partition::testing::{caught_up, clock};

    #[test]
    fn earlier_checkpoint_does_not_confirm_ownership_when_it_is_stored() {
        let mut partition = caught_up();
        assert!(partition.checkpoint(None, CheckpointScope::Changed).is_some());
        partition.suspend_until_confirmed();
        partition.on_stored();
        assert!(!partition.health(&clock()).caught_up, "it may be stored before the suspension");
        assert!(partition.take_snapshot().is_none());

        assert!(partition.checkpoint(None, CheckpointScope::Changed).is_some(), "asks again");
        partition.on_stored();
        assert!(partition.health(&clock()).caught_up);
        assert!(partition.take_snapshot().is_some());
    }

    #[test]
    fn partition_is_left_unstored_until_the_checkpoint_on_its_way_is_stored() {
        let mut partition = caught_up();
        assert_eq!(partition.left_as(), LeftAs::Unstored);
        assert!(partition.checkpoint(None, CheckpointScope::All).is_some());
        partition.on_stored();
        assert_eq!(partition.left_as(), LeftAs::StoredCaughtUp);
        let request = partition.checkpoint(None, CheckpointScope::All).expect("a checkpoint");
        assert_eq!(partition.left_as(), LeftAs::Unstored, "it may fail, or come too late");
        partition.on_store_failed(request.checkpoint);
        assert_eq!(partition.left_as(), LeftAs::Unstored);
    }

    #[test]
    fn confirming_checkpoint_does_not_count_after_a_second_suspension() {
        let mut partition = caught_up();
        partition.suspend_until_confirmed();
        assert!(partition.checkpoint(None, CheckpointScope::Changed).is_some());
        partition.suspend_until_confirmed();
        partition.on_stored();
        assert!(partition.take_snapshot().is_none());
        assert!(partition.checkpoint(None, CheckpointScope::Changed).is_some());
        partition.on_stored();
        assert!(partition.take_snapshot().is_some());
    }
}
