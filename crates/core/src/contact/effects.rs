//! What the life of contacts adds up to.

use crate::contact::live::LiveSeries;
use crate::ids::SeriesId;
use crate::measures::Fact;

/// How long things are waited for and remembered, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    pub(crate) miss_grace_ms: u64,
    pub(crate) reorder_grace_ms: u64,
    pub(crate) dedup_horizon_ms: u64,
}

/// What became of held endings since the last look.
#[derive(Debug, Default)]
pub(crate) struct HeldOutcomes {
    pub(crate) applied: u64,
    pub(crate) late: u64,
    /// Orphans not counted yet.
    pub(crate) new_orphans: u64,
    /// Positions of the orphans not told yet.
    pub(crate) orphans: Vec<i64>,
}

/// What the life of contacts adds up to: facts to be booked, live gauges, and odd things that are counted.
#[derive(Debug)]
pub(crate) struct Effects {
    /// Booked, and gone, before the record is done.
    pub(crate) facts: Vec<Fact>,
    pub(crate) live: Vec<LiveSeries>,
    /// A series of which the lists of the oldest want to be cleaned.
    pub(crate) bloated: Option<SeriesId>,
    /// Negative time differences.
    pub(crate) clock_skew: u64,
    /// Endings that wait for their start.
    pub(crate) held: u64,
    pub(crate) held_outcomes: HeldOutcomes,
    pub(crate) timeouts: Timeouts,
}

impl Effects {
    pub(crate) fn live(&mut self, series: SeriesId) -> &mut LiveSeries {
        if self.live.len() <= series.index() {
            self.live.resize_with(series.index() + 1, LiveSeries::default);
        }
        &mut self.live[series.index()]
    }

    /// `to - from`; a negative difference is 0 and counts as clock skew.
    pub(crate) fn difference_ms(&mut self, from_ms: i64, to_ms: i64) -> u64 {
        if to_ms < from_ms {
            self.clock_skew += 1;
            return 0;
        }
        to_ms.abs_diff(from_ms)
    }
}
