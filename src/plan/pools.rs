//! Queues that share their agents: the bounds between which their number lies.

use std::sync::Arc;

use nabiz_planning::demand::Demand;
use nabiz_planning::pooling::pool;
use nabiz_planning::staffing::Goal;

use super::agents::{demand, goal};
use super::settings::PlanningSettings;
use super::whole::{Method, PoolPlan, PoolRow, SeriesPlan};

/// Returns the plans of the configured pools of which the plan has at least two queues.
pub(super) fn plan_pools(planning: &PlanningSettings, series: &[SeriesPlan]) -> Vec<PoolPlan> {
    let pools = planning.planning.pools.iter().map(|(name, queues)| {
        let members: Vec<&SeriesPlan> = series
            .iter()
            .filter(|plan| plan.basis.method != Method::Backlog)
            .filter(|plan| queues.iter().any(|queue| **queue == *plan.queue))
            .collect();
        plan_pool(name, &members)
    });
    pools.filter(|pool| pool.queues.len() > 1).collect()
}

fn plan_pool(name: &str, members: &[&SeriesPlan]) -> PoolPlan {
    let queues: Vec<Arc<str>> = members.iter().map(|plan| plan.queue.clone()).collect();
    let steps = members.first().map_or(0, |plan| plan.rows.len());
    let rows: Vec<PoolRow> = (0..steps).filter_map(|step| pool_row(members, step)).collect();
    let mut notes = Vec::new();
    let missing = (0..steps)
        .filter(|step| members.iter().any(|plan| plan.rows.get(*step).is_some_and(|row| row.open)))
        .count()
        - rows.len();
    if missing > 0 {
        notes.push(format!("{missing} steps have no number, because a queue has none"));
    }
    PoolPlan { name: name.to_string(), queues, rows, simulated: Vec::new(), notes }
}

/// Returns the bounds of a step; `None` where a queue that is open has no number, or none is open.
fn pool_row(members: &[&SeriesPlan], step: usize) -> Option<PoolRow> {
    let mut parts: Vec<(Demand, Goal)> = Vec::with_capacity(members.len());
    let mut range = None;
    for plan in members {
        let row = plan.rows.get(step)?;
        if row.open {
            range = Some(row.range);
            row.agents?;
            parts.push((demand(&plan.basis, row)?.ok()?, goal(&plan.basis).ok()?));
        }
    }
    let pooling = pool(&parts).ok()?;
    Some(PoolRow { range: range?, apart: pooling.apart_agents, pooled: pooling.pooled_agents })
}
