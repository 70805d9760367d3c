//! Contacts that reach the centre, and what self-service does for them.

use std::sync::Arc;

use crate::bounded_labels::BoundedLabels;
use crate::event::{ChannelId, SelfServiceOutcome};
use crate::measures::{ArrivalCounts, FurtherIncrements};
use crate::time::Timestamp;
use crate::window::PaneLayout;

/// The counts that an arrival changes: those since the beginning and those of its interval.
pub(crate) struct Arrivals<'a> {
    pub(crate) layout: &'a PaneLayout,
    /// By entry point and [`SelfServiceOutcome::index`].
    pub(crate) labels: &'a mut BoundedLabels<[u64; SelfServiceOutcome::ALL.len()]>,
    pub(crate) further: &'a mut FurtherIncrements,
}

impl Arrivals<'_> {
    /// Counts a contact that has started.
    pub(crate) fn started(
        &mut self,
        time: Timestamp,
        channel: ChannelId,
        entry_point: Option<&str>,
    ) {
        let (entry_point, _) = self.labels.entry(entry_point);
        if let Some(counts) = self.interval(time, channel, entry_point) {
            counts.contacts += 1;
        }
    }

    /// Counts an outcome of self-service of a contact of this channel.
    pub(crate) fn self_service(
        &mut self,
        time: Timestamp,
        channel: ChannelId,
        entry_point: Option<&str>,
        outcome: SelfServiceOutcome,
    ) {
        let (entry_point, totals) = self.labels.entry(entry_point);
        totals[outcome.index()] += 1;
        if let Some(counts) = self.interval(time, channel, entry_point) {
            counts.count_self_service(outcome);
        }
    }

    /// Returns the increments of an interval; `None` without a history.
    fn interval(
        &mut self,
        time: Timestamp,
        channel: ChannelId,
        entry_point: Arc<str>,
    ) -> Option<&mut ArrivalCounts> {
        let start = self.layout.interval_of(time)?;
        Some(self.further.arrivals.entry((start, channel, entry_point)).or_default())
    }
}
