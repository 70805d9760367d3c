//! The log of a test: events as CloudEvents JSON, raw lines, and advances of stream time.

use std::fmt;

use jiff::Timestamp;
use nabiz_core::decode::{Format, Message, decode};
use nabiz_core::event::{
    ChannelId, Channels, Event as DecodedEvent, EventPayload, FieldFaults, Reason, Text,
};
use nabiz_core::ids::Offset;
use nabiz_core::settings::Settings;
use nabiz_core::shard::{Ceiling, RecordMeta, RecordOutcome, Shard};
use nabiz_core::time::WallTime;
use serde_json::{Map, Value, json};

use super::flaws::{Flaw, faults_of_line};
use super::{Oracle, Verdict};

/// An event, before it is written as JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub source: String,
    pub id: String,
    pub time_ms: Option<i64>,
    pub payload: EventPayload<'static>,
    /// Wrong values that replace optional fields of the payload.
    pub flaws: Vec<Flaw>,
}

#[expect(clippy::large_enum_variant, reason = "almost every record is an event")]
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    Event(Event),
    /// Bytes that are no event, with the reason.
    Invalid(Vec<u8>, Reason),
    /// A queue_log line, decoded by the core for both sides. The oracle finds its faults itself.
    QueueLog(Vec<u8>),
    /// A CloudEvent as a line of JSON, decoded by the core for both sides.
    CloudEvent(String),
    /// A record without a value.
    Tombstone(Format),
}

/// A step of a shard.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Read {
        content: Content,
        timestamp_ms: Option<i64>,
    },
    /// A record whose time is judged by the clock at its reading.
    ReadByClock {
        content: Content,
        timestamp_ms: Option<i64>,
        ceiling: Ceiling,
    },
    Advance(i64),
    RejectHeld,
}

pub fn time_text(time_ms: i64) -> String {
    Timestamp::from_millisecond(time_ms)
        .map_or_else(|_| time_ms.to_string(), |time| time.to_string())
}

fn channel_word(channel: ChannelId) -> &'static str {
    Channels::BUILT_IN[usize::from(channel.0)]
}

/// Returns `type` and `data` of a payload.
pub fn type_and_data(payload: &EventPayload<'_>) -> (&'static str, Map<String, Value>) {
    let mut data = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            data.insert(name.to_string(), value);
        }
    };
    fn text(value: &Option<Text<'_>>) -> Value {
        value.as_deref().map_or(Value::Null, Value::from)
    }
    fn word(channel: &Option<ChannelId>) -> Value {
        channel.map_or(Value::Null, |channel| Value::from(channel_word(channel)))
    }
    let kind = match payload {
        EventPayload::ContactStarted { contact, channel, entry_point } => {
            put("contact_id", json!(contact));
            put("channel", json!(channel_word(*channel)));
            put("entry_point", text(entry_point));
            "contact.started"
        }
        EventPayload::SelfService { contact, outcome, entry_point } => {
            put("contact_id", json!(contact));
            put("outcome", json!(outcome.as_str()));
            put("entry_point", text(entry_point));
            "contact.self_service"
        }
        EventPayload::Queued { contact, queue, channel, is_callback } => {
            put("contact_id", json!(contact));
            put("queue", json!(queue));
            put("channel", word(channel));
            put("is_callback", if *is_callback { json!(true) } else { Value::Null });
            "contact.queued"
        }
        EventPayload::Alerted { contact, queue } => {
            put("contact_id", json!(contact));
            put("queue", json!(queue));
            put("agent", json!("a1"));
            "contact.alerted"
        }
        EventPayload::NotAnswered { contact, queue } => {
            put("contact_id", json!(contact));
            put("queue", json!(queue));
            put("agent", json!("a1"));
            "contact.not_answered"
        }
        EventPayload::Answered { contact, queue, channel, agent, wait } => {
            put("channel", word(channel));
            put("contact_id", json!(contact));
            put("queue", json!(queue));
            put("agent", text(agent));
            put("wait_ms", json!(wait));
            "contact.answered"
        }
        EventPayload::Abandoned { contact, queue, channel, wait } => {
            put("channel", word(channel));
            put("contact_id", json!(contact));
            put("queue", json!(queue));
            put("wait_ms", json!(wait));
            "contact.abandoned"
        }
        EventPayload::LeftQueue { contact, queue, channel, reason, wait } => {
            put("channel", word(channel));
            put("contact_id", json!(contact));
            put("queue", json!(queue));
            put("reason", json!(reason.as_str()));
            put("wait_ms", json!(wait));
            "contact.left_queue"
        }
        EventPayload::Replied { contact, queue } => {
            put("contact_id", json!(contact));
            put("queue", text(queue));
            "contact.replied"
        }
        EventPayload::Transferred { contact, from_queue, to_queue, kind } => {
            put("contact_id", json!(contact));
            put("from_queue", text(from_queue));
            put("to_queue", text(to_queue));
            put("kind", json!(kind.map(|kind| kind.as_str())));
            "contact.transferred"
        }
        EventPayload::Ended { contact, queue, talk, hold, wrap_up, ended_by, implied: _ } => {
            put("contact_id", json!(contact));
            put("queue", text(queue));
            put("talk_ms", json!(talk));
            put("hold_ms", json!(hold));
            put("wrap_up_ms", json!(wrap_up));
            put("ended_by", json!(ended_by.map(|by| by.as_str())));
            "contact.ended"
        }
        EventPayload::Resolved { contact, queue } => {
            put("contact_id", json!(contact));
            put("queue", text(queue));
            "contact.resolved"
        }
        EventPayload::Reopened { contact, queue, channel } => {
            put("channel", word(channel));
            put("contact_id", json!(contact));
            put("queue", text(queue));
            "contact.reopened"
        }
        EventPayload::FollowupOpened { followup, unit, due } => {
            put("followup_id", json!(followup));
            put("unit", text(unit));
            put("due", json!(due.map(|due| time_text(due.get()))));
            "followup.opened"
        }
        EventPayload::FollowupWorkDone { followup, unit } => {
            put("followup_id", json!(followup));
            put("unit", text(unit));
            "followup.work_done"
        }
        EventPayload::FollowupInformed { followup, unit } => {
            put("followup_id", json!(followup));
            put("unit", text(unit));
            "followup.informed"
        }
        EventPayload::SurveyAnswered { contact, score, queue, channel } => {
            put("contact_id", json!(contact));
            put("score", json!(score));
            put("scale", json!(5));
            put("queue", text(queue));
            put("channel", word(channel));
            "survey.answered"
        }
        EventPayload::AgentStateChanged { agent, state, reason, queues } => {
            put("agent", json!(agent));
            put("state", json!(state.as_str()));
            put("reason", text(reason));
            put("queues", json!(queues));
            "agent.state_changed"
        }
        EventPayload::QueueObserved { queue, waiting, oldest_wait } => {
            put("queue", json!(queue));
            put("waiting", json!(waiting));
            put("oldest_wait_ms", json!(oldest_wait));
            "queue.observed"
        }
        EventPayload::SourceRestarted => "source.restarted",
        other => panic!("CloudEvents has no {other:?}"),
    };
    (kind, data)
}

impl Event {
    pub fn json(&self) -> Vec<u8> {
        let (kind, mut data) = type_and_data(&self.payload);
        self.flaws.iter().for_each(|flaw| flaw.write(&mut data));
        let mut envelope = json!({
            "specversion": "1.0", "id": self.id, "source": self.source, "type": kind, "data": data,
        });
        if let Some(time_ms) = self.time_ms {
            envelope["time"] = json!(time_text(time_ms));
        }
        envelope.to_string().into_bytes()
    }

    fn record(&self) -> DecodedEvent<'_> {
        let (mut payload, mut faults) = (self.payload.clone(), FieldFaults::default());
        self.flaws.iter().for_each(|flaw| flaw.read(&mut payload, &mut faults));
        DecodedEvent {
            source: self.source.as_str().into(),
            id: self.id.as_str().into(),
            time: self.time_ms.map(nabiz_core::time::Timestamp),
            payload,
            extra_payloads: Vec::new(),
            faults,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Advance(to_ms) => write!(f, "advance to {}", time_text(*to_ms)),
            Step::RejectHeld => write!(f, "reject held"),
            Step::Read { content, timestamp_ms } => write_record(f, content, *timestamp_ms),
            Step::ReadByClock { content, timestamp_ms, ceiling } => {
                write_record(f, content, *timestamp_ms)?;
                write!(f, " [{:?} at {}]", ceiling.rule, time_text(ceiling.clock.get()))
            }
        }
    }
}

fn write_record(
    f: &mut fmt::Formatter<'_>,
    content: &Content,
    timestamp_ms: Option<i64>,
) -> fmt::Result {
    match content {
        Content::Event(event) => {
            let time = event.time_ms.map_or("(no time)".to_string(), time_text);
            let (kind, mut data) = type_and_data(&event.payload);
            event.flaws.iter().for_each(|flaw| flaw.write(&mut data));
            let data = Value::from(data);
            write!(f, "{time} {kind} {data} id={} source={}", event.id, event.source)?;
        }
        Content::Invalid(bytes, reason) => {
            write!(f, "invalid ({reason}): {}", String::from_utf8_lossy(bytes))?;
        }
        Content::QueueLog(line) => write!(f, "{}", line.escape_ascii())?,
        Content::CloudEvent(line) => write!(f, "{line}")?,
        Content::Tombstone(_) => write!(f, "tombstone")?,
    }
    timestamp_ms.map_or(Ok(()), |timestamp| write!(f, " [log time {}]", time_text(timestamp)))
}

/// Applies a step to the oracle.
pub fn step_oracle(
    oracle: &mut Oracle,
    settings: &Settings,
    step: &Step,
    position: i64,
) -> Option<Verdict> {
    match step {
        Step::Advance(to_ms) => oracle.advance(*to_ms),
        Step::RejectHeld => oracle.reject_held(),
        Step::Read { content, timestamp_ms } => {
            return Some(read_oracle(oracle, settings, content, position, *timestamp_ms, None));
        }
        Step::ReadByClock { content, timestamp_ms, ceiling } => {
            let ceiling = Some(*ceiling);
            return Some(read_oracle(oracle, settings, content, position, *timestamp_ms, ceiling));
        }
    }
    None
}

fn read_oracle(
    oracle: &mut Oracle,
    settings: &Settings,
    content: &Content,
    position: i64,
    timestamp_ms: Option<i64>,
    ceiling: Option<Ceiling>,
) -> Verdict {
    // Decoded by the core for both sides.
    let mut read_line = |format: Format, line: &[u8]| {
        let message = Message { value: Some(line), headers: &[] };
        match decode(format, &message, &settings.channels, settings.limits.record_bytes) {
            Ok(record) => {
                let record = record.expect("no tombstone");
                if format == Format::AsteriskQueueLog {
                    let text = line.escape_ascii();
                    assert_eq!(record.faults, faults_of_line(line), "{text}");
                }
                oracle.read(Ok(&record), position, timestamp_ms, ceiling)
            }
            Err(rejection) => oracle.read(Err(rejection.reason), position, timestamp_ms, ceiling),
        }
    };
    match content {
        Content::Event(event) => oracle.read(Ok(&event.record()), position, timestamp_ms, ceiling),
        Content::Invalid(_, reason) => oracle.read(Err(*reason), position, timestamp_ms, ceiling),
        Content::Tombstone(_) => oracle.ignore(),
        Content::QueueLog(line) => read_line(Format::AsteriskQueueLog, line),
        Content::CloudEvent(line) => read_line(Format::CloudEvents, line.as_bytes()),
    }
}

/// Applies a step to the core.
pub fn step_shard(shard: &mut Shard, step: &Step, position: i64) -> Option<RecordOutcome> {
    match step {
        Step::Advance(to_ms) => shard.advance(nabiz_core::time::Timestamp(*to_ms)),
        Step::RejectHeld => shard.reject_held(),
        Step::Read { content, timestamp_ms } => {
            return Some(read_shard(shard, content, position, *timestamp_ms, None));
        }
        Step::ReadByClock { content, timestamp_ms, ceiling } => {
            return Some(read_shard(shard, content, position, *timestamp_ms, Some(*ceiling)));
        }
    }
    None
}

fn read_shard(
    shard: &mut Shard,
    content: &Content,
    position: i64,
    timestamp_ms: Option<i64>,
    ceiling: Option<Ceiling>,
) -> RecordOutcome {
    let timestamp = timestamp_ms.map(WallTime);
    let meta = RecordMeta { offset: Offset(position), timestamp };
    let (format, bytes) = match content {
        Content::Event(event) => (Format::CloudEvents, Some(event.json())),
        Content::Invalid(bytes, _) => (Format::CloudEvents, Some(bytes.clone())),
        Content::QueueLog(line) => (Format::AsteriskQueueLog, Some(line.clone())),
        Content::CloudEvent(line) => (Format::CloudEvents, Some(line.clone().into_bytes())),
        Content::Tombstone(format) => (*format, None),
    };
    let message = Message { value: bytes.as_deref(), headers: &[] };
    shard.fold_by_clock(format, &message, meta, ceiling).outcome
}
