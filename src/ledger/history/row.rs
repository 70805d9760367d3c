//! One row of a history, and the sum of intervals that becomes it.

use std::sync::Arc;

use nabiz_core::measures::{AgentWindow, IntervalCounts, WindowCounts};
use nabiz_core::settings::Formula;
use nabiz_core::time::{Millis, TimeRange, Timestamp};

use crate::ledger::distribution::{self, Distribution};
use crate::ledger::{counts, intervals};

/// The service-level target of a queue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WaitTarget {
    /// T: an answer within it is in target.
    pub wait: Millis,
    /// The share of service-level events that shall be met, 0 to 1.
    pub ratio: f64,
}

/// The numbers of one queue and channel in one step of time.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryRow {
    /// The part of the step that lies in the queried period.
    pub range: TimeRange,
    /// The row can still change, because not all events of its time have been read.
    pub open: bool,
    /// Queue id; empty where the row is over all queues.
    pub queue: Arc<str>,
    /// Channel; empty where the row is over all channels.
    pub channel: Arc<str>,
    /// The target in the newest interval; absent in a row without an interval, and where the
    /// queues of the row have different ones.
    pub target: Option<WaitTarget>,
    /// The formula that is configured for the queue now; absent where the queues of the row have
    /// different ones.
    pub formula: Option<Formula>,
    /// Exact counts and sums.
    pub counts: IntervalCounts,
    /// The wait of answered visits at 0.5, 0.9, 0.95 and 0.99.
    pub wait_quantiles: Option<[Millis; 4]>,
    /// The wait of abandoned visits at 0.9.
    pub abandon_wait_p90: Option<Millis>,
    /// The handle time at 0.9.
    pub handle_p90: Option<Millis>,
    /// How many values the quantiles lack, because a distribution could not be read.
    pub quantile_values_missing: u64,
    /// Agent time of the queue by [`AgentState::index`](nabiz_core::event::AgentState::index); only
    /// in the row of the queue's configured channel, because agent time has no channel, and in no
    /// row over several queues, because an agent of two queues has time in both.
    pub agent_time: Option<[Millis; 5]>,
}

impl HistoryRow {
    /// Returns the counts for the formulas of service level, abandonment and means.
    pub fn window(&self) -> WindowCounts {
        let counts = &self.counts;
        WindowCounts {
            visits: counts.visits,
            service_level: counts.service_level,
            left: self.left(),
            sums: counts.sums,
            wait_max: counts.wait_max,
        }
    }

    /// Returns the visits that left for any reason.
    pub fn left(&self) -> u64 {
        self.counts.left.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Returns the service level by the configured formula.
    pub fn service_level(&self) -> Option<f64> {
        self.window().service_level(self.formula?)
    }

    /// Returns (busy + wrap-up) / (busy + wrap-up + available) of agent time.
    pub fn occupancy(&self) -> Option<f64> {
        let state_ms = self.agent_time?.map(Millis::get);
        AgentWindow { state_ms }.occupancy()
    }
}

/// The sum of the intervals of one queue and channel.
#[derive(Default)]
pub(super) struct RowSum {
    /// The start of the newest interval, and its target.
    target: Option<(Timestamp, WaitTarget)>,
    /// The intervals of the row have different targets.
    targets_differ: bool,
    /// The formula of the first queue of the row.
    formula: Option<Formula>,
    /// The queues of the row have different formulas.
    formulas_differ: bool,
    counts: IntervalCounts,
    distributions: [Option<Distribution>; intervals::DISTRIBUTIONS.len()],
    agent_time: Option<[Millis; 5]>,
}

/// The properties of a row that do not follow from its intervals.
pub(super) struct RowContext {
    pub(super) range: TimeRange,
    pub(super) open: bool,
    pub(super) formula: Option<Formula>,
    /// The row is over queues that may have different targets.
    pub(super) mixes_queues: bool,
    /// The channel is the configured one of the queue, whose row has the agent time.
    pub(super) has_agents: bool,
}

impl RowSum {
    pub(super) fn add_counts(
        &mut self,
        start: Timestamp,
        target: WaitTarget,
        formula: Formula,
        more: &IntervalCounts,
    ) {
        self.targets_differ |= self.target.is_some_and(|(_, known)| known != target);
        self.formulas_differ |= *self.formula.get_or_insert(formula) != formula;
        if self.target.is_none_or(|(newest, _)| newest <= start) {
            self.target = Some((start, target));
        }
        counts::add(&mut self.counts, more);
    }

    /// Returns the formula of all queues of the row.
    pub(super) fn formula(&self) -> Option<Formula> {
        self.formula.filter(|_| !self.formulas_differ)
    }

    /// Adds values to one of [`intervals::DISTRIBUTIONS`].
    pub(super) fn add_distribution(&mut self, index: usize, more: &Distribution) {
        if let Some(sum) = self.distributions.get_mut(index) {
            distribution::add(sum.get_or_insert_with(distribution::empty), more);
        }
    }

    pub(super) fn add_agents(&mut self, by_state: [Millis; 5]) {
        let sum = self.agent_time.unwrap_or_default();
        self.agent_time = Some(intervals::agent_sum(sum, by_state));
    }

    pub(super) fn into_row(
        self,
        queue: Arc<str>,
        channel: Arc<str>,
        context: RowContext,
    ) -> HistoryRow {
        let counts = self.counts;
        let [waits, abandon_waits, handles] = &self.distributions;
        let values_of = |distribution: &Option<Distribution>| {
            distribution.as_ref().map_or(0, |values| values.len())
        };
        let quantile_values_missing = [
            counts.visits.answered.saturating_sub(values_of(waits)),
            counts.visits.abandoned.saturating_sub(values_of(abandon_waits)),
            counts.sums.handled.saturating_sub(values_of(handles)),
        ];
        let p90 = |distribution: &Option<Distribution>| {
            distribution
                .as_ref()
                .filter(|values| !values.is_empty())
                .map(|values| Millis(values.value_at_quantile(0.9)))
        };
        let wait_quantiles = waits.as_ref().filter(|values| !values.is_empty()).map(|values| {
            // A quantile is the upper bound of its cell; the exact maximum may be lower.
            [0.5, 0.9, 0.95, 0.99]
                .map(|quantile| Millis(values.value_at_quantile(quantile)).min(counts.wait_max))
        });
        HistoryRow {
            range: context.range,
            open: context.open,
            queue,
            channel,
            target: self
                .target
                .filter(|_| !(context.mixes_queues && self.targets_differ))
                .map(|(_, target)| target),
            formula: context.formula,
            wait_quantiles,
            abandon_wait_p90: p90(abandon_waits),
            handle_p90: p90(handles),
            quantile_values_missing: quantile_values_missing
                .into_iter()
                .fold(0, u64::saturating_add),
            agent_time: context.has_agents.then(|| self.agent_time.unwrap_or_default()),
            counts,
        }
    }
}
