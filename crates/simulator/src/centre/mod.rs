//! A parametric contact centre for what-if questions: arrivals by step, handling and patience,
//! agents by step and skill. It writes no events; it returns counts.
//!
//! Where [`Simulation`](crate::Simulation) plays one given site, a [`Centre`] is any site. A planner
//! asks it which service level comes out of a number of agents. Waits emerge from the queues and are
//! not drawn, so it needs none of the assumptions of Erlang's formulas: skills may overlap, callers
//! may accept callbacks, and numbers may change from step to step.
//!
//! - `model`: what the caller describes, and what is allowed;
//! - `outcome`: what comes out, with standard errors;
//! - `agents`: the agents of a group;
//! - `replication`: one run through all steps.
//!
//! ```
//! use nabiz_simulator::centre::{Centre, CentreQueue, Group, Times};
//!
//! let queue = CentreQueue::new(vec![100.0; 4], Times::Exponential { mean_s: 240.0 })
//!     .with_patience(Times::Exponential { mean_s: 260.0 });
//! let centre = Centre {
//!     step_s: 1800.0,
//!     warm_up_s: 3600.0,
//!     queues: vec![queue],
//!     groups: vec![Group { queues: vec![0], agents: vec![16; 4] }],
//! };
//! let outcome = centre.simulate(1, 50)?;
//! let level = outcome.queues[0].total.service_level().expect("calls came");
//! assert!((level.value - 0.82).abs() < 0.05);
//! # Ok::<(), nabiz_simulator::centre::CentreError>(())
//! ```

mod agents;
mod model;
mod outcome;
mod replication;

pub use model::{Callback, Centre, CentreError, CentreQueue, Group, Times};
pub use outcome::{Counts, Estimate, GroupOutcome, GroupTimes, Outcome, QueueOutcome};
