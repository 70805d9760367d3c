//! One partition held: its shard and how far it has been read.

use std::sync::Arc;

use rdkafka::message::{BorrowedMessage, Headers, Message as _};

use super::progress::Progress;
use super::statistics::LogState;
use crate::event::Rejection;
use crate::event::decode::{Format, Message};
use crate::shard::{Arrival, Fate, Orphan, Settings, Shard};
use crate::view::{PartitionHealth, ShardLabel, Snapshot};

pub(super) struct Partition {
    label: ShardLabel,
    format: Format,
    shard: Shard,
    progress: Progress,
    /// The shard differs from what was last published.
    changed: bool,
    settings: Arc<Settings>,
    hash_key: [u8; 16],
}

impl Partition {
    pub(super) fn new(label: ShardLabel, format: Format, settings: Arc<Settings>, hash_key: [u8; 16]) -> Self {
        let shard = Shard::new(Arc::clone(&settings), hash_key);
        Partition { label, format, shard, progress: Progress::default(), changed: true, settings, hash_key }
    }

    pub(super) fn label(&self) -> &ShardLabel {
        &self.label
    }

    pub(super) fn is(&self, topic: &str, partition: i32) -> bool {
        self.label.partition == partition && *self.label.topic == *topic
    }

    /// Folds one record; what is refused is returned. `headers` is scratch space.
    pub(super) fn fold<'m>(
        &mut self,
        record: &'m BorrowedMessage<'_>,
        headers: &mut Vec<(&'m str, &'m [u8])>,
    ) -> Option<Rejection> {
        if !self.progress.read(record.offset()) {
            tracing::warn!(topic = %self.label.topic, partition = self.label.partition, offset = record.offset(),
                "the log was made anew, its numbers start again");
            self.shard = Shard::new(Arc::clone(&self.settings), self.hash_key);
        }
        self.changed = true;
        if let Some(found) = record.headers() {
            headers.extend(found.iter().map(|header| (header.key, header.value.unwrap_or_default())));
        }
        let message = Message { value: record.payload(), headers };
        let arrival = Arrival { position: record.offset(), timestamp_ms: record.timestamp().to_millis() };
        match self.shard.fold(self.format, &message, arrival) {
            Fate::Rejected(rejection) => Some(rejection),
            Fate::Applied | Fate::Duplicate | Fate::Late | Fate::Held => None,
        }
    }

    pub(super) fn observe(&mut self, log: &LogState) {
        self.progress.observe(log);
    }

    pub(super) fn lose_touch(&mut self) {
        self.progress.lose_touch();
    }

    pub(super) fn hand_over(&mut self) {
        self.progress.hand_over();
    }

    /// Next offset to read.
    pub(super) fn position(&self) -> Option<i64> {
        self.progress.position()
    }

    /// Advances stream time to `to_ms` where there is nothing to read.
    pub(super) fn advance_if_idle(&mut self, to_ms: i64) {
        if !self.progress.at_end() {
            return;
        }
        let before = self.shard.stream_time_ms();
        self.shard.advance(to_ms);
        self.changed |= self.shard.stream_time_ms() != before;
    }

    pub(super) fn take_orphans(&mut self) -> Vec<Orphan> {
        self.shard.take_orphans()
    }

    /// A snapshot where there is news. While catching up there is none: nobody may see the numbers.
    pub(super) fn news(&mut self) -> Option<Arc<Snapshot>> {
        if !self.changed || !self.progress.caught_up() {
            return None;
        }
        self.changed = false;
        Some(Arc::new(self.shard.snapshot()))
    }

    /// Publishes again what was published before.
    pub(super) fn force_news(&mut self) {
        self.changed = true;
    }

    pub(super) fn health(&self) -> PartitionHealth {
        PartitionHealth {
            label: self.label.clone(),
            position: self.progress.position(),
            end: self.progress.end(),
            lag: self.progress.lag(),
            stream_time_ms: self.shard.stream_time_ms(),
            catch_up_to: self.progress.target(),
            caught_up: self.progress.caught_up(),
        }
    }
}
