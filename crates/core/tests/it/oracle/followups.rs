//! Follow-ups: the promises of units.

use std::collections::BTreeMap;
use std::sync::Arc;

use nabiz_core::event::EventPayload;
use nabiz_core::measures::{FollowupSnapshot, UnitCounts};
use nabiz_core::settings::Settings;
use nabiz_core::time::{Millis, Timestamp};

use super::contact::Outcome;

#[derive(Clone, Debug, Default)]
struct Followup {
    last_record_stream_ms: i64,
    opened: Option<(i64, String, Option<i64>)>,
    informed: Option<i64>,
}

#[derive(Clone, Debug)]
enum Noted {
    Opened,
    Informed,
    Took(u64),
}

#[derive(Clone, Debug, Default)]
pub struct Followups {
    known: BTreeMap<String, Followup>,
    /// Event time of the interval, unit, and what was noted.
    notes: Vec<(i64, String, Noted)>,
    pub clock_skew: u64,
}

fn unit_of(unit: Option<&str>) -> String {
    unit.unwrap_or("unknown").to_string()
}

impl Followups {
    fn took(&mut self, unit: &str, opened: i64, informed: i64) {
        if informed < opened {
            self.clock_skew += 1;
        }
        let took = Noted::Took((informed - opened).max(0) as u64);
        self.notes.push((informed, unit.to_string(), took));
    }

    /// Applies an event. Returns `None` where it does not concern a follow-up.
    pub fn apply(&mut self, time: i64, now: i64, body: &EventPayload<'_>) -> Option<Outcome> {
        let (id, outcome) = match body {
            EventPayload::FollowupOpened { followup, unit, due } => {
                let mut known = self.known.get(followup.as_ref()).cloned().unwrap_or_default();
                if known.opened.is_some() {
                    return Some(Outcome::Duplicate);
                }
                let unit = unit_of(unit.as_deref());
                self.notes.push((time, unit.clone(), Noted::Opened));
                if let Some(informed) = known.informed {
                    self.took(&unit, time, informed);
                }
                known.opened = Some((time, unit, due.map(Timestamp::get)));
                self.known.insert(followup.to_string(), known);
                (followup, Outcome::Applied)
            }
            EventPayload::FollowupInformed { followup, unit } => {
                let mut known = self.known.get(followup.as_ref()).cloned().unwrap_or_default();
                if known.informed.is_some() {
                    return Some(Outcome::Duplicate);
                }
                match &known.opened {
                    Some((opened, opened_unit, _)) => {
                        self.notes.push((time, opened_unit.clone(), Noted::Informed));
                        self.took(opened_unit, *opened, time);
                    }
                    None => {
                        self.notes.push((time, unit_of(unit.as_deref()), Noted::Informed));
                    }
                }
                known.informed = Some(time);
                self.known.insert(followup.to_string(), known);
                (followup, Outcome::Applied)
            }
            // The event has no measure, and nothing is remembered.
            EventPayload::FollowupWorkDone { .. } => return Some(Outcome::Applied),
            _ => return None,
        };
        if let Some(known) = self.known.get_mut(id.as_ref()) {
            known.last_record_stream_ms = now;
        }
        Some(outcome)
    }

    /// Forgets follow-ups that are over. The order of docs/spec/events.md ("Time") holds for
    /// contacts; a follow-up is forgotten before its record is applied (ADR 0003).
    pub fn apply_timeouts(&mut self, settings: &Settings, now: i64) {
        let horizon = settings.windows.dedup_horizon.get() as i64;
        self.known.retain(|_, followup| {
            followup.informed.is_none() || now <= followup.last_record_stream_ms + horizon
        });
    }

    pub fn snapshot(&self, settings: &Settings, now: i64) -> BTreeMap<String, FollowupSnapshot> {
        let bounds = settings.response_bounds();
        let mut units: BTreeMap<String, FollowupSnapshot> = BTreeMap::new();
        for (_, unit, noted) in &self.notes {
            let entry = units.entry(unit.clone()).or_default();
            match noted {
                Noted::Opened => entry.opened += 1,
                Noted::Informed => entry.informed += 1,
                Noted::Took(ms) => entry.duration.observe(Millis(*ms), &bounds),
            }
        }
        for followup in self.known.values() {
            if let (Some((_, unit, due)), None) = (&followup.opened, followup.informed) {
                let entry = units.entry(unit.clone()).or_default();
                entry.open += 1;
                entry.overdue += u64::from(due.is_some_and(|due| now > due));
            }
        }
        units
    }

    /// Returns the numbers of the interval history by interval and unit.
    pub fn intervals(&self, interval_ms: i64) -> BTreeMap<(Timestamp, Arc<str>), UnitCounts> {
        let mut rows: BTreeMap<(Timestamp, Arc<str>), UnitCounts> = BTreeMap::new();
        for (time, unit, noted) in &self.notes {
            let start = Timestamp(time - time.rem_euclid(interval_ms));
            let row = rows.entry((start, unit.as_str().into())).or_default();
            match noted {
                Noted::Opened => row.opened += 1,
                Noted::Informed => row.informed += 1,
                Noted::Took(ms) => {
                    row.timed += 1;
                    row.informed_sum_ms += ms;
                }
            }
        }
        rows
    }
}
