//! Makes a plan: reads the history, learns, forecasts, and computes the agents.

use jiff::ToSpan;
use jiff::civil::Date;
use nabiz_core::settings::Settings;
use nabiz_core::time::{TimeRange, Timestamp};

use super::agents::staff_series;
use super::grid::Grid;
use super::limits::{Limits, PlanError, ROWS_MAX};
use super::past::Past;
use super::pools::plan_pools;
use super::request::PlanQuery;
use super::series::{Context, plan_series};
use super::settings::PlanningSettings;
use super::simulate::{simulate_pool, simulate_series};
use super::whole::Plan;
use crate::ledger::LedgerError;
use crate::ledger::history::{History, Query};

/// The most earlier days of a name that are read beside the weeks before a plan.
const NOTED_MAX: usize = 8;

/// What a plan is made with.
pub struct Planner<'a> {
    /// The settings of the core.
    pub settings: &'a Settings,
    /// The configuration of planning.
    pub planning: &'a PlanningSettings,
    /// Opens the history.
    pub open: &'a dyn Fn(Query) -> Result<History, LedgerError>,
    /// What it may cost.
    pub limits: Limits<'a>,
}

impl Planner<'_> {
    /// Makes the plan of a query. `progress` gets a word and the share that is done of it.
    ///
    /// # Errors
    /// [`PlanError`] where the ledger cannot be read, or the plan would be too long.
    pub fn plan(
        &self,
        query: &PlanQuery,
        progress: &mut dyn FnMut(&'static str, f64),
    ) -> Result<Plan, PlanError> {
        let grid = Grid::new(self.settings, query.step);
        let days: Vec<Date> = dates(query.from, query.to).collect();
        let period =
            TimeRange { start: grid.range(query.from).start, end: grid.range(query.to).start };
        let filter = Query {
            queues: query.queues.clone(),
            channels: query.channels.clone(),
            ..Query::new(period, grid.step())
        };
        let learning = self.learning(&grid, query, &filter)?;
        let mut past_progress = |until: Timestamp| {
            let all = period.end.since(learning.begins(&grid)).as_secs_f64();
            progress("history", until.since(learning.begins(&grid)).as_secs_f64() / all);
        };
        let past = Past::read(
            &grid,
            &learning.periods(&grid, period),
            &filter,
            self.open,
            &mut past_progress,
        )?;
        self.limits.check()?;
        let rows = past.series.len() * days.len() * grid.numbers();
        if rows > ROWS_MAX {
            return Err(PlanError::TooLong { rows });
        }
        let context = Context {
            settings: self.settings,
            planning: self.planning,
            grid: &grid,
            past: &past,
            query,
            days: &days,
            learning: &learning.dates,
            until: learning.until,
            is_cancelled: self.limits.is_cancelled,
        };
        let mut series = Vec::with_capacity(past.series.len());
        for (index, ((queue, channel), steps)) in past.series.iter().enumerate() {
            progress("queues", index as f64 / past.series.len() as f64);
            let (mut planned, learned) = plan_series(&context, queue, channel, steps);
            staff_series(&context, &learned, &mut planned);
            self.limits.check()?;
            if query.simulate {
                simulate_series(&mut planned, &self.limits)?;
            }
            series.push(planned);
        }
        let mut pools = plan_pools(self.planning, &series);
        if query.simulate {
            for pool in &mut pools {
                simulate_pool(pool, &series, &self.limits)?;
            }
        }
        Ok(Plan {
            days,
            period,
            time_zone: grid.time_zone(),
            step: query.step,
            learned_until: learning.until,
            history_until: past.known.map(|known| known.end),
            now: query.now,
            what_if: query.what_if,
            series,
            pools,
        })
    }

    /// Returns the days to learn from: the weeks before the plan, or before the end of the history
    /// where that is earlier, and earlier noted days of the kinds that the plan has.
    fn learning(
        &self,
        grid: &Grid,
        query: &PlanQuery,
        filter: &Query,
    ) -> Result<Learning, LedgerError> {
        let known = (self.open)(filter.clone())?.known()?;
        let known_until = known.map(|known| grid.date(known.end));
        let until = known_until.map_or(query.from, |known| known.min(query.from));
        let weeks = i64::try_from(self.planning.planning.weeks).unwrap_or(8);
        let from = until.checked_sub(weeks.weeks()).unwrap_or(Date::MIN);
        let mut noted: Vec<Date> = Vec::new();
        for name in dates(query.from, query.to).filter_map(|date| self.planning.noted(date)) {
            let named = self.planning.planning.noted_days.get(name).into_iter().flatten();
            let mut earlier: Vec<Date> = named.copied().filter(|date| *date < from).collect();
            earlier.sort_unstable();
            noted.extend(earlier.iter().rev().take(NOTED_MAX));
        }
        noted.sort_unstable();
        noted.dedup();
        let weeks_before = dates(from, until);
        Ok(Learning {
            dates: noted.iter().copied().chain(weeks_before).collect(),
            noted,
            from,
            until,
        })
    }
}

/// The days to learn from.
struct Learning {
    /// Noted days before the weeks.
    noted: Vec<Date>,
    /// The first day of the weeks.
    from: Date,
    /// The day after the last.
    until: Date,
    /// All of them, ascending.
    dates: Vec<Date>,
}

impl Learning {
    fn begins(&self, grid: &Grid) -> Timestamp {
        grid.range(self.noted.first().copied().unwrap_or(self.from)).start
    }

    /// Returns the periods to read: each noted day, and the weeks with what follows up to the end
    /// of the plan.
    fn periods(&self, grid: &Grid, plan: TimeRange) -> Vec<TimeRange> {
        let noted = self.noted.iter().map(|date| grid.range(*date));
        let weeks = TimeRange { start: grid.range(self.from).start, end: plan.end };
        noted.chain([weeks]).collect()
    }
}

/// Returns the dates from one until another.
fn dates(from: Date, until: Date) -> impl Iterator<Item = Date> {
    std::iter::successors(Some(from), |date| date.tomorrow().ok())
        .take_while(move |date| *date < until)
}
