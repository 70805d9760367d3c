//! The counts by interval: what the interval history of a correct reader must say.
//!
//! Each count lies in the interval of its own time, as docs/spec/measures.md places it: an ending at
//! its time, the counts by arrival at the entry of the visit, a miss at the entry plus the target.

use std::collections::BTreeMap;

use crate::ground_truth::history_truth::{HistoryTruth, Labels, Numbers, RowKey, Table, Times};
use crate::ground_truth::vocabulary::{
    AgentState, LeftReason, SHORT_ABANDON_MS, Stretch, TARGET_WAIT_MS,
};
use crate::local_time::HOUR_MS;
use crate::site::{QUEUES, QueueId, TEAMS};

/// Target of the first response in the default configuration.
const TARGET_FIRST_RESPONSE_MS: i64 = 4 * HOUR_MS;
/// Target of the resolution in the default configuration.
const TARGET_RESOLUTION_MS: i64 = 3 * 24 * HOUR_MS;

/// The counts by interval, of everything that the simulation wrote.
///
/// Memory grows with the simulated time: about 350 MB for a year of the first user.
#[derive(Debug)]
pub(crate) struct HistoryBook {
    interval_ms: i64,
    /// Milliseconds by which written times are later than simulated ones.
    shift_ms: i64,
    rows: BTreeMap<RowKey, Numbers>,
    /// Agent time in milliseconds by start, team and state. The rows of queues follow from it.
    agent_ms: BTreeMap<i64, TeamTimes>,
}

/// Agent time by team and state, in milliseconds.
type TeamTimes = [[u64; AgentState::ALL.len()]; TEAMS.len()];

/// A visit that ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct EndedVisit {
    pub(super) queue: QueueId,
    pub(super) ends_ms: i64,
    pub(super) wait_ms: i64,
}

fn ms(time_ms: i64) -> u64 {
    time_ms.max(0) as u64
}

/// Returns the labels of the rows of a queue.
fn of_queue(queue: QueueId) -> Labels {
    [QUEUES[queue].id, QUEUES[queue].channel.as_str(), ""]
}

impl HistoryBook {
    pub(super) fn new(interval_ms: u64, shift_ms: i64) -> Self {
        let interval_ms = i64::try_from(interval_ms).unwrap_or(i64::MAX).max(1);
        HistoryBook { interval_ms, shift_ms, rows: BTreeMap::new(), agent_ms: BTreeMap::new() }
    }

    /// Returns by how many milliseconds written times are later than simulated ones.
    pub(super) fn shift_ms(&self) -> i64 {
        self.shift_ms
    }

    /// Returns the start of the interval that `time_ms` is written in.
    fn start_ms(&self, time_ms: i64) -> i64 {
        let written_ms = time_ms.saturating_add(self.shift_ms);
        written_ms.div_euclid(self.interval_ms).saturating_mul(self.interval_ms)
    }

    fn row(&mut self, table: Table, time_ms: i64, labels: Labels) -> &mut Numbers {
        let start_ms = self.start_ms(time_ms);
        self.rows.entry(RowKey { table, start_ms, labels }).or_default()
    }

    pub(super) fn add(
        &mut self,
        table: Table,
        time_ms: i64,
        labels: Labels,
        numbers: &[(&'static str, u64)],
    ) {
        let row = self.row(table, time_ms, labels);
        for (name, more) in numbers {
            row.add(name, *more);
        }
    }

    /// Adds numbers to the visits row of a queue.
    pub(super) fn visits(&mut self, queue: QueueId, time_ms: i64, numbers: &[(&'static str, u64)]) {
        self.add(Table::Visits, time_ms, of_queue(queue), numbers);
    }

    fn time(&mut self, queue: QueueId, time_ms: i64, times: Times, value_ms: i64) {
        let value_ms = u32::try_from(value_ms.max(0)).unwrap_or(u32::MAX);
        self.row(Table::Visits, time_ms, of_queue(queue)).push(times, value_ms);
    }

    /// Counts an answer.
    pub(super) fn answered(&mut self, visit: EndedVisit) {
        let EndedVisit { queue, ends_ms, wait_ms } = visit;
        let in_target = u64::from(wait_ms <= TARGET_WAIT_MS);
        self.visits(
            queue,
            ends_ms,
            &[
                ("answered", 1),
                ("answered_in_target", in_target),
                ("service_level_met", in_target),
                ("wait_sum_seconds", ms(wait_ms)),
            ],
        );
        self.time(queue, ends_ms, Times::Wait, wait_ms);
        self.ended(visit, &[("arrived_answered", 1), ("arrived_answered_in_target", in_target)]);
    }

    /// Counts an abandonment.
    pub(super) fn abandoned(&mut self, visit: EndedVisit) {
        let EndedVisit { queue, ends_ms, wait_ms } = visit;
        let in_target = u64::from(wait_ms <= TARGET_WAIT_MS);
        let short = u64::from(wait_ms <= SHORT_ABANDON_MS);
        self.visits(
            queue,
            ends_ms,
            &[
                ("abandoned", 1),
                ("abandoned_in_target", in_target),
                ("abandoned_short", short),
                ("abandoned_beyond_short", 1 - short),
                ("abandon_wait_sum_seconds", ms(wait_ms)),
            ],
        );
        self.time(queue, ends_ms, Times::AbandonWait, wait_ms);
        self.ended(visit, &[("arrived_abandoned", 1), ("arrived_abandoned_short", short)]);
    }

    /// Counts a visit that left in another way.
    pub(super) fn left(&mut self, visit: EndedVisit, reason: LeftReason) {
        let EndedVisit { queue, ends_ms, wait_ms } = visit;
        let reason = match reason {
            LeftReason::Timeout => "left_timeout",
            LeftReason::Full => "left_full",
            LeftReason::ExitKey => "left_exit_key",
            LeftReason::Withdrawn => "left_withdrawn",
            LeftReason::Callback => "left_callback",
            LeftReason::Closed => "left_closed",
        };
        let numbers = [("left", 1), (reason, 1), ("left_wait_sum_seconds", ms(wait_ms))];
        self.visits(queue, ends_ms, &numbers);
        self.ended(visit, &[("arrived_left", 1)]);
    }

    /// Counts what every ending has, and the numbers of the entry.
    fn ended(&mut self, visit: EndedVisit, by_arrival: &[(&'static str, u64)]) {
        let EndedVisit { queue, ends_ms, wait_ms } = visit;
        let beyond_ms = ms(wait_ms - SHORT_ABANDON_MS);
        self.visits(queue, ends_ms, &[("wait_beyond_short_sum_seconds", beyond_ms)]);
        let entered_ms = ends_ms - wait_ms;
        self.visits(queue, entered_ms, by_arrival);
        if wait_ms > TARGET_WAIT_MS {
            self.missed(queue, entered_ms);
        }
    }

    /// Counts the miss of a visit that entered at `entered_ms`.
    pub(super) fn missed(&mut self, queue: QueueId, entered_ms: i64) {
        self.visits(queue, entered_ms + TARGET_WAIT_MS, &[("service_level_missed", 1)]);
    }

    pub(super) fn handled(&mut self, queue: QueueId, time_ms: i64, handle_ms: i64) {
        self.visits(queue, time_ms, &[("handled", 1), ("handle_sum_seconds", ms(handle_ms))]);
        self.time(queue, time_ms, Times::Handle, handle_ms);
    }

    pub(super) fn first_response(&mut self, queue: QueueId, time_ms: i64, after_ms: i64) {
        let numbers = [
            ("first_responses", 1),
            ("first_response_sum_seconds", ms(after_ms)),
            ("first_responses_in_target", u64::from(after_ms <= TARGET_FIRST_RESPONSE_MS)),
        ];
        self.visits(queue, time_ms, &numbers);
    }

    pub(super) fn resolved(&mut self, queue: QueueId, time_ms: i64, after_ms: i64) {
        let numbers = [
            ("resolutions", 1),
            ("resolution_sum_seconds", ms(after_ms)),
            ("resolutions_in_target", u64::from(after_ms <= TARGET_RESOLUTION_MS)),
        ];
        self.visits(queue, time_ms, &numbers);
    }

    pub(super) fn surveyed(&mut self, queue: QueueId, time_ms: i64, score: u8) {
        let numbers = [("surveys", 1), ("survey_score_sum", u64::from(score))];
        self.visits(queue, time_ms, &numbers);
        let word = ["1", "2", "3", "4", "5"].get(usize::from(score).wrapping_sub(1));
        let [queue, channel, _] = of_queue(queue);
        let labels = [queue, channel, word.copied().unwrap_or("other")];
        self.add(Table::Scores, time_ms, labels, &[("count", 1)]);
    }

    /// Counts the time of an agent until `cut_ms`: in each queue of the team, and once over all.
    pub(super) fn stretch(&mut self, stretch: Stretch, cut_ms: i64) {
        let Stretch { team, state, reason, from_ms, to_ms } = stretch;
        let until_ms = to_ms.min(cut_ms);
        let mut from_ms = from_ms;
        while from_ms < until_ms {
            let start_ms = self.start_ms(from_ms);
            let next_ms = start_ms + self.interval_ms - self.shift_ms;
            let spent_ms = ms(next_ms.min(until_ms) - from_ms);
            self.agent_ms.entry(start_ms).or_default()[team][state as usize] += spent_ms;
            if state == AgentState::Paused {
                let labels = [reason.unwrap_or("none"), "", ""];
                self.add(Table::Pauses, from_ms, labels, &[("paused_seconds", spent_ms)]);
            }
            from_ms = next_ms;
        }
    }

    /// Adds the agent time to the rows of the queues of each team, and once over all queues.
    fn add_agent_rows(&mut self) {
        for (start_ms, teams) in std::mem::take(&mut self.agent_ms) {
            for (team, by_state) in teams.iter().enumerate() {
                let mut add = |table, labels| {
                    let key = RowKey { table, start_ms, labels };
                    for (state, spent_ms) in AgentState::ALL.into_iter().zip(by_state) {
                        if *spent_ms > 0 {
                            let row = self.rows.entry(key.clone()).or_default();
                            row.add(agent_column(state), *spent_ms);
                        }
                    }
                };
                for queue in TEAMS[team] {
                    add(Table::QueueAgents, [QUEUES[*queue].id, "", ""]);
                }
                add(Table::Agents, ["", "", ""]);
            }
        }
    }

    pub(super) fn into_truth(mut self) -> HistoryTruth {
        self.add_agent_rows();
        HistoryTruth { interval_ms: self.interval_ms.unsigned_abs(), rows: self.rows }
    }
}

fn agent_column(state: AgentState) -> &'static str {
    match state {
        AgentState::Available => "agent_available_seconds",
        AgentState::Busy => "agent_busy_seconds",
        AgentState::WrapUp => "agent_wrap_up_seconds",
        AgentState::Paused => "agent_paused_seconds",
        AgentState::Offline => "agent_offline_seconds",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL_MS: i64 = 900_000;

    fn book() -> HistoryBook {
        HistoryBook::new(INTERVAL_MS as u64, 0)
    }

    /// Returns a number of the row of queue 0 that begins at `start_ms`.
    fn number(book: &HistoryBook, start_ms: i64, name: &str) -> u64 {
        let key = RowKey { table: Table::Visits, start_ms, labels: of_queue(0) };
        let numbers = book.rows.get(&key);
        let of = |(known, number): &(&str, u64)| (*known == name).then_some(*number);
        numbers.and_then(|numbers| numbers.sums.iter().find_map(of)).unwrap_or(0)
    }

    #[test]
    fn visit_counts_at_its_entry_its_miss_and_its_end_when_these_lie_in_different_intervals() {
        let mut book = book();
        // Entered 10 s before an interval begins, missed 10 s after, answered in the next one.
        let visit =
            EndedVisit { queue: 0, ends_ms: 2 * INTERVAL_MS + 5, wait_ms: INTERVAL_MS + 10_005 };
        book.answered(visit);
        assert_eq!(number(&book, 0, "arrived_answered"), 1);
        assert_eq!(number(&book, 0, "arrived_answered_in_target"), 0);
        assert_eq!(number(&book, INTERVAL_MS, "service_level_missed"), 1);
        assert_eq!(number(&book, 2 * INTERVAL_MS, "answered"), 1);
        assert_eq!(number(&book, 2 * INTERVAL_MS, "wait_sum_seconds"), 910_005);
        assert_eq!(number(&book, 2 * INTERVAL_MS, "wait_beyond_short_sum_seconds"), 905_005);
        assert_eq!(number(&book, 0, "answered") + number(&book, INTERVAL_MS, "answered"), 0);
    }

    #[test]
    fn agent_time_is_split_at_intervals_and_counted_once_over_all_queues() {
        let mut book = book();
        let stretch = Stretch {
            team: 1,
            state: AgentState::Paused,
            reason: Some("meal"),
            from_ms: INTERVAL_MS - 1_000,
            to_ms: i64::MAX,
        };
        book.stretch(stretch, 2 * INTERVAL_MS + 3_000);
        let truth = book.into_truth();
        let of = |of: &str| -> Vec<(i64, f64)> {
            let rows = truth.rows().filter(|row| row.of() == of);
            rows.map(|row| (row.start_ms(), row.sums().next().expect("a number").1.as_f64()))
                .collect()
        };
        let expected = [(0, 1.0), (INTERVAL_MS, 900.0), (2 * INTERVAL_MS, 3.0)];
        assert_eq!(of("agents"), expected);
        assert_eq!(of("pauses"), expected);
        assert_eq!(of("queue_agents").len(), 3 * TEAMS[1].len());
    }

    #[test]
    fn row_is_a_flat_object_when_serialised() {
        let mut book = book();
        for wait_ms in [1_000, 2_000, 3_000, 4_000] {
            book.answered(EndedVisit { queue: 0, ends_ms: 10_000, wait_ms });
        }
        let truth = book.into_truth();
        let rows: Vec<serde_json::Value> =
            truth.rows().map(|row| serde_json::to_value(row).expect("serialises")).collect();
        let [row] = &rows[..] else { panic!("{rows:?}") };
        assert_eq!((&row["of"], &row["start"]), (&"visits".into(), &"1970-01-01T00:00:00Z".into()));
        assert_eq!((&row["queue"], &row["answered"]), (&"fault".into(), &4.into()));
        assert_eq!(
            (&row["wait_sum_seconds"], &row["wait_p50_seconds"]),
            (&10.0.into(), &2.0.into())
        );
        assert_eq!(
            (&row["wait_p90_seconds"], &row["wait_max_seconds"]),
            (&4.0.into(), &4.0.into())
        );
    }
}
