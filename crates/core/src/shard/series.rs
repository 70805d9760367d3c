//! The numbers of a series: facts are applied to totals, windows and intervals.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::measures::{
    Fact, FactKind, IntervalCounts, IntervalNumbers, IntervalTargets, SparseHdrCounts, Totals,
    VisitEnd, VisitOutcome, WindowUpdate,
};
use crate::registry::SeriesInfo;
use crate::settings::Settings;
use crate::time::{Millis, Timestamp};
use crate::window::{PaneLayout, SeriesWindows, WindowCursor};

/// Upper bounds of the classic buckets, ascending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bounds {
    wait: Vec<Millis>,
    handle: Vec<Millis>,
    /// Bounds of first responses, resolutions and follow-ups.
    pub(crate) response: Vec<Millis>,
}

impl Bounds {
    /// Returns the bounds of the settings.
    pub(crate) fn new(settings: &Settings) -> Self {
        Bounds {
            wait: settings.wait_bounds(),
            handle: settings.handle_bounds(),
            response: settings.response_bounds(),
        }
    }

    /// Moves totals that were counted with these bounds to the bounds `to`.
    pub(crate) fn move_totals(&self, totals: &mut Totals, to: &Bounds) {
        totals.wait_answered.move_to(&self.wait, &to.wait);
        totals.wait_abandoned.move_to(&self.wait, &to.wait);
        totals.handle.move_to(&self.handle, &to.handle);
        totals.first_response.move_to(&self.response, &to.response);
        totals.resolution.move_to(&self.response, &to.response);
    }

    /// Derives the native counts of totals from the classic ones, which have these bounds.
    pub(crate) fn natives_from_classic(&self, totals: &mut Totals) {
        totals.wait_answered.native_from_classic(&self.wait);
        totals.wait_abandoned.native_from_classic(&self.wait);
        totals.handle.native_from_classic(&self.handle);
        totals.first_response.native_from_classic(&self.response);
        totals.resolution.native_from_classic(&self.response);
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
    /// Numbers since the last checkpoint, by the start of the interval.
    pub(crate) intervals: BTreeMap<Timestamp, IntervalNumbers>,
    /// Whether the totals or the business day differ from the ledger.
    pub(crate) changed: bool,
}

impl Series {
    /// Returns a series without facts.
    pub(crate) fn new(layout: &PaneLayout, cursor: &WindowCursor) -> Self {
        Series {
            pending: Vec::new(),
            totals: Totals::default(),
            windows: SeriesWindows::new(layout, cursor),
            intervals: BTreeMap::new(),
            changed: false,
        }
    }

    /// Returns the numbers of the interval that starts at `start`.
    fn interval(&mut self, start: Timestamp) -> &mut IntervalNumbers {
        self.intervals.entry(start).or_default()
    }

    /// Adds the increments of a checkpoint that was not stored. Returns how many intervals are new.
    pub(crate) fn rollback(
        &mut self,
        start: Timestamp,
        counts: &IntervalCounts,
        cells: [&SparseHdrCounts; 3],
    ) -> usize {
        let before = self.intervals.len();
        self.interval(start).add(counts, cells);
        self.intervals.len() - before
    }

    /// Adds a pending fact. Returns whether [`Self::apply_facts`] is to be called now.
    #[inline]
    pub(crate) fn add(&mut self, fact: Fact) -> bool {
        self.pending.push(fact);
        self.pending.len() >= PENDING_FACTS_MAX
    }

    /// Applies the pending facts, and returns how many intervals are new. `cursor` is that of the
    /// newest fact or later: a fact that is then outside a window would have left it by now anyway.
    pub(crate) fn apply_facts(
        &mut self,
        info: &SeriesInfo,
        bounds: &Bounds,
        layout: &PaneLayout,
        cursor: &WindowCursor,
    ) -> usize {
        let before = self.intervals.len();
        let mut pending = std::mem::take(&mut self.pending);
        for fact in pending.drain(..) {
            self.apply_fact(info, bounds, layout, cursor, &fact);
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
        cursor: &WindowCursor,
        fact: &Fact,
    ) {
        self.changed = true;
        let update = self.total(info, bounds, fact.kind);
        if let Some(update) = update {
            self.windows.add(layout, cursor, fact.event_time, fact.scope, update);
        }
        if fact.kind == FactKind::MissRevoked {
            self.windows.revoke_miss(layout, cursor, fact.event_time);
        }
        let Some(start) = layout.interval_of(fact.event_time) else { return };
        let targets = interval_targets(info);
        let interval = self.interval(start);
        interval.count(&targets, fact.kind, update);
        if let FactKind::VisitEnded(end) = fact.kind
            && end.has_entry
            && let Some(entered) = layout.interval_of(end.entered)
        {
            // Most visits end in the interval in which they enter.
            let cohort = if entered == start { interval } else { self.interval(entered) };
            cohort.count_cohort(&targets, &end);
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
            FactKind::VisitEnded(end) => match end.outcome {
                VisitOutcome::Answered => totals.wait_answered.observe(end.wait, &bounds.wait),
                VisitOutcome::Abandoned => totals.wait_abandoned.observe(end.wait, &bounds.wait),
                VisitOutcome::Left(reason) => totals.left[reason.index()] += 1,
                VisitOutcome::Lost => totals.lost += 1,
            },
            FactKind::Handled { duration } => totals.handle.observe(duration, &bounds.handle),
            FactKind::FirstResponse { duration } => {
                totals.first_response.observe(duration, &bounds.response);
            }
            FactKind::Resolution { duration } => {
                totals.resolution.observe(duration, &bounds.response);
            }
            FactKind::Callback => totals.contacts.callbacks += 1,
            FactKind::Ended { by } => totals.contacts.count_end(by),
            FactKind::NotAnswered => totals.contacts.not_answered += 1,
            FactKind::Transferred => totals.contacts.transfers += 1,
            FactKind::Reopened => totals.contacts.reopened += 1,
            FactKind::MissRevoked => totals.contacts.service_level_revoked += 1,
            FactKind::Survey { score } => *totals.survey.entry(score).or_default() += 1,
            FactKind::Offered | FactKind::Met | FactKind::Missed => {}
        }
        update
    }
}

fn interval_targets(info: &SeriesInfo) -> IntervalTargets {
    IntervalTargets {
        wait: info.target_wait,
        short_abandon: info.short_abandon,
        first_response: info.target_first_response,
        resolution: info.target_resolution,
    }
}

/// Returns the window update of a fact; `None` where no window counts it.
fn window_update(info: &SeriesInfo, kind: FactKind) -> Option<WindowUpdate> {
    match kind {
        FactKind::Offered => Some(WindowUpdate::Offered),
        FactKind::VisitEnded(VisitEnd { outcome, wait, .. }) => match outcome {
            VisitOutcome::Answered => {
                Some(WindowUpdate::Answered { wait, in_target: wait <= info.target_wait })
            }
            VisitOutcome::Abandoned => Some(WindowUpdate::Abandoned {
                wait,
                in_target: wait <= info.target_wait,
                short: wait <= info.short_abandon,
            }),
            VisitOutcome::Left(_) => Some(WindowUpdate::Left),
            VisitOutcome::Lost => None,
        },
        FactKind::Met => Some(WindowUpdate::Met),
        FactKind::Missed => Some(WindowUpdate::Missed),
        FactKind::Handled { duration } => Some(WindowUpdate::Handled { duration }),
        FactKind::FirstResponse { .. }
        | FactKind::Resolution { .. }
        | FactKind::Callback
        | FactKind::Ended { .. }
        | FactKind::NotAnswered
        | FactKind::Transferred
        | FactKind::Reopened
        | FactKind::MissRevoked
        | FactKind::Survey { .. } => None,
    }
}
