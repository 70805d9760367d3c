//! All figures of a queue with a number of agents.

use super::blocking::{blocking, check_load, waiting};
use super::offered_wait::offered_wait;
use crate::demand::Demand;
use crate::input::{InputError, not_negative};

/// Handle times a patience beyond which nobody waits at all: the difference is below 1e-12.
const NOBODY_WAITS: f64 = 1e12;

/// What a queue does in the long run with a number of agents.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    /// The number of agents.
    pub agents: u32,
    /// The probability that a contact is not answered at once, 0 to 1.
    pub waiting: f64,
    /// The share of all offered contacts that are answered within the target, 0 to 1.
    pub service_level: f64,
    /// The share of all offered contacts that abandon, 0 to 1.
    pub abandonment: f64,
    /// The mean wait of all offered contacts, in seconds.
    pub mean_wait_seconds: f64,
    /// The mean wait of the answered contacts (ASA), in seconds; `None` without agents.
    pub mean_answer_seconds: Option<f64>,
    /// The share of time in which an agent serves, 0 to 1; of an agent with several contacts at
    /// once, the share of the agent's places that are taken. `None` without agents.
    pub occupancy: Option<f64>,
}

/// Returns what a queue does in the long run with `agents`; `None` where there is no such thing:
/// nothing arrives, or nobody abandons and the load is not below the agents.
///
/// # Errors
///
/// `target_seconds` is negative or not finite, or there are more than
/// [`MAX_AGENTS`](super::MAX_AGENTS) times the contacts an agent serves at once.
pub fn expected(
    demand: &Demand,
    agents: u32,
    target_seconds: f64,
) -> Result<Option<Expected>, InputError> {
    not_negative("target seconds", target_seconds)?;
    let load = demand.erlangs();
    let servers = agents.saturating_mul(demand.contacts_per_agent());
    check_load(load, servers)?;
    if load == 0.0 {
        return Ok(None);
    }
    let queue = Queue {
        agents,
        load,
        servers,
        handle_seconds: demand.handle_seconds(),
        patience_seconds: demand.patience_seconds(),
        target_seconds,
    };
    let theta = queue.handle_seconds / queue.patience_seconds;
    Ok(if theta == 0.0 {
        queue.nobody_abandons()
    } else if servers == 0 {
        Some(queue.nobody_answers())
    } else if theta > NOBODY_WAITS {
        Some(queue.nobody_waits())
    } else {
        Some(queue.some_abandon(theta))
    })
}

struct Queue {
    agents: u32,
    load: f64,
    servers: u32,
    handle_seconds: f64,
    patience_seconds: f64,
    target_seconds: f64,
}

impl Queue {
    /// Erlang C.
    fn nobody_abandons(&self) -> Option<Expected> {
        let waiting = waiting(self.load, self.servers)?;
        let spare = f64::from(self.servers) - self.load;
        let mean_wait_seconds = waiting * self.handle_seconds / spare;
        let late = waiting * (-spare * self.target_seconds / self.handle_seconds).exp();
        Some(Expected {
            agents: self.agents,
            waiting,
            service_level: 1.0 - late,
            abandonment: 0.0,
            mean_wait_seconds,
            mean_answer_seconds: Some(mean_wait_seconds),
            occupancy: self.occupancy(1.0),
        })
    }

    /// Erlang B.
    fn nobody_waits(&self) -> Expected {
        let lost = blocking(self.load, self.servers);
        Expected {
            agents: self.agents,
            waiting: lost,
            service_level: 1.0 - lost,
            abandonment: lost,
            mean_wait_seconds: 0.0,
            mean_answer_seconds: Some(0.0),
            occupancy: self.occupancy(1.0 - lost),
        }
    }

    fn nobody_answers(&self) -> Expected {
        Expected {
            agents: self.agents,
            waiting: 1.0,
            service_level: 0.0,
            abandonment: 1.0,
            mean_wait_seconds: self.patience_seconds,
            mean_answer_seconds: None,
            occupancy: None,
        }
    }

    /// Erlang A.
    fn some_abandon(&self, theta: f64) -> Expected {
        let target = self.target_seconds / self.handle_seconds;
        let wait = offered_wait(self.load, self.servers, theta, target);
        Expected {
            agents: self.agents,
            waiting: wait.waiting.min(1.0),
            service_level: wait.served_in_target.min(1.0),
            abandonment: wait.abandoned.min(1.0),
            mean_wait_seconds: wait.mean_wait * self.handle_seconds,
            mean_answer_seconds: Some(wait.served_wait / wait.served * self.handle_seconds),
            occupancy: self.occupancy(wait.served),
        }
    }

    /// Returns the occupancy where a share of the contacts is served.
    fn occupancy(&self, served: f64) -> Option<f64> {
        (self.servers > 0).then(|| (self.load * served / f64::from(self.servers)).min(1.0))
    }
}
