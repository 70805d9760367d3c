//! CloudEvents 1.0 in JSON: structured mode, where the value is the whole envelope, and the binary
//! mode of the Kafka protocol binding, where the attributes are `ce_` headers and the value is
//! `data`. The file `mode.rs` tells them apart.
//!
//! This is the hot path. It reads the bytes in one pass, and allocates only for a text with escapes
//! and for the list of an agent's queues.

#[cfg(test)]
mod fast_json_tests;
mod mode;
#[cfg(test)]
mod tests;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{IgnoredAny, MapAccess};

use crate::decode::cloudevents::mode::{Mode, attribute_of, mode_of};
use crate::decode::fast_json::FastJson;
use crate::decode::fields::{Fields, missing};
use crate::decode::message::{Message, check_size, without_bom};
use crate::decode::payload::reader;
use crate::decode::raw_value::{
    KeySeed, ObjectSeed, RawValue, RawValueSeed, ReadObject, Shape, parse, parse_unborrowed,
    text_of,
};
use crate::event::{Channels, Event, EventPayload, OptionalField, Reason, Rejection};

const SPECVERSION: &str = "1.0";

/// The one type without data fields: its data are optional.
const NO_FIELDS: &str = "source.restarted";

/// Base64 by RFC 4648; some encoders leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Decodes one message; `None` for a tombstone: a record without a value and without attributes in
/// headers. Faults are reported in a fixed order: the form of the JSON, `specversion`,
/// `id`, `source`, `type`, `time`, then the data fields.
pub(crate) fn decode<'a>(
    message: &Message<'a>,
    channels: &Channels,
    record_bytes_max: usize,
) -> Result<Option<Event<'a>>, Rejection> {
    check_size(message, record_bytes_max)?;
    let mut envelope = Envelope::default();
    let mode = mode_of(message.headers);
    let value = message.value.map(without_bom);
    match (mode, value) {
        (Ok(Mode::Structured) | Err(_), None) => return Ok(None),
        (Err(rejection), _) => return Err(rejection),
        (Ok(Mode::Binary), value) => {
            envelope.read_headers(message.headers)?;
            // A producer without data may write an empty value or none.
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                envelope.read_data(text_of(value)?)?;
            }
        }
        (Ok(Mode::Structured), Some(value)) => {
            let text = text_of(value)?;
            if envelope.read_fast(text).is_none() {
                envelope = Envelope::default();
                envelope.read_any(text)?;
            }
        }
    }
    envelope.take_event(channels).map(Some)
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
    /// The data, encoded. They count where `data` is absent.
    data_base64: RawValue<'a>,
    fields: Fields<'a>,
}

impl<'a> Envelope<'a> {
    fn read_headers(&mut self, headers: &'a [(&'a str, &'a [u8])]) -> Result<(), Rejection> {
        for (name, value) in headers {
            let Some(attribute) = attribute_of(name) else { continue };
            let text = std::str::from_utf8(value).map_err(|_| {
                let detail = format!("header ce_{attribute} must be UTF-8 text");
                Rejection::new(Reason::WrongType, detail)
            })?;
            if let Some(target) =
                Attribute::from_key(attribute).and_then(|attribute| self.attribute(attribute))
            {
                *target = RawValue::Text(text);
            }
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
        match parse(text, self)? {
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
                parse(text, &mut self.fields)?
            }
        };
        Ok(())
    }

    /// Reads the data from base64. The attributes must have been taken before.
    fn read_base64(&mut self) -> Result<Shape, Rejection> {
        const NAME: &str = "data_base64";
        let Some(text) = self.fields.heap.any_text(self.data_base64, NAME)? else {
            return Ok(Shape::Absent);
        };
        let bytes = BASE64.decode(text.as_bytes()).map_err(|_| {
            Rejection::new(Reason::NotJson, format!("{NAME} must be base64 of a JSON object"))
        })?;
        parse_unborrowed(text_of(without_bom(&bytes))?, &mut self.fields)
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
            Attribute::DataBase64 => &mut self.data_base64,
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
        let time = match self.time {
            RawValue::Null => None,
            value => self.fields.heap.time(value, "time")?,
        };
        let data = match (self.data, self.data_base64) {
            (Shape::Absent, RawValue::Absent | RawValue::Null) => Shape::Absent,
            (Shape::Absent, _) => self.read_base64()?,
            (data, _) => data,
        };
        let payload = match data {
            Shape::Object => read(&mut self.fields, channels)?,
            Shape::Absent if kind == NO_FIELDS => EventPayload::SourceRestarted,
            Shape::Absent => return Err(missing("data")),
            Shape::Other if kind == NO_FIELDS => {
                self.fields.faults.record_dropped(OptionalField::Data);
                EventPayload::SourceRestarted
            }
            Shape::Other => {
                return Err(Rejection::new(Reason::NotObject, "data must be a JSON object"));
            }
        };
        let faults = self.fields.faults;
        Ok(Event { source, id, time, payload, extra_payloads: Vec::new(), faults })
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
    DataBase64,
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
            "data_base64" => Attribute::DataBase64,
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
