//! Bounded fuzzing of the decoders: for any bytes, the result is a valid event or a rejection that
//! repeats no value.
//!
//! `NABIZ_FUZZ_CASES` sets the total number of inputs (default 20000).

use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use nabiz_core::decode::{Format, Message, decode};
use nabiz_core::event::{
    Channels, EVENT_TYPES, Event, EventPayload, Field, ImpliedAnswer, Reason, Rejection,
    TEXT_BYTES_MAX, Values,
};
use nabiz_core::time::{DURATION_MAX, Millis};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value, json};

/// The first letter of every generated text, so that a repeated value is detected.
const MARK: char = '§';
const PROPERTIES: u32 = 4;
/// The most time for one input: far more than linear work on a megabyte needs, and far less than
/// quadratic work would take.
const DEADLINE: Duration = Duration::from_secs(5);

fn config() -> ProptestConfig {
    let total = std::env::var("NABIZ_FUZZ_CASES")
        .ok()
        .map_or(20_000, |cases| cases.parse().expect("NABIZ_FUZZ_CASES"));
    ProptestConfig {
        cases: u32::max(1, total / PROPERTIES),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

#[expect(clippy::disallowed_methods, reason = "finds input that takes too long")]
fn run<'a>(
    format: Format,
    value: &'a [u8],
    headers: &'a [(&'a str, &'a [u8])],
) -> Result<Event<'a>, Rejection> {
    let started = Instant::now();
    let result =
        decode(format, &Message { value: Some(value), headers }, &Channels::default(), 1 << 21)
            .map(|event| event.expect("no tombstone"));
    assert!(started.elapsed() < DEADLINE, "{} bytes took {:?}", value.len(), started.elapsed());
    match &result {
        Ok(record) => assert_valid(record, format),
        Err(rejection) => assert_well_worded(rejection),
    }
    result
}

fn assert_well_worded(rejection: &Rejection) {
    assert!(
        !matches!(rejection.reason, Reason::MissingTime | Reason::Orphan),
        "not a reason of a decoder: {rejection}"
    );
    assert!(!rejection.detail.is_empty() && !rejection.detail.ends_with('.'), "{rejection}");
    assert!(rejection.detail.starts_with(char::is_lowercase), "{rejection}");
    assert!(!rejection.detail.contains(MARK), "{rejection}");
}

fn assert_valid(record: &Event<'_>, format: Format) {
    assert!(!record.id.is_empty());
    if format == Format::CloudEvents {
        assert!(record.id.len() <= TEXT_BYTES_MAX && record.extra_payloads.is_empty());
    }
    for payload in std::iter::once(&record.payload).chain(&record.extra_payloads) {
        let (texts, durations) = parts(payload);
        for text in texts.into_iter().chain([&*record.source]) {
            assert!((1..=TEXT_BYTES_MAX).contains(&text.len()), "{record:?}");
        }
        assert!(
            durations.into_iter().flatten().all(|duration| duration <= DURATION_MAX),
            "{record:?}"
        );
    }
}

/// Returns the texts and the durations of a payload.
fn parts<'b>(payload: &'b EventPayload<'_>) -> (Vec<&'b str>, Vec<Option<Millis>>) {
    let mut texts: Vec<&str> = Vec::new();
    let mut optional: Vec<Option<&str>> = Vec::new();
    let mut durations = Vec::new();
    match payload {
        EventPayload::ContactStarted { contact, entry_point, .. }
        | EventPayload::SelfService { contact, entry_point, .. } => {
            texts.push(contact);
            optional.push(entry_point.as_deref());
        }
        EventPayload::Queued { contact, queue, .. }
        | EventPayload::Alerted { contact, queue }
        | EventPayload::NotAnswered { contact, queue } => {
            texts.extend([&**contact, queue]);
        }
        EventPayload::Answered { contact, queue, agent, wait, .. } => {
            texts.extend([&**contact, queue]);
            optional.push(agent.as_deref());
            durations.push(*wait);
        }
        EventPayload::Abandoned { contact, queue, wait, .. }
        | EventPayload::LeftQueue { contact, queue, wait, .. } => {
            texts.extend([&**contact, queue]);
            durations.push(*wait);
        }
        EventPayload::Replied { contact, queue }
        | EventPayload::Resolved { contact, queue }
        | EventPayload::Reopened { contact, queue, .. } => {
            texts.push(contact);
            optional.push(queue.as_deref());
        }
        EventPayload::Transferred { contact, from_queue, to_queue, .. } => {
            texts.push(contact);
            optional.extend([from_queue.as_deref(), to_queue.as_deref()]);
        }
        EventPayload::Ended { contact, queue, talk, hold, wrap_up, ended_by: _, implied } => {
            texts.push(contact);
            optional.push(queue.as_deref());
            durations.extend([*talk, *hold, *wrap_up]);
            if let Some(ImpliedAnswer { agent, wait, is_negative: _ }) = implied {
                optional.push(agent.as_deref());
                durations.push(Some(*wait));
            }
        }
        EventPayload::FollowupOpened { followup, unit, .. }
        | EventPayload::FollowupWorkDone { followup, unit }
        | EventPayload::FollowupInformed { followup, unit } => {
            texts.push(followup);
            optional.push(unit.as_deref());
        }
        EventPayload::SurveyAnswered { contact, score, queue, .. } => {
            texts.push(contact);
            optional.push(queue.as_deref());
            assert!((1..=100).contains(score));
        }
        EventPayload::AgentStateChanged { agent, queues, .. } => {
            texts.push(agent);
            texts.extend(queues.iter().flatten().map(|queue| &**queue));
        }
        EventPayload::AgentQueueState { agent, queue, .. } => texts.extend([&**agent, queue]),
        EventPayload::AgentUnpaused { agent, queue } => {
            texts.push(agent);
            optional.push(queue.as_deref());
        }
        EventPayload::AgentWrapUp { agent, duration } => {
            texts.push(agent);
            durations.push(Some(*duration));
        }
        EventPayload::QueueObserved { queue, waiting, oldest_wait } => {
            texts.push(queue);
            durations.extend([Some(Millis(*waiting)), *oldest_wait]);
        }
        EventPayload::SourceRestarted | EventPayload::Nothing => {}
    }
    texts.extend(optional.into_iter().flatten());
    (texts, durations)
}

fn text() -> impl Strategy<Value = String> {
    "[a-z0-9üğ€😀\"\\\\/\\t ]{0,20}".prop_map(|rest| format!("{MARK}{rest}"))
}

fn value_of(field: &Field) -> BoxedStrategy<Value> {
    match field.values {
        Values::Text => text().prop_map(Value::from).boxed(),
        Values::Texts => prop::collection::vec(text(), 0..4).prop_map(Value::from).boxed(),
        Values::Word(words) => select(words()).prop_map(Value::from).boxed(),
        Values::Channel => select(&Channels::BUILT_IN[..]).prop_map(Value::from).boxed(),
        // A score of 1 is within every scale.
        Values::Integer(min, _) if field.name == "score" => Just(json!(min)).boxed(),
        Values::Integer(min, max) => {
            prop_oneof![min..=max, min..=max.min(100_000)].prop_map(Value::from).boxed()
        }
        Values::Bool => any::<bool>().prop_map(Value::from).boxed(),
        Values::Time => time().prop_map(Value::from).boxed(),
    }
}

fn time() -> impl Strategy<Value = String> {
    "20[0-9]{2}-0[1-9]-[012][1-8]T[01][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]0[0-9]:30)"
}

/// A valid event of any type, with any of its optional fields.
fn event() -> impl Strategy<Value = Value> {
    let data = select(EVENT_TYPES).prop_flat_map(|event_type| {
        let fields: Vec<_> = event_type
            .fields
            .iter()
            .map(|field| {
                let present =
                    if field.required { Just(true).boxed() } else { any::<bool>().boxed() };
                (Just(field.name.to_string()), value_of(field), present)
            })
            .collect();
        (Just(event_type.name), fields)
    });
    (data, text(), text(), prop::option::of(time())).prop_map(|((kind, fields), id, source, time)| {
        let data: Map<String, Value> =
            fields.into_iter().filter(|(.., present)| *present).map(|(name, value, _)| (name, value)).collect();
        let mut event = json!({"specversion": "1.0", "id": id, "source": source, "type": kind, "data": data});
        if let Some(time) = time {
            event["time"] = json!(time);
        }
        event
    })
}

fn line() -> impl Strategy<Value = String> {
    let verbs = "ENTERQUEUE CONNECT ABANDON EXITWITHTIMEOUT EXITEMPTY EXITWITHKEY WITHDRAW \
                 SYSCOMPAT AGENTDUMP FULL CLOSED JOINEMPTY LEAVEEMPTY DIVERT_CA_RATIO \
                 DIVERT_HOLDTIME RINGNOANSWER RINGCANCELED COMPLETEAGENT COMPLETECALLER \
                 BLINDTRANSFER ATTENDEDTRANSFER TRANSFER ADDMEMBER REMOVEMEMBER PAUSE UNPAUSE \
                 PAUSEALL UNPAUSEALL AGENTLOGIN AGENTLOGOFF QUEUESTART PENALTY INFO MYVERB";
    let one_line = || text().prop_filter("one line", |text| !text.contains('\n'));
    let name = || prop_oneof![4 => one_line(), 1 => Just("NONE".to_string())];
    let parameter = prop_oneof![
        4 => "[0-9]{0,4}",
        1 => "[0-9]{10,22}",
        1 => text(),
        1 => Just("-1".to_string()),
    ];
    let head = (
        "[0-9]{1,10}(\\.[0-9]{1,6})?",
        name(),
        name(),
        name(),
        select(verbs.split_whitespace().collect::<Vec<_>>()),
    );
    (head, prop::collection::vec(parameter, 0..7)).prop_map(
        |((time, call, queue, agent, verb), parameters)| {
            format!("{time}|{call}|{queue}|{agent}|{verb}|{}", parameters.join("|"))
        },
    )
}

#[derive(Clone, Debug)]
enum Edit {
    Set(Index, u8),
    Insert(Index, &'static str),
    Delete(Index, usize),
    Repeat(Index, usize, usize),
    Truncate(Index),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    const TOKENS: &[&str] = &[
        "null",
        "true",
        "-0",
        "1e400",
        "18446744073709551616",
        "\"",
        "\\",
        "\\ud800",
        "\\u0000",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "|",
        "\n",
        "\0",
        "\u{feff}",
        "\"data\":{",
        "\"type\":",
        "NONE",
        "||||||||",
        " ",
        ".",
    ];
    let edit = prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        (any::<Index>(), select(TOKENS)).prop_map(|(at, token)| Edit::Insert(at, token)),
        (any::<Index>(), 1usize..20).prop_map(|(at, count)| Edit::Delete(at, count)),
        (any::<Index>(), 1usize..20, 1usize..300)
            .prop_map(|(at, count, times)| Edit::Repeat(at, count, times)),
        any::<Index>().prop_map(Edit::Truncate),
    ];
    prop::collection::vec(edit, 0..5)
}

fn edited(text: &str, edits: &[Edit]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for edit in edits {
        let place = |index: &Index| index.index(bytes.len() + 1);
        match edit {
            Edit::Set(at, byte) => {
                let at = place(at);
                if let Some(target) = bytes.get_mut(at) {
                    *target = *byte;
                }
            }
            Edit::Insert(at, token) => {
                let at = place(at);
                bytes.splice(at..at, token.bytes());
            }
            Edit::Delete(at, count) => {
                let at = place(at);
                let end = bytes.len().min(at + count);
                bytes.drain(at..end);
            }
            Edit::Repeat(at, count, times) => {
                let at = place(at);
                let part = bytes[at..bytes.len().min(at + count)].repeat(*times);
                bytes.splice(at..at, part);
            }
            Edit::Truncate(at) => bytes.truncate(place(at)),
        }
    }
    bytes
}

/// A value that is wrong for most fields.
fn odd_value() -> impl Strategy<Value = Value> {
    select(vec![
        json!(null),
        json!(-1),
        json!(3.0),
        json!(1e300),
        json!(u64::MAX),
        json!(true),
        json!(""),
        json!("§".repeat(200)),
        json!([]),
        json!(["§", 1]),
        json!(vec!["§"; 100]),
        json!({"§": {"§": []}}),
        json!("§"),
    ])
}

/// Returns JSON text with every character of every string as a `\u` escape, and keys in reverse
/// order.
fn escaped(value: &Value) -> String {
    match value {
        Value::String(text) => escaped_text(text),
        Value::Array(entries) => {
            format!("[ {} ]", entries.iter().map(escaped).collect::<Vec<_>>().join(" ,\n"))
        }
        Value::Object(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .rev()
                .map(|(key, value)| format!("{}\t: {}", escaped_text(key), escaped(value)))
                .collect();
            format!("\r\n{{{}}} ", entries.join(", "))
        }
        other => other.to_string(),
    }
}

fn escaped_text(text: &str) -> String {
    let units: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    format!("\"{units}\"")
}

/// Returns the attributes of an event as headers of the binary mode.
fn headers(event: &Value) -> Vec<(String, Vec<u8>)> {
    let attributes = event.as_object().into_iter().flatten();
    attributes
        .filter(|(name, _)| *name != "data")
        .map(|(name, value)| {
            (
                format!("ce_{name}"),
                value.as_str().map_or(value.to_string(), str::to_string).into_bytes(),
            )
        })
        .collect()
}

fn run_binary(data: &[u8], headers: &[(String, Vec<u8>)]) -> Result<String, Rejection> {
    let headers: Vec<(&str, &[u8])> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    run(Format::CloudEvents, data, &headers).map(|record| format!("{record:?}"))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn valid_event_decodes_to_the_same_record_in_every_writing(event in event()) {
        let plain = event.to_string();
        let record = run(Format::CloudEvents, plain.as_bytes(), &[]).unwrap();
        let again: Value = serde_json::from_str(&plain).unwrap();
        for text in [format!("{again:#}"), escaped(&event)] {
            prop_assert_eq!(&run(Format::CloudEvents, text.as_bytes(), &[]).unwrap(), &record, "{}", text);
        }
        let data = event["data"].to_string();
        let binary = run_binary(data.as_bytes(), &headers(&event)).unwrap();
        prop_assert_eq!(binary, format!("{record:?}"));
        let mut encoded = event.clone();
        encoded.as_object_mut().unwrap().remove("data");
        encoded["data_base64"] = json!(BASE64_STANDARD.encode(data));
        let encoded = encoded.to_string();
        prop_assert_eq!(&run(Format::CloudEvents, encoded.as_bytes(), &[]).unwrap(), &record);
    }

    #[test]
    fn damaged_event_decodes_or_is_rejected(
        event in event(),
        odd in prop::collection::vec((any::<Index>(), odd_value(), any::<bool>()), 0..3),
        edits in edits(),
    ) {
        let mut event = event;
        for (at, value, in_data) in odd {
            let target = if in_data { &mut event["data"] } else { &mut event };
            let Some(object) = target.as_object_mut() else { continue };
            if let Some(key) = object.keys().nth(at.index(object.len().max(1))).cloned() {
                object.insert(key, value);
            }
        }
        let _ = run(Format::CloudEvents, &edited(&event.to_string(), &edits), &[]);
        let mut headers = headers(&event);
        if let Some((_, value)) = headers.first_mut() {
            *value = edited(&String::from_utf8_lossy(value), &edits);
        }
        let _ = run_binary(&edited(&event["data"].to_string(), &edits), &headers);
    }

    #[test]
    fn damaged_line_decodes_or_is_rejected(line in line(), edits in edits()) {
        let damaged = edited(&line, &edits);
        let _ = run(Format::AsteriskQueueLog, &damaged, &[]);
        let shipped = json!({"message": String::from_utf8_lossy(&damaged), "host": "§"});
        let _ = run(Format::AsteriskQueueLog, shipped.to_string().as_bytes(), &[]);
        let whole = json!({"message": line}).to_string();
        prop_assert_eq!(
            run(Format::AsteriskQueueLog, whole.as_bytes(), &[]),
            run(Format::AsteriskQueueLog, line.as_bytes(), &[])
        );
    }

    #[test]
    fn arbitrary_bytes_decode_or_are_rejected(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        json in "[{}\\[\\]:,\"\\\\a-c0-9.e+-]{0,80}",
    ) {
        for format in Format::ALL {
            for value in [&bytes, json.as_bytes()] {
                let _ = run(format, value, &[]);
                let _ = run(format, value, &[("ce_id", value), ("ce_type", b"source.restarted")]);
            }
        }
    }
}

#[test]
fn value_over_the_limit_is_too_large_in_every_format() {
    for format in Format::ALL {
        let decoded = |value: &[u8]| {
            let message = Message { value: Some(value), headers: &[] };
            decode(format, &message, &Channels::default(), 8).map(|_| ()).unwrap_err().reason
        };
        assert_eq!(decoded(b"123456789"), Reason::TooLarge, "{format:?}");
        assert_ne!(decoded(b"12345678"), Reason::TooLarge, "{format:?}");
    }
}

#[test]
fn megabyte_inputs_are_decoded_in_bounded_time() {
    let repeated = |open: &str, part: &str, close: &str| {
        format!("{open}{}{close}", part.repeat((1 << 20) / part.len()))
    };
    for value in [
        repeated("", "[", ""),
        repeated("", "{\"data\":", ""),
        repeated("{\"data\":{", "\"queue\":\"\\u00a7\",", "\"queue\":\"x\"}}"),
        repeated("{\"data\":{\"queues\":[", "\"\\n\",", "1]}}"),
        repeated("{", "\"data\":{\"queue\":1},", "\"id\":1}"),
        repeated("{\"id\":\"", "\\n", "\"}"),
        repeated("{\"id\":", "9", "}"),
        repeated("{\"id\":0.", "9", "e99999}"),
        repeated("1|2|q|a|ATTENDEDTRANSFER", "|", ""),
        repeated("1|2|q|a|CONNECT|", "1", ""),
        repeated("1.", "1", "|2|q|a|CONNECT|"),
        repeated("1|2|q|NONE|ENTERQUEUE", "\r\n", ""),
    ] {
        for format in Format::ALL {
            let _ = run(format, value.as_bytes(), &[]);
        }
    }
}
