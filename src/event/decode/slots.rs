//! One pass over a JSON object into a flat set of slots, one for each data field of the vocabulary.
//!
//! The type of an event may stand after its data, so that a field is first kept as it came and judged once the type is
//! known. A field that the type does not know is never judged.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::LIST_LEN_MAX;
use crate::event::time::parse_rfc3339_ms;
use crate::event::{ChannelId, Channels, DURATION_MS_MAX, Reason, Rejection, TEXT_BYTES_MAX, Text};

macro_rules! fields {
    ($($variant:ident = $key:literal),+ $(,)?) => {
        /// A data field of the vocabulary.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Field { $($variant),+ }

        impl Field {
            const COUNT: usize = [$($key),+].len();

            pub(super) fn as_str(self) -> &'static str {
                match self { $(Field::$variant => $key),+ }
            }

            fn from_key(key: &str) -> Option<Self> {
                match key { $($key => Some(Field::$variant),)+ _ => None }
            }
        }
    };
}

fields! {
    ContactId = "contact_id",
    Channel = "channel",
    EntryPoint = "entry_point",
    Outcome = "outcome",
    Menu = "menu",
    Queue = "queue",
    Priority = "priority",
    Position = "position",
    IsCallback = "is_callback",
    Agent = "agent",
    RingMs = "ring_ms",
    WaitMs = "wait_ms",
    Reason = "reason",
    FromQueue = "from_queue",
    ToQueue = "to_queue",
    Kind = "kind",
    TalkMs = "talk_ms",
    HoldMs = "hold_ms",
    WrapUpMs = "wrap_up_ms",
    EndedBy = "ended_by",
    FollowupId = "followup_id",
    Unit = "unit",
    Due = "due",
    Score = "score",
    Scale = "scale",
    State = "state",
    Queues = "queues",
    Waiting = "waiting",
    OldestWaitMs = "oldest_wait_ms",
}

/// A JSON value as far as the contract can tell values apart.
#[derive(Debug, Default)]
pub(super) enum Slot<'a> {
    #[default]
    Absent,
    Text(Text<'a>),
    /// A whole number that fits.
    Integer(u64),
    /// A number below zero or above every range of the contract.
    Beyond,
    /// A number with a fraction or an exponent.
    Fraction,
    Bool,
    Null,
    Object,
    /// An array of texts; at most [`LIST_LEN_MAX`] + 1 of them are kept.
    Texts(Box<Vec<Text<'a>>>),
    /// An array with anything else in it.
    Array,
}

impl<'a> Slot<'a> {
    /// A text of 1 to [`TEXT_BYTES_MAX`] bytes; `None` where absent.
    pub(super) fn into_text(self, name: &str) -> Result<Option<Text<'a>>, Rejection> {
        match self.into_any_text(name)? {
            Some(text) if text.is_empty() || text.len() > TEXT_BYTES_MAX => {
                Err(Rejection::new(Reason::TextLength, format!("{name} must have 1 to {TEXT_BYTES_MAX} bytes")))
            }
            text => Ok(text),
        }
    }

    /// A text of any length; `None` where absent.
    pub(super) fn into_any_text(self, name: &str) -> Result<Option<Text<'a>>, Rejection> {
        match self {
            Slot::Absent => Ok(None),
            Slot::Text(text) => Ok(Some(text)),
            other => Err(other.wrong_type(name, "a text")),
        }
    }

    /// An RFC 3339 text as milliseconds since the Unix epoch; `None` where absent.
    pub(super) fn into_time_ms(self, name: &str) -> Result<Option<i64>, Rejection> {
        let Some(text) = self.into_any_text(name)? else {
            return Ok(None);
        };
        match parse_rfc3339_ms(&text) {
            Some(time_ms) => Ok(Some(time_ms)),
            None => Err(Rejection::new(
                Reason::OutOfRange,
                format!("{name} must be an RFC 3339 time such as 2026-01-05T08:30:00.250+03:00"),
            )),
        }
    }

    fn wrong_type(&self, name: &str, due: &str) -> Rejection {
        let found = match self {
            Slot::Absent => "absent",
            Slot::Text(_) => "a text",
            Slot::Integer(_) | Slot::Beyond => "a whole number",
            Slot::Fraction => "a number with a fraction or an exponent",
            Slot::Bool => "true or false",
            Slot::Null => "null",
            Slot::Object => "an object",
            Slot::Texts(_) | Slot::Array => "an array",
        };
        Rejection::new(Reason::WrongType, format!("{name} must be {due}, not {found}"))
    }
}

/// The rejection for a required field or attribute that is absent.
pub(super) fn missing(name: &str) -> Rejection {
    Rejection::new(Reason::MissingField, format!("{name} is required"))
}

/// The captured data fields of one event. Each getter takes its field out, and judges it by the contract.
#[derive(Default)]
pub(super) struct Fields<'a> {
    slots: [Slot<'a>; Field::COUNT],
}

impl<'a> Fields<'a> {
    fn take(&mut self, field: Field) -> Slot<'a> {
        std::mem::take(&mut self.slots[field as usize])
    }

    pub(super) fn optional_text(&mut self, field: Field) -> Result<Option<Text<'a>>, Rejection> {
        self.take(field).into_text(field.as_str())
    }

    pub(super) fn text(&mut self, field: Field) -> Result<Text<'a>, Rejection> {
        self.optional_text(field)?.ok_or_else(|| missing(field.as_str()))
    }

    pub(super) fn optional_integer(&mut self, field: Field, min: u64, max: u64) -> Result<Option<u64>, Rejection> {
        match self.take(field) {
            Slot::Absent => Ok(None),
            Slot::Integer(value) if (min..=max).contains(&value) => Ok(Some(value)),
            Slot::Integer(_) | Slot::Beyond => {
                Err(Rejection::new(Reason::OutOfRange, format!("{} must be {min} to {max}", field.as_str())))
            }
            other => Err(other.wrong_type(field.as_str(), "a whole number")),
        }
    }

    pub(super) fn integer(&mut self, field: Field, min: u64, max: u64) -> Result<u64, Rejection> {
        self.optional_integer(field, min, max)?.ok_or_else(|| missing(field.as_str()))
    }

    pub(super) fn optional_duration_ms(&mut self, field: Field) -> Result<Option<u64>, Rejection> {
        self.optional_integer(field, 0, DURATION_MS_MAX)
    }

    pub(super) fn optional_bool(&mut self, field: Field) -> Result<(), Rejection> {
        match self.take(field) {
            Slot::Absent | Slot::Bool => Ok(()),
            other => Err(other.wrong_type(field.as_str(), "true or false")),
        }
    }

    pub(super) fn optional_time_ms(&mut self, field: Field) -> Result<Option<i64>, Rejection> {
        self.take(field).into_time_ms(field.as_str())
    }

    /// One of a fixed set of words.
    pub(super) fn optional_word<T: Copy>(
        &mut self,
        field: Field,
        values: &[T],
        word_of: fn(T) -> &'static str,
    ) -> Result<Option<T>, Rejection> {
        let Some(text) = self.take(field).into_any_text(field.as_str())? else {
            return Ok(None);
        };
        match values.iter().copied().find(|value| word_of(*value) == text) {
            Some(value) => Ok(Some(value)),
            None => Err(unknown_value(field, values.iter().map(|value| word_of(*value)))),
        }
    }

    pub(super) fn word<T: Copy>(
        &mut self,
        field: Field,
        values: &[T],
        word_of: fn(T) -> &'static str,
    ) -> Result<T, Rejection> {
        self.optional_word(field, values, word_of)?.ok_or_else(|| missing(field.as_str()))
    }

    pub(super) fn optional_channel(&mut self, channels: &Channels) -> Result<Option<ChannelId>, Rejection> {
        let Some(text) = self.take(Field::Channel).into_any_text(Field::Channel.as_str())? else {
            return Ok(None);
        };
        match channels.id(&text) {
            Some(channel) => Ok(Some(channel)),
            None => Err(unknown_value(Field::Channel, channels.names())),
        }
    }

    pub(super) fn channel(&mut self, channels: &Channels) -> Result<ChannelId, Rejection> {
        self.optional_channel(channels)?.ok_or_else(|| missing(Field::Channel.as_str()))
    }

    pub(super) fn optional_texts(&mut self, field: Field) -> Result<Option<Vec<Text<'a>>>, Rejection> {
        let texts = match self.take(field) {
            Slot::Absent => return Ok(None),
            Slot::Texts(texts) => *texts,
            other => return Err(other.wrong_type(field.as_str(), "an array of texts")),
        };
        if texts.len() > LIST_LEN_MAX {
            let detail = format!("{} must have at most {LIST_LEN_MAX} entries", field.as_str());
            return Err(Rejection::new(Reason::OutOfRange, detail));
        }
        if texts.iter().any(|text| text.is_empty() || text.len() > TEXT_BYTES_MAX) {
            let detail = format!("each entry of {} must have 1 to {TEXT_BYTES_MAX} bytes", field.as_str());
            return Err(Rejection::new(Reason::TextLength, detail));
        }
        Ok(Some(texts))
    }
}

fn unknown_value<'w>(field: Field, allowed: impl Iterator<Item = &'w str>) -> Rejection {
    let allowed: Vec<&str> = allowed.collect();
    Rejection::new(Reason::UnknownValue, format!("{} must be one of {}", field.as_str(), allowed.join(", ")))
}

/// Runs `seed` over the whole of `value`, which must be one JSON value in UTF-8.
pub(super) fn parse<'a, S: DeserializeSeed<'a>>(value: &'a [u8], seed: S) -> Result<S::Value, Rejection> {
    let text =
        std::str::from_utf8(value).map_err(|_| Rejection::new(Reason::NotJson, "the value is not UTF-8 text"))?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let parsed = seed.deserialize(&mut deserializer).map_err(|error| not_json(&error))?;
    deserializer.end().map_err(|error| not_json(&error))?;
    Ok(parsed)
}

/// The seeds take any value, so that the parser's message is about form and never repeats a value.
fn not_json(error: &serde_json::Error) -> Rejection {
    let detail = error.to_string();
    if detail.starts_with("number out of range") {
        return Rejection::new(Reason::OutOfRange, detail);
    }
    Rejection::new(Reason::NotJson, format!("the value is not JSON: {detail}"))
}

/// Whether a value was an object, and then captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Shape {
    #[default]
    Absent,
    Object,
    Other,
}

/// Reads a key and gives what `of` makes of it.
pub(super) struct KeySeed<F>(pub(super) F);

impl<'de, T, F: FnOnce(&str) -> T> DeserializeSeed<'de> for KeySeed<F> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<T, F: FnOnce(&str) -> T> Visitor<'_> for KeySeed<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<T, E> {
        Ok((self.0)(key))
    }
}

/// Reads any value into a [`Slot`].
pub(super) struct SlotSeed;

impl<'de> DeserializeSeed<'de> for SlotSeed {
    type Value = Slot<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Slot<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for SlotSeed {
    type Value = Slot<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Slot<'de>, E> {
        Ok(Slot::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Slot<'de>, E> {
        Ok(Slot::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Slot<'de>, E> {
        Ok(Slot::Integer(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Slot<'de>, E> {
        Ok(u64::try_from(value).map_or(Slot::Beyond, Slot::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Slot<'de>, E> {
        // A whole number too long for 64 bits arrives here as well.
        Ok(if value.abs() >= u64::MAX as f64 { Slot::Beyond } else { Slot::Fraction })
    }

    fn visit_bool<E>(self, _: bool) -> Result<Slot<'de>, E> {
        Ok(Slot::Bool)
    }

    fn visit_unit<E>(self) -> Result<Slot<'de>, E> {
        Ok(Slot::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Slot<'de>, A::Error> {
        let mut texts = Vec::new();
        while texts.len() <= LIST_LEN_MAX {
            match entries.next_element_seed(SlotSeed)? {
                None => return Ok(Slot::Texts(Box::new(texts))),
                Some(Slot::Text(text)) => texts.push(text),
                Some(_) => {
                    skip_rest(&mut entries)?;
                    return Ok(Slot::Array);
                }
            }
        }
        skip_rest(&mut entries)?;
        Ok(Slot::Texts(Box::new(texts)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Slot<'de>, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Slot::Object)
    }
}

fn skip_rest<'de, A: SeqAccess<'de>>(entries: &mut A) -> Result<(), A::Error> {
    while entries.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

/// What takes in the entries of a JSON object.
pub(super) trait ReadObject<'de> {
    /// Reads every entry. A repeated key counts as its last value.
    fn read_entries<A: MapAccess<'de>>(self, entries: A) -> Result<(), A::Error>;
}

impl<'de> ReadObject<'de> for &mut Fields<'de> {
    fn read_entries<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(field) = entries.next_key_seed(KeySeed(Field::from_key))? {
            match field {
                Some(field) => self.slots[field as usize] = entries.next_value_seed(SlotSeed)?,
                None => {
                    entries.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// Reads an object into its target, and anything else to its end.
pub(super) struct ObjectSeed<T>(pub(super) T);

impl<'de, T: ReadObject<'de>> DeserializeSeed<'de> for ObjectSeed<T> {
    type Value = Shape;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Shape, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: ReadObject<'de>> Visitor<'de> for ObjectSeed<T> {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Shape, A::Error> {
        self.0.read_entries(entries)?;
        Ok(Shape::Object)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Shape, A::Error> {
        skip_rest(&mut entries)?;
        Ok(Shape::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<Shape, E> {
        Ok(Shape::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Shape, E> {
        Ok(Shape::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape::Other)
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Other)
    }
}
