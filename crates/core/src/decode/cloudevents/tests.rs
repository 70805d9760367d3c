//! CloudEvents: accepted and rejected messages.

use std::borrow::Cow;

use super::*;
use crate::event::{AgentState, ChannelId, LeftReason};
use crate::time::{Millis, Timestamp};
use serde_json::{Value, json};

/// Decodes a message that is no tombstone.
fn read_message<'a>(
    message: &Message<'a>,
    channels: &Channels,
    record_bytes_max: usize,
) -> Result<Event<'a>, Rejection> {
    decode(message, channels, record_bytes_max).map(|event| event.expect("no tombstone"))
}

fn structured(value: &[u8]) -> Result<Event<'_>, Rejection> {
    read_message(&Message { value: Some(value), headers: &[] }, &Channels::default(), 1 << 20)
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

/// Returns the payload, the dropped fields and the number of negative durations of an event.
fn read(text: &str) -> (EventPayload<'static>, Vec<&'static str>, u64) {
    let record = structured(String::leak(text.to_owned()).as_bytes()).unwrap();
    let dropped = record.faults.dropped().map(OptionalField::as_str).collect();
    (record.payload, dropped, record.faults.negative_durations())
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
        channel: None,
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
    assert_eq!(reason_of("\u{feff}\u{feff}{}"), "not_json");
}

#[test]
fn record_without_value_is_a_tombstone_when_no_headers_have_attributes() {
    let batch: [(&str, &[u8]); 1] = [("content-type", b"application/cloudevents-batch+json")];
    let envelope = [&BINARY[..4], &[("content-type", b"application/cloudevents+json")]].concat();
    let traced: [(&str, &[u8]); 1] = [("traceparent", b"00-1")];
    for headers in [&[], &traced[..], &BINARY[4..], &batch, &envelope] {
        let decoded = decode(&Message { value: None, headers }, &Channels::default(), 100);
        assert_eq!(decoded, Ok(None), "{headers:?}");
    }
    let empty = decode(&Message { value: Some(b""), headers: &[] }, &Channels::default(), 100);
    assert_eq!(empty.unwrap_err().reason, Reason::NotJson, "an empty value is none of JSON");
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
    let decode_within = |max| {
        read_message(&Message { value: Some(value), headers: &[] }, &Channels::default(), max)
    };
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
    assert_eq!(structured(with("time", json!(null)).as_bytes()).unwrap().time, None);
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
    let rejection = structured(without.to_string().as_bytes()).unwrap_err();
    assert_eq!(rejection, Rejection::new(Reason::MissingField, "data is required"));
    assert_eq!(reason_of(with("data", json!(null))), "missing_field");
    let restarted = |data| read(&with_data("source.restarted", data));
    assert_eq!(restarted(json!(null)), (EventPayload::SourceRestarted, vec![], 0));
    for wrong in [json!(1), json!(-1), json!(0.5), json!(true), json!("{}"), json!([{}])] {
        assert_eq!(reason_of(with("data", wrong.clone())), "not_object");
        assert_eq!(restarted(wrong), (EventPayload::SourceRestarted, vec!["data"], 0));
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
    assert_eq!(wait_of(format!(r#"{{{head},{first},"data":[]}}"#)), Err(Reason::NotObject));
    assert_eq!(wait_of(format!(r#"{{{head},{first},"data":null}}"#)), Err(Reason::MissingField));
}

#[test]
fn number_is_rejected_when_a_required_one_is_out_of_range() {
    let waiting = |number: &str| {
        with_data("queue.observed", json!({"queue": "q", "waiting": "?"})).replace("\"?\"", number)
    };
    assert!(structured(waiting("0").as_bytes()).is_ok());
    assert!(structured(waiting("1099511627776").as_bytes()).is_ok());
    for beyond in
        ["1099511627777", "18446744073709551615", "18446744073709551616", "1e300", "-1", "-1e300"]
    {
        assert_eq!(reason_of(waiting(beyond)), "out_of_range", "{beyond}");
    }
    for wrong in ["1.5", "3.0", "1e3", "-0.5", "null", "true", "\"1\"", "[]", "[1]", "{}"] {
        assert_eq!(reason_of(waiting(wrong)), "wrong_type", "{wrong}");
    }
}

#[test]
fn duration_is_left_out_when_wrong_and_zero_when_negative() {
    let wait = |number: &str| {
        let data = json!({"contact_id": "c", "queue": "q", "wait_ms": "?"});
        let text = with_data("contact.answered", data).replace("\"?\"", number);
        let (payload, dropped, negative) = read(&text);
        let EventPayload::Answered { wait, .. } = payload else { panic!("{payload:?}") };
        (wait.map(Millis::get), dropped.len(), negative)
    };
    assert_eq!(wait("0"), (Some(0), 0, 0));
    assert_eq!(wait("1099511627776"), (Some(1 << 40), 0, 0));
    assert_eq!(wait("null"), (None, 0, 0));
    for negative in ["-1", "-1099511627777", "-18446744073709551616"] {
        assert_eq!(wait(negative), (Some(0), 0, 1), "{negative}");
    }
    for wrong in [
        "1099511627777",
        "18446744073709551615",
        "18446744073709551616",
        "1e300",
        "1.5",
        "3.0",
        "1e3",
        "-0.5",
        "true",
        "\"1\"",
        "[]",
        "[1]",
        "{}",
    ] {
        assert_eq!(wait(wrong), (None, 1, 0), "{wrong}");
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
        read_message(&Message { value: Some(started.as_bytes()), headers: &[] }, &channels, 1000)
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
    for wrong in [
        json!(vec!["q"; 65]),
        json!(vec!["q"; 5000]),
        json!(["q", 1]),
        json!([null]),
        json!("q"),
        json!({"q": 1}),
        json!(["q", ""]),
    ] {
        let unchanged = EventPayload::AgentStateChanged {
            agent: "a".into(),
            state: AgentState::Busy,
            reason: None,
            queues: None,
        };
        assert_eq!(read(&state(wrong.clone())), (unchanged, vec!["queues"], 0), "{wrong}");
    }
}

#[test]
fn follow_up_without_a_unit_is_accepted() {
    for kind in ["followup.opened", "followup.work_done", "followup.informed"] {
        assert!(
            structured(with_data(kind, json!({"followup_id": "f"})).as_bytes()).is_ok(),
            "{kind}"
        );
        let (_, dropped, _) = read(&with_data(kind, json!({"followup_id": "f", "unit": null})));
        assert!(dropped.is_empty(), "{kind}");
        let (_, dropped, _) = read(&with_data(kind, json!({"followup_id": "f", "unit": 7})));
        assert_eq!(dropped, ["unit"], "{kind}");
    }
    let due = |due: &str| {
        with_data("followup.opened", json!({"followup_id": "f", "unit": "u", "due": due}))
    };
    let text = due("1970-01-01T00:00:01Z");
    assert!(matches!(
        structured(text.as_bytes()).unwrap().payload,
        EventPayload::FollowupOpened { due: Some(Timestamp(1000)), .. }
    ));
    assert_eq!(read(&due("tomorrow")).1, ["due"]);
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
    read_message(&Message { value, headers }, &Channels::default(), 1000)
}

#[test]
fn binary_mode_reads_attributes_from_headers() {
    let value: &[u8] = br#"{"contact_id":"c","queue":"q","type":"contact.answered"}"#;
    let record = binary(Some(value), &BINARY).unwrap();
    assert_eq!((&*record.id, &*record.source, record.time), ("1", "s", None));
    assert_eq!(
        record.payload,
        EventPayload::Abandoned {
            contact: "c".into(),
            queue: "q".into(),
            wait: None,
            channel: None
        }
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
fn headers_are_read_in_any_case() {
    let value: &[u8] = br#"{"contact_id":"c","queue":"q"}"#;
    let headers: [(&str, &[u8]); 5] = [
        ("CE_SpecVersion", b"1.0"),
        ("Ce_Id", b"1"),
        ("CE_SOURCE", b"s"),
        ("ce_TYPE", b"contact.abandoned"),
        ("Ce_Time", b"1970-01-01T00:00:01Z"),
    ];
    let record = binary(Some(value), &headers).unwrap();
    assert_eq!((&*record.id, record.time), ("1", Some(Timestamp(1000))));
}

const ENVELOPE: &[u8] =
    br#" {"id":"inner","source":"s","specversion":"1.0","type":"source.restarted"}"#;

/// The headers of a source that restarted, with a content type.
fn restarted<'a>(content_type: (&'a str, &'a str)) -> Vec<(&'a str, &'a [u8])> {
    let (name, value) = content_type;
    vec![
        ("ce_specversion", b"1.0"),
        ("ce_id", b"outer"),
        ("ce_source", b"s"),
        ("ce_type", b"source.restarted"),
        (name, value.as_bytes()),
    ]
}

/// Returns the id that is read of [`ENVELOPE`] with headers.
fn id_with(headers: &[(&str, &[u8])]) -> String {
    binary(Some(ENVELOPE), headers).unwrap().id.into_owned()
}

#[test]
fn content_type_of_an_envelope_tells_the_mode_with_any_headers() {
    for name in ["content-type", "Content-Type", "CONTENT-TYPE"] {
        for value in [
            "application/cloudevents",
            "application/cloudevents+json",
            "Application/CloudEvents+JSON",
            " application/cloudevents+json ; charset=UTF-8",
            "application/cloudevents;charset=utf-8",
        ] {
            assert_eq!(id_with(&restarted((name, value))), "inner", "{name}: {value}");
        }
        for value in ["application/json", "application/cloudeventsx", "text/plain", ""] {
            assert_eq!(id_with(&restarted((name, value))), "outer", "{name}: {value}");
        }
    }
    let two = [
        restarted(("content-type", "application/json")),
        vec![("content-type", b"application/cloudevents+json")],
    ]
    .concat();
    assert_eq!(id_with(&two), "inner", "the last one counts");
}

#[test]
fn record_is_rejected_by_the_name_of_its_format_when_that_is_not_read() {
    fn rejected(value: &str) -> Rejection {
        binary(Some(ENVELOPE), &restarted(("Content-Type", value))).unwrap_err()
    }
    for name in [
        "application/cloudevents-batch",
        "application/cloudevents-batch+json",
        "application/cloudevents+avro",
        "application/cloudevents+protobuf",
        "application/cloudevents+xml",
    ] {
        let detail = format!("content-type must be application/cloudevents+json, not {name}");
        let expected = Rejection::new(Reason::UnknownValue, detail);
        assert_eq!(rejected(name), expected);
        assert_eq!(rejected(&format!("{}; charset=utf-8", name.to_uppercase())), expected);
    }
    let unknown = rejected("application/cloudevents+secret");
    assert_eq!(unknown.reason, Reason::UnknownValue);
    assert!(!unknown.detail.contains("secret"), "{unknown}");
}

#[test]
fn headers_tell_the_mode_when_the_content_type_does_not() {
    let begins_as_envelope = br#"{"specversion":"1.0","id":"inner","source":"s"}"#;
    let headers = restarted(("x", ""));
    assert_eq!(binary(Some(begins_as_envelope), &headers).unwrap().id, "outer");
    assert_eq!(id_with(&headers[2..3]), "inner", "ce_source alone");
}

#[test]
fn mode_is_structured_when_headers_are_others() {
    let text = with("id", json!("7"));
    let record =
        binary(Some(text.as_bytes()), &[("traceparent", b"00-1"), ("ce_time", b"x")]).unwrap();
    assert_eq!(record.id, "7");
}

#[test]
fn byte_order_mark_is_skipped() {
    let text = format!("\u{feff}{}", with("id", json!("7")));
    assert_eq!(structured(text.as_bytes()).unwrap().id, "7");
    let data = "\u{feff}{\"contact_id\":\"c\",\"queue\":\"q\"}";
    assert!(binary(Some(data.as_bytes()), &BINARY).is_ok());
    assert_eq!(
        binary(Some("\u{feff}".as_bytes()), &restarted(("x", ""))).unwrap().payload,
        EventPayload::SourceRestarted
    );
}

/// Returns an event with encoded data.
fn with_base64(kind: &str, data: Value) -> String {
    let mut event = event(kind, json!(null));
    event["data_base64"] = data;
    event.to_string()
}

#[test]
fn data_in_base64_are_read() {
    let base64 = |text: &str| json!(BASE64.encode(text));
    let data = r#"{"contact_id":"\u0063","queue":"arıza","wait_ms":-1,"agent":7}"#;
    let answered = |text: &str| {
        let (payload, dropped, negative) = read(text);
        assert_eq!((dropped, negative), (vec!["agent"], 1));
        let (contact, queue, wait) = ("c".into(), "arıza".into(), Some(Millis::ZERO));
        assert_eq!(
            payload,
            EventPayload::Answered { contact, queue, agent: None, wait, channel: None }
        );
    };
    let text = with_base64("contact.answered", base64(data));
    answered(&text);
    answered(&text.replace(r#""data":null,"#, ""));
    answered(&text.replace("contact.answered", r"contact.\u0061nswered"));
    answered(&with_base64("contact.answered", base64(&format!("\u{feff}{data}"))));
    let unpadded = BASE64.encode(format!("{data} "));
    assert!(unpadded.ends_with('='));
    answered(&with_base64("contact.answered", json!(unpadded.trim_end_matches('='))));

    for (value, reason) in [
        (json!("?"), "not_json"),
        (base64("{"), "not_json"),
        (base64("{} {}"), "not_json"),
        (json!(BASE64.encode(b"{\"queue\":\"\xff\"}")), "not_json"),
        (base64("[]"), "not_object"),
        (base64("null"), "missing_field"),
        (json!(null), "missing_field"),
        (base64("{}"), "missing_field"),
        (json!(7), "wrong_type"),
    ] {
        assert_eq!(reason_of(with_base64("contact.answered", value.clone())), reason, "{value}");
    }
    let restarted = |value| read(&with_base64("source.restarted", value));
    assert_eq!(restarted(base64("null")), (EventPayload::SourceRestarted, vec![], 0));
    assert_eq!(restarted(base64("[1]")), (EventPayload::SourceRestarted, vec!["data"], 0));

    let mut both = event("contact.abandoned", json!({"contact_id": "c", "queue": "q"}));
    both["data_base64"] = json!("?");
    assert!(structured(both.to_string().as_bytes()).is_ok(), "data count first");
}

#[test]
fn number_beyond_every_float_costs_only_its_field() {
    let huge = "9".repeat(400);
    for number in ["1e400", "-1e400", &huge, &format!("-{huge}"), &format!("0.{huge}e999")] {
        let text = format!(
            r#"{{"x":[{number}],"specversion":"1.0","id":"\\\"1e400","source":"s","#
        ) + &format!(
            r#""type":"contact.answered","data":{{"contact_id":"c","queue":"q","wait_ms":{number}}}}}"#
        );
        let (payload, dropped, negative) = read(&text);
        let wait = number.starts_with('-').then_some(Millis::ZERO);
        let is_negative = u64::from(wait.is_some());
        let (contact, queue) = ("c".into(), "q".into());
        assert_eq!(
            payload,
            EventPayload::Answered { contact, queue, agent: None, wait, channel: None },
            "{number}"
        );
        assert_eq!((dropped.len() as u64, negative), (1 - is_negative, is_negative), "{number}");
        assert_eq!(structured(text.as_bytes()).unwrap().id, "\\\"1e400");
        let waiting = with_data("queue.observed", json!({"queue": "q", "waiting": "?"}));
        assert_eq!(reason_of(waiting.replace("\"?\"", number)), "out_of_range", "{number}");
        assert_eq!(reason_of(format!("{{\"x\":{number},}}")), "not_json", "{number}");
    }
}

#[test]
fn half_of_a_surrogate_pair_costs_no_record_and_keeps_ids_apart() {
    let event = |id: &str, queue: &str| {
        format!(r#"{{"specversion":"1.0","id":"{id}","source":"s","type":"contact.abandoned","#)
            + &format!(r#""data":{{"contact_id":"c","queue":"{queue}","x":["\udfff"]}}}}"#)
    };
    let read_texts = |id: &str, queue: &str| {
        let text = event(id, queue);
        let read = structured(text.as_bytes()).unwrap();
        assert_eq!(read.faults.dropped().count(), 0, "{text}");
        let EventPayload::Abandoned { queue, .. } = read.payload else { panic!("{read:?}") };
        (read.id.into_owned(), queue.into_owned())
    };
    for (queue, expected) in [
        (r"q\ud83d", "q\u{fffd}d83d"),
        (r"q\uD83D x", "q\u{fffd}d83d x"),
        (r"\udc00", "\u{fffd}dc00"),
        (r"\ud83d\ud83d\ude00", "\u{fffd}d83d😀"),
        (r"\ud83d\n", "\u{fffd}d83d\n"),
        (r"\ud83d\\", "\u{fffd}d83d\\"),
        (r"\\ud83d", "\\ud83d"),
        (r"\ud83d\ude00", "😀"),
        (r"\u0041\ud83d", "A\u{fffd}d83d"),
    ] {
        assert_eq!(read_texts(r"\ud800", queue), ("\u{fffd}d800".into(), expected.into()));
    }
    assert_ne!(read_texts(r"\ud800", "q").0, read_texts(r"\ud801", "q").0);
    for queue in [r"\ud8", r"\ud83d\u12", r"\ud83d\x", r"\ud83g"] {
        assert_eq!(reason_of(event("e", queue)), "not_json", "{queue}");
    }
}
