//! What jaq asks of a value: making it, looking into it, changing a part of it.

use std::collections::BTreeMap;
use std::rc::Rc;

use jaq_core::box_iter::BoxIter;
use jaq_core::path::Opt;
use jaq_core::val::Range;
use jaq_core::{Error, Exn, ValR, ValX};

use crate::fuel;
use crate::value::arithmetic::unshare;
use crate::value::fault_note;
use crate::value::model::Value;

/// Fuel for the memory of an array or object.
const CONTAINER_STEPS: usize = 8;

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<isize> for Value {
    fn from(value: isize) -> Self {
        Value::Int(value as i64)
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        i64::try_from(value).map_or(Value::Float(value as f64), Value::Int)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Value::Float(value)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::text(text)
    }
}

/// The path of a slice: `{"start": …, "end": …}`.
impl From<Range<Value>> for Value {
    fn from(range: Range<Value>) -> Self {
        let part = |name: &str, bound: Option<Value>| bound.map(|bound| (Rc::from(name), bound));
        let bounds = [part("start", range.start), part("end", range.end)];
        Value::object(bounds.into_iter().flatten().collect())
    }
}

impl FromIterator<Value> for Value {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Self {
        // Where no fuel is left, the next generator ends the program.
        let _ = fuel::take(CONTAINER_STEPS);
        Value::array(items.into_iter().collect())
    }
}

/// Returns the error of a value of the wrong type. It does not repeat the value.
pub(crate) fn wrong_type(value: &Value, expected: &str) -> Error<Value> {
    fault_note::error(format!("cannot use {} as {expected}", value.type_name()))
}

/// Returns an iterator that takes fuel for each of its values, and ends with an error when none is
/// left.
fn fuelled<T: 'static>(
    values: impl Iterator<Item = T> + 'static,
) -> BoxIter<'static, ValR<T, Value>> {
    let mut values = values;
    let mut is_over = false;
    Box::new(std::iter::from_fn(move || {
        if is_over {
            return None;
        }
        let value = values.next()?;
        match fuel::take(1) {
            Ok(()) => Some(Ok(value)),
            Err(out) => {
                is_over = true;
                Some(Err(out.into()))
            }
        }
    }))
}

/// Takes the fuel for a copy of a container that somebody else has too.
fn take_copy(value: &Value) -> Result<(), Error<Value>> {
    let length = match value {
        Value::Array(array) if Rc::strong_count(array) > 1 => array.items.len(),
        Value::Object(object) if Rc::strong_count(object) > 1 => object.members.len(),
        _ => 0,
    };
    Ok(fuel::take(length)?)
}

fn once<T: 'static>(result: ValR<T, Value>) -> BoxIter<'static, ValR<T, Value>> {
    Box::new(std::iter::once(result))
}

impl jaq_core::ValT for Value {
    fn from_num(text: &str) -> ValR<Self> {
        match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(value), _) => Ok(Value::Int(value)),
            (_, Ok(value)) => Ok(Value::Float(value)),
            _ => Err(fault_note::error("cannot use a text as number".to_owned())),
        }
    }

    fn from_map<I: IntoIterator<Item = (Self, Self)>>(members: I) -> ValR<Self> {
        let mut map = BTreeMap::new();
        fuel::take(CONTAINER_STEPS)?;
        for (name, value) in members {
            fuel::take(1)?;
            match name {
                Value::Text(name) => map.insert(name, value),
                other => return Err(wrong_type(&other, "name of a member")),
            };
        }
        Ok(Value::object(map))
    }

    fn key_values(self) -> BoxIter<'static, ValR<(Self, Self), Self>> {
        if let Err(out) = take_copy(&self) {
            return once(Err(out));
        }
        match self {
            Value::Array(array) => {
                let items = unshare(array, |array| array.items).into_iter().enumerate();
                fuelled(items.map(|(index, item)| (Value::from(index), item)))
            }
            Value::Object(object) => {
                let members = unshare(object, |object| object.members).into_iter();
                fuelled(members.map(|(name, value)| (Value::Text(name), value)))
            }
            other => once(Err(wrong_type(&other, "array or object"))),
        }
    }

    fn values(self) -> Box<dyn Iterator<Item = ValR<Self>>> {
        if let Err(out) = take_copy(&self) {
            return once(Err(out));
        }
        match self {
            Value::Array(array) => fuelled(unshare(array, |array| array.items).into_iter()),
            Value::Object(object) => {
                fuelled(unshare(object, |object| object.members).into_values())
            }
            other => once(Err(wrong_type(&other, "array or object"))),
        }
    }

    fn index(self, index: &Self) -> ValR<Self> {
        fuel::take(1)?;
        match (&self, index) {
            (Value::Object(object), Value::Text(name)) => {
                Ok(object.members.get(name).cloned().unwrap_or_default())
            }
            (Value::Null, Value::Text(_) | Value::Int(_) | Value::Float(_) | Value::Null) => {
                Ok(Value::Null)
            }
            (Value::Array(array), Value::Int(index)) => {
                let index = position(*index, array.items.len());
                Ok(index.and_then(|index| array.items.get(index)).cloned().unwrap_or_default())
            }
            (Value::Array(array), Value::Float(index)) => {
                let index = position(index.floor() as i64, array.items.len());
                Ok(index.and_then(|index| array.items.get(index)).cloned().unwrap_or_default())
            }
            (Value::Array(_) | Value::Text(_) | Value::Null, Value::Object(bounds)) => {
                let bounds = bounds.members.get("start")..bounds.members.get("end");
                self.range(bounds)
            }
            _ => Err(fault_note::error(format!(
                "cannot index {} with {}",
                self.type_name(),
                index.type_name()
            ))),
        }
    }

    fn range(self, range: Range<&Self>) -> ValR<Self> {
        match &self {
            Value::Null => Ok(Value::Null),
            Value::Array(array) => {
                let (start, end) = bounds(range, array.items.len())?;
                fuel::take(1 + end - start)?;
                Ok(Value::array(array.items.get(start..end).unwrap_or_default().to_vec()))
            }
            Value::Text(text) => {
                fuel::take_text(text.len())?;
                let (start, end) = bounds(range, text.chars().count())?;
                Ok(Value::text(text.chars().skip(start).take(end - start).collect::<String>()))
            }
            other => Err(wrong_type(other, "array or text")),
        }
    }

    fn map_values<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        take_copy(&self)?;
        match self {
            Value::Array(array) => {
                let mut items = Vec::new();
                for item in unshare(array, |array| array.items) {
                    fuel::take(1).map_err(Error::from)?;
                    for changed in f(item) {
                        items.push(changed?);
                    }
                }
                Ok(Value::array(items))
            }
            Value::Object(object) => {
                let mut members = BTreeMap::new();
                for (name, value) in unshare(object, |object| object.members) {
                    fuel::take(1).map_err(Error::from)?;
                    if let Some(changed) = f(value).next() {
                        members.insert(name, changed?);
                    }
                }
                Ok(Value::object(members))
            }
            other => opt.fail(other, |other| Exn::from(wrong_type(&other, "array or object"))),
        }
    }

    fn map_index<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        index: &Self,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        match (self, index) {
            (Value::Array(array), Value::Object(bounds)) => {
                let bounds = bounds.members.get("start")..bounds.members.get("end");
                Value::Array(array).map_range(bounds, opt, f)
            }
            (Value::Null, Value::Text(name)) => change_member(BTreeMap::new(), name, f),
            (Value::Object(object), Value::Text(name)) => {
                fuel::take(1 + object.members.len()).map_err(Error::from)?;
                change_member(unshare(object, |object| object.members), name, f)
            }
            (Value::Array(array), Value::Int(index)) => {
                let Some(index) =
                    position(*index, array.items.len()).filter(|index| *index < array.items.len())
                else {
                    let out = |_| Exn::from(fault_note::error("index out of bounds".to_owned()));
                    return opt.fail(Value::Array(array), out);
                };
                fuel::take(1 + array.items.len()).map_err(Error::from)?;
                let mut items = unshare(array, |array| array.items);
                let item = items.remove(index);
                if let Some(changed) = f(item).next() {
                    items.insert(index, changed?);
                }
                Ok(Value::array(items))
            }
            (other, _) => opt.fail(other, |other| Exn::from(wrong_type(&other, "array or object"))),
        }
    }

    fn map_range<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        range: Range<&Self>,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        let Value::Array(array) = self else {
            return opt.fail(self, |other| Exn::from(wrong_type(&other, "array")));
        };
        fuel::take(1 + array.items.len()).map_err(Error::from)?;
        let (start, end) = bounds(range, array.items.len())?;
        let mut items = unshare(array, |array| array.items);
        let slice = Value::array(items.get(start..end).unwrap_or_default().to_vec());
        let changed = match f(slice).next().transpose()? {
            Some(Value::Array(changed)) => unshare(changed, |array| array.items),
            Some(other) => return Err(Exn::from(wrong_type(&other, "array"))),
            None => Vec::new(),
        };
        items.splice(start..end, changed);
        Ok(Value::array(items))
    }

    fn as_bool(&self) -> bool {
        !matches!(self, Value::Null | Value::Bool(false))
    }

    fn into_string(self) -> Self {
        // Where no fuel is left, the next generator ends the program.
        let _ = fuel::take(1);
        match self {
            Value::Text(text) => Value::Text(text),
            other => Value::text(other.to_json()),
        }
    }
}

/// Changes one member of an object; a filter that gives nothing removes it.
fn change_member<'a, I: Iterator<Item = ValX<'a, Value>>>(
    mut members: BTreeMap<Rc<str>, Value>,
    name: &Rc<str>,
    f: impl Fn(Value) -> I,
) -> ValX<'a, Value> {
    let value = members.remove(name).unwrap_or_default();
    if let Some(changed) = f(value).next() {
        members.insert(name.clone(), changed?);
    }
    Ok(Value::object(members))
}

/// Returns the position that an index of jq means: a negative one counts from the end.
fn position(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    usize::try_from(if index < 0 { index.checked_add(length)? } else { index }).ok()
}

/// Returns the bounds of a slice, within the length and in order.
fn bounds(range: Range<&Value>, length: usize) -> Result<(usize, usize), Error<Value>> {
    let bound = |bound: Option<&Value>, absent: usize| match bound {
        None | Some(Value::Null) => Ok(absent),
        Some(Value::Int(index)) => Ok(position(*index, length).unwrap_or(0).min(length)),
        Some(Value::Float(index)) => {
            Ok(position(index.floor() as i64, length).unwrap_or(0).min(length))
        }
        Some(other) => Err(wrong_type(other, "bound of a slice")),
    };
    let start = bound(range.start, 0)?;
    Ok((start, bound(range.end, length)?.max(start)))
}

impl jaq_std::ValT for Value {
    fn into_seq<S: FromIterator<Self>>(self) -> Result<S, Self> {
        match self {
            Value::Array(array) if fuel::take(array.items.len()).is_ok() => {
                Ok(unshare(array, |array| array.items).into_iter().collect())
            }
            other => Err(other),
        }
    }

    fn is_int(&self) -> bool {
        matches!(self, Value::Int(_))
    }

    fn as_isize(&self) -> Option<isize> {
        match self {
            Value::Int(value) => isize::try_from(*value).ok(),
            _ => None,
        }
    }

    fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Int(value) => Some(*value as f64),
            Value::Float(value) => Some(*value),
            _ => None,
        }
    }

    fn is_utf8_str(&self) -> bool {
        matches!(self, Value::Text(_))
    }

    /// Takes the fuel for reading the text; `None` without it, as for another type.
    fn as_bytes(&self) -> Option<&[u8]> {
        let text = self.as_text()?;
        fuel::take_text(text.len()).ok()?;
        Some(text.as_bytes())
    }

    fn as_sub_str(&self, part: &[u8]) -> Self {
        Value::text(String::from_utf8_lossy(part))
    }

    fn from_utf8_bytes(bytes: impl AsRef<[u8]> + Send + 'static) -> Self {
        Value::text(String::from_utf8_lossy(bytes.as_ref()))
    }
}
