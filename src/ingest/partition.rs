//! One partition held: its shard and how far it has been read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nabiz_core::decode::{Format, Message, reads_headers};
use nabiz_core::event::Rejection;
use nabiz_core::ids::Offset;
use nabiz_core::settings::Settings;
use nabiz_core::shard::{Orphan, RecordMeta, RecordOutcome, Shard};
use nabiz_core::snapshot::Snapshot;
use nabiz_core::state::{Checkpoint, RestoreError};
use nabiz_core::time::{Timestamp, WallTime};
use rdkafka::message::{BorrowedMessage, Headers, Message as _};

use super::consumer_stats::PartitionStats;
use super::offset_tracker::OffsetTracker;
use crate::ledger::{AcquiredPartition, CheckpointRequest, Lease};
use crate::readmodel::{PartitionHealth, ShardLabel};

pub(super) struct Partition {
    label: ShardLabel,
    format: Format,
    shard: Shard,
    progress: OffsetTracker,
    /// The shard differs from what was last published.
    changed: bool,
    /// The shard differs from what was last handed to the ledger.
    unsaved: bool,
    lease: Lease,
    /// The position that the ledger has.
    stored: Option<i64>,
    /// The position of the checkpoint on its way.
    captured: Option<i64>,
    /// Stream time advances to this instant once that is stored.
    advance_ms: Option<i64>,
    /// Dead letters of this partition that are not written yet.
    letters: Arc<AtomicU64>,
    /// Records that the topic no longer held when they were wanted.
    missed: u64,
    /// How often the log went back, since that was last asked.
    log_resets: u64,
    /// Largest timestamp, by Kafka, of a record that was read.
    record_ms: Option<i64>,
    /// The client said that it does not fetch.
    stopped: bool,
    /// The ledger may have given the partition to another; nothing is published until it has confirmed.
    in_doubt: bool,
    /// The last checkpoint was made while in doubt, so that storing it confirms.
    asked: bool,
}

impl Partition {
    /// The partition as the ledger has it.
    pub(super) fn restore(
        label: ShardLabel,
        format: Format,
        settings: Arc<Settings>,
        hash_key: [u8; 16],
        taken: AcquiredPartition,
    ) -> Result<Self, RestoreError> {
        let (shard, stored) = match taken.stored {
            None => (Shard::new(settings, hash_key), None),
            Some(stored) => {
                let mut shard = Shard::restore(settings, hash_key, &stored.chunks)?;
                if let Some(advance_to) = stored.advance_to {
                    shard.advance(advance_to.get());
                }
                (shard, Some(stored.next_offset.0))
            }
        };
        Ok(Partition {
            label,
            format,
            shard,
            progress: OffsetTracker::from_position(stored),
            changed: true,
            unsaved: true,
            lease: taken.lease,
            stored,
            captured: None,
            advance_ms: None,
            letters: Arc::default(),
            missed: taken.records_missed,
            record_ms: taken.newest_record.map(WallTime::get),
            stopped: false,
            log_resets: 0,
            in_doubt: false,
            asked: false,
        })
    }

    pub(super) fn label(&self) -> &ShardLabel {
        &self.label
    }

    pub(super) fn is(&self, topic: &str, partition: i32) -> bool {
        self.label.partition == partition && *self.label.topic == *topic
    }

    /// The next position to read; the beginning where nothing is known.
    pub(super) fn position(&self) -> Option<i64> {
        self.progress.position()
    }

    /// The position that the ledger has.
    pub(super) fn stored_position(&self) -> Option<i64> {
        self.stored
    }

    /// Largest timestamp, by Kafka, of a record that was read.
    pub(super) fn record_ms(&self) -> Option<i64> {
        self.record_ms
    }

    /// Whether the client said that it does not fetch.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// The log begins only at `low`, after the position: what is gone is counted, and reading goes on there.
    pub(super) fn lose_until(&mut self, low: i64) {
        let Some(position) = self.progress.position() else { return };
        let records = low.abs_diff(position);
        tracing::error!(topic = %self.label.topic, partition = self.label.partition, position, begins = low, records,
            "the topic no longer holds the next record, records are lost to retention");
        self.missed = self.missed.saturating_add(records);
        self.go_to(low);
    }

    /// The log is not the one that was read: it lost its end, or was made anew. Reading goes on at `resume`.
    pub(super) fn go_back(&mut self, resume: i64) {
        tracing::error!(topic = %self.label.topic, partition = self.label.partition, position = self.progress.position(),
            resume, "the log lost its end or was made anew, records of a time that was read are skipped");
        self.log_resets += 1;
        self.go_to(resume);
    }

    fn go_to(&mut self, position: i64) {
        self.progress = OffsetTracker::from_position(Some(position));
        self.stopped = false;
        self.changed = true;
        self.unsaved = true;
    }

    /// Folds one record; what is refused is returned. `headers` is scratch space.
    pub(super) fn fold<'m>(
        &mut self,
        record: &'m BorrowedMessage<'_>,
        headers: &mut Vec<(&'m str, &'m [u8])>,
    ) -> Option<Rejection> {
        if !self.progress.read(record.offset()) {
            self.log_resets += 1;
            tracing::error!(topic = %self.label.topic, partition = self.label.partition, offset = record.offset(),
                "the log was made anew, its records are added to the numbers of the old one");
        }
        self.changed = true;
        self.unsaved = true;
        if reads_headers(self.format, record.payload())
            && let Some(found) = record.headers()
        {
            headers
                .extend(found.iter().map(|header| (header.key, header.value.unwrap_or_default())));
        }
        let message = Message { value: record.payload(), headers };
        let timestamp_ms = record.timestamp().to_millis();
        self.record_ms = self.record_ms.max(timestamp_ms);
        let meta = RecordMeta { position: record.offset(), timestamp_ms };
        match self.shard.fold(self.format, &message, meta) {
            RecordOutcome::Rejected(rejection) => Some(rejection),
            RecordOutcome::Applied
            | RecordOutcome::Duplicate
            | RecordOutcome::Late
            | RecordOutcome::Held => None,
        }
    }

    pub(super) fn observe(&mut self, log: &PartitionStats) {
        self.progress.observe(log);
        self.stopped = log.stopped;
    }

    pub(super) fn mark_leader_silent(&mut self) {
        self.progress.mark_leader_silent();
    }

    /// How often the log went back since the last call.
    pub(super) fn take_log_resets(&mut self) -> u64 {
        std::mem::take(&mut self.log_resets)
    }

    /// Dead letters of this partition that are not written yet.
    pub(super) fn letters(&self) -> &Arc<AtomicU64> {
        &self.letters
    }

    /// Contacts that the next checkpoint has to write.
    pub(super) fn changed_contacts(&self) -> usize {
        self.shard.changed_contacts()
    }

    /// Rows of the interval history that the next checkpoint has to write.
    pub(super) fn unsaved_intervals(&self) -> usize {
        self.shard.unsaved_intervals()
    }

    /// Whether the ledger has all that is known.
    pub(super) fn is_stored(&self) -> bool {
        !self.unsaved && self.stored.is_some()
    }

    /// Whether stream time is about to advance.
    pub(super) fn advances(&self) -> bool {
        self.advance_ms.is_some()
    }

    /// What is to be stored, if anything; with `all`, also where nothing changed. Nothing is stored past a record whose
    /// dead letter is not written. Where there is nothing to read, stream time is to advance to `advance_to_ms`.
    pub(super) fn checkpoint(
        &mut self,
        advance_to_ms: Option<i64>,
        all: bool,
    ) -> Option<CheckpointRequest> {
        if self.letters.load(Ordering::Acquire) > 0 {
            return None;
        }
        // Before the first word of the broker nothing is known, and a stored beginning would pass for a position.
        if self.progress.position().is_none() && !self.in_doubt {
            return None;
        }
        let is_idle = self.progress.at_end() && self.progress.caught_up();
        let stream_ms = self.shard.stream_time_ms();
        let advance_ms = advance_to_ms
            .filter(|to_ms| is_idle && stream_ms.is_none_or(|stream_ms| *to_ms > stream_ms));
        if !(self.unsaved || all || self.in_doubt || advance_ms.is_some()) {
            return None;
        }
        self.unsaved = false;
        self.asked = self.in_doubt;
        self.advance_ms = advance_ms;
        let mut checkpoint = self.shard.checkpoint();
        // Past the last record there may be markers that are never handed over.
        checkpoint.next_offset = self.progress.position().unwrap_or(checkpoint.next_offset);
        self.captured = Some(checkpoint.next_offset);
        Some(CheckpointRequest {
            lease: self.lease,
            checkpoint,
            advance_to: advance_ms.map(Timestamp),
            records_missed: self.missed,
            newest_record: self.record_ms.map(WallTime),
        })
    }

    /// Nothing is published until the ledger has confirmed that the partition is ours.
    pub(super) fn suspend_until_confirmed(&mut self) {
        self.in_doubt = true;
        self.changed = true;
    }

    /// The last checkpoint is stored. One that was on its way when the doubt came may have been stored before that.
    pub(super) fn stored(&mut self) {
        self.in_doubt &= !self.asked;
        self.stored = self.captured.take().or(self.stored);
        if let Some(advance_ms) = self.advance_ms.take() {
            self.shard.advance(advance_ms);
            self.changed = true;
            self.unsaved = true;
        }
    }

    /// The last checkpoint is not stored.
    pub(super) fn not_stored(&mut self, checkpoint: Checkpoint) {
        self.advance_ms = None;
        self.captured = None;
        self.unsaved = true;
        self.shard.rollback(checkpoint);
    }

    pub(super) fn take_orphans(&mut self) -> Vec<Orphan> {
        self.shard.take_orphans()
    }

    /// A snapshot where there is news. While catching up there is none: nobody may see the numbers.
    pub(super) fn news(&mut self) -> Option<Arc<Snapshot>> {
        if !self.changed || self.in_doubt || !self.progress.caught_up() {
            return None;
        }
        self.changed = false;
        Some(Arc::new(self.shard.snapshot()))
    }

    pub(super) fn health(&self) -> PartitionHealth {
        PartitionHealth {
            label: self.label.clone(),
            position: self.progress.position().map(Offset),
            end: self.progress.end().map(Offset),
            lag: self.progress.lag(),
            stream_time: self.shard.stream_time_ms().map(Timestamp),
            catch_up_to: self.progress.target().map(Offset),
            caught_up: self.progress.caught_up() && !self.in_doubt,
            missed: self.missed,
            dead_letters_waiting: self.letters.load(Ordering::Relaxed),
            remembered_ids: self.shard.remembered_ids() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::ledger::Ledger;
    use nabiz_core::event::Channels;

    #[test]
    fn a_checkpoint_that_was_on_its_way_does_not_end_a_doubt() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger =
            Ledger::open(&folder.path().join("nabiz.db"), Channels::default()).unwrap();
        let taken = ledger.acquire("calls", 0, "test").unwrap();
        let label = ShardLabel { topic: "calls".into(), partition: 0 };
        let settings = Arc::new(Config::defaults().settings());
        let mut partition =
            Partition::restore(label, Format::CloudEvents, settings, [1; 16], taken).unwrap();
        partition.observe(&PartitionStats {
            topic: "calls".into(),
            partition: 0,
            end: Some(0),
            drained_to: Some(0),
            stopped: false,
        });
        assert!(partition.health().caught_up);

        assert!(partition.checkpoint(None, false).is_some());
        partition.suspend_until_confirmed();
        partition.stored();
        assert!(
            !partition.health().caught_up,
            "it may have been stored before the process stood still"
        );
        assert!(partition.news().is_none());

        assert!(partition.checkpoint(None, false).is_some(), "asked again");
        partition.stored();
        assert!(partition.health().caught_up);
        assert!(partition.news().is_some());
    }
}
