//! One row of a history, and the sum of intervals that becomes it.

use std::sync::Arc;

use nabiz_core::event::AgentState;
use nabiz_core::measures::{AgentWindow, CohortCounts, IntervalCounts, WaitSums, WindowCounts};
use nabiz_core::settings::Formula;
use nabiz_core::time::{Millis, TimeRange, Timestamp};

use crate::ledger::distribution::{self, Distribution};
use crate::ledger::{counts, intervals};

/// The fewest abandonments beyond S of a measured patience: its relative standard error is then
/// 1 / √30, which is 18 %.
pub const PATIENCE_ABANDONED_MIN: u64 = 30;

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
    /// The part of the step that lies in the queried period, and not before the ledger begins.
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
    /// Exact counts and sums. `cohort`, `waits` and the responses in target are only right where
    /// [`Self::knows_cohort`].
    pub counts: IntervalCounts,
    /// Every interval of the row was counted by a program that has the counts by arrival, the sums
    /// of waits and the responses in target. An older program may have begun the others.
    pub knows_cohort: bool,
    /// Every visit that entered in the row was answered in target or can no longer be: the instant
    /// before which the history is closed has passed the end of the last interval by T.
    pub is_past_target: bool,
    /// The row has waits of several channels. The patience of callers says nothing of writers.
    pub mixes_waits: bool,
    /// The wait of answered visits at 0.5, 0.9, 0.95 and 0.99.
    pub wait_quantiles: Option<[Millis; 4]>,
    /// The wait of abandoned visits at 0.9.
    pub abandon_wait_p90: Option<Millis>,
    /// The handle time at 0.9.
    pub handle_p90: Option<Millis>,
    /// How many values the quantiles lack, because a distribution could not be read.
    pub quantile_values_missing: u64,
    /// Agent time of the queue by [`AgentState::index`](nabiz_core::event::AgentState::index); only
    /// in the row of the queue's configured channel, because agent time has no channel. In a
    /// row over everything each agent counts once; other rows over several queues have none,
    /// because an agent of two queues has time in both.
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

    /// Returns the visits that entered in the row, by their ending; `None` where an older program
    /// has counted a part of the row.
    pub fn cohort(&self) -> Option<&CohortCounts> {
        self.knows_cohort.then_some(&self.counts.cohort)
    }

    /// Returns the sums of other waits and what the measured patience needs; `None` as for
    /// [`Self::cohort`].
    pub fn waits(&self) -> Option<&WaitSums> {
        self.knows_cohort.then_some(&self.counts.waits)
    }

    /// Returns the first responses and the resolutions in target; `None` as for [`Self::cohort`].
    pub fn responses_in_target(&self) -> Option<[u64; 2]> {
        let responses = &self.counts.responses;
        self.knows_cohort
            .then_some([responses.first_responses_in_target, responses.resolutions_in_target])
    }

    /// Returns the visits that entered in the row and have no ending; `None` as for
    /// [`Self::cohort`], and where the history has more endings than entries.
    pub fn still_waiting(&self) -> Option<u64> {
        self.counts.visits.offered.checked_sub(self.cohort()?.ended())
    }

    /// Returns the share of the visits offered that were answered in target; `None` before it is
    /// final, apart from late events, and where nothing was offered.
    pub fn service_level_arrival(&self) -> Option<f64> {
        let offered = self.counts.visits.offered;
        let in_target = self.cohort()?.arrived_answered_in_target;
        (self.is_past_target && offered > 0).then(|| in_target as f64 / offered as f64)
    }

    /// Returns the measured patience of a channel: the mean of an exponential distribution, whose
    /// maximum-likelihood estimate from censored values is the sum of the waits beyond S over the
    /// number of abandonments beyond S. `None` under [`PATIENCE_ABANDONED_MIN`] of these, and
    /// where the row has waits of several channels.
    pub fn patience_seconds(&self) -> Option<f64> {
        let waits = self.waits().filter(|_| !self.mixes_waits)?;
        let abandoned = waits.abandoned_beyond_short;
        let seconds = Millis(waits.wait_beyond_short_sum_ms).as_secs_f64();
        (abandoned >= PATIENCE_ABANDONED_MIN).then(|| seconds / abandoned as f64)
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
    /// The longest T of the intervals.
    longest_target: Millis,
    /// An older program has counted a part of an interval.
    lacks_cohort: bool,
    /// The first channel whose waits the row has.
    waits_of: Option<Arc<str>>,
    /// The row has waits of another channel too.
    mixes_waits: bool,
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
    pub(super) last_interval_end: Timestamp,
    /// The instant before which the history is closed, if there is one.
    pub(super) closed_until: Option<Timestamp>,
}

impl RowSum {
    /// Adds the counts of the interval of a channel that begins at `start`.
    pub(super) fn add_counts(
        &mut self,
        (start, channel): (Timestamp, &Arc<str>),
        target: WaitTarget,
        formula: Formula,
        more: &IntervalCounts,
        knows_cohort: bool,
    ) {
        self.lacks_cohort |= !knows_cohort;
        if more.waits.wait_beyond_short_sum_ms > 0 || more.waits.abandoned_beyond_short > 0 {
            self.mixes_waits |= self.waits_of.get_or_insert_with(|| channel.clone()) != channel;
        }
        self.longest_target = self.longest_target.max(target.wait);
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

    /// Returns whether nothing happened: no count, and no agent was there.
    pub(super) fn is_quiet(&self) -> bool {
        let has_agents = self.agent_time.is_some_and(|by_state| {
            let offline = AgentState::Offline.index();
            let mut states = by_state.iter().enumerate();
            states.any(|(state, time)| state != offline && *time > Millis::ZERO)
        });
        !has_agents && self.counts == IntervalCounts::default()
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
        let past_target_at = context.last_interval_end.saturating_add(self.longest_target);
        HistoryRow {
            knows_cohort: !self.lacks_cohort,
            is_past_target: context.closed_until.is_some_and(|until| until >= past_target_at),
            mixes_waits: self.mixes_waits,
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
