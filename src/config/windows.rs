//! `[windows]`: windows, time and the business day.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use nabiz_core::calendar::{BusinessDay, time_zone};
use nabiz_core::settings::{DEFAULT_TIME_ZONE, WindowLength, WindowSettings};
use nabiz_core::time::{Millis, format_duration, parse_duration};

use super::document::{Node, Table, Value};
use super::keys;
use super::reader::{Problems, Section, duration_ms, flag};

const SECOND_MS: u64 = 1000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// Most windows, `today` aside.
pub const LENGTHS_MAX: usize = 16;
/// Most panes of the longest window.
pub const PANES_MAX: u64 = 86_400;
/// The window that is always there.
const TODAY: &str = "today";

/// `[windows]`.
#[derive(Clone, Debug)]
pub struct Windows {
    /// What the core needs.
    pub settings: WindowSettings,
    /// IANA name of the zone of the business day, and of queues without an own one.
    pub time_zone: String,
    /// Local time at which business days begin.
    pub business_day_starts: Time,
}

impl Default for Windows {
    fn default() -> Self {
        Windows {
            settings: WindowSettings::default(),
            time_zone: DEFAULT_TIME_ZONE.to_string(),
            business_day_starts: Time::midnight(),
        }
    }
}

impl Windows {
    pub(super) fn read(problems: &mut Problems, document: &Table) -> Self {
        let defaults = Windows::default();
        let mut section = Section::of_document(problems, document, keys::WINDOWS);
        let pane = |value: &Value| duration_ms(100..=DAY_MS)(value).map(Millis);
        let pane = section.read("pane", defaults.settings.pane, pane);
        let lengths = read_lengths(&mut section, pane.get()).unwrap_or(defaults.settings.lengths);
        let wait = |value: &Value| duration_ms(0..=30 * DAY_MS)(value).map(Millis);
        let (time_zone, zone) = section.read(
            "time_zone",
            (defaults.time_zone, defaults.settings.business_day.zone().clone()),
            zone_with_name,
        );
        let starts = section.read("business_day_starts", defaults.business_day_starts, time_of_day);
        Windows {
            settings: WindowSettings {
                pane,
                lengths,
                idle_advance: section.read("idle_advance", defaults.settings.idle_advance, flag),
                allowed_lateness: section.read(
                    "allowed_lateness",
                    defaults.settings.allowed_lateness,
                    &wait,
                ),
                transport_delay: section.read(
                    "transport_delay",
                    defaults.settings.transport_delay,
                    &wait,
                ),
                miss_grace: section.read("miss_grace", defaults.settings.miss_grace, &wait),
                reorder_grace: section.read(
                    "reorder_grace",
                    defaults.settings.reorder_grace,
                    &wait,
                ),
                dedup_horizon: section.read(
                    "dedup_horizon",
                    defaults.settings.dedup_horizon,
                    &wait,
                ),
                business_day: BusinessDay::new(zone, starts),
            },
            time_zone,
            business_day_starts: starts,
        }
    }
}

/// The windows, shortest first; `None` where there are too few or too many.
fn read_lengths(section: &mut Section<'_, '_>, pane_ms: u64) -> Option<Vec<WindowLength>> {
    if let Some(Value::List(items)) = section.node("lengths").map(|node| &node.value)
        && !(1..=LENGTHS_MAX).contains(&items.len())
    {
        let detail = format!("{} windows; 1 to {LENGTHS_MAX} are allowed", items.len());
        section.note_value("lengths", detail);
        return None;
    }
    let path = section.path("lengths");
    let mut written: Vec<(WindowLength, Option<&Node>)> = match section
        .read_list("lengths", window_length)
    {
        Some(written) => written.into_iter().map(|(length, node)| (length, Some(node))).collect(),
        None => {
            Windows::default().settings.lengths.into_iter().map(|length| (length, None)).collect()
        }
    };
    written.sort_by_key(|(length, _)| length.length);
    for (index, (length, node)) in written.iter().enumerate() {
        let pane = format_duration(Millis(pane_ms));
        let detail =
            if length.length.get() < pane_ms || !length.length.get().is_multiple_of(pane_ms) {
                Some(format!("not a whole number of panes of {pane}"))
            } else if length.length.get() / pane_ms > PANES_MAX {
                Some(format!("more than {PANES_MAX} panes of {pane}"))
            } else if index > 0
                && written.get(index - 1).is_some_and(|(before, _)| before.length == length.length)
            {
                Some("the same length twice".to_string())
            } else {
                None
            };
        match (detail, node) {
            (Some(detail), Some(node)) => section.problems().note_value(node, &path, detail),
            // The default lengths do not fit a pane that is configured.
            (Some(detail), None) => section
                .note_value("pane", format!("the default length {} is {detail}", length.label)),
            (None, _) => {}
        }
    }
    Some(written.into_iter().map(|(length, _)| length).collect())
}

fn window_length(value: &Value) -> Result<WindowLength, String> {
    let Value::Text(label) = value else {
        return Err("a duration such as \"5m\" is allowed".to_string());
    };
    if label == TODAY {
        return Err("this window is always there; durations are allowed".to_string());
    }
    let ms = parse_duration(label).map_err(|error| error.to_string())?.get();
    if ms == 0 || ms > DAY_MS {
        return Err("one pane to 1d is allowed".to_string());
    }
    Ok(WindowLength { length: Millis(ms), label: label.clone() })
}

/// A zone and its name as written.
pub(super) fn zone_with_name(value: &Value) -> Result<(String, TimeZone), String> {
    let allowed = "an IANA time zone such as Europe/Istanbul is allowed";
    let Value::Text(name) = value else {
        return Err(allowed.to_string());
    };
    time_zone(name).map(|zone| (name.clone(), zone)).ok_or_else(|| allowed.to_string())
}

fn time_of_day(value: &Value) -> Result<Time, String> {
    let (Value::Text(text) | Value::Date(text)) = value else {
        return Err("a local time of day such as \"06:00\" is allowed".to_string());
    };
    let whole_minutes = |text: &str| {
        let (hour, minute) = text.split_once(':')?;
        let two_digits =
            |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        if !two_digits(hour) || !two_digits(minute) {
            return None;
        }
        Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
    };
    // A TOML time always has its seconds.
    let text = if matches!(value, Value::Date(_)) {
        text.strip_suffix(":00").unwrap_or(text)
    } else {
        text
    };
    whole_minutes(text)
        .ok_or_else(|| "a local time of day from 00:00 to 23:59 is allowed".to_string())
}
