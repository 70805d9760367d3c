//! Bounds for queues that share agents: apart and pooled.
//!
//! **Apart**, each queue has agents of its own: the sum is the greater bound. **Pooled**, every
//! agent serves every queue and contacts are answered in the order of their arrival: one queue with
//! the sum of the load. Agents with some of the skills are between them. Why a pool needs fewer:
//! the agents above the load grow with the root of the load (Halfin and Whitt, *Heavy-traffic
//! limits for queues with many exponential servers*, 1981; Smith and Whitt, *Resource sharing for
//! efficiency in traffic systems*, 1981).
//!
//! The pooled queue has:
//! - the sum of the arrivals, and the mean handle time over them;
//! - the mean *rate* of abandonment (1 / patience) over the arrivals. With short waits the share
//!   that abandons depends on patience by this rate alone (Zeltyn and Mandelbaum, *Call centers
//!   with impatient customers: many-server asymptotics of the M/M/n+G queue*, 2005);
//! - every goal: a contact of any queue has the same wait, so the pool needs the agents of the
//!   goal that is hardest to reach.
//!
//! Where handle times or goals differ much, a pool without priorities can need more agents than
//! the queues apart. Then pooling does not help, and the two numbers say so.

use crate::demand::Demand;
use crate::erlang::Expected;
use crate::staffing::{Goal, Staffing, StaffingError, staff, staff_for_all};

/// The agents of queues that share them.
#[derive(Clone, Debug, PartialEq)]
pub struct Pooling {
    /// Each queue with agents of its own, in the order of the argument.
    pub apart: Vec<Staffing>,
    /// The sum of the agents apart.
    pub apart_agents: u32,
    /// The agents of the pool.
    pub pooled_agents: u32,
    /// What to expect in the pool, by the target of each queue, in the order of the argument;
    /// `None` where nothing arrives at all.
    pub pooled: Vec<Option<Expected>>,
}

/// Returns the agents of queues apart and pooled.
///
/// The agents that are there in any case do not add up in the pool: the greatest of the queues'
/// numbers holds for it.
///
/// # Errors
///
/// There are no queues, they differ in how many contacts an agent serves at once, or a goal cannot
/// be reached.
pub fn pool(queues: &[(Demand, Goal)]) -> Result<Pooling, StaffingError> {
    let apart: Vec<Staffing> =
        queues.iter().map(|(demand, goal)| staff(demand, goal)).collect::<Result<_, _>>()?;
    let demands: Vec<Demand> = queues.iter().map(|(demand, _)| *demand).collect();
    let goals: Vec<Goal> = queues.iter().map(|(_, goal)| *goal).collect();
    let (pooled_agents, pooled) = staff_for_all(&Demand::pooled(&demands)?, &goals)?;
    let apart_agents = apart.iter().map(|queue| queue.agents).sum();
    Ok(Pooling { apart, apart_agents, pooled_agents, pooled })
}
