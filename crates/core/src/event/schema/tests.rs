//! The table against the decoder and the documentation.

use std::collections::BTreeSet;

use super::*;
use crate::decode::{Format, Message, decode};
use crate::event::optional_field::OptionalField;
use crate::event::rejection::{Reason, Rejection};

const DOC: &str = include_str!("../../../../../docs/spec/events.md");

/// Returns the dropped fields of an event.
fn decoded(event: &Value) -> Result<Vec<&'static str>, Rejection> {
    let text = event.to_string();
    let message = Message { value: Some(text.as_bytes()), headers: &[] };
    decode(Format::CloudEvents, &message, &Channels::default(), 1 << 20).map(|event| {
        event.expect("no tombstone").faults.dropped().map(OptionalField::as_str).collect()
    })
}

fn reason_of(event: &Value) -> Option<Reason> {
    decoded(event).err().map(|rejection| rejection.reason)
}

/// Returns a value that the schema of a field accepts.
fn good(schema: &Value) -> Value {
    if let Some(value) = schema.get("enum").or(schema.get("examples")) {
        return value[0].clone();
    }
    match (schema["type"].as_str(), schema.get("format")) {
        (Some("string"), Some(_)) => json!("2026-01-05T08:30:00+03:00"),
        (Some("string"), None) => json!("x"),
        (Some("integer"), _) => schema["minimum"].clone(),
        (Some("boolean"), _) => json!(true),
        (Some("array"), _) => json!(["x"]),
        _ => panic!("{schema}"),
    }
}

/// Returns values that the schema of a field refuses, each with the expected reason.
fn bad(schema: &Value) -> Vec<(Value, Reason)> {
    let mut bad: Vec<(Value, Reason)> = [json!(null), json!({}), json!([1]), json!(0.5)]
        .into_iter()
        .map(|wrong| (wrong, Reason::WrongType))
        .collect();
    match schema["type"].as_str() {
        Some("integer") => {
            bad.push((json!("1"), Reason::WrongType));
            bad.push((json!(schema["maximum"].as_u64().unwrap() + 1), Reason::OutOfRange));
            bad.push((json!(schema["minimum"].as_i64().unwrap() - 1), Reason::OutOfRange));
        }
        Some("boolean") => bad.push((json!("true"), Reason::WrongType)),
        Some("array") => bad.push((json!(vec!["x"; LIST_LEN_MAX + 1]), Reason::OutOfRange)),
        _ => bad.push((json!(true), Reason::WrongType)),
    }
    if schema.get("enum").or(schema.get("examples")).is_some() {
        bad.push((json!("no such word"), Reason::UnknownValue));
    } else if schema.get("format").is_some() {
        bad.push((json!("2026-01-05"), Reason::OutOfRange));
    } else if schema["type"] == "string" {
        bad.push((json!(""), Reason::TextLength));
        bad.push((json!("x".repeat(TEXT_BYTES_MAX + 1)), Reason::TextLength));
    }
    bad
}

/// Returns an event with all required and no optional fields, from the schema alone.
fn minimal(schema: &Value) -> Value {
    let mut event = json!({"id": "1", "source": "s", "data": {}});
    for constant in ["specversion", "type"] {
        event[constant] = schema["properties"][constant]["const"].clone();
    }
    let data = &schema["properties"]["data"];
    for name in data["required"].as_array().unwrap() {
        let name = name.as_str().unwrap();
        event["data"][name] = good(&data["properties"][name]);
    }
    event
}

#[test]
fn decoder_reads_exactly_what_the_schema_accepts() {
    for event_type in EVENT_TYPES {
        let schema = document_of(event_type);
        let event = minimal(&schema);
        assert_eq!(decoded(&event), Ok(vec![]), "{event}");
        for attribute in ["specversion", "id", "source", "type", "data"] {
            let mut without = event.clone();
            without.as_object_mut().unwrap().remove(attribute);
            let required = schema["required"].as_array().unwrap().contains(&json!(attribute));
            assert_eq!(
                reason_of(&without),
                required.then_some(Reason::MissingField),
                "{attribute} {event}"
            );
        }
        for field in event_type.fields {
            let mut without = event.clone();
            without["data"].as_object_mut().unwrap().remove(field.name);
            assert_eq!(
                reason_of(&without),
                field.required.then_some(Reason::MissingField),
                "{field:?} {event}"
            );
            let field_schema = &schema["properties"]["data"]["properties"][field.name];
            let mut changed = event.clone();
            changed["data"][field.name] = good(field_schema);
            assert_eq!(decoded(&changed), Ok(vec![]), "{changed}");
            for (value, reason) in bad(field_schema) {
                let is_lenient = value.is_null()
                    || (field.name.ends_with("_ms") && value.as_i64().is_some_and(|ms| ms < 0));
                changed["data"][field.name] = value;
                if field.required {
                    assert_eq!(reason_of(&changed), Some(reason), "{changed}");
                } else {
                    let dropped = if is_lenient { vec![] } else { vec![field.name] };
                    assert_eq!(decoded(&changed), Ok(dropped), "{changed}");
                }
            }
        }
    }
}

#[test]
fn field_of_another_type_is_ignored() {
    let all: BTreeSet<&str> =
        EVENT_TYPES.iter().flat_map(|event| event.fields).map(|field| field.name).collect();
    for event_type in EVENT_TYPES {
        let mut event = minimal(&document_of(event_type));
        for name in &all {
            if event_type.fields.iter().all(|field| field.name != *name) {
                event["data"][*name] = json!(null);
            }
        }
        assert_eq!(decoded(&event), Ok(vec![]), "{event}");
    }
}

#[test]
fn every_optional_field_of_the_table_can_be_dropped() {
    let all: BTreeSet<&str> = EVENT_TYPES
        .iter()
        .flat_map(|event_type| event_type.fields)
        .filter(|field| !field.required)
        .map(|field| field.name)
        .chain(["data"])
        .collect();
    let droppable: BTreeSet<&str> = OptionalField::ALL.iter().map(|field| field.as_str()).collect();
    assert_eq!(droppable, all);
    assert!(OptionalField::ALL.len() <= 32, "one bit for each");
}

#[test]
fn document_contains_every_event_type() {
    let document = document();
    assert_eq!(document["$schema"], DRAFT);
    assert_eq!(document["oneOf"].as_array().unwrap().len(), EVENT_TYPES.len());
    for reference in document["oneOf"].as_array().unwrap() {
        let pointer = reference["$ref"].as_str().unwrap().trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
    assert!(event_type("contact.queued").is_some() && event_type("contact").is_none());
}

#[test]
fn examples_of_the_documentation_are_complete_and_decode() {
    let mut shown = Vec::new();
    for block in DOC.split("```json\n").skip(1) {
        let event: Value = serde_json::from_str(block.split("```").next().unwrap()).unwrap();
        assert_eq!(decoded(&event), Ok(vec![]), "{event}");
        let event_type = event_type(event["type"].as_str().unwrap()).unwrap();
        for field in event_type.fields {
            assert!(
                event["data"].get(field.name).is_some(),
                "{} lacks {}",
                event_type.name,
                field.name
            );
        }
        shown.push(event_type.name);
    }
    let all: Vec<&str> = EVENT_TYPES.iter().map(|event_type| event_type.name).collect();
    assert_eq!(shown, all);
}
