//! Compares the fast reader with the general parser.

use proptest::prelude::*;
use serde_json::json;

use crate::decode::cloudevents::Envelope;
use crate::event::{Channels, EVENT_TYPES, Event, Rejection};

/// Returns what the fast reader and the general parser read of a text; `None` where one of them
/// gives up.
fn both_readings(text: &str) -> (Option<String>, Option<String>) {
    let (mut fast, mut general) = (Envelope::default(), Envelope::default());
    let fast = fast.read_fast(text).map(|()| format!("{fast:?}"));
    let general = general.read_any(text).map(|()| format!("{general:?}"));
    (fast, general.ok())
}

#[test]
fn fast_reader_accepts_plain_json_and_leaves_the_rest() {
    let data = json!({
        "contact_id": "ğ-1",
        "queue": "fault",
        "wait_ms": 1500,
        "x": [{"a": 1}],
        "queues": ["a", "b"],
    });
    let compact =
        json!({"specversion": "1.0", "id": "1", "type": "contact.answered", "data": data})
            .to_string();
    let spaced = compact.replace(',', ", ").replace(':', ": ");
    for text in [
        compact.as_str(),
        &spaced,
        "{}",
        r#"{"data":{}}"#,
        r#"{"x":[],"y":{},"z":[true,false,null,0]}"#,
    ] {
        let (fast, general) = both_readings(text);
        assert!(fast.is_some() && fast == general, "{text}");
    }
    let nested = |depth: usize| format!("{{\"x\":{}1{}}}", "[".repeat(depth), "]".repeat(depth));
    for text in [
        r#"{"id":"\u0061"}"#,
        r#"{"id":1.5}"#,
        r#"{"id":-1}"#,
        r#"{"id":18446744073709551616}"#,
        r#"{"id":{}}"#,
        r#"{"data":1}"#,
        "{\n}",
        &nested(9),
        &format!(r#"{{"queues":["{}"]}}"#, "x".repeat(4096)),
    ] {
        let (fast, general) = both_readings(text);
        assert!(fast.is_none() && general.is_some(), "left to the general parser: {text}");
    }
}

fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "specversion",
        "id",
        "source",
        "type",
        "time",
        "data",
        "data_base64",
        "subject",
        "queue",
        "queues",
        "wait_ms",
        "is_callback",
        "é",
        "",
    ])
    .prop_map(str::to_owned)
}

/// A value without inner values, also one that is no JSON.
fn leaf() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<u64>().prop_map(|value| value.to_string()),
        (0_u64..100).prop_map(|value| value.to_string()),
        prop::sample::select(vec![
            "-1",
            "1.5",
            "1e3",
            "01",
            "0",
            "-",
            "1.",
            "tru",
            "\"a\\n\"",
            "\"\\u0041\"",
            "\"\u{1}\""
        ])
        .prop_map(str::to_owned),
        "[a-zü /:]{0,40}".prop_map(|text| format!("\"{text}\"")),
    ]
}

fn json_text() -> impl Strategy<Value = String> {
    let value = leaf().prop_recursive(10, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6)
                .prop_map(|values| format!("[{}]", values.join(","))),
            prop::collection::vec((key(), inner), 0..6).prop_map(|entries| {
                let entries: Vec<String> =
                    entries.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                format!("{{{}}}", entries.join(", "))
            }),
        ]
    });
    prop::collection::vec((key(), value), 0..8).prop_map(|entries| {
        let entries: Vec<String> =
            entries.iter().map(|(key, value)| format!("\"{key}\" :{value}")).collect();
        format!("{{{}}}", entries.join(","))
    })
}

/// An event of any type whose fields have any values, most of them allowed ones.
fn event_text() -> impl Strategy<Value = String> {
    let allowed = |name: &str| match name {
        name if name.ends_with("_ms") => "7",
        "priority" | "position" | "waiting" | "score" | "scale" => "5",
        "channel" => "\"phone\"",
        "outcome" => "\"failed\"",
        "reason" => "\"full\"",
        "state" => "\"busy\"",
        "kind" => "\"blind\"",
        "ended_by" => "\"agent\"",
        "is_callback" => "true",
        "queues" => "[\"a\",\"b\"]",
        "due" => "\"2026-01-05T08:30:00Z\"",
        _ => "\"x\"",
    };
    let other = prop_oneof![
        leaf(),
        Just("{}".to_owned()),
        prop::collection::vec(leaf(), 0..3).prop_map(|list| format!("[{}]", list.join(","))),
        Just(format!("\"{}\"", "x".repeat(257))),
        Just("1099511627777".to_owned()),
    ];
    prop::sample::select(EVENT_TYPES)
        .prop_flat_map(move |event_type| {
            let fields: Vec<_> = event_type
                .fields
                .iter()
                .map(|field| {
                    let value =
                        prop_oneof![4 => Just(allowed(field.name).to_owned()), 1 => other.clone()];
                    value.prop_map(|value| format!("\"{}\":{value}", field.name))
                })
                .collect();
            (Just(event_type.name), fields, leaf(), prop::bool::weighted(0.1))
        })
        .prop_map(|(kind, fields, leaf, has_other_data)| {
            let data = if has_other_data { leaf } else { format!("{{{}}}", fields.join(",")) };
            format!(
                r#"{{"specversion":"1.0","id":"1","source":"s","type":"{kind}","data":{data}}}"#
            )
        })
}

/// Returns the event of an envelope that was read.
fn event_of<'a>(mut envelope: Envelope<'a>) -> Result<Event<'a>, Rejection> {
    envelope.take_event(&Channels::default())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn fast_reader_reads_what_the_general_parser_reads_when_it_accepts(

        text in json_text(),
        edits in prop::collection::vec(
            (any::<prop::sample::Index>(), "[{}\\[\\]\",: 0-9.eE+t\\\\\u{7}\n-]?", any::<bool>()),
            0..3,
        )
    ) {
        let mut text: Vec<char> = text.chars().collect();
        for (position, with, removes) in edits {
            let position = position.index(text.len() + 1);
            if removes && position < text.len() {
                text.remove(position);
            }
            text.splice(position..position, with.chars());
        }
        let text = String::from_iter(text);
        let (fast, general) = both_readings(&text);
        if fast.is_some() {
            prop_assert_eq!(fast, general);
        }
    }

    #[test]
    fn both_readers_find_the_same_event_and_the_same_faults(text in event_text()) {
        let (mut fast, mut general) = (Envelope::default(), Envelope::default());
        if fast.read_fast(&text).is_some() {
            prop_assert_eq!(general.read_any(&text), Ok(()));
            prop_assert_eq!(event_of(fast), event_of(general));
        }
    }
}
