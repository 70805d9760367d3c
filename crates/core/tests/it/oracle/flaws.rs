//! Faults of optional fields, by docs/spec/events.md: what a producer may write there, and what is
//! read instead. The lines of a queue_log are read a second time here, only for their faults.

use std::borrow::Cow;

use nabiz_core::event::{EventPayload, FieldFaults, OptionalField};
use nabiz_core::time::Millis;
use serde_json::{Map, Value, json};

/// A value that an optional field does not allow, or `null`.
#[derive(Clone, Debug, PartialEq)]
pub struct Flaw {
    pub field: &'static str,
    pub value: Value,
}

/// Returns the optional fields of a type.
pub fn optional_fields(kind: &str) -> &'static [&'static str] {
    match kind {
        "contact.started" => &["entry_point"],
        "contact.self_service" => &["entry_point", "menu"],
        "contact.queued" => &["channel", "priority", "position", "is_callback"],
        "contact.not_answered" => &["ring_ms"],
        "contact.answered" => &["channel", "agent", "wait_ms"],
        "contact.abandoned" | "contact.left_queue" => &["channel", "wait_ms"],
        "contact.replied" => &["agent", "queue"],
        "contact.transferred" => &["from_queue", "to_queue", "kind"],
        "contact.ended" => &["queue", "talk_ms", "hold_ms", "wrap_up_ms", "ended_by"],
        "contact.resolved" => &["queue"],
        "contact.reopened" => &["queue", "channel"],
        "followup.opened" => &["unit", "contact_id", "due"],
        "followup.work_done" => &["unit"],
        "followup.informed" => &["unit", "channel"],
        "survey.answered" => &["queue", "channel"],
        "agent.state_changed" => &["reason", "queues"],
        "queue.observed" => &["oldest_wait_ms"],
        _ => &[],
    }
}

/// Returns values that a field does not allow, and `null`. Of a duration, the second one is
/// negative.
pub fn flaws_of(field: &'static str) -> Vec<Flaw> {
    const TOO_LONG: u64 = (1 << 40) + 1;
    let mut values = vec![json!(null)];
    values.extend(match field {
        "is_callback" => vec![json!("true"), json!(0)],
        "priority" | "position" => vec![json!(-1), json!("1"), json!(TOO_LONG)],
        "due" => vec![json!("tomorrow"), json!(0)],
        "queues" => {
            vec![json!(["fault", 1]), json!([""]), json!(vec!["fault"; 65]), json!("fault")]
        }
        "channel" | "kind" | "ended_by" => vec![json!("no such word"), json!("")],
        duration if duration.ends_with("_ms") => {
            vec![json!(-5_000), json!("5000"), json!(TOO_LONG), json!(3.5), json!(false)]
        }
        _ => vec![json!(""), json!("x".repeat(257)), json!(7), json!(["fault"])],
    });
    values.push(json!({}));
    values.into_iter().map(|value| Flaw { field, value }).collect()
}

impl Flaw {
    fn is_negative_duration(&self) -> bool {
        self.field.ends_with("_ms") && self.value.as_i64().is_some_and(|value| value < 0)
    }

    /// Writes the flaw into the data of an event.
    pub fn write(&self, data: &mut Map<String, Value>) {
        data.insert(self.field.to_string(), self.value.clone());
    }

    /// Reads the flaw: leaves the field out of the payload, or makes it 0, and counts the fault.
    pub fn read(&self, payload: &mut EventPayload<'_>, faults: &mut FieldFaults) {
        let is_negative = self.is_negative_duration();
        if is_negative {
            faults.record_negative_duration();
        } else if !self.value.is_null() {
            faults.record_dropped(OptionalField::from_wire(self.field).expect("an optional field"));
        }
        let duration = is_negative.then_some(Millis(0));
        match (self.field, payload) {
            (
                "wait_ms",
                EventPayload::Answered { wait, .. }
                | EventPayload::Abandoned { wait, .. }
                | EventPayload::LeftQueue { wait, .. },
            ) => *wait = duration,
            ("agent", EventPayload::Answered { agent, .. }) => *agent = None,
            ("talk_ms", EventPayload::Ended { talk, .. }) => *talk = duration,
            ("hold_ms", EventPayload::Ended { hold, .. }) => *hold = duration,
            ("wrap_up_ms", EventPayload::Ended { wrap_up, .. }) => *wrap_up = duration,
            ("ended_by", EventPayload::Ended { ended_by, .. }) => *ended_by = None,
            ("oldest_wait_ms", EventPayload::QueueObserved { oldest_wait, .. }) => {
                *oldest_wait = duration
            }
            (
                "entry_point",
                EventPayload::ContactStarted { entry_point, .. }
                | EventPayload::SelfService { entry_point, .. },
            ) => *entry_point = None,
            (
                "channel",
                EventPayload::Queued { channel, .. }
                | EventPayload::Answered { channel, .. }
                | EventPayload::Abandoned { channel, .. }
                | EventPayload::LeftQueue { channel, .. }
                | EventPayload::Reopened { channel, .. }
                | EventPayload::SurveyAnswered { channel, .. },
            ) => *channel = None,
            (
                "queue",
                EventPayload::Replied { queue, .. }
                | EventPayload::Ended { queue, .. }
                | EventPayload::Resolved { queue, .. }
                | EventPayload::Reopened { queue, .. }
                | EventPayload::SurveyAnswered { queue, .. },
            ) => *queue = None,
            ("is_callback", EventPayload::Queued { is_callback, .. }) => *is_callback = false,
            ("from_queue", EventPayload::Transferred { from_queue, .. }) => *from_queue = None,
            ("to_queue", EventPayload::Transferred { to_queue, .. }) => *to_queue = None,
            ("kind", EventPayload::Transferred { kind, .. }) => *kind = None,
            (
                "unit",
                EventPayload::FollowupOpened { unit, .. }
                | EventPayload::FollowupWorkDone { unit, .. }
                | EventPayload::FollowupInformed { unit, .. },
            ) => *unit = None,
            ("due", EventPayload::FollowupOpened { due, .. }) => *due = None,
            ("reason", EventPayload::AgentStateChanged { reason, .. }) => *reason = None,
            ("queues", EventPayload::AgentStateChanged { queues, .. }) => *queues = None,
            _ => {}
        }
    }
}

/// Returns the faults of a queue_log line with a known verb.
pub fn faults_of_line(line: &[u8]) -> FieldFaults {
    let parts: Vec<&[u8]> = line.split(|byte| *byte == b'|').collect();
    let verb = String::from_utf8_lossy(parts[4]);
    let parameters: Vec<_> = parts[5..].iter().map(|part| String::from_utf8_lossy(part)).collect();
    let mut faults = FieldFaults::default();
    for (number, field, negative) in durations(&verb, &parameters) {
        match parameters.get(number - 1).map_or("", |parameter| parameter) {
            "" => {}
            text if text.parse::<u64>().is_ok_and(|seconds| seconds * 1000 <= 1 << 40) => {}
            text if text.parse::<i64>().is_ok_and(|seconds| seconds < 0) => match negative {
                Negative::Skew => faults.record_negative_duration(),
                Negative::Unread => {}
            },
            _ => faults.record_dropped(field),
        }
    }
    let without_queue = [
        "PAUSEALL",
        "UNPAUSEALL",
        "AGENTLOGIN",
        "AGENTLOGOFF",
        "QUEUESTART",
        "CONFIGRELOAD",
        "WRAPUPSTART",
    ];
    let with_agent = [
        "CONNECT",
        "COMPLETEAGENT",
        "COMPLETECALLER",
        "BLINDTRANSFER",
        "TRANSFER",
        "ATTENDEDTRANSFER",
        "ADDMEMBER",
        "PAUSE",
        "UNPAUSE",
        "REMOVEMEMBER",
        "PAUSEALL",
        "UNPAUSEALL",
        "AGENTLOGIN",
        "AGENTLOGOFF",
    ];
    let has_length = parameters
        .first()
        .is_some_and(|length| length.parse::<i64>().is_ok_and(|seconds| seconds * 1000 <= 1 << 40));
    let is_damaged = |part: &[u8]| std::str::from_utf8(part).is_err();
    if is_damaged(parts[2]) && !without_queue.contains(&&*verb) {
        faults.record_dropped(OptionalField::Queue);
    }
    let has_agent = with_agent.contains(&&*verb) || (verb == "WRAPUPSTART" && has_length);
    if is_damaged(parts[3]) && has_agent {
        faults.record_dropped(OptionalField::Agent);
    }
    faults
}

/// What a negative duration is.
enum Negative {
    /// Clock skew.
    Skew,
    /// Nothing, unless the line implies an answer.
    Unread,
}

/// Returns the durations that a verb has, by the number of their parameter.
fn durations(verb: &str, parameters: &[Cow<'_, str>]) -> Vec<(usize, OptionalField, Negative)> {
    use Negative::{Skew, Unread};
    use OptionalField::{TalkMs, WaitMs, WrapUpMs};
    let served = |hold: usize| vec![(hold, WaitMs, Unread), (hold + 1, TalkMs, Skew)];
    match verb {
        "CONNECT" | "LEAVEEMPTY" => vec![(1, WaitMs, Skew)],
        "ABANDON" | "EXITWITHTIMEOUT" | "EXITEMPTY" | "WITHDRAW" => vec![(3, WaitMs, Skew)],
        "EXITWITHKEY" => vec![(4, WaitMs, Skew)],
        "COMPLETEAGENT" | "COMPLETECALLER" => served(1),
        "BLINDTRANSFER" | "TRANSFER" => served(3),
        "ATTENDEDTRANSFER" => match parameters.first().map_or("", |method| method) {
            "BRIDGE" | "APP" => served(3),
            "LINK" => served(4),
            _ => {
                let count = parameters.iter().rposition(|text| !text.is_empty());
                served(count.map_or(0, |last| last + 1).saturating_sub(3) + 1)
            }
        },
        "WRAPUPSTART" => vec![(1, WrapUpMs, Skew)],
        _ => Vec::new(),
    }
}
