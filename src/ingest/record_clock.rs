//! The clock by which a worker judges the times of records.

use std::sync::Arc;

use nabiz_core::settings::WindowSettings;
use nabiz_core::shard::{AheadRule, Ceiling, Standing, Witness, is_before};
use nabiz_core::time::{Millis, Timestamp, WallTime};

use super::clock_faults::{behind_sources, jumped};
use super::host_clock::HostClock;
use super::source_votes::{SourceVotes, Vote};
use super::status_hub::StatusHub;
use crate::clock::ClockView;
use crate::readmodel::Degradation;

/// The believed clock, and what the records of a worker say about it.
pub(super) struct RecordClock {
    host: Arc<HostClock>,
    status_hub: Arc<StatusHub>,
    /// Whether records are judged by the clock at all.
    is_on: bool,
    max_ahead: Millis,
    /// Read at least once for each batch.
    view: ClockView,
    votes: SourceVotes,
}

impl RecordClock {
    pub(super) fn new(
        host: Arc<HostClock>,
        status_hub: Arc<StatusHub>,
        windows: &WindowSettings,
    ) -> Self {
        let view = host.read();
        RecordClock {
            host,
            status_hub,
            is_on: windows.idle_advance,
            max_ahead: windows.max_ahead,
            view,
            votes: SourceVotes::default(),
        }
    }

    /// Returns the clock for a record with this Kafka timestamp, in a partition with this stream
    /// time; `None` if records are not judged by the clock.
    ///
    /// A clock that is behind stream time, or that most sources contradict, is the suspect itself:
    /// records keep their times.
    pub(super) fn ceiling(
        &mut self,
        timestamp: Option<WallTime>,
        stream_time: Option<Timestamp>,
    ) -> Option<Ceiling> {
        if !self.is_on {
            return None;
        }
        // While catching up, this saves two readings for each record.
        if !timestamp.is_some_and(|timestamp| is_before(timestamp, self.view.now)) {
            self.refresh();
        }
        let is_suspect = self.is_behind(stream_time) || self.is_contradicted();
        let rule = if is_suspect { AheadRule::Keep } else { AheadRule::Clamp };
        Some(Ceiling { clock: self.view.now, rule })
    }

    /// Returns whether a Kafka timestamp is not too far ahead of the last reading.
    pub(super) fn is_plausible(&self, timestamp: WallTime) -> bool {
        !self.is_on || timestamp <= self.view.now.saturating_add(self.max_ahead)
    }

    /// Returns whether the last reading is behind a stream time by more than records can be ahead.
    pub(super) fn is_behind(&self, stream_time: Option<Timestamp>) -> bool {
        let latest = self.view.now.saturating_add(self.max_ahead);
        self.is_on && stream_time.is_some_and(|stream_time| stream_time.get() > latest.get())
    }

    fn is_contradicted(&self) -> bool {
        self.votes.contradict(|| self.host.monotonic())
    }

    /// Reads the clock. Returns the wall time to which stream time can advance without records:
    /// none before the clock has a witness, and none while the sources contradict it.
    pub(super) fn advance_time(&mut self) -> Option<WallTime> {
        self.refresh();
        let can_advance = self.is_on && self.view.is_witnessed && !self.is_contradicted();
        can_advance.then_some(self.view.now)
    }

    /// Records what a record says about the clock. Counts and logs one that is ahead.
    pub(super) fn on_record(&mut self, topic: &Arc<str>, witness: &Witness<'_>) {
        let (vote, what) = match witness.standing {
            Standing::Unknown => return,
            Standing::Near => (Vote::Agrees, None),
            Standing::StampAhead => (Vote::Agrees, Some("timestamp of the record")),
            Standing::Ahead => (Vote::Ahead, Some("time of the event")),
        };
        let now = self.host.monotonic();
        self.votes.record(topic, &witness.source, vote, now);
        let Some(what) = what else {
            if !self.view.is_witnessed {
                self.host.confirm();
                self.refresh();
            }
            return;
        };
        self.status_hub.count_future_record(topic);
        if let Some(records) = self.votes.log(topic, &witness.source, now) {
            let (source, max_ahead) = (&witness.source, self.max_ahead);
            tracing::warn!(topic = %topic, ?source, what, %max_ahead, records, "ahead of the clock");
        }
    }

    /// Returns what is wrong with the clock, by its last reading.
    pub(super) fn degraded(&self) -> Vec<Degradation> {
        if !self.is_on {
            return Vec::new();
        }
        let contradicted = self.is_contradicted().then(behind_sources);
        let jumped = self.view.jumped_to.map(|_| jumped());
        contradicted.into_iter().chain(jumped).collect()
    }

    fn refresh(&mut self) {
        self.view = self.host.read();
    }
}
