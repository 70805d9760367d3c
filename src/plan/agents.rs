//! The agents that a forecast of calls or chats needs, beside those who are there.

use nabiz_planning::concurrency::Concurrency;
use nabiz_planning::day::DayClass;
use nabiz_planning::demand::Demand;
use nabiz_planning::erlang::{Expected as Figures, expected};
use nabiz_planning::input::InputError;
use nabiz_planning::shrinkage::Shrinkage;
use nabiz_planning::staffing::{Goal, StaffingError, staff};

use super::learned::Learned;
use super::series::Context;
use super::whole::{Basis, Method, Missing, SeriesPlan, StepRow, There};
use super::written::staff_written_series;

/// Adds handle times and agents to the rows of a plan.
pub(super) fn staff_series(context: &Context<'_>, learned: &Learned, plan: &mut SeriesPlan) {
    let shrinkage = shrinkage(&plan.basis);
    plan.basis.shrinkage = shrinkage.map(Shrinkage::share);
    let goal = goal(&plan.basis).ok();
    let SeriesPlan { queue, channel, basis, day_rows, rows, .. } = plan;
    let settings = context.settings.queue(queue);
    let has_agents = context.settings.channels.name(settings.channel) == &**channel;
    let past = context.past.series.get(&(queue.clone(), channel.clone()));
    for row in rows.iter_mut() {
        if (context.is_cancelled)() {
            return;
        }
        let Some(day) = day_rows.get(row.day) else { continue };
        let change = context.query.what_if.aht;
        row.aht = learned
            .aht(&day.class, row.number)
            .map(|(aht, basis)| (change.map_or(aht, |change| change.of(aht)), basis));
        if has_agents && learned.has_agents() {
            let seconds = seconds(row);
            let measured = past
                .and_then(|steps| context.past.step(steps, (day.date, false), row.range))
                .map(|counts| counts.agents.staffed() / seconds);
            row.there = there(learned, &day.class, row.number, measured);
        }
        if basis.method != Method::Backlog {
            staff_row(context, basis, goal.as_ref(), shrinkage, row);
        }
    }
    if plan.basis.method == Method::Backlog {
        staff_written_series(context, shrinkage, plan);
    }
    add_hours(plan);
}

fn seconds(row: &StepRow) -> f64 {
    row.range.end.since(row.range.start).as_secs_f64()
}

/// Returns the agents of a step: those who were there, or else those of like days.
fn there(
    learned: &Learned,
    class: &DayClass,
    number: usize,
    measured: Option<f64>,
) -> Option<There> {
    let there = |agents, measured| There { agents, measured, service_level: None };
    measured
        .map(|agents| there(agents, true))
        .or_else(|| learned.there(class, number).map(|agents| there(agents, false)))
}

/// Returns what a queue has to reach.
pub(super) fn goal(basis: &Basis) -> Result<Goal, InputError> {
    let mut goal = Goal::new(basis.target_service_level, basis.target_seconds)?;
    if basis.max_abandonment > 0.0 {
        goal = goal.with_max_abandonment(basis.max_abandonment)?;
    }
    match basis.max_occupancy {
        Some(share) => goal.with_max_occupancy(share),
        None => Ok(goal),
    }
}

/// Returns the share of the paid time in which agents do not serve; `None` where neither the
/// history nor the configuration knows what they do in their shift.
fn shrinkage(basis: &Basis) -> Option<Shrinkage> {
    let in_shift = basis.given_shrinkage.or(basis.paused_share)?;
    Shrinkage::combined(basis.absence.unwrap_or(0.0), in_shift).ok()
}

/// Returns what arrives at a queue in a step.
pub(super) fn demand(basis: &Basis, row: &StepRow) -> Option<Result<Demand, InputError>> {
    let (forecast, (aht, _)) = (row.forecast?, row.aht?);
    // In a step that is open in part, all of them come in that part.
    let demand = Demand::new(forecast.mean, row.open_seconds, aht)
        .and_then(|demand| match basis.patience_seconds {
            Some(patience) => demand.with_patience(patience),
            None => Ok(demand),
        })
        // The measured handle time contains how parallel contacts slow each other.
        .and_then(|demand| demand.with_concurrency(Concurrency::new(basis.concurrency, 0.0)?));
    Some(demand)
}

fn staff_row(
    context: &Context<'_>,
    basis: &Basis,
    goal: Option<&Goal>,
    shrinkage: Option<Shrinkage>,
    row: &mut StepRow,
) {
    let Some(demand) = demand(basis, row) else {
        if row.missing.is_none() {
            row.missing = Some(Missing::NoHandleTime);
        }
        return;
    };
    let (Ok(demand), Some(goal)) = (demand, goal) else {
        row.missing = Some(Missing::OutOfBounds);
        return;
    };
    match staff(&demand, goal) {
        Ok(staffing) => {
            row.agents = Some(staffing.agents);
            row.decided_by = staffing.expected.is_some().then_some(staffing.decided_by);
            row.expected = staffing.expected;
            row.one_fewer = staffing.one_fewer;
            row.one_more = staffing.one_more;
            row.scheduled = shrinkage.map(|shrinkage| shrinkage.scheduled(staffing.agents));
        }
        Err(StaffingError::Unreachable { .. }) => row.missing = Some(Missing::GoalNotReachable),
        Err(StaffingError::Input(_)) => row.missing = Some(Missing::OutOfBounds),
    }
    let figures = |agents| expected(&demand, agents, goal.target_seconds()).ok().flatten();
    if let Some(there) = &mut row.there {
        there.service_level = between(there.agents, figures);
    }
    if let (Some(change), Some(agents)) = (context.query.what_if.agents, row.agents) {
        let agents = whole(change.of(f64::from(agents)).round());
        row.what_if = Some((agents, figures(agents)));
    }
}

/// Returns the service level of a number of agents that is not whole, on the line between the
/// whole numbers around it.
fn between(agents: f64, figures: impl Fn(u32) -> Option<Figures>) -> Option<f64> {
    let (fewer, part) = (agents.floor(), agents.fract());
    let of = |agents: f64| figures(whole(agents)).map(|figures| figures.service_level);
    match part > 0.0 {
        true => Some(of(fewer)? * (1.0 - part) + of(fewer + 1.0)? * part),
        false => of(fewer),
    }
}

fn whole(agents: f64) -> u32 {
    // The cast saturates at the ends of the type.
    agents as u32
}

/// Adds up the hours of each day. A day has none where a step of its open hours has no number.
fn add_hours(plan: &mut SeriesPlan) {
    for (index, day) in plan.day_rows.iter_mut().enumerate() {
        let rows = || plan.rows.iter().filter(|row| row.day == index && row.open);
        let hours = |of: &dyn Fn(&StepRow) -> Option<f64>| -> Option<f64> {
            let has_rows = rows().next().is_some();
            let sum = rows().map(|row| Some(of(row)? / 3600.0)).sum::<Option<f64>>();
            sum.filter(|_| has_rows)
        };
        let open = |agents: u32, row: &StepRow| f64::from(agents) * row.open_seconds;
        day.agent_hours = hours(&|row| row.agents.map(|agents| open(agents, row)));
        day.scheduled_hours = hours(&|row| row.scheduled.map(|agents| open(agents, row)));
        day.there_hours = hours(&|row| row.there.map(|there| there.agents * seconds(row)));
    }
}
