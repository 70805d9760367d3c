//! `[queue_defaults]` and `[queues.<id>]`.

use std::collections::HashMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use nabiz_core::calendar::{OpeningHours, time_zone};
use nabiz_core::event::{Channels, TEXT_BYTES_MAX};
use nabiz_core::settings::QueueSettings;

use super::diagnostics::Diagnostics;
use super::document::{Node, Place, Table, Value};
use super::keys;
use super::planning::QueuePlanning;
use super::section::{Fields, Section, Visitor, with_defaults};
use super::windows::Windows;

/// Queue values that the metrics reserve for another meaning.
const RESERVED: [&str; 2] = ["none", "other"];

/// The keys of one queue, or of all queues that leave them out.
#[derive(Clone, Debug)]
pub struct QueueKeys {
    /// The settings of the core. The name of the defaults is empty.
    pub settings: QueueSettings,
    /// The channel of a visit whose events name none.
    pub channel: String,
    /// IANA name of the zone of the opening hours.
    pub time_zone: String,
    /// As written; always open where absent.
    pub opening_hours: Option<String>,
    /// Closed dates, ascending.
    pub holidays: Vec<Date>,
    /// The keys that only plans use.
    pub planning: QueuePlanning,
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

impl Fields for QueueKeys {
    fn visit(&mut self, visitor: &mut impl Visitor) {
        use keys::queue_defaults as keys;
        let settings = &mut self.settings;
        visitor.field(&keys::CHANNEL, &mut self.channel);
        visitor.field(&keys::TARGET_WAIT, &mut settings.target_wait);
        visitor.field(&keys::TARGET_RATIO, &mut settings.target_ratio);
        visitor.field(&keys::SHORT_ABANDON, &mut settings.short_abandon);
        visitor.field(&keys::MAX_WAIT, &mut settings.max_wait);
        visitor.field(&keys::MAX_SERVICE, &mut settings.max_service);
        visitor.field(&keys::TARGET_ABANDONMENT, &mut settings.target_abandonment);
        visitor.field(&keys::TARGET_FIRST_RESPONSE, &mut settings.target_first_response);
        visitor.field(&keys::TARGET_RESOLUTION, &mut settings.target_resolution);
        visitor.field(&keys::FORMULA, &mut settings.formula);
        visitor.field(&keys::CLOCK, &mut settings.clock);
        visitor.field(&keys::TIME_ZONE, &mut self.time_zone);
        visitor.field(&keys::OPENING_HOURS, &mut self.opening_hours);
        visitor.field(&keys::HOLIDAYS, &mut self.holidays);
        self.planning.visit(visitor);
    }
}

impl Fields for Queue {
    fn visit(&mut self, visitor: &mut impl Visitor) {
        visitor.field(&keys::queues::NAME, &mut self.keys.settings.name);
        visitor.field(&keys::queues::ALIASES, &mut self.aliases);
        self.keys.visit(visitor);
    }
}

impl QueueKeys {
    /// Returns the keys where `[queue_defaults]` is empty.
    fn built_in(windows: &Windows) -> Self {
        with_defaults(QueueKeys {
            settings: QueueSettings::default(),
            channel: String::new(),
            time_zone: windows.time_zone.clone(),
            opening_hours: None,
            holidays: Vec::new(),
            planning: QueuePlanning::default(),
        })
    }

    /// Sets the settings that follow from several keys: the channel and the opening hours. Where a
    /// value is wrong, reports it and takes the one of `defaults`.
    fn resolve(
        &mut self,
        section: &mut Section<'_, '_>,
        defaults: &QueueKeys,
        context: &Context<'_>,
    ) {
        match context.channels.id(&self.channel) {
            Some(channel) => self.settings.channel = channel,
            None => {
                let names: Vec<&str> = context.channels.names().collect();
                let expected =
                    format!("one of {}, or a channel that channels.names adds", names.join(", "));
                section.report_unexpected(&keys::queue_defaults::CHANNEL, &expected);
                self.channel = defaults.channel.clone();
            }
        }
        self.planning.check(section, &defaults.planning);
        self.holidays.sort_unstable();
        self.holidays.dedup();
        // A name that the reader has accepted has a zone.
        let zone = time_zone(&self.time_zone).unwrap_or(TimeZone::UTC);
        let parse = |text: &str| OpeningHours::parse(text, &self.holidays, zone.clone());
        let hours = match &self.opening_hours {
            Some(text) => Some(parse(text)),
            None if self.holidays.is_empty() => None,
            // Holidays alone close a queue that is open at all other times.
            None => Some(parse("24/7")),
        };
        self.settings.opening_hours = match hours.transpose() {
            Ok(hours) => hours,
            Err(error) => {
                let key = &keys::queue_defaults::OPENING_HOURS;
                section.report_value(key, &error.to_string());
                self.opening_hours = None;
                None
            }
        };
    }
}

/// The other sections that the keys of a queue refer to.
pub(super) struct Context<'a> {
    pub(super) channels: &'a Channels,
    pub(super) windows: &'a Windows,
}

/// Reads `[queue_defaults]`.
pub(super) fn read_defaults(
    diagnostics: &mut Diagnostics,
    document: &Table,
    context: &Context<'_>,
) -> QueueKeys {
    let mut section = Section::of_document(diagnostics, document, &keys::queue_defaults::SECTION);
    let built_in = QueueKeys::built_in(context.windows);
    let mut queue_defaults = built_in.clone();
    queue_defaults.visit(&mut section);
    queue_defaults.resolve(&mut section, &built_in, context);
    queue_defaults
}

/// Reads `[queues]`, and returns the queues sorted by id.
pub(super) fn read_queues(
    diagnostics: &mut Diagnostics,
    document: &Table,
    defaults: &QueueKeys,
    context: &Context<'_>,
) -> Vec<Queue> {
    let name = "queues";
    let Some(node) = document.get(name) else {
        return Vec::new();
    };
    let Value::Table(table) = &node.value else {
        diagnostics.report_unexpected(node, name, "a table for each queue, such as [queues.fault]");
        return Vec::new();
    };
    // An id or alias in use, with its queue and place.
    let mut taken: HashMap<String, (String, &Place)> = HashMap::new();
    for (id, place, _) in table.iter() {
        if id.is_empty() || id.len() > TEXT_BYTES_MAX {
            diagnostics.report(
                place,
                name,
                format!("expected an id of 1 to {TEXT_BYTES_MAX} bytes, found {} bytes", id.len()),
            );
        } else if RESERVED.contains(&id) {
            diagnostics.report(
                place,
                name,
                format!(
                    "{id:?} is reserved: in the metrics it stands for no queue, or for those past \
                     a limit"
                ),
            );
        }
        taken.insert(id.to_string(), (id.to_string(), place));
    }
    let mut queues: Vec<Queue> = Vec::new();
    for (id, _, node) in table.iter() {
        let path = format!("{name}.{id}");
        let mut section = Section::of_node(diagnostics, node, &path, &keys::queues::SECTION);
        let mut queue = Queue { id: id.to_string(), aliases: Vec::new(), keys: defaults.clone() };
        queue.keys.settings.name = id.to_string();
        queue.visit(&mut section);
        for (alias, alias_node) in section.items(&keys::queues::ALIASES) {
            report_taken(section.diagnostics, &taken, id, &alias, alias_node);
            taken.entry(alias).or_insert((id.to_string(), &alias_node.place));
        }
        queue.keys.resolve(&mut section, defaults, context);
        queues.push(queue);
    }
    queues.sort_by(|one, other| one.id.cmp(&other.id));
    queues
}

fn report_taken(
    diagnostics: &mut Diagnostics,
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
    diagnostics.report_value(node, &format!("queues.{id}.aliases"), detail);
}
