//! `[queue_defaults]` and `[queues.<id>]`.

use std::collections::HashMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use nabiz_core::calendar::OpeningHours;
use nabiz_core::event::{Channels, TEXT_BYTES_MAX};
use nabiz_core::settings::{Clock, Formula, QueueSettings};
use nabiz_core::time::{DURATION_MAX, Millis};

use super::document::{Node, Place, Table, Value};
use super::keys;
use super::reader::{Problems, Section, duration_ms, one_of, ratio, text};
use super::windows::{Windows, zone_with_name};

const SECOND_MS: u64 = 1000;

/// Queue values of the metrics that stand for something else.
const RESERVED: [&str; 2] = ["none", "other"];
/// The words of [`Clock`].
pub(super) const CLOCKS: [(Clock, &str); 2] =
    [(Clock::Elapsed, "elapsed"), (Clock::OpeningHours, "opening_hours")];

/// The keys of one queue, or of all that leave them out.
#[derive(Clone, Debug)]
pub struct QueueKeys {
    /// What the core needs. The name of the defaults is empty.
    pub settings: QueueSettings,
    /// IANA name of the zone of the opening hours.
    pub time_zone: String,
    /// As written; always open where absent.
    pub opening_hours: Option<String>,
    /// Closed dates, ascending.
    pub holidays: Vec<Date>,
}

/// One configured queue.
#[derive(Clone, Debug)]
pub struct Queue {
    /// Its id.
    pub id: String,
    /// Other ids under which events name it.
    pub aliases: Vec<String>,
    /// Its keys.
    pub keys: QueueKeys,
}

impl QueueKeys {
    /// What counts where `[queue_defaults]` says nothing.
    fn built_in(windows: &Windows) -> Self {
        QueueKeys {
            settings: QueueSettings::default(),
            time_zone: windows.time_zone.clone(),
            opening_hours: None,
            holidays: Vec::new(),
        }
    }
}

/// What the keys of a queue refer to.
pub(super) struct Context<'a> {
    pub(super) channels: &'a Channels,
    pub(super) windows: &'a Windows,
}

/// Reads `[queue_defaults]`.
pub(super) fn read_defaults(
    problems: &mut Problems,
    document: &Table,
    context: &Context<'_>,
) -> QueueKeys {
    let mut section = Section::of_document(problems, document, keys::QUEUE_DEFAULTS);
    read_keys(&mut section, &QueueKeys::built_in(context.windows), context)
}

/// Reads `[queues]`: sorted by id.
pub(super) fn read_queues(
    problems: &mut Problems,
    document: &Table,
    defaults: &QueueKeys,
    context: &Context<'_>,
) -> Vec<Queue> {
    let (name, known) = keys::QUEUES;
    let Some(node) = document.get(name) else {
        return Vec::new();
    };
    let Value::Table(table) = &node.value else {
        problems.note_value(
            node,
            name,
            "a table for each queue, such as [queues.fault], is allowed",
        );
        return Vec::new();
    };
    // An id or alias in use, with its queue and place.
    let mut taken: HashMap<String, (String, &Place)> = HashMap::new();
    for (id, place, _) in table.iter() {
        if id.is_empty() || id.len() > TEXT_BYTES_MAX {
            problems.note(
                place,
                name,
                format!("an id of {} bytes; 1 to {TEXT_BYTES_MAX} are allowed", id.len()),
            );
        } else if RESERVED.contains(&id) {
            problems.note(
                place,
                name,
                format!("{id:?} is reserved: in the metrics it stands for no queue, or for those past a limit"),
            );
        }
        taken.insert(id.to_string(), (id.to_string(), place));
    }
    let mut queues: Vec<Queue> = Vec::new();
    for (id, _, node) in table.iter() {
        let path = format!("{name}.{id}");
        let mut section = Section::of_node(problems, node, &path, "queues.<id>", known);
        let mut keys = read_keys(&mut section, defaults, context);
        keys.settings.name = section.read("name", id.to_string(), text);
        let aliases = section.read_list("aliases", text).unwrap_or_default();
        for (alias, alias_node) in &aliases {
            note_taken(section.problems(), &taken, id, alias, alias_node);
            taken.entry(alias.clone()).or_insert((id.to_string(), &alias_node.place));
        }
        queues.push(Queue {
            id: id.to_string(),
            aliases: aliases.into_iter().map(|(alias, _)| alias).collect(),
            keys,
        });
    }
    queues.sort_by(|one, other| one.id.cmp(&other.id));
    queues
}

fn note_taken(
    problems: &mut Problems,
    taken: &HashMap<String, (String, &Place)>,
    id: &str,
    alias: &str,
    node: &Node,
) {
    let Some((owner, place)) = taken.get(alias) else {
        return;
    };
    let detail = match (owner == id, owner == alias) {
        (true, true) => "is the id of the queue itself".to_string(),
        (false, true) => format!("is the id of another queue, at {}", place.words()),
        (true, false) => format!("listed twice, first at {}", place.words()),
        (false, false) => format!("is already an alias of queue {owner}, at {}", place.words()),
    };
    problems.note_value(node, &format!("queues.{id}.aliases"), detail);
}

fn read_keys(
    section: &mut Section<'_, '_>,
    defaults: &QueueKeys,
    context: &Context<'_>,
) -> QueueKeys {
    let base = &defaults.settings;
    let any = |value: &Value| duration_ms(0..=DURATION_MAX.get())(value).map(Millis);
    let longest = duration_ms(SECOND_MS..=DURATION_MAX.get());
    let optional = |value: &Value| longest(value).map(|longest| Some(Millis(longest)));
    let channel = |value: &Value| match value {
        Value::Text(word) => context.channels.id(word).ok_or(()),
        _ => Err(()),
    };
    let channel = |value: &Value| {
        channel(value).map_err(|()| {
            let names: Vec<&str> = context.channels.names().collect();
            format!("allowed are {}, and what channels.names adds", names.join(", "))
        })
    };
    let inherited = nabiz_core::calendar::time_zone(&defaults.time_zone).unwrap_or(TimeZone::UTC);
    let (time_zone, zone) =
        section.read("time_zone", (defaults.time_zone.clone(), inherited), zone_with_name);
    let holidays = match section.read_list("holidays", date) {
        Some(dates) => {
            let mut dates: Vec<Date> = dates.into_iter().map(|(date, _)| date).collect();
            dates.sort_unstable();
            dates.dedup();
            dates
        }
        None => defaults.holidays.clone(),
    };
    let (written, hours) = read_hours(section, defaults, &holidays, zone);
    QueueKeys {
        settings: QueueSettings {
            name: String::new(),
            channel: section.read("channel", base.channel, channel),
            target_wait: section.read("target_wait", base.target_wait, &any),
            target_ratio: section.read("target_ratio", base.target_ratio, ratio),
            short_abandon: section.read("short_abandon", base.short_abandon, &any),
            max_wait: section.read("max_wait", base.max_wait, optional),
            max_service: section.read("max_service", base.max_service, optional),
            target_abandonment: section.read("target_abandonment", base.target_abandonment, ratio),
            target_first_response: section.read(
                "target_first_response",
                base.target_first_response,
                &any,
            ),
            target_resolution: section.read("target_resolution", base.target_resolution, &any),
            formula: section.read("formula", base.formula, one_of(&Formula::ALL)),
            clock: section.read("clock", base.clock, one_of(&CLOCKS)),
            opening_hours: hours,
        },
        time_zone,
        opening_hours: written,
        holidays,
    }
}

/// The hours as written and as understood. Holidays alone close a queue that is else always open.
fn read_hours(
    section: &mut Section<'_, '_>,
    defaults: &QueueKeys,
    holidays: &[Date],
    zone: TimeZone,
) -> (Option<String>, Option<OpeningHours>) {
    let parse = |text: &str| OpeningHours::parse(text, holidays, zone.clone());
    let written = section.read("opening_hours", None, |value| match value {
        Value::Text(text) => {
            parse(text).map(|hours| Some((text.clone(), hours))).map_err(|error| error.to_string())
        }
        _ => Err("text such as \"Mo-Fr 08:00-17:30; Sa 09:00-13:00\" is allowed".to_string()),
    });
    match (written, &defaults.opening_hours) {
        (Some((text, hours)), _) => (Some(text), Some(hours)),
        (None, Some(text)) => (Some(text.clone()), parse(text).ok()),
        (None, None) if holidays.is_empty() => (None, None),
        (None, None) => (None, parse("24/7").ok()),
    }
}

fn date(value: &Value) -> Result<Date, String> {
    let allowed = "a date such as \"2026-10-29\" is allowed";
    let (Value::Text(text) | Value::Date(text)) = value else {
        return Err(allowed.to_string());
    };
    // Only this form: the parser behind it takes times and other forms of dates too.
    let plain = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    text.parse().ok().filter(|_| plain).ok_or_else(|| allowed.to_string())
}
