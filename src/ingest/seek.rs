//! Where reading of a partition continues if its log no longer has the next record.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use nabiz_core::ids::Offset;
use nabiz_core::settings::WindowSettings;
use nabiz_core::time::{Millis, WallTime};
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};

use super::consumer_stats::FetchState;
use super::known_topic::{Sameness, ToldId};
use super::last_record::LogIdentity;
use super::partition::Partition;
use super::time_budget::TimeBudget;
use super::topic_ids;
use crate::readmodel::ShardLabel;

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

/// The questions of a session about several partitions, one after the other.
pub(super) struct SeekPass<'s, C: ConsumerContext> {
    consumer: &'s BaseConsumer<C>,
    windows: &'s WindowSettings,
    budget: TimeBudget,
    /// The answers about the ids of topics, which belong to all partitions of a topic.
    told_ids: BTreeMap<Arc<str>, ToldId>,
}

impl<'s, C: ConsumerContext> SeekPass<'s, C> {
    pub(super) fn new(
        consumer: &'s BaseConsumer<C>,
        windows: &'s WindowSettings,
        budget: TimeBudget,
    ) -> Self {
        SeekPass { consumer, windows, budget, told_ids: BTreeMap::new() }
    }

    /// Asks the broker where reading continues; `None` if it does not answer in time.
    #[must_use]
    pub(super) fn find(&mut self, partition: &Partition) -> Option<SeekTarget> {
        let Some(position) = partition.position() else { return Some(SeekTarget::Position) };
        let label = partition.label();
        let timeout = self.budget.for_next()?;
        let (start, end) =
            self.consumer.fetch_watermarks(&label.topic, label.partition, timeout).ok()?;
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
        let told = self.told_id(&label.topic)?;
        let is_other = is_other || partition.topic().compare(told.id) == Sameness::Other;
        if has_lost_start && !is_other {
            return Some(SeekTarget::LogStart(start, told));
        }
        if has_lost_record && !is_other {
            return Some(SeekTarget::WithoutRecord(told));
        }
        let offset = match resume_time(self.windows, partition) {
            None => start,
            Some(since) => self.offset_at(label, since)?.unwrap_or(end),
        };
        Some(SeekTarget::Resume(offset.clamp(start, end), told))
    }

    /// Asks the broker for the id of a topic, once. Without an answer there is no id, because
    /// reading does not wait for it. Returns `None` if questions about other topics have used the
    /// time for this one: the next pass asks it earlier.
    fn told_id(&mut self, topic: &Arc<str>) -> Option<ToldId> {
        if let Some(told) = self.told_ids.get(topic) {
            return Some(*told);
        }
        let asked_at = Instant::now();
        let id = match topic_ids::ask(self.consumer.client(), topic, self.budget) {
            Ok(id) => id,
            Err(error) => {
                tracing::debug!(%topic, ?error, "id of the topic unknown");
                if self.budget.for_next().is_none() && !self.told_ids.is_empty() {
                    return None;
                }
                None
            }
        };
        let told = ToldId { asked_at, id };
        self.told_ids.insert(Arc::clone(topic), told);
        Some(told)
    }

    /// Asks the broker for the first record at or after `time`: `Some(None)` if there is none,
    /// `None` if the broker does not answer in time.
    fn offset_at(&self, label: &ShardLabel, time: WallTime) -> Option<Option<Offset>> {
        let timeout = self.budget.for_next()?;
        let time = rdkafka::Offset::Offset(time.get());
        let mut times = TopicPartitionList::new();
        times.add_partition_offset(&label.topic, label.partition, time).ok()?;
        let found = self.consumer.offsets_for_times(times, timeout).ok()?;
        let element = found.find_partition(&label.topic, label.partition)?;
        element.error().ok()?;
        match element.offset() {
            rdkafka::Offset::Offset(offset) => Some(Some(Offset(offset))),
            _ => Some(None),
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

/// Returns the offset from which the client reads a partition.
pub(super) fn start_offset(partition: &Partition) -> rdkafka::Offset {
    match partition.read_from() {
        Some(offset) => rdkafka::Offset::Offset(offset.0),
        None => rdkafka::Offset::Beginning,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rdkafka::ClientConfig;
    use rdkafka::mocking::MockCluster;

    use super::*;
    use crate::config::Config;
    use crate::ingest::partition::testing::read_to;

    const WITHIN: Duration = Duration::from_secs(10);

    /// Returns a client that has reached the only broker of the cluster, which has the topic of the
    /// test partitions.
    fn connected<C>(cluster: &MockCluster<'_, C>) -> BaseConsumer
    where
        C: rdkafka::client::ClientContext,
    {
        cluster.create_topic("calls", 1, 1).unwrap();
        let mut config = ClientConfig::new();
        let client: BaseConsumer =
            config.set("bootstrap.servers", cluster.bootstrap_servers()).create().unwrap();
        client.fetch_watermarks("calls", 0, WITHIN).unwrap();
        client
    }

    #[test]
    fn pass_ends_in_time_when_each_answer_is_slow() {
        let cluster = MockCluster::new(1).unwrap();
        let client = connected(&cluster);
        // Another log, because it is empty: three answers are awaited.
        let partition = read_to(3, 2, &Arc::default());
        let windows = Config::defaults().settings().windows;
        let find = |budget| SeekPass::new(&client, &windows, budget).find(&partition);
        let found = find(TimeBudget::start(WITHIN, WITHIN));
        assert!(matches!(found, Some(SeekTarget::Resume(Offset(0), _))), "{found:?}");

        cluster.broker_round_trip_time(1, Duration::from_millis(900)).unwrap();
        let began = Instant::now();
        let (each, all) = (Duration::from_secs(1), Duration::from_millis(1_200));
        let found = find(TimeBudget::start(each, all));
        let took = began.elapsed();
        assert!(took < Duration::from_millis(2_000), "{took:?} for {found:?}");
    }

    #[test]
    fn id_of_a_topic_is_asked_once_in_a_pass() {
        let cluster = MockCluster::new(1).unwrap();
        let client = connected(&cluster);
        let windows = Config::defaults().settings().windows;
        let budget = TimeBudget::start(WITHIN, WITHIN);
        let mut pass = SeekPass::new(&client, &windows, budget);
        let told = pass.told_id(&"calls".into()).unwrap();
        assert!(told.id.is_some());
        assert_eq!(pass.told_id(&"calls".into()), Some(told));
    }

    #[test]
    fn topic_has_no_id_when_its_question_alone_uses_the_time() {
        let cluster = MockCluster::new(1).unwrap();
        let client = connected(&cluster);
        cluster.create_topic("mails", 1, 1).unwrap();
        cluster.broker_round_trip_time(1, Duration::from_secs(5)).unwrap();
        let windows = Config::defaults().settings().windows;
        let each = Duration::from_millis(200);
        let mut pass = SeekPass::new(&client, &windows, TimeBudget::start(each, each));
        let told = pass.told_id(&"calls".into());
        assert_eq!(told.map(|told| told.id), Some(None), "reading does not wait for it");
        assert_eq!(pass.told_id(&"mails".into()), None, "the next pass asks it earlier");
    }
}
