//! Where reading of a partition continues if its log no longer has the next record.

use std::time::Duration;

use nabiz_core::ids::Offset;
use nabiz_core::settings::WindowSettings;
use nabiz_core::time::{Millis, WallTime};
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};

use super::consumer_context::WorkerContext;
use super::consumer_stats::FetchState;
use super::last_record::LogIdentity;
use super::partition::Partition;

/// After a log went back, reading resumes at least this long before the newest record that was
/// read.
const RESUME_MARGIN: Millis = Millis::from_mins(1);

/// Where reading of a partition continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SeekTarget {
    /// At its position.
    Position,
    /// At its position: the log no longer has the last record.
    Unverified,
    /// At the start of the log: retention deleted the records before it.
    LogStart(Offset),
    /// At this offset of another log: it lost its end, or its topic was recreated.
    Resume(Offset),
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
        if position < start && identity != LogIdentity::Other {
            Some(SeekTarget::LogStart(start))
        } else if position <= end && identity.awaited().is_some_and(|last| last < start) {
            Some(SeekTarget::Unverified)
        } else if position > end
            || identity == LogIdentity::Other
            || partition.fetch() == FetchState::Stopped
        {
            // The client also stops if the log lost its end and has grown past the position since.
            let offset = match resume_time(windows, partition) {
                None => start,
                Some(since) => offset_at(consumer, partition, since, timeout)?.unwrap_or(end),
            };
            Some(SeekTarget::Resume(offset.clamp(start, end)))
        } else {
            Some(SeekTarget::Position)
        }
    }

    /// Moves a partition to the target.
    pub(super) fn apply(self, partition: &mut Partition) {
        match self {
            SeekTarget::Position => {}
            SeekTarget::Unverified => partition.continue_unverified(),
            SeekTarget::LogStart(start) => partition.skip_to(start),
            SeekTarget::Resume(offset) => partition.resume_at(offset),
        }
    }
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
