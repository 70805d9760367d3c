//! Lines of Asterisk's queue_log: `unix_time|call id|queue|agent|VERB|parameters`.
//!
//! `docs/guide/asterisk.md` has the table of verbs, with the reason for the meaning of each.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde::de::{IgnoredAny, MapAccess};

use crate::decode::fields::missing;
use crate::decode::message::{Message, check_size};
use crate::decode::raw_value::{
    Heap, KeySeed, ObjectSeed, RawValue, RawValueSeed, ReadObject, Shape, parse, text_of,
};
use crate::event::{
    AgentState, EndedBy, Event, EventPayload, ImpliedAnswer, LeftReason, Reason, Rejection,
    TEXT_BYTES_MAX, Text, TransferKind,
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
    // `wait` is the number of the parameter with the hold time; the talk time follows it.
    let ended = |wait: usize, ended_by| {
        let (agent, wait, talk) = (agent_if_any()?, line.seconds(wait)?, line.seconds(wait + 1)?);
        Ok(EventPayload::Ended {
            contact: contact()?,
            queue: Some(queue()?),
            talk,
            hold: None,
            wrap_up: None,
            ended_by,
            implied: wait.map(|wait| ImpliedAnswer { agent, wait }),
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
    let unpaused = |queue| Ok(EventPayload::AgentUnpaused { agent: agent()?, queue });

    let mut extra_payloads = Vec::new();
    let payload = match line.verb {
        "ENTERQUEUE" => {
            EventPayload::Queued { contact: contact()?, queue: queue()?, channel: None }
        }
        "CONNECT" => EventPayload::Answered {
            contact: contact()?,
            queue: queue()?,
            agent: agent_if_any()?,
            wait: line.seconds(1)?,
        },
        "ABANDON" => {
            EventPayload::Abandoned { contact: contact()?, queue: queue()?, wait: line.seconds(3)? }
        }
        "EXITWITHTIMEOUT" => left(LeftReason::Timeout, line.seconds(3)?)?,
        "EXITEMPTY" => left(LeftReason::Empty, line.seconds(3)?)?,
        "EXITWITHKEY" => left(LeftReason::ExitKey, line.seconds(4)?)?,
        "WITHDRAW" => left(LeftReason::Withdrawn, line.seconds(3)?)?,
        "SYSCOMPAT" => left(LeftReason::Withdrawn, None)?,
        // The caller never entered the queue: the line is a whole visit without a wait.
        "FULL" | "DIVERT_CA_RATIO" | "DIVERT_HOLDTIME" => {
            left(LeftReason::Full, Some(Millis::ZERO))?
        }
        "CLOSED" => left(LeftReason::Closed, Some(Millis::ZERO))?,
        "JOINEMPTY" => left(LeftReason::Empty, Some(Millis::ZERO))?,
        "LEAVEEMPTY" => left(LeftReason::Empty, line.seconds(1).unwrap_or(None))?,
        // The agent dropped the caller during the announcement: Asterisk offers the same caller to
        // the next agent.
        "RINGNOANSWER" | "AGENTDUMP" => {
            EventPayload::NotAnswered { contact: contact()?, queue: queue()? }
        }
        "COMPLETEAGENT" => ended(1, Some(EndedBy::Agent))?,
        "COMPLETECALLER" => ended(1, Some(EndedBy::Customer))?,
        // The end comes first: a blind transfer would end the conversation without the talk time.
        "BLINDTRANSFER" | "TRANSFER" => {
            // Before Asterisk 12 one verb stood for both kinds.
            extra_payloads
                .push(transferred((line.verb == "BLINDTRANSFER").then_some(TransferKind::Blind))?);
            ended(3, None)?
        }
        "ATTENDEDTRANSFER" => {
            extra_payloads.push(transferred(Some(TransferKind::Attended))?);
            ended(line.attended_parameters() + 1, None)?
        }
        "ADDMEMBER" if line.parameter(1) == Some("PAUSED") => in_queue(AgentState::Paused)?,
        "ADDMEMBER" => in_queue(AgentState::Available)?,
        "UNPAUSE" => unpaused(Some(queue()?))?,
        "UNPAUSEALL" => unpaused(None)?,
        "PAUSE" => in_queue(AgentState::Paused)?,
        "REMOVEMEMBER" => in_queue(AgentState::Offline)?,
        "PAUSEALL" => everywhere(AgentState::Paused)?,
        "AGENTLOGIN" | "AGENTCALLBACKLOGIN" => everywhere(AgentState::Available)?,
        "AGENTLOGOFF" | "AGENTCALLBACKLOGOFF" => everywhere(AgentState::Offline)?,
        // Without a length there is no telling when the wrap-up ends.
        "WRAPUPSTART" => match line.seconds(1)? {
            Some(duration) => EventPayload::AgentWrapUp { agent: agent()?, duration },
            None => EventPayload::Nothing,
        },
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

    /// Returns how many parameters come before the hold time of an attended transfer. The method
    /// decides; with an unknown one, the parameters are counted from the end (hold time, talk time,
    /// original position). Empty columns at the end are no parameters.
    fn attended_parameters(&self) -> usize {
        match self.parameter(1) {
            Some("BRIDGE" | "APP") => 2,
            Some("LINK") => 3,
            _ => self.parameters.trim_end_matches('|').split('|').count().saturating_sub(3),
        }
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
