//! The state of one partition: it decodes records, applies them to contacts, agents and follow-ups,
//! and applies the facts to totals, windows and intervals.
//!
//! A [`Shard`] is a pure fold of the log of its partition and of the idle advances of stream time.
//! It does no I/O and reads no clock, so a test, a replay and the ingest from Kafka get the same
//! numbers from the same records.

mod arrivals;
mod checkpoint;
mod event_time;
mod fold;
mod record;
mod restore;
mod rewind;
mod series;
mod snapshot;
mod state;

pub use event_time::{AheadRule, Ceiling, Standing, is_before};
pub use fold::{Calls, Shard};
pub use record::{FoldResult, Orphan, RecordMeta, RecordOutcome, Witness};
