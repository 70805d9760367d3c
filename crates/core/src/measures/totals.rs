//! Counts since the beginning.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::measures::histogram::BucketHistogram;
use crate::measures::native::NativeCounts;

/// Counts since the beginning; never go down.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Visits that entered.
    pub offered: u64,
    /// A: visits answered.
    pub answered: u64,
    /// N: answered with wait <= T.
    pub answered_in_target: u64,
    /// Ab: abandoned while waiting.
    pub abandoned: u64,
    /// AbT: abandoned with wait <= T.
    pub abandoned_in_target: u64,
    /// AbS: abandoned with wait <= S.
    pub abandoned_short: u64,
    /// F: left in another way, by [`crate::event::LeftReason::index`].
    pub left: [u64; 8],
    /// L: never ended.
    pub lost: u64,
    /// Service-level events met.
    pub met: u64,
    /// Service-level events missed.
    pub missed: u64,
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
    /// Offers that the agent did not take.
    pub not_answered: u64,
    /// Handed over while in service.
    pub transfers: u64,
    /// Matters opened again.
    pub reopened: u64,
    /// Survey answers by score.
    pub survey: BTreeMap<u16, u64>,
}

impl Totals {
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
