//! Measures: counts, and the values that are computed from counts.
//!
//! [`counters`] is the one table of counters. A [`Fact`] is something that happened; a
//! [`WindowUpdate`] is its contribution to a window. [`Totals`], [`WindowCounts`] and
//! [`IntervalCounts`] hold the counts since the beginning, of a window and of an interval.
//! `formulas` computes ratios and means; `histogram`, `hdr_counts` and `native` are distributions.

mod counters;
mod fact;
mod formulas;
mod further;
mod gauges;
mod hdr_counts;
mod histogram;
mod interval;
mod native;
mod outcome;
mod record_totals;
mod totals;
mod update;
mod window_counts;

pub use counters::{
    ArrivalCounts, CohortCounts, ContactCounts, DurationSums, ResponseSums, ServiceLevelCounts,
    UnitCounts, VisitCounts, WaitSums,
};
pub(crate) use fact::{Fact, FactKind, VisitEnd, VisitOutcome, WindowScope};
pub use further::FurtherIncrements;
pub use gauges::{AgentWindow, FollowupSnapshot, Live, Observation};
pub use hdr_counts::{SparseHdrCounts, hdr_index, lowest_value_at};
pub use histogram::BucketHistogram;
pub use interval::{AgentIntervalDelta, IntervalCounts, IntervalDelta};
pub(crate) use interval::{IntervalNumbers, IntervalTargets};
pub use native::{NATIVE_SCHEMA, NATIVE_ZERO_THRESHOLD, NativeCounts};
pub(crate) use outcome::ApplyOutcome;
pub use record_totals::{EventTotals, RecordTotals};
pub use totals::Totals;
pub(crate) use update::WindowUpdate;
pub use window_counts::{WindowCounts, WindowSnapshot};
