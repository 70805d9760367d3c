//! Lines of Asterisk's queue_log: `unix_time|call id|queue|agent|VERB|parameters`.
//!
//! `docs/guide/asterisk.md` has the table of verbs, with the reason for the meaning of each.

mod encoding;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::cell::Cell;

use serde::de::{IgnoredAny, MapAccess};

use crate::decode::fields::missing;
use crate::decode::message::{Message, check_size, without_bom};
use crate::decode::queue_log::encoding::{Encoding, text_of, with_replacements};
use crate::decode::raw_value::{Heap, KeySeed, RawValue, RawValueSeed, ReadObject, Shape, parse};
use crate::event::{
    AgentState, EndedBy, Event, EventPayload, FieldFaults, ImpliedAnswer, LeftReason,
    OptionalField, Reason, Rejection, TEXT_BYTES_MAX, Text, TransferKind,
};
use crate::time::{DURATION_MAX, Millis, Timestamp};

/// The `source` of every record: a line does not name the host that wrote it.
const SOURCE: &str = "asterisk_queue_log";

/// The word of Asterisk for no call, queue or agent.
const NONE: &str = "NONE";

/// The byte order mark, which a shipper may have read as a part of the first line of a file.
const BOM: char = '\u{feff}';

/// The last second of the year 9999.
const UNIX_SECONDS_MAX: u64 = 253_402_300_799;

/// Decodes a line, bare or as `message` of a JSON object; `None` for a tombstone, which has no
/// value. The channel of a call comes from the configuration of its queue.
pub(crate) fn decode<'a>(
    message: &Message<'a>,
    record_bytes_max: usize,
) -> Result<Option<Event<'a>>, Rejection> {
    check_size(message, record_bytes_max)?;
    let Some(value) = message.value else { return Ok(None) };
    let (text, encoding) = text_of(without_bom(value));
    let line = match text {
        text if !text.trim_ascii_start().starts_with('{') => text,
        Cow::Borrowed(text) => line_in_json(text)?,
        Cow::Owned(text) => Cow::Owned(line_in_json(&text)?.into_owned()),
    };
    match line {
        Cow::Borrowed(line) => read(line, encoding, Cow::Borrowed),
        Cow::Owned(line) => read(&line, encoding, |part| Cow::Owned(part.to_owned())),
    }
    .map(Some)
}

/// Returns the text of `message` in the object that a log shipper makes of a line.
fn line_in_json(value: &str) -> Result<Text<'_>, Rejection> {
    let mut shipped = Shipped::default();
    if parse(value, &mut shipped)? != Shape::Object {
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
fn read<'l, 'a>(
    text: &'l str,
    encoding: Encoding,
    own: impl Fn(&'l str) -> Text<'a>,
) -> Result<Event<'a>, Rejection> {
    let line = Line::split(text, encoding)?;
    let contact = || line.call().map(&own);
    // A queue and a reason are shown; a call and an agent are only hashed.
    let shown = |part| match encoding {
        Encoding::Utf8 => own(part),
        Encoding::Other => Cow::Owned(with_replacements(part)),
    };
    let queue = || line.queue().map(shown);
    let agent = || line.agent().map(&own);
    let agent_if_any = || line.agent_if_any().map(&own);
    let wait = |number| line.seconds(number, OptionalField::WaitMs);
    let talk = |number| line.seconds(number, OptionalField::TalkMs);
    let left = |reason, wait| {
        Ok(EventPayload::LeftQueue {
            contact: contact()?,
            queue: queue()?,
            reason,
            wait,
            channel: None,
        })
    };
    let in_queue = |state, reason| {
        Ok(EventPayload::AgentQueueState { agent: agent()?, queue: queue()?, state, reason })
    };
    let everywhere = |state, reason| {
        Ok(EventPayload::AgentStateChanged { agent: agent()?, state, reason, queues: None })
    };
    let pause_reason = || line.parameter(1).map(shown);
    // `wait` is the number of the parameter with the hold time; the talk time follows it.
    let ended = |wait: usize, ended_by| {
        let (agent, wait, talk) = (agent_if_any(), line.implied_wait(wait), talk(wait + 1));
        Ok(EventPayload::Ended {
            contact: contact()?,
            queue: Some(queue()?),
            talk,
            hold: None,
            wrap_up: None,
            ended_by,
            implied: wait.map(|(wait, is_negative)| ImpliedAnswer { agent, wait, is_negative }),
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
        "ENTERQUEUE" => EventPayload::Queued {
            contact: contact()?,
            queue: queue()?,
            channel: None,
            is_callback: false,
        },
        "CONNECT" => EventPayload::Answered {
            contact: contact()?,
            queue: queue()?,
            agent: agent_if_any(),
            wait: wait(1),
            channel: None,
        },
        "ABANDON" => EventPayload::Abandoned {
            contact: contact()?,
            queue: queue()?,
            wait: wait(3),
            channel: None,
        },
        "EXITWITHTIMEOUT" => left(LeftReason::Timeout, wait(3))?,
        "EXITEMPTY" => left(LeftReason::Empty, wait(3))?,
        "EXITWITHKEY" => left(LeftReason::ExitKey, wait(4))?,
        "WITHDRAW" => left(LeftReason::Withdrawn, wait(3))?,
        "SYSCOMPAT" => left(LeftReason::Withdrawn, None)?,
        // The caller never entered the queue: the line is a whole visit without a wait.
        "FULL" | "DIVERT_CA_RATIO" | "DIVERT_HOLDTIME" => {
            left(LeftReason::Full, Some(Millis::ZERO))?
        }
        "CLOSED" => left(LeftReason::Closed, Some(Millis::ZERO))?,
        "JOINEMPTY" => left(LeftReason::Empty, Some(Millis::ZERO))?,
        "LEAVEEMPTY" => left(LeftReason::Empty, wait(1))?,
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
        "ADDMEMBER" if line.parameter(1) == Some("PAUSED") => in_queue(AgentState::Paused, None)?,
        "ADDMEMBER" => in_queue(AgentState::Available, None)?,
        "UNPAUSE" => unpaused(Some(queue()?))?,
        "UNPAUSEALL" => unpaused(None)?,
        "PAUSE" => in_queue(AgentState::Paused, pause_reason())?,
        "REMOVEMEMBER" => in_queue(AgentState::Offline, None)?,
        "PAUSEALL" => everywhere(AgentState::Paused, pause_reason())?,
        "AGENTLOGIN" | "AGENTCALLBACKLOGIN" => everywhere(AgentState::Available, None)?,
        "AGENTLOGOFF" | "AGENTCALLBACKLOGOFF" => everywhere(AgentState::Offline, None)?,
        // Without a length there is no telling when the wrap-up ends.
        "WRAPUPSTART" => match line.seconds(1, OptionalField::WrapUpMs) {
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
    let (source, id) = (Cow::Borrowed(SOURCE), own(line.identity()));
    let (time, faults) = (Some(line.time), line.faults.get());
    Ok(Event { source, id, time, payload, extra_payloads, faults })
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
    encoding: Encoding,
    /// The faults of the parts that were read so far.
    faults: Cell<FieldFaults>,
}

impl<'l> Line<'l> {
    fn split(text: &'l str, encoding: Encoding) -> Result<Self, Rejection> {
        let text = text.trim_start_matches(BOM).trim_end_matches(['\r', '\n']);
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
        let (time, faults) = (unix_time(time)?, Cell::default());
        Ok(Line { text, head, time, call, queue, agent, verb, parameters, encoding, faults })
    }

    fn record(&self, record: impl FnOnce(&mut FieldFaults)) {
        let mut faults = self.faults.get();
        record(&mut faults);
        self.faults.set(faults);
    }

    /// Returns a part that the verb needs. One that is not UTF-8 is counted under `field`.
    fn required(
        &self,
        part: &'l str,
        name: &str,
        field: OptionalField,
    ) -> Result<&'l str, Rejection> {
        if part.is_empty() || part == NONE {
            return Err(bad_line(format!("this verb needs the {name}")));
        }
        if part.len() > TEXT_BYTES_MAX {
            return Err(Rejection::new(
                Reason::TextLength,
                format!("the {name} must have 1 to {TEXT_BYTES_MAX} bytes"),
            ));
        }
        if self.encoding.is_damaged(part) {
            self.record(|faults| faults.record_dropped(field));
        }
        Ok(part)
    }

    /// Returns the id of the record, which is different for each line, so that the same line read
    /// twice is one record. Parameters that may contain a caller's number or name, a dialled number
    /// or free text are left out: they must not leave the decoder, and the other parts already
    /// differ between such lines. A hold or talk that is no number may be such a text too.
    fn identity(&self) -> &'l str {
        let is_duration = |field| {
            matches!(field, OptionalField::WaitMs | OptionalField::TalkMs | OptionalField::WrapUpMs)
        };
        if self.faults.get().dropped().any(is_duration) {
            return self.head;
        }
        match self.verb {
            "ENTERQUEUE" | "BLINDTRANSFER" | "ATTENDEDTRANSFER" | "TRANSFER" | "OUTCALL"
            | "DID" | "INFO" => self.head,
            _ => self.text,
        }
    }

    fn call(&self) -> Result<&'l str, Rejection> {
        self.required(self.call, "call id", OptionalField::ContactId)
    }

    fn queue(&self) -> Result<&'l str, Rejection> {
        self.required(self.queue, "queue", OptionalField::Queue)
    }

    fn agent(&self) -> Result<&'l str, Rejection> {
        self.required(self.agent, "agent", OptionalField::Agent)
    }

    /// Returns the agent of a line about a call. One with a fault is left out.
    fn agent_if_any(&self) -> Option<&'l str> {
        if self.agent.is_empty() || self.agent == NONE {
            return None;
        }
        let agent = self.agent().ok();
        if agent.is_none() {
            self.record(|faults| faults.record_dropped(OptionalField::Agent));
        }
        agent
    }

    /// Returns a parameter by its number, counted from 1 as in Asterisk's documentation; `None`
    /// where absent or empty.
    fn parameter(&self, number: usize) -> Option<&'l str> {
        self.parameters
            .split('|')
            .nth(number.saturating_sub(1))
            .filter(|parameter| !parameter.is_empty())
    }

    /// Returns the duration of a parameter in whole seconds. A negative one is 0: Asterisk writes
    /// it when the clock of its host was set back meanwhile. Anything else is left out, and counted
    /// under `field`.
    fn seconds(&self, number: usize, field: OptionalField) -> Option<Millis> {
        let parameter = self.parameter(number)?;
        if is_negative(parameter) {
            self.record(FieldFaults::record_negative_duration);
            return Some(Millis::ZERO);
        }
        let duration = whole_seconds(parameter);
        if duration.is_none() {
            self.record(|faults| faults.record_dropped(field));
        }
        duration
    }

    /// Returns the hold time of a line that ends a conversation, and whether it is negative. That
    /// is no fault of the record: the hold time counts only where the line implies the answer.
    fn implied_wait(&self, number: usize) -> Option<(Millis, bool)> {
        match self.parameter(number)? {
            parameter if is_negative(parameter) => Some((Millis::ZERO, true)),
            _ => self.seconds(number, OptionalField::WaitMs).map(|wait| (wait, false)),
        }
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

fn whole_seconds(text: &str) -> Option<Millis> {
    if !is_digits(text) {
        return None;
    }
    let duration = text.parse().ok().map(Millis::from_secs);
    duration.filter(|duration| *duration <= DURATION_MAX)
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

fn is_negative(text: &str) -> bool {
    text.strip_prefix('-').is_some_and(is_digits)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
