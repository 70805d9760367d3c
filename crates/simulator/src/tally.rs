//! The world's own books: what happened, counted where it happens, in whole milliseconds.
//!
//! Nothing here knows how the pipeline counts. The definitions are those of docs/spec/measures.md,
//! with the default configuration.

use std::collections::{BTreeMap, VecDeque};

use super::centre::{Channel, QUEUES, QueueId, TEAMS, TeamId};

/// T of the default configuration.
pub(super) const TARGET_WAIT_MS: i64 = 20_000;
/// S of the default configuration.
const SHORT_ABANDON_MS: i64 = 5_000;
/// Agent time is booked up to this much before stream time.
pub(super) const ALLOWED_LATENESS_MS: i64 = 60_000;

/// Why a visit ends without an answer and without the citizen hanging up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    Timeout,
    Full,
    ExitKey,
    Withdrawn,
    Callback,
    Closed,
}

impl Left {
    pub(super) const ALL: [Left; 6] =
        [Left::Timeout, Left::Full, Left::ExitKey, Left::Withdrawn, Left::Callback, Left::Closed];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Left::Timeout => "timeout",
            Left::Full => "full",
            Left::ExitKey => "exit_key",
            Left::Withdrawn => "withdrawn",
            Left::Callback => "callback",
            Left::Closed => "closed",
        }
    }
}

/// What an agent is doing, as reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AgentState {
    Available,
    Busy,
    WrapUp,
    Paused,
    Offline,
}

impl AgentState {
    pub(super) const ALL: [AgentState; 5] = [
        AgentState::Available,
        AgentState::Busy,
        AgentState::WrapUp,
        AgentState::Paused,
        AgentState::Offline,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            AgentState::Available => "available",
            AgentState::Busy => "busy",
            AgentState::WrapUp => "wrap_up",
            AgentState::Paused => "paused",
            AgentState::Offline => "offline",
        }
    }
}

/// How many, and how long together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Times {
    pub(super) count: u64,
    pub(super) sum_ms: u64,
}

impl Times {
    fn add(&mut self, time_ms: i64) {
        self.count += 1;
        self.sum_ms += time_ms.max(0) as u64;
    }
}

/// The book of one queue.
#[derive(Clone, Debug, Default)]
pub(super) struct QueueBook {
    pub(super) offered: u64,
    pub(super) answered: Times,
    pub(super) answered_in_target: u64,
    pub(super) abandoned: Times,
    pub(super) abandoned_in_target: u64,
    pub(super) abandoned_short: u64,
    pub(super) left: [u64; Left::ALL.len()],
    pub(super) met: u64,
    /// Misses of visits that have ended; those that still wait are added when the truth is drawn up.
    pub(super) missed: u64,
    pub(super) handle: Times,
    pub(super) first_response: Times,
    pub(super) resolution: Times,
    pub(super) not_answered: u64,
    pub(super) transfers: u64,
    pub(super) reopened: u64,
    /// By score, 1 first.
    pub(super) survey: [u64; 5],
}

/// The book of a follow-up unit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct UnitBook {
    pub(super) opened: u64,
    pub(super) informed: Times,
}

/// A stretch of time that an agent of a team spent in a state.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    pub(super) team: TeamId,
    pub(super) state: AgentState,
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
}

/// Agent time by team and state, in milliseconds.
pub(super) type TeamTimes = [[u64; AgentState::ALL.len()]; TEAMS.len()];

/// All books.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) started: [u64; Channel::ALL.len()],
    pub(super) queues: [QueueBook; QUEUES.len()],
    pub(super) self_service: BTreeMap<(&'static str, &'static str), u64>,
    pub(super) units: BTreeMap<&'static str, UnitBook>,
    agent_ms: TeamTimes,
    /// Stretches that may reach into the time that is not booked yet.
    recent: VecDeque<Stretch>,
}

impl Tally {
    pub(super) fn started(&mut self, channel: Channel) {
        self.started[channel as usize] += 1;
    }

    pub(super) fn self_service(&mut self, entry_point: &'static str, outcome: &'static str) {
        *self.self_service.entry((entry_point, outcome)).or_default() += 1;
    }

    pub(super) fn offered(&mut self, queue: QueueId) {
        self.queues[queue].offered += 1;
    }

    pub(super) fn answered(&mut self, queue: QueueId, wait_ms: i64) {
        let book = &mut self.queues[queue];
        book.answered.add(wait_ms);
        if wait_ms <= TARGET_WAIT_MS {
            book.answered_in_target += 1;
            book.met += 1;
        } else {
            book.missed += 1;
        }
    }

    pub(super) fn abandoned(&mut self, queue: QueueId, wait_ms: i64) {
        let book = &mut self.queues[queue];
        book.abandoned.add(wait_ms);
        book.abandoned_in_target += u64::from(wait_ms <= TARGET_WAIT_MS);
        book.abandoned_short += u64::from(wait_ms <= SHORT_ABANDON_MS);
        book.missed += u64::from(wait_ms > TARGET_WAIT_MS);
    }

    pub(super) fn left(&mut self, queue: QueueId, reason: Left, wait_ms: i64) {
        let book = &mut self.queues[queue];
        book.left[reason as usize] += 1;
        book.missed += u64::from(wait_ms > TARGET_WAIT_MS);
    }

    pub(super) fn handled(&mut self, queue: QueueId, handle_ms: i64) {
        self.queues[queue].handle.add(handle_ms);
    }

    pub(super) fn first_response(&mut self, queue: QueueId, time_ms: i64) {
        self.queues[queue].first_response.add(time_ms);
    }

    pub(super) fn resolved(&mut self, queue: QueueId, time_ms: i64) {
        self.queues[queue].resolution.add(time_ms);
    }

    pub(super) fn surveyed(&mut self, queue: QueueId, score: u8) {
        if let Some(count) = self.queues[queue].survey.get_mut(usize::from(score).wrapping_sub(1)) {
            *count += 1;
        }
    }

    pub(super) fn followup_opened(&mut self, unit: &'static str) {
        self.units.entry(unit).or_default().opened += 1;
    }

    pub(super) fn followup_informed(&mut self, unit: &'static str, time_ms: i64) {
        self.units.entry(unit).or_default().informed.add(time_ms);
    }

    /// Books a stretch that ends now. Stretches come in the order of their ends.
    pub(super) fn agent_stretch(&mut self, stretch: Stretch) {
        self.recent.push_back(stretch);
        // What ends now lies behind every later stream time by more than the lateness once that much has gone by.
        while let Some(oldest) = self.recent.front().copied() {
            if oldest.to_ms > stretch.to_ms.saturating_sub(ALLOWED_LATENESS_MS) {
                break;
            }
            self.recent.pop_front();
            add_until(&mut self.agent_ms, oldest, oldest.to_ms);
        }
    }

    /// Agent time up to `cut_ms`, which is not before the last booked stretch less the allowed lateness; `open` are the
    /// stretches that have not ended.
    pub(super) fn agent_ms_until(
        &self,
        cut_ms: i64,
        open: impl Iterator<Item = Stretch>,
    ) -> TeamTimes {
        let mut total = self.agent_ms;
        for stretch in self.recent.iter().copied().chain(open) {
            add_until(&mut total, stretch, cut_ms);
        }
        total
    }
}

fn add_until(total: &mut TeamTimes, stretch: Stretch, cut_ms: i64) {
    let spent_ms = stretch.to_ms.min(cut_ms).saturating_sub(stretch.from_ms).max(0) as u64;
    total[stretch.team][stretch.state as usize] += spent_ms;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn target_and_short_bounds_are_inclusive() {
        let mut tally = Tally::default();
        for wait_ms in [5_000, 5_001, 20_000, 20_001] {
            tally.answered(0, wait_ms);
            tally.abandoned(0, wait_ms);
            tally.left(0, Left::Closed, wait_ms);
        }
        let book = &tally.queues[0];
        assert_eq!((book.answered_in_target, book.met), (3, 3));
        assert_eq!((book.abandoned_in_target, book.abandoned_short), (3, 1));
        assert_eq!(
            book.missed, 3,
            "one answer, one abandonment and one other ending after the target"
        );
    }

    #[test]
    fn agent_time_is_cut_at_the_lateness() {
        let mut tally = Tally::default();
        let stretch = |state, from_ms, to_ms| Stretch { team: 3, state, from_ms, to_ms };
        tally.agent_stretch(stretch(AgentState::Available, 0, 100_000));
        tally.agent_stretch(stretch(AgentState::Busy, 100_000, 190_000));
        let open = [stretch(AgentState::WrapUp, 190_000, i64::MAX)];
        let times = tally.agent_ms_until(150_000, open.into_iter());
        assert_eq!(times[3], [100_000, 50_000, 0, 0, 0]);
        let times = tally.agent_ms_until(200_000, open.into_iter());
        assert_eq!(times[3], [100_000, 90_000, 10_000, 0, 0]);
    }
}
