//! A plain reader of well-formed events. It has the definitions of the measures, and no handling of
//! lateness, duplicates or broken input, because the simulation writes none.

use std::collections::BTreeMap;

use nabiz_simulator::Truth;
use serde_json::Value;

const TARGET_MS: i64 = 20_000;
const SHORT_MS: i64 = 5_000;
const GRACE_MS: i64 = 2_000;
const LATENESS_MS: i64 = 60_000;

#[derive(Default)]
struct Contact {
    channel: String,
    entry_point: String,
    started_ms: i64,
    open_since_ms: i64,
    last_queue: String,
    visit: Option<i64>,
    answered_ms: i64,
    is_replied: bool,
}

struct Agent {
    state: String,
    since_ms: i64,
    queues: Vec<String>,
}

type Labels = BTreeMap<String, String>;

/// The counts of a reader, and sums in milliseconds, by metric and labels.
#[derive(Default)]
pub struct Read {
    values: BTreeMap<(String, Labels), i64>,
    contacts: BTreeMap<String, Contact>,
    agents: BTreeMap<String, Agent>,
    stretches: Vec<(Agent, i64)>,
    followups: BTreeMap<String, i64>,
    events: u64,
    now_ms: i64,
}

impl Read {
    fn add(&mut self, metric: &str, labels: &[(&str, &str)], by: i64) {
        let labels =
            labels.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        *self.values.entry((metric.to_string(), labels)).or_default() += by;
    }

    fn time(&mut self, metric: &str, labels: &[(&str, &str)], time_ms: i64) {
        self.add(&format!("{metric}_count"), labels, 1);
        self.add(&format!("{metric}_sum"), labels, time_ms);
    }

    /// Returns the number of open visits of a queue.
    pub fn waiting(&self, queue: &str) -> usize {
        self.contacts
            .values()
            .filter(|contact| contact.last_queue == queue && contact.visit.is_some())
            .count()
    }
}

fn text<'a>(data: &'a Value, name: &str) -> Option<&'a str> {
    data.get(name).map(|value| value.as_str().expect("text"))
}

fn need<'a>(data: &'a Value, name: &str) -> &'a str {
    text(data, name).unwrap_or_else(|| panic!("{name} is missing in {data}"))
}

fn number(data: &Value, name: &str) -> Option<i64> {
    data.get(name).map(|value| value.as_i64().expect("a number"))
}

/// Reads all events.
pub fn read(events: impl Iterator<Item = Value>) -> Read {
    let mut read = Read::default();
    for event in events {
        let time: jiff::Timestamp = need(&event, "time").parse().expect("a time");
        read.now_ms = time.as_millisecond();
        read.events += 1;
        let kind = need(&event, "type").to_string();
        let data = &event["data"];
        match kind.split('.').next() {
            Some("contact" | "survey") => read.contact(&kind, data),
            Some("followup") => read.followup(&kind, data),
            Some("agent") => read.agent(data),
            _ => {}
        }
    }
    read.close();
    read
}

impl Read {
    fn contact(&mut self, kind: &str, data: &Value) {
        let now_ms = self.now_ms;
        let id = need(data, "contact_id").to_string();
        let mut contact = self.contacts.remove(&id).unwrap_or_default();
        assert_eq!(
            kind == "contact.started",
            contact.channel.is_empty(),
            "{kind}: one start, and first: {data}"
        );
        if kind == "contact.started" {
            contact.channel = need(data, "channel").to_string();
            contact.entry_point = text(data, "entry_point").unwrap_or("unknown").to_string();
            (contact.started_ms, contact.open_since_ms) = (now_ms, now_ms);
            contact.last_queue = "none".to_string();
        }
        let queue = text(data, "queue").unwrap_or(&contact.last_queue).to_string();
        let channel = contact.channel.clone();
        assert!(text(data, "channel").is_none_or(|given| given == channel), "{kind}");
        let labels = [("queue", queue.as_str()), ("channel", channel.as_str())];
        let with = |name, value| [labels[0], labels[1], (name, value)];
        match kind {
            "contact.started" => {
                self.add("nabiz_contacts_started_total", &[("channel", &channel)], 1)
            }
            "contact.self_service" => {
                let (entry_point, outcome) = (need(data, "entry_point"), need(data, "outcome"));
                assert_eq!(entry_point, contact.entry_point);
                let labels = [("entry_point", entry_point), ("outcome", outcome)];
                self.add("nabiz_self_service_total", &labels, 1);
            }
            "contact.queued" => {
                assert!(contact.visit.replace(now_ms).is_none(), "no visit is open");
                assert!(data.get("channel").is_some());
                contact.last_queue = queue.clone();
                self.add("nabiz_visits_offered_total", &labels, 1);
            }
            "contact.alerted" => assert!(contact.visit.is_some() && contact.last_queue == queue),
            "contact.not_answered" => {
                assert!(contact.visit.is_some() && contact.last_queue == queue);
                self.add("nabiz_not_answered_total", &labels, 1);
            }
            "contact.answered" | "contact.abandoned" | "contact.left_queue" => {
                assert_eq!(contact.last_queue, queue);
                let wait_ms = now_ms - contact.visit.take().expect("an open visit");
                assert_eq!(number(data, "wait_ms").unwrap_or(wait_ms), wait_ms);
                let in_target = i64::from(wait_ms <= TARGET_MS);
                self.add("nabiz_service_level_missed_total", &labels, 1 - in_target);
                if kind == "contact.answered" {
                    contact.answered_ms = now_ms;
                    self.add("nabiz_visits_answered_total", &labels, 1);
                    self.add("nabiz_visits_answered_in_target_total", &labels, in_target);
                    self.add("nabiz_service_level_met_total", &labels, in_target);
                    self.time("nabiz_wait_seconds", &with("outcome", "answered"), wait_ms);
                } else if kind == "contact.abandoned" {
                    self.add("nabiz_visits_abandoned_total", &labels, 1);
                    self.add("nabiz_visits_abandoned_in_target_total", &labels, in_target);
                    self.add(
                        "nabiz_visits_abandoned_short_total",
                        &labels,
                        i64::from(wait_ms <= SHORT_MS),
                    );
                    self.time("nabiz_wait_seconds", &with("outcome", "abandoned"), wait_ms);
                } else {
                    self.add("nabiz_visits_left_total", &with("reason", need(data, "reason")), 1);
                }
            }
            "contact.ended" => {
                let hold_ms = number(data, "hold_ms").unwrap_or(0);
                let talk_ms =
                    number(data, "talk_ms").unwrap_or(now_ms - contact.answered_ms - hold_ms);
                let handle_ms = talk_ms + hold_ms + number(data, "wrap_up_ms").unwrap_or(0);
                self.time("nabiz_handle_seconds", &labels, handle_ms);
            }
            "contact.transferred" => {
                let labels = [("queue", need(data, "from_queue")), labels[1]];
                assert_eq!(need(data, "from_queue"), contact.last_queue);
                self.add("nabiz_transfers_total", &labels, 1);
                // An attended transfer is followed by the end of the first conversation.
                if need(data, "kind") == "blind" {
                    self.time("nabiz_handle_seconds", &labels, now_ms - contact.answered_ms);
                }
            }
            "contact.replied" => {
                if !std::mem::replace(&mut contact.is_replied, true) {
                    self.time("nabiz_first_response_seconds", &labels, now_ms - contact.started_ms);
                }
            }
            "contact.resolved" => {
                self.time("nabiz_resolution_seconds", &labels, now_ms - contact.open_since_ms)
            }
            "contact.reopened" => {
                contact.open_since_ms = now_ms;
                self.add("nabiz_reopened_total", &labels, 1);
            }
            "survey.answered" => {
                let score = number(data, "score").expect("a score").to_string();
                assert_eq!(number(data, "scale"), Some(5));
                self.add("nabiz_survey_responses_total", &with("score", &score), 1);
            }
            other => panic!("unknown type {other}"),
        }
        self.contacts.insert(id, contact);
    }

    fn followup(&mut self, kind: &str, data: &Value) {
        let id = need(data, "followup_id").to_string();
        let labels = [("unit", need(data, "unit"))];
        match kind {
            "followup.opened" => {
                self.followups.insert(id, self.now_ms);
                self.add("nabiz_followups_opened_total", &labels, 1);
                let due: jiff::Timestamp = need(data, "due").parse().expect("a time");
                assert!(due.as_millisecond() > self.now_ms);
            }
            "followup.informed" => {
                let opened_ms = self.followups.remove(&id).expect("opened before");
                self.add("nabiz_followups_informed_total", &labels, 1);
                self.time("nabiz_followup_seconds", &labels, self.now_ms - opened_ms);
            }
            _ => assert!(self.followups.contains_key(&id), "opened before"),
        }
    }

    fn agent(&mut self, data: &Value) {
        let before = self.agents.remove(need(data, "agent"));
        let queues = match (data.get("queues"), &before) {
            (Some(queues), _) => serde_json::from_value(queues.clone()).expect("a list of text"),
            (None, Some(before)) => before.queues.clone(),
            (None, None) => Vec::new(),
        };
        if let Some(before) = before {
            // A paused agent may report another pause with another reason.
            assert!(
                before.state != need(data, "state") || before.state == "paused",
                "a change of state"
            );
            self.stretches.push((before, self.now_ms));
        }
        let agent = Agent { state: need(data, "state").to_string(), since_ms: self.now_ms, queues };
        self.agents.insert(need(data, "agent").to_string(), agent);
    }

    /// Counts the misses of open visits and the agent time, as of the last event.
    fn close(&mut self) {
        let waiting: Vec<(String, String)> = self
            .contacts
            .values()
            .filter(|contact| {
                contact.visit.is_some_and(|start_ms| self.now_ms >= start_ms + TARGET_MS + GRACE_MS)
            })
            .map(|contact| (contact.last_queue.clone(), contact.channel.clone()))
            .collect();
        for (queue, channel) in waiting {
            self.add(
                "nabiz_service_level_missed_total",
                &[("queue", &queue), ("channel", &channel)],
                1,
            );
        }
        let cut_ms = self.now_ms - LATENESS_MS;
        let open = std::mem::take(&mut self.agents).into_values().map(|agent| (agent, i64::MAX));
        for (agent, until_ms) in std::mem::take(&mut self.stretches).into_iter().chain(open) {
            let spent_ms = (until_ms.min(cut_ms) - agent.since_ms).max(0);
            for queue in &agent.queues {
                self.add(
                    "nabiz_agent_seconds_total",
                    &[("queue", queue), ("state", &agent.state)],
                    spent_ms,
                );
            }
        }
    }
}

/// Asserts that reader and truth have the same samples with the same values.
pub fn assert_same(read: &Read, truth: &Truth) {
    assert_eq!(read.events, truth.events);
    let mut expected = BTreeMap::new();
    for ((metric, labels), value) in &read.values {
        if *value > 0 {
            let is_time = metric.ends_with("_sum") || metric.contains("_seconds_total");
            let value = if is_time { *value as f64 / 1000.0 } else { *value as f64 };
            expected.insert((metric.clone(), labels.clone()), value);
        }
    }
    let mut actual = BTreeMap::new();
    for (metric, samples) in &truth.metrics {
        for sample in samples {
            let before =
                actual.insert((metric.clone(), sample.labels.clone()), sample.value.as_f64());
            assert_eq!(before, None, "{metric} says {:?} twice", sample.labels);
        }
    }
    for (sample, value) in &expected {
        assert_eq!(actual.get(sample), Some(value), "{sample:?} was read");
    }
    for sample in actual.keys() {
        assert!(expected.contains_key(sample), "{sample:?} is only in the truth");
    }
}
