//! One owned partition: its shard, how far it has been read, and what is stored of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use nabiz_core::decode::{Format, Message, reads_headers};
use nabiz_core::event::Rejection;
use nabiz_core::ids::Offset;
use nabiz_core::settings::Settings;
use nabiz_core::shard::{Calls, Orphan, RecordMeta, RecordOutcome, Shard, Standing};
use nabiz_core::snapshot::Snapshot;
use nabiz_core::state::{Checkpoint, RestoreError};
use nabiz_core::time::{Timestamp, WallTime};
use rdkafka::message::{BorrowedMessage, Message as _};

use super::clock_effects::ClockEffects;
use super::clock_faults::stream_ahead;
use super::consumer_stats::{FetchState, PartitionStats};
use super::headers;
use super::last_record::{LastRecord, LogIdentity, RecordParts, Verdict};
use super::log_ends::{HeldPartition, LogAnswer, Reading};
use super::offset_tracker::{OffsetTracker, PROOF_TTL, Step};
use super::record_clock::RecordClock;
use super::standstill::Standstill;
use super::undecodable::SkippedRange;
use super::worker_status::Phase;
use crate::ledger::{AcquiredPartition, CheckpointRequest, Lease};
use crate::readmodel::{Degradation, PartitionHealth, ShardLabel};

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
    format: Format,
    shard: Shard,
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
    /// How often the log went back since the last call of [`Self::take_log_resets`].
    log_resets: u64,
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
    /// How often reading resumed without proof that the log is the one that was read, since the
    /// last call of [`Self::take_unverified`].
    unverified: u64,
}

impl Partition {
    /// Restores the partition from the state in the ledger.
    ///
    /// # Errors
    /// [`RestoreError`] if the stored state is unusable.
    pub(super) fn restore(
        label: ShardLabel,
        format: Format,
        settings: Arc<Settings>,
        hash_key: [u8; 16],
        acquired: AcquiredPartition,
    ) -> Result<Self, RestoreError> {
        let (shard, stored_offset) = match acquired.stored {
            None => (Shard::new(settings, hash_key), None),
            Some(stored) => {
                let mut shard = Shard::restore(settings, hash_key, &stored.chunks)?;
                if let Some(advance_to) = stored.advance_to {
                    shard.advance(advance_to);
                }
                (shard, Some(stored.next_offset))
            }
        };
        Ok(Partition {
            label,
            format,
            shard,
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
            log_resets: 0,
            newest_record: acquired.newest_record,
            clock_effects: ClockEffects::default(),
            fetch: FetchState::Running,
            standstill: None,
            unanswered: None,
            hash_key,
            last_record: LastRecord::from_stored(acquired.last_record),
            identity: LogIdentity::at_start(stored_offset, acquired.last_record),
            unverified: 0,
        })
    }

    /// Sets whether calls drive agents from now on.
    pub(super) fn set_calls(&mut self, calls: Calls) {
        self.shard.set_calls(calls);
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

    /// Records that the log may have been replaced meanwhile: the next record must be that at
    /// [`Self::read_from`].
    pub(super) fn recheck(&mut self) {
        if self.identity != LogIdentity::Other {
            let last = self.last_record.fingerprint(&self.hash_key);
            self.identity = LogIdentity::at_start(self.position(), last);
            self.offsets.mark_leader_silent();
        }
    }

    /// Continues at the position, without the last record: the log has it no longer.
    pub(super) fn continue_unverified(&mut self) {
        self.identity = LogIdentity::Known;
        self.fetch = FetchState::Running;
        self.count_unverified();
    }

    fn count_unverified(&mut self) {
        tracing::warn!(
            topic = %self.label.topic,
            partition = self.label.partition,
            position = self.position().map(|position| position.0),
            "last record no longer in the log, a recreated topic would not be recognised"
        );
        self.unverified += 1;
    }

    /// Returns how often reading resumed without proof since the last call.
    #[must_use]
    pub(super) fn take_unverified(&mut self) -> u64 {
        std::mem::take(&mut self.unverified)
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

    /// Continues at the start of the log, and counts the records that retention deleted.
    pub(super) fn skip_to(&mut self, start: Offset) {
        let Some(position) = self.offsets.position() else { return };
        let records = start.0.abs_diff(position.0);
        tracing::error!(
            topic = %self.label.topic,
            partition = self.label.partition,
            position = position.0,
            log_start = start.0,
            records,
            "records deleted by retention before they were read"
        );
        self.missed = self.missed.saturating_add(records);
        if self.identity != LogIdentity::Known {
            self.count_unverified();
        }
        self.seek(start);
    }

    /// Continues after a batch that cannot be decoded. Returns whether the partition stood there.
    #[must_use = "skipped offsets must be counted, and go to the dead-letter topic"]
    pub(super) fn skip_batch(&mut self, skipped: &SkippedRange) -> bool {
        if self.offsets.position().is_some_and(|position| position != skipped.from) {
            return false;
        }
        tracing::error!(
            topic = %self.label.topic,
            partition = self.label.partition,
            from = skipped.from.0,
            to = skipped.to.0,
            offsets = skipped.offsets(),
            error = skipped.why,
            "batch skipped, it cannot be decoded"
        );
        self.standstill = None;
        self.offsets.skip_to(skipped.to);
        // Reading from the last record would meet the batch again.
        self.last_record = LastRecord::default();
        self.identity = LogIdentity::Known;
        self.on_change();
        true
    }

    /// Returns the counter of dead letters of skipped batches that are not written yet.
    pub(super) fn skip_letters(&self) -> &Arc<AtomicU64> {
        &self.skip_letters
    }

    /// Continues at `offset` of a log that lost its end, or whose topic was recreated.
    pub(super) fn resume_at(&mut self, offset: Offset) {
        tracing::error!(
            topic = %self.label.topic,
            partition = self.label.partition,
            position = self.offsets.position().map(|position| position.0),
            resume = offset.0,
            "log truncated or topic recreated, older records are skipped"
        );
        self.log_resets += 1;
        self.seek(offset);
    }

    fn seek(&mut self, position: Offset) {
        self.offsets = OffsetTracker::from_position(Some(position));
        self.fetch = FetchState::Running;
        self.last_record = LastRecord::default();
        self.identity = LogIdentity::Known;
        self.on_change();
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
            Verdict::FoldUnverified => self.count_unverified(),
            Verdict::Pass => return None,
        }
        self.last_record.read(&parts);
        match self.offsets.read(parts.offset) {
            Step::Forward => {}
            Step::Back => {
                self.log_resets += 1;
                tracing::error!(
                    topic = %self.label.topic,
                    partition = self.label.partition,
                    offset = record.offset(),
                    "topic recreated, its records are added to the existing numbers"
                );
            }
        }
        self.on_change();
        if reads_headers(self.format)
            && let Some(found) = record.headers()
        {
            headers::read(found, headers);
        }
        let message = Message { value: record.payload(), headers };
        let stream_time = self.stream_time();
        let ceiling = clock.ceiling(timestamp, stream_time);
        self.newest_record =
            self.newest_record.max(timestamp.filter(|timestamp| clock.is_plausible(*timestamp)));
        let meta = RecordMeta { offset: parts.offset, timestamp };
        let result = self.shard.fold_by_clock(self.format, &message, meta, ceiling);
        if let Some(witness) = &result.witness {
            if witness.standing == Standing::Ahead {
                self.clock_effects.on_decision(stream_time);
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
        if self.identity == LogIdentity::Other {
            // Records are passed over, so that the position stays behind what the client has read.
            self.offsets.mark_leader_silent();
            return;
        }
        self.offsets.observe(stats, Instant::now());
        if self.offsets.at_end() && self.identity.continue_unverified() {
            self.count_unverified();
        }
    }

    /// Returns the partition as the broker watch sees it.
    pub(super) fn held(&self, phase: Phase) -> HeldPartition {
        let reading = match self.fetch {
            _ if phase == Phase::Paused => Reading::Paused,
            FetchState::Refused => Reading::Refused,
            FetchState::Running | FetchState::Stopped => Reading::Active,
        };
        HeldPartition { label: self.label.clone(), position: self.offsets.position(), reading }
    }

    /// Records an answer of the broker watch.
    pub(super) fn on_log_answer(&mut self, answer: LogAnswer) {
        self.standstill = answer.standstill;
        match answer.high_watermark {
            Ok(high_watermark) => {
                self.unanswered = None;
                self.offsets.on_asked(high_watermark, answer.asked_at, Instant::now());
            }
            Err(error) => {
                let since = self.unanswered.take().map_or(answer.asked_at, |(since, _)| since);
                self.unanswered = Some((since, error.into()));
            }
        }
    }

    /// Returns whether this partition is known to cause an error with each fetch.
    pub(super) fn explains_errors(&self) -> bool {
        matches!(self.standstill, Some(Standstill::Undecodable { .. }))
    }

    /// Records an error of the client that may be about this partition.
    pub(super) fn on_client_error(&mut self) {
        self.offsets.on_error(Instant::now());
    }

    /// Returns why the partition stands still, and at which offset.
    fn standstill(&self, now: Instant) -> Option<(&Standstill, Option<Offset>)> {
        let is_due = |since: Instant| now.saturating_duration_since(since) > PROOF_TTL;
        let unanswered = self.unanswered.as_ref().filter(|(since, standstill)| {
            matches!(standstill, Standstill::Refused { .. }) || is_due(*since)
        });
        let position = self.offsets.position();
        if let Some(standstill) = &self.standstill {
            Some((standstill, position))
        } else if let Some((_, standstill)) = unanswered {
            Some((standstill, position))
        } else {
            let held_back = self.offsets.held_back(now)?;
            Some((&Standstill::HeldBack, Some(held_back)))
        }
    }

    fn degradation(&self, now: Instant) -> Option<Degradation> {
        let (standstill, offset) = self.standstill(now)?;
        Some(standstill.degradation(&self.label, offset))
    }

    /// Records that nothing is known about the end of the log until the next report.
    pub(super) fn mark_leader_silent(&mut self) {
        self.offsets.mark_leader_silent();
    }

    /// Returns how often the log went back since the last call.
    #[must_use]
    pub(super) fn take_log_resets(&mut self) -> u64 {
        std::mem::take(&mut self.log_resets)
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

    /// Returns whether the ledger has the present state.
    pub(super) fn is_stored(&self) -> bool {
        self.saved == SyncState::UpToDate && self.stored_offset.is_some()
    }

    /// Returns whether stream time advances once the checkpoint on its way is stored.
    pub(super) fn is_advancing(&self) -> bool {
        self.advance_to.is_some()
    }

    /// Returns the checkpoint to store, if there is one. At the end of the log it advances stream
    /// time to `advance_to`.
    ///
    /// There is none while a dead letter is not written: no checkpoint passes its record. There is
    /// none before the broker has answered either, because a stored start of the log would pass for
    /// a known position.
    #[must_use]
    pub(super) fn checkpoint(
        &mut self,
        advance_to: Option<Timestamp>,
        scope: CheckpointScope,
    ) -> Option<CheckpointRequest> {
        let is_confirmed = self.ownership == Ownership::Confirmed;
        if self.dead_letters.load(Ordering::Acquire) > 0
            || self.skip_letters.load(Ordering::Acquire) > 0
            || (self.offsets.position().is_none() && is_confirmed)
        {
            return None;
        }
        let is_idle = self.offsets.at_end() && self.offsets.caught_up();
        let stream_time = self.stream_time();
        let advance_to =
            advance_to.filter(|to| is_idle && stream_time.is_none_or(|stream| *to > stream));
        let is_needed = self.saved == SyncState::Outdated
            || scope == CheckpointScope::All
            || !is_confirmed
            || advance_to.is_some();
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
        })
    }

    /// Publishes nothing until the ledger has confirmed that this process owns the partition.
    pub(super) fn suspend_until_confirmed(&mut self) {
        self.ownership = Ownership::Unconfirmed;
        self.published = SyncState::Outdated;
    }

    /// Records that the checkpoint on its way is stored.
    pub(super) fn on_stored(&mut self) {
        self.ownership = match self.ownership {
            Ownership::Confirmed | Ownership::Confirming => Ownership::Confirmed,
            Ownership::Unconfirmed => Ownership::Unconfirmed,
        };
        self.stored_offset = self.captured_offset.take().or(self.stored_offset);
        self.clock_effects.on_stored();
        if let Some(advance_to) = self.advance_to.take() {
            self.shard.advance(advance_to);
            self.on_change();
        }
    }

    /// Takes back the checkpoint on its way, which is not stored.
    pub(super) fn on_store_failed(&mut self, checkpoint: Checkpoint) {
        self.advance_to = None;
        self.captured_offset = None;
        self.saved = SyncState::Outdated;
        self.clock_effects.on_store_failed();
        self.shard.rollback(checkpoint);
    }

    /// Returns the orphans since the last call.
    #[must_use = "orphans must go to the dead-letter topic"]
    pub(super) fn take_orphans(&mut self) -> Vec<Orphan> {
        self.shard.take_orphans()
    }

    /// Returns a snapshot if the shard has changed. There is none while catching up or unconfirmed,
    /// because the numbers could be wrong. While a decision of the clock is not stored, it is that
    /// of the last stored checkpoint.
    #[must_use]
    pub(super) fn take_snapshot(&mut self) -> Option<Arc<Snapshot>> {
        if self.published == SyncState::UpToDate || !self.is_servable() {
            return None;
        }
        if self.clock_effects.hide() {
            return self.clock_effects.take_stored();
        }
        self.published = SyncState::UpToDate;
        Some(Arc::new(self.shard.snapshot()))
    }

    fn is_servable(&self) -> bool {
        self.offsets.caught_up() && self.ownership == Ownership::Confirmed
    }

    pub(super) fn health(&self, clock: &RecordClock) -> PartitionHealth {
        let now = Instant::now();
        let stream_time = self.clock_effects.shown_stream_time(self.stream_time());
        let ahead = clock.is_behind(stream_time).then(|| stream_ahead(&self.label));
        PartitionHealth {
            label: self.label.clone(),
            position: self.offsets.position(),
            end: self.offsets.end(),
            lag: self.offsets.lag(now),
            stream_time,
            catch_up_to: self.offsets.target(),
            caught_up: self.is_servable(),
            missed: self.missed,
            dead_letters_waiting: self.dead_letters.load(Ordering::Relaxed),
            remembered_ids: self.shard.remembered_ids() as u64,
            degraded: self.degradation(now).into_iter().chain(ahead).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{system_clock, system_monotonic};
    use crate::config::Config;
    use crate::ingest::host_clock::HostClock;
    use crate::ingest::partition_counts::PartitionCounts;
    use crate::ingest::status_hub::StatusHub;
    use crate::ledger::Ledger;
    use nabiz_core::event::Channels;

    fn clock() -> RecordClock {
        let host = HostClock::new(system_clock(), system_monotonic());
        let status_hub = Arc::new(StatusHub::new(1, PartitionCounts::default()));
        RecordClock::new(Arc::new(host), status_hub, &Config::defaults().settings().windows)
    }

    fn caught_up() -> Partition {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger =
            Ledger::open(&folder.path().join("nabiz.db"), Channels::default()).unwrap();
        let acquired = ledger.acquire("calls", 0, "test").unwrap();
        let label = ShardLabel { topic: "calls".into(), partition: 0 };
        let settings = Arc::new(Config::defaults().settings());
        let mut partition =
            Partition::restore(label, Format::CloudEvents, settings, [1; 16], acquired).unwrap();
        partition.observe(&PartitionStats {
            topic: "calls".into(),
            partition: 0,
            end: Some(Offset(0)),
            high_watermark: Some(Offset(0)),
            drained_to: Some(Offset(0)),
            fetch: FetchState::Running,
        });
        assert!(partition.health(&clock()).caught_up);
        partition
    }

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
