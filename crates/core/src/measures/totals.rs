//! Counts since the beginning.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::measures::counters::{ContactCounts, ServiceLevelCounts, VisitCounts};
use crate::measures::histogram::BucketHistogram;
use crate::measures::native::NativeCounts;

/// Counts since the beginning; never go down.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// What became of visits.
    pub visits: VisitCounts,
    /// Service-level events.
    pub service_level: ServiceLevelCounts,
    /// What else happened to contacts.
    pub contacts: ContactCounts,
    /// F: left in another way, by [`crate::event::LeftReason::index`].
    pub left: [u64; 8],
    /// L: visits that never ended.
    pub lost: u64,
    /// Wait of answered visits.
    pub wait_answered: BucketHistogram,
    /// Wait of abandoned visits.
    pub wait_abandoned: BucketHistogram,
    /// Talk + hold + wrap-up.
    pub handle: BucketHistogram,
    /// First response, on the queue's clock.
    pub first_response: BucketHistogram,
    /// Resolution, on the queue's clock.
    pub resolution: BucketHistogram,
    /// Survey answers by score.
    pub survey: BTreeMap<u16, u64>,
}

impl Totals {
    /// Adds other totals, which were counted under the same bounds.
    pub(crate) fn add(&mut self, more: &Totals) {
        // Taken apart by name, so that the compiler finds a field that is forgotten here.
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

    /// The native counts of the five histograms, to be stored.
    pub(crate) fn natives(&self) -> [&NativeCounts; 5] {
        let Totals { wait_answered, wait_abandoned, handle, first_response, resolution, .. } = self;
        [wait_answered, wait_abandoned, handle, first_response, resolution]
            .map(|histogram| &histogram.native)
    }

    /// Takes over what [`Self::natives`] gave.
    pub(crate) fn set_natives(&mut self, natives: [NativeCounts; 5]) {
        let Totals { wait_answered, wait_abandoned, handle, first_response, resolution, .. } = self;
        let histograms = [wait_answered, wait_abandoned, handle, first_response, resolution];
        for (histogram, native) in histograms.into_iter().zip(natives) {
            histogram.native = native;
        }
    }
}
