//! A synthetic contact centre: a discrete-event simulation that writes events of the contract and
//! keeps the exact counts of these events, its ground truth.
//!
//! The files in their order; each file imports only files before it:
//!
//! - `local_time` and `options`: the site's clock, scenarios and options;
//! - `site`: queues, teams, the roster and volumes;
//! - `arrivals`: arrival times, a non-homogeneous Poisson process for each channel;
//! - `behaviour`: how long people wait, talk and work, as named distributions;
//! - `event_writer`: the JSON of an event;
//! - `ground_truth`: the simulation's own counts, kept apart from the pipeline that they check;
//! - `staff`, `contacts` and `waiting_line`: the state of agents, contacts and queues;
//! - `steps` and `event_queue`: what can happen, and the priority queue of what happens next;
//! - `simulation`: the state of the whole and its main loop. Waits emerge from it and are not
//!   drawn;
//! - `service`, `messages`, `agents` and `followups`: the steps of calls and chats, of
//!   written messages, of agents and of follow-ups, as methods of the simulation.
//!
//! Apart from all these, [`centre`] simulates any centre that a caller describes, and returns counts
//! instead of events.
//!
//! ```
//! use nabiz_simulator::{Options, Scenario, Simulation};
//!
//! let options = Options { duration_ms: Some(600_000), ..Options::default() };
//! let mut simulation = Simulation::new(Scenario::OrdinaryDay, options);
//! let events = simulation.by_ref().count() as u64;
//! assert_eq!(simulation.truth().events, events);
//! ```

mod agents;
mod arrivals;
mod behaviour;
pub mod centre;
mod contacts;
mod event_queue;
mod event_writer;
mod followups;
mod ground_truth;
mod local_time;
mod messages;
mod options;
mod service;
mod simulation;
mod site;
mod staff;
mod steps;
mod waiting_line;

pub use event_writer::SimulatedEvent;
pub use ground_truth::{HistoryTruth, HistoryTruthRow, Sample, Truth, Value};
pub use local_time::{DAY_MS, UTC_OFFSET_MS};
pub use options::{
    DEFAULT_START_MS, Options, RATE_SCALE_MAX, RATE_SCALE_MIN, Scenario, UnknownScenario,
};
pub use simulation::Simulation;
