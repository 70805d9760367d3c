//! Plans in a simulated centre: which service level comes out of the agents of a plan.

use nabiz_simulator::centre::{Centre, CentreQueue, Counts, Group, Outcome, Times};

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
pub(super) fn simulate_series(plan: &mut SeriesPlan) {
    if plan.basis.method == Method::Backlog {
        return;
    }
    let agents: Vec<u32> = plan.rows.iter().map(agents_of).collect();
    match simulate(&[&*plan], agents) {
        Ok((outcome, replications)) => {
            let Some(queue) = outcome.queues.first() else { return };
            for (row, counts) in plan.rows.iter_mut().zip(&queue.steps) {
                if row.agents.is_some() {
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
}

/// Simulates a pool with the agents of the pooled bound, who all serve every queue.
pub(super) fn simulate_pool(pool: &mut PoolPlan, series: &[SeriesPlan]) {
    let members: Vec<&SeriesPlan> = series
        .iter()
        .filter(|plan| plan.basis.method != Method::Backlog)
        .filter(|plan| pool.queues.contains(&plan.queue))
        .collect();
    let steps = members.first().map_or(0, |plan| plan.rows.len());
    let mut agents = vec![0; steps];
    for row in &pool.rows {
        let at = members
            .first()
            .and_then(|plan| plan.rows.iter().position(|step| step.range == row.range));
        if let Some(agents) = at.and_then(|at| agents.get_mut(at)) {
            *agents = row.pooled;
        }
    }
    match simulate(&members, agents) {
        Ok((outcome, replications)) => {
            pool.simulated =
                outcome.queues.iter().map(|queue| total(replications, &queue.total)).collect();
        }
        Err(problem) => pool.notes.push(format!("not simulated: {problem}")),
    }
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

/// Simulates queues with one group of agents.
fn simulate(plans: &[&SeriesPlan], agents: Vec<u32>) -> Result<(Outcome, u64), String> {
    let lengths = || {
        let rows = plans.iter().flat_map(|plan| &plan.rows);
        rows.map(|row| row.range.end.since(row.range.start).as_secs_f64())
    };
    let step_s = lengths().next().ok_or("there are no steps")?;
    if lengths().any(|length| length != step_s) {
        return Err("the steps have different lengths, because the clocks change".to_string());
    }
    let queues: Vec<CentreQueue> =
        plans.iter().map(|plan| queue(plan)).collect::<Option<_>>().ok_or("no handle time")?;
    let contacts: f64 = queues.iter().flat_map(|queue| &queue.arrivals).sum();
    let opens_at_once =
        queues.iter().any(|queue| queue.arrivals.first().is_some_and(|it| *it > 0.0));
    // An agent with several contacts at once stands for as many.
    let concurrency = plans.first().map_or(1, |plan| plan.basis.concurrency);
    let agents = agents.into_iter().map(|agents| agents.saturating_mul(concurrency)).collect();
    let centre = Centre {
        step_s,
        warm_up_s: if opens_at_once { WARM_UP_SECONDS } else { 0.0 },
        groups: vec![Group { queues: (0..queues.len()).collect(), agents }],
        queues,
    };
    let wanted = (CONTACTS / contacts.max(1.0)).ceil() as u64;
    let replications = wanted.clamp(REPLICATIONS_MIN, REPLICATIONS_MAX);
    let outcome = centre.simulate(SEED, replications).map_err(|error| error.to_string())?;
    Ok((outcome, replications))
}

/// Returns a queue with the parameters of a plan; `None` without a handle time.
fn queue(plan: &SeriesPlan) -> Option<CentreQueue> {
    let mean = |row: &StepRow| row.forecast.filter(|_| row.agents.is_some()).map(|it| it.mean);
    let times: Vec<f64> = plan.rows.iter().filter_map(|row| Some(row.aht?.0)).collect();
    let aht = times.iter().sum::<f64>() / times.len() as f64;
    if times.is_empty() || aht <= 0.0 {
        return None;
    }
    let arrivals = plan.rows.iter().map(|row| mean(row).unwrap_or(0.0)).collect();
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
