//! Time of the heads: increments for the interval history.

use std::collections::BTreeMap;

use crate::agent::pause_reasons::{PauseReason, PauseReasons};
use crate::agent::queue_time::{StateMillis, for_each_interval};
use crate::agent::reasoned_state::ReasonedState;
use crate::measures::FurtherIncrements;
use crate::time::{TimeRange, Timestamp};
use crate::window::PaneLayout;

/// Time of the heads that no checkpoint contains yet.
#[derive(Debug, Default)]
pub(super) struct HeadTime {
    states: BTreeMap<Timestamp, StateMillis>,
    /// The paused part of `states`, by reason.
    pauses: BTreeMap<(Timestamp, PauseReason), u64>,
}

impl HeadTime {
    /// Returns how many rows the next checkpoint adds to the interval history.
    pub(super) fn interval_count(&self) -> usize {
        self.states.len() + self.pauses.len()
    }

    /// Adds a stretch of time of one head. What is past the bound of intervals is cut, and was
    /// counted for the queues of the agent.
    pub(super) fn book(&mut self, layout: &PaneLayout, known: ReasonedState, time: TimeRange) {
        for_each_interval(layout, time, |start, part| {
            self.states.entry(start).or_default()[known.state.index()] += part.get();
            if known.is_paused() {
                *self.pauses.entry((start, known.reason)).or_default() += part.get();
            }
        });
    }

    /// Moves all time to the increments of a checkpoint.
    pub(super) fn take(&mut self, reasons: &PauseReasons, further: &mut FurtherIncrements) {
        let pauses = std::mem::take(&mut self.pauses);
        let pauses = pauses.into_iter().map(|((start, reason), paused_ms)| {
            ((start, reasons.label(reason.index())), paused_ms)
        });
        further.add(FurtherIncrements {
            heads: std::mem::take(&mut self.states),
            pauses: pauses.collect(),
            ..FurtherIncrements::default()
        });
    }
}
