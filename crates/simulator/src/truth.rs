//! The exact counts that a correct reader of the events must reach.

use std::collections::BTreeMap;

use serde::Serialize;

use super::centre::{Channel, HOUR_MS, QUEUES, QueueId, TEAMS};
use super::tally::{AgentState, Left, Stretch, TARGET_WAIT_MS, Tally, Times};

/// How long after its target a waiting visit is judged, in the default configuration.
const MISS_GRACE_MS: i64 = 2_000;

/// What a truth file says: how many events were written, and each counter as of the largest event time.
///
/// A histogram appears as its `_count` and `_sum`. Only label sets with a value above 0 are there. The default
/// configuration is assumed.
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

/// A value of the truth.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A number of things.
    Count(u64),
    /// Seconds: whole milliseconds divided by 1000.
    Seconds(f64),
}

impl Value {
    /// The value as a number.
    pub fn as_f64(self) -> f64 {
        match self {
            Value::Count(count) => count as f64,
            Value::Seconds(seconds) => seconds,
        }
    }
}

impl Truth {
    /// The sum of a counter over the label sets that hold every one of `labels`; 0 where there is none.
    pub fn sum(&self, metric: &str, labels: &[(&str, &str)]) -> f64 {
        let holds = |sample: &Sample| {
            labels.iter().all(|(name, value)| sample.labels.get(*name).is_some_and(|v| v == value))
        };
        let samples = self.metrics.get(metric).map_or(&[][..], Vec::as_slice);
        samples.iter().filter(|sample| holds(sample)).map(|sample| sample.value.as_f64()).sum()
    }
}

/// A visit that is still open: its queue and its start.
pub(super) type OpenVisit = (QueueId, i64);

/// Draws up the truth at `time_ms`, the largest event time. `agents` are the stretches in which the agents are now.
pub(super) fn draw_up(
    tally: &Tally,
    events: u64,
    time_ms: i64,
    open_visits: impl Iterator<Item = OpenVisit>,
    agents: impl Iterator<Item = Stretch>,
) -> Truth {
    let mut waiting_missed = [0_u64; QUEUES.len()];
    let mut lost = [0_u64; QUEUES.len()];
    for (queue, entered_ms) in open_visits {
        let waited_ms = time_ms.saturating_sub(entered_ms);
        waiting_missed[queue] += u64::from(waited_ms >= TARGET_WAIT_MS + MISS_GRACE_MS);
        lost[queue] += u64::from(waited_ms > max_wait_ms(QUEUES[queue].channel));
    }
    let mut metrics = Metrics::default();
    for (channel, count) in Channel::ALL.into_iter().zip(tally.started) {
        metrics.count("nabiz_contacts_started_total", &[("channel", channel.as_str())], count);
    }
    for ((entry_point, outcome), count) in &tally.self_service {
        metrics.count(
            "nabiz_self_service_total",
            &[("entry_point", entry_point), ("outcome", outcome)],
            *count,
        );
    }
    for (index, book) in tally.queues.iter().enumerate() {
        let labels = [("queue", QUEUES[index].id), ("channel", QUEUES[index].channel.as_str())];
        let and = |name, value| [labels[0], labels[1], (name, value)];
        for (name, count) in [
            ("nabiz_visits_offered_total", book.offered),
            ("nabiz_visits_answered_total", book.answered.count),
            ("nabiz_visits_answered_in_target_total", book.answered_in_target),
            ("nabiz_visits_abandoned_total", book.abandoned.count),
            ("nabiz_visits_abandoned_in_target_total", book.abandoned_in_target),
            ("nabiz_visits_abandoned_short_total", book.abandoned_short),
            ("nabiz_visits_lost_total", lost[index]),
            ("nabiz_service_level_met_total", book.met),
            ("nabiz_service_level_missed_total", book.missed + waiting_missed[index]),
            ("nabiz_not_answered_total", book.not_answered),
            ("nabiz_transfers_total", book.transfers),
            ("nabiz_reopened_total", book.reopened),
        ] {
            metrics.count(name, &labels, count);
        }
        for (reason, count) in Left::ALL.into_iter().zip(book.left) {
            metrics.count("nabiz_visits_left_total", &and("reason", reason.as_str()), count);
        }
        metrics.times("nabiz_wait_seconds", &and("outcome", "answered"), book.answered);
        metrics.times("nabiz_wait_seconds", &and("outcome", "abandoned"), book.abandoned);
        metrics.times("nabiz_handle_seconds", &labels, book.handle);
        metrics.times("nabiz_first_response_seconds", &labels, book.first_response);
        metrics.times("nabiz_resolution_seconds", &labels, book.resolution);
        for (score, count) in ["1", "2", "3", "4", "5"].into_iter().zip(book.survey) {
            metrics.count("nabiz_survey_responses_total", &and("score", score), count);
        }
    }
    for (unit, book) in &tally.units {
        metrics.count("nabiz_followups_opened_total", &[("unit", unit)], book.opened);
        metrics.count("nabiz_followups_informed_total", &[("unit", unit)], book.informed.count);
        metrics.times("nabiz_followup_seconds", &[("unit", unit)], book.informed);
    }
    let team_ms =
        tally.agent_ms_until(time_ms.saturating_sub(super::tally::ALLOWED_LATENESS_MS), agents);
    for (index, queue) in QUEUES.iter().enumerate() {
        for state in AgentState::ALL {
            let of_team = |(team, times): (usize, &[u64; 5])| {
                if TEAMS[team].contains(&index) { times[state as usize] } else { 0 }
            };
            let spent_ms: u64 = team_ms.iter().enumerate().map(of_team).sum();
            metrics.seconds(
                "nabiz_agent_seconds_total",
                &[("queue", queue.id), ("state", state.as_str())],
                spent_ms,
            );
        }
    }
    Truth { events, metrics: metrics.by_name }
}

/// After this long a waiting visit is lost, in the default configuration.
fn max_wait_ms(channel: Channel) -> i64 {
    if channel.is_immediate() { 2 * HOUR_MS } else { 60 * 24 * HOUR_MS }
}

#[derive(Default)]
struct Metrics {
    by_name: BTreeMap<String, Vec<Sample>>,
}

impl Metrics {
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

    fn times(&mut self, name: &str, labels: &[(&str, &str)], times: Times) {
        self.count(&format!("{name}_count"), labels, times.count);
        self.seconds(&format!("{name}_sum"), labels, times.sum_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiting_visit_is_missed_once_target_and_grace_have_passed() {
        let tally = Tally::default();
        let missed = |waited_ms: i64| {
            draw_up(&tally, 0, waited_ms, [(0, 0)].into_iter(), std::iter::empty())
                .sum("nabiz_service_level_missed_total", &[("queue", "fault")])
        };
        assert_eq!(missed(21_999), 0.0);
        assert_eq!(missed(22_000), 1.0);
    }

    #[test]
    fn the_file_has_the_shape_of_the_contract() {
        let mut tally = Tally::default();
        tally.offered(0);
        tally.answered(0, 1_234);
        let truth = draw_up(&tally, 2, 5_000, std::iter::empty(), std::iter::empty());
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
