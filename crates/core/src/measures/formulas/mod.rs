//! Ratios, means and quantiles. Each follows from counts that are published with it; it is absent
//! where it would divide by 0.
//!
//! Source of every formula: docs/spec/measures.md, "Formulas".

#[cfg(test)]
mod tests;

use crate::event::AgentState;
use crate::measures::gauges::AgentWindow;
use crate::measures::window_counts::{WindowCounts, WindowSnapshot};
use crate::settings::Formula;

/// Returns `numerator / denominator`; `None` where the denominator is 0.
fn ratio(numerator: u64, denominator: u64) -> Option<f64> {
    (denominator > 0).then(|| numerator as f64 / denominator as f64)
}

/// Returns the mean in seconds; `None` where the count is 0.
fn mean_seconds(sum_ms: u64, count: u64) -> Option<f64> {
    ratio(sum_ms, count).map(|mean_ms| mean_ms / 1000.0)
}

impl WindowCounts {
    /// Returns the service level by `formula`, 0 to 1; `None` where nothing counts.
    pub fn service_level(&self, formula: Formula) -> Option<f64> {
        let (good, all) = self.service_level_counts(formula);
        ratio(good, all)
    }

    /// Returns numerator and denominator of the service level by `formula`: the visits or events in
    /// target, and all that count.
    pub fn service_level_counts(&self, formula: Formula) -> (u64, u64) {
        let ended = self.visits.answered + self.visits.abandoned + self.left;
        match formula {
            Formula::Live => {
                (self.service_level.met, self.service_level.met + self.service_level.missed)
            }
            Formula::AnsweredOnly => (self.visits.answered_in_target, self.visits.answered),
            Formula::AbandonsMissed => (self.visits.answered_in_target, ended),
            Formula::AbandonsMet => {
                (self.visits.answered_in_target + self.visits.abandoned_in_target, ended)
            }
            Formula::EarlyAbandonsIgnored => (
                self.visits.answered_in_target,
                ended.saturating_sub(self.visits.abandoned_in_target),
            ),
            Formula::ShortAbandonsExcluded => (
                self.visits.answered_in_target,
                (self.visits.answered + self.visits.abandoned)
                    .saturating_sub(self.visits.abandoned_short),
            ),
        }
    }

    /// Returns the abandonment ratio (Ab - AbS) / (A + Ab - AbS), 0 to 1.
    pub fn abandonment(&self) -> Option<f64> {
        let abandoned = self.visits.abandoned.saturating_sub(self.visits.abandoned_short);
        ratio(abandoned, self.visits.answered + abandoned)
    }

    /// Returns the average speed of answer: the mean wait of answered visits, in seconds.
    pub fn wait_mean_seconds(&self) -> Option<f64> {
        mean_seconds(self.sums.wait_sum_ms, self.visits.answered)
    }

    /// Returns the mean wait of abandoned visits, in seconds.
    pub fn abandon_wait_mean_seconds(&self) -> Option<f64> {
        mean_seconds(self.sums.abandon_wait_sum_ms, self.visits.abandoned)
    }

    /// Returns the average handle time, in seconds.
    pub fn handle_mean_seconds(&self) -> Option<f64> {
        mean_seconds(self.sums.handle_sum_ms, self.sums.handled)
    }
}

impl WindowSnapshot {
    /// Returns the wait of answered visits at each of `quantiles`, in seconds; `None` where no
    /// visit was answered. The quantiles are from 0 to 1, in any order. A value has the nearest
    /// rank, is exact within one HDR cell (below 1 %), and never exceeds the exact maximum.
    pub fn wait_quantiles_seconds<const N: usize>(&self, quantiles: [f64; N]) -> Option<[f64; N]> {
        if self.counts.visits.answered == 0 {
            return None;
        }
        let histogram = self.waits.to_hdr();
        Some(quantiles.map(|quantile| {
            let value_ms = histogram.value_at_quantile(quantile).min(self.counts.wait_max.get());
            value_ms as f64 / 1000.0
        }))
    }
}

impl AgentWindow {
    /// Returns the occupancy (busy + wrap-up) / (busy + wrap-up + available), 0 to 1.
    pub fn occupancy(&self) -> Option<f64> {
        let [available, busy, wrap_up] =
            [AgentState::Available, AgentState::Busy, AgentState::WrapUp]
                .map(|state| self.state_ms[state.index()]);
        ratio(busy + wrap_up, busy + wrap_up + available)
    }
}
