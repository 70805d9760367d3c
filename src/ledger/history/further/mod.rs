//! The further tables of the history, read: one file for each kind of row, and one reader for all.
//!
//! - `reader`: reads the intervals of one step after the other
//! - `row`: what a kind of row says about its table
//! - `arrivals`, `units`, `scores`, `pauses`, `agents`: the rows and their columns

mod agents;
mod arrivals;
mod pauses;
mod reader;
mod row;
mod scores;
mod units;

pub use agents::AgentRow;
pub use arrivals::ArrivalRow;
pub use pauses::PauseRow;
pub use reader::FurtherHistory;
pub use row::{FurtherRow, Label, Span};
pub use scores::ScoreRow;
pub use units::UnitRow;
