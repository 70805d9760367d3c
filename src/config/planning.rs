//! `[planning]`, and the keys of a queue that only plans use.

use std::collections::{BTreeMap, HashMap};

use jiff::civil::Date;

use super::diagnostics::Diagnostics;
use super::document::Table;
use super::keys::planning as keys;
use super::keys::queue_defaults as queue_keys;
use super::plan_step::PlanStep;
use super::section::{Fields, Section, Visitor, with_defaults};

/// Above this share of absence or shrinkage, a number of agents to schedule says nothing.
const SHRINKAGE_MAX: f64 = 0.95;

/// `[planning]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Planning {
    /// The length of a row where the request names none.
    pub step: PlanStep,
    /// The weeks before a plan from which it learns, 2 to 52.
    pub weeks: usize,
    /// The share of the paid time in which agents are absent, 0 to 1; absent where it is not known.
    pub absence: Option<f64>,
    /// Days that are unlike their weekday, by the name that they share.
    pub noted_days: BTreeMap<String, Vec<Date>>,
    /// Queues that share their agents, by the name of the pool.
    pub pools: BTreeMap<String, Vec<String>>,
}

impl Default for Planning {
    fn default() -> Self {
        with_defaults(Planning {
            step: PlanStep::HalfHour,
            weeks: 0,
            absence: None,
            noted_days: BTreeMap::new(),
            pools: BTreeMap::new(),
        })
    }
}

impl Fields for Planning {
    fn visit(&mut self, visitor: &mut impl Visitor) {
        visitor.field(&keys::STEP, &mut self.step);
        visitor.field(&keys::WEEKS, &mut self.weeks);
        visitor.field(&keys::ABSENCE, &mut self.absence);
        visitor.field(&keys::NOTED_DAYS, &mut self.noted_days);
        visitor.field(&keys::POOLS, &mut self.pools);
    }
}

impl Planning {
    /// Reads the section. No date may have two names, and no queue two pools.
    pub(super) fn read(diagnostics: &mut Diagnostics, document: &Table) -> Self {
        let mut section = Section::of_document(diagnostics, document, &keys::SECTION);
        let mut planning = Planning::default();
        planning.visit(&mut section);
        if planning.absence > Some(SHRINKAGE_MAX) {
            section.report_unexpected(&keys::ABSENCE, "a ratio from 0 to 0.95");
            planning.absence = None;
        }
        if let Some((date, one, other)) = twice(&planning.noted_days) {
            let detail = format!("{date} is a day of both {one:?} and {other:?}");
            section.report_detail(&keys::NOTED_DAYS, &detail);
        }
        if let Some((queue, one, other)) = twice(&planning.pools) {
            let detail = format!("the queue {queue:?} is in both {one:?} and {other:?}");
            section.report_detail(&keys::POOLS, &detail);
        }
        planning
    }
}

/// Returns an item that two names have, with both.
fn twice<T: Eq + std::hash::Hash>(
    named: &BTreeMap<String, Vec<T>>,
) -> Option<(&T, &String, &String)> {
    let mut owners: HashMap<&T, &String> = HashMap::new();
    for (name, items) in named {
        for item in items {
            if let Some(owner) = owners.insert(item, name)
                && owner != name
            {
                return Some((item, owner, name));
            }
        }
    }
    None
}

/// The keys of a queue that only plans use.
#[derive(Clone, Debug, PartialEq)]
pub struct QueuePlanning {
    /// The conversations that an agent holds at the same time, as in chat; 1 on the phone.
    pub concurrency: usize,
    /// The share of the paid time that agents of the queue do not work, 0 to 1; measured from pauses
    /// where absent.
    pub shrinkage: Option<f64>,
    /// The share of their working time that agents may be busy, 0 to 1; any where absent.
    pub max_occupancy: Option<f64>,
}

impl Default for QueuePlanning {
    fn default() -> Self {
        with_defaults(QueuePlanning { concurrency: 1, shrinkage: None, max_occupancy: None })
    }
}

impl QueuePlanning {
    /// Reports ratios with which no number of agents is enough, and takes those of `defaults`.
    pub(super) fn check(&mut self, section: &mut Section<'_, '_>, defaults: &QueuePlanning) {
        if self.shrinkage > Some(SHRINKAGE_MAX) {
            section.report_unexpected(&queue_keys::SHRINKAGE, "a ratio from 0 to 0.95");
            self.shrinkage = defaults.shrinkage;
        }
        if self.max_occupancy == Some(0.0) {
            section.report_unexpected(&queue_keys::MAX_OCCUPANCY, "a ratio above 0");
            self.max_occupancy = defaults.max_occupancy;
        }
    }
}

impl Fields for QueuePlanning {
    fn visit(&mut self, visitor: &mut impl Visitor) {
        visitor.field(&queue_keys::CONCURRENCY, &mut self.concurrency);
        visitor.field(&queue_keys::SHRINKAGE, &mut self.shrinkage);
        visitor.field(&queue_keys::MAX_OCCUPANCY, &mut self.max_occupancy);
    }
}
