//! How many partitions the configured topics have. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::readmodel::ShardLabel;

/// Time between two questions to a broker whose counts are others.
const ASK_INTERVAL: Duration = Duration::from_secs(5);

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

    /// Leaves out the counts of topics that are missing: they are those from before.
    #[must_use]
    pub(super) fn without(mut self, missing: &BTreeSet<String>) -> Self {
        for topic in missing {
            if let Some(known) = self.0.get_mut(topic.as_str()) {
                *known = None;
            }
        }
        self
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

/// Whether the client of a session knows the counted partitions.
#[derive(Debug, Default)]
pub(super) enum ClientCounts {
    /// It was not asked.
    #[default]
    Unasked,
    /// It does not know all partitions of these counts, or it got no answer at this instant.
    Differing(PartitionCounts, Instant),
    /// It knows the partitions of these counts.
    Agreeing(PartitionCounts),
}

impl ClientCounts {
    /// Returns whether to ask for these counts: at once if they are new, and again after a while
    /// if the answer differed.
    pub(super) fn is_due(&self, counts: &PartitionCounts, now: Instant) -> bool {
        match self {
            ClientCounts::Differing(asked, asked_at) if asked == counts => {
                now.saturating_duration_since(*asked_at) >= ASK_INTERVAL
            }
            ClientCounts::Agreeing(asked) => asked != counts,
            ClientCounts::Unasked | ClientCounts::Differing(..) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(calls: i32, mails: i32) -> PartitionCounts {
        let mut counts = PartitionCounts::of_topics(["calls", "mails"]);
        counts.set("calls", calls);
        counts.set("mails", mails);
        counts
    }

    #[test]
    fn counts_agree_without_a_topic_when_it_is_missing() {
        let missing = BTreeSet::from(["mails".to_owned()]);
        let found = |topic: &str| (topic == "calls").then_some(3);
        assert!(!counts(3, 2).agree_with(found));
        assert!(counts(3, 2).without(&missing).agree_with(found));
        assert!(!counts(4, 2).without(&missing).agree_with(found));
    }

    #[test]
    fn client_is_asked_again_only_after_a_while_when_its_counts_differ() {
        let now = Instant::now();
        assert!(ClientCounts::default().is_due(&counts(3, 2), now));
        let differing = ClientCounts::Differing(counts(3, 2), now);
        assert!(!differing.is_due(&counts(3, 2), now + Duration::from_millis(4_999)));
        assert!(differing.is_due(&counts(3, 2), now + ASK_INTERVAL));
        assert!(differing.is_due(&counts(4, 2), now), "a new count");
    }

    #[test]
    fn client_is_asked_once_more_when_a_missing_topic_is_back() {
        let (now, missing) = (Instant::now(), BTreeSet::from(["mails".to_owned()]));
        let agreeing = ClientCounts::Agreeing(counts(3, 2).without(&missing));
        assert!(!agreeing.is_due(&counts(3, 2).without(&missing), now));
        assert!(agreeing.is_due(&counts(3, 2), now));
    }

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
