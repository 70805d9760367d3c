//! What is known about the end of a partition's log, why the partition stands still, and what is
//! shown of both.

use std::sync::atomic::Ordering;
use std::time::Instant;

use nabiz_core::ids::Offset;
use nabiz_core::time::Timestamp;

use super::Partition;
use crate::ingest::clock_faults::{Obstacle, decision_not_stored, stream_ahead};
use crate::ingest::consumer_stats::FetchState;
use crate::ingest::log_ends::{HeldPartition, LogAnswer, Reading};
use crate::ingest::offset_tracker::PROOF_TTL;
use crate::ingest::record_clock::RecordClock;
use crate::ingest::standstill::Standstill;
use crate::ingest::worker_status::Phase;
use crate::readmodel::{Degradation, PartitionHealth};

impl Partition {
    /// Returns the partition as the broker watch sees it.
    pub(in crate::ingest) fn held(&self, phase: Phase) -> HeldPartition {
        let reading = match self.fetch {
            _ if phase == Phase::Paused => Reading::Paused,
            FetchState::Refused => Reading::Refused,
            FetchState::Running | FetchState::Stopped => Reading::Active,
        };
        HeldPartition { label: self.label.clone(), read_from: self.read_from(), reading }
    }

    /// Records an answer of the broker watch, and why the partition stands still.
    pub(in crate::ingest) fn on_log_answer(
        &mut self,
        answer: LogAnswer,
        standstill: Option<Standstill>,
    ) {
        self.standstill = standstill;
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
    pub(in crate::ingest) fn explains_errors(&self) -> bool {
        matches!(self.standstill, Some(Standstill::Undecodable { .. }))
    }

    /// Records an error of the client that may be about this partition.
    pub(in crate::ingest) fn on_client_error(&mut self) {
        self.offsets.on_error(Instant::now());
    }

    /// Returns why the partition stands still, and at which offset.
    fn standstill(&self, now: Instant) -> Option<(&Standstill, Option<Offset>)> {
        let is_due = |since: Instant| now.saturating_duration_since(since) > PROOF_TTL;
        let unanswered = self.unanswered.as_ref().filter(|(since, standstill)| {
            matches!(standstill, Standstill::Refused { .. }) || is_due(*since)
        });
        let position = self.offsets.position();
        if let Some(standstill @ Standstill::Undecodable { .. }) = &self.standstill {
            // The batch may be that of the last record, which is read again.
            Some((standstill, self.read_from()))
        } else if let Some(standstill) = &self.standstill {
            Some((standstill, position))
        } else if let Some((_, standstill)) = unanswered {
            Some((standstill, position))
        } else {
            let held_back = self.offsets.held_back(now)?;
            Some((&Standstill::HeldBack, Some(held_back)))
        }
    }

    /// Returns the faults that leave the served numbers true.
    fn degradations(&self, clock: &RecordClock, now: Instant) -> Vec<Degradation> {
        let standstill = self.standstill(now);
        let standstill =
            standstill.map(|(standstill, offset)| standstill.degradation(&self.label, offset));
        let is_ahead = clock.is_behind(self.shown_stream_time());
        let ahead = is_ahead.then(|| stream_ahead(&self.label));
        let overdue = self.clock_effects.is_overdue(now).then(|| {
            let obstacle =
                if self.awaits_letters() { Obstacle::DeadLetters } else { Obstacle::Ledger };
            decision_not_stored(&self.label, obstacle)
        });
        standstill.into_iter().chain(ahead).chain(overdue).collect()
    }

    fn shown_stream_time(&self) -> Option<Timestamp> {
        self.clock_effects.shown_stream_time(self.stream_time())
    }

    pub(in crate::ingest) fn health(&self, clock: &RecordClock) -> PartitionHealth {
        self.health_at(clock, Instant::now())
    }

    fn health_at(&self, clock: &RecordClock, now: Instant) -> PartitionHealth {
        PartitionHealth {
            label: self.label.clone(),
            position: self.offsets.position(),
            end: self.offsets.end(),
            lag: self.offsets.lag(now),
            stream_time: self.shown_stream_time(),
            catch_up_to: self.offsets.target(),
            caught_up: self.is_servable(),
            missed: self.missed,
            dead_letters_waiting: self.dead_letters.load(Ordering::Relaxed),
            remembered_ids: self.shard.remembered_ids() as u64,
            degraded: self.degradations(clock, now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::clock_effects::PATIENCE;
    use crate::ingest::partition::testing::{caught_up, clock};

    #[test]
    fn partition_tells_what_keeps_a_decision_of_the_clock_from_being_stored() {
        let (mut partition, clock, now) = (caught_up(), clock(), Instant::now());
        partition.clock_effects.on_decision(None, now);
        partition.dead_letters().fetch_add(1, Ordering::Release);
        assert_eq!(partition.health_at(&clock, now).degraded, []);
        let told = |partition: &Partition| {
            let degraded = partition.health_at(&clock, now + PATIENCE).degraded;
            degraded.iter().map(Degradation::to_string).collect::<Vec<_>>()
        };
        let [letters] = &*told(&partition) else { panic!("one degradation") };
        assert!(letters.starts_with("calls/0: the numbers stand still"), "{letters}");
        assert!(letters.contains("look at the dead-letter topic"), "{letters}");
        partition.dead_letters().fetch_sub(1, Ordering::Release);
        let [ledger] = &*told(&partition) else { panic!("one degradation") };
        assert!(ledger.contains("make room on the disk of the ledger"), "{ledger}");
    }
}
