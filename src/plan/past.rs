//! The interval history as days of steps: what a plan learns from, and what really came.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;
use nabiz_core::event::AgentState;
use nabiz_core::time::{Millis, TimeRange, Timestamp};

use super::grid::Grid;
use crate::ledger::LedgerError;
use crate::ledger::history::{History, HistoryRow, Query, Step};

/// What one queue and channel did in some time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Counts {
    pub(super) offered: f64,
    pub(super) handled: f64,
    pub(super) handle_seconds: f64,
    /// Abandoned visits that waited longer than the short-abandon bound, callbacks aside.
    pub(super) long_abandons: u64,
    /// Sum of the waits beyond the short-abandon bound.
    pub(super) beyond_short_seconds: f64,
    /// Of the visits that entered: those that were answered within the target.
    pub(super) answered_in_target: f64,
    /// Of the visits that entered: those without an ending yet.
    pub(super) still_waiting: f64,
    pub(super) agents: Agents,
}

/// Agent time, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Agents {
    pub(super) available: f64,
    pub(super) busy: f64,
    pub(super) wrap_up: f64,
    pub(super) paused: f64,
}

impl Agents {
    /// Returns the time in which agents could serve.
    pub(super) fn staffed(&self) -> f64 {
        self.available + self.busy + self.wrap_up
    }

    pub(super) fn add(&mut self, more: &Agents) {
        self.available += more.available;
        self.busy += more.busy;
        self.wrap_up += more.wrap_up;
        self.paused += more.paused;
    }
}

impl Counts {
    pub(super) fn add(&mut self, more: &Counts) {
        self.offered += more.offered;
        self.handled += more.handled;
        self.handle_seconds += more.handle_seconds;
        self.long_abandons += more.long_abandons;
        self.beyond_short_seconds += more.beyond_short_seconds;
        self.answered_in_target += more.answered_in_target;
        self.still_waiting += more.still_waiting;
        self.agents.add(&more.agents);
    }

    fn of(row: &HistoryRow) -> Counts {
        let counts = &row.counts;
        let seconds = |ms: u64| ms as f64 / 1000.0;
        let agents = |state: AgentState| {
            row.agent_time.map_or(0.0, |times| times[state.index()].as_secs_f64())
        };
        Counts {
            offered: counts.visits.offered as f64,
            handled: counts.sums.handled as f64,
            handle_seconds: seconds(counts.sums.handle_sum_ms),
            long_abandons: counts.waits.abandoned_beyond_short,
            beyond_short_seconds: seconds(counts.waits.wait_beyond_short_sum_ms),
            answered_in_target: counts.cohort.arrived_answered_in_target as f64,
            still_waiting: counts.visits.offered.saturating_sub(counts.cohort.ended()) as f64,
            agents: Agents {
                available: agents(AgentState::Available),
                busy: agents(AgentState::Busy),
                wrap_up: agents(AgentState::WrapUp),
                paused: agents(AgentState::Paused),
            },
        }
    }
}

/// The history of some periods of whole days.
#[derive(Clone, Debug, Default)]
pub(super) struct Past {
    /// By queue and channel, then by the start of the step. A step without a row has no counts.
    pub(super) series: BTreeMap<(Arc<str>, Arc<str>), BTreeMap<Timestamp, Counts>>,
    /// Days with a row of any queue.
    days: BTreeSet<Date>,
    /// The time of which the ledger is complete.
    pub(super) known: Option<TimeRange>,
}

impl Past {
    /// Returns whether the whole of a day was read to its end. Only such a day is learned from.
    pub(super) fn is_complete(&self, day: TimeRange) -> bool {
        self.known.is_some_and(|known| day.end <= known.end)
    }

    /// Returns the counts of a step; `None` where the history does not know them: before and around
    /// its beginning, before the step is complete, and on a day without a row of any queue, on
    /// which nothing was read, rather than nobody called. A day on which the queue `is_shut` may be
    /// so quiet.
    pub(super) fn step(
        &self,
        steps: &BTreeMap<Timestamp, Counts>,
        (date, is_shut): (Date, bool),
        range: TimeRange,
    ) -> Option<Counts> {
        let is_complete =
            self.known.is_some_and(|known| known.start <= range.start && range.end <= known.end);
        let is_known = is_complete && (is_shut || self.days.contains(&date));
        is_known.then(|| steps.get(&range.start).copied().unwrap_or_default())
    }

    /// Reads the history of periods of whole days, ascending. `progress` gets each instant up to
    /// which it is read.
    ///
    /// # Errors
    /// [`LedgerError`] where the ledger cannot be read.
    pub(super) fn read(
        grid: &Grid,
        periods: &[TimeRange],
        filter: &Query,
        open: &dyn Fn(Query) -> Result<History, LedgerError>,
        progress: &mut dyn FnMut(Timestamp),
    ) -> Result<Past, LedgerError> {
        let mut past = Past::default();
        for period in periods.iter().filter(|period| period.start < period.end) {
            let query = Query { period: *period, step: grid.step(), ..filter.clone() };
            let mut history = open(query)?.without_distributions();
            past.known = history.known()?;
            for row in history {
                let row = row?;
                progress(row.range.end);
                past.add(grid, &row);
            }
            // Whether a day was read at all does not depend on the queues that are asked for.
            if !filter.queues.is_empty() || !filter.channels.is_empty() {
                for row in open(Query::new(*period, Step::Day))?.without_distributions() {
                    past.days.insert(grid.date(row?.range.start));
                }
            }
        }
        Ok(past)
    }

    /// Returns the history of one queue and channel, complete up to an instant.
    #[cfg(test)]
    pub(super) fn of(
        queue: &str,
        channel: &str,
        steps: BTreeMap<Timestamp, Counts>,
        grid: &Grid,
        closed_until: Timestamp,
    ) -> Past {
        Past {
            days: steps.keys().map(|start| grid.date(*start)).collect(),
            known: steps.keys().next().map(|first| TimeRange { start: *first, end: closed_until }),
            series: BTreeMap::from([((queue.into(), channel.into()), steps)]),
        }
    }

    #[cfg(test)]
    pub(super) fn insert(
        &mut self,
        key: &(Arc<str>, Arc<str>),
        start: Timestamp,
        counts: Counts,
        date: Date,
    ) {
        self.days.insert(date);
        self.series.entry(key.clone()).or_default().insert(start, counts);
    }

    fn add(&mut self, grid: &Grid, row: &HistoryRow) {
        // A row that begins before its business day belongs to the day in which it ends.
        self.days.insert(grid.date(row.range.end.saturating_sub(Millis(1))));
        let key = (Arc::clone(&row.queue), Arc::clone(&row.channel));
        let steps = self.series.entry(key).or_default();
        steps.entry(row.range.start).or_default().add(&Counts::of(row));
    }
}
