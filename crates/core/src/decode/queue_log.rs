//! Lines of Asterisk's queue_log: `unix_time|call id|queue|agent|VERB|parameters`.
//!
//! `docs/guide/asterisk.md` has the table of verbs, with the reason for the meaning of each.

use std::borrow::Cow;

use serde::de::{IgnoredAny, MapAccess};

use crate::decode::fields::missing;
use crate::decode::message::{Message, check_size};
use crate::decode::raw_value::{
    Heap, KeySeed, ObjectSeed, RawValue, RawValueSeed, ReadObject, Shape, parse, text_of,
};
use crate::event::{
    AgentState, EndedBy, Event, EventPayload, LeftReason, Reason, Rejection, TEXT_BYTES_MAX, Text,
    TransferKind,
};
use crate::time::{DURATION_MAX, Millis, Timestamp};

/// The `source` of every record: a line does not name the host that wrote it.
const SOURCE: &str = "asterisk_queue_log";

/// The word of Asterisk for no call, queue or agent.
const NONE: &str = "NONE";

/// The last second of the year 9999.
const UNIX_SECONDS_MAX: u64 = 253_402_300_799;

/// Decodes a line, bare or as `message` of a JSON object. The channel of a call comes from the
/// configuration of its queue.
pub(crate) fn decode<'a>(
    message: &Message<'a>,
    record_bytes_max: usize,
) -> Result<Event<'a>, Rejection> {
    check_size(message, record_bytes_max)?;
    let value = message.value.ok_or_else(|| bad_line("the record has no value"))?;
    let text = if value.trim_ascii_start().starts_with(b"{") {
        line_in_json(value)?
    } else {
        // A caller's name in another encoding must not cost the call. `Line::split` rejects the
        // line where another field has one.
        String::from_utf8_lossy(value)
    };
    match text {
        Cow::Borrowed(text) => read(text, Cow::Borrowed),
        Cow::Owned(text) => read(&text, |part| Cow::Owned(part.to_owned())),
    }
}

/// Returns the text of `message` in the object that a log shipper makes of a line.
fn line_in_json(value: &[u8]) -> Result<Text<'_>, Rejection> {
    let mut shipped = Shipped::default();
    if parse(text_of(value)?, ObjectSeed(&mut shipped))? != Shape::Object {
        return Err(Rejection::new(Reason::NotObject, "the value must be a line or a JSON object"));
    }
    shipped.heap.any_text(shipped.message, "message")?.ok_or_else(|| missing("message"))
}

#[derive(Default)]
struct Shipped<'a> {
    message: RawValue<'a>,
    heap: Heap<'a>,
}

impl<'de> ReadObject<'de> for &mut Shipped<'de> {
    fn read_entries<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(is_message) = entries.next_key_seed(KeySeed(|key: &str| key == "message"))? {
            if is_message {
                self.message = entries.next_value_seed(RawValueSeed(&mut self.heap))?;
            } else {
                entries.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// Reads a line. `own` returns a text that lives as long as the record.
fn read<'l, 'a>(text: &'l str, own: impl Fn(&'l str) -> Text<'a>) -> Result<Event<'a>, Rejection> {
    let line = Line::split(text)?;
    let contact = || line.call().map(&own);
    let queue = || line.queue().map(&own);
    let agent = || line.agent().map(&own);
    let agent_if_any = || line.agent_if_any().map(|agent| agent.map(&own));
    let left = |reason, wait| {
        Ok(EventPayload::LeftQueue { contact: contact()?, queue: queue()?, reason, wait })
    };
    let in_queue =
        |state| Ok(EventPayload::AgentQueueState { agent: agent()?, queue: queue()?, state });
    let everywhere =
        |state| Ok(EventPayload::AgentStateChanged { agent: agent()?, state, queues: None });
    let ended = |talk, ended_by| {
        let (hold, wrap_up) = (None, None);
        Ok(EventPayload::Ended {
            contact: contact()?,
            queue: Some(queue()?),
            talk,
            hold,
            wrap_up,
            ended_by,
        })
    };
    let transferred = |kind| {
        Ok(EventPayload::Transferred {
            contact: contact()?,
            from_queue: Some(queue()?),
            to_queue: None,
            kind,
        })
    };
    let call_ended =
        || agent_if_any().map(|agent| agent.map(|agent| EventPayload::AgentCallEnded { agent }));

    let mut extra_payloads = Vec::new();
    let payload = match line.verb {
        "ENTERQUEUE" => {
            EventPayload::Queued { contact: contact()?, queue: queue()?, channel: None }
        }
        "CONNECT" => {
            if let Some(agent) = agent_if_any()? {
                extra_payloads.push(EventPayload::AgentCallStarted { agent, queue: queue()? });
            }
            EventPayload::Answered { contact: contact()?, queue: queue()?, wait: line.seconds(1)? }
        }
        "ABANDON" => {
            EventPayload::Abandoned { contact: contact()?, queue: queue()?, wait: line.seconds(3)? }
        }
        "EXITWITHTIMEOUT" => left(LeftReason::Timeout, line.seconds(3)?)?,
        "EXITEMPTY" => left(LeftReason::Empty, line.seconds(3)?)?,
        "EXITWITHKEY" => left(LeftReason::ExitKey, line.seconds(4)?)?,
        "WITHDRAW" => left(LeftReason::Withdrawn, line.seconds(3)?)?,
        "SYSCOMPAT" => left(LeftReason::Withdrawn, None)?,
        "AGENTDUMP" => {
            extra_payloads.extend(call_ended()?);
            left(LeftReason::Withdrawn, None)?
        }
        // The caller never entered the queue: the line is a whole visit without a wait.
        "FULL" | "DIVERT_CA_RATIO" | "DIVERT_HOLDTIME" => {
            left(LeftReason::Full, Some(Millis::ZERO))?
        }
        "CLOSED" => left(LeftReason::Closed, Some(Millis::ZERO))?,
        "JOINEMPTY" => left(LeftReason::Empty, Some(Millis::ZERO))?,
        "LEAVEEMPTY" => left(LeftReason::Empty, line.seconds(1).unwrap_or(None))?,
        "RINGNOANSWER" => EventPayload::NotAnswered { contact: contact()?, queue: queue()? },
        "COMPLETEAGENT" => {
            extra_payloads.extend(call_ended()?);
            ended(line.seconds(2)?, Some(EndedBy::Agent))?
        }
        "COMPLETECALLER" => {
            extra_payloads.extend(call_ended()?);
            ended(line.seconds(2)?, Some(EndedBy::Customer))?
        }
        "BLINDTRANSFER" | "TRANSFER" => {
            extra_payloads.push(ended(line.seconds(4)?, None)?);
            extra_payloads.extend(call_ended()?);
            // Before Asterisk 12 one verb stood for both kinds.
            transferred((line.verb == "BLINDTRANSFER").then_some(TransferKind::Blind))?
        }
        "ATTENDEDTRANSFER" => {
            extra_payloads.push(ended(line.attended_talk()?, None)?);
            extra_payloads.extend(call_ended()?);
            transferred(Some(TransferKind::Attended))?
        }
        "ADDMEMBER" if line.parameter(1) == Some("PAUSED") => in_queue(AgentState::Paused)?,
        "ADDMEMBER" | "UNPAUSE" => in_queue(AgentState::Available)?,
        "PAUSE" => in_queue(AgentState::Paused)?,
        "REMOVEMEMBER" => in_queue(AgentState::Offline)?,
        "PAUSEALL" => everywhere(AgentState::Paused)?,
        "UNPAUSEALL" | "AGENTLOGIN" | "AGENTCALLBACKLOGIN" => everywhere(AgentState::Available)?,
        "AGENTLOGOFF" | "AGENTCALLBACKLOGOFF" => everywhere(AgentState::Offline)?,
        "QUEUESTART" => EventPayload::SourceRestarted,
        // RINGCANCELED: the caller hung up while a member's phone rang, which is no fault of the
        // member. The end of the visit has its own line.
        "RINGCANCELED" | "PENALTY" | "RINGINUSE" | "CONFIGRELOAD" | "OUTCALL" | "DID" | "INFO" => {
            EventPayload::Nothing
        }
        _ => return Err(Rejection::new(Reason::UnknownType, "the verb of the line is not known")),
    };
    let source = Cow::Borrowed(SOURCE);
    Ok(Event { source, id: own(line.identity()), time: Some(line.time), payload, extra_payloads })
}

/// The parts of a line.
struct Line<'l> {
    text: &'l str,
    /// The line up to the verb, with the verb.
    head: &'l str,
    time: Timestamp,
    call: &'l str,
    queue: &'l str,
    agent: &'l str,
    verb: &'l str,
    parameters: &'l str,
}

impl<'l> Line<'l> {
    fn split(text: &'l str) -> Result<Self, Rejection> {
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Err(bad_line("the line is empty"));
        }
        if text.contains('\n') {
            return Err(bad_line("the record must have one line"));
        }
        let mut parts = text.splitn(6, '|');
        let mut next = || {
            parts
                .next()
                .ok_or_else(|| bad_line("the line must have time, call, queue, agent and verb"))
        };
        let (time, call, queue, agent, verb) = (next()?, next()?, next()?, next()?, next()?);
        let (head, parameters) = match parts.next() {
            Some(parameters) => {
                (text.strip_suffix(parameters).unwrap_or(text).trim_end_matches('|'), parameters)
            }
            None => (text, ""),
        };
        if head.contains(char::REPLACEMENT_CHARACTER) {
            return Err(bad_line("call, queue, agent and verb must be UTF-8 text"));
        }
        Ok(Line { text, head, time: unix_time(time)?, call, queue, agent, verb, parameters })
    }

    /// Returns the id of the record, which is different for each line, so that the same line read
    /// twice is one record. Parameters that may contain a caller's number or name, a dialled number
    /// or free text are left out: they must not leave the decoder, and the other parts already
    /// differ between such lines.
    fn identity(&self) -> &'l str {
        match self.verb {
            "ENTERQUEUE" | "BLINDTRANSFER" | "ATTENDEDTRANSFER" | "TRANSFER" | "OUTCALL"
            | "DID" | "INFO" => self.head,
            _ => self.text,
        }
    }

    fn call(&self) -> Result<&'l str, Rejection> {
        required(self.call, "call id")
    }

    fn queue(&self) -> Result<&'l str, Rejection> {
        required(self.queue, "queue")
    }

    fn agent(&self) -> Result<&'l str, Rejection> {
        required(self.agent, "agent")
    }

    fn agent_if_any(&self) -> Result<Option<&'l str>, Rejection> {
        if self.agent.is_empty() || self.agent == NONE { Ok(None) } else { self.agent().map(Some) }
    }

    /// Returns a parameter by its number, counted from 1 as in Asterisk's documentation; `None`
    /// where absent or empty.
    fn parameter(&self, number: usize) -> Option<&'l str> {
        self.parameters
            .split('|')
            .nth(number.saturating_sub(1))
            .filter(|parameter| !parameter.is_empty())
    }

    /// Returns the duration of a parameter in whole seconds.
    fn seconds(&self, number: usize) -> Result<Option<Millis>, Rejection> {
        self.parameter(number).map(whole_seconds).transpose()
    }

    /// Returns the talk time of an attended transfer. It is counted from the end (hold time, talk
    /// time, original position), because the part before it has two or three parameters, depending
    /// on the method.
    fn attended_talk(&self) -> Result<Option<Millis>, Rejection> {
        let count = self.parameters.split('|').count();
        if count < 5 { Ok(None) } else { self.seconds(count - 1) }
    }
}

fn bad_line(detail: impl Into<String>) -> Rejection {
    Rejection::new(Reason::BadLine, detail)
}

fn required<'l>(part: &'l str, name: &str) -> Result<&'l str, Rejection> {
    if part.is_empty() || part == NONE {
        return Err(bad_line(format!("this verb needs the {name}")));
    }
    if part.len() > TEXT_BYTES_MAX {
        return Err(Rejection::new(
            Reason::TextLength,
            format!("the {name} must have 1 to {TEXT_BYTES_MAX} bytes"),
        ));
    }
    Ok(part)
}

fn whole_seconds(text: &str) -> Result<Millis, Rejection> {
    let beyond =
        || Rejection::new(Reason::OutOfRange, format!("a duration must be 0 to {DURATION_MAX}"));
    // Asterisk writes a negative time when the clock of its host was set back while the caller
    // waited.
    if text.strip_prefix('-').is_some_and(is_digits) {
        return Err(beyond());
    }
    if !is_digits(text) {
        return Err(bad_line("a duration must be whole seconds"));
    }
    let duration = text.parse().ok().map(Millis::from_secs);
    duration.filter(|duration| *duration <= DURATION_MAX).ok_or_else(beyond)
}

fn unix_time(text: &str) -> Result<Timestamp, Rejection> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if !is_digits(seconds) || !is_digits(fraction) {
        return Err(bad_line("the time must be Unix seconds"));
    }
    let seconds = seconds.parse::<u64>().ok().filter(|seconds| *seconds <= UNIX_SECONDS_MAX);
    let seconds = seconds.ok_or_else(|| {
        Rejection::new(Reason::OutOfRange, "the time must be before the year 10000")
    })?;
    let mut fraction_ms = 0;
    for digit in 0..3 {
        fraction_ms = fraction_ms * 10
            + fraction.as_bytes().get(digit).map_or(0, |digit| i64::from(digit - b'0'));
    }
    Ok(Timestamp(seconds as i64 * 1000 + fraction_ms))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Result<Event<'_>, Rejection> {
        decode(&Message { value: Some(text.as_bytes()), headers: &[] }, 1 << 20)
    }

    fn payloads(rest: &str) -> Vec<EventPayload<'static>> {
        let text = format!("1366720340|1366720340.303267|{rest}");
        let text: &'static str = Box::leak(text.into_boxed_str());
        let record = line(text).unwrap_or_else(|rejection| panic!("{rest}: {rejection}"));
        [vec![record.payload], record.extra_payloads].concat()
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
        vec![EventPayload::LeftQueue { contact: CONTACT, queue: QUEUE, reason, wait }]
    }

    fn ended(talk: Option<Millis>, ended_by: Option<EndedBy>) -> EventPayload<'static> {
        let (hold, wrap_up) = (None, None);
        EventPayload::Ended { contact: CONTACT, queue: Some(QUEUE), talk, hold, wrap_up, ended_by }
    }

    fn transferred(kind: Option<TransferKind>) -> EventPayload<'static> {
        EventPayload::Transferred {
            contact: CONTACT,
            from_queue: Some(QUEUE),
            to_queue: None,
            kind,
        }
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
        let queued = EventPayload::Queued { contact: CONTACT, queue: QUEUE, channel: None };
        assert_eq!(payloads("fault|NONE|ENTERQUEUE||caller|1"), [queued]);
        let answered = |wait| EventPayload::Answered { contact: CONTACT, queue: QUEUE, wait };
        let started = EventPayload::AgentCallStarted { agent: AGENT, queue: QUEUE };
        assert_eq!(
            payloads("fault|SIP/8007|CONNECT|17|1366720340.303268|4"),
            [answered(Some(Millis(17_000))), started]
        );
        assert_eq!(payloads("fault|NONE|CONNECT|"), [answered(None)]);
        let abandoned = |wait| [EventPayload::Abandoned { contact: CONTACT, queue: QUEUE, wait }];
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
        assert_eq!(
            payloads("fault|NONE|LEAVEEMPTY|12"),
            left(LeftReason::Empty, Some(Millis(12_000)))
        );
        assert_eq!(payloads("fault|NONE|LEAVEEMPTY|x"), left(LeftReason::Empty, None));
    }

    #[test]
    fn verbs_of_conversations_end_them_and_the_call_of_the_agent() {
        let over = || EventPayload::AgentCallEnded { agent: AGENT };
        let by = |who| ended(Some(Millis(95_000)), Some(who));
        assert_eq!(payloads("fault|SIP/8007|COMPLETEAGENT|17|95|1"), [by(EndedBy::Agent), over()]);
        assert_eq!(
            payloads("fault|SIP/8007|COMPLETECALLER|17|95|1"),
            [by(EndedBy::Customer), over()]
        );
        assert_eq!(
            payloads("fault|NONE|COMPLETECALLER|17"),
            [ended(None, Some(EndedBy::Customer))]
        );
        let dumped = [left(LeftReason::Withdrawn, None), vec![over()]].concat();
        assert_eq!(payloads("fault|SIP/8007|AGENTDUMP|"), dumped);

        let talk = || ended(Some(Millis(95_000)), None);
        let blind = transferred(Some(TransferKind::Blind));
        assert_eq!(
            payloads("fault|SIP/8007|BLINDTRANSFER|200|internal|17|95|1"),
            [blind, talk(), over()]
        );
        assert_eq!(
            payloads("fault|SIP/8007|TRANSFER|200|internal|17|95|1"),
            [transferred(None), talk(), over()]
        );
        for method in ["BRIDGE|2a8e-11", "APP|VoiceMail", "LINK|Local/1@a-1;1|Local/1@a-1;2"] {
            let rest = format!("fault|SIP/8007|ATTENDEDTRANSFER|{method}|17|95|1");
            assert_eq!(
                payloads(&rest),
                [transferred(Some(TransferKind::Attended)), talk(), over()]
            );
        }
        let attended = transferred(Some(TransferKind::Attended));
        assert_eq!(
            payloads("fault|SIP/8007|ATTENDEDTRANSFER|BRIDGE"),
            [attended, ended(None, None), over()]
        );
    }

    #[test]
    fn verbs_of_agents_change_their_state() {
        let of_line = |text: &'static str| line(text).map(|record| record.payload).unwrap();
        let in_queue = |state| EventPayload::AgentQueueState { agent: AGENT, queue: QUEUE, state };
        for (text, state) in [
            ("1|REALTIME|fault|SIP/8007|ADDMEMBER|", AgentState::Available),
            ("1|NONE|fault|SIP/8007|ADDMEMBER|PAUSED", AgentState::Paused),
            ("1|MANAGER|fault|SIP/8007|REMOVEMEMBER|", AgentState::Offline),
            ("1|NONE|fault|SIP/8007|PAUSE|lunch", AgentState::Paused),
            ("1|NONE|fault|SIP/8007|UNPAUSE|Auto-Unpause", AgentState::Available),
        ] {
            assert_eq!(of_line(text), in_queue(state), "{text}");
        }
        for (text, state) in [
            ("1|NONE|NONE|SIP/8007|PAUSEALL|", AgentState::Paused),
            ("1|NONE|NONE|SIP/8007|UNPAUSEALL|", AgentState::Available),
            ("1|1.2|NONE|SIP/8007|AGENTLOGIN|SIP/8007-1", AgentState::Available),
            ("1|1.2|NONE|SIP/8007|AGENTLOGOFF|SIP/8007-1|60", AgentState::Offline),
            ("1|1.2|NONE|SIP/8007|AGENTCALLBACKLOGIN|200@internal", AgentState::Available),
            ("1|1.2|NONE|SIP/8007|AGENTCALLBACKLOGOFF|200@internal|60|", AgentState::Offline),
        ] {
            assert_eq!(
                of_line(text),
                EventPayload::AgentStateChanged { agent: AGENT, state, queues: None },
                "{text}"
            );
        }
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
            ("1|2|fault|SIP/8007|CONNECT|soon", "bad_line"),
            ("1|2|fault|SIP/8007|CONNECT|1.5", "bad_line"),
            ("1|2|fault|SIP/8007|CONNECT|-3", "out_of_range"),
            ("1|2|fault|SIP/8007|CONNECT|1099511628", "out_of_range"),
            ("1|2|fault|SIP/8007|CONNECT|99999999999999999999", "out_of_range"),
            ("1|2|fault|SIP/8007|COMPLETEAGENT|1|x|1", "bad_line"),
            ("1|2|fault|NONE|MYVERB|", "unknown_type"),
            ("1|2|fault|NONE|connect|", "unknown_type"),
            ("1|2|fault|NONE|ENTERQUEUE\n1|3|fault|NONE|ENTERQUEUE", "bad_line"),
        ] {
            assert_eq!(reason_of(text), reason, "{text}");
        }
        assert_eq!(reason_of(&format!("1|2|{}|NONE|ENTERQUEUE", "q".repeat(257))), "text_length");
        assert!(line("1|2|fault|SIP/8007|CONNECT|1099511627").is_ok());
        assert_eq!(decode(&Message::default(), 10).unwrap_err().reason, Reason::BadLine);
        let message = Message { value: Some(b"1|2|fault|NONE|FULL"), headers: &[] };
        assert_eq!(decode(&message, 18).unwrap_err().reason, Reason::TooLarge);
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
    fn line_in_another_encoding_is_rejected_when_a_needed_part_has_it() {
        let of_bytes = |value: &[u8]| {
            decode(&Message { value: Some(value), headers: &[] }, 100)
                .map(|record| record.id.into_owned())
        };
        assert_eq!(
            of_bytes(b"1|2|fault|NONE|ENTERQUEUE||5|1|\xd6zt\xfcrk").unwrap(),
            "1|2|fault|NONE|ENTERQUEUE"
        );
        assert_eq!(
            of_bytes(b"1|2|ar\xfdza|NONE|ENTERQUEUE||5|1").unwrap_err().reason,
            Reason::BadLine
        );
    }
}
