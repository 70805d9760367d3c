//! The report of the counts: what a correct reader of the events must reach.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::ground_truth::counts::{
    DurationTotal, GroundTruth, QueueCounts, TeamTimes, is_missed_while_waiting,
};
use crate::ground_truth::value::Value;
use crate::ground_truth::vocabulary::{ALLOWED_LATENESS_MS, AgentState, LeftReason, Stretch};
use crate::local_time::HOUR_MS;
use crate::site::{Channel, QUEUES, QueueId, TEAMS};

/// The content of a truth file: the number of events, and each counter as of the largest event
/// time.
///
/// A histogram appears as its `_count` and `_sum`. Label sets with the value 0 are left out. The
/// counts hold for the default configuration.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Truth {
    /// Events written.
    pub events: u64,
    /// Samples by counter name, each list in a fixed order.
    pub metrics: BTreeMap<String, Vec<Sample>>,
}

/// One label set of a counter.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sample {
    /// Label values by label name.
    pub labels: BTreeMap<String, String>,
    /// The count, or the sum of seconds.
    pub value: Value,
}

impl Truth {
    /// Returns the sum of a counter over the label sets that contain all of `labels`; 0 if there is
    /// none.
    pub fn sum(&self, metric: &str, labels: &[(&str, &str)]) -> f64 {
        let holds = |sample: &Sample| {
            labels.iter().all(|(name, value)| sample.labels.get(*name).is_some_and(|v| v == value))
        };
        let samples = self.metrics.get(metric).map_or(&[][..], Vec::as_slice);
        samples.iter().filter(|sample| holds(sample)).map(|sample| sample.value.as_f64()).sum()
    }
}

/// An open visit: its queue and its start.
type OpenVisit = (QueueId, i64);

/// The counts of the open visits of one queue.
#[derive(Default)]
struct OpenCounts {
    missed: u64,
    lost: u64,
}

impl GroundTruth {
    /// Returns the truth at `time_ms`, the largest event time. `agents` has the open stretches of
    /// the agents.
    pub(crate) fn report(
        &self,
        events: u64,
        time_ms: i64,
        open_visits: impl Iterator<Item = OpenVisit>,
        agents: impl Iterator<Item = Stretch>,
    ) -> Truth {
        let mut open: [OpenCounts; QUEUES.len()] = Default::default();
        for (queue, entered_ms) in open_visits {
            let waited_ms = time_ms.saturating_sub(entered_ms);
            let counts = &mut open[queue];
            counts.missed += u64::from(is_missed_while_waiting(waited_ms));
            counts.lost += u64::from(waited_ms > max_wait_ms(QUEUES[queue].channel));
        }
        let mut metrics = Metrics::default();
        for (channel, count) in Channel::ALL.into_iter().zip(self.started) {
            metrics.count("nabiz_contacts_started_total", &[("channel", channel.as_str())], count);
        }
        for ((entry_point, outcome), count) in &self.self_service {
            metrics.count(
                "nabiz_self_service_total",
                &[("entry_point", entry_point), ("outcome", outcome)],
                *count,
            );
        }
        for (queue, counts) in self.queues.iter().enumerate() {
            metrics.queue(queue, counts, &open[queue]);
        }
        for (unit, counts) in &self.units {
            metrics.count("nabiz_followups_opened_total", &[("unit", unit)], counts.opened);
            metrics.count(
                "nabiz_followups_informed_total",
                &[("unit", unit)],
                counts.informed.count,
            );
            metrics.times("nabiz_followup_seconds", &[("unit", unit)], counts.informed);
        }
        let team_ms = self.agent_ms_until(time_ms.saturating_sub(ALLOWED_LATENESS_MS), agents);
        metrics.agent_time(&team_ms);
        Truth { events, metrics: metrics.by_name }
    }
}

/// Returns the wait after which an open visit is lost, in the default configuration.
fn max_wait_ms(channel: Channel) -> i64 {
    if channel.is_immediate() { 2 * HOUR_MS } else { 60 * 24 * HOUR_MS }
}

/// The samples of a report.
#[derive(Default)]
struct Metrics {
    by_name: BTreeMap<String, Vec<Sample>>,
}

impl Metrics {
    /// Adds the samples of one queue.
    fn queue(&mut self, queue: QueueId, counts: &QueueCounts, open: &OpenCounts) {
        let labels = [("queue", QUEUES[queue].id), ("channel", QUEUES[queue].channel.as_str())];
        let and = |name, value| [labels[0], labels[1], (name, value)];
        for (name, count) in [
            ("nabiz_visits_offered_total", counts.offered),
            ("nabiz_visits_answered_total", counts.answered.count),
            ("nabiz_visits_answered_in_target_total", counts.answered_in_target),
            ("nabiz_visits_abandoned_total", counts.abandoned.count),
            ("nabiz_visits_abandoned_in_target_total", counts.abandoned_in_target),
            ("nabiz_visits_abandoned_short_total", counts.abandoned_short),
            ("nabiz_visits_lost_total", open.lost),
            ("nabiz_service_level_met_total", counts.met),
            ("nabiz_service_level_missed_total", counts.missed + open.missed),
            ("nabiz_not_answered_total", counts.not_answered),
            ("nabiz_transfers_total", counts.transfers),
            ("nabiz_reopened_total", counts.reopened),
        ] {
            self.count(name, &labels, count);
        }
        for (reason, count) in LeftReason::ALL.into_iter().zip(counts.left) {
            self.count("nabiz_visits_left_total", &and("reason", reason.as_str()), count);
        }
        self.times("nabiz_wait_seconds", &and("outcome", "answered"), counts.answered);
        self.times("nabiz_wait_seconds", &and("outcome", "abandoned"), counts.abandoned);
        self.times("nabiz_handle_seconds", &labels, counts.handle);
        self.times("nabiz_first_response_seconds", &labels, counts.first_response);
        self.times("nabiz_resolution_seconds", &labels, counts.resolution);
        for (score, count) in ["1", "2", "3", "4", "5"].into_iter().zip(counts.survey) {
            self.count("nabiz_survey_responses_total", &and("score", score), count);
        }
    }

    /// Adds the agent time of every queue: the time of all teams that serve it.
    fn agent_time(&mut self, team_ms: &TeamTimes) {
        for (index, queue) in QUEUES.iter().enumerate() {
            for state in AgentState::ALL {
                let of_team = |(team, times): (usize, &[u64; 5])| {
                    if TEAMS[team].contains(&index) { times[state as usize] } else { 0 }
                };
                let spent_ms: u64 = team_ms.iter().enumerate().map(of_team).sum();
                self.seconds(
                    "nabiz_agent_seconds_total",
                    &[("queue", queue.id), ("state", state.as_str())],
                    spent_ms,
                );
            }
        }
    }

    fn push(&mut self, name: &str, labels: &[(&str, &str)], value: Value) {
        let labels =
            labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.by_name.entry(name.to_owned()).or_default().push(Sample { labels, value });
    }

    fn count(&mut self, name: &str, labels: &[(&str, &str)], count: u64) {
        if count > 0 {
            self.push(name, labels, Value::Count(count));
        }
    }

    fn seconds(&mut self, name: &str, labels: &[(&str, &str)], sum_ms: u64) {
        if sum_ms > 0 {
            self.push(name, labels, Value::Seconds(sum_ms as f64 / 1000.0));
        }
    }

    fn times(&mut self, name: &str, labels: &[(&str, &str)], times: DurationTotal) {
        self.count(&format!("{name}_count"), labels, times.count);
        self.seconds(&format!("{name}_sum"), labels, times.sum_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_visit_is_missed_when_target_and_grace_have_passed() {
        let ground_truth = GroundTruth::default();
        let missed = |waited_ms: i64| {
            ground_truth
                .report(0, waited_ms, [(0, 0)].into_iter(), std::iter::empty())
                .sum("nabiz_service_level_missed_total", &[("queue", "fault")])
        };
        assert_eq!(missed(21_999), 0.0);
        assert_eq!(missed(22_000), 1.0);
    }

    #[test]
    fn truth_has_the_shape_of_the_contract_when_serialised() {
        let mut ground_truth = GroundTruth::default();
        ground_truth.offered(0, 0);
        ground_truth.answered(1_234, 0, 1_234);
        let truth = ground_truth.report(2, 5_000, std::iter::empty(), std::iter::empty());
        let json = serde_json::to_value(&truth).expect("serialises");
        assert_eq!(json["events"], 2);
        let labels = serde_json::json!({"queue": "fault", "channel": "phone"});
        assert_eq!(
            json["metrics"]["nabiz_visits_answered_total"],
            serde_json::json!([{"labels": labels, "value": 1}])
        );
        assert_eq!(json["metrics"]["nabiz_wait_seconds_sum"][0]["value"], 1.234);
        assert!(json["metrics"].get("nabiz_visits_lost_total").is_none());
    }
}
