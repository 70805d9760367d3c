//! The simulation's own counts, in whole milliseconds, and the reports of them.
//!
//! Nothing here knows how the pipeline counts. The definitions are those of docs/spec/measures.md
//! with the default configuration.
//!
//! - `vocabulary` and `value`: what is counted, and values of reports;
//! - `history_truth` and `history`: the counts by interval;
//! - `counts`: all counts, updated where the simulation writes an event;
//! - `report`: the counts as of now.

mod counts;
mod history;
mod history_truth;
mod report;
mod value;
mod vocabulary;

pub(crate) use counts::GroundTruth;
pub use history_truth::{HistoryTruth, HistoryTruthRow};
pub use report::{Sample, Truth};
pub use value::Value;
pub(crate) use vocabulary::{AgentState, LeftReason, SelfServiceOutcome, Stretch};
