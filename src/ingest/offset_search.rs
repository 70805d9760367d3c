//! When a session searches for the offsets at which reading continues, and for which partitions.
//! Pure.

use std::time::{Duration, Instant};

use super::last_record::LogIdentity;

/// Time between an offset out of range and the search for another one. Longer than the interval of
/// the client's statistics, which show whether a partition has stopped. Also the time between two
/// searches while a broker does not answer.
const SEARCH_INTERVAL: Duration = Duration::from_secs(2);

/// The partitions of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SearchScope {
    /// All: an error does not name the partition whose offset is out of range.
    Every,
    /// Those whose logs have turned out to be others, or have lost their last record. The rest is
    /// well: that the client has just stopped one of them is a moment of its start.
    OtherLogs,
}

impl SearchScope {
    /// Returns whether a search is for a log of this identity.
    pub(super) fn includes(self, identity: LogIdentity) -> bool {
        match self {
            SearchScope::Every => true,
            SearchScope::OtherLogs => identity.needs_search(),
        }
    }
}

/// The searches to come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct OffsetSearch {
    /// When to search for all partitions, if an offset was out of range.
    every_at: Option<Instant>,
    /// When to search for other logs again, if a broker has not answered.
    others_at: Option<Instant>,
}

impl OffsetSearch {
    /// Records that an offset was out of range.
    pub(super) fn on_out_of_range(&mut self, now: Instant) {
        self.every_at = Some(now + SEARCH_INTERVAL);
    }

    /// Records that the client reads all partitions from new positions. Which of them it has
    /// stopped shows only in its next reports.
    pub(super) fn on_restarted(&mut self, now: Instant) {
        self.every_at = self.every_at.map(|_| now + SEARCH_INTERVAL);
    }

    /// Returns for which partitions to search now.
    pub(super) fn due(&self, now: Instant, has_other_log: bool) -> Option<SearchScope> {
        if self.every_at.is_some_and(|every_at| now >= every_at) {
            Some(SearchScope::Every)
        } else if has_other_log && self.others_at.is_none_or(|others_at| now >= others_at) {
            Some(SearchScope::OtherLogs)
        } else {
            None
        }
    }

    /// Records a search, and whether the brokers have answered all of its questions.
    pub(super) fn on_searched(&mut self, scope: SearchScope, is_answered: bool, now: Instant) {
        let again_at = (!is_answered).then(|| now + SEARCH_INTERVAL);
        match scope {
            SearchScope::Every => *self = OffsetSearch { every_at: again_at, others_at: again_at },
            SearchScope::OtherLogs => self.others_at = again_at,
        }
    }

    /// Returns whether a search is to come.
    pub(super) fn is_pending(&self) -> bool {
        self.every_at.is_some() || self.others_at.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EARLY: Duration = Duration::from_millis(1_999);

    #[test]
    fn search_is_for_other_logs_alone_when_one_is_found() {
        let (mut search, now) = (OffsetSearch::default(), Instant::now());
        assert_eq!(search.due(now, false), None);
        assert_eq!(search.due(now, true), Some(SearchScope::OtherLogs));
        assert!(SearchScope::OtherLogs.includes(LogIdentity::Other));
        assert!(SearchScope::OtherLogs.includes(LogIdentity::Gone));
        assert!(!SearchScope::OtherLogs.includes(LogIdentity::Known));
        search.on_searched(SearchScope::OtherLogs, false, now);
        assert!(search.is_pending());
        assert_eq!(search.due(now + EARLY, true), None, "the broker has not answered");
        assert_eq!(search.due(now + SEARCH_INTERVAL, true), Some(SearchScope::OtherLogs));
        search.on_searched(SearchScope::OtherLogs, true, now);
        assert!(!search.is_pending());
    }

    #[test]
    fn search_for_all_waits_until_the_client_has_reported() {
        let (mut search, now) = (OffsetSearch::default(), Instant::now());
        search.on_out_of_range(now);
        assert_eq!(search.due(now + EARLY, false), None);
        assert_eq!(search.due(now + EARLY, true), Some(SearchScope::OtherLogs));
        assert_eq!(search.due(now + SEARCH_INTERVAL, true), Some(SearchScope::Every));
        search.on_restarted(now + EARLY);
        assert_eq!(search.due(now + SEARCH_INTERVAL, false), None, "all start again");
        let later = now + EARLY + SEARCH_INTERVAL;
        assert_eq!(search.due(later, false), Some(SearchScope::Every));
        search.on_searched(SearchScope::Every, true, later);
        assert!(!search.is_pending());
        search.on_restarted(later);
        assert!(!search.is_pending(), "a restart alone is no reason to search");
    }
}
