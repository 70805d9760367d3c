//! The counts. The simulation updates them where it writes the events.

use std::collections::{BTreeMap, VecDeque};

use crate::ground_truth::history::{EndedVisit, HistoryBook};
use crate::ground_truth::history_truth::{HistoryTruth, Table};
use crate::ground_truth::vocabulary::{
    ALLOWED_LATENESS_MS, AgentState, LeftReason, MISS_GRACE_MS, SHORT_ABANDON_MS,
    SelfServiceOutcome, Stretch, TARGET_WAIT_MS,
};
use crate::site::{Channel, QUEUES, QueueId, TEAMS};

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
    /// The counts by interval, if they are asked for.
    history: Option<HistoryBook>,
}

impl GroundTruth {
    /// Creates counts, with those by interval if there is a length of intervals. Written times are
    /// `shift_ms` later than those given.
    pub(crate) fn new(history_interval_ms: Option<u64>, shift_ms: i64) -> Self {
        let history =
            history_interval_ms.map(|interval_ms| HistoryBook::new(interval_ms, shift_ms));
        GroundTruth { history, ..GroundTruth::default() }
    }

    /// Calls `book` with the counts by interval, if they are asked for.
    fn by_interval(&mut self, book: impl FnOnce(&mut HistoryBook)) {
        if let Some(history) = &mut self.history {
            book(history);
        }
    }

    pub(crate) fn started(
        &mut self,
        now_ms: i64,
        channel: Channel,
        entry_point: Option<&'static str>,
    ) {
        self.started[channel as usize] += 1;
        let labels = [channel.as_str(), entry_point.unwrap_or("unknown"), ""];
        self.by_interval(|book| book.add(Table::Arrivals, now_ms, labels, &[("contacts", 1)]));
    }

    /// Counts the end of the self-service part of a call.
    pub(crate) fn self_service(
        &mut self,
        now_ms: i64,
        entry_point: &'static str,
        outcome: SelfServiceOutcome,
    ) {
        *self.self_service.entry((entry_point, outcome.as_str())).or_default() += 1;
        let name = match outcome {
            SelfServiceOutcome::Contained => "self_service_contained",
            SelfServiceOutcome::ToQueue => "self_service_to_queue",
            SelfServiceOutcome::Abandoned => "self_service_abandoned",
            SelfServiceOutcome::Failed => "self_service_failed",
        };
        let labels = [Channel::Phone.as_str(), entry_point, ""];
        self.by_interval(|book| book.add(Table::Arrivals, now_ms, labels, &[(name, 1)]));
    }

    pub(crate) fn offered(&mut self, now_ms: i64, queue: QueueId) {
        self.queues[queue].offered += 1;
        self.by_interval(|book| book.visits(queue, now_ms, &[("offered", 1)]));
    }

    pub(crate) fn answered(&mut self, now_ms: i64, queue: QueueId, wait_ms: i64) {
        let counts = &mut self.queues[queue];
        counts.answered.add(wait_ms);
        if wait_ms <= TARGET_WAIT_MS {
            counts.answered_in_target += 1;
            counts.met += 1;
        } else {
            counts.missed += 1;
        }
        self.by_interval(|book| book.answered(EndedVisit { queue, ends_ms: now_ms, wait_ms }));
    }

    pub(crate) fn abandoned(&mut self, now_ms: i64, queue: QueueId, wait_ms: i64) {
        let counts = &mut self.queues[queue];
        counts.abandoned.add(wait_ms);
        counts.abandoned_in_target += u64::from(wait_ms <= TARGET_WAIT_MS);
        counts.abandoned_short += u64::from(wait_ms <= SHORT_ABANDON_MS);
        counts.missed += u64::from(wait_ms > TARGET_WAIT_MS);
        self.by_interval(|book| book.abandoned(EndedVisit { queue, ends_ms: now_ms, wait_ms }));
    }

    pub(crate) fn left(&mut self, now_ms: i64, queue: QueueId, reason: LeftReason, wait_ms: i64) {
        let counts = &mut self.queues[queue];
        counts.left[reason as usize] += 1;
        counts.missed += u64::from(wait_ms > TARGET_WAIT_MS);
        self.by_interval(|book| book.left(EndedVisit { queue, ends_ms: now_ms, wait_ms }, reason));
    }

    pub(crate) fn handled(&mut self, now_ms: i64, queue: QueueId, handle_ms: i64) {
        self.queues[queue].handle.add(handle_ms);
        self.by_interval(|book| book.handled(queue, now_ms, handle_ms));
    }

    pub(crate) fn not_answered(&mut self, now_ms: i64, queue: QueueId) {
        self.queues[queue].not_answered += 1;
        self.by_interval(|book| book.visits(queue, now_ms, &[("not_answered", 1)]));
    }

    pub(crate) fn transferred(&mut self, now_ms: i64, from: QueueId) {
        self.queues[from].transfers += 1;
        self.by_interval(|book| book.visits(from, now_ms, &[("transfers", 1)]));
    }

    pub(crate) fn reopened(&mut self, now_ms: i64, queue: QueueId) {
        self.queues[queue].reopened += 1;
        self.by_interval(|book| book.visits(queue, now_ms, &[("reopened", 1)]));
    }

    pub(crate) fn first_response(&mut self, now_ms: i64, queue: QueueId, after_ms: i64) {
        self.queues[queue].first_response.add(after_ms);
        self.by_interval(|book| book.first_response(queue, now_ms, after_ms));
    }

    pub(crate) fn resolved(&mut self, now_ms: i64, queue: QueueId, after_ms: i64) {
        self.queues[queue].resolution.add(after_ms);
        self.by_interval(|book| book.resolved(queue, now_ms, after_ms));
    }

    pub(crate) fn surveyed(&mut self, now_ms: i64, queue: QueueId, score: u8) {
        if let Some(count) = self.queues[queue].survey.get_mut(usize::from(score).wrapping_sub(1)) {
            *count += 1;
        }
        self.by_interval(|book| book.surveyed(queue, now_ms, score));
    }

    pub(crate) fn followup_opened(&mut self, now_ms: i64, unit: &'static str) {
        self.units.entry(unit).or_default().opened += 1;
        self.by_interval(|book| book.add(Table::Units, now_ms, [unit, "", ""], &[("opened", 1)]));
    }

    pub(crate) fn followup_informed(&mut self, now_ms: i64, unit: &'static str, after_ms: i64) {
        self.units.entry(unit).or_default().informed.add(after_ms);
        let sum_ms = after_ms.max(0).unsigned_abs();
        let numbers = [("informed", 1), ("timed", 1), ("informed_sum_seconds", sum_ms)];
        self.by_interval(|book| book.add(Table::Units, now_ms, [unit, "", ""], &numbers));
    }

    /// Takes the counts by interval, as of `time_ms`; `None` if they are not asked for or taken.
    /// `open_visits` has the queues and starts of the visits that wait, `agents` the stretches that
    /// have not ended.
    pub(crate) fn take_history(
        &mut self,
        time_ms: i64,
        open_visits: impl Iterator<Item = (QueueId, i64)>,
        agents: impl Iterator<Item = Stretch>,
    ) -> Option<HistoryTruth> {
        let mut book = self.history.take()?;
        let time_ms = time_ms.saturating_sub(book.shift_ms());
        for (queue, entered_ms) in open_visits {
            if is_missed_while_waiting(time_ms.saturating_sub(entered_ms)) {
                book.missed(queue, entered_ms);
            }
        }
        let cut_ms = time_ms.saturating_sub(ALLOWED_LATENESS_MS);
        for stretch in self.recent.iter().copied().chain(agents) {
            book.stretch(stretch, cut_ms);
        }
        Some(book.into_truth())
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
            self.by_interval(|book| book.stretch(oldest, oldest.to_ms));
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

/// Returns whether a visit that has waited for `waited_ms` counts as missed although it waits.
pub(crate) fn is_missed_while_waiting(waited_ms: i64) -> bool {
    waited_ms >= TARGET_WAIT_MS + MISS_GRACE_MS
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
            ground_truth.answered(0, 0, wait_ms);
            ground_truth.abandoned(0, 0, wait_ms);
            ground_truth.left(0, 0, LeftReason::Closed, wait_ms);
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
        let stretch =
            |state, from_ms, to_ms| Stretch { team: 3, state, reason: None, from_ms, to_ms };
        ground_truth.agent_stretch(stretch(AgentState::Available, 0, 100_000));
        ground_truth.agent_stretch(stretch(AgentState::Busy, 100_000, 190_000));
        let open = [stretch(AgentState::WrapUp, 190_000, i64::MAX)];
        let times = ground_truth.agent_ms_until(150_000, open.into_iter());
        assert_eq!(times[3], [100_000, 50_000, 0, 0, 0]);
        let times = ground_truth.agent_ms_until(200_000, open.into_iter());
        assert_eq!(times[3], [100_000, 90_000, 10_000, 0, 0]);
    }
}
