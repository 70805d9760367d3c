//! CloudEvents: accepted and rejected messages.

use std::borrow::Cow;

use super::*;
use crate::decode::dispatch::reads_headers;
use crate::decode::format::Format;
use crate::event::{ChannelId, LeftReason};
use crate::time::{Millis, Timestamp};
use serde_json::{Value, json};

fn structured(value: &[u8]) -> Result<Event<'_>, Rejection> {
    decode(&Message { value: Some(value), headers: &[] }, &Channels::default(), 1 << 20)
}

fn event(kind: &str, data: Value) -> Value {
    json!({
        "specversion": "1.0",
        "id": "1",
        "source": "/ivr",
        "type": kind,
        "time": "2026-01-05T08:30:00Z",
        "data": data,
    })
}

fn reason_of(value: impl AsRef<[u8]>) -> &'static str {
    match structured(value.as_ref()) {
        Ok(record) => panic!("accepted as {record:?}"),
        Err(rejection) => rejection.reason.as_str(),
    }
}

fn with(attribute: &str, value: Value) -> String {
    let mut event = event("contact.abandoned", json!({"contact_id": "c", "queue": "fault"}));
    event[attribute] = value;
    event.to_string()
}

fn with_data(kind: &str, data: Value) -> String {
    event(kind, data).to_string()
}

#[test]
fn event_has_identity_time_and_payload() {
    let text = with_data(
        "contact.left_queue",
        json!({"contact_id": "c-1", "queue": "fault", "reason": "timeout", "wait_ms": 1500}),
    );
    let record = structured(text.as_bytes()).unwrap();
    assert_eq!(record.source, "/ivr");
    assert_eq!(record.id, "1");
    assert_eq!(record.time, Some(Timestamp(1_767_601_800_000)));
    let expected = EventPayload::LeftQueue {
        contact: "c-1".into(),
        queue: "fault".into(),
        reason: LeftReason::Timeout,
        wait: Some(Millis(1500)),
    };
    assert_eq!(record.payload, expected);
    assert!(record.extra_payloads.is_empty());
}

#[test]
fn texts_without_escapes_are_borrowed() {
    let text = concat!(
        r#"{"data":{"queue":"fault","contact_id":"c"},"#,
        r#""type":"contact.abandoned","id":"1","source":"s","specversion":"1.0"}"#
    );
    let EventPayload::Abandoned { contact, queue, .. } =
        structured(text.as_bytes()).unwrap().payload
    else {
        panic!()
    };
    assert!(matches!(contact, Cow::Borrowed("c")));
    assert_eq!(queue, "fault");
}

#[test]
fn keys_are_read_in_any_order_and_with_escapes() {
    let text = concat!(
        r#"{"data":{"queue":"q","contact_id":"c"},"#,
        r#""type":"contact.abandoned","id":"1","source":"s","specversion":"1.0"}"#
    );
    assert!(structured(text.as_bytes()).is_ok());
}

#[test]
fn value_is_rejected_when_it_is_not_one_json_object() {
    for value in [
        "",
        " ",
        "{",
        "{\"a\":1}x",
        "{\"a\":1}{}",
        "nul",
        "\u{feff}{}",
        "{\"id\":\"\n\"}",
        "{a:1}",
        "[1",
        "{\"a\":01}",
    ] {
        assert_eq!(reason_of(value), "not_json", "{value}");
    }
    assert_eq!(reason_of(b"{\"id\":\"\xff\"}"), "not_json");
    assert_eq!(reason_of(b"{\"unknown\":\"\xff\"}"), "not_json");
    for value in ["null", "[]", "[{\"id\":1}]", "1", "-1", "1.5", "true", "\"{}\""] {
        assert_eq!(reason_of(value), "not_object", "{value}");
    }
    assert_eq!(reason_of("{} \n"), "missing_field");
}

#[test]
fn record_without_value_is_not_json() {
    let rejection = decode(&Message::default(), &Channels::default(), 100).unwrap_err();
    assert_eq!(rejection, Rejection::new(Reason::NotJson, "the record has no value"));
}

#[test]
fn deep_nesting_never_overflows_the_stack() {
    let deep = format!("{}{}", "[".repeat(500_000), "]".repeat(500_000));
    for text in [
        deep.clone(),
        format!("{{\"x\":{deep}}}"),
        format!("{{\"id\":{deep}}}"),
        format!("{{\"data\":{{\"queue\":{deep}}}}}"),
        format!("{{\"data\":{{\"x\":{}1}}}}", "{\"a\":".repeat(500_000)),
    ] {
        let _ = structured(text.as_bytes()).unwrap_err();
    }
}

#[test]
fn value_over_the_limit_is_not_parsed() {
    let value = b"not json at all";
    let decode_within =
        |max| decode(&Message { value: Some(value), headers: &[] }, &Channels::default(), max);
    assert_eq!(decode_within(14).unwrap_err().reason, Reason::TooLarge);
    assert_eq!(decode_within(15).unwrap_err().reason, Reason::NotJson);
}

#[test]
fn attribute_is_rejected_when_it_is_wrong() {
    for name in ["specversion", "id", "source", "type"] {
        let mut without = event("contact.abandoned", json!({"contact_id": "c", "queue": "q"}));
        without.as_object_mut().unwrap().remove(name);
        assert_eq!(reason_of(without.to_string()), "missing_field", "{name}");
        for wrong in [json!(1), json!(null), json!({}), json!(["1.0"]), json!(true)] {
            assert_eq!(reason_of(with(name, wrong)), "wrong_type", "{name}");
        }
        assert_eq!(reason_of(with(name, json!(""))), "text_length", "{name}");
        assert_eq!(reason_of(with(name, json!("x".repeat(257)))), "text_length", "{name}");
    }
    assert_eq!(reason_of(with("specversion", json!("0.3"))), "unknown_value");
    assert_eq!(reason_of(with("type", json!("contact.Abandoned"))), "unknown_type");
    assert_eq!(reason_of(with("time", json!(1))), "wrong_type");
    assert_eq!(reason_of(with("time", json!(null))), "wrong_type");
    assert_eq!(reason_of(with("time", json!("2026-02-30T00:00:00Z"))), "out_of_range");
    assert!(structured(with("id", json!("ü".repeat(128))).as_bytes()).is_ok());
    assert!(structured(with("traceparent", json!({"a": [null]})).as_bytes()).is_ok());
}

#[test]
fn first_fault_in_order_is_reported() {
    let order = [
        ("specversion", json!("2.0"), "unknown_value"),
        ("id", json!(1), "wrong_type"),
        ("source", json!(""), "text_length"),
        ("type", json!("nothing"), "unknown_type"),
        ("time", json!("yesterday"), "out_of_range"),
        ("data", json!(1), "not_object"),
    ];
    let mut event = event("contact.abandoned", json!({}));
    assert_eq!(reason_of(event.to_string()), "missing_field");
    for (name, value, reason) in order.into_iter().rev() {
        event[name] = value;
        assert_eq!(reason_of(event.to_string()), reason, "{name}");
    }
}

#[test]
fn event_without_a_time_is_accepted() {
    let text = r#"{"specversion":"1.0","id":"1","source":"s","type":"source.restarted"}"#;
    let record = structured(text.as_bytes()).unwrap();
    assert_eq!((record.time, record.payload), (None, EventPayload::SourceRestarted));
}

#[test]
fn data_must_be_an_object_when_a_field_is_required() {
    let mut without = event("contact.abandoned", json!(null));
    without.as_object_mut().unwrap().remove("data");
    without["data_base64"] = json!("e30=");
    let rejection = structured(without.to_string().as_bytes()).unwrap_err();
    assert_eq!(rejection, Rejection::new(Reason::MissingField, "data is required"));
    for wrong in
        [json!(null), json!(1), json!(-1), json!(0.5), json!(true), json!("{}"), json!([{}])]
    {
        assert_eq!(reason_of(with("data", wrong.clone())), "not_object");
        assert_eq!(reason_of(with_data("source.restarted", wrong)), "not_object");
    }
    assert!(structured(with_data("source.restarted", json!({"queue": null})).as_bytes()).is_ok());
}

#[test]
fn field_of_another_type_is_ignored_with_any_value() {
    for foreign in
        [json!(null), json!(-1), json!([1, {"a": []}]), json!({}), json!(""), json!(1e300)]
    {
        let data = json!({
            "contact_id": "c", "queue": "q", "score": foreign, "channel": foreign, "x": foreign,
        });
        assert!(structured(with_data("contact.abandoned", data).as_bytes()).is_ok(), "{foreign}");
    }
}

#[test]
fn last_value_of_a_repeated_key_counts() {
    let head = r#""specversion":"1.0","id":"1","source":"s","type":"contact.answered""#;
    let wait_of = |text: String| match structured(text.as_bytes()).map(|record| record.payload) {
        Ok(EventPayload::Answered { wait, .. }) => Ok(wait.map(Millis::get)),
        Ok(other) => panic!("{other:?}"),
        Err(rejection) => Err(rejection.reason),
    };
    let text = format!(
        r#"{{{head},"data":{{"contact_id":1,"queue":"q","wait_ms":1,"wait_ms":2,"contact_id":"c"}}}}"#
    );
    assert_eq!(wait_of(text), Ok(Some(2)));
    let first = r#""data":{"contact_id":"c","queue":"q","wait_ms":1}"#;
    assert_eq!(
        wait_of(format!(r#"{{{head},{first},"data":{{"contact_id":"c","queue":"q"}}}}"#)),
        Ok(None)
    );
    assert_eq!(wait_of(format!(r#"{{{head},{first},"data":null}}"#)), Err(Reason::NotObject));
}

#[test]
fn number_is_rejected_when_out_of_range() {
    let wait = |number: &str| {
        let text =
            with_data("contact.answered", json!({"contact_id": "c", "queue": "q", "wait_ms": "?"}));
        text.replace("\"?\"", number)
    };
    assert!(structured(wait("0").as_bytes()).is_ok());
    assert!(structured(wait("1099511627776").as_bytes()).is_ok());
    for beyond in [
        "1099511627777",
        "18446744073709551615",
        "18446744073709551616",
        "1e300",
        "-1",
        "-1e300",
        "1e400",
    ] {
        assert_eq!(reason_of(wait(beyond)), "out_of_range", "{beyond}");
    }
    for wrong in ["1.5", "3.0", "1e3", "-0.5", "null", "true", "\"1\"", "[]", "[1]", "{}"] {
        assert_eq!(reason_of(wait(wrong)), "wrong_type", "{wrong}");
    }
}

#[test]
fn score_is_rejected_when_above_its_scale() {
    let survey = |score: Value, scale: Value| {
        with_data("survey.answered", json!({"contact_id": "c", "score": score, "scale": scale}))
    };
    for (score, scale) in [(1, 1), (5, 5), (100, 100)] {
        let text = survey(json!(score), json!(scale));
        let payload = structured(text.as_bytes()).unwrap().payload;
        let EventPayload::SurveyAnswered { score: read, .. } = payload else {
            panic!("{payload:?}")
        };
        assert_eq!(i32::from(read), score);
    }
    for (score, scale) in [(0, 5), (6, 5), (1, 0), (1, 101), (101, 101), (-1, 5)] {
        assert_eq!(
            reason_of(survey(json!(score), json!(scale))),
            "out_of_range",
            "{score} of {scale}"
        );
    }
}

#[test]
fn word_is_rejected_when_not_in_its_set() {
    let left = |reason: &str| {
        with_data("contact.left_queue", json!({"contact_id": "c", "queue": "q", "reason": reason}))
    };
    for reason in LeftReason::ALL {
        assert!(structured(left(reason.as_str()).as_bytes()).is_ok());
    }
    let rejection = structured(left("bored").as_bytes()).unwrap_err();
    assert_eq!(rejection.reason, Reason::UnknownValue);
    assert!(rejection.detail.contains("exit_key") && !rejection.detail.contains("bored"));

    let started = with_data("contact.started", json!({"contact_id": "c", "channel": "fax"}));
    assert_eq!(reason_of(&started), "unknown_value");
    let channels = Channels::with_added(&["fax"]);
    let record =
        decode(&Message { value: Some(started.as_bytes()), headers: &[] }, &channels, 1000)
            .unwrap();
    assert!(matches!(record.payload, EventPayload::ContactStarted { channel: ChannelId(8), .. }));
}

#[test]
fn list_of_queues_is_checked_entry_by_entry() {
    let state = |queues: Value| {
        with_data("agent.state_changed", json!({"agent": "a", "state": "busy", "queues": queues}))
    };
    for count in [0, 1, 64] {
        let text = state(json!(vec!["q"; count]));
        let EventPayload::AgentStateChanged { queues, .. } =
            structured(text.as_bytes()).unwrap().payload
        else {
            panic!()
        };
        assert_eq!(queues.unwrap().len(), count);
    }
    assert_eq!(reason_of(state(json!(vec!["q"; 65]))), "out_of_range");
    assert_eq!(reason_of(state(json!(vec!["q"; 5000]))), "out_of_range");
    for wrong in [json!(["q", 1]), json!([null]), json!("q"), json!({"q": 1})] {
        assert_eq!(reason_of(state(wrong)), "wrong_type");
    }
    assert_eq!(reason_of(state(json!(["q", ""]))), "text_length");
}

#[test]
fn follow_up_without_a_unit_is_accepted() {
    for kind in ["followup.opened", "followup.work_done", "followup.informed"] {
        assert!(
            structured(with_data(kind, json!({"followup_id": "f"})).as_bytes()).is_ok(),
            "{kind}"
        );
        assert_eq!(
            reason_of(with_data(kind, json!({"followup_id": "f", "unit": null}))),
            "wrong_type",
            "{kind}"
        );
    }
    let due = |due: &str| {
        with_data("followup.opened", json!({"followup_id": "f", "unit": "u", "due": due}))
    };
    let text = due("1970-01-01T00:00:01Z");
    assert!(matches!(
        structured(text.as_bytes()).unwrap().payload,
        EventPayload::FollowupOpened { due: Some(Timestamp(1000)), .. }
    ));
    assert_eq!(reason_of(due("tomorrow")), "out_of_range");
}

const BINARY: [(&str, &[u8]); 5] = [
    ("ce_specversion", b"1.0"),
    ("ce_id", b"1"),
    ("ce_source", b"s"),
    ("ce_type", b"contact.abandoned"),
    ("content-type", b"application/json"),
];

fn binary<'a>(
    value: Option<&'a [u8]>,
    headers: &'a [(&'a str, &'a [u8])],
) -> Result<Event<'a>, Rejection> {
    decode(&Message { value, headers }, &Channels::default(), 1000)
}

#[test]
fn binary_mode_reads_attributes_from_headers() {
    let value: &[u8] = br#"{"contact_id":"c","queue":"q","type":"contact.answered"}"#;
    let record = binary(Some(value), &BINARY).unwrap();
    assert_eq!((&*record.id, &*record.source, record.time), ("1", "s", None));
    assert_eq!(
        record.payload,
        EventPayload::Abandoned { contact: "c".into(), queue: "q".into(), wait: None }
    );

    let timed = [&BINARY[..], &[("ce_time", b"1970-01-01T00:00:01Z")]].concat();
    assert_eq!(binary(Some(value), &timed).unwrap().time, Some(Timestamp(1000)));

    let reason_of = |value, headers| binary(value, headers).unwrap_err().reason;
    assert_eq!(reason_of(None, &BINARY), Reason::MissingField);
    assert_eq!(reason_of(Some(b""), &BINARY), Reason::MissingField);
    assert_eq!(reason_of(Some(b"[]"), &BINARY), Reason::NotObject);
    assert_eq!(reason_of(Some(b"{}}"), &BINARY), Reason::NotJson);
    assert_eq!(reason_of(Some(value), &BINARY[1..]), Reason::MissingField);
    let not_text = [&BINARY[..], &[("ce_id", b"\xff")]].concat();
    assert_eq!(reason_of(Some(value), &not_text), Reason::WrongType);
    let empty = [&BINARY[..], &[("ce_id", b"")]].concat();
    assert_eq!(reason_of(Some(value), &empty), Reason::TextLength);
}

#[test]
fn binary_mode_accepts_an_empty_value_when_no_data_is_required() {
    let restarted = [&BINARY[..3], &[("ce_type", b"source.restarted")]].concat();
    for value in [None, Some(&b""[..]), Some(b"{}")] {
        assert_eq!(binary(value, &restarted).unwrap().payload, EventPayload::SourceRestarted);
    }
}

#[test]
fn value_is_an_envelope_when_it_begins_as_one_with_any_headers() {
    let envelope = br#"{"specversion":"1.0","id":"inner","source":"s","type":"source.restarted"}"#;
    let headers: [(&str, &[u8]); 4] = [
        ("ce_specversion", b"1.0"),
        ("ce_id", b"outer"),
        ("ce_source", b"s"),
        ("ce_type", b"source.restarted"),
    ];
    assert_eq!(binary(Some(envelope), &headers).unwrap().id, "inner");
    let data = br#"{ "specversion":"1.0","id":"inner"}"#;
    assert_eq!(binary(Some(data), &headers).unwrap().id, "outer");
    assert!(!reads_headers(Format::CloudEvents, Some(envelope)));
    assert!(
        reads_headers(Format::CloudEvents, Some(data)) && reads_headers(Format::CloudEvents, None)
    );
    assert!(!reads_headers(Format::AsteriskQueueLog, Some(b"1|2|q|NONE|FULL")));
}

#[test]
fn mode_is_structured_when_headers_are_others() {
    let text = with("id", json!("7"));
    let record =
        binary(Some(text.as_bytes()), &[("traceparent", b"00-1"), ("ce_time", b"x")]).unwrap();
    assert_eq!(record.id, "7");
}
