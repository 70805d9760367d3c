//! Contacts that reach the centre, and what self-service does for them.

use std::sync::Arc;

use crate::bounded_labels::BoundedLabels;
use crate::event::{ChannelId, SelfServiceOutcome};
use crate::measures::{ArrivalCounts, FurtherIncrements};
use crate::time::Timestamp;
use crate::window::PaneLayout;

/// The most entry points of starts of one partition, without `other`. They are only labels of the
/// history, whose readers want to see them together.
pub(crate) const ENTRY_POINTS_MAX: usize = 64;

/// The longest entry point, in bytes. A longer one is a text and no name.
const ENTRY_POINT_BYTES_MAX: usize = 64;

/// The counts that an arrival changes: those since the beginning and those of its interval.
pub(crate) struct Arrivals<'a> {
    pub(crate) layout: &'a PaneLayout,
    /// The entry points of starts. Apart from those of self-service, so that a source of many
    /// pages leaves room for the numbers of a voice menu.
    pub(crate) entry_points: &'a mut BoundedLabels<()>,
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
        let (entry_point, ()) = listed(self.entry_points, entry_point);
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
        let (entry_point, totals) = listed(self.labels, entry_point);
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

/// Returns the label of an entry point, and its value. What follows `?` or `#` in the address of a
/// page is of one visit, and no part of the label.
fn listed<'l, T: Default>(
    labels: &'l mut BoundedLabels<T>,
    entry_point: Option<&str>,
) -> (Arc<str>, &'l mut T) {
    let Some(text) = entry_point else { return labels.entry(None) };
    let end = text.find(['?', '#']).unwrap_or(text.len());
    match &text[..end] {
        name if name.is_empty() || name.len() > ENTRY_POINT_BYTES_MAX => labels.refuse(),
        name => labels.entry(Some(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_point_ends_at_its_query_and_counts_as_other_when_it_is_no_name() {
        let mut labels = BoundedLabels::<u64>::new(4);
        let long = "x".repeat(65);
        let mut label = |text| {
            let (label, count) = listed(&mut labels, text);
            *count += 1;
            label.to_string()
        };
        assert_eq!(label(Some("/order?id=1")), "/order");
        assert_eq!(label(Some("/order?id=2#top")), "/order");
        assert_eq!(label(Some("/order#top?")), "/order");
        assert_eq!(label(Some(&long[..64])), long[..64]);
        assert_eq!(label(Some(&long)), "other");
        assert_eq!(label(Some("?id=1")), "other");
        assert_eq!(label(None), "unknown");
        assert_eq!(labels.refused(), 2);
        assert_eq!(labels.iter().count(), 4);
    }
}
