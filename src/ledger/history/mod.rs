//! The interval history, read: rows of any step, in time order, with at most one step in memory.
//!
//! - `request`: a query as people write it; `request_error`: why it is refused
//! - `query`: a query as the reader takes it
//! - `fill`: the rows of each step where rows of zeros are asked for
//! - `step`: the stretches of time that become one row
//! - `ledger_reads`: what every reader asks a ledger
//! - `reader`: reads the intervals of one step after the other
//! - `row`: adds intervals up to one row
//! - `further`: the rows of the further tables; `kind`: which table is asked for
//! - `profile`: what is usual on a weekday in a step of the day
//! - `year`: the headline of a year
//! - `cell`: values under the names of columns, which every kind of row has
//! - `columns`, `profile_columns`: the names and values of a row
//! - `layout`: another order, other names and another form of the columns
//! - `output`: rows as CSV and JSON
//! - `local_time`: instants as text

mod cell;
mod columns;
mod fill;
mod further;
mod kind;
mod layout;
mod ledger_reads;
mod local_time;
mod output;
mod profile;
mod profile_columns;
mod query;
mod reader;
mod request;
mod request_error;
mod row;
mod step;
mod year;

pub use cell::{Cell, Column, Record};
pub use further::{
    AgentRow, ArrivalRow, FurtherHistory, FurtherRow, Label, PauseRow, ScoreRow, Span, UnitRow,
};
pub use kind::Kind;
pub use layout::{Layout, LayoutRequest};
pub use local_time::local_time;
pub use output::{HistoryFormat, OutputError, write_rows};
pub(crate) use output::{JsonValue, write_csv_record};
pub use profile::{DayClass, ProfileRow, Spread, profile};
pub use query::{By, Fill, Query};
pub use reader::History;
pub use request::{Request, Suite};
pub use request_error::RequestError;
pub use row::{HistoryRow, PATIENCE_ABANDONED_MIN, WaitTarget};
pub use step::Step;
pub use year::{Headline, headlines};
