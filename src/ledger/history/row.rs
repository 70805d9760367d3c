//! One row of a history, and how intervals become it.

use std::sync::Arc;

use nabiz_core::measures::{AgentWindow, IntervalCounts, WindowCounts};
use nabiz_core::settings::Formula;

use crate::ledger::distribution::{self, Distribution};
use crate::ledger::{counts, intervals};

/// Numbers of one queue and channel in one step of time.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryRow {
    /// Start of the step, or of the period where that is later, in milliseconds since the Unix epoch.
    pub start_ms: i64,
    /// End of the step, or of the period where that is earlier.
    pub end_ms: i64,
    /// The row can still change, because not all events of its time have been read.
    pub open: bool,
    /// Queue id.
    pub queue: Arc<str>,
    /// Channel.
    pub channel: Arc<str>,
    /// T and the target of the service level in the newest interval; absent in a row of agent time only.
    pub target: Option<(u64, f64)>,
    /// The formula that is configured for the queue now.
    pub formula: Formula,
    /// Exact counts and sums.
    pub counts: IntervalCounts,
    /// Wait of answered visits at 0.5, 0.9, 0.95 and 0.99, in milliseconds.
    pub wait_quantiles_ms: Option<[u64; 4]>,
    /// Wait of abandoned visits at 0.9, in milliseconds.
    pub abandon_wait_p90_ms: Option<u64>,
    /// Handle time at 0.9, in milliseconds.
    pub handle_p90_ms: Option<u64>,
    /// Values that the quantiles lack because their distribution could not be read.
    pub quantile_values_missing: u64,
    /// Agent time of the queue by [`crate::event::AgentState::index`], in milliseconds; only in the row of the queue's
    /// configured channel, because agent time has no channel.
    pub agent_ms: Option<[u64; 5]>,
}

impl HistoryRow {
    /// The counts for the formulas of service level, abandonment and means.
    pub fn window(&self) -> WindowCounts {
        let counts = &self.counts;
        WindowCounts {
            visits: counts.visits,
            service_level: counts.service_level,
            left: self.left(),
            sums: counts.sums,
            wait_max_ms: counts.wait_max_ms,
        }
    }

    /// Visits that left for any reason.
    pub fn left(&self) -> u64 {
        self.counts.left.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// (busy + wrap-up) / (busy + wrap-up + available) agent time.
    pub fn occupancy(&self) -> Option<f64> {
        self.agent_ms.and_then(|state_ms| AgentWindow { state_ms }.occupancy())
    }
}

/// Intervals of one queue and channel on their way to a row.
#[derive(Default)]
pub(super) struct Sum {
    /// The start of the newest interval, and its targets.
    target: Option<(i64, u64, f64)>,
    counts: IntervalCounts,
    distributions: [Option<Distribution>; intervals::DISTRIBUTIONS.len()],
    agent_ms: Option<[u64; 5]>,
}

/// What a sum does not know itself.
pub(super) struct Place {
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    pub(super) open: bool,
    pub(super) formula: Formula,
    /// The channel is the configured one of the queue.
    pub(super) has_agents: bool,
}

impl Sum {
    pub(super) fn add_counts(
        &mut self,
        start_ms: i64,
        target_wait_ms: u64,
        target_ratio: f64,
        more: &IntervalCounts,
    ) {
        if self.target.is_none_or(|(newest_ms, ..)| newest_ms <= start_ms) {
            self.target = Some((start_ms, target_wait_ms, target_ratio));
        }
        counts::add(&mut self.counts, more);
    }

    /// Adds values to one of [`intervals::DISTRIBUTIONS`].
    pub(super) fn add_distribution(&mut self, index: usize, more: &Distribution) {
        if let Some(sum) = self.distributions.get_mut(index) {
            distribution::add(sum.get_or_insert_with(distribution::empty), more);
        }
    }

    pub(super) fn add_agents(&mut self, state_ms: [u64; 5]) {
        self.agent_ms = Some(intervals::added(self.agent_ms.unwrap_or_default(), state_ms));
    }

    pub(super) fn into_row(self, queue: Arc<str>, channel: Arc<str>, place: Place) -> HistoryRow {
        let counts = self.counts;
        let [waits, abandon_waits, handles] = &self.distributions;
        let held = |distribution: &Option<Distribution>| {
            distribution.as_ref().map_or(0, |values| values.len())
        };
        let quantile_values_missing = [
            counts.visits.answered.saturating_sub(held(waits)),
            counts.visits.abandoned.saturating_sub(held(abandon_waits)),
            counts.sums.handled.saturating_sub(held(handles)),
        ];
        let p90 = |distribution: &Option<Distribution>| {
            distribution
                .as_ref()
                .filter(|values| !values.is_empty())
                .map(|values| values.value_at_quantile(0.9))
        };
        let wait_quantiles_ms = waits.as_ref().filter(|values| !values.is_empty()).map(|values| {
            // SparseHdrCounts have a width; no quantile is above the exact maximum.
            [0.5, 0.9, 0.95, 0.99]
                .map(|quantile| values.value_at_quantile(quantile).min(counts.wait_max_ms))
        });
        HistoryRow {
            start_ms: place.start_ms,
            end_ms: place.end_ms,
            open: place.open,
            queue,
            channel,
            target: self.target.map(|(_, wait_ms, ratio)| (wait_ms, ratio)),
            formula: place.formula,
            wait_quantiles_ms,
            abandon_wait_p90_ms: p90(abandon_waits),
            handle_p90_ms: p90(handles),
            quantile_values_missing: quantile_values_missing
                .into_iter()
                .fold(0, u64::saturating_add),
            agent_ms: if place.has_agents { Some(self.agent_ms.unwrap_or_default()) } else { None },
            counts,
        }
    }
}
