//! The interval history, read: rows of any step, in time order, with at most one step in memory.
//!
//! - `request`: a query as people write it
//! - `query`: a query as the reader takes it
//! - `step`: the stretches of time that become one row
//! - `reader`: reads the intervals of one step after the other
//! - `row`: adds intervals up to one row
//! - `columns`: the names and values of a row
//! - `output`: rows as CSV and JSON
//! - `local_time`: instants as text

mod columns;
mod local_time;
mod output;
mod query;
mod reader;
mod request;
mod row;
mod step;

pub use local_time::local_time;
pub use output::{HistoryFormat, OutputError, write_rows};
pub use query::Query;
pub use reader::History;
pub use request::{Request, RequestError};
pub use row::{HistoryRow, WaitTarget};
pub use step::Step;
