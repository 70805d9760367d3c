//! The order of values: null, false, true, numbers, texts, arrays, objects.

use std::cmp::Ordering;

use crate::fuel;
use crate::value::model::Value;

/// Takes the fuel that comparing two values costs. Where it is not there, the next generator ends
/// the program; until then an order must still be total.
fn take_fuel(left: &Value, right: &Value) {
    let _ = fuel::take(left.size().min(right.size()));
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        take_fuel(self, other);
        self.cmp(other).is_eq()
    }
}

impl Eq for Value {}

#[allow(clippy::non_canonical_partial_ord_impl, reason = "only here the comparison takes fuel")]
impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        take_fuel(self, other);
        Some(self.cmp(other))
    }
}

impl Ord for Value {
    /// Compares two values, for sorting: the size of an array bounds what sorting it costs.
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Value::Int(left), Value::Int(right)) => left.cmp(right),
            (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) => {
                compare_floats(self, other)
            }
            (Value::Text(left), Value::Text(right)) => left.cmp(right),
            (Value::Array(left), Value::Array(right)) => left.items.cmp(&right.items),
            (Value::Object(left), Value::Object(right)) => {
                let (left, right) = (&left.members, &right.members);
                left.keys().cmp(right.keys()).then_with(|| left.values().cmp(right.values()))
            }
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

/// Compares two numbers, at least one of them a float. As in jq, what is no number is below all
/// numbers, and below itself; here it equals itself, because the order must be total.
fn compare_floats(left: &Value, right: &Value) -> Ordering {
    let number = |value: &Value| match value {
        Value::Int(value) => *value as f64,
        Value::Float(value) => *value,
        _ => f64::NAN,
    };
    let (left, right) = (number(left), number(right));
    left.partial_cmp(&right).unwrap_or_else(|| right.is_nan().cmp(&left.is_nan()))
}

impl Value {
    fn rank(&self) -> u8 {
        match self {
            Value::Null => 0,
            Value::Bool(false) => 1,
            Value::Bool(true) => 2,
            Value::Int(_) | Value::Float(_) => 3,
            Value::Text(_) => 4,
            Value::Array(_) => 5,
            Value::Object(_) => 6,
        }
    }
}
