//! Times as sources write them, made into RFC 3339 texts in UTC with milliseconds.
//!
//! All are strict: what is no time is an error, because a wrong time is worse than none.

use std::ops::Range;

use jaq_core::{Error, ValR};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::fuel;
use crate::value::{Value, fault_note, wrong_type};

/// The years 2000 to 2099, in seconds since 1970.
const PLAUSIBLE_SECONDS: Range<i64> = 946_684_800..4_102_444_800;

/// The unit of a count since 1970.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    Seconds,
    Milliseconds,
    Microseconds,
}

impl Unit {
    const fn per_second(self) -> i64 {
        match self {
            Unit::Seconds => 1,
            Unit::Milliseconds => 1_000,
            Unit::Microseconds => 1_000_000,
        }
    }
}

fn no_time() -> Error<Value> {
    fault_note::error("the value is no time".to_owned())
}

/// Returns a count since 1970, a number or its text, as a span. Fractions below a microsecond are
/// cut off.
fn span(value: &Value, unit: Unit) -> Result<SignedDuration, Error<Value>> {
    let micros_per_unit = Unit::Microseconds.per_second() / unit.per_second();
    let micros = match value {
        Value::Int(count) => count.checked_mul(micros_per_unit).ok_or_else(no_time)?,
        Value::Float(count) => float_micros(count * micros_per_unit as f64)?,
        Value::Text(text) => {
            fuel::take_text(text.len())?;
            match text.parse::<i64>() {
                Ok(count) => count.checked_mul(micros_per_unit).ok_or_else(no_time)?,
                Err(_) if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') => {
                    let count: f64 = text.parse().map_err(|_| no_time())?;
                    float_micros(count * micros_per_unit as f64)?
                }
                Err(_) => return Err(no_time()),
            }
        }
        other => return Err(wrong_type(other, "a count since 1970")),
    };
    Ok(SignedDuration::from_micros(micros))
}

/// Returns a float as whole microseconds. Beyond 2^53 a float has no microseconds.
fn float_micros(micros: f64) -> Result<i64, Error<Value>> {
    match micros.is_finite() && micros.abs() < 9_007_199_254_740_992.0 {
        true => Ok(micros.round() as i64),
        false => Err(no_time()),
    }
}

fn to_text(time: Timestamp) -> Value {
    let time = time.as_millisecond();
    let text = Timestamp::from_millisecond(time).map(|time| format!("{time:.3}"));
    Value::text(text.unwrap_or_default())
}

/// Returns a count since 1970 UTC as an instant. A count in another unit would be a time that no
/// contact centre has seen.
fn plausible(value: &Value, unit: Unit) -> Result<Timestamp, Error<Value>> {
    let span = span(value, unit)?;
    let time = Timestamp::UNIX_EPOCH.checked_add(span).map_err(|_| no_time())?;
    match PLAUSIBLE_SECONDS.contains(&time.as_second()) {
        true => Ok(time),
        false => {
            let text = "the time is not from 2000 to 2099, is the unit right?";
            Err(fault_note::error(text.to_owned()))
        }
    }
}

/// Returns a count since 1970 UTC as a time.
pub(crate) fn from_epoch(value: &Value, unit: Unit) -> ValR<Value> {
    Ok(to_text(plausible(value, unit)?))
}

/// Returns a count since 1970 *local time* as a time: Debezium writes a column without a zone as if
/// it were UTC.
pub(crate) fn from_local_epoch(value: &Value, unit: Unit, zone: &TimeZone) -> ValR<Value> {
    zoned(TimeZone::UTC.to_datetime(plausible(value, unit)?), zone)
}

/// Returns a local time such as `2026-01-05 05:31:18.250` as a time. A text that has a zone keeps
/// it. Of a local time that exists twice, when clocks go back, the first is taken; one that does
/// not exist, when clocks go forward, is moved by the gap.
pub(crate) fn from_local(value: &Value, zone: &TimeZone) -> ValR<Value> {
    let Value::Text(text) = value else { return Err(wrong_type(value, "local time")) };
    fuel::take_text(text.len())?;
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(to_text(time));
    }
    zoned(text.parse::<DateTime>().map_err(|_| no_time())?, zone)
}

fn zoned(local: DateTime, zone: &TimeZone) -> ValR<Value> {
    let time = zone.to_ambiguous_timestamp(local).compatible();
    Ok(to_text(time.map_err(|_| no_time())?))
}

/// Returns an RFC 3339 text in the form that all filters here give.
pub(crate) fn from_text(value: &Value) -> ValR<Value> {
    timestamp(value).map(to_text)
}

/// Returns an RFC 3339 text as milliseconds since 1970.
pub(crate) fn to_epoch_ms(value: &Value) -> ValR<Value> {
    timestamp(value).map(|time| Value::Int(time.as_millisecond()))
}

fn timestamp(value: &Value) -> Result<Timestamp, Error<Value>> {
    let Value::Text(text) = value else { return Err(wrong_type(value, "time")) };
    fuel::take_text(text.len())?;
    text.parse().map_err(|_| no_time())
}
