//! Whether the sources of the records contradict the clock. Pure.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::log_limit::LogLimit;

/// A source that has not written for this long has no vote.
const VOTE_TTL: Duration = Duration::from_secs(10 * 60);
/// The most sources with a vote and a log line of their own; the others share the last one.
const SOURCES_MAX: usize = 64;
/// The time between two log lines about one source.
const LOG_INTERVAL: Duration = Duration::from_secs(60);
/// One source alone cannot contradict the clock: its own clock is as likely to be wrong.
const AHEAD_MIN: usize = 2;

/// Whether the newest record of a source was ahead of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vote {
    /// It was not.
    Agrees,
    /// It was more than `max_ahead` ahead.
    Ahead,
}

struct Source {
    topic: Arc<str>,
    name: Box<str>,
    vote: Vote,
    voted_at: Instant,
    log_limit: LogLimit,
}

/// The newest vote of each source, by topic and name.
#[derive(Default)]
pub(super) struct SourceVotes {
    sources: Vec<Source>,
    /// How many of them have the vote [`Vote::Ahead`], valid or not.
    ahead: usize,
    /// The index of the last source; the next record is mostly of the same.
    last_index: usize,
}

impl SourceVotes {
    /// Records the vote of a source's newest record.
    pub(super) fn record(&mut self, topic: &Arc<str>, name: &str, vote: Vote, now: Instant) {
        let index = self.index_of(topic, name, now);
        let source = &mut self.sources[index];
        self.ahead -= usize::from(source.vote == Vote::Ahead);
        self.ahead += usize::from(vote == Vote::Ahead);
        source.vote = vote;
        source.voted_at = now;
    }

    /// Counts a record to log. Returns how many there were since the last line about its source,
    /// if the next line is due.
    #[must_use = "the line is due if there is a count"]
    pub(super) fn log(&mut self, topic: &Arc<str>, name: &str, now: Instant) -> Option<u64> {
        let index = self.index_of(topic, name, now);
        self.sources[index].log_limit.record(now)
    }

    /// Returns whether the newest records of most sources, and of two at least, are ahead of the
    /// clock: then the clock is wrong rather than all of them. Mostly none is ahead; then this is
    /// cheap enough for every record, and does not read the time.
    pub(super) fn contradict(&self, now: impl FnOnce() -> Instant) -> bool {
        if self.ahead < AHEAD_MIN {
            return false;
        }
        let now = now();
        let valid = self.sources.iter().filter(|source| is_valid(source, now));
        let (mut ahead, mut all) = (0, 0);
        for source in valid {
            all += 1;
            ahead += usize::from(source.vote == Vote::Ahead);
        }
        ahead >= AHEAD_MIN && ahead * 2 > all
    }

    fn index_of(&mut self, topic: &Arc<str>, name: &str, now: Instant) -> usize {
        let is_same = |source: &Source| *source.name == *name && source.topic == *topic;
        if self.sources.get(self.last_index).is_some_and(is_same) {
            return self.last_index;
        }
        let known = self.sources.iter().position(is_same);
        self.last_index = known.unwrap_or_else(|| self.insert(topic, name, now));
        self.last_index
    }

    fn insert(&mut self, topic: &Arc<str>, name: &str, now: Instant) -> usize {
        if self.sources.len() >= SOURCES_MAX {
            self.sources.retain(|source| is_valid(source, now));
            let is_ahead = |source: &&Source| source.vote == Vote::Ahead;
            self.ahead = self.sources.iter().filter(is_ahead).count();
        }
        if self.sources.len() < SOURCES_MAX {
            self.sources.push(Source {
                topic: Arc::clone(topic),
                name: name.into(),
                vote: Vote::Agrees,
                voted_at: now,
                log_limit: LogLimit::new(LOG_INTERVAL),
            });
        }
        self.sources.len() - 1
    }
}

fn is_valid(source: &Source, now: Instant) -> bool {
    now.saturating_duration_since(source.voted_at) <= VOTE_TTL
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns whether the clock is contradicted after these votes at one instant.
    fn contradicted(votes: &[(&str, Vote)]) -> bool {
        let (topic, now) = ("calls".into(), Instant::now());
        let mut sources = SourceVotes::default();
        votes.iter().for_each(|(name, vote)| sources.record(&topic, name, *vote, now));
        sources.contradict(|| now)
    }

    #[test]
    fn clock_is_contradicted_by_most_sources_and_two_at_least() {
        use Vote::{Agrees, Ahead};
        assert!(!contradicted(&[]));
        assert!(!contradicted(&[("a", Ahead), ("a", Ahead)]), "one source");
        assert!(contradicted(&[("a", Ahead), ("b", Ahead)]));
        assert!(!contradicted(&[("a", Ahead), ("b", Ahead), ("c", Agrees), ("d", Agrees)]));
        assert!(contradicted(&[("a", Ahead), ("b", Ahead), ("c", Agrees)]));
        let corrected = [("a", Ahead), ("b", Ahead), ("b", Agrees)];
        assert!(!contradicted(&corrected), "the newest record of a source counts");
    }

    #[test]
    fn source_has_no_vote_when_it_has_not_written_for_ten_minutes() {
        let (topic, now) = ("calls".into(), Instant::now());
        let mut sources = SourceVotes::default();
        sources.record(&topic, "old", Vote::Agrees, now);
        let later = now + VOTE_TTL + Duration::from_secs(1);
        sources.record(&topic, "a", Vote::Ahead, later);
        assert!(!sources.contradict(|| later));
        sources.record(&topic, "b", Vote::Ahead, later);
        assert!(sources.contradict(|| later));
    }

    #[test]
    fn log_is_limited_for_each_source_and_sources_are_bounded() {
        let (topic, now) = ("calls".into(), Instant::now());
        let mut sources = SourceVotes::default();
        assert_eq!(sources.log(&topic, "a", now), Some(1));
        assert_eq!(sources.log(&topic, "a", now), None);
        assert_eq!(sources.log(&topic, "b", now), Some(1));
        assert_eq!(sources.log(&"mails".into(), "a", now), Some(1));
        let lines = (0..1000)
            .filter(|number| sources.log(&topic, &format!("source-{number}"), now).is_some());
        assert_eq!(lines.count(), SOURCES_MAX - 3);
        assert_eq!(sources.sources.len(), SOURCES_MAX);
        let later = now + LOG_INTERVAL;
        assert_eq!(sources.log(&topic, "a", later), Some(2));
    }
}
