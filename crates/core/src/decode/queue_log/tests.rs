//! Lines of a queue_log: accepted and rejected ones.

use super::*;

/// Decodes a message that is no tombstone.
fn read_message<'a>(message: &Message<'a>, bytes_max: usize) -> Result<Event<'a>, Rejection> {
    decode(message, bytes_max).map(|event| event.expect("no tombstone"))
}

fn line(text: &str) -> Result<Event<'_>, Rejection> {
    read_message(&Message { value: Some(text.as_bytes()), headers: &[] }, 1 << 20)
}

fn line_of(text: &str) -> Event<'_> {
    line(text).unwrap_or_else(|rejection| panic!("{text}: {rejection}"))
}

fn payloads(rest: &str) -> Vec<EventPayload<'static>> {
    let text = format!("1366720340|1366720340.303267|{rest}");
    let text: &'static str = Box::leak(text.into_boxed_str());
    let record = line(text).unwrap_or_else(|rejection| panic!("{rest}: {rejection}"));
    [vec![record.payload], record.extra_payloads].concat()
}

/// Returns the payload of a line, its dropped fields and the number of negative durations.
fn with_faults(line: &[u8]) -> (EventPayload<'static>, Vec<&'static str>, u64) {
    let message = Message { value: Some(line.to_vec().leak()), headers: &[] };
    let record = read_message(&message, 1 << 20).unwrap();
    let dropped = record.faults.dropped().map(OptionalField::as_str).collect();
    (record.payload, dropped, record.faults.negative_durations())
}

fn reason_of(text: &str) -> &'static str {
    match line(text) {
        Ok(record) => panic!("accepted as {record:?}"),
        Err(rejection) => rejection.reason.as_str(),
    }
}

const CONTACT: Text<'static> = Cow::Borrowed("1366720340.303267");
const QUEUE: Text<'static> = Cow::Borrowed("fault");
const AGENT: Text<'static> = Cow::Borrowed("SIP/8007");

fn left(reason: LeftReason, wait: Option<Millis>) -> Vec<EventPayload<'static>> {
    vec![EventPayload::LeftQueue { contact: CONTACT, queue: QUEUE, reason, wait, channel: None }]
}

/// An end by [`AGENT`] after a wait and a talk in seconds.
fn ended(wait: Option<u64>, talk: Option<u64>, ended_by: Option<EndedBy>) -> EventPayload<'static> {
    EventPayload::Ended {
        contact: CONTACT,
        queue: Some(QUEUE),
        talk: talk.map(Millis::from_secs),
        hold: None,
        wrap_up: None,
        ended_by,
        implied: wait.map(|wait| ImpliedAnswer {
            agent: Some(AGENT),
            wait: Millis::from_secs(wait),
            is_negative: false,
        }),
    }
}

fn transferred(kind: Option<TransferKind>) -> EventPayload<'static> {
    EventPayload::Transferred { contact: CONTACT, from_queue: Some(QUEUE), to_queue: None, kind }
}

#[test]
fn line_becomes_an_event_with_identity_and_time() {
    let text = "1366720340.303267|1366720339.7|fault|SIP/8007|RINGNOANSWER|1000\r\n";
    let record = line(text).unwrap();
    assert_eq!(record.source, SOURCE);
    assert_eq!(record.id, text.trim_end());
    assert_eq!(record.time, Some(Timestamp(1_366_720_340_303)));
    assert_eq!(
        record.payload,
        EventPayload::NotAnswered { contact: "1366720339.7".into(), queue: QUEUE }
    );
    assert!(matches!(record.id, Cow::Borrowed(_)));
}

#[test]
fn verbs_of_visits_become_their_events() {
    let queued =
        EventPayload::Queued { contact: CONTACT, queue: QUEUE, channel: None, is_callback: false };
    assert_eq!(payloads("fault|NONE|ENTERQUEUE||caller|1"), [queued]);
    let answered = |agent, wait| EventPayload::Answered {
        contact: CONTACT,
        queue: QUEUE,
        agent,
        wait,
        channel: None,
    };
    assert_eq!(
        payloads("fault|SIP/8007|CONNECT|17|1366720340.303268|4"),
        [answered(Some(AGENT), Some(Millis(17_000)))]
    );
    assert_eq!(payloads("fault|NONE|CONNECT|"), [answered(None, None)]);
    let abandoned =
        |wait| [EventPayload::Abandoned { contact: CONTACT, queue: QUEUE, wait, channel: None }];
    assert_eq!(payloads("fault|NONE|ABANDON|1|2|33"), abandoned(Some(Millis(33_000))));
    assert_eq!(payloads("fault|SIP/8007|ABANDON|1|2|0"), abandoned(Some(Millis(0))));
    assert_eq!(payloads("fault|NONE|ABANDON"), abandoned(None));
    assert_eq!(
        payloads("fault|NONE|EXITWITHTIMEOUT|1|2|60"),
        left(LeftReason::Timeout, Some(Millis(60_000)))
    );
    assert_eq!(
        payloads("fault|NONE|EXITEMPTY|1|2|6"),
        left(LeftReason::Empty, Some(Millis(6_000)))
    );
    assert_eq!(
        payloads("fault|NONE|EXITWITHKEY|9|1|2|7"),
        left(LeftReason::ExitKey, Some(Millis(7_000)))
    );
    assert_eq!(
        payloads("fault|NONE|WITHDRAW|1|2|8|moved"),
        left(LeftReason::Withdrawn, Some(Millis(8_000)))
    );
    assert_eq!(payloads("fault|NONE|SYSCOMPAT|"), left(LeftReason::Withdrawn, None));
}

#[test]
fn refused_caller_makes_a_visit_without_a_wait() {
    for (verb, reason) in [
        ("FULL", LeftReason::Full),
        ("DIVERT_CA_RATIO", LeftReason::Full),
        ("DIVERT_HOLDTIME", LeftReason::Full),
        ("CLOSED", LeftReason::Closed),
        ("JOINEMPTY", LeftReason::Empty),
    ] {
        assert_eq!(
            payloads(&format!("fault|NONE|{verb}|")),
            left(reason, Some(Millis(0))),
            "{verb}"
        );
    }
    assert_eq!(payloads("fault|NONE|LEAVEEMPTY|"), left(LeftReason::Empty, None));
    assert_eq!(payloads("fault|NONE|LEAVEEMPTY|12"), left(LeftReason::Empty, Some(Millis(12_000))));
    assert_eq!(payloads("fault|NONE|LEAVEEMPTY|x"), left(LeftReason::Empty, None));
}

#[test]
fn verbs_of_conversations_end_them_and_imply_their_answer() {
    let by = |who| ended(Some(17), Some(95), Some(who));
    assert_eq!(payloads("fault|SIP/8007|COMPLETEAGENT|17|95|1"), [by(EndedBy::Agent)]);
    assert_eq!(payloads("fault|SIP/8007|COMPLETECALLER|17|95|1"), [by(EndedBy::Customer)]);
    assert_eq!(payloads("fault|SIP/8007|COMPLETECALLER|17|95|1||"), [by(EndedBy::Customer)]);
    assert_eq!(
        payloads("fault|SIP/8007|COMPLETECALLER|17"),
        [ended(Some(17), None, Some(EndedBy::Customer))]
    );
    assert_eq!(
        payloads("fault|SIP/8007|COMPLETECALLER||95"),
        [ended(None, Some(95), Some(EndedBy::Customer))]
    );

    let talk = || ended(Some(17), Some(95), None);
    assert_eq!(
        payloads("fault|SIP/8007|BLINDTRANSFER|200|internal|17|95|1"),
        [talk(), transferred(Some(TransferKind::Blind))]
    );
    assert_eq!(
        payloads("fault|SIP/8007|TRANSFER|200|internal|17|95|1"),
        [talk(), transferred(None)]
    );
    let attended = || transferred(Some(TransferKind::Attended));
    for method in ["BRIDGE|2a8e-11", "APP|VoiceMail", "LINK|Local/1@a-1;1|Local/1@a-1;2", "NEW"] {
        for tail in ["17|95|1", "17|95|1|", "17|95|1|||"] {
            let rest = format!("fault|SIP/8007|ATTENDEDTRANSFER|{method}|{tail}");
            assert_eq!(payloads(&rest), [talk(), attended()], "{method} {tail}");
        }
    }
    assert_eq!(
        payloads("fault|SIP/8007|ATTENDEDTRANSFER|BRIDGE"),
        [ended(None, None, None), attended()]
    );
}

#[test]
fn dump_by_an_agent_ends_only_the_offer() {
    assert_eq!(
        payloads("fault|SIP/8007|AGENTDUMP|"),
        [EventPayload::NotAnswered { contact: CONTACT, queue: QUEUE }]
    );
}

#[test]
fn verbs_of_agents_change_their_state() {
    let of_line = |text: &'static str| line(text).map(|record| record.payload).unwrap();
    for (text, state, reason) in [
        ("1|REALTIME|fault|SIP/8007|ADDMEMBER|", AgentState::Available, None),
        ("1|NONE|fault|SIP/8007|ADDMEMBER|PAUSED", AgentState::Paused, None),
        ("1|MANAGER|fault|SIP/8007|REMOVEMEMBER|", AgentState::Offline, None),
        ("1|NONE|fault|SIP/8007|PAUSE|", AgentState::Paused, None),
        ("1|NONE|fault|SIP/8007|PAUSE|lunch", AgentState::Paused, Some("lunch".into())),
    ] {
        let in_queue = EventPayload::AgentQueueState { agent: AGENT, queue: QUEUE, state, reason };
        assert_eq!(of_line(text), in_queue, "{text}");
    }
    for (text, state, reason) in [
        ("1|NONE|NONE|SIP/8007|PAUSEALL|", AgentState::Paused, None),
        ("1|NONE|NONE|SIP/8007|PAUSEALL|prayer|", AgentState::Paused, Some("prayer".into())),
        ("1|1.2|NONE|SIP/8007|AGENTLOGIN|SIP/8007-1", AgentState::Available, None),
        ("1|1.2|NONE|SIP/8007|AGENTLOGOFF|SIP/8007-1|60", AgentState::Offline, None),
        ("1|1.2|NONE|SIP/8007|AGENTCALLBACKLOGIN|200@internal", AgentState::Available, None),
        ("1|1.2|NONE|SIP/8007|AGENTCALLBACKLOGOFF|200@internal|60|", AgentState::Offline, None),
    ] {
        let everywhere =
            EventPayload::AgentStateChanged { agent: AGENT, state, reason, queues: None };
        assert_eq!(of_line(text), everywhere, "{text}");
    }
    for (text, queue) in [
        ("1|NONE|fault|SIP/8007|UNPAUSE|Auto-Unpause", Some(QUEUE)),
        ("1|NONE|NONE|SIP/8007|UNPAUSEALL|", None),
    ] {
        let unpaused = EventPayload::AgentUnpaused { agent: AGENT, queue };
        assert_eq!(of_line(text), unpaused, "{text}");
    }
    assert_eq!(
        of_line("1|NONE|NONE|SIP/8007|WRAPUPSTART|30"),
        EventPayload::AgentWrapUp { agent: AGENT, duration: Millis(30_000) }
    );
    assert_eq!(of_line("1|NONE|NONE|SIP/8007|WRAPUPSTART|"), EventPayload::Nothing);
    assert_eq!(of_line("1|NONE|NONE|NONE|QUEUESTART|"), EventPayload::SourceRestarted);
}

#[test]
fn verb_without_a_measure_is_accepted_without_effect() {
    for verb in [
        "RINGCANCELED|900",
        "PENALTY|3",
        "RINGINUSE|1",
        "CONFIGRELOAD",
        "OUTCALL|x",
        "DID|1",
        "INFO|x|y",
    ] {
        assert_eq!(payloads(&format!("NONE|NONE|{verb}")), [EventPayload::Nothing], "{verb}");
    }
}

#[test]
fn line_is_rejected_when_its_form_is_wrong() {
    for (text, reason) in [
        ("", "bad_line"),
        ("\r\n", "bad_line"),
        ("1|2|fault|NONE", "bad_line"),
        ("x|2|fault|NONE|ENTERQUEUE", "bad_line"),
        ("-1|2|fault|NONE|ENTERQUEUE", "bad_line"),
        ("1.|2|fault|NONE|ENTERQUEUE", "bad_line"),
        (".5|2|fault|NONE|ENTERQUEUE", "bad_line"),
        ("2026-01-05 08:30:00|2|fault|NONE|ENTERQUEUE", "bad_line"),
        ("253402300800|2|fault|NONE|ENTERQUEUE", "out_of_range"),
        ("99999999999999999999|2|fault|NONE|ENTERQUEUE", "out_of_range"),
        ("1|NONE|fault|NONE|ENTERQUEUE", "bad_line"),
        ("1||fault|NONE|ENTERQUEUE", "bad_line"),
        ("1|2|NONE|NONE|ENTERQUEUE", "bad_line"),
        ("1|2||NONE|FULL", "bad_line"),
        ("1|NONE|fault|NONE|PAUSE|", "bad_line"),
        ("1|NONE|NONE|SIP/8007|PAUSE|", "bad_line"),
        ("1|2|fault|NONE|MYVERB|", "unknown_type"),
        ("1|2|fault|NONE|connect|", "unknown_type"),
        ("1|2|fault|NONE|ENTERQUEUE\n1|3|fault|NONE|ENTERQUEUE", "bad_line"),
    ] {
        assert_eq!(reason_of(text), reason, "{text}");
    }
    assert_eq!(reason_of(&format!("1|2|{}|NONE|ENTERQUEUE", "q".repeat(257))), "text_length");
    assert!(line("1|2|fault|SIP/8007|CONNECT|1099511627").is_ok());
    assert_eq!(decode(&Message::default(), 10), Ok(None), "a tombstone");
    let message = Message { value: Some(b"1|2|fault|NONE|FULL"), headers: &[] };
    assert_eq!(decode(&message, 18).unwrap_err().reason, Reason::TooLarge);
}

#[test]
fn duration_of_a_line_is_left_out_when_wrong_and_zero_when_negative() {
    for (parameters, wait, dropped, negative) in [
        ("", None, 0, 0),
        ("3", Some(3), 0, 0),
        ("-3", Some(0), 0, 1),
        ("soon", None, 1, 0),
        ("1.5", None, 1, 0),
        ("-1.5", None, 1, 0),
        ("+3", None, 1, 0),
        ("1099511628", None, 1, 0),
        ("99999999999999999999", None, 1, 0),
    ] {
        let (contact, queue, wait) = (CONTACT, QUEUE, wait.map(Millis::from_secs));
        let line = format!("1|1366720340.303267|fault|SIP/8007|CONNECT|{parameters}");
        let answered =
            EventPayload::Answered { contact, queue, agent: Some(AGENT), wait, channel: None };
        assert_eq!(
            with_faults(line.as_bytes()),
            (answered, vec!["wait_ms"; dropped], negative),
            "{line}"
        );
    }
    let (payload, dropped, _) =
        with_faults(b"1|1366720340.303267|fault|SIP/8007|COMPLETEAGENT|1|x|1");
    assert_eq!(payload, ended(Some(1), None, Some(EndedBy::Agent)));
    assert_eq!(dropped, ["talk_ms"]);
    // The hold time of an end counts only where it implies the answer.
    let (payload, dropped, negative) =
        with_faults(b"1|1366720340.303267|fault|SIP/8007|COMPLETEAGENT|-9|-5|1");
    let EventPayload::Ended { talk, implied: Some(implied), .. } = payload else { panic!() };
    assert_eq!((talk, implied.wait, implied.is_negative), (Some(Millis::ZERO), Millis::ZERO, true));
    assert_eq!((dropped.len(), negative), (0, 1), "of the talk");
}

#[test]
fn agent_of_a_call_is_left_out_when_too_long() {
    let line = format!("1|1366720340.303267|fault|{}|CONNECT|3", "a".repeat(257));
    let record = line_of(&line);
    assert!(matches!(record.payload, EventPayload::Answered { agent: None, .. }));
    assert_eq!(record.faults.dropped().collect::<Vec<_>>(), [OptionalField::Agent]);
}

#[test]
fn byte_order_mark_is_skipped() {
    let bare = "1|2|fault|NONE|ABANDON|1|1|5";
    assert_eq!(line(&format!("\u{feff}{bare}")), line(bare));
    assert_eq!(line(&format!("{{\"message\":\"\u{feff}{bare}\"}}")), line(bare));
    assert_eq!(line(&format!("\u{feff}{{\"message\":\"\\ufeff{bare}\"}}")), line(bare));
    assert_eq!(reason_of("\u{feff}"), "bad_line");
}

#[test]
fn line_is_read_when_it_is_the_message_of_an_object() {
    let bare = "1|2|fault|NONE|ABANDON|1|1|5";
    let shipped = format!(r#" {{"@timestamp":"x","message":"{bare}","host":{{"a":[1]}}}}"#);
    assert_eq!(line(&shipped), line(bare));
    let escaped = r#"{"message":"1|2|fa\u0075lt|NONE|ABANDON|1|1|5\r\n"}"#;
    assert_eq!(line(escaped), line(bare));
    for (text, reason) in [
        ("{", "not_json"),
        ("{}", "missing_field"),
        (r#"{"line":"1|2"}"#, "missing_field"),
        (r#"{"message":null}"#, "wrong_type"),
        (r#"{"message":""}"#, "bad_line"),
        (r#"{"message":"hello"} "#, "bad_line"),
    ] {
        assert_eq!(reason_of(text), reason, "{text}");
    }
}

#[test]
fn event_and_rejection_never_contain_data_of_the_caller() {
    for text in [
        "1|2|fault|NONE|ENTERQUEUE|http://secret|secret|1|secret",
        "1|2|fault|SIP/8007|BLINDTRANSFER|secret|internal|1|2|3",
        "1|2|fault|SIP/8007|ATTENDEDTRANSFER|APP|secret|1|2|3",
        "1|2|fault|SIP/8007|TRANSFER|secret|internal|1|2|3",
        "1|2|fault|NONE|EXITWITHKEY|secret|1|2|x",
        "1|2|fault|NONE|INFO|secret",
        "1|2|fault|NONE|DID|secret",
        "1|2|fault|NONE|OUTCALL|secret",
        "1|2|fault|NONE|SECRETVERB|secret",
    ] {
        let shown = match line(text) {
            Ok(record) => format!("{record:?}"),
            Err(rejection) => rejection.to_string(),
        };
        assert!(!shown.to_lowercase().contains("secret"), "{shown}");
    }
}

#[test]
fn line_in_another_encoding_is_read_with_its_names() {
    let of_bytes = |value: &[u8]| {
        read_message(&Message { value: Some(value), headers: &[] }, 100)
            .map(|record| record.id.into_owned())
    };
    assert_eq!(
        of_bytes(b"1|2|fault|NONE|ENTERQUEUE||5|1|\xd6zt\xfcrk").unwrap(),
        "1|2|fault|NONE|ENTERQUEUE"
    );
    let queued = |contact: &'static str, queue: &'static str| EventPayload::Queued {
        contact: contact.into(),
        queue: queue.into(),
        channel: None,
        is_callback: false,
    };
    assert_eq!(
        with_faults(b"1|2|ar\xfdza|NONE|ENTERQUEUE||5|1"),
        (queued("2", "ar\u{fffd}za"), vec!["queue"], 0)
    );
    // A sequence that is cut off has one replacement character, as everywhere else.
    assert_eq!(
        with_faults(b"1|2|a\xe2\x82|NONE|ENTERQUEUE"),
        (queued("2", "a\u{fffd}"), vec!["queue"], 0)
    );
    assert_eq!(
        with_faults("1|2|ar\u{fffd}za|NONE|ENTERQUEUE".as_bytes()),
        (queued("2", "ar\u{fffd}za"), vec!["queue"], 0),
        "replaced by the shipper"
    );
    assert_eq!(
        with_faults("1|2|arıza|NONE|ENTERQUEUE".as_bytes()),
        (queued("2", "arıza"), vec![], 0)
    );
    let shipped = b"{\"message\":\"1|2|ar\xfdza|NONE|ENTERQUEUE||5|1\"}";
    assert_eq!(with_faults(shipped), (queued("2", "ar\u{fffd}za"), vec!["queue"], 0));
    let (_, dropped, _) = with_faults(b"1|\xfdzmir-2|fault|NONE|ENTERQUEUE");
    assert_eq!(dropped, ["contact_id"]);

    let paused = |agent: &[u8]| {
        let line = [b"1|NONE|fault|".as_slice(), agent, b"|PAUSE|".as_slice()].concat();
        let id = of_bytes(&line).unwrap();
        let (payload, dropped, _) = with_faults(&line);
        assert_eq!(dropped, ["agent"]);
        (id, format!("{payload:?}"))
    };
    let (one, other) = (paused(b"Ren\xe9"), paused(b"Ren\xe8"));
    assert!(one.0 != other.0 && one.1 != other.1, "agents and lines stay apart: {one:?}");
    assert_eq!(of_bytes(b"1|2|fault|NONE|CONN\xe9CT|3").unwrap_err().reason, Reason::UnknownType);
    assert_eq!(of_bytes(b"\xe91|2|fault|NONE|CONNECT|3").unwrap_err().reason, Reason::BadLine);
}
