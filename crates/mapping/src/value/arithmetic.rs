//! The operators of jq: `+ - * / %` and the minus sign.

use std::collections::BTreeMap;
use std::ops::{Add, Div, Mul, Neg, Rem, Sub};
use std::rc::Rc;

use jaq_core::{Error, ValR};

use crate::fuel::{self, OutOfFuel};
use crate::value::fault_note;
use crate::value::model::{Items, Value};

/// Levels that `{} * {}` merges. Deeper members are replaced.
const MERGE_DEPTH_MAX: u8 = 128;

impl From<OutOfFuel> for Error<Value> {
    fn from(_: OutOfFuel) -> Self {
        Error::new(Value::Null)
    }
}

/// Returns the error of an operator that its operands do not have. It says nothing about them,
/// because they may concern a person.
fn not_defined<T>(left: &Value, operator: &str, right: &Value) -> Result<T, Error<Value>> {
    let (left, right) = (left.type_name(), right.type_name());
    Err(fault_note::error(format!("cannot calculate {left} {operator} {right}")))
}

/// Two numbers, as integers where both are.
enum Numbers {
    Ints(i64, i64),
    Floats(f64, f64),
}

fn numbers(left: &Value, right: &Value) -> Option<Numbers> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => Some(Numbers::Ints(*left, *right)),
        (Value::Int(left), Value::Float(right)) => Some(Numbers::Floats(*left as f64, *right)),
        (Value::Float(left), Value::Int(right)) => Some(Numbers::Floats(*left, *right as f64)),
        (Value::Float(left), Value::Float(right)) => Some(Numbers::Floats(*left, *right)),
        _ => None,
    }
}

/// Calculates with two numbers. What an integer cannot hold becomes a float.
fn calculate(
    numbers: Numbers,
    ints: fn(i64, i64) -> Option<i64>,
    floats: fn(f64, f64) -> f64,
) -> Value {
    match numbers {
        Numbers::Ints(left, right) => ints(left, right)
            .map_or_else(|| Value::Float(floats(left as f64, right as f64)), Value::Int),
        Numbers::Floats(left, right) => Value::Float(floats(left, right)),
    }
}

impl Add for Value {
    type Output = ValR<Value>;

    fn add(self, other: Self) -> ValR<Value> {
        if let Some(numbers) = numbers(&self, &other) {
            fuel::take(1)?;
            return Ok(calculate(numbers, i64::checked_add, |left, right| left + right));
        }
        match (self, other) {
            (Value::Null, other) | (other, Value::Null) => {
                fuel::take(1)?;
                Ok(other)
            }
            (Value::Text(left), Value::Text(right)) => {
                fuel::take_text(left.len() + right.len())?;
                Ok(Value::text([&*left, &*right].concat()))
            }
            (Value::Array(left), Value::Array(right)) => {
                fuel::take(1 + left.items.len() + right.items.len())?;
                let mut items = unshare(left, |array| array.items);
                items.extend(right.items.iter().cloned());
                Ok(Value::array(items))
            }
            (Value::Object(left), Value::Object(right)) => {
                fuel::take(1 + left.members.len() + right.members.len())?;
                let mut members = unshare(left, |object| object.members);
                let right = right.members.iter();
                members.extend(right.map(|(name, value)| (name.clone(), value.clone())));
                Ok(Value::object(members))
            }
            (left, right) => not_defined(&left, "+", &right),
        }
    }
}

/// Returns the content of a container, without a copy where nobody else has it.
pub(super) fn unshare<C: Clone, T>(container: Rc<C>, content: fn(C) -> T) -> T {
    content(Rc::unwrap_or_clone(container))
}

impl Sub for Value {
    type Output = ValR<Value>;

    fn sub(self, other: Self) -> ValR<Value> {
        fuel::take(1)?;
        if let Some(numbers) = numbers(&self, &other) {
            return Ok(calculate(numbers, i64::checked_sub, |left, right| left - right));
        }
        match (self, other) {
            (Value::Array(left), Value::Array(right)) => {
                let size = |array: &Items| array.size();
                fuel::take(size(&left).saturating_mul(right.items.len()))?;
                fuel::take(size(&right).saturating_mul(left.items.len()))?;
                let mut items = unshare(left, |array| array.items);
                items.retain(|item| !right.items.contains(item));
                Ok(Value::array(items))
            }
            (left, right) => not_defined(&left, "-", &right),
        }
    }
}

impl Mul for Value {
    type Output = ValR<Value>;

    fn mul(self, other: Self) -> ValR<Value> {
        fuel::take(1)?;
        if let Some(numbers) = numbers(&self, &other) {
            return Ok(calculate(numbers, i64::checked_mul, |left, right| left * right));
        }
        match (self, other) {
            (Value::Text(text), Value::Int(times)) | (Value::Int(times), Value::Text(text)) => {
                let Some(times) = usize::try_from(times).ok().filter(|times| *times > 0) else {
                    return Ok(Value::Null);
                };
                fuel::take_text(text.len().saturating_mul(times))?;
                Ok(Value::text(text.repeat(times)))
            }
            (Value::Object(left), Value::Object(right)) => {
                fuel::take(left.size())?;
                fuel::take(right.size())?;
                Ok(Value::object(merge(&left.members, &right.members, MERGE_DEPTH_MAX)))
            }
            (left, right) => not_defined(&left, "*", &right),
        }
    }
}

fn merge(
    left: &BTreeMap<Rc<str>, Value>,
    right: &BTreeMap<Rc<str>, Value>,
    depth: u8,
) -> BTreeMap<Rc<str>, Value> {
    let mut members = left.clone();
    for (name, value) in right {
        let merged = match (members.get(name), value) {
            (Some(Value::Object(left)), Value::Object(right)) if depth > 0 => {
                Value::object(merge(&left.members, &right.members, depth - 1))
            }
            (_, value) => value.clone(),
        };
        members.insert(name.clone(), merged);
    }
    members
}

impl Div for Value {
    type Output = ValR<Value>;

    fn div(self, other: Self) -> ValR<Value> {
        fuel::take(1)?;
        match (numbers(&self, &other), &self, &other) {
            (Some(numbers), ..) => {
                let exact = |left: i64, right: i64| match left.checked_rem(right) {
                    Some(0) => left.checked_div(right),
                    _ => None,
                };
                Ok(calculate(numbers, exact, |left, right| left / right))
            }
            (None, Value::Text(text), Value::Text(separator)) => {
                fuel::take_text(text.len())?;
                fuel::take(text.matches(&**separator).count())?;
                if text.is_empty() {
                    return Ok(Value::array(Vec::new()));
                }
                if separator.is_empty() {
                    let letters = text.chars().map(|letter| Value::text(letter.to_string()));
                    return Ok(Value::array(letters.collect()));
                }
                Ok(Value::array(text.split(&**separator).map(Value::text).collect()))
            }
            (None, left, right) => not_defined(left, "/", right),
        }
    }
}

impl Rem for Value {
    type Output = ValR<Value>;

    fn rem(self, other: Self) -> ValR<Value> {
        fuel::take(1)?;
        match numbers(&self, &other) {
            Some(Numbers::Ints(left, right)) if right != 0 => {
                Ok(Value::Int(left.checked_rem(right).unwrap_or_default()))
            }
            Some(Numbers::Floats(left, right)) if right != 0.0 => Ok(Value::Float(left % right)),
            _ => not_defined(&self, "%", &other),
        }
    }
}

impl Neg for Value {
    type Output = ValR<Value>;

    fn neg(self) -> ValR<Value> {
        fuel::take(1)?;
        match self {
            Value::Int(value) => {
                Ok(value.checked_neg().map_or(Value::Float(-(value as f64)), Value::Int))
            }
            Value::Float(value) => Ok(Value::Float(-value)),
            other => not_defined(&Value::Null, "-", &other),
        }
    }
}
