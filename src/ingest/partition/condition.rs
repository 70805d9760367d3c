//! What is known about the end of a partition's log, why the partition stands still, and what is
//! shown of both.

use std::sync::atomic::Ordering;
use std::time::Instant;

use nabiz_core::ids::Offset;

use super::Partition;
use crate::ingest::clock_faults::stream_ahead;
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
        HeldPartition { label: self.label.clone(), position: self.offsets.position(), reading }
    }

    /// Records an answer of the broker watch.
    pub(in crate::ingest) fn on_log_answer(&mut self, answer: LogAnswer) {
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

    pub(in crate::ingest) fn health(&self, clock: &RecordClock) -> PartitionHealth {
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
