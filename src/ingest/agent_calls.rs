//! Whether calls drive agents in a partition, and how that changes. Pure.
//!
//! Calls drive agents where the agents of the calls can be in no other partition. So it depends on
//! the number of partitions of the topic, which can grow. A log that is read a second time, after a
//! crash, must be folded as it was the first time: the answer is stored with the state, and another
//! one takes effect only with a checkpoint that is past everything that was read before.

use nabiz_core::decode::Format;
use nabiz_core::shard::Calls;

use super::options::Topic;
use super::partition_counts::PartitionCounts;
use crate::readmodel::ShardLabel;
use crate::record_format::RecordFormat;

/// Returns whether calls drive agents in a partition; `None` as long as no broker has counted the
/// partitions of its topic.
pub(super) fn told_calls(
    topics: &[Topic],
    counts: &PartitionCounts,
    label: &ShardLabel,
) -> Option<Calls> {
    let topic = topics.iter().find(|topic| topic.name == *label.topic);
    if topic.is_some_and(is_queue_log) {
        return Some(Calls::DriveAgents);
    }
    if topics.iter().filter(|topic| !is_queue_log(topic)).count() != 1 {
        return Some(Calls::Apart);
    }
    // A count from before this partition was added is none.
    match counts.of(&label.topic).filter(|of| *of > label.partition)? {
        1 => Some(Calls::DriveAgents),
        _ => Some(Calls::Apart),
    }
}

/// Returns whether each partition of a topic has calls and their agents. Of mapped topics nothing
/// more is known than of those of CloudEvents.
fn is_queue_log(topic: &Topic) -> bool {
    topic.format == RecordFormat::Native(Format::AsteriskQueueLog)
}

/// Whether calls drive agents in one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AgentCalls {
    /// What the shard does.
    present: Calls,
    /// What it is to do.
    told: Calls,
    /// What it does once the checkpoint on its way is stored.
    in_flight: Option<Calls>,
}

impl AgentCalls {
    /// Returns the answer for a partition with this one in its stored state. Without a stored one,
    /// `told` holds from the first record on.
    pub(super) fn new(stored: Option<Calls>, told: Calls) -> Self {
        AgentCalls { present: stored.unwrap_or(told), told, in_flight: None }
    }

    /// Records what the counts of the brokers say now.
    pub(super) fn tell(&mut self, told: Calls) {
        self.told = told;
    }

    /// Returns what the shard does.
    pub(super) fn present(&self) -> Calls {
        self.present
    }

    /// Returns whether a checkpoint is needed for a change. There is none before everything is read
    /// again that may have been read before.
    pub(super) fn needs_checkpoint(&self, caught_up: bool) -> bool {
        caught_up && self.present != self.told
    }

    /// Returns whether a change takes effect once the checkpoint on its way is stored.
    pub(super) fn is_changing(&self) -> bool {
        self.in_flight.is_some()
    }

    /// Records that a checkpoint is captured. Returns what to store with it.
    pub(super) fn on_captured(&mut self, caught_up: bool) -> Calls {
        self.in_flight = self.needs_checkpoint(caught_up).then_some(self.told);
        self.in_flight.unwrap_or(self.present)
    }

    /// Records that the checkpoint on its way is stored. Returns what the shard does from now on.
    pub(super) fn on_stored(&mut self) -> Calls {
        self.present = self.in_flight.take().unwrap_or(self.present);
        self.present
    }

    /// Records that the checkpoint on its way is not stored.
    pub(super) fn on_store_failed(&mut self) {
        self.in_flight = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(name: &str, format: Format) -> Topic {
        Topic { name: name.to_owned(), format: RecordFormat::Native(format) }
    }

    fn label(topic: &str, partition: i32) -> ShardLabel {
        ShardLabel { topic: topic.into(), partition }
    }

    #[test]
    fn calls_drive_agents_when_one_topic_of_cloud_events_has_one_partition() {
        let calls = topic("calls", Format::CloudEvents);
        let queue_log = topic("log", Format::AsteriskQueueLog);
        let mut counts = PartitionCounts::of_topics(["calls", "log", "mails"]);
        let topics = [calls.clone(), queue_log.clone()];
        assert_eq!(told_calls(&topics, &counts, &label("calls", 0)), None, "not counted yet");
        let of_log = told_calls(&topics, &counts, &label("log", 7));
        assert_eq!(of_log, Some(Calls::DriveAgents));
        counts.set("calls", 1);
        let told = |counts: &PartitionCounts, partition| {
            told_calls(&topics, counts, &label("calls", partition))
        };
        assert_eq!(told(&counts, 0), Some(Calls::DriveAgents));
        assert_eq!(told(&counts, 1), None, "the count is from before the partition was added");
        counts.set("calls", 2);
        assert_eq!(told(&counts, 0), Some(Calls::Apart));
        let both = [calls, topic("mails", Format::CloudEvents)];
        assert_eq!(told_calls(&both, &counts, &label("mails", 0)), Some(Calls::Apart));
    }

    #[test]
    fn stored_answer_holds_until_a_checkpoint_past_what_was_read_before_is_stored() {
        let mut calls = AgentCalls::new(Some(Calls::DriveAgents), Calls::Apart);
        assert_eq!(calls.present(), Calls::DriveAgents);
        assert_eq!(calls.on_captured(false), Calls::DriveAgents, "not everything is read again");
        assert_eq!(calls.on_stored(), Calls::DriveAgents);

        assert!(calls.needs_checkpoint(true));
        assert_eq!(calls.on_captured(true), Calls::Apart);
        assert!(calls.is_changing());
        assert_eq!(calls.present(), Calls::DriveAgents, "until it is stored");
        calls.on_store_failed();
        assert!(!calls.is_changing() && calls.needs_checkpoint(true));
        assert_eq!(calls.on_captured(true), Calls::Apart);
        assert_eq!(calls.on_stored(), Calls::Apart);
        assert!(!calls.is_changing() && !calls.needs_checkpoint(true));
    }

    #[test]
    fn answer_changes_when_the_topic_grows_while_it_is_read() {
        let mut calls = AgentCalls::new(None, Calls::DriveAgents);
        assert_eq!(calls.on_captured(true), Calls::DriveAgents);
        calls.tell(Calls::Apart);
        assert_eq!(calls.on_stored(), Calls::DriveAgents, "the checkpoint was captured before");
        assert_eq!(calls.on_captured(true), Calls::Apart);
        assert_eq!(calls.on_stored(), Calls::Apart);
    }
}
