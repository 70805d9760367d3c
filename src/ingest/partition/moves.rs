//! A partition whose log is another one, has lost records, or cannot be decoded: where it
//! continues, and what is counted.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use nabiz_core::ids::Offset;

use super::{Partition, SyncState};
use crate::ingest::consumer_stats::FetchState;
use crate::ingest::known_topic::{Sameness, ToldId};
use crate::ingest::last_record::{LastRecord, LogIdentity};
use crate::ingest::offset_tracker::OffsetTracker;
use crate::ingest::undecodable::SkippedRange;

/// What passing over a batch has cost.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "lost offsets must be counted, and go to the dead-letter topic"]
pub(in crate::ingest) enum Skip {
    /// Nothing was passed over: the partition is not there.
    Elsewhere,
    /// Everything in the batch was read before.
    ReadBefore,
    /// These offsets are not read.
    Lost(SkippedRange),
}

impl Partition {
    /// Records that the log may have been replaced meanwhile: the next record must be that at
    /// [`Self::read_from`].
    pub(in crate::ingest) fn recheck(&mut self) {
        if self.identity != LogIdentity::Other {
            let last = self.last_record.fingerprint(&self.hash_key);
            self.identity = LogIdentity::at_start(self.position(), last);
            self.offsets.mark_leader_silent();
        }
    }

    /// Takes what a broker has told about the id of the topic.
    pub(in crate::ingest) fn on_topic_id(&mut self, told: &ToldId) {
        let known = self.topic.id();
        if self.topic.on_told(told, self.identity) == Sameness::Other {
            tracing::warn!(
                topic = %self.label.topic,
                partition = self.label.partition,
                "topic has another id, it was recreated"
            );
            self.identity = LogIdentity::Other;
            self.offsets.mark_leader_silent();
        } else if self.topic.id() != known {
            self.saved = SyncState::Outdated;
        }
    }

    /// Continues at the position, without the last record: the log has it no longer.
    pub(in crate::ingest) fn continue_without_record(&mut self, told: &ToldId) {
        self.judge_topic(told);
        self.identity = LogIdentity::Known;
        self.fetch = FetchState::Running;
        self.saved = SyncState::Outdated;
    }

    /// Counts the log unless the id of its topic shows that it is the one that was read, and keeps
    /// the id.
    fn judge_topic(&mut self, told: &ToldId) {
        if self.identity.is_open() {
            if self.topic.compare(told.id) == Sameness::Same {
                tracing::info!(
                    topic = %self.label.topic,
                    partition = self.label.partition,
                    position = self.position().map(|position| position.0),
                    "last record no longer in the log, known by the id of its topic"
                );
            } else {
                self.count_unverified();
            }
        }
        self.topic.keep(told);
    }

    fn count_unverified(&mut self) {
        if std::mem::replace(&mut self.is_unverified_counted, true) {
            return;
        }
        tracing::warn!(
            topic = %self.label.topic,
            partition = self.label.partition,
            position = self.position().map(|position| position.0),
            "last record no longer in the log, a recreated topic would not be recognised"
        );
        self.log_counters.count_unverified();
    }

    /// Continues at the start of the log, and counts the records that retention deleted.
    pub(in crate::ingest) fn skip_to(&mut self, start: Offset, told: &ToldId) {
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
        self.judge_topic(told);
        self.seek(start);
    }

    /// Continues after a batch that cannot be decoded.
    pub(in crate::ingest) fn skip_batch(&mut self, mut skipped: SkippedRange) -> Skip {
        if self.read_from().is_some_and(|read_from| read_from != skipped.from) {
            return Skip::Elsewhere;
        }
        self.standstill = None;
        let identity = self.identity;
        let mut identity = if identity.needs_search() { identity } else { LogIdentity::Known };
        if let Some(position) = self.position().filter(|position| *position > skipped.from) {
            // The last record is in the batch. It cannot be compared, but it was read before.
            identity = LogIdentity::Gone;
            if skipped.to <= position {
                self.identity = identity;
                return Skip::ReadBefore;
            }
            skipped.from = position;
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
        self.offsets.skip_to(skipped.to);
        // Reading from the last record would meet the batch again.
        self.last_record = LastRecord::default();
        self.identity = identity;
        self.on_change();
        Skip::Lost(skipped)
    }

    /// Returns the counter of dead letters of skipped batches that are not written yet.
    pub(in crate::ingest) fn skip_letters(&self) -> &Arc<AtomicU64> {
        &self.skip_letters
    }

    /// Continues at `offset` of a log that lost its end, or whose topic was recreated.
    pub(in crate::ingest) fn resume_at(&mut self, offset: Offset, told: &ToldId) {
        tracing::error!(
            topic = %self.label.topic,
            partition = self.label.partition,
            position = self.offsets.position().map(|position| position.0),
            resume = offset.0,
            "log truncated or topic recreated, older records are skipped"
        );
        self.log_counters.count_reset();
        self.topic.replace(told);
        self.seek(offset);
    }

    fn seek(&mut self, position: Offset) {
        self.offsets = OffsetTracker::from_position(Some(position));
        self.fetch = FetchState::Running;
        self.last_record = LastRecord::default();
        self.identity = LogIdentity::Known;
        self.on_change();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::ingest::known_topic::KnownTopic;
    use crate::ingest::log_counters::LogCounters;
    use crate::ingest::partition::CheckpointScope;
    use crate::ingest::partition::testing::{clock, drained, read_to};
    use crate::ingest::worker_status::Phase;
    use crate::ledger::TopicId;

    const ONE: Option<TopicId> = Some(TopicId([1; 16]));
    const TWO: Option<TopicId> = Some(TopicId([2; 16]));

    fn told(id: Option<TopicId>) -> ToldId {
        ToldId { asked_at: Instant::now(), id }
    }

    #[test]
    fn log_without_its_last_record_is_not_counted_when_its_topic_has_the_same_id() {
        let counters = Arc::new(LogCounters::default());
        let mut partition = read_to(40, 39, &counters);
        partition.topic = KnownTopic::from_stored(ONE, Instant::now());
        partition.continue_without_record(&told(ONE));
        assert_eq!((counters.resets(), counters.unverified()), (0, 0));
        assert_eq!(partition.identity(), LogIdentity::Known);
    }

    #[test]
    fn log_is_another_when_its_topic_gets_another_id_while_it_is_read() {
        let counters = Arc::new(LogCounters::default());
        let mut partition = read_to(40, 39, &counters);
        partition.continue_without_record(&told(ONE));
        partition.on_topic_id(&told(ONE));
        assert_eq!(partition.identity(), LogIdentity::Known);
        partition.on_topic_id(&told(TWO));
        assert_eq!(partition.identity(), LogIdentity::Other);
        assert_eq!(counters.resets(), 0, "until the session has found where to continue");
        partition.resume_at(Offset(7), &told(TWO));
        partition.on_topic_id(&told(TWO));
        assert_eq!(partition.identity(), LogIdentity::Known);
        assert_eq!(counters.resets(), 1);
    }

    #[test]
    fn id_of_the_topic_is_stored_when_a_broker_has_told_it() {
        let mut partition = read_to(40, 39, &Arc::default());
        partition.continue_without_record(&told(None));
        let stored_id = |partition: &mut Partition| {
            let request = partition.checkpoint(None, CheckpointScope::Changed);
            request.map(|request| request.topic_id)
        };
        assert_eq!(stored_id(&mut partition), Some(None));
        assert_eq!(stored_id(&mut partition), None, "nothing has changed");
        partition.on_topic_id(&told(ONE));
        assert_eq!(stored_id(&mut partition), Some(ONE));
    }

    #[test]
    fn counts_outlive_their_partition_when_it_is_revoked() {
        let counters = Arc::new(LogCounters::default());
        let mut partition = read_to(40, 39, &counters);
        partition.continue_without_record(&told(None));
        partition.resume_at(Offset(7), &told(None));
        drop(partition);
        assert_eq!((counters.resets(), counters.unverified()), (1, 1));
    }

    #[test]
    fn log_without_its_last_record_is_counted_once_however_often_it_is_rechecked() {
        let counters = Arc::new(LogCounters::default());
        let mut partition = read_to(40, 39, &counters);
        for _ in 0..3 {
            partition.recheck();
            assert_eq!(partition.read_from(), Some(Offset(39)));
            partition.continue_without_record(&told(None));
            assert_eq!(partition.read_from(), Some(Offset(40)));
        }
        assert_eq!(counters.unverified(), 1);
    }

    fn batch(from: i64, to: i64) -> SkippedRange {
        SkippedRange { from: Offset(from), to: Offset(to), why: "bad".to_owned() }
    }

    #[test]
    fn batch_is_no_loss_when_it_was_read_before() {
        let counters = Arc::new(LogCounters::default());
        let mut partition = read_to(40, 39, &counters);
        assert_eq!(partition.held(Phase::Reading).read_from, Some(Offset(39)));
        assert_eq!(partition.skip_batch(batch(40, 41)), Skip::Elsewhere);
        assert_eq!(partition.skip_batch(batch(39, 40)), Skip::ReadBefore);
        assert_eq!(partition.read_from(), Some(Offset(40)));
        assert_eq!(partition.identity(), LogIdentity::Gone, "the id of the topic decides");
        partition.continue_without_record(&told(None));
        assert_eq!(counters.unverified(), 1);
        partition.observe(&drained(40));
        assert!(partition.health(&clock()).caught_up, "nothing is left to read");
    }

    #[test]
    fn part_of_a_batch_is_lost_when_the_rest_was_read_before() {
        let counters = Arc::new(LogCounters::default());
        let mut partition = read_to(40, 39, &counters);
        assert_eq!(partition.skip_batch(batch(39, 45)), Skip::Lost(batch(40, 45)));
        assert_eq!(partition.read_from(), Some(Offset(45)));
        assert_eq!(partition.identity(), LogIdentity::Gone, "the id of the topic decides");
        assert_eq!(partition.skip_batch(batch(45, 46)), Skip::Lost(batch(45, 46)));
    }
}
