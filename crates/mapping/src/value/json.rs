//! JSON: reading a record's value, and writing what a program gives.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::fuel;
use crate::value::model::Value;

/// A text is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JsonFault;

impl Value {
    /// Reads a JSON text. Integers from 2^63 to 2^64 become texts and larger ones floats; of members
    /// with the same name the last one stands. Half of a surrogate pair is read as U+FFFD.
    ///
    /// # Errors
    /// [`JsonFault`] where the text is not JSON, or has more than 128 levels.
    pub(crate) fn from_json(text: &str) -> Result<Self, JsonFault> {
        let whole = |text: &str| serde_json::from_str(text).map_err(|_| JsonFault);
        whole(text).or_else(|fault| whole(&without_lone_surrogates(text).ok_or(fault)?))
    }

    /// Returns the value as JSON; `null` where the record runs out of fuel for it.
    pub(crate) fn to_json(&self) -> String {
        let written = fuel::take(self.size()).ok().and_then(|()| serde_json::to_string(self).ok());
        written.unwrap_or_else(|| "null".to_owned())
    }
}

/// As jq does, writes a text without quotes only where it is asked for; here always as JSON.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_json())
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) => serializer.serialize_i64(*value),
            Value::Float(value) => match whole(*value) {
                Some(value) => serializer.serialize_i64(value),
                None => serializer.serialize_f64(*value),
            },
            Value::Text(text) => serializer.serialize_str(text),
            Value::Array(array) => {
                let mut sequence = serializer.serialize_seq(Some(array.items.len()))?;
                for item in &array.items {
                    sequence.serialize_element(item)?;
                }
                sequence.end()
            }
            Value::Object(object) => {
                let mut map = serializer.serialize_map(Some(object.members.len()))?;
                for (name, value) in &object.members {
                    map.serialize_entry(&**name, value)?;
                }
                map.end()
            }
        }
    }
}

/// Returns a float without a fraction as an integer: jq writes 3.0 as 3.
pub(crate) fn whole(value: f64) -> Option<i64> {
    let limit = 9_007_199_254_740_992.0; // 2^53, up to which floats are exact
    (value.fract() == 0.0 && value.abs() <= limit).then_some(value as i64)
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        // An id must not lose digits.
        Ok(i64::try_from(value).map_or_else(|_| Value::text(value.to_string()), Value::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Value::array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<Name, Value>()? {
            members.insert(name.0, value);
        }
        Ok(Value::object(members))
    }
}

/// The name of a member: a shared text without a copy in between.
struct Name(Rc<str>);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl Visitor<'_> for NameVisitor {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_str<E>(self, text: &str) -> Result<Name, E> {
                Ok(Name(text.into()))
            }
        }
        deserializer.deserialize_str(NameVisitor)
    }
}

/// Returns a JSON text with U+FFFD for each half of a surrogate pair; `None` where it has none.
fn without_lone_surrogates(text: &str) -> Option<String> {
    let unit = |at: usize| -> Option<u16> {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut written = String::new();
    let (mut copied, mut at) = (0, 0);
    while let Some(found) = text.get(at..)?.find('\\') {
        at += found;
        let pair = (unit(at), unit(at + 6));
        at += match pair {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => 12,
            (Some(0xd800..0xe000), _) => {
                written.push_str(text.get(copied..at)?);
                written.push_str("\\ufffd");
                copied = at + 6;
                6
            }
            (Some(_), _) => 6,
            // Any other escape: its letter is not the start of one.
            (None, _) => 1 + text.get(at + 1..)?.chars().next()?.len_utf8(),
        };
    }
    written.push_str(text.get(copied..)?);
    (copied > 0).then_some(written)
}
