//! JSON values as they came, captured in one pass and checked when their field is known.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::event::{LIST_LEN_MAX, Reason, Rejection, TEXT_BYTES_MAX, Text};
use crate::time::{Timestamp, parse_rfc3339};

/// A JSON value, with the distinctions that the contract makes. It is small and has no destructor,
/// because every event has one for each field of the vocabulary, and most stay absent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum RawValue<'a> {
    #[default]
    Absent,
    Text(&'a str),
    /// A text that had escapes: its index in [`Heap::texts`].
    Unescaped(usize),
    /// A whole number that fits into 64 bits.
    Integer(u64),
    /// A whole number below zero.
    Negative,
    /// A number above every range of the contract.
    Beyond,
    /// A number with a fraction or an exponent.
    Fraction,
    Bool(bool),
    Null,
    Object,
    /// An array of texts: its index in [`Heap::lists`].
    Texts(usize),
    /// An array with other values.
    Array,
}

impl RawValue<'_> {
    /// Returns the rejection for a value of another type than `expected`.
    #[cold]
    pub(crate) fn wrong_type(self, name: &str, expected: &str) -> Rejection {
        let found = match self {
            RawValue::Absent => "absent",
            RawValue::Text(_) | RawValue::Unescaped(_) => "a text",
            RawValue::Integer(_) | RawValue::Negative | RawValue::Beyond => "a whole number",
            RawValue::Fraction => "a number with a fraction or an exponent",
            RawValue::Bool(_) => "true or false",
            RawValue::Null => "null",
            RawValue::Object => "an object",
            RawValue::Texts(_) | RawValue::Array => "an array",
        };
        Rejection::new(Reason::WrongType, format!("{name} must be {expected}, not {found}"))
    }
}

/// The parts of values that cannot be borrowed from the message. Each is taken out once.
#[derive(Debug, Default)]
pub(crate) struct Heap<'a> {
    texts: Vec<String>,
    /// The first [`LIST_LEN_MAX`] + 1 entries of each list.
    lists: Vec<Vec<Text<'a>>>,
}

impl<'a> Heap<'a> {
    /// Returns the text of a value that is one.
    fn take_text(&mut self, value: RawValue<'a>) -> Option<Text<'a>> {
        match value {
            RawValue::Text(text) => Some(Cow::Borrowed(text)),
            RawValue::Unescaped(index) => {
                self.texts.get_mut(index).map(|text| Cow::Owned(std::mem::take(text)))
            }
            _ => None,
        }
    }

    /// Stores a list of texts and returns its value.
    pub(crate) fn put_texts(&mut self, texts: Vec<Text<'a>>) -> RawValue<'a> {
        self.lists.push(texts);
        RawValue::Texts(self.lists.len() - 1)
    }

    /// Returns the texts of a value that is a list of texts.
    pub(crate) fn take_texts(&mut self, value: RawValue<'a>) -> Option<Vec<Text<'a>>> {
        match value {
            RawValue::Texts(index) => self.lists.get_mut(index).map(std::mem::take),
            _ => None,
        }
    }

    /// Returns a text of any length; `None` where absent.
    pub(crate) fn any_text(
        &mut self,
        value: RawValue<'a>,
        name: &str,
    ) -> Result<Option<Text<'a>>, Rejection> {
        match value {
            RawValue::Absent => Ok(None),
            value => {
                self.take_text(value).map(Some).ok_or_else(|| value.wrong_type(name, "a text"))
            }
        }
    }

    /// Returns a text of 1 to [`TEXT_BYTES_MAX`] bytes; `None` where absent.
    pub(crate) fn text(
        &mut self,
        value: RawValue<'a>,
        name: &str,
    ) -> Result<Option<Text<'a>>, Rejection> {
        match self.any_text(value, name)? {
            Some(text) if text.is_empty() || text.len() > TEXT_BYTES_MAX => Err(Rejection::new(
                Reason::TextLength,
                format!("{name} must have 1 to {TEXT_BYTES_MAX} bytes"),
            )),
            text => Ok(text),
        }
    }

    /// Returns the instant of an RFC 3339 text; `None` where absent.
    pub(crate) fn time(
        &mut self,
        value: RawValue<'a>,
        name: &str,
    ) -> Result<Option<Timestamp>, Rejection> {
        let Some(text) = self.any_text(value, name)? else {
            return Ok(None);
        };
        match parse_rfc3339(&text) {
            Some(time) => Ok(Some(time)),
            None => Err(Rejection::new(
                Reason::OutOfRange,
                format!("{name} must be an RFC 3339 time such as 2026-01-05T08:30:00.250+03:00"),
            )),
        }
    }
}

/// Returns the value of a message as text, which JSON must be.
pub(crate) fn text_of(value: &[u8]) -> Result<&str, Rejection> {
    std::str::from_utf8(value)
        .map_err(|_| Rejection::new(Reason::NotJson, "the value is not UTF-8 text"))
}

/// Parses the whole of `text`, which must be one JSON value, into an empty target. Texts without
/// escapes are borrowed.
pub(crate) fn parse<'a, T>(text: &'a str, target: &mut T) -> Result<Shape, Rejection>
where
    T: Default,
    for<'t> &'t mut T: ReadObject<'a>,
{
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let shape = ObjectSeed(&mut *target).deserialize(&mut deserializer);
    match shape.and_then(|shape| deserializer.end().map(|()| shape)) {
        Ok(shape) => Ok(shape),
        Err(error) if is_of_one_value(&error) => {
            *target = T::default();
            parse_unborrowed(text, target)
        }
        Err(error) => Err(not_json(&error)),
    }
}

/// Returns whether the parser refuses the whole text for one value, which may be in a field that is
/// not read: a number that is too large for it, or a text with half of a surrogate pair.
fn is_of_one_value(error: &serde_json::Error) -> bool {
    const ERRORS: [&str; 3] = [
        "number out of range",
        "lone leading surrogate in hex escape",
        "unexpected end of hex escape",
    ];
    let error = error.to_string();
    ERRORS.iter().any(|of_value| error.starts_with(of_value))
}

/// Parses the whole of `text`, which must be one JSON value, into a target that lives longer.
pub(crate) fn parse_unborrowed<'a, T>(text: &str, target: &mut T) -> Result<Shape, Rejection>
where
    for<'t> &'t mut T: ReadObject<'a>,
{
    let text = with_readable_values(text);
    let mut deserializer = serde_json::Deserializer::from_reader(text.as_bytes());
    let shape = ObjectSeed(target).deserialize(&mut deserializer);
    shape.and_then(|shape| deserializer.end().map(|()| shape)).map_err(|error| not_json(&error))
}

/// Returns JSON with other values for those that the parser refuses: smaller numbers for those that
/// are too large for a 64-bit float, both beyond every range of the contract; and for half of a
/// surrogate pair a replacement character with the digits of that half, so that ids stay apart.
fn with_readable_values(text: &str) -> Cow<'_, str> {
    const LARGE: &str = "1e300";
    let is_of_number = |byte: u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
    let bytes = text.as_bytes();
    let (mut readable, mut copied, mut at, mut is_in_text) = (String::new(), 0, 0, false);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' if is_in_text => match surrogate_at(bytes, at) {
                None => at += 1,
                Some(0xd800..=0xdbff) if is_low_surrogate_at(bytes, at + ESCAPE_LEN) => {
                    at += 2 * ESCAPE_LEN - 1;
                }
                Some(half) => {
                    readable.push_str(text.get(copied..at).unwrap_or_default());
                    readable.push_str(&format!("\u{fffd}{half:x}"));
                    copied = at + ESCAPE_LEN;
                    at += ESCAPE_LEN - 1;
                }
            },
            b'"' => is_in_text = !is_in_text,
            b'0'..=b'9' if !is_in_text => {
                let digits = bytes[at..].iter().take_while(|byte| is_of_number(**byte)).count();
                let number = text.get(at..at + digits).unwrap_or_default();
                if number.parse().is_ok_and(f64::is_infinite) {
                    readable.push_str(text.get(copied..at).unwrap_or_default());
                    readable.push_str(LARGE);
                    copied = at + digits;
                }
                at += digits - 1;
            }
            _ => {}
        }
        at += 1;
    }
    match copied {
        0 => Cow::Borrowed(text),
        _ => Cow::Owned(readable + text.get(copied..).unwrap_or_default()),
    }
}

/// The length of an escape such as `\ud800`.
const ESCAPE_LEN: usize = 6;

/// Returns the half of a surrogate pair whose escape begins at a byte.
fn surrogate_at(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + ESCAPE_LEN)?.strip_prefix(b"\\u")?;
    let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
    let code = u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    (is_hex && (0xd800..=0xdfff).contains(&code)).then_some(code)
}

fn is_low_surrogate_at(bytes: &[u8], at: usize) -> bool {
    surrogate_at(bytes, at).is_some_and(|half| half >= 0xdc00)
}

/// Returns the rejection for an error of the parser. The seeds accept any value, so that the
/// message of the parser is about the form and never repeats a value.
fn not_json(error: &serde_json::Error) -> Rejection {
    Rejection::new(Reason::NotJson, format!("the value is not JSON: {error}"))
}

/// The shape of a value that should be an object. `null` is absence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shape {
    #[default]
    Absent,
    Object,
    Other,
}

/// Reads a key and applies a function to it.
pub(crate) struct KeySeed<F>(pub(crate) F);

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

/// Reads any value into a [`RawValue`].
pub(crate) struct RawValueSeed<'h, 'a>(pub(crate) &'h mut Heap<'a>);

impl<'de> DeserializeSeed<'de> for RawValueSeed<'_, 'de> {
    type Value = RawValue<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<RawValue<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for RawValueSeed<'_, 'de> {
    type Value = RawValue<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<RawValue<'de>, E> {
        Ok(RawValue::Text(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<RawValue<'de>, E> {
        self.0.texts.push(text.to_owned());
        Ok(RawValue::Unescaped(self.0.texts.len() - 1))
    }

    fn visit_u64<E>(self, value: u64) -> Result<RawValue<'de>, E> {
        Ok(RawValue::Integer(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<RawValue<'de>, E> {
        Ok(u64::try_from(value).map_or(RawValue::Negative, RawValue::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<RawValue<'de>, E> {
        // A whole number that does not fit into 64 bits arrives here as well.
        Ok(match value.abs() >= u64::MAX as f64 {
            true if value < 0.0 => RawValue::Negative,
            true => RawValue::Beyond,
            false => RawValue::Fraction,
        })
    }

    fn visit_bool<E>(self, value: bool) -> Result<RawValue<'de>, E> {
        Ok(RawValue::Bool(value))
    }

    fn visit_unit<E>(self) -> Result<RawValue<'de>, E> {
        Ok(RawValue::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<RawValue<'de>, A::Error> {
        let mut texts = Vec::new();
        while texts.len() <= LIST_LEN_MAX {
            let Some(entry) = entries.next_element_seed(RawValueSeed(self.0))? else {
                break;
            };
            let Some(text) = self.0.take_text(entry) else {
                skip_rest(&mut entries)?;
                return Ok(RawValue::Array);
            };
            texts.push(text);
        }
        skip_rest(&mut entries)?;
        Ok(self.0.put_texts(texts))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<RawValue<'de>, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(RawValue::Object)
    }
}

fn skip_rest<'de, A: SeqAccess<'de>>(entries: &mut A) -> Result<(), A::Error> {
    while entries.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

/// The target of the entries of a JSON object.
pub(crate) trait ReadObject<'de> {
    /// Reads every entry. Of a repeated key, the last value counts.
    fn read_entries<A: MapAccess<'de>>(self, entries: A) -> Result<(), A::Error>;
}

/// Reads an object into its target, and skips any other value.
pub(crate) struct ObjectSeed<T>(pub(crate) T);

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
        Ok(Shape::Absent)
    }
}
