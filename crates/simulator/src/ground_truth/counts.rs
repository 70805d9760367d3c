//! The counts. The simulation updates them where it writes the events.

use std::collections::{BTreeMap, VecDeque};

use crate::site::{Channel, QUEUES, QueueId, TEAMS, TeamId};

/// Target wait of the default configuration.
pub(crate) const TARGET_WAIT_MS: i64 = 20_000;
/// Longest wait of a short abandon in the default configuration.
const SHORT_ABANDON_MS: i64 = 5_000;
/// How far the counted agent time lies behind stream time.
pub(crate) const ALLOWED_LATENESS_MS: i64 = 60_000;

/// The reason of a visit that ends in another way than by an answer or abandonment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeftReason {
    Timeout,
    Full,
    ExitKey,
    Withdrawn,
    Callback,
    Closed,
}

impl LeftReason {
    pub(crate) const ALL: [LeftReason; 6] = [
        LeftReason::Timeout,
        LeftReason::Full,
        LeftReason::ExitKey,
        LeftReason::Withdrawn,
        LeftReason::Callback,
        LeftReason::Closed,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            LeftReason::Timeout => "timeout",
            LeftReason::Full => "full",
            LeftReason::ExitKey => "exit_key",
            LeftReason::Withdrawn => "withdrawn",
            LeftReason::Callback => "callback",
            LeftReason::Closed => "closed",
        }
    }
}

/// The reported state of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AgentState {
    Available,
    Busy,
    WrapUp,
    Paused,
    Offline,
}

impl AgentState {
    pub(crate) const ALL: [AgentState; 5] = [
        AgentState::Available,
        AgentState::Busy,
        AgentState::WrapUp,
        AgentState::Paused,
        AgentState::Offline,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            AgentState::Available => "available",
            AgentState::Busy => "busy",
            AgentState::WrapUp => "wrap_up",
            AgentState::Paused => "paused",
            AgentState::Offline => "offline",
        }
    }
}

/// A number of durations and their sum.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DurationTotal {
    pub(crate) count: u64,
    pub(crate) sum_ms: u64,
}

impl DurationTotal {
    fn add(&mut self, time_ms: i64) {
        self.count += 1;
        self.sum_ms += time_ms.max(0) as u64;
    }
}

/// The counts of one queue.
#[derive(Clone, Debug, Default)]
pub(crate) struct QueueCounts {
    pub(crate) offered: u64,
    pub(crate) answered: DurationTotal,
    pub(crate) answered_in_target: u64,
    pub(crate) abandoned: DurationTotal,
    pub(crate) abandoned_in_target: u64,
    pub(crate) abandoned_short: u64,
    pub(crate) left: [u64; LeftReason::ALL.len()],
    pub(crate) met: u64,
    /// Misses of visits that have ended. The report adds the misses of open visits.
    pub(crate) missed: u64,
    pub(crate) handle: DurationTotal,
    pub(crate) first_response: DurationTotal,
    pub(crate) resolution: DurationTotal,
    pub(crate) not_answered: u64,
    pub(crate) transfers: u64,
    pub(crate) reopened: u64,
    /// Answers by score, 1 first.
    pub(crate) survey: [u64; 5],
}

/// The counts of a follow-up unit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct UnitCounts {
    pub(crate) opened: u64,
    pub(crate) informed: DurationTotal,
}

/// A time range that an agent of a team spent in one state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    pub(crate) team: TeamId,
    pub(crate) state: AgentState,
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
}

/// Agent time by team and state, in milliseconds.
pub(crate) type TeamTimes = [[u64; AgentState::ALL.len()]; TEAMS.len()];

/// The counts of everything that the simulation wrote.
#[derive(Debug, Default)]
pub(crate) struct GroundTruth {
    pub(crate) started: [u64; Channel::ALL.len()],
    pub(crate) queues: [QueueCounts; QUEUES.len()],
    pub(crate) self_service: BTreeMap<(&'static str, &'static str), u64>,
    pub(crate) units: BTreeMap<&'static str, UnitCounts>,
    /// Agent time of the stretches that are no longer recent.
    agent_ms: TeamTimes,
    /// Stretches that may reach into the time after the allowed lateness.
    recent: VecDeque<Stretch>,
}

impl GroundTruth {
    pub(crate) fn started(&mut self, channel: Channel) {
        self.started[channel as usize] += 1;
    }

    pub(crate) fn self_service(&mut self, entry_point: &'static str, outcome: &'static str) {
        *self.self_service.entry((entry_point, outcome)).or_default() += 1;
    }

    pub(crate) fn offered(&mut self, queue: QueueId) {
        self.queues[queue].offered += 1;
    }

    pub(crate) fn answered(&mut self, queue: QueueId, wait_ms: i64) {
        let counts = &mut self.queues[queue];
        counts.answered.add(wait_ms);
        if wait_ms <= TARGET_WAIT_MS {
            counts.answered_in_target += 1;
            counts.met += 1;
        } else {
            counts.missed += 1;
        }
    }

    pub(crate) fn abandoned(&mut self, queue: QueueId, wait_ms: i64) {
        let counts = &mut self.queues[queue];
        counts.abandoned.add(wait_ms);
        counts.abandoned_in_target += u64::from(wait_ms <= TARGET_WAIT_MS);
        counts.abandoned_short += u64::from(wait_ms <= SHORT_ABANDON_MS);
        counts.missed += u64::from(wait_ms > TARGET_WAIT_MS);
    }

    pub(crate) fn left(&mut self, queue: QueueId, reason: LeftReason, wait_ms: i64) {
        let counts = &mut self.queues[queue];
        counts.left[reason as usize] += 1;
        counts.missed += u64::from(wait_ms > TARGET_WAIT_MS);
    }

    pub(crate) fn handled(&mut self, queue: QueueId, handle_ms: i64) {
        self.queues[queue].handle.add(handle_ms);
    }

    pub(crate) fn first_response(&mut self, queue: QueueId, time_ms: i64) {
        self.queues[queue].first_response.add(time_ms);
    }

    pub(crate) fn resolved(&mut self, queue: QueueId, time_ms: i64) {
        self.queues[queue].resolution.add(time_ms);
    }

    pub(crate) fn surveyed(&mut self, queue: QueueId, score: u8) {
        if let Some(count) = self.queues[queue].survey.get_mut(usize::from(score).wrapping_sub(1)) {
            *count += 1;
        }
    }

    pub(crate) fn followup_opened(&mut self, unit: &'static str) {
        self.units.entry(unit).or_default().opened += 1;
    }

    pub(crate) fn followup_informed(&mut self, unit: &'static str, time_ms: i64) {
        self.units.entry(unit).or_default().informed.add(time_ms);
    }

    /// Counts a stretch that ends now. Stretches must come in the order of their ends.
    pub(crate) fn agent_stretch(&mut self, stretch: Stretch) {
        self.recent.push_back(stretch);
        // A stretch that ended at least the lateness ago ends before every later cut, so its whole
        // length counts.
        while let Some(oldest) = self.recent.front().copied() {
            if oldest.to_ms > stretch.to_ms.saturating_sub(ALLOWED_LATENESS_MS) {
                break;
            }
            self.recent.pop_front();
            add_until(&mut self.agent_ms, oldest, oldest.to_ms);
        }
    }

    /// Returns the agent time until `cut_ms`, which must not be before the end of the last stretch
    /// minus the allowed lateness. `open` has the stretches that have not ended.
    pub(crate) fn agent_ms_until(
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
    fn wait_is_in_target_when_it_equals_the_bound() {
        let mut ground_truth = GroundTruth::default();
        for wait_ms in [5_000, 5_001, 20_000, 20_001] {
            ground_truth.answered(0, wait_ms);
            ground_truth.abandoned(0, wait_ms);
            ground_truth.left(0, LeftReason::Closed, wait_ms);
        }
        let counts = &ground_truth.queues[0];
        assert_eq!((counts.answered_in_target, counts.met), (3, 3));
        assert_eq!((counts.abandoned_in_target, counts.abandoned_short), (3, 1));
        assert_eq!(
            counts.missed, 3,
            "one answer, one abandonment and one other ending after the target"
        );
    }

    #[test]
    fn agent_time_ends_at_the_cut_when_stretches_reach_beyond() {
        let mut ground_truth = GroundTruth::default();
        let stretch = |state, from_ms, to_ms| Stretch { team: 3, state, from_ms, to_ms };
        ground_truth.agent_stretch(stretch(AgentState::Available, 0, 100_000));
        ground_truth.agent_stretch(stretch(AgentState::Busy, 100_000, 190_000));
        let open = [stretch(AgentState::WrapUp, 190_000, i64::MAX)];
        let times = ground_truth.agent_ms_until(150_000, open.into_iter());
        assert_eq!(times[3], [100_000, 50_000, 0, 0, 0]);
        let times = ground_truth.agent_ms_until(200_000, open.into_iter());
        assert_eq!(times[3], [100_000, 90_000, 10_000, 0, 0]);
    }
}
