//! What plans know beside the history: the configuration of planning.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::config::{Config, Planning, QueuePlanning};

/// The configuration of planning, apart from the settings of the core.
#[derive(Clone, Debug)]
pub struct PlanningSettings {
    /// `[planning]`.
    pub planning: Planning,
    /// The keys of configured queues by id.
    queues: BTreeMap<String, QueueKeys>,
    /// The keys of all other queues.
    defaults: QueueKeys,
}

#[derive(Clone, Debug)]
struct QueueKeys {
    planning: QueuePlanning,
    holidays: Vec<Date>,
}

impl Default for PlanningSettings {
    /// Returns the settings of an empty configuration.
    fn default() -> Self {
        PlanningSettings::of(&Config::defaults())
    }
}

impl PlanningSettings {
    /// Returns the settings in a configuration.
    pub fn of(config: &Config) -> PlanningSettings {
        let keys = |keys: &crate::config::QueueKeys| QueueKeys {
            planning: keys.planning.clone(),
            holidays: keys.holidays.clone(),
        };
        PlanningSettings {
            planning: config.planning.clone(),
            queues: config.queues.iter().map(|it| (it.id.clone(), keys(&it.keys))).collect(),
            defaults: keys(&config.queue_defaults),
        }
    }

    fn keys(&self, queue: &str) -> &QueueKeys {
        self.queues.get(queue).unwrap_or(&self.defaults)
    }

    /// Returns the keys of a queue that only plans use.
    pub(super) fn queue(&self, queue: &str) -> &QueuePlanning {
        &self.keys(queue).planning
    }

    /// Returns whether a queue has a holiday on a date.
    pub(super) fn is_holiday(&self, queue: &str, date: Date) -> bool {
        self.keys(queue).holidays.binary_search(&date).is_ok()
    }

    /// Returns the name of a noted day.
    pub(super) fn noted(&self, date: Date) -> Option<&str> {
        let named = self.planning.noted_days.iter().find(|(_, dates)| dates.contains(&date));
        named.map(|(name, _)| name.as_str())
    }
}
