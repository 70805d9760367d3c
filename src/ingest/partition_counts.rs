//! How many partitions the configured topics have. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::readmodel::ShardLabel;

/// The number of partitions of each configured topic, as the brokers last counted them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PartitionCounts(BTreeMap<Arc<str>, Option<i32>>);

impl PartitionCounts {
    /// Returns the topics, none of them counted yet.
    pub(super) fn of_topics<'t>(topics: impl IntoIterator<Item = &'t str>) -> Self {
        PartitionCounts(topics.into_iter().map(|topic| (Arc::from(topic), None)).collect())
    }

    /// Returns the topics.
    pub(super) fn topics(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.keys()
    }

    /// Records the count of a topic.
    pub(super) fn set(&mut self, topic: &str, count: i32) {
        if let Some(known) = self.0.get_mut(topic) {
            *known = Some(count);
        }
    }

    /// Returns the count of a topic; `None` if no broker has counted it yet.
    pub(super) fn of(&self, topic: &str) -> Option<i32> {
        self.0.get(topic).copied().flatten()
    }

    /// Returns the first topic that no broker has counted yet.
    pub(super) fn unknown(&self) -> Option<&str> {
        self.0.iter().find(|(_, count)| count.is_none()).map(|(topic, _)| &**topic)
    }

    /// Returns whether `found`, asked for each topic that is counted, has the same counts.
    pub(super) fn agree_with(&self, found: impl Fn(&str) -> Option<usize>) -> bool {
        self.0.iter().all(|(topic, count)| {
            count.is_none_or(|count| usize::try_from(count).ok() == found(topic))
        })
    }

    /// Returns the number of partitions of all topics that are counted.
    pub(super) fn total(&self) -> usize {
        let counts = self.0.values().flatten();
        counts.map(|count| usize::try_from(*count).unwrap_or(0)).sum()
    }

    /// Returns whether the topic has the partition.
    pub(super) fn has(&self, label: &ShardLabel) -> bool {
        let count = self.of(&label.topic).unwrap_or(0);
        (0..count).contains(&label.partition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_agree_only_with_a_broker_that_knows_the_same_partitions() {
        let mut counts = PartitionCounts::of_topics(["calls", "mails"]);
        assert!(counts.agree_with(|_| None), "nothing is counted yet");
        counts.set("calls", 3);
        let told_by = |calls: usize| counts.agree_with(|topic| (topic == "calls").then_some(calls));
        assert!(told_by(3));
        assert!(!told_by(2), "a broker that has not learned of the new partition");
        assert!(!told_by(4), "a broker that knows more than the count");
        assert!(!counts.agree_with(|_| None));
    }
}
