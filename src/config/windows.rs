//! `[windows]`: windows, time and the business day.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use nabiz_core::calendar::{BusinessDay, time_zone};
use nabiz_core::settings::{WindowLength, WindowSettings};
use nabiz_core::time::{Millis, format_duration};

use super::diagnostics::Diagnostics;
use super::document::{Node, Table};
use super::keys::windows as keys;
use super::section::{Fields, Section, Visitor, with_defaults};

/// Most panes of the longest window.
const PANES_MAX: u64 = 86_400;

/// `[windows]`.
#[derive(Clone, Debug)]
pub struct Windows {
    /// The settings of the core.
    pub settings: WindowSettings,
    /// IANA name of the zone of the business day, and of queues without a zone of their own.
    pub time_zone: String,
    /// Local time at which business days begin.
    pub business_day_starts: Time,
}

impl Default for Windows {
    fn default() -> Self {
        let blank = Windows {
            settings: WindowSettings::default(),
            time_zone: String::new(),
            business_day_starts: Time::midnight(),
        };
        with_defaults(blank).with_business_day()
    }
}

impl Fields for Windows {
    fn visit(&mut self, visitor: &mut impl Visitor) {
        let settings = &mut self.settings;
        visitor.field(&keys::PANE, &mut settings.pane);
        visitor.field(&keys::LENGTHS, &mut settings.lengths);
        visitor.field(&keys::IDLE_ADVANCE, &mut settings.idle_advance);
        visitor.field(&keys::MAX_AHEAD, &mut settings.max_ahead);
        visitor.field(&keys::ALLOWED_LATENESS, &mut settings.allowed_lateness);
        visitor.field(&keys::TRANSPORT_DELAY, &mut settings.transport_delay);
        visitor.field(&keys::MISS_GRACE, &mut settings.miss_grace);
        visitor.field(&keys::REORDER_GRACE, &mut settings.reorder_grace);
        visitor.field(&keys::DEDUP_HORIZON, &mut settings.dedup_horizon);
        visitor.field(&keys::TIME_ZONE, &mut self.time_zone);
        visitor.field(&keys::BUSINESS_DAY_STARTS, &mut self.business_day_starts);
    }
}

impl Windows {
    pub(super) fn read(diagnostics: &mut Diagnostics, document: &Table) -> Self {
        let mut section = Section::of_document(diagnostics, document, &keys::SECTION);
        let mut windows = Windows::default();
        windows.visit(&mut section);
        windows.settings.lengths.sort_by_key(|window| window.length);
        check_lengths(&mut section, &windows.settings);
        windows.with_business_day()
    }

    fn with_business_day(mut self) -> Self {
        // A name that the reader has accepted has a zone.
        let zone = time_zone(&self.time_zone).unwrap_or(TimeZone::UTC);
        self.settings.business_day = BusinessDay::new(zone, self.business_day_starts);
        self
    }
}

/// Reports lengths that are not a whole number of panes, too long, or listed twice.
fn check_lengths(section: &mut Section<'_, '_>, settings: &WindowSettings) {
    let pane = settings.pane;
    if section.node(&keys::LENGTHS).is_none() {
        // The default lengths do not fit every pane.
        for window in &settings.lengths {
            if let Some(detail) = misfit(window.length, pane) {
                let detail = format!("the default length {} is {detail}", window.label);
                section.report_value(&keys::PANE, &detail);
            }
        }
        return;
    }
    let path = section.path(&keys::LENGTHS);
    let mut written: Vec<(WindowLength, &Node)> = section.items(&keys::LENGTHS);
    written.sort_by_key(|(window, _)| window.length);
    let mut before = None;
    for (window, node) in written {
        let detail = misfit(window.length, pane).or_else(|| {
            (before == Some(window.length)).then(|| "the same length twice".to_string())
        });
        if let Some(detail) = detail {
            section.diagnostics.report_value(node, &path, detail);
        }
        before = Some(window.length);
    }
}

/// Returns the reason for which a window does not fit a pane.
fn misfit(length: Millis, pane: Millis) -> Option<String> {
    let pane_text = format_duration(pane);
    if length < pane || !length.get().is_multiple_of(pane.get()) {
        Some(format!("not a whole number of panes of {pane_text}"))
    } else if length.get() / pane.get() > PANES_MAX {
        Some(format!("more than {PANES_MAX} panes of {pane_text}"))
    } else {
        None
    }
}
