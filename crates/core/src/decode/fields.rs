//! The data fields of the vocabulary, captured in one flat set and checked by the contract.
//!
//! The type of an event may follow its data in the JSON. A field is therefore captured first and
//! checked when the type is known. A field that does not belong to the type is never checked.

use serde::de::{IgnoredAny, MapAccess};

use crate::decode::fast_json::FastJson;
use crate::decode::raw_value::{Heap, KeySeed, RawValue, RawValueSeed, ReadObject};
use crate::event::{
    ChannelId, Channels, FieldFaults, LIST_LEN_MAX, OptionalField, Reason, Rejection,
    TEXT_BYTES_MAX, Text,
};
use crate::time::{DURATION_MAX, Millis, Timestamp};

macro_rules! fields {
    ($($variant:ident = $key:literal),+ $(,)?) => {
        /// A data field of the vocabulary.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Field { $($variant),+ }

        impl Field {
            const COUNT: usize = [$($key),+].len();

            pub(crate) fn as_str(self) -> &'static str {
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

/// Returns the rejection for a required field or attribute that is absent.
#[cold]
pub(crate) fn missing(name: &str) -> Rejection {
    Rejection::new(Reason::MissingField, format!("{name} is required"))
}

/// The captured data fields of one event. Each getter checks its field by the contract and is
/// called once. A fault of a required field rejects the record; a fault of an optional field leaves
/// the field out and is recorded.
#[derive(Debug, Default)]
pub(crate) struct Fields<'a> {
    values: [RawValue<'a>; Field::COUNT],
    pub(crate) heap: Heap<'a>,
    /// The faults of the optional fields that were read so far.
    pub(crate) faults: FieldFaults,
}

impl<'a> Fields<'a> {
    /// Clears all fields. The heap stays, because it also has attributes of the envelope.
    pub(crate) fn clear(&mut self) {
        self.values = Default::default();
    }

    /// Reads an object with the fast reader. Returns `None`, with some of the fields, where it
    /// needs the general parser.
    pub(crate) fn read_fast(&mut self, json: &mut FastJson<'a>) -> Option<()> {
        json.object(|json, key| {
            match Field::from_key(key) {
                Some(field) => self.values[field as usize] = json.value(&mut self.heap)?,
                None => json.skip()?,
            }
            Some(())
        })
    }

    fn value(&self, field: Field) -> RawValue<'a> {
        self.values[field as usize]
    }

    /// Returns an optional field. `null` is absence.
    fn optional<T>(
        &mut self,
        field: Field,
        read: impl FnOnce(&mut Self) -> Result<Option<T>, Rejection>,
    ) -> Option<T> {
        if matches!(self.value(field), RawValue::Null) {
            return None;
        }
        read(self).unwrap_or_else(|_| {
            if let Some(field) = OptionalField::from_wire(field.as_str()) {
                self.faults.record_dropped(field);
            }
            None
        })
    }

    fn checked_text(&mut self, field: Field) -> Result<Option<Text<'a>>, Rejection> {
        self.heap.text(self.value(field), field.as_str())
    }

    pub(crate) fn optional_text(&mut self, field: Field) -> Option<Text<'a>> {
        self.optional(field, |fields| fields.checked_text(field))
    }

    pub(crate) fn text(&mut self, field: Field) -> Result<Text<'a>, Rejection> {
        self.checked_text(field)?.ok_or_else(|| missing(field.as_str()))
    }

    fn checked_integer(
        &mut self,
        field: Field,
        min: u64,
        max: u64,
    ) -> Result<Option<u64>, Rejection> {
        match self.value(field) {
            RawValue::Absent => Ok(None),
            RawValue::Integer(value) if (min..=max).contains(&value) => Ok(Some(value)),
            RawValue::Integer(_) | RawValue::Negative | RawValue::Beyond => Err(Rejection::new(
                Reason::OutOfRange,
                format!("{} must be {min} to {max}", field.as_str()),
            )),
            other => Err(other.wrong_type(field.as_str(), "a whole number")),
        }
    }

    pub(crate) fn optional_integer(&mut self, field: Field, min: u64, max: u64) -> Option<u64> {
        self.optional(field, |fields| fields.checked_integer(field, min, max))
    }

    pub(crate) fn integer(&mut self, field: Field, min: u64, max: u64) -> Result<u64, Rejection> {
        self.checked_integer(field, min, max)?.ok_or_else(|| missing(field.as_str()))
    }

    /// Returns a duration. A negative one is 0, because the source measured it with a clock that
    /// was set back.
    pub(crate) fn optional_duration(&mut self, field: Field) -> Option<Millis> {
        if matches!(self.value(field), RawValue::Negative) {
            self.faults.record_negative_duration();
            return Some(Millis::ZERO);
        }
        self.optional_integer(field, 0, DURATION_MAX.get()).map(Millis)
    }

    pub(crate) fn optional_bool(&mut self, field: Field) -> Option<bool> {
        self.optional(field, |fields| match fields.value(field) {
            RawValue::Absent => Ok(None),
            RawValue::Bool(value) => Ok(Some(value)),
            other => Err(other.wrong_type(field.as_str(), "true or false")),
        })
    }

    pub(crate) fn optional_time(&mut self, field: Field) -> Option<Timestamp> {
        self.optional(field, |fields| fields.heap.time(fields.value(field), field.as_str()))
    }

    /// Returns a value of a fixed set of words.
    fn checked_word<T: Copy>(
        &mut self,
        field: Field,
        values: &[T],
        word_of: fn(T) -> &'static str,
    ) -> Result<Option<T>, Rejection> {
        let Some(text) = self.heap.any_text(self.value(field), field.as_str())? else {
            return Ok(None);
        };
        match values.iter().copied().find(|value| word_of(*value) == text) {
            Some(value) => Ok(Some(value)),
            None => Err(unknown_value(field, values.iter().map(|value| word_of(*value)))),
        }
    }

    pub(crate) fn optional_word<T: Copy>(
        &mut self,
        field: Field,
        values: &[T],
        word_of: fn(T) -> &'static str,
    ) -> Option<T> {
        self.optional(field, |fields| fields.checked_word(field, values, word_of))
    }

    pub(crate) fn word<T: Copy>(
        &mut self,
        field: Field,
        values: &[T],
        word_of: fn(T) -> &'static str,
    ) -> Result<T, Rejection> {
        self.checked_word(field, values, word_of)?.ok_or_else(|| missing(field.as_str()))
    }

    fn checked_channel(&mut self, channels: &Channels) -> Result<Option<ChannelId>, Rejection> {
        let Some(text) = self.heap.any_text(self.value(Field::Channel), Field::Channel.as_str())?
        else {
            return Ok(None);
        };
        match channels.id(&text) {
            Some(channel) => Ok(Some(channel)),
            None => Err(unknown_value(Field::Channel, channels.names())),
        }
    }

    pub(crate) fn optional_channel(&mut self, channels: &Channels) -> Option<ChannelId> {
        self.optional(Field::Channel, |fields| fields.checked_channel(channels))
    }

    pub(crate) fn channel(&mut self, channels: &Channels) -> Result<ChannelId, Rejection> {
        self.checked_channel(channels)?.ok_or_else(|| missing(Field::Channel.as_str()))
    }

    fn checked_texts(&mut self, field: Field) -> Result<Option<Vec<Text<'a>>>, Rejection> {
        let texts = match self.value(field) {
            RawValue::Absent => return Ok(None),
            value => self
                .heap
                .take_texts(value)
                .ok_or_else(|| value.wrong_type(field.as_str(), "an array of texts"))?,
        };
        if texts.len() > LIST_LEN_MAX {
            let detail = format!("{} must have at most {LIST_LEN_MAX} entries", field.as_str());
            return Err(Rejection::new(Reason::OutOfRange, detail));
        }
        if texts.iter().any(|text| text.is_empty() || text.len() > TEXT_BYTES_MAX) {
            let detail =
                format!("each entry of {} must have 1 to {TEXT_BYTES_MAX} bytes", field.as_str());
            return Err(Rejection::new(Reason::TextLength, detail));
        }
        Ok(Some(texts))
    }

    pub(crate) fn optional_texts(&mut self, field: Field) -> Option<Vec<Text<'a>>> {
        self.optional(field, |fields| fields.checked_texts(field))
    }
}

impl<'de> ReadObject<'de> for &mut Fields<'de> {
    fn read_entries<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(field) = entries.next_key_seed(KeySeed(Field::from_key))? {
            match field {
                Some(field) => {
                    self.values[field as usize] =
                        entries.next_value_seed(RawValueSeed(&mut self.heap))?
                }
                None => {
                    entries.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

#[cold]
fn unknown_value<'w>(field: Field, allowed: impl Iterator<Item = &'w str>) -> Rejection {
    let allowed: Vec<&str> = allowed.collect();
    Rejection::new(
        Reason::UnknownValue,
        format!("{} must be one of {}", field.as_str(), allowed.join(", ")),
    )
}
