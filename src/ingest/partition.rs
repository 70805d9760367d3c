//! One owned partition: its shard, how far it has been read, and what is stored of it.

mod checkpoints;
mod condition;
pub(super) mod moves;
#[cfg(test)]
pub(super) mod testing;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use nabiz_core::decode::Message;
use nabiz_core::event::Rejection;
use nabiz_core::ids::Offset;
use nabiz_core::settings::Settings;
use nabiz_core::shard::{Calls, Orphan, RecordMeta, RecordOutcome, Shard, Standing};
use nabiz_core::state::RestoreError;
use nabiz_core::time::{Timestamp, WallTime};
use rdkafka::message::{BorrowedMessage, Message as _};

use super::agent_calls::AgentCalls;
use super::clock_effects::ClockEffects;
use super::consumer_stats::{FetchState, PartitionStats};
use super::headers;
use super::known_topic::KnownTopic;
use super::last_record::{LastRecord, LogIdentity, RecordParts, Verdict};
use super::log_counters::LogCounters;
use super::offset_tracker::{OffsetTracker, Step};
use super::record_clock::RecordClock;
use super::standstill::Standstill;
use crate::ledger::{AcquiredPartition, Lease};
use crate::readmodel::ShardLabel;
use crate::record_format::{RawRecord, RecordFormat};

/// Whether a copy of the shard, published or stored, is up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SyncState {
    UpToDate,
    Outdated,
}

/// Whether this process is known to own the partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ownership {
    /// The ledger has accepted the lease.
    Confirmed,
    /// The process was suspended, so that another instance may have acquired the partition.
    /// Nothing is published until the ledger has accepted a checkpoint.
    Unconfirmed,
    /// The checkpoint that will confirm the ownership is on its way. An earlier one does not count:
    /// the ledger may have stored it before the process was suspended.
    Confirming,
}

/// Which partitions a checkpoint includes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CheckpointScope {
    /// Those with changes.
    Changed,
    /// All, so that the ledger confirms the leases.
    All,
}

/// A partition that this worker owns.
pub(super) struct Partition {
    label: ShardLabel,
    format: RecordFormat,
    shard: Shard,
    calls: AgentCalls,
    offsets: OffsetTracker,
    lease: Lease,
    ownership: Ownership,
    /// The snapshot that was last published.
    published: SyncState,
    /// The state that was last sent to the ledger.
    saved: SyncState,
    /// The offset of the stored state.
    stored_offset: Option<Offset>,
    /// The offset of the checkpoint on its way.
    captured_offset: Option<Offset>,
    /// The instant to which stream time advances once the checkpoint on its way is stored.
    advance_to: Option<Timestamp>,
    /// Dead letters that are not written yet.
    dead_letters: Arc<AtomicU64>,
    /// Dead letters of skipped batches that are not written yet. They are no rejected records.
    skip_letters: Arc<AtomicU64>,
    /// Records that retention deleted before they were read.
    missed: u64,
    log_counters: Arc<LogCounters>,
    /// The largest plausible Kafka timestamp of a record that was read.
    newest_record: Option<WallTime>,
    clock_effects: ClockEffects,
    fetch: FetchState,
    /// Why the partition stands still, by the last answer of the broker watch.
    standstill: Option<Standstill>,
    /// Since when no broker has told the high watermark, and why.
    unanswered: Option<(Instant, Standstill)>,
    hash_key: [u8; 16],
    last_record: LastRecord,
    identity: LogIdentity,
    topic: KnownTopic,
    /// It was counted that nothing proves the log to be the one that was read, and no record was
    /// read since: another look at the same records is no other case.
    is_unverified_counted: bool,
}

impl Partition {
    /// Restores the partition from the state in the ledger.
    ///
    /// # Errors
    /// [`RestoreError`] if the stored state is unusable.
    pub(super) fn restore(
        label: ShardLabel,
        format: RecordFormat,
        settings: Arc<Settings>,
        hash_key: [u8; 16],
        acquired: AcquiredPartition,
        calls: AgentCalls,
        log_counters: Arc<LogCounters>,
    ) -> Result<Self, RestoreError> {
        let (mut shard, stored_offset) = match acquired.stored {
            None => (Shard::new(settings, hash_key), None),
            Some(stored) => {
                let mut shard = Shard::restore(settings, hash_key, &stored.chunks)?;
                if let Some(advance_to) = stored.advance_to {
                    shard.advance(advance_to);
                }
                (shard, Some(stored.next_offset))
            }
        };
        shard.set_calls(calls.present());
        Ok(Partition {
            label,
            format,
            shard,
            calls,
            offsets: OffsetTracker::from_position(stored_offset),
            lease: acquired.lease,
            ownership: Ownership::Confirmed,
            published: SyncState::Outdated,
            saved: SyncState::Outdated,
            stored_offset,
            captured_offset: None,
            advance_to: None,
            dead_letters: Arc::default(),
            skip_letters: Arc::default(),
            missed: acquired.records_missed,
            log_counters,
            newest_record: acquired.newest_record,
            clock_effects: ClockEffects::default(),
            fetch: FetchState::Running,
            standstill: None,
            unanswered: None,
            hash_key,
            last_record: LastRecord::from_stored(acquired.last_record),
            identity: LogIdentity::at_start(stored_offset, acquired.last_record),
            topic: KnownTopic::from_stored(acquired.topic_id, Instant::now()),
            is_unverified_counted: false,
        })
    }

    /// Records whether calls drive agents by the counts of the brokers.
    pub(super) fn tell_calls(&mut self, told: Calls) {
        self.calls.tell(told);
    }

    pub(super) fn label(&self) -> &ShardLabel {
        &self.label
    }

    /// Returns the next offset to read; `None` for the beginning of the log.
    pub(super) fn position(&self) -> Option<Offset> {
        self.offsets.position()
    }

    /// Returns the offset from which the client reads: that of the last record while it is awaited,
    /// else the position.
    pub(super) fn read_from(&self) -> Option<Offset> {
        self.identity.awaited().or(self.position())
    }

    pub(super) fn identity(&self) -> LogIdentity {
        self.identity
    }

    pub(super) fn topic(&self) -> &KnownTopic {
        &self.topic
    }

    /// Returns the offset of the stored state.
    pub(super) fn stored_offset(&self) -> Option<Offset> {
        self.stored_offset
    }

    /// Returns the largest Kafka timestamp of a record that was read.
    pub(super) fn newest_record(&self) -> Option<WallTime> {
        self.newest_record
    }

    pub(super) fn stream_time(&self) -> Option<Timestamp> {
        self.shard.stream_time()
    }

    pub(super) fn fetch(&self) -> FetchState {
        self.fetch
    }

    fn on_change(&mut self) {
        self.published = SyncState::Outdated;
        self.saved = SyncState::Outdated;
    }

    /// Folds one record, whose time is judged by `clock`. Returns the rejection if the record is
    /// rejected. `headers` is scratch space.
    #[must_use = "a rejection must go to the dead-letter topic"]
    pub(super) fn fold<'m>(
        &mut self,
        record: &'m BorrowedMessage<'_>,
        headers: &mut Vec<(&'m str, &'m [u8])>,
        clock: &mut RecordClock,
    ) -> Option<Rejection> {
        let timestamp = record.timestamp().to_millis().map(WallTime);
        let parts = RecordParts {
            offset: Offset(record.offset()),
            timestamp,
            key: record.key(),
            value: record.payload(),
        };
        match self.identity.judge(self.offsets.position(), &parts, &self.hash_key) {
            Verdict::Fold => {}
            Verdict::Pass => return None,
        }
        self.is_unverified_counted = false;
        self.last_record.read(&parts);
        match self.offsets.read(parts.offset) {
            Step::Forward => {}
            Step::Back => {
                self.log_counters.count_reset();
                tracing::error!(
                    topic = %self.label.topic,
                    partition = self.label.partition,
                    offset = record.offset(),
                    "topic recreated, its records are added to the existing numbers"
                );
            }
        }
        self.on_change();
        if self.format.reads_headers()
            && let Some(found) = record.headers()
        {
            headers::read(found, headers);
        }
        let stream_time = self.stream_time();
        let ceiling = clock.ceiling(timestamp, stream_time);
        self.newest_record =
            self.newest_record.max(timestamp.filter(|timestamp| clock.is_plausible(*timestamp)));
        let meta = RecordMeta { offset: parts.offset, timestamp };
        let raw = RawRecord {
            topic: &self.label.topic,
            key: record.key(),
            message: Message { value: record.payload(), headers },
        };
        let result = self.format.fold(&mut self.shard, &raw, meta, ceiling);
        if let Some(witness) = &result.witness {
            if witness.standing == Standing::Ahead {
                self.clock_effects.on_decision(stream_time, Instant::now());
            }
            clock.on_record(&self.label.topic, witness);
        }
        match result.outcome {
            RecordOutcome::Rejected(rejection) => Some(rejection),
            RecordOutcome::Applied
            | RecordOutcome::Duplicate
            | RecordOutcome::Late
            | RecordOutcome::Ignored
            | RecordOutcome::Held => None,
        }
    }

    /// Records what the client reports about the log.
    pub(super) fn observe(&mut self, stats: &PartitionStats) {
        self.fetch = stats.fetch;
        if !self.identity.needs_search() {
            self.offsets.observe(stats, Instant::now());
            if self.offsets.at_end() {
                self.identity.on_end();
            }
        }
        if self.identity.needs_search() {
            // Records are passed over, so that the position stays behind what the client has read.
            self.offsets.mark_leader_silent();
        }
    }

    /// Records that nothing is known about the end of the log until the next report.
    pub(super) fn mark_leader_silent(&mut self) {
        self.offsets.mark_leader_silent();
    }

    /// Returns the counter of dead letters that are not written yet.
    pub(super) fn dead_letters(&self) -> &Arc<AtomicU64> {
        &self.dead_letters
    }

    /// Returns how many contacts the next checkpoint has to write.
    pub(super) fn changed_contacts(&self) -> usize {
        self.shard.changed_contacts()
    }

    /// Returns how many rows of the interval history the next checkpoint has to write.
    pub(super) fn unsaved_intervals(&self) -> usize {
        self.shard.unsaved_intervals()
    }

    /// Returns the orphans since the last call.
    #[must_use = "orphans must go to the dead-letter topic"]
    pub(super) fn take_orphans(&mut self) -> Vec<Orphan> {
        self.shard.take_orphans()
    }
}
