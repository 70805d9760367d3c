//! Counts of a series since the first record.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::measures::counters::{ContactCounts, ServiceLevelCounts, VisitCounts};
use crate::measures::histogram::BucketHistogram;
use crate::measures::native::NativeCounts;

/// Counts of a series since the first record. They never go down.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Visits by outcome.
    pub visits: VisitCounts,
    /// Service-level events.
    pub service_level: ServiceLevelCounts,
    /// Other events of contacts.
    pub contacts: ContactCounts,
    /// F: visits that left, by [`crate::event::LeftReason::index`].
    pub left: [u64; 8],
    /// L: lost visits.
    pub lost: u64,
    /// Waits of answered visits.
    pub wait_answered: BucketHistogram,
    /// Waits of abandoned visits.
    pub wait_abandoned: BucketHistogram,
    /// Handle times: talk + hold + wrap-up.
    pub handle: BucketHistogram,
    /// First response times, on the clock of the queue.
    pub first_response: BucketHistogram,
    /// Resolution times, on the clock of the queue.
    pub resolution: BucketHistogram,
    /// Survey answers by score.
    pub survey: BTreeMap<u16, u64>,
}

impl Totals {
    /// Adds totals that were counted with the same bounds of buckets.
    pub(crate) fn add(&mut self, more: &Totals) {
        // Without `..`, the compiler reports a new field that is not added here.
        let Totals {
            visits,
            service_level,
            contacts,
            left,
            lost,
            wait_answered,
            wait_abandoned,
            handle,
            first_response,
            resolution,
            survey,
        } = more;
        self.visits.add(visits);
        self.service_level.add(service_level);
        self.contacts.add(contacts);
        for (sum, more) in self.left.iter_mut().zip(left) {
            *sum = sum.saturating_add(*more);
        }
        self.lost = self.lost.saturating_add(*lost);
        self.wait_answered.add(wait_answered);
        self.wait_abandoned.add(wait_abandoned);
        self.handle.add(handle);
        self.first_response.add(first_response);
        self.resolution.add(resolution);
        for (score, count) in survey {
            let sum = self.survey.entry(*score).or_default();
            *sum = sum.saturating_add(*count);
        }
    }

    /// Returns the native counts of the five histograms, in the order of the stored form.
    pub(crate) fn natives(&self) -> [&NativeCounts; 5] {
        let Totals { wait_answered, wait_abandoned, handle, first_response, resolution, .. } = self;
        [wait_answered, wait_abandoned, handle, first_response, resolution]
            .map(|histogram| &histogram.native)
    }

    /// Sets the native counts of the five histograms, in the order of [`Self::natives`].
    pub(crate) fn set_natives(&mut self, natives: [NativeCounts; 5]) {
        let Totals { wait_answered, wait_abandoned, handle, first_response, resolution, .. } = self;
        let histograms = [wait_answered, wait_abandoned, handle, first_response, resolution];
        for (histogram, native) in histograms.into_iter().zip(natives) {
            histogram.native = native;
        }
    }
}
