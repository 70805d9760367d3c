//! The forecast of one queue and channel, beside what came.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use nabiz_core::event::ChannelId;
use nabiz_core::settings::Settings;
use nabiz_core::time::Timestamp;
use nabiz_planning::accuracy::{poisson_floor_of, wape};
use nabiz_planning::day::{DayClass, TargetDay};
use nabiz_planning::forecast::{
    DayForecast, Expected, ForecastOptions, Forecaster, TooFewLikeDays,
};
use nabiz_planning::patience::Patience;

use super::grid::{Grid, Slot};
use super::learned::{Learned, Lesson, class_of, date_number, is_open, open_seconds};
use super::past::{Counts, Past};
use super::request::PlanQuery;
use super::settings::PlanningSettings;
use super::what_if::Change;
use super::whole::{Basis, DayRow, Method, Missing, SeriesPlan, StepRow};

/// What the plans of all queues share.
pub(super) struct Context<'a> {
    pub(super) settings: &'a Settings,
    pub(super) planning: &'a PlanningSettings,
    pub(super) grid: &'a Grid,
    pub(super) past: &'a Past,
    pub(super) query: &'a PlanQuery,
    /// The days of the plan.
    pub(super) days: &'a [Date],
    /// The days to learn from, all before `until`.
    pub(super) learning: &'a [Date],
    pub(super) until: Date,
    /// Whether nobody waits for the plan any more.
    pub(super) is_cancelled: &'a dyn Fn() -> bool,
}

/// Returns the plan of a queue and channel without agents, and what was learned.
pub(super) fn plan_series(
    context: &Context<'_>,
    queue: &Arc<str>,
    channel: &Arc<str>,
    steps: &BTreeMap<Timestamp, Counts>,
) -> (SeriesPlan, Learned) {
    let Context { grid, past, planning, .. } = *context;
    let settings = context.settings.queue(queue);
    let class = |date| class_of(planning, queue, date);
    let is_written = !is_immediate(context, channel);
    let lesson = Lesson { past, steps, grid, queue: settings, is_written };
    let learning = context.learning.iter().copied().filter(|date| *date < context.until);
    let learned = Learned::of(&lesson, &class, learning);
    // Days that have been checked: counts are finite, and every day has as many steps.
    let options =
        ForecastOptions { like_days_max: planning.planning.weeks, ..ForecastOptions::default() };
    let forecaster = Forecaster::learn(&learned.days, options).ok();
    let basis = basis(context, queue, channel, &learned, forecaster.as_ref());
    let mut planned = SeriesPlan {
        queue: Arc::clone(queue),
        name: name(settings, queue),
        channel: Arc::clone(channel),
        basis,
        day_rows: Vec::with_capacity(context.days.len()),
        rows: Vec::new(),
        written: None,
        simulated: None,
        notes: Vec::new(),
    };
    planned.notes = notes(context, &planned);
    for (day, date) in context.days.iter().copied().enumerate() {
        let target = TargetDay { date: date_number(date), class: class(date) };
        let forecast = match &forecaster {
            Some(forecaster) => forecaster.day(&target),
            None => Err(TooFewLikeDays { found: 0, needed: options.like_days_min }),
        };
        planned.add_day(context, steps, &learned, (day, date), target.class, forecast);
    }
    // The error is that of the forecast, not that of a change of it.
    planned.basis.error = planned.error();
    if let Some(change) = context.query.what_if.volume {
        planned.change_volume(change);
    }
    (planned, learned)
}

const NOT_CORRECTED: &str =
    "no finished step of today has a count and a forecast, so what came corrects nothing yet";

/// Returns what came in the finished steps, by their numbers. A number that comes twice, where the
/// clocks go back, has the mean of both; one that the clocks skip has none.
fn finished(
    slots: &[Slot],
    until: Timestamp,
    offered: impl Fn(&Slot) -> Option<f64>,
) -> Vec<Option<f64>> {
    let mut sums: Vec<(f64, u32)> = Vec::new();
    for slot in slots.iter().take_while(|slot| slot.range.end <= until) {
        if sums.len() <= slot.number {
            sums.resize(slot.number + 1, (0.0, 0));
        }
        if let (Some(sum), Some(offered)) = (sums.get_mut(slot.number), offered(slot)) {
            *sum = (sum.0 + offered, sum.1 + 1);
        }
    }
    let mean = |(sum, times): (f64, u32)| (times > 0).then(|| sum / f64::from(times));
    sums.into_iter().map(mean).collect()
}

/// Returns what is expected in a day. Where the clocks change, its steps are not those of the
/// forecast, which has each number once; the total moves by the difference.
fn total(forecast: &DayForecast, slots: &[Slot], numbers: usize) -> Expected {
    let total = forecast.total;
    let mut times = vec![0u32; numbers];
    for slot in slots {
        if let Some(times) = times.get_mut(slot.number) {
            *times += 1;
        }
    }
    let steps = times.iter().zip(&forecast.steps);
    let more: f64 = steps
        .filter_map(|(times, step)| Some((f64::from(*times) - 1.0) * step.as_ref()?.mean))
        .sum();
    let moved = |number: f64| (number + more).max(0.0);
    Expected { mean: moved(total.mean), p10: moved(total.p10), p90: moved(total.p90) }
}

fn name(settings: &nabiz_core::settings::QueueSettings, queue: &str) -> String {
    if settings.name.is_empty() { queue.to_string() } else { settings.name.clone() }
}

/// Returns whether contacts of a channel are answered at once or not at all, as calls are.
fn is_immediate(context: &Context<'_>, channel: &str) -> bool {
    context.settings.channels.id(channel).is_some_and(|channel| channel.is_immediate())
}

fn is_chat(context: &Context<'_>, channel: &str) -> bool {
    context.settings.channels.id(channel) == Some(ChannelId::CHAT)
}

/// Returns what the reader has to know about what the plan goes by.
fn notes(context: &Context<'_>, plan: &SeriesPlan) -> Vec<String> {
    let (what_if, basis) = (&context.query.what_if, &plan.basis);
    let is_written = basis.method == Method::Backlog;
    let notes = [
        (
            is_chat(context, &plan.channel) && basis.concurrency == 1,
            "an agent is taken to serve 1 chat at a time; `concurrency` of the queue says otherwise",
        ),
        (
            what_if.patience.is_some() && basis.patience_seconds.is_none() && !is_written,
            "the change of the patience changes nothing, because no patience was measured",
        ),
        (
            what_if.patience.is_some() && is_written,
            "the change of the patience changes nothing in a written channel",
        ),
        (
            what_if.agents.is_some() && is_written,
            "the change of the agents changes nothing in a written channel",
        ),
    ];
    notes.into_iter().filter(|(is_so, _)| *is_so).map(|(_, note)| note.to_string()).collect()
}

fn basis(
    context: &Context<'_>,
    queue: &str,
    channel: &str,
    learned: &Learned,
    forecaster: Option<&Forecaster>,
) -> Basis {
    let settings = context.settings.queue(queue);
    let planning = context.planning.queue(queue);
    let is_immediate = is_immediate(context, channel);
    let total = &learned.total;
    let patience = Patience::estimate(total.beyond_short_seconds, total.long_abandons).ok();
    let measured = patience.map(|patience| patience.mean_seconds);
    let patience_seconds = match context.query.what_if.patience {
        Some(Change::Instead(seconds)) => Some(seconds),
        Some(change) => measured.map(|seconds| change.of(seconds)),
        None => measured,
    };
    let agents = nabiz_planning::shrinkage::AgentTime {
        paused_seconds: total.agents.paused,
        available_seconds: total.agents.available,
        busy_seconds: total.agents.busy,
        wrap_up_seconds: total.agents.wrap_up,
    };
    let paused_share = agents.paused_share().ok().flatten();
    Basis {
        method: match (is_immediate, patience_seconds) {
            (false, _) => Method::Backlog,
            (true, Some(_)) => Method::ErlangA,
            (true, None) => Method::ErlangC,
        },
        target_service_level: settings.target_ratio,
        target_seconds: settings.target_wait.as_secs_f64(),
        max_abandonment: settings.target_abandonment,
        max_occupancy: planning.max_occupancy,
        // The key is of the chats that the queue is configured for.
        concurrency: match is_chat(context, channel)
            && context.settings.channels.name(settings.channel) == channel
        {
            true => u32::try_from(planning.concurrency).unwrap_or(1),
            false => 1,
        },
        days: learned.days.len(),
        dates: learned.dates,
        weekly_growth: forecaster.and_then(Forecaster::trend).map(|trend| trend.weekly_growth),
        aht_seconds: learned.mean_aht(),
        handled: total.handled,
        patience,
        long_abandons: total.long_abandons,
        patience_seconds,
        paused_share,
        given_shrinkage: planning.shrinkage,
        absence: context.planning.planning.absence,
        shrinkage: None,
        error: None,
    }
}

impl SeriesPlan {
    fn add_day(
        &mut self,
        context: &Context<'_>,
        steps: &BTreeMap<Timestamp, Counts>,
        learned: &Learned,
        (day, date): (usize, Date),
        class: DayClass,
        forecast: Result<DayForecast, TooFewLikeDays>,
    ) {
        let Context { grid, past, query, .. } = *context;
        let settings = context.settings.queue(&self.queue);
        let slots = grid.slots(date);
        let is_written = self.basis.method == Method::Backlog;
        let accepts = |range| is_written || is_open(settings, range);
        let is_shut = slots.iter().all(|slot| !is_open(settings, slot.range));
        let is_closed = is_shut && !is_written;
        let is_today = query.now.is_some_and(|now| grid.range(date).contains(now));
        let (forecast, multiplier) = match (forecast, query.now) {
            (Ok(forecast), Some(now)) if is_today => {
                let until = past.known.map_or(now, |known| known.end.min(now));
                let finished = finished(&slots, until, |slot| {
                    past.step(steps, (date, is_shut), slot.range).map(|counts| counts.offered)
                });
                let corrected = forecast.reforecast(&finished);
                if corrected.actual + corrected.forecast > 0.0 {
                    (Ok(corrected.day), Some(corrected.multiplier))
                } else {
                    if !is_closed {
                        self.notes.push(NOT_CORRECTED.to_string());
                    }
                    (Ok(forecast), None)
                }
            }
            (forecast, _) => (forecast, None),
        };
        let missing = match &forecast {
            _ if is_closed => Some(Missing::Closed),
            Ok(_) => None,
            Err(error) => {
                Some(Missing::TooFewLikeDays { found: error.found, needed: error.needed })
            }
        };
        let forecast = forecast.ok().filter(|_| !is_closed);
        let is_over = past.is_complete(grid.range(date));
        let mut came = is_over.then_some(0.0);
        for slot in &slots {
            let open = is_open(settings, slot.range);
            let known = past.step(steps, (date, is_shut), slot.range);
            came = came.zip(known).map(|(sum, counts)| sum + counts.offered);
            let step =
                forecast.as_ref().and_then(|it| it.steps.get(slot.number).copied().flatten());
            let accepts = accepts(slot.range);
            let missing = match (accepts, missing, step) {
                (false, ..) => Some(Missing::Closed),
                (true, Some(missing), _) => Some(missing),
                (true, None, None) => Some(Missing::StepNotKnown),
                (true, None, Some(_)) => None,
            };
            self.rows.push(StepRow {
                range: slot.range,
                day,
                number: slot.number,
                open,
                open_seconds: open_seconds(settings, slot.range),
                forecast: step.filter(|_| accepts),
                offered: known.map(|counts| counts.offered),
                // Until every contact has its ending, the ratio can still rise.
                actual_service_level: known
                    .filter(|counts| counts.offered > 0.0 && counts.still_waiting == 0.0)
                    .map(|counts| counts.answered_in_target / counts.offered),
                aht: None,
                agents: None,
                decided_by: None,
                expected: None,
                one_fewer: None,
                one_more: None,
                scheduled: None,
                there: None,
                what_if: None,
                simulated: None,
                missing,
            });
        }
        let like_days = learned.days.iter().filter(|day| day.class == class).count();
        self.day_rows.push(DayRow {
            date,
            like_days: forecast.as_ref().map_or(like_days, |forecast| forecast.like_days),
            forecast: forecast.map(|forecast| total(&forecast, &slots, grid.numbers())),
            class,
            offered: came,
            agent_hours: None,
            scheduled_hours: None,
            there_hours: None,
            multiplier,
            missing,
        });
    }

    fn change_volume(&mut self, change: Change) {
        let rows = self.rows.iter_mut().map(|row| &mut row.forecast);
        let days = self.day_rows.iter_mut().map(|day| &mut day.forecast);
        for expected in rows.chain(days).flatten() {
            *expected = Expected {
                mean: change.of(expected.mean),
                p10: change.of(expected.p10),
                p90: change.of(expected.p90),
            };
        }
    }

    /// Returns the WAPE of the steps whose counts are known, and the least that chance allows.
    fn error(&self) -> Option<(f64, f64)> {
        let pairs: Vec<(f64, f64)> =
            self.rows.iter().filter_map(|row| Some((row.offered?, row.forecast?.mean))).collect();
        let floor = poisson_floor_of(pairs.iter().map(|(_, forecast)| *forecast))?;
        Some((wape(pairs)?, floor))
    }
}
