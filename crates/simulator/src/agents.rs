//! Agents: shifts, breaks, and the states that they report.

use crate::behaviour::{between_ms, chance};
use crate::event_writer::Id;
use crate::ground_truth::{AgentState, Stretch};
use crate::local_time::{HOUR_MS, MINUTE_MS, day_begins_ms, weekday};
use crate::options::Scenario;
use crate::simulation::Simulation;
use crate::site::{ACD, QUEUES, TEAMS, WEEKDAY_STAFF};
use crate::staff::AgentIndex;
use crate::steps::Step;

/// Whether a report of an agent's state lists the agent's queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum QueueList {
    Included,
    Omitted,
}

impl Simulation {
    /// Plans the shifts of a local day. Some of them may have begun before the simulation starts.
    pub(crate) fn plan_shifts(&mut self, day: i64) {
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
                self.event_queue.plan(begins_ms, Step::ShiftBegins { agent, ends_ms });
            }
        }
    }

    /// Starts a shift: plans its end and its breaks, and makes the agent available.
    pub(crate) fn shift_begins(&mut self, agent: AgentIndex, ends_ms: i64) {
        self.event_queue.plan(ends_ms, Step::ShiftEnds { agent });
        let shift_ms = ends_ms - self.now_ms;
        for (eighth, length_ms) in [(2, 10 * MINUTE_MS), (4, 30 * MINUTE_MS), (6, 10 * MINUTE_MS)] {
            let spread_ms = between_ms(&mut self.rng, -30 * MINUTE_MS, 30 * MINUTE_MS);
            let due_ms = shift_ms * eighth / 8 + spread_ms;
            if shift_ms > 4 * HOUR_MS {
                self.plan_in(due_ms, Step::BreakDue { agent, length_ms });
            }
        }
        let it = &mut self.agents[agent];
        it.is_shift_over = false;
        it.break_ms = None;
        if it.reported.is_none_or(|(state, ..)| state == AgentState::Offline) {
            self.become_available(agent, QueueList::Included);
        }
    }

    /// Ends a shift. An agent with a contact goes offline after it.
    pub(crate) fn shift_ends(&mut self, agent: AgentIndex) {
        self.agents[agent].is_shift_over = true;
        if self.agents[agent].is_idle {
            self.go_offline(agent);
        }
    }

    /// Makes a break due. An agent with a contact takes it afterwards.
    pub(crate) fn break_due(&mut self, agent: AgentIndex, length_ms: i64) {
        self.agents[agent].break_ms = Some(length_ms);
        if self.agents[agent].is_idle {
            self.release(agent);
        }
    }

    /// Sends an agent without a contact home, to a break that is due, or to the next contact.
    pub(crate) fn release(&mut self, agent: AgentIndex) {
        if self.agents[agent].is_shift_over {
            self.go_offline(agent);
        } else if let Some(length_ms) = self.agents[agent].break_ms.take() {
            self.pause(agent, if length_ms > 15 * MINUTE_MS { "meal" } else { "break" });
            self.plan_in(length_ms, Step::BreakEnds { agent });
        } else {
            let is_included = chance(&mut self.rng, 0.1);
            let queues = if is_included { QueueList::Included } else { QueueList::Omitted };
            self.become_available(agent, queues);
        }
    }

    /// Releases an agent whose ringing contact is over. The state is reported only if it changes.
    pub(crate) fn release_from_ring(&mut self, agent: AgentIndex) {
        if self.agents[agent].is_shift_over || self.agents[agent].break_ms.is_some() {
            self.release(agent);
        } else {
            self.next_contact(agent);
        }
    }

    fn become_available(&mut self, agent: AgentIndex, queues: QueueList) {
        self.report(agent, AgentState::Available, None, queues);
        self.next_contact(agent);
    }

    fn next_contact(&mut self, agent: AgentIndex) {
        if !self.offer_agent(agent) {
            self.idle.add(&mut self.agents, agent);
        }
    }

    fn go_offline(&mut self, agent: AgentIndex) {
        self.agents[agent].is_idle = false;
        self.agents[agent].break_ms = None;
        self.set_state(agent, AgentState::Offline, None);
    }

    /// Reports a pause.
    pub(crate) fn pause(&mut self, agent: AgentIndex, reason: &'static str) {
        self.agents[agent].is_idle = false;
        self.set_state(agent, AgentState::Paused, Some(reason));
    }

    /// Reports a new state without the agent's queues.
    pub(crate) fn set_state(
        &mut self,
        agent: AgentIndex,
        state: AgentState,
        reason: Option<&'static str>,
    ) {
        self.report(agent, state, reason, QueueList::Omitted);
    }

    fn report(
        &mut self,
        agent: AgentIndex,
        state: AgentState,
        reason: Option<&'static str>,
        queues: QueueList,
    ) {
        let now_ms = self.now_ms;
        let it = &mut self.agents[agent];
        let (number, team) = (it.number, it.team);
        if let Some((before, why, from_ms)) = it.reported.replace((state, reason, now_ms)) {
            let stretch = Stretch { team, state: before, reason: why, from_ms, to_ms: now_ms };
            self.ground_truth.agent_stretch(stretch);
        }
        let mut draft = self.begin(ACD, "agent.state_changed", Id::Agent(number));
        self.writer.id(&mut draft, "agent", Id::Agent(number));
        draft.word("state", state.as_str());
        if let Some(reason) = reason {
            draft.word("reason", reason);
        }
        if queues == QueueList::Included {
            draft.words("queues", TEAMS[team].iter().map(|queue| QUEUES[*queue].id));
        }
        self.emit(draft);
    }
}
