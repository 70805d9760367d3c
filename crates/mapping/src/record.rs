//! A record of a source, and the events that a mapping makes of it.

use std::rc::Rc;

use siphasher::sip128::{Hasher128, SipHasher13};

use crate::program::Variables;
use crate::value::Value;

/// A record as the source wrote it.
#[derive(Clone, Copy, Debug)]
pub struct SourceRecord<'r> {
    /// The value.
    pub value: &'r [u8],
    /// The key, if the record has one.
    pub key: Option<&'r [u8]>,
    /// Names and values of the headers. Of headers with the same name a mapping sees the last.
    pub headers: &'r [(&'r str, &'r [u8])],
    /// Kafka timestamp in milliseconds since 1970; `None` in a file.
    pub timestamp: Option<i64>,
    /// Name of the topic, or of the file.
    pub topic: &'r str,
}

/// One output of a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// A CloudEvent in JSON, with `specversion`, `id` and `source`.
    Event(String),
    /// A line of a queue_log.
    Line(String),
}

impl Output {
    /// Returns the text of the event or of the line.
    pub fn text(&self) -> &str {
        match self {
            Output::Event(text) | Output::Line(text) => text,
        }
    }
}

/// What is wrong with an output, and its place among the outputs of the record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("output {index}: {message}")]
pub struct OutputFault {
    /// Place of the output, from 0.
    pub index: usize,
    /// What is wrong. It repeats no value.
    pub message: &'static str,
}

impl SourceRecord<'_> {
    /// Returns whether the value is JSON, so that a program gets it as it is.
    pub fn is_json(&self) -> bool {
        let text = String::from_utf8_lossy(self.value);
        Value::from_json(without_bom(&text)).is_ok()
    }

    /// Returns the input of a program: the value as JSON, else its text as `message`. `None` where
    /// the text begins as an object: a damaged object is no line of a log.
    pub(crate) fn input(&self) -> Option<Value> {
        let text = String::from_utf8_lossy(self.value);
        let text = without_bom(&text);
        match Value::from_json(text) {
            Ok(value) => Some(value),
            Err(_) if text.trim_start().starts_with('{') => None,
            Err(_) => {
                let message = (Rc::from("message"), Value::text(text));
                Some(Value::object([message].into_iter().collect()))
            }
        }
    }

    /// Returns the bytes that a program can see.
    pub(crate) fn bytes(&self) -> usize {
        let headers = self.headers.iter();
        let headers: usize = headers.map(|(name, value)| name.len() + value.len()).sum();
        self.value.len() + length(self.key) + headers
    }

    pub(crate) fn variables(&self, time_zone: &str) -> Variables {
        let headers = self.headers.iter().map(|(name, value)| (Rc::from(*name), lossy_text(value)));
        Variables {
            key: optional_text(self.key),
            headers: Value::object(headers.collect()),
            timestamp: self.timestamp.map_or(Value::Null, Value::Int),
            topic: Value::text(self.topic),
            time_zone: Value::text(time_zone),
        }
    }

    /// Returns the id of an output that has none: a hash of the value and of the place of the
    /// output, and of the Kafka timestamp where the output has no time of its own.
    fn id(&self, hash_key: [u8; 16], index: usize, timestamp: Option<i64>) -> String {
        use std::hash::Hasher;
        let mut hasher = SipHasher13::new_with_key(&hash_key);
        hasher.write(self.value);
        hasher.write_u64(index as u64);
        if let Some(timestamp) = timestamp {
            hasher.write_i64(timestamp);
        }
        format!("{:032x}", hasher.finish128().as_u128())
    }

    /// Makes an event or a line of an output.
    pub(crate) fn output(
        &self,
        output: Value,
        index: usize,
        source: &str,
        hash_key: [u8; 16],
    ) -> Result<Output, OutputFault> {
        let fault = |message| OutputFault { index, message };
        let Value::Object(object) = output else { return Err(fault("is not an object")) };
        let mut members = Rc::unwrap_or_clone(object).members;
        if let Some(line) = members.get("message") {
            let line = line.as_text().ok_or_else(|| fault("`message` is not a text"))?;
            if members.len() > 1 {
                return Err(fault("`message` stands beside other members"));
            }
            return Ok(Output::Line(line.to_owned()));
        }
        if !matches!(members.get("type"), Some(Value::Text(_))) {
            return Err(fault("has neither `type` nor `message`, as a text"));
        }
        let is_absent = |value: Option<&Value>| matches!(value, None | Some(Value::Null));
        // A time that is null is absent: the record's own stands in for it.
        if is_absent(members.get("time")) {
            members.remove("time");
        }
        if is_absent(members.get("id")) {
            let timestamp = self.timestamp.filter(|_| !members.contains_key("time"));
            members.insert(Rc::from("id"), Value::text(self.id(hash_key, index, timestamp)));
        }
        if is_absent(members.get("source")) {
            members.insert(Rc::from("source"), Value::text(source));
        }
        if is_absent(members.get("specversion")) {
            members.insert(Rc::from("specversion"), Value::text("1.0"));
        }
        Ok(Output::Event(Value::object(members).to_json()))
    }
}

fn without_bom(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

fn length(bytes: Option<&[u8]>) -> usize {
    bytes.map_or(0, <[u8]>::len)
}

fn optional_text(bytes: Option<&[u8]>) -> Value {
    bytes.map_or(Value::Null, lossy_text)
}

fn lossy_text(bytes: &[u8]) -> Value {
    Value::text(String::from_utf8_lossy(bytes))
}
