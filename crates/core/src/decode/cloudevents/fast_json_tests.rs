//! Compares the fast reader with the general parser.

use proptest::prelude::*;
use serde_json::json;

use crate::decode::cloudevents::Envelope;

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

fn json_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
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
    ];
    let value = leaf.prop_recursive(10, 40, 6, |inner| {
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
}
