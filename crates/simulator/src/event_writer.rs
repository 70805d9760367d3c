//! The JSON of an event. Every id and word of the simulation is ASCII without quotes and
//! backslashes, so nothing is escaped.

use std::fmt::Write as _;

use crate::local_time::{UTC_OFFSET_MS, day_begins_ms, local_day};

/// One event, ready to be written to Kafka or a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedEvent {
    /// Event time in milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// Kafka key: the id of the contact, agent, follow-up or queue.
    pub key: String,
    /// The CloudEvents envelope in structured mode, one line without its line break.
    pub json: String,
}

/// An id of an event field: the kind of thing and its number, or the id of a queue.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Id {
    Contact(u64),
    Followup(u64),
    Agent(u32),
    Queue(&'static str),
}

/// Writes events, each with an id of its own.
#[derive(Debug)]
pub(crate) struct EventWriter {
    /// Part of every id that differs between starts and between seeds.
    run: String,
    /// Digits of agent numbers.
    agent_digits: usize,
    events: u64,
    /// Local day of `date`, the last written date.
    day: i64,
    date: String,
    shift_ms: i64,
}

/// An event being written.
#[derive(Debug)]
pub(crate) struct EventDraft {
    time_ms: i64,
    key: String,
    json: String,
    has_field: bool,
}

impl EventWriter {
    /// Creates a writer. Written times are `shift_ms` later than those given.
    pub(crate) fn new(start_ms: i64, seed: u64, agents: usize, shift_ms: i64) -> Self {
        EventWriter {
            run: format!("{:x}-{seed:x}", (start_ms + shift_ms).div_euclid(1000)),
            shift_ms,
            agent_digits: agents.to_string().len().max(2),
            events: 0,
            day: i64::MIN,
            date: String::new(),
        }
    }

    /// Returns the number of events begun so far.
    pub(crate) fn events(&self) -> u64 {
        self.events
    }

    /// Returns the text of an id.
    pub(crate) fn text_of(&self, id: Id) -> String {
        let mut text = String::with_capacity(32);
        self.push_id(&mut text, id);
        text
    }

    fn push_id(&self, text: &mut String, id: Id) {
        match id {
            Id::Contact(number) => {
                text.push_str("c-");
                text.push_str(&self.run);
                text.push('-');
                push_number(text, number);
            }
            Id::Followup(number) => {
                text.push_str("f-");
                text.push_str(&self.run);
                text.push('-');
                push_number(text, number);
            }
            Id::Agent(number) => {
                let digits = number.checked_ilog10().unwrap_or(0) as usize + 1;
                text.push_str("agent-");
                for _ in digits..self.agent_digits {
                    text.push('0');
                }
                push_number(text, u64::from(number));
            }
            Id::Queue(id) => text.push_str(id),
        }
    }

    /// Begins an event of type `kind`.
    pub(crate) fn begin(&mut self, time_ms: i64, source: &str, kind: &str, key: Id) -> EventDraft {
        self.events += 1;
        let mut json = String::with_capacity(320);
        json.push_str("{\"specversion\":\"1.0\",\"id\":\"e-");
        json.push_str(&self.run);
        json.push('-');
        push_number(&mut json, self.events);
        json.push_str("\",\"source\":\"");
        json.push_str(source);
        json.push_str("\",\"type\":\"");
        json.push_str(kind);
        json.push_str("\",\"time\":\"");
        self.push_time(&mut json, time_ms);
        json.push_str("\",\"data\":{");
        EventDraft {
            time_ms: time_ms + self.shift_ms,
            key: self.text_of(key),
            json,
            has_field: false,
        }
    }

    /// Appends a time in RFC 3339 with milliseconds and the site's offset.
    fn push_time(&mut self, text: &mut String, time_ms: i64) {
        let (day, of_day_ms) = local_day(time_ms + self.shift_ms);
        if day != self.day {
            self.day = day;
            self.date = date_of(day);
        }
        text.push_str(&self.date);
        text.push('T');
        push_padded(text, of_day_ms / 3_600_000, 2);
        text.push(':');
        push_padded(text, of_day_ms / 60_000 % 60, 2);
        text.push(':');
        push_padded(text, of_day_ms / 1_000 % 60, 2);
        text.push('.');
        push_padded(text, of_day_ms % 1_000, 3);
        text.push_str("+03:00");
    }

    /// Appends a field with an id.
    pub(crate) fn id(&self, draft: &mut EventDraft, name: &str, id: Id) {
        draft.name(name);
        draft.json.push('"');
        self.push_id(&mut draft.json, id);
        draft.json.push('"');
    }

    /// Appends a field with a time.
    pub(crate) fn time(&mut self, draft: &mut EventDraft, name: &str, time_ms: i64) {
        draft.name(name);
        draft.json.push('"');
        self.push_time(&mut draft.json, time_ms);
        draft.json.push('"');
    }
}

impl EventDraft {
    fn name(&mut self, name: &str) {
        if self.has_field {
            self.json.push(',');
        }
        self.has_field = true;
        self.json.push('"');
        self.json.push_str(name);
        self.json.push_str("\":");
    }

    /// Appends a field with a word that needs no escapes.
    pub(crate) fn word(&mut self, name: &str, word: &str) {
        debug_assert!(
            word.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
        );
        self.name(name);
        self.json.push('"');
        self.json.push_str(word);
        self.json.push('"');
    }

    /// Appends a field with a whole number.
    pub(crate) fn number(&mut self, name: &str, number: u64) {
        self.name(name);
        push_number(&mut self.json, number);
    }

    /// Appends a field with a duration; a negative one is written as 0.
    pub(crate) fn duration(&mut self, name: &str, duration_ms: i64) {
        self.number(name, duration_ms.max(0) as u64);
    }

    /// Appends a field with a list of words that need no escapes.
    pub(crate) fn words<'a>(&mut self, name: &str, words: impl Iterator<Item = &'a str>) {
        self.name(name);
        for (index, word) in words.enumerate() {
            self.json.push_str(if index == 0 { "[\"" } else { "\",\"" });
            self.json.push_str(word);
        }
        self.json.push_str("\"]");
    }

    /// Returns the finished event.
    pub(crate) fn finish(mut self) -> SimulatedEvent {
        self.json.push_str("}}");
        SimulatedEvent { time_ms: self.time_ms, key: self.key, json: self.json }
    }
}

/// Returns the date of a local day, such as `2026-01-05`.
fn date_of(day: i64) -> String {
    let second = day_begins_ms(day).saturating_add(UTC_OFFSET_MS) / 1000;
    match jiff::Timestamp::from_second(second) {
        Ok(timestamp) => timestamp.strftime("%Y-%m-%d").to_string(),
        // After the year 9999. Readers reject such a time, and the command does not start there.
        Err(_) => "9999-12-31".to_owned(),
    }
}

fn push_number(text: &mut String, number: u64) {
    // Writing to a `String` does not fail.
    let _ = write!(text, "{number}");
}

fn push_padded(text: &mut String, number: i64, digits: u32) {
    for place in (0..digits).rev() {
        let digit = number / 10_i64.pow(place) % 10;
        text.push(char::from(b'0' + digit as u8));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::DEFAULT_START_MS;

    #[test]
    fn event_is_one_line_of_json_when_finished() {
        let mut writer = EventWriter::new(DEFAULT_START_MS, 26, 120, 0);
        let mut draft =
            writer.begin(DEFAULT_START_MS + 36_000_007, "acd", "contact.queued", Id::Contact(12));
        writer.id(&mut draft, "contact_id", Id::Contact(12));
        draft.word("queue", "fault");
        draft.number("position", 3);
        draft.words("queues", ["fault", "billing"].into_iter());
        writer.id(&mut draft, "agent", Id::Agent(7));
        writer.time(&mut draft, "due", DEFAULT_START_MS - 1);
        let event = draft.finish();
        assert_eq!(
            event.json,
            "{\"specversion\":\"1.0\",\"id\":\"e-695ad4d0-1a-1\",\"source\":\"acd\",\
             \"type\":\"contact.queued\",\
             \"time\":\"2026-01-05T10:00:00.007+03:00\",\"data\":{\
             \"contact_id\":\"c-695ad4d0-1a-12\",\
             \"queue\":\"fault\",\"position\":3,\"queues\":[\"fault\",\"billing\"],\
             \"agent\":\"agent-007\",\
             \"due\":\"2026-01-04T23:59:59.999+03:00\"}}"
        );
        assert_eq!(event.key, "c-695ad4d0-1a-12");
        assert!(serde_json::from_str::<serde_json::Value>(&event.json).is_ok());
    }
}
