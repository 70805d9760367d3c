//! The numbers of a series: facts are applied to totals, windows and intervals.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::measures::{
    Fact, FactKind, IntervalCounts, IntervalNumbers, SparseHdrCounts, Totals, WindowUpdate,
};
use crate::registry::SeriesInfo;
use crate::settings::Settings;
use crate::window::{PaneLayout, SeriesWindows, WindowCursor};

/// Upper bounds of the classic buckets in milliseconds, ascending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bounds {
    wait_ms: Vec<u64>,
    handle_ms: Vec<u64>,
    /// Bounds of first responses, resolutions and follow-ups.
    pub(crate) response_ms: Vec<u64>,
}

impl Bounds {
    /// Returns the bounds of the settings.
    pub(crate) fn new(settings: &Settings) -> Self {
        Bounds {
            wait_ms: settings.wait_bounds_ms(),
            handle_ms: settings.handle_bounds_ms(),
            response_ms: settings.response_bounds_ms(),
        }
    }

    /// Moves totals that were counted with these bounds to the bounds `to`.
    pub(crate) fn move_totals(&self, totals: &mut Totals, to: &Bounds) {
        totals.wait_answered.move_to(&self.wait_ms, &to.wait_ms);
        totals.wait_abandoned.move_to(&self.wait_ms, &to.wait_ms);
        totals.handle.move_to(&self.handle_ms, &to.handle_ms);
        totals.first_response.move_to(&self.response_ms, &to.response_ms);
        totals.resolution.move_to(&self.response_ms, &to.response_ms);
    }

    /// Derives the native counts of totals from the classic ones, which have these bounds.
    pub(crate) fn natives_from_classic(&self, totals: &mut Totals) {
        totals.wait_answered.native_from_classic(&self.wait_ms);
        totals.wait_abandoned.native_from_classic(&self.wait_ms);
        totals.handle.native_from_classic(&self.handle_ms);
        totals.first_response.native_from_classic(&self.response_ms);
        totals.resolution.native_from_classic(&self.response_ms);
    }
}

/// The most pending facts of a series.
const PENDING_FACTS_MAX: usize = 16;

/// The numbers of one series.
///
/// Facts are pending until there are [`PENDING_FACTS_MAX`], or until the numbers are read. With
/// many queues, the numbers of a series leave the cache between two facts. Applying several facts
/// at once loads the numbers from memory once for all of them.
#[derive(Debug)]
pub(crate) struct Series {
    /// Facts that are not applied. A reader of the fields below calls [`Self::apply_facts`] first.
    pending: Vec<Fact>,
    pub(crate) totals: Totals,
    pub(crate) windows: SeriesWindows,
    /// Numbers since the last checkpoint, by the start of the interval in milliseconds.
    pub(crate) intervals: BTreeMap<i64, IntervalNumbers>,
    /// Whether the totals or the business day differ from the ledger.
    pub(crate) changed: bool,
}

impl Series {
    /// Returns a series without facts.
    pub(crate) fn new(layout: &PaneLayout, position: &WindowCursor) -> Self {
        Series {
            pending: Vec::new(),
            totals: Totals::default(),
            windows: SeriesWindows::new(layout, position),
            intervals: BTreeMap::new(),
            changed: false,
        }
    }

    /// Returns the numbers of the interval that starts at `start_ms`.
    fn interval(&mut self, start_ms: i64) -> &mut IntervalNumbers {
        self.intervals.entry(start_ms).or_default()
    }

    /// Adds the increments of a checkpoint that was not stored. Returns how many intervals are new.
    pub(crate) fn rollback(
        &mut self,
        start_ms: i64,
        counts: &IntervalCounts,
        cells: [&SparseHdrCounts; 3],
    ) -> usize {
        let before = self.intervals.len();
        self.interval(start_ms).add(counts, cells);
        self.intervals.len() - before
    }

    /// Adds a pending fact. Returns whether [`Self::apply_facts`] is to be called now.
    #[inline]
    pub(crate) fn add(&mut self, fact: Fact) -> bool {
        self.pending.push(fact);
        self.pending.len() >= PENDING_FACTS_MAX
    }

    /// Applies the pending facts, and returns how many intervals are new. `position` is that of the
    /// newest fact or later: a fact that is then outside a window would have left it by now anyway.
    pub(crate) fn apply_facts(
        &mut self,
        info: &SeriesInfo,
        bounds: &Bounds,
        layout: &PaneLayout,
        position: &WindowCursor,
    ) -> usize {
        let before = self.intervals.len();
        let mut pending = std::mem::take(&mut self.pending);
        for fact in pending.drain(..) {
            self.apply_fact(info, bounds, layout, position, &fact);
        }
        self.pending = pending;
        self.intervals.len() - before
    }

    /// Applies a fact to the totals, to its interval, and to the windows that it may enter.
    fn apply_fact(
        &mut self,
        info: &SeriesInfo,
        bounds: &Bounds,
        layout: &PaneLayout,
        position: &WindowCursor,
        fact: &Fact,
    ) {
        self.changed = true;
        let update = self.total(info, bounds, fact.kind);
        if let Some(update) = update {
            self.windows.add(layout, position, fact.at_ms, fact.scope, update);
        }
        if let Some(start_ms) = layout.interval_of(fact.at_ms) {
            self.interval(start_ms).count(fact.kind, update);
        }
    }

    /// Adds a fact to the totals. Returns its window update; `None` where no window counts it.
    fn total(
        &mut self,
        info: &SeriesInfo,
        bounds: &Bounds,
        kind: FactKind,
    ) -> Option<WindowUpdate> {
        let update = window_update(info, kind);
        let totals = &mut self.totals;
        if let Some(update) = update {
            update.count(&mut totals.visits, &mut totals.service_level);
        }
        match kind {
            FactKind::Answered { wait_ms } => {
                totals.wait_answered.observe(wait_ms, &bounds.wait_ms);
            }
            FactKind::Abandoned { wait_ms } => {
                totals.wait_abandoned.observe(wait_ms, &bounds.wait_ms);
            }
            FactKind::Left { reason } => totals.left[reason.index()] += 1,
            FactKind::Lost => totals.lost += 1,
            FactKind::Handled { handle_ms } => totals.handle.observe(handle_ms, &bounds.handle_ms),
            FactKind::FirstResponse { response_ms } => {
                totals.first_response.observe(response_ms, &bounds.response_ms);
            }
            FactKind::Resolution { resolution_ms } => {
                totals.resolution.observe(resolution_ms, &bounds.response_ms);
            }
            FactKind::NotAnswered => totals.contacts.not_answered += 1,
            FactKind::Transferred => totals.contacts.transfers += 1,
            FactKind::Reopened => totals.contacts.reopened += 1,
            FactKind::Survey { score } => *totals.survey.entry(score).or_default() += 1,
            FactKind::Offered | FactKind::Met | FactKind::Missed => {}
        }
        update
    }
}

/// Returns the window update of a fact; `None` where no window counts it.
fn window_update(info: &SeriesInfo, kind: FactKind) -> Option<WindowUpdate> {
    match kind {
        FactKind::Offered => Some(WindowUpdate::Offered),
        FactKind::Answered { wait_ms } => {
            Some(WindowUpdate::Answered { wait_ms, in_target: wait_ms <= info.target_wait.get() })
        }
        FactKind::Abandoned { wait_ms } => Some(WindowUpdate::Abandoned {
            wait_ms,
            in_target: wait_ms <= info.target_wait.get(),
            short: wait_ms <= info.short_abandon.get(),
        }),
        FactKind::Left { .. } => Some(WindowUpdate::Left),
        FactKind::Met => Some(WindowUpdate::Met),
        FactKind::Missed => Some(WindowUpdate::Missed),
        FactKind::Handled { handle_ms } => Some(WindowUpdate::Handled { handle_ms }),
        FactKind::Lost
        | FactKind::FirstResponse { .. }
        | FactKind::Resolution { .. }
        | FactKind::NotAnswered
        | FactKind::Transferred
        | FactKind::Reopened
        | FactKind::Survey { .. } => None,
    }
}
