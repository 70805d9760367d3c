//! The least number of agents that reaches a goal.
//!
//! More agents never make a figure of the goal worse: the service level grows with them, occupancy
//! and abandonment fall. So each part of the goal has a least number, found by bisection, and the
//! greatest of these numbers is the answer.

use thiserror::Error;

use crate::demand::Demand;
use crate::erlang::{Expected, MAX_AGENTS, expected};
use crate::input::{InputError, check, not_negative};
use crate::search::least;

/// What a queue has to reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goal {
    service_level: f64,
    target_seconds: f64,
    max_occupancy: Option<f64>,
    max_abandonment: Option<f64>,
    minimum_agents: u32,
}

impl Goal {
    /// Returns the goal that a share of all offered contacts is answered within `target_seconds`.
    ///
    /// # Errors
    ///
    /// The share is not above 0 and below 1, or the target is negative or not finite.
    pub fn new(service_level: f64, target_seconds: f64) -> Result<Self, InputError> {
        let is_share = |x: f64| x > 0.0 && x < 1.0;
        check("service level", "above 0 and below 1", service_level, is_share)?;
        not_negative("target seconds", target_seconds)?;
        Ok(Self {
            service_level,
            target_seconds,
            max_occupancy: None,
            max_abandonment: None,
            minimum_agents: 0,
        })
    }

    /// Returns this goal with a bound on the occupancy, above 0 and at most 1.
    ///
    /// # Errors
    ///
    /// The bound is out of its bounds.
    pub fn with_max_occupancy(self, share: f64) -> Result<Self, InputError> {
        let share = check("maximal occupancy", "above 0 and at most 1", share, is_bound)?;
        Ok(Self { max_occupancy: Some(share), ..self })
    }

    /// Returns this goal with a bound on the share that abandons, above 0 and at most 1.
    ///
    /// # Errors
    ///
    /// The bound is out of its bounds.
    pub fn with_max_abandonment(self, share: f64) -> Result<Self, InputError> {
        let share = check("maximal abandonment", "above 0 and at most 1", share, is_bound)?;
        Ok(Self { max_abandonment: Some(share), ..self })
    }

    /// Returns this goal with a number of agents that are there in any case.
    #[must_use]
    pub fn with_minimum_agents(self, agents: u32) -> Self {
        Self { minimum_agents: agents, ..self }
    }

    /// Returns the share of contacts that have to be answered in time.
    pub fn service_level(&self) -> f64 {
        self.service_level
    }

    /// Returns the time within which they have to be answered, in seconds.
    pub fn target_seconds(&self) -> f64 {
        self.target_seconds
    }

    /// Returns the number of agents that are there in any case.
    pub fn minimum_agents(&self) -> u32 {
        self.minimum_agents
    }

    /// Returns the parts of the goal that figures do not reach.
    pub fn missed(&self, figures: &Expected) -> Vec<Reason> {
        Reason::OF_FIGURES.into_iter().filter(|part| !self.holds(*part, figures)).collect()
    }

    fn asks_for(&self, part: Reason) -> bool {
        match part {
            Reason::ServiceLevel | Reason::Minimum => true,
            Reason::Occupancy => self.max_occupancy.is_some(),
            Reason::Abandonment => self.max_abandonment.is_some(),
        }
    }

    fn holds(&self, part: Reason, figures: &Expected) -> bool {
        let within = |share: f64, bound: Option<f64>| bound.is_none_or(|bound| share <= bound);
        match part {
            Reason::ServiceLevel => figures.service_level >= self.service_level,
            // No agents have no occupancy. To let them hold the bound would break its order.
            Reason::Occupancy => {
                within(figures.occupancy.unwrap_or(f64::INFINITY), self.max_occupancy)
            }
            Reason::Abandonment => within(figures.abandonment, self.max_abandonment),
            Reason::Minimum => figures.agents >= self.minimum_agents,
        }
    }
}

fn is_bound(share: f64) -> bool {
    share > 0.0 && share <= 1.0
}

/// The part of a goal that decides the number of agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The service level.
    ServiceLevel,
    /// The bound on the occupancy.
    Occupancy,
    /// The bound on abandonment.
    Abandonment,
    /// The number of agents that are there in any case.
    Minimum,
}

impl Reason {
    const OF_FIGURES: [Self; 3] = [Self::ServiceLevel, Self::Occupancy, Self::Abandonment];
}

/// The agents that a queue needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Staffing {
    /// The least number of agents that reaches the goal.
    pub agents: u32,
    /// The part of the goal that needs so many. `Minimum` also where nothing arrives.
    pub decided_by: Reason,
    /// What to expect with these agents; `None` where nothing arrives.
    pub expected: Option<Expected>,
    /// What to expect with one agent fewer; `None` where there is none to take away, nothing
    /// arrives, or the queue would grow without end because nobody abandons.
    pub one_fewer: Option<Expected>,
    /// What to expect with one agent more; `None` where nothing arrives.
    pub one_more: Option<Expected>,
}

/// Why there is no number of agents.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum StaffingError {
    /// No number of agents within the bounds reaches the goal.
    #[error("no number of agents up to {most} reaches the goal")]
    Unreachable {
        /// The greatest number that was tried.
        most: u32,
    },
    /// Numbers that cannot be.
    #[error(transparent)]
    Input(#[from] InputError),
}

/// Returns the least number of agents that reaches `goal`, with what to expect from them.
///
/// # Errors
///
/// [`Unreachable`](StaffingError::Unreachable) where more agents than the formulas take would be
/// needed.
pub fn staff(demand: &Demand, goal: &Goal) -> Result<Staffing, StaffingError> {
    let mut agents = goal.minimum_agents;
    let mut decided_by = Reason::Minimum;
    if demand.erlangs() > 0.0 {
        for part in Reason::OF_FIGURES.into_iter().filter(|part| goal.asks_for(*part)) {
            let least = least_agents(demand, |agents| {
                let figures = expected(demand, agents, goal.target_seconds)?;
                Ok(figures.is_some_and(|figures| goal.holds(part, &figures)))
            })?;
            if least > agents {
                (agents, decided_by) = (least, part);
            }
        }
    }
    Staffing::with(demand, agents, decided_by, goal.target_seconds)
}

impl Staffing {
    fn with(
        demand: &Demand,
        agents: u32,
        decided_by: Reason,
        target_seconds: f64,
    ) -> Result<Self, StaffingError> {
        let figures = |agents| expected(demand, agents, target_seconds);
        let one_fewer = match agents.checked_sub(1) {
            Some(fewer) => figures(fewer)?,
            None => None,
        };
        // At the bound of the formulas one more agent has no figures.
        let one_more = if agents < most_agents(demand) { figures(agents + 1)? } else { None };
        Ok(Self { agents, decided_by, expected: figures(agents)?, one_fewer, one_more })
    }
}

/// Returns the least number of agents that reaches several goals in one queue, with what to expect
/// by the target of each.
pub(crate) fn staff_for_all(
    demand: &Demand,
    goals: &[Goal],
) -> Result<(u32, Vec<Option<Expected>>), StaffingError> {
    let mut agents = 0;
    for goal in goals {
        agents = agents.max(staff(demand, goal)?.agents);
    }
    let figures = goals
        .iter()
        .map(|goal| expected(demand, agents, goal.target_seconds))
        .collect::<Result<_, _>>()?;
    Ok((agents, figures))
}

/// Returns the greatest number of agents that the formulas take for a demand.
fn most_agents(demand: &Demand) -> u32 {
    MAX_AGENTS / demand.contacts_per_agent()
}

/// Returns the least number of agents for which `reaches` holds, which then holds for more too.
fn least_agents(
    demand: &Demand,
    reaches: impl Fn(u32) -> Result<bool, StaffingError>,
) -> Result<u32, StaffingError> {
    let most = most_agents(demand);
    // Near the load is where the answer nearly always is, so the search begins there.
    let guess = demand.erlangs() / f64::from(demand.contacts_per_agent());
    least(guess.ceil() as u32, most, reaches)?.ok_or(StaffingError::Unreachable { most })
}
