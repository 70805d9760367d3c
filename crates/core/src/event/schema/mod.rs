//! The event types with their data fields as one table, and the JSON Schema that follows from it.
//!
//! The decoder does not read the table, for speed. Tests here compare the two.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use crate::event::limits::{COUNT_MAX, LIST_LEN_MAX, SCALE_MAX, TEXT_BYTES_MAX};
use crate::event::vocabulary::{
    AgentState, Channels, EndedBy, LeftReason, SelfServiceOutcome, TransferKind,
};
use crate::time::DURATION_MAX;

/// One type of the vocabulary.
#[derive(Clone, Copy, Debug)]
pub struct EventType {
    /// The CloudEvents `type`.
    pub name: &'static str,
    /// What happened, in a sentence.
    pub meaning: &'static str,
    /// The fields of `data`, required ones first.
    pub fields: &'static [Field],
}

/// One field of `data`.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The key.
    pub name: &'static str,
    /// Whether an event without it is rejected.
    pub required: bool,
    /// The allowed values.
    pub values: Values,
    /// The meaning, in a sentence.
    pub meaning: &'static str,
}

/// The allowed values of a field.
#[derive(Clone, Copy, Debug)]
pub enum Values {
    /// A text of 1 to [`TEXT_BYTES_MAX`] bytes.
    Text,
    /// Up to [`LIST_LEN_MAX`] texts.
    Texts,
    /// A word of a fixed set.
    Word(fn() -> Vec<&'static str>),
    /// A channel of the contract or of the configuration.
    Channel,
    /// A whole number from the first to the second number, both included.
    Integer(u64, u64),
    /// True or false.
    Bool,
    /// An RFC 3339 time.
    Time,
}

const DURATION: Values = Values::Integer(0, DURATION_MAX.get());

const COUNT: Values = Values::Integer(0, COUNT_MAX);

const fn required(name: &'static str, values: Values, meaning: &'static str) -> Field {
    Field { name, required: true, values, meaning }
}

const fn optional(name: &'static str, values: Values, meaning: &'static str) -> Field {
    Field { name, required: false, values, meaning }
}

const CONTACT: Field = required("contact_id", Values::Text, "the contact");

const QUEUE: Field = required("queue", Values::Text, "the queue");

const AGENT: Field = required("agent", Values::Text, "the agent");

const QUEUE_IF_KNOWN: Field =
    optional("queue", Values::Text, "the queue; absent, that of the contact's last visit");

const AGENT_IF_KNOWN: Field = optional("agent", Values::Text, "the agent");

const CHANNEL_IF_KNOWN: Field = optional("channel", Values::Channel, "the channel");

const ENTRY_POINT: Field =
    optional("entry_point", Values::Text, "the number, address or page reached; absent, unknown");

const WAIT: Field = optional(
    "wait_ms",
    DURATION,
    "the wait in milliseconds; absent, the difference of the event times",
);

const FOLLOWUP: Field = required("followup_id", Values::Text, "the follow-up");

const UNIT: Field =
    optional("unit", Values::Text, "the callback unit; producers should give it; absent, unknown");

/// Every type of the vocabulary, in the order of the contract.
pub const EVENT_TYPES: &[EventType] = &[
    EventType {
        name: "contact.started",
        meaning: "the citizen reached us: a call arrives, a message or petition is received",
        fields: &[CONTACT, required("channel", Values::Channel, "the channel"), ENTRY_POINT],
    },
    EventType {
        name: "contact.self_service",
        meaning: "the part of the IVR or bot is over",
        fields: &[
            CONTACT,
            required(
                "outcome",
                Values::Word(|| words(SelfServiceOutcome::ALL, SelfServiceOutcome::as_str)),
                "how it ended",
            ),
            ENTRY_POINT,
            optional("menu", Values::Text, "where in the menu it ended"),
        ],
    },
    EventType {
        name: "contact.queued",
        meaning: "the contact enters a queue: a visit opens",
        fields: &[
            CONTACT,
            QUEUE,
            CHANNEL_IF_KNOWN,
            optional("priority", COUNT, "the priority in the queue"),
            optional("position", COUNT, "the position on entry"),
            optional(
                "is_callback",
                Values::Bool,
                "whether the citizen is called back; `time` is then that of the request",
            ),
        ],
    },
    EventType {
        name: "contact.alerted",
        meaning: "offered to an agent: ringing",
        fields: &[CONTACT, QUEUE, AGENT],
    },
    EventType {
        name: "contact.not_answered",
        meaning: "the agent did not take it; the contact stays in the queue",
        fields: &[
            CONTACT,
            QUEUE,
            AGENT,
            optional("ring_ms", DURATION, "how long it rang, in milliseconds"),
        ],
    },
    EventType {
        name: "contact.answered",
        meaning: "an agent took it: the visit ends",
        fields: &[CONTACT, QUEUE, CHANNEL_IF_KNOWN, AGENT_IF_KNOWN, WAIT],
    },
    EventType {
        name: "contact.abandoned",
        meaning: "the citizen left while waiting: the visit ends",
        fields: &[CONTACT, QUEUE, CHANNEL_IF_KNOWN, WAIT],
    },
    EventType {
        name: "contact.left_queue",
        meaning: "the visit ends in another way",
        fields: &[
            CONTACT,
            QUEUE,
            required("reason", Values::Word(|| words(LeftReason::ALL, LeftReason::as_str)), "why"),
            CHANNEL_IF_KNOWN,
            WAIT,
        ],
    },
    EventType {
        name: "contact.replied",
        meaning: "an answer was sent to the citizen: messages, e-mail, petitions",
        fields: &[CONTACT, AGENT_IF_KNOWN, QUEUE_IF_KNOWN],
    },
    EventType {
        name: "contact.transferred",
        meaning: "handed over while in service",
        fields: &[
            CONTACT,
            optional(
                "from_queue",
                Values::Text,
                "the queue it comes from; absent, that of the contact's last visit",
            ),
            optional("to_queue", Values::Text, "the queue it goes to"),
            optional(
                "kind",
                Values::Word(|| words(TransferKind::ALL, TransferKind::as_str)),
                "how",
            ),
        ],
    },
    EventType {
        name: "contact.ended",
        meaning: "the conversation is over",
        fields: &[
            CONTACT,
            QUEUE_IF_KNOWN,
            optional(
                "talk_ms",
                DURATION,
                "talk in milliseconds; absent, end minus answer minus hold",
            ),
            optional("hold_ms", DURATION, "hold in milliseconds"),
            optional("wrap_up_ms", DURATION, "work after the contact in milliseconds"),
            optional(
                "ended_by",
                Values::Word(|| words(EndedBy::ALL, EndedBy::as_str)),
                "who ended it",
            ),
        ],
    },
    EventType {
        name: "contact.resolved",
        meaning: "the matter is closed",
        fields: &[CONTACT, QUEUE_IF_KNOWN],
    },
    EventType {
        name: "contact.reopened",
        meaning: "the matter is open again",
        fields: &[CONTACT, QUEUE_IF_KNOWN, CHANNEL_IF_KNOWN],
    },
    EventType {
        name: "followup.opened",
        meaning: "the callback unit owes the citizen word",
        fields: &[
            FOLLOWUP,
            UNIT,
            optional("contact_id", Values::Text, "the contact it comes from"),
            optional("due", Values::Time, "when the word is due"),
        ],
    },
    EventType {
        name: "followup.work_done",
        meaning: "the field team finished",
        fields: &[FOLLOWUP, UNIT],
    },
    EventType {
        name: "followup.informed",
        meaning: "the citizen was told",
        fields: &[FOLLOWUP, UNIT, CHANNEL_IF_KNOWN],
    },
    EventType {
        name: "survey.answered",
        meaning: "an answer about satisfaction",
        fields: &[
            CONTACT,
            required("score", Values::Integer(1, SCALE_MAX), "the answer, 1 to scale"),
            required("scale", Values::Integer(1, SCALE_MAX), "the best answer possible"),
            QUEUE_IF_KNOWN,
            CHANNEL_IF_KNOWN,
        ],
    },
    EventType {
        name: "agent.state_changed",
        meaning: "an agent does something else from now on",
        fields: &[
            AGENT,
            required(
                "state",
                Values::Word(|| words(AgentState::ALL, AgentState::as_str)),
                "the new state",
            ),
            optional("reason", Values::Text, "the kind of a pause, a word of a short list"),
            optional(
                "queues",
                Values::Texts,
                "all queues that the agent serves; absent, as they were",
            ),
        ],
    },
    EventType {
        name: "queue.observed",
        meaning: "the source's own count of who is waiting",
        fields: &[
            QUEUE,
            required("waiting", COUNT, "how many wait"),
            optional("oldest_wait_ms", DURATION, "the longest wait among them in milliseconds"),
        ],
    },
    EventType {
        name: "source.restarted",
        meaning: "all visits that this source opened in this partition are dead; data may be absent",
        fields: &[],
    },
];

fn words<T: Copy>(values: &[T], word_of: fn(T) -> &'static str) -> Vec<&'static str> {
    values.iter().map(|value| word_of(*value)).collect()
}

/// Returns the event type of a name.
pub fn event_type(name: &str) -> Option<&'static EventType> {
    EVENT_TYPES.iter().find(|event_type| event_type.name == name)
}

/// Returns the JSON Schema (draft 2020-12) of one event type, as a document.
pub fn document_of(event_type: &EventType) -> Value {
    let mut document = schema_of(event_type);
    document["$schema"] = json!(DRAFT);
    document
}

/// Returns the JSON Schema (draft 2020-12) of all event types, as one document.
pub fn document() -> Value {
    let references: Vec<Value> = EVENT_TYPES
        .iter()
        .map(|event_type| json!({"$ref": format!("#/$defs/{}", event_type.name)}))
        .collect();
    let definitions: Map<String, Value> = EVENT_TYPES
        .iter()
        .map(|event_type| (event_type.name.to_string(), schema_of(event_type)))
        .collect();
    json!({
        "$schema": DRAFT,
        "title": "nabiz events",
        "description": "CloudEvents 1.0 in JSON. Unknown attributes and unknown data fields are ignored.",
        "oneOf": references,
        "$defs": definitions,
    })
}

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

fn schema_of(event_type: &EventType) -> Value {
    let properties: Map<String, Value> = event_type
        .fields
        .iter()
        .map(|field| (field.name.to_string(), field_schema(field)))
        .collect();
    let required_fields: Vec<&str> =
        event_type.fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    let mut required_attributes = vec!["specversion", "id", "source", "type"];
    if !required_fields.is_empty() {
        required_attributes.push("data");
    }
    json!({
        "title": event_type.name,
        "description": event_type.meaning,
        "type": "object",
        "required": required_attributes,
        "properties": {
            "specversion": {"const": "1.0"},
            "id": text_schema("unique per source: the same pair again is a duplicate"),
            "source": text_schema("who writes the events"),
            "type": {"const": event_type.name},
            "time": time_schema("when it happened; absent, the time of the Kafka record"),
            "data": {"type": "object", "required": required_fields, "properties": properties},
        },
    })
}

fn field_schema(field: &Field) -> Value {
    match field.values {
        Values::Text => text_schema(field.meaning),
        Values::Texts => json!({
            "type": "array",
            "items": text_schema("one of them"),
            "maxItems": LIST_LEN_MAX,
            "description": field.meaning,
        }),
        Values::Word(words) => json!({"enum": words(), "description": field.meaning}),
        Values::Channel => json!({
            "type": "string",
            "examples": Channels::BUILT_IN,
            "description": format!(
                "{}: {}, or a value that the configuration adds",
                field.meaning,
                Channels::BUILT_IN.join(", ")
            ),
        }),
        Values::Integer(min, max) => {
            json!({"type": "integer", "minimum": min, "maximum": max, "description": field.meaning})
        }
        Values::Bool => json!({"type": "boolean", "description": field.meaning}),
        Values::Time => time_schema(field.meaning),
    }
}

/// JSON Schema counts characters; that the limit is in bytes is told beside it.
fn text_schema(meaning: &str) -> Value {
    json!({
        "type": "string",
        "minLength": 1,
        "maxLength": TEXT_BYTES_MAX,
        "description": format!("{meaning} (at most {TEXT_BYTES_MAX} bytes of UTF-8)"),
    })
}

fn time_schema(meaning: &str) -> Value {
    json!({"type": "string", "format": "date-time", "description": meaning})
}
