//! The filters that a mapping may use: an allow-list of jaq's, and our own.
//!
//! All are pure, and none can run without taking fuel. Left out are clocks, the environment, input,
//! output, `halt`, recursion (`recurse`, `walk`, `until`, …), and regular expressions, whose cost
//! depends on the data.

use std::rc::Rc;

use jaq_core::box_iter::box_once;
use jaq_core::load::parse::Def;
use jaq_core::native::{Fun, bome, run, unary, v};
use jaq_core::{Error, Exn, Native, RunPtr, ValR};

use crate::fuel;
use crate::inspect::STEP;
use crate::run_data::Run;
use crate::times;
use crate::value::{Value, fault_note, wrong_type};

/// Native filters of jaq, by name.
const NATIVE: [&str; 24] = [
    "ascii_downcase",
    "ascii_upcase",
    "ceil",
    "endswith",
    "error_empty",
    "first",
    "floor",
    "key_values",
    "keys_unsorted",
    "last",
    "limit",
    "ltrim",
    "ltrimstr",
    "path",
    "path_value",
    "range",
    "reverse",
    "round",
    "rtrim",
    "rtrimstr",
    "skip",
    "sort",
    "startswith",
    "trim",
];

/// Filters that jaq defines in jq, by name, with any number of arguments.
const DEFINED: [&str; 45] = [
    "abs",
    "add",
    "all",
    "any",
    "arrays",
    "booleans",
    "del",
    "empty",
    "error",
    "false",
    "first",
    "from_entries",
    "getpath",
    "iterables",
    "isarray",
    "isboolean",
    "isempty",
    "isnumber",
    "isobject",
    "isstring",
    "join",
    "keys",
    "last",
    "limit",
    "map",
    "map_values",
    "not",
    "nth",
    "null",
    "nulls",
    "numbers",
    "objects",
    "pick",
    "range",
    "scalars",
    "select",
    "split",
    "strings",
    "to_entries",
    "tostring",
    "true",
    "type",
    "values",
    "with_entries",
    "skip",
];

/// Returns the definitions in jq: jaq's allowed ones, then ours.
pub(crate) fn definitions() -> Vec<Def<&'static str>> {
    let allowed = |definition: &Def<&'static str>| {
        // `split` with two arguments takes a regular expression.
        DEFINED.contains(&definition.name)
            && !(definition.name == "split" && definition.args.len() == 2)
    };
    let ours = jaq_core::load::parse(crate::shipped::PRELUDE, |parser| parser.defs());
    let theirs = jaq_core::defs().chain(jaq_std::defs()).filter(allowed);
    theirs.chain(ours.unwrap_or_default()).collect()
}

/// Returns the native filters: jaq's allowed ones, then ours.
pub(crate) fn functions() -> impl Iterator<Item = Fun<Run>> {
    let theirs = jaq_core::funs::<Run>().chain(jaq_std::base_funs::<Run>());
    theirs
        .filter(|(name, ..)| NATIVE.contains(name))
        .chain(own().into_iter().map(|own| run::<Run>(own)))
        .chain([step()])
}

/// Returns the step: takes fuel and gives its input, also where a path is asked for or updated.
fn step() -> Fun<Run> {
    let native = Native::new(|cv| bome(take_step(cv.1)))
        .with_paths(|cv| box_once(take_step(cv.1).map_err(Exn::from)))
        .with_update(|cv, update| match fuel::take(1) {
            Ok(()) => update(cv.1),
            Err(out) => box_once(Err(Exn::from(Error::from(out)))),
        });
    (STEP, v(0), native)
}

fn take_step<T>(value: T) -> Result<T, Error<Value>> {
    fuel::take(1)?;
    Ok(value)
}

type Own = (&'static str, Box<[jaq_core::Bind]>, RunPtr<Run>);

/// Returns our native filters. docs/guide/mappings.md describes them for users.
fn own() -> Vec<Own> {
    vec![
        ("length", v(0), |cv| bome(named("length", length(&cv.1)))),
        ("has", v(1), |cv| unary(cv, |value, key| named("has", has(&value, &key)))),
        ("contains", v(1), |cv| {
            unary(cv, |value, part| named("contains", contains(&value, &part)))
        }),
        ("tonumber", v(0), |cv| bome(named("tonumber", to_number(cv.1)))),
        ("tojson", v(0), |cv| bome(Ok(Value::text(cv.1.to_json())))),
        ("fromjson", v(0), |cv| bome(named("fromjson", from_json(&cv.1)))),
        ("field", v(1), |cv| unary(cv, |value, name| named("field", field(value, &name)))),
        ("without_nulls", v(0), |cv| bome(named("without_nulls", without_nulls(cv.1)))),
        ("arn_tail", v(0), |cv| bome(named("arn_tail", arn_tail(cv.1)))),
        ("epoch_s", v(0), |cv| {
            bome(named("epoch_s", times::from_epoch(&cv.1, times::Unit::Seconds)))
        }),
        ("epoch_ms", v(0), |cv| {
            bome(named("epoch_ms", times::from_epoch(&cv.1, times::Unit::Milliseconds)))
        }),
        ("epoch_us", v(0), |cv| {
            bome(named("epoch_us", times::from_epoch(&cv.1, times::Unit::Microseconds)))
        }),
        ("local_time", v(0), |cv| {
            bome(named("local_time", times::from_local(&cv.1, cv.0.data().time_zone)))
        }),
        ("local_epoch_ms", v(0), |cv| {
            let unit = times::Unit::Milliseconds;
            bome(named("local_epoch", times::from_local_epoch(&cv.1, unit, cv.0.data().time_zone)))
        }),
        ("local_epoch_us", v(0), |cv| {
            let unit = times::Unit::Microseconds;
            bome(named("local_epoch", times::from_local_epoch(&cv.1, unit, cv.0.data().time_zone)))
        }),
        ("rfc3339", v(0), |cv| bome(named("rfc3339", times::from_text(&cv.1)))),
        ("to_epoch_ms", v(0), |cv| bome(named("to_epoch_ms", times::to_epoch_ms(&cv.1)))),
    ]
}

/// Puts the name of a filter before the text of its error.
fn named(name: &str, result: ValR<Value>) -> ValR<Value> {
    result.map_err(|error| match fault_note::text_of(error) {
        Some(text) => fault_note::error(format!("`{name}`: {text}")),
        None => Error::new(Value::Null),
    })
}

/// Checks that the lists name only what jaq has; the tests call it.
#[cfg(test)]
pub(crate) fn missing() -> Vec<&'static str> {
    let native: Vec<_> =
        jaq_core::funs::<Run>().chain(jaq_std::base_funs::<Run>()).map(|(name, ..)| name).collect();
    let defined: Vec<_> = jaq_core::defs().chain(jaq_std::defs()).map(|def| def.name).collect();
    let missing = NATIVE.iter().filter(|name| !native.contains(name));
    let undefined = DEFINED.iter().filter(|name| {
        !defined.contains(name) && !["first", "last", "limit", "skip"].contains(name)
    });
    missing.chain(undefined).copied().collect()
}

fn length(value: &Value) -> ValR<Value> {
    Ok(Value::from(match value {
        Value::Null => 0,
        Value::Text(text) => {
            fuel::take_text(text.len())?;
            text.chars().count()
        }
        Value::Array(array) => array.items.len(),
        Value::Object(object) => object.members.len(),
        other => return Err(wrong_type(other, "text, array or object")),
    }))
}

fn has(value: &Value, key: &Value) -> ValR<Value> {
    match (value, key) {
        (Value::Object(object), Value::Text(name)) => {
            Ok(Value::Bool(object.members.contains_key(name)))
        }
        (Value::Array(array), Value::Int(index)) => {
            let is_there = usize::try_from(*index).is_ok_and(|index| index < array.items.len());
            Ok(Value::Bool(is_there))
        }
        (value, _) => Err(wrong_type(value, "object with a name, or array with a position")),
    }
}

/// Returns whether a text is in a text, or each item of an array in another one, at one level.
fn contains(value: &Value, part: &Value) -> ValR<Value> {
    match (value, part) {
        (Value::Text(text), Value::Text(part)) => {
            fuel::take_text(text.len())?;
            Ok(Value::Bool(text.contains(&**part)))
        }
        (Value::Array(array), Value::Array(parts)) => {
            fuel::take(value.size().saturating_mul(parts.items.len()))?;
            fuel::take(part.size().saturating_mul(array.items.len()))?;
            Ok(Value::Bool(parts.items.iter().all(|part| array.items.contains(part))))
        }
        (value, _) => Err(wrong_type(value, "text with a text, or array with an array")),
    }
}

/// Reads a number. Unlike jq, spaces around it are an error, and so is anything but digits, a sign,
/// a point and an exponent.
fn to_number(value: Value) -> ValR<Value> {
    match &value {
        Value::Int(_) | Value::Float(_) => Ok(value),
        Value::Text(text) => {
            fuel::take_text(text.len())?;
            let is_plain =
                text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
            match is_plain {
                true => <Value as jaq_core::ValT>::from_num(text),
                false => Err(fault_note::error("cannot use a text as number".to_owned())),
            }
        }
        other => Err(wrong_type(other, "number")),
    }
}

fn from_json(value: &Value) -> ValR<Value> {
    let Value::Text(text) = value else { return Err(wrong_type(value, "text")) };
    // Each byte can become a value.
    fuel::take(1 + text.len())?;
    Value::from_json(text).map_err(|_| fault_note::error("the text is not JSON".to_owned()))
}

/// Looks a member up without regard to upper and lower case: the exact name wins, then the first in
/// alphabetical order. Null has no members.
fn field(value: Value, name: &Value) -> ValR<Value> {
    let Value::Text(name) = name else { return Err(wrong_type(name, "name of a member")) };
    let object = match &value {
        Value::Null => return Ok(Value::Null),
        Value::Object(object) => object,
        other => return Err(wrong_type(other, "object")),
    };
    if let Some(member) = object.members.get(name) {
        return Ok(member.clone());
    }
    fuel::take(1 + object.members.len())?;
    let found = object.members.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
    Ok(found.map(|(_, member)| member.clone()).unwrap_or_default())
}

/// Leaves the null members of an object out.
fn without_nulls(value: Value) -> ValR<Value> {
    let Value::Object(object) = value else { return Err(wrong_type(&value, "object")) };
    fuel::take(1 + object.members.len())?;
    if object.members.values().all(|member| !matches!(member, Value::Null)) {
        return Ok(Value::Object(object));
    }
    let mut members = Rc::unwrap_or_clone(object).members;
    members.retain(|_, member| !matches!(member, Value::Null));
    Ok(Value::object(members))
}

/// Returns what follows the last `/` of an ARN, else the last `:`: the id of the resource.
fn arn_tail(value: Value) -> ValR<Value> {
    match &value {
        Value::Null => Ok(Value::Null),
        Value::Text(text) => {
            fuel::take_text(text.len())?;
            let tail = text.rsplit_once('/').or_else(|| text.rsplit_once(':'));
            Ok(tail.map_or_else(|| value.clone(), |(_, tail)| Value::text(tail)))
        }
        other => Err(wrong_type(other, "text")),
    }
}
