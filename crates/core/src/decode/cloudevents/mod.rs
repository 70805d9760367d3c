//! CloudEvents 1.0 in JSON: structured mode, where the value is the whole envelope, and the binary
//! mode of the Kafka protocol binding, where the attributes are `ce_` headers and the value is
//! `data`.
//!
//! This is the hot path. It reads the bytes in one pass, and allocates only for a text with escapes
//! and for the list of an agent's queues.

#[cfg(test)]
mod fast_json_tests;
#[cfg(test)]
mod tests;

use serde::de::{IgnoredAny, MapAccess};

use crate::decode::fast_json::FastJson;
use crate::decode::fields::{Fields, missing};
use crate::decode::message::{Message, check_size};
use crate::decode::payload::reader;
use crate::decode::raw_value::{
    KeySeed, ObjectSeed, RawValue, RawValueSeed, ReadObject, Shape, parse, text_of,
};
use crate::event::{Channels, Event, EventPayload, Reason, Rejection};

const SPECVERSION: &str = "1.0";

/// Decodes one message. Faults are reported in a fixed order: the form of the JSON, `specversion`,
/// `id`, `source`, `type`, `time`, then the data fields.
pub(crate) fn decode<'a>(
    message: &Message<'a>,
    channels: &Channels,
    record_bytes_max: usize,
) -> Result<Event<'a>, Rejection> {
    check_size(message, record_bytes_max)?;
    let mut envelope = Envelope::default();
    if is_binary_mode(message) {
        envelope.read_headers(message.headers)?;
        // A producer without data may write an empty value or none.
        if let Some(value) = message.value.filter(|value| !value.is_empty()) {
            envelope.read_data(text_of(value)?)?;
        }
    } else {
        let value = message
            .value
            .ok_or_else(|| Rejection::new(Reason::NotJson, "the record has no value"))?;
        let text = text_of(value)?;
        if envelope.read_fast(text).is_none() {
            envelope = Envelope::default();
            envelope.read_any(text)?;
        }
    }
    envelope.take_event(channels)
}

fn is_binary_mode(message: &Message<'_>) -> bool {
    let has_attributes =
        |(name, _): &(&str, &[u8])| matches!(*name, "ce_specversion" | "ce_type" | "ce_id");
    message.headers.iter().any(has_attributes) && !message.value.is_some_and(begins_as_envelope)
}

/// Returns whether a value begins as most producers begin an envelope. Such a value is read as one.
pub(crate) fn begins_as_envelope(value: &[u8]) -> bool {
    value.starts_with(br#"{"specversion""#)
}

/// The captured attributes and data of one message.
#[derive(Debug, Default)]
pub(crate) struct Envelope<'a> {
    specversion: RawValue<'a>,
    id: RawValue<'a>,
    source: RawValue<'a>,
    kind: RawValue<'a>,
    time: RawValue<'a>,
    data: Shape,
    fields: Fields<'a>,
}

impl<'a> Envelope<'a> {
    fn read_headers(&mut self, headers: &'a [(&'a str, &'a [u8])]) -> Result<(), Rejection> {
        for (name, value) in headers {
            let target = match *name {
                "ce_specversion" => &mut self.specversion,
                "ce_id" => &mut self.id,
                "ce_source" => &mut self.source,
                "ce_type" => &mut self.kind,
                "ce_time" => &mut self.time,
                _ => continue,
            };
            let text = std::str::from_utf8(value).map_err(|_| {
                Rejection::new(Reason::WrongType, format!("header {name} must be UTF-8 text"))
            })?;
            *target = RawValue::Text(text);
        }
        Ok(())
    }

    /// Reads the whole envelope with the fast reader. Where that gives up, the envelope is
    /// incomplete and must be dropped.
    fn read_fast(&mut self, text: &'a str) -> Option<()> {
        let mut json = FastJson::new(text)?;
        json.object(|json, key| {
            match Attribute::from_key(key) {
                Some(Attribute::Data) => {
                    self.forget_data();
                    self.fields.read_fast(json)?;
                    self.data = Shape::Object;
                }
                Some(attribute) => {
                    let value = json.value(&mut self.fields.heap)?;
                    *self.attribute(attribute)? = value;
                }
                None => json.skip()?,
            }
            Some(())
        })?;
        json.end()
    }

    /// Reads the whole envelope with the general parser.
    fn read_any(&mut self, text: &'a str) -> Result<(), Rejection> {
        match parse(text, ObjectSeed(self))? {
            Shape::Object => Ok(()),
            _ => Err(Rejection::new(Reason::NotObject, "the value must be a JSON object")),
        }
    }

    /// Reads the data alone.
    fn read_data(&mut self, text: &'a str) -> Result<(), Rejection> {
        self.data = match FastJson::new(text)
            .and_then(|mut json| self.fields.read_fast(&mut json).and(json.end()))
        {
            Some(()) => Shape::Object,
            None => {
                // The heap is dropped too: attributes from headers are never in it.
                self.fields = Fields::default();
                parse(text, ObjectSeed(&mut self.fields))?
            }
        };
        Ok(())
    }

    /// Clears earlier data: of several `data`, the last counts.
    fn forget_data(&mut self) {
        if self.data != Shape::Absent {
            self.fields.clear();
        }
    }

    /// Returns the target of an attribute; `None` for the data, which have fields.
    fn attribute(&mut self, attribute: Attribute) -> Option<&mut RawValue<'a>> {
        Some(match attribute {
            Attribute::Specversion => &mut self.specversion,
            Attribute::Id => &mut self.id,
            Attribute::Source => &mut self.source,
            Attribute::Type => &mut self.kind,
            Attribute::Time => &mut self.time,
            Attribute::Data => return None,
        })
    }

    fn take_event(&mut self, channels: &Channels) -> Result<Event<'a>, Rejection> {
        let heap = &mut self.fields.heap;
        let mut required = |value, name| heap.text(value, name)?.ok_or_else(|| missing(name));
        if required(self.specversion, "specversion")? != SPECVERSION {
            return Err(Rejection::new(
                Reason::UnknownValue,
                format!("specversion must be {SPECVERSION}"),
            ));
        }
        let id = required(self.id, "id")?;
        let source = required(self.source, "source")?;
        let kind = required(self.kind, "type")?;
        let Some(read) = reader(&kind) else {
            return Err(Rejection::new(Reason::UnknownType, "type is not in the event vocabulary"));
        };
        let time = self.fields.heap.time(self.time, "time")?;
        let payload = match self.data {
            Shape::Other => {
                return Err(Rejection::new(Reason::NotObject, "data must be a JSON object"));
            }
            Shape::Absent if kind == "source.restarted" => EventPayload::SourceRestarted,
            Shape::Absent => return Err(missing("data")),
            Shape::Object => read(&mut self.fields, channels)?,
        };
        Ok(Event { source, id, time, payload, extra_payloads: Vec::new() })
    }
}

#[derive(Clone, Copy)]
enum Attribute {
    Specversion,
    Id,
    Source,
    Type,
    Time,
    Data,
}

impl Attribute {
    fn from_key(key: &str) -> Option<Self> {
        Some(match key {
            "specversion" => Attribute::Specversion,
            "id" => Attribute::Id,
            "source" => Attribute::Source,
            "type" => Attribute::Type,
            "time" => Attribute::Time,
            "data" => Attribute::Data,
            _ => return None,
        })
    }
}

impl<'de> ReadObject<'de> for &mut Envelope<'de> {
    fn read_entries<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(attribute) = entries.next_key_seed(KeySeed(Attribute::from_key))? {
            match attribute {
                Some(Attribute::Data) => {
                    self.forget_data();
                    self.data = entries.next_value_seed(ObjectSeed(&mut self.fields))?;
                }
                Some(attribute) => {
                    let value = entries.next_value_seed(RawValueSeed(&mut self.fields.heap))?;
                    if let Some(target) = self.attribute(attribute) {
                        *target = value;
                    }
                }
                None => {
                    entries.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}
