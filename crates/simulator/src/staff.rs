//! The agents of the site, and the order in which they became idle.

use std::collections::VecDeque;

use crate::ground_truth::AgentState;
use crate::options::Scenario;
use crate::site::{QueueId, Shift, TEAMS, TeamId, heads_at, roster};

/// Index of an agent.
pub(crate) type AgentIndex = usize;

/// One agent. Agents keep their shift.
#[derive(Debug)]
pub(crate) struct Agent {
    /// Number in the id, from 1.
    pub(crate) number: u32,
    pub(crate) team: TeamId,
    pub(crate) shift: &'static Shift,
    /// Position within the shift. The agents of the last positions have the weekend off.
    pub(crate) rank: u32,
    /// Agents of the shift.
    pub(crate) heads: u32,
    /// Whether the agent is available and has no contact on offer.
    pub(crate) is_idle: bool,
    /// Number of the last idle period.
    idle_order: u64,
    /// The last reported state, the reason of a pause, and its start.
    pub(crate) reported: Option<(AgentState, Option<&'static str>, i64)>,
    pub(crate) is_shift_over: bool,
    /// Length of a break that is due.
    pub(crate) break_ms: Option<i64>,
}

/// Creates all agents of the roster.
pub(crate) fn hire(scenario: Scenario, rate_scale: f64) -> Vec<Agent> {
    let mut agents = Vec::new();
    for shift in roster(scenario) {
        let heads = heads_at(shift.heads, rate_scale);
        for rank in 0..heads {
            agents.push(Agent {
                number: agents.len() as u32 + 1,
                team: shift.team,
                shift,
                rank,
                heads,
                is_idle: false,
                idle_order: 0,
                reported: None,
                is_shift_over: false,
                break_ms: None,
            });
        }
    }
    agents
}

/// Idle agents by team, longest idle first. Removal is lazy: an outdated entry is dropped when it
/// reaches the front.
#[derive(Debug, Default)]
pub(crate) struct IdleAgents {
    teams: [VecDeque<(AgentIndex, u64)>; TEAMS.len()],
    order: u64,
}

impl IdleAgents {
    /// Marks an agent as idle and appends it to the line of its team.
    pub(crate) fn add(&mut self, agents: &mut [Agent], agent: AgentIndex) {
        self.order += 1;
        let it = &mut agents[agent];
        it.is_idle = true;
        it.idle_order = self.order;
        self.teams[it.team].push_back((agent, it.idle_order));
    }

    /// Returns the agent that has been idle for the longest time among those that serve `queue`.
    pub(crate) fn longest(&mut self, agents: &[Agent], queue: QueueId) -> Option<AgentIndex> {
        let mut longest: Option<(AgentIndex, u64)> = None;
        for (team, queues) in TEAMS.iter().enumerate() {
            if !queues.contains(&queue) {
                continue;
            }
            while let Some((agent, order)) = self.teams[team].front().copied() {
                let it = &agents[agent];
                if it.is_idle && it.idle_order == order {
                    if longest.is_none_or(|(_, known)| order < known) {
                        longest = Some((agent, order));
                    }
                    break;
                }
                self.teams[team].pop_front();
            }
        }
        longest.map(|(agent, _)| agent)
    }
}
