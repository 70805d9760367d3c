//! Plans in a simulated centre: which service level comes out of the agents of a plan.

use nabiz_simulator::centre::{Centre, CentreQueue, Counts, Group, Outcome, Times};

use super::limits::{Limits, PlanError};
use super::whole::{Method, PoolPlan, SeriesPlan, Simulated, SimulatedTotal, StepRow};

/// Contacts that are simulated, so that the total is within about a tenth of a point.
const CONTACTS: f64 = 400_000.0;
const REPLICATIONS_MIN: u64 = 10;
const REPLICATIONS_MAX: u64 = 400;
/// The same seed each time, so that the same plan gives the same answer.
const SEED: u64 = 1;
/// Time before the first step of a centre that is open around the clock.
const WARM_UP_SECONDS: f64 = 3600.0;

/// Simulates each queue with agents of its own.
///
/// # Errors
/// [`PlanError`] where the simulation costs more than the limits allow.
pub(super) fn simulate_series(plan: &mut SeriesPlan, limits: &Limits<'_>) -> Result<(), PlanError> {
    if plan.basis.method == Method::Backlog {
        plan.notes.push("not simulated: contacts of a written channel wait as work".to_string());
        return Ok(());
    }
    let mut agents: Vec<Option<u32>> =
        plan.rows.iter().map(|row| row.agents.and(Some(agents_of(row)))).collect();
    let left_out = leave_out_open_in_part(&[&*plan], &mut agents);
    plan.notes.extend(left_out);
    match simulate(&plan.name, &[&*plan], &agents, limits)? {
        Ok((outcome, replications)) => {
            let Some(queue) = outcome.queues.first() else { return Ok(()) };
            let rows = plan.rows.iter_mut().zip(&agents);
            for ((row, agents), counts) in rows.zip(&queue.steps) {
                if agents.is_some() {
                    row.simulated = Some(Simulated {
                        service_level: counts.service_level().map(|it| it.value),
                        abandonment: counts.abandonment(),
                    });
                }
            }
            plan.simulated = Some(total(replications, &queue.total));
        }
        Err(problem) => plan.notes.push(format!("not simulated: {problem}")),
    }
    Ok(())
}

/// Simulates a pool with the agents of the pooled bound, who all serve every queue. A step without
/// their number has no contacts either.
///
/// # Errors
/// [`PlanError`] where the simulation costs more than the limits allow.
pub(super) fn simulate_pool(
    pool: &mut PoolPlan,
    series: &[SeriesPlan],
    limits: &Limits<'_>,
) -> Result<(), PlanError> {
    let members: Vec<&SeriesPlan> = series
        .iter()
        .filter(|plan| plan.basis.method != Method::Backlog)
        .filter(|plan| pool.queues.contains(&plan.queue))
        .collect();
    let steps = members.first().map_or(0, |plan| plan.rows.len());
    let mut agents = vec![None; steps];
    for row in &pool.rows {
        let at = members
            .first()
            .and_then(|plan| plan.rows.iter().position(|step| step.range == row.range));
        if let Some(agents) = at.and_then(|at| agents.get_mut(at)) {
            *agents = Some(row.pooled);
        }
    }
    pool.notes.extend(leave_out_open_in_part(&members, &mut agents));
    match simulate(&pool.name, &members, &agents, limits)? {
        Ok((outcome, replications)) => {
            pool.simulated =
                outcome.queues.iter().map(|queue| total(replications, &queue.total)).collect();
        }
        Err(problem) => pool.notes.push(format!("not simulated: {problem}")),
    }
    Ok(())
}

/// Leaves the steps out in which a queue is open in part: the simulated centre has the same
/// arrivals all over a step. Returns how many they are in words, where there are any.
fn leave_out_open_in_part(plans: &[&SeriesPlan], agents: &mut [Option<u32>]) -> Option<String> {
    let mut left_out = 0;
    for (step, agents) in agents.iter_mut().enumerate() {
        let mut rows = plans.iter().filter_map(|plan| plan.rows.get(step));
        if agents.is_some() && rows.any(is_open_in_part) {
            (*agents, left_out) = (None, left_out + 1);
        }
    }
    (left_out > 0).then(|| format!("{left_out} steps that are open in part are not simulated"))
}

fn is_open_in_part(row: &StepRow) -> bool {
    let seconds = row.range.end.since(row.range.start).as_secs_f64();
    row.open_seconds > 0.0 && row.open_seconds < seconds
}

fn total(replications: u64, counts: &Counts) -> SimulatedTotal {
    let level = counts.service_level();
    SimulatedTotal {
        replications,
        service_level: level.map(|it| it.value),
        standard_error: level.and_then(|it| it.standard_error),
        abandonment: counts.abandonment(),
    }
}

/// Returns the agents of a step: those that were asked for, or else those that it needs.
fn agents_of(row: &StepRow) -> u32 {
    row.what_if.map(|(agents, _)| agents).or(row.agents).unwrap_or(0)
}

/// Simulates queues with one group of agents. Returns the outcome and the number of replications,
/// or why there is none.
fn simulate(
    name: &str,
    plans: &[&SeriesPlan],
    agents: &[Option<u32>],
    limits: &Limits<'_>,
) -> Result<Result<(Outcome, u64), String>, PlanError> {
    let (centre, contacts) = match centre(plans, agents) {
        Ok(centre) => centre,
        Err(problem) => return Ok(Err(problem)),
    };
    let wanted = (CONTACTS / contacts.max(1.0)).ceil() as u64;
    let replications = wanted.clamp(REPLICATIONS_MIN, REPLICATIONS_MAX);
    let contacts = contacts * replications as f64;
    if contacts > limits.simulated_max {
        let most = limits.simulated_max;
        return Err(PlanError::TooMuchToSimulate { name: name.to_string(), contacts, most });
    }
    let mut outcome = Outcome::default();
    for number in 0..replications {
        limits.check()?;
        match centre.replicate(SEED, number) {
            Ok(more) => outcome.add(&more),
            Err(error) => return Ok(Err(error.to_string())),
        }
    }
    Ok(Ok((outcome, replications)))
}

/// Returns the centre of queues with one group of agents, and the contacts that are expected in it.
fn centre(plans: &[&SeriesPlan], agents: &[Option<u32>]) -> Result<(Centre, f64), String> {
    let lengths = || {
        let rows = plans.iter().flat_map(|plan| &plan.rows);
        rows.map(|row| row.range.end.since(row.range.start).as_secs_f64())
    };
    let step_s = lengths().next().ok_or("there are no steps")?;
    if lengths().any(|length| length != step_s) {
        return Err("the steps have different lengths, because the clocks change".to_string());
    }
    let queues: Vec<CentreQueue> = plans
        .iter()
        .map(|plan| queue(plan, agents))
        .collect::<Option<_>>()
        .ok_or("no handle time")?;
    let contacts: f64 = queues.iter().flat_map(|queue| &queue.arrivals).sum();
    let opens_at_once =
        queues.iter().any(|queue| queue.arrivals.first().is_some_and(|it| *it > 0.0));
    // An agent with several contacts at once stands for as many.
    let concurrency = plans.first().map_or(1, |plan| plan.basis.concurrency);
    let agents = agents.iter().map(|it| it.unwrap_or(0).saturating_mul(concurrency)).collect();
    let centre = Centre {
        step_s,
        warm_up_s: if opens_at_once { WARM_UP_SECONDS } else { 0.0 },
        groups: vec![Group { queues: (0..queues.len()).collect(), agents }],
        queues,
    };
    Ok((centre, contacts))
}

/// Returns a queue with the parameters of a plan; `None` without a handle time. Contacts arrive in
/// the steps whose agents are known.
fn queue(plan: &SeriesPlan, agents: &[Option<u32>]) -> Option<CentreQueue> {
    let mean = |row: &StepRow| row.forecast.filter(|_| row.agents.is_some()).map(|it| it.mean);
    let times: Vec<f64> = plan.rows.iter().filter_map(|row| Some(row.aht?.0)).collect();
    let aht = times.iter().sum::<f64>() / times.len() as f64;
    if times.is_empty() || aht <= 0.0 {
        return None;
    }
    let arrivals = plan.rows.iter().zip(agents);
    let arrivals = arrivals.map(|(row, agents)| agents.and(mean(row)).unwrap_or(0.0)).collect();
    let mut queue = CentreQueue::new(arrivals, Times::Exponential { mean_s: aht });
    queue.handling_factors =
        plan.rows.iter().map(|row| row.aht.map_or(1.0, |(seconds, _)| seconds / aht)).collect();
    queue.patience = match plan.basis.patience_seconds {
        Some(mean_s) => Times::Exponential { mean_s },
        None => Times::Never,
    };
    queue.target_s = plan.basis.target_seconds;
    Some(queue)
}
