//! Agents: shifts, breaks, and what they report of themselves.

use std::collections::VecDeque;

use super::Scenario;
use super::arrivals::{day_begins_ms, weekday};
use super::behaviour::{between_ms, chance};
use super::centre::{
    MINUTE_MS, QUEUES, QueueId, Shift, TEAMS, TeamId, WEEKDAY_STAFF, heads_at, roster,
};
use super::tally::{AgentState, Stretch};
use super::wire::Id;
use super::world::{ACD, AgentIndex, Step, World};

/// One agent. Agents keep their shift.
#[derive(Debug)]
pub(super) struct Agent {
    /// Number in the id, from 1.
    pub(super) number: u32,
    pub(super) team: TeamId,
    shift: &'static Shift,
    /// Place within the shift, and how many it has; the last ones have the weekend off.
    rank: u32,
    heads: u32,
    /// Available and nothing offered.
    pub(super) is_idle: bool,
    /// Number of the last idle stretch.
    idle_order: u64,
    /// The state last reported, and since when.
    pub(super) reported: Option<(AgentState, i64)>,
    is_shift_over: bool,
    /// Length of a break that is due.
    break_ms: Option<i64>,
}

/// Idle agents by team, longest idle first; outdated entries are dropped when they come to the front.
#[derive(Debug, Default)]
pub(super) struct IdleAgents {
    teams: [VecDeque<(AgentIndex, u64)>; TEAMS.len()],
    order: u64,
}

/// All agents of the roster.
pub(super) fn hire(scenario: Scenario, rate_scale: f64) -> Vec<Agent> {
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

impl World {
    /// Plans the shifts of a local day, of which some may have begun before the start of the simulation.
    pub(super) fn plan_shifts(&mut self, day: i64) {
        let midnight_ms = day_begins_ms(day);
        let staff = match self.scenario {
            Scenario::Overnight => 1.0,
            Scenario::OrdinaryDay | Scenario::PipeBurst => WEEKDAY_STAFF[weekday(day)],
        };
        for agent in 0..self.agents.len() {
            let it = &self.agents[agent];
            let ends_ms = midnight_ms + it.shift.ends_ms;
            let late_ms = between_ms(&mut self.rng, 0, 2 * MINUTE_MS);
            let begins_ms = (midnight_ms + it.shift.begins_ms).max(self.now_ms) + late_ms;
            let is_working = f64::from(it.rank) < (f64::from(it.heads) * staff).ceil();
            if is_working && begins_ms < ends_ms {
                self.agenda.plan(begins_ms, Step::ShiftBegins { agent, ends_ms });
            }
        }
    }

    pub(super) fn shift_begins(&mut self, agent: AgentIndex, ends_ms: i64) {
        self.agenda.plan(ends_ms, Step::ShiftEnds { agent });
        let shift_ms = ends_ms - self.now_ms;
        for (eighth, length_ms) in [(2, 10 * MINUTE_MS), (4, 30 * MINUTE_MS), (6, 10 * MINUTE_MS)] {
            let spread_ms = between_ms(&mut self.rng, -30 * MINUTE_MS, 30 * MINUTE_MS);
            let due_ms = shift_ms * eighth / 8 + spread_ms;
            if shift_ms > 4 * 60 * MINUTE_MS {
                self.plan_in(due_ms, Step::BreakDue { agent, length_ms });
            }
        }
        let it = &mut self.agents[agent];
        it.is_shift_over = false;
        it.break_ms = None;
        if it.reported.is_none_or(|(state, _)| state == AgentState::Offline) {
            self.become_available(agent, true);
        }
    }

    pub(super) fn shift_ends(&mut self, agent: AgentIndex) {
        self.agents[agent].is_shift_over = true;
        if self.agents[agent].is_idle {
            self.go_offline(agent);
        }
    }

    pub(super) fn break_due(&mut self, agent: AgentIndex, length_ms: i64) {
        self.agents[agent].break_ms = Some(length_ms);
        if self.agents[agent].is_idle {
            self.release(agent);
        }
    }

    /// The agent has nothing in hand: home, to a break that is due, or available.
    pub(super) fn release(&mut self, agent: AgentIndex) {
        if self.agents[agent].is_shift_over {
            self.go_offline(agent);
        } else if let Some(length_ms) = self.agents[agent].break_ms.take() {
            self.pause(agent, if length_ms > 15 * MINUTE_MS { "meal" } else { "break" });
            self.plan_in(length_ms, Step::BreakEnds { agent });
        } else {
            let with_queues = chance(&mut self.rng, 0.1);
            self.become_available(agent, with_queues);
        }
    }

    /// The contact that was ringing is gone.
    pub(super) fn release_from_ring(&mut self, agent: AgentIndex) {
        if self.agents[agent].is_shift_over || self.agents[agent].break_ms.is_some() {
            self.release(agent);
        } else {
            self.next_contact(agent);
        }
    }

    fn become_available(&mut self, agent: AgentIndex, with_queues: bool) {
        self.report(agent, AgentState::Available, None, with_queues);
        self.next_contact(agent);
    }

    fn next_contact(&mut self, agent: AgentIndex) {
        if self.offer_agent(agent) {
            return;
        }
        self.idle.order += 1;
        let it = &mut self.agents[agent];
        it.is_idle = true;
        it.idle_order = self.idle.order;
        self.idle.teams[it.team].push_back((agent, it.idle_order));
    }

    fn go_offline(&mut self, agent: AgentIndex) {
        self.agents[agent].is_idle = false;
        self.agents[agent].break_ms = None;
        self.set_state(agent, AgentState::Offline, None);
    }

    pub(super) fn pause(&mut self, agent: AgentIndex, reason: &str) {
        self.agents[agent].is_idle = false;
        self.set_state(agent, AgentState::Paused, Some(reason));
    }

    /// The agent who has been idle for the longest time of those who serve a queue.
    pub(super) fn longest_idle(&mut self, queue: QueueId) -> Option<AgentIndex> {
        let mut longest: Option<(AgentIndex, u64)> = None;
        for (team, queues) in TEAMS.iter().enumerate() {
            if !queues.contains(&queue) {
                continue;
            }
            while let Some((agent, order)) = self.idle.teams[team].front().copied() {
                let it = &self.agents[agent];
                if it.is_idle && it.idle_order == order {
                    if longest.is_none_or(|(_, known)| order < known) {
                        longest = Some((agent, order));
                    }
                    break;
                }
                self.idle.teams[team].pop_front();
            }
        }
        longest.map(|(agent, _)| agent)
    }

    /// Reports a new state without the agent's queues.
    pub(super) fn set_state(&mut self, agent: AgentIndex, state: AgentState, reason: Option<&str>) {
        self.report(agent, state, reason, false);
    }

    fn report(
        &mut self,
        agent: AgentIndex,
        state: AgentState,
        reason: Option<&str>,
        with_queues: bool,
    ) {
        let now_ms = self.now_ms;
        let it = &mut self.agents[agent];
        let (number, team) = (it.number, it.team);
        if let Some((before, from_ms)) = it.reported.replace((state, now_ms)) {
            self.tally.agent_stretch(Stretch { team, state: before, from_ms, to_ms: now_ms });
        }
        let mut draft = self.begin(ACD, "agent.state_changed", Id::Agent(number));
        self.wire.id(&mut draft, "agent", Id::Agent(number));
        draft.word("state", state.as_str());
        if let Some(reason) = reason {
            draft.word("reason", reason);
        }
        if with_queues {
            draft.words("queues", TEAMS[team].iter().map(|queue| QUEUES[*queue].id));
        }
        self.emit(draft);
    }
}
