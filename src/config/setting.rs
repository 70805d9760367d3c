//! The types of values: how each is read from the document and printed as TOML.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use jiff::civil::{Date, Time};
use nabiz_core::settings::{Clock, Formula, WindowLength};
use nabiz_core::time::{DurationError, Millis, format_duration, parse_duration};

use super::diagnostics::Diagnostics;
use super::document::{Node, Value};
use super::keys::{CLOCKS, Kind, MASK, Row};
use super::mapped::TopicFormat;
use super::on_undecodable::OnUndecodable;
use super::plan_step::PlanStep;
use super::rules::{self, TextRule};
use super::webhook::WebhookCheck;
use crate::secret::{SecretHash, SecretHashError};
use crate::suggestion::suggestion;

/// Most users of `basic_auth`.
const USERS_MAX: usize = 64;
/// Longest window.
const WINDOW_MAX: Millis = Millis::from_hours(24);
/// The window that always exists.
const TODAY: &str = "today";

/// The type of a key's values.
pub(super) trait Setting: Sized {
    /// Reads a value. Where it is wrong, reports every error and returns `None`.
    fn read(row: &Row, node: &Node, report: &mut Report<'_>) -> Option<Self>;

    /// Returns the value as TOML, with secrets masked; `None` where there is none.
    fn to_toml(&self) -> Option<String>;

    /// Returns the value as TOML with secrets in clear, to compare it; `None` where there is none.
    fn reveal(&self) -> Option<String> {
        self.to_toml()
    }
}

/// The type of the items of a list.
pub(super) trait Item: Sized {
    /// The name of the items, with their number before it.
    const PLURAL: &'static str;
    /// The allowed items, in words that follow "expected".
    const EXPECTED: &'static str;

    /// Reads an item.
    fn parse(value: &Value) -> Option<Self>;

    /// Returns the text of the item.
    fn text(&self) -> String;
}

/// The place for the errors of one key.
pub(super) struct Report<'p> {
    pub(super) diagnostics: &'p mut Diagnostics,
    pub(super) path: &'p str,
}

impl Report<'_> {
    pub(super) fn unexpected(&mut self, node: &Node, expected: impl std::fmt::Display) {
        self.diagnostics.report_unexpected(node, self.path, expected);
    }

    /// Returns a value that is read, or reports the values that the kind of the key allows.
    fn expect<T>(&mut self, row: &Row, node: &Node, read: Option<T>) -> Option<T> {
        if read.is_none() {
            self.unexpected(node, row.kind.expected());
        }
        read
    }
}

/// Returns the text of a value that follows the rule of its key.
fn text_of<'d>(row: &Row, value: &'d Value) -> Option<&'d str> {
    match (row.kind, value) {
        (Kind::Text(TextRule { allows, .. }), Value::Text(text)) if allows(text) => Some(text),
        _ => None,
    }
}

impl Setting for String {
    fn read(row: &Row, node: &Node, report: &mut Report<'_>) -> Option<Self> {
        report.expect(row, node, text_of(row, &node.value).map(str::to_string))
    }

    fn to_toml(&self) -> Option<String> {
        // Only the brokers can be empty, and then they are missing.
        (!self.is_empty()).then(|| quoted(self))
    }
}

impl Setting for Option<String> {
    fn read(row: &Row, node: &Node, report: &mut Report<'_>) -> Option<Self> {
        String::read(row, node, report).map(Some)
    }

    fn to_toml(&self) -> Option<String> {
        self.as_deref().map(quoted)
    }
}

impl Setting for PathBuf {
    fn read(row: &Row, node: &Node, report: &mut Report<'_>) -> Option<Self> {
        report.expect(row, node, text_of(row, &node.value).map(PathBuf::from))
    }

    fn to_toml(&self) -> Option<String> {
        Some(quoted(&self.to_string_lossy()))
    }
}

impl Setting for Option<PathBuf> {
    fn read(row: &Row, node: &Node, report: &mut Report<'_>) -> Option<Self> {
        PathBuf::read(row, node, report).map(Some)
    }

    fn to_toml(&self) -> Option<String> {
        self.as_ref().and_then(Setting::to_toml)
    }
}

impl Setting for SocketAddr {
    fn read(row: &Row, node: &Node, report: &mut Report<'_>) -> Option<Self> {
        report.expect(row, node, text_of(row, &node.value).and_then(|text| text.parse().ok()))
    }

    fn to_toml(&self) -> Option<String> {
        Some(quoted(&self.to_string()))
    }
}

impl Setting for usize {
    fn read(row: &Row, node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let read = match (row.kind, &node.value) {
            (Kind::Integer { min, max }, Value::Integer(value)) => {
                usize::try_from(*value).ok().filter(|value| (min..=max).contains(value))
            }
            _ => None,
        };
        report.expect(row, node, read)
    }

    fn to_toml(&self) -> Option<String> {
        Some(self.to_string())
    }
}

/// A ratio.
impl Setting for f64 {
    fn read(row: &Row, node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let number = match node.value {
            Value::Number(number) => number,
            Value::Integer(number) => number as f64,
            _ => f64::NAN,
        };
        // Minus zero is a number from 0 to 1, and would be printed with its sign.
        let read = (0.0..=1.0).contains(&number).then(|| number.abs());
        report.expect(row, node, read)
    }

    fn to_toml(&self) -> Option<String> {
        Some(format!("{self:?}"))
    }
}

impl Setting for Option<f64> {
    fn read(row: &Row, node: &Node, report: &mut Report<'_>) -> Option<Self> {
        f64::read(row, node, report).map(Some)
    }

    fn to_toml(&self) -> Option<String> {
        self.as_ref().and_then(Setting::to_toml)
    }
}

impl Setting for bool {
    fn read(row: &Row, node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let read = match node.value {
            Value::Flag(flag) => Some(flag),
            _ => None,
        };
        report.expect(row, node, read)
    }

    fn to_toml(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl Setting for Millis {
    fn read(row: &Row, node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let parsed = match &node.value {
            Value::Text(text) => parse_duration(text),
            _ => Err(DurationError::Form),
        };
        let read = match (row.kind, parsed) {
            (Kind::Duration { min, max }, Ok(duration)) => {
                Some(duration).filter(|duration| (min..=max).contains(duration))
            }
            (_, Err(DurationError::Form)) => {
                report.unexpected(node, "a duration such as \"20s\", \"5m\" or \"1h30m\"");
                return None;
            }
            _ => None,
        };
        report.expect(row, node, read)
    }

    fn to_toml(&self) -> Option<String> {
        Some(quoted(&format_duration(*self)))
    }
}

impl Setting for Option<Millis> {
    fn read(row: &Row, node: &Node, report: &mut Report<'_>) -> Option<Self> {
        Millis::read(row, node, report).map(Some)
    }

    fn to_toml(&self) -> Option<String> {
        self.as_ref().and_then(Setting::to_toml)
    }
}

impl Setting for Time {
    fn read(row: &Row, node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let text = match &node.value {
            Value::Text(text) => Some(text.as_str()),
            // A TOML time always has its seconds.
            Value::Date(text) => Some(text.strip_suffix(":00").unwrap_or(text)),
            _ => None,
        };
        report.expect(row, node, text.and_then(rules::parse_time_of_day))
    }

    fn to_toml(&self) -> Option<String> {
        Some(quoted(&self.strftime("%H:%M").to_string()))
    }
}

/// Implements [`Setting`] for an enum whose values are words.
macro_rules! words {
    ($type:ty, $words:expr) => {
        impl Setting for $type {
            fn read(row: &Row, node: &Node, report: &mut Report<'_>) -> Option<Self> {
                read_word(&$words, row, node, report)
            }

            fn to_toml(&self) -> Option<String> {
                $words.iter().find(|(value, _)| value == self).map(|(_, word)| quoted(word))
            }
        }
    };
}

words!(Clock, CLOCKS);
words!(TopicFormat, TopicFormat::ALL);
words!(Formula, Formula::ALL);
words!(OnUndecodable, OnUndecodable::ALL);
words!(PlanStep, PlanStep::ALL);
words!(WebhookCheck, WebhookCheck::ALL);

fn read_word<T: Copy>(
    words: &[(T, &str)],
    row: &Row,
    node: &Node,
    report: &mut Report<'_>,
) -> Option<T> {
    let Value::Text(text) = &node.value else {
        return report.expect(row, node, None);
    };
    let read = words.iter().find(|(_, word)| word == text).map(|(value, _)| *value);
    if read.is_none() {
        let hint = suggestion(text, words.iter().map(|(_, word)| *word));
        let detail = format!("expected {}, found {text:?}{hint}", row.kind.expected());
        report.diagnostics.report(&node.place, report.path, detail);
    }
    read
}

impl<T: Item> Setting for Vec<T> {
    fn read(row: &Row, node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let (Kind::List { min, max }, Value::List(nodes)) = (row.kind, &node.value) else {
            return report.expect(row, node, None);
        };
        if !(min..=max).contains(&nodes.len()) {
            let detail = format!("expected {min} to {max} {}, found {}", T::PLURAL, nodes.len());
            report.diagnostics.report(&node.place, report.path, detail);
            return None;
        }
        let mut items = Vec::with_capacity(nodes.len());
        for item in nodes {
            match T::parse(&item.value) {
                Some(value) => items.push(value),
                None => report.unexpected(item, T::EXPECTED),
            }
        }
        Some(items)
    }

    fn to_toml(&self) -> Option<String> {
        let items: Vec<String> = self.iter().map(|item| quoted(&item.text())).collect();
        Some(format!("[{}]", items.join(", ")))
    }
}

impl Item for String {
    const PLURAL: &'static str = "texts";
    const EXPECTED: &'static str = rules::TEXT.expected;

    fn parse(value: &Value) -> Option<Self> {
        match value {
            Value::Text(text) if rules::is_short_text(text) => Some(text.clone()),
            _ => None,
        }
    }

    fn text(&self) -> String {
        self.clone()
    }
}

impl Item for WindowLength {
    const PLURAL: &'static str = "windows";
    const EXPECTED: &'static str = "a duration from one pane to 1d, such as \"5m\"; the window \
                                    \"today\" always exists";

    fn parse(value: &Value) -> Option<Self> {
        let Value::Text(label) = value else { return None };
        let length = parse_duration(label).ok()?;
        let is_allowed = label != TODAY && length > Millis::ZERO && length <= WINDOW_MAX;
        is_allowed.then(|| WindowLength { length, label: label.clone() })
    }

    fn text(&self) -> String {
        self.label.clone()
    }
}

impl Item for Date {
    const PLURAL: &'static str = "dates";
    const EXPECTED: &'static str = "a date such as \"2026-10-29\"";

    fn parse(value: &Value) -> Option<Self> {
        let (Value::Text(text) | Value::Date(text)) = value else { return None };
        // jiff also accepts times and other forms of dates.
        let is_plain =
            text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        text.parse().ok().filter(|_| is_plain)
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl Setting for Option<SecretHash> {
    fn read(_: &Row, node: &Node, report: &mut Report<'_>) -> Option<Self> {
        read_hash(node, report.path, report.diagnostics).map(Some)
    }

    fn to_toml(&self) -> Option<String> {
        self.as_ref().map(|_| quoted(MASK))
    }

    fn reveal(&self) -> Option<String> {
        self.as_ref().map(|hash| quoted(&hash.reveal()))
    }
}

/// Users with the hashes of their passwords.
impl Setting for BTreeMap<String, SecretHash> {
    fn read(_: &Row, node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let Report { diagnostics, path } = report;
        let Value::Table(table) = &node.value else {
            let expected = "a table of users and hashes such as { user = \"$argon2id$…\" }";
            diagnostics.report_unexpected(node, path, expected);
            return None;
        };
        let mut users = BTreeMap::new();
        for (user, place, hash) in table.iter() {
            if users.len() == USERS_MAX {
                diagnostics.report(place, path, format!("expected at most {USERS_MAX} users"));
                break;
            }
            if !is_user_name(user) {
                let expected = "expected a user name of 1 to 256 bytes without colons and control \
                                characters";
                diagnostics.report(place, path, expected);
                continue;
            }
            if let Some(hash) = read_hash(hash, &format!("{path}.{user}"), diagnostics) {
                users.insert(user.to_string(), hash);
            }
        }
        if table.iter().next().is_none() {
            let detail = "expected at least one user; remove the key if none is needed";
            diagnostics.report(&node.place, path, detail);
        }
        Some(users)
    }

    fn to_toml(&self) -> Option<String> {
        users_to_toml(self, |_| MASK.to_string())
    }

    fn reveal(&self) -> Option<String> {
        users_to_toml(self, SecretHash::reveal)
    }
}

fn users_to_toml(
    users: &BTreeMap<String, SecretHash>,
    display: impl Fn(&SecretHash) -> String,
) -> Option<String> {
    let users: Vec<String> = users
        .iter()
        .map(|(user, hash)| format!("{} = {}", key(user), quoted(&display(hash))))
        .collect();
    (!users.is_empty()).then(|| format!("{{ {} }}", users.join(", ")))
}

fn read_hash(node: &Node, path: &str, diagnostics: &mut Diagnostics) -> Option<SecretHash> {
    let hash = match &node.value {
        Value::Text(text) => SecretHash::parse(text),
        _ => Err(SecretHashError),
    };
    hash.map_err(|error| diagnostics.report_value(node, path, error)).ok()
}

/// Returns whether the name may be one of RFC 7617, in which a colon ends the name.
fn is_user_name(name: &str) -> bool {
    rules::is_short_text(name)
        && !name.contains(|character: char| character == ':' || character.is_control())
}

/// Returns a key of TOML, in quotes where it needs them.
pub(super) fn key(text: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_bare) { text.to_string() } else { quoted(text) }
}

/// Returns a basic string of TOML.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if control.is_control() => {
                // Writing to a string does not fail.
                let _ = write!(out, "\\u{:04x}", control as u32);
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}
