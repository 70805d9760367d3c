//! Plans: a forecast of what comes, and the agents that it needs, from the interval history.
//!
//! The formulas are in `crates/planning`; this room brings the history to them.
//!
//! - `request`: a question as people write it; `what_if`: changes of its numbers
//! - `settings`: what plans know beside the history
//! - `grid`: the steps of business days
//! - `past`: the history as steps; `learned`: what it teaches about a queue
//! - `limits`: what a plan may cost
//! - `planner`: makes a plan; `series`: the forecast of a queue; `agents`: the agents that it needs;
//!   `written`: those of written channels; `pools`: queues that share agents; `simulate`: the plan in
//!   a simulated centre
//! - `whole`: the plan; `columns`, `output`: a plan as CSV and JSON; `words`: its texts

mod agents;
mod columns;
mod grid;
mod learned;
mod limits;
mod output;
mod past;
mod planner;
mod pools;
mod request;
mod series;
mod settings;
mod simulate;
#[cfg(test)]
mod tests;
mod what_if;
mod whole;
mod words;
mod written;

pub use learned::AhtBasis;
pub use limits::{Limits, PlanError, ROWS_MAX};
pub use output::{write_csv, write_json};
pub use planner::Planner;
pub use request::{DAYS_MAX, PlanQuery, PlanRequest, PlanRequestError};
pub use settings::PlanningSettings;
pub use what_if::{Change, WhatIf};
pub use whole::{
    Basis, DayRow, Method, Missing, Plan, PoolPlan, PoolRow, SeriesPlan, Simulated, SimulatedTotal,
    StepRow, There,
};
pub use words::{class_word, missing_words};
