//! Whether a topic still is the one whose records were read, by its id. Pure.
//!
//! The last record that was read is compared too, but it can be gone. It can also be a record of
//! the new topic already, if a topic was replaced while it was read. So another id is another log,
//! whatever the record says.

use std::time::Instant;

use super::last_record::LogIdentity;
use crate::ledger::TopicId;

/// What a broker has told about the id of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ToldId {
    /// When the broker was asked.
    pub asked_at: Instant,
    /// The id; `None` if no broker has told one.
    pub id: Option<TopicId>,
}

/// What the id of a topic says about its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sameness {
    /// It is the log that was read.
    Same,
    /// It is another one.
    Other,
    /// It cannot be told.
    Untold,
}

/// The topic whose records are in a partition's state.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnownTopic {
    /// `None` if no broker has told it.
    id: Option<TopicId>,
    /// An older answer of a broker may be about a topic that was replaced since.
    since: Instant,
}

impl KnownTopic {
    pub(super) fn from_stored(id: Option<TopicId>, now: Instant) -> Self {
        KnownTopic { id, since: now }
    }

    /// Returns the id to store.
    pub(super) fn id(&self) -> Option<TopicId> {
        self.id
    }

    /// Compares the topic with the one that a broker tells.
    pub(super) fn compare(&self, told: Option<TopicId>) -> Sameness {
        match (self.id, told) {
            (Some(known), Some(told)) if known == told => Sameness::Same,
            (Some(_), Some(_)) => Sameness::Other,
            (None, _) | (_, None) => Sameness::Untold,
        }
    }

    /// Takes an id that a broker has told while the partition is read. Returns what it says. The
    /// first one of a log that is known by its last record is kept.
    #[must_use = "another log must be searched"]
    pub(super) fn on_told(&mut self, told: &ToldId, identity: LogIdentity) -> Sameness {
        if told.asked_at < self.since || !identity.is_known() {
            return Sameness::Untold;
        }
        let sameness = self.compare(told.id);
        self.id = self.id.or(told.id);
        sameness
    }

    /// Records that reading continues in the same log, or in one that could not be told from it.
    pub(super) fn keep(&mut self, told: &ToldId) {
        *self = KnownTopic { id: self.id.or(told.id), since: told.asked_at };
    }

    /// Records that reading continues in another log.
    pub(super) fn replace(&mut self, told: &ToldId) {
        *self = KnownTopic { id: told.id, since: told.asked_at };
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nabiz_core::ids::Offset;

    use super::*;

    const KNOWN: LogIdentity = LogIdentity::Known;
    const GONE: LogIdentity = LogIdentity::Gone;
    const ONE: TopicId = TopicId([1; 16]);
    const TWO: TopicId = TopicId([2; 16]);

    fn told(topic: &KnownTopic, id: Option<TopicId>) -> ToldId {
        ToldId { asked_at: topic.since, id }
    }

    fn stored(id: Option<TopicId>) -> KnownTopic {
        KnownTopic::from_stored(id, Instant::now())
    }

    #[test]
    fn id_decides_when_the_last_record_is_gone() {
        let topic = stored(Some(ONE));
        assert_eq!(topic.compare(Some(ONE)), Sameness::Same);
        assert_eq!(topic.compare(Some(TWO)), Sameness::Other);
        assert_eq!(topic.compare(None), Sameness::Untold);
        assert_eq!(stored(None).compare(Some(ONE)), Sameness::Untold, "an older ledger");
    }

    #[test]
    fn topic_is_another_when_the_last_record_is_one_of_the_new_topic() {
        let mut topic = stored(Some(ONE));
        let found = LogIdentity::Found { passed: Offset(7) };
        assert_eq!(topic.on_told(&told(&topic, Some(TWO)), found), Sameness::Other);
    }

    #[test]
    fn id_is_kept_only_when_the_log_is_known() {
        let mut topic = stored(None);
        assert_eq!(topic.on_told(&told(&topic, Some(ONE)), GONE), Sameness::Untold);
        assert_eq!(topic.id(), None);
        assert_eq!(topic.on_told(&told(&topic, Some(ONE)), KNOWN), Sameness::Untold);
        assert_eq!(topic.id(), Some(ONE));
    }

    #[test]
    fn topic_is_another_when_its_id_changes_while_it_is_read() {
        let mut topic = stored(None);
        assert_eq!(topic.on_told(&told(&topic, None), KNOWN), Sameness::Untold);
        assert_eq!(topic.on_told(&told(&topic, Some(ONE)), KNOWN), Sameness::Untold);
        assert_eq!(topic.on_told(&told(&topic, Some(ONE)), KNOWN), Sameness::Same);
        assert_eq!(topic.on_told(&told(&topic, None), KNOWN), Sameness::Untold, "no answer");
        assert_eq!(topic.on_told(&told(&topic, Some(TWO)), KNOWN), Sameness::Other);
        assert_eq!(topic.id(), Some(ONE), "until reading continues in the other one");
    }

    #[test]
    fn older_answer_says_nothing_when_reading_continued_in_another_log() {
        let mut topic = stored(Some(ONE));
        let before = told(&topic, Some(ONE));
        let asked_at = before.asked_at + Duration::from_secs(1);
        topic.replace(&ToldId { asked_at, id: Some(TWO) });
        assert_eq!(topic.on_told(&before, KNOWN), Sameness::Untold);
        assert_eq!(topic.id(), Some(TWO));
        topic.replace(&ToldId { asked_at, id: None });
        assert_eq!(topic.id(), None, "the id of the former topic does not stay");
    }

    #[test]
    fn later_answer_decides_when_there_was_none_as_the_record_was_gone() {
        let mut topic = stored(Some(ONE));
        topic.keep(&told(&topic, None));
        assert_eq!(topic.on_told(&told(&topic, Some(TWO)), KNOWN), Sameness::Other);
    }
}
