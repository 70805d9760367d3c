//! Where reading of a partition continues if its log no longer has the next record.

use std::time::{Duration, Instant};

use nabiz_core::ids::Offset;
use nabiz_core::settings::WindowSettings;
use nabiz_core::time::{Millis, WallTime};
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};

use super::consumer_context::WorkerContext;
use super::consumer_stats::FetchState;
use super::known_topic::{Sameness, ToldId};
use super::last_record::LogIdentity;
use super::partition::Partition;
use super::topic_ids;

/// After a log went back, reading resumes at least this long before the newest record that was
/// read.
const RESUME_MARGIN: Millis = Millis::from_mins(1);

/// Where reading of a partition continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SeekTarget {
    /// At its position.
    Position,
    /// At its position: the log no longer has the last record.
    WithoutRecord(ToldId),
    /// At the start of the log: retention deleted the records before it.
    LogStart(Offset, ToldId),
    /// At this offset of another log: it lost its end, or its topic was recreated.
    Resume(Offset, ToldId),
}

impl SeekTarget {
    /// Asks the broker where reading continues; `None` if it does not answer within `timeout`.
    #[must_use]
    pub(super) fn find(
        consumer: &BaseConsumer<WorkerContext>,
        windows: &WindowSettings,
        partition: &Partition,
        timeout: Duration,
    ) -> Option<Self> {
        let Some(position) = partition.position() else { return Some(SeekTarget::Position) };
        let label = partition.label();
        let (start, end) =
            consumer.fetch_watermarks(&label.topic, label.partition, timeout).ok()?;
        let (start, end) = (Offset(start), Offset(end));
        let identity = partition.identity();
        let is_other = identity == LogIdentity::Other || position > end;
        let has_lost_start = position < start;
        let has_lost_record =
            identity == LogIdentity::Gone || identity.awaited().is_some_and(|last| last < start);
        // The client also stops if the log lost its end and has grown past the position since.
        let is_stopped = partition.fetch() == FetchState::Stopped;
        if !is_other && !has_lost_start && !has_lost_record && !is_stopped {
            return Some(SeekTarget::Position);
        }
        let told = told_id(consumer, partition, timeout);
        let is_other = is_other || partition.topic().compare(told.id) == Sameness::Other;
        if has_lost_start && !is_other {
            return Some(SeekTarget::LogStart(start, told));
        }
        if has_lost_record && !is_other {
            return Some(SeekTarget::WithoutRecord(told));
        }
        let offset = match resume_time(windows, partition) {
            None => start,
            Some(since) => offset_at(consumer, partition, since, timeout)?.unwrap_or(end),
        };
        Some(SeekTarget::Resume(offset.clamp(start, end), told))
    }

    /// Moves a partition to the target.
    pub(super) fn apply(self, partition: &mut Partition) {
        match self {
            SeekTarget::Position => {}
            SeekTarget::WithoutRecord(told) => partition.continue_without_record(&told),
            SeekTarget::LogStart(start, told) => partition.skip_to(start, &told),
            SeekTarget::Resume(offset, told) => partition.resume_at(offset, &told),
        }
    }
}

/// Asks the broker for the id of a partition's topic. Without an answer there is none: reading does
/// not wait for it.
fn told_id(
    consumer: &BaseConsumer<WorkerContext>,
    partition: &Partition,
    timeout: Duration,
) -> ToldId {
    let asked_at = Instant::now();
    let topic = &partition.label().topic;
    let id = topic_ids::ask(consumer.client(), topic, timeout).unwrap_or_else(|error| {
        tracing::debug!(%topic, ?error, "id of the topic unknown");
        None
    });
    ToldId { asked_at, id }
}

/// Returns the time shortly before the newest record that was read, so that records which are read
/// twice are recognised as duplicates; `None` if no record was read.
fn resume_time(windows: &WindowSettings, partition: &Partition) -> Option<WallTime> {
    // A ledger of the first version has no record time, but a stream time that is close to it.
    let stream_time = partition.stream_time().map(|time| WallTime(time.get()));
    let newest = partition.newest_record().or(stream_time)?;
    let margin = windows.allowed_lateness.max(RESUME_MARGIN).min(windows.dedup_horizon);
    Some(newest.saturating_sub(margin).max(WallTime(0)))
}

/// Asks the broker for the first record at or after `time`: `Some(None)` if there is none, `None`
/// if the broker does not answer.
fn offset_at(
    consumer: &BaseConsumer<WorkerContext>,
    partition: &Partition,
    time: WallTime,
    timeout: Duration,
) -> Option<Option<Offset>> {
    let label = partition.label();
    let mut times = TopicPartitionList::new();
    times
        .add_partition_offset(&label.topic, label.partition, rdkafka::Offset::Offset(time.get()))
        .ok()?;
    let found = consumer.offsets_for_times(times, timeout).ok()?;
    let element = found.find_partition(&label.topic, label.partition)?;
    element.error().ok()?;
    match element.offset() {
        rdkafka::Offset::Offset(offset) => Some(Some(Offset(offset))),
        _ => Some(None),
    }
}

/// Returns the offset from which the client reads a partition.
pub(super) fn start_offset(partition: &Partition) -> rdkafka::Offset {
    match partition.read_from() {
        Some(offset) => rdkafka::Offset::Offset(offset.0),
        None => rdkafka::Offset::Beginning,
    }
}
