//! Counts in the form of older ledgers: by position, one field after the other.
//!
//! Up to the third version of the ledger, a new counter made every stored state unreadable. These
//! types are only read; the next checkpoint writes the groups of the table of counters instead. A
//! counter that was added since then is 0.

#![allow(clippy::needless_update, reason = "a group can get a counter that older ledgers lack")]

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::measures::{
    BucketHistogram, ContactCounts, DurationSums, ServiceLevelCounts, Totals, VisitCounts,
    WindowCounts,
};
use crate::time::Millis;

/// The fields of [`WindowCounts`] by position.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) struct PositionalWindowCounts {
    offered: u64,
    answered: u64,
    answered_in_target: u64,
    abandoned: u64,
    abandoned_in_target: u64,
    abandoned_short: u64,
    left: u64,
    met: u64,
    missed: u64,
    wait_sum_ms: u64,
    wait_max_ms: u64,
    abandon_wait_sum_ms: u64,
    handled: u64,
    handle_sum_ms: u64,
}

impl From<PositionalWindowCounts> for WindowCounts {
    fn from(stored: PositionalWindowCounts) -> Self {
        WindowCounts {
            visits: VisitCounts {
                offered: stored.offered,
                answered: stored.answered,
                answered_in_target: stored.answered_in_target,
                abandoned: stored.abandoned,
                abandoned_in_target: stored.abandoned_in_target,
                abandoned_short: stored.abandoned_short,
                ..VisitCounts::default()
            },
            service_level: ServiceLevelCounts {
                met: stored.met,
                missed: stored.missed,
                ..ServiceLevelCounts::default()
            },
            left: stored.left,
            sums: DurationSums {
                wait_sum_ms: stored.wait_sum_ms,
                abandon_wait_sum_ms: stored.abandon_wait_sum_ms,
                handled: stored.handled,
                handle_sum_ms: stored.handle_sum_ms,
                ..DurationSums::default()
            },
            wait_max: Millis(stored.wait_max_ms),
        }
    }
}

/// The fields of [`Totals`] by position.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) struct PositionalTotals {
    offered: u64,
    answered: u64,
    answered_in_target: u64,
    abandoned: u64,
    abandoned_in_target: u64,
    abandoned_short: u64,
    left: [u64; 8],
    lost: u64,
    met: u64,
    missed: u64,
    wait_answered: BucketHistogram,
    wait_abandoned: BucketHistogram,
    handle: BucketHistogram,
    first_response: BucketHistogram,
    resolution: BucketHistogram,
    not_answered: u64,
    transfers: u64,
    reopened: u64,
    survey: BTreeMap<u16, u64>,
}

impl From<PositionalTotals> for Totals {
    fn from(stored: PositionalTotals) -> Self {
        Totals {
            visits: VisitCounts {
                offered: stored.offered,
                answered: stored.answered,
                answered_in_target: stored.answered_in_target,
                abandoned: stored.abandoned,
                abandoned_in_target: stored.abandoned_in_target,
                abandoned_short: stored.abandoned_short,
                ..VisitCounts::default()
            },
            service_level: ServiceLevelCounts {
                met: stored.met,
                missed: stored.missed,
                ..ServiceLevelCounts::default()
            },
            contacts: ContactCounts {
                not_answered: stored.not_answered,
                transfers: stored.transfers,
                reopened: stored.reopened,
                ..ContactCounts::default()
            },
            left: stored.left,
            lost: stored.lost,
            wait_answered: stored.wait_answered,
            wait_abandoned: stored.wait_abandoned,
            handle: stored.handle,
            first_response: stored.first_response,
            resolution: stored.resolution,
            survey: stored.survey,
        }
    }
}

/// Conversions into the older forms, for tests that write a ledger of an older version.
#[cfg(test)]
mod written {
    use super::*;

    impl From<WindowCounts> for PositionalWindowCounts {
        fn from(counts: WindowCounts) -> Self {
            let WindowCounts { visits, service_level, left, sums, wait_max } = counts;
            PositionalWindowCounts {
                offered: visits.offered,
                answered: visits.answered,
                answered_in_target: visits.answered_in_target,
                abandoned: visits.abandoned,
                abandoned_in_target: visits.abandoned_in_target,
                abandoned_short: visits.abandoned_short,
                left,
                met: service_level.met,
                missed: service_level.missed,
                wait_sum_ms: sums.wait_sum_ms,
                wait_max_ms: wait_max.get(),
                abandon_wait_sum_ms: sums.abandon_wait_sum_ms,
                handled: sums.handled,
                handle_sum_ms: sums.handle_sum_ms,
            }
        }
    }

    impl From<Totals> for PositionalTotals {
        fn from(totals: Totals) -> Self {
            let Totals { visits, service_level, contacts, .. } = totals;
            PositionalTotals {
                offered: visits.offered,
                answered: visits.answered,
                answered_in_target: visits.answered_in_target,
                abandoned: visits.abandoned,
                abandoned_in_target: visits.abandoned_in_target,
                abandoned_short: visits.abandoned_short,
                left: totals.left,
                lost: totals.lost,
                met: service_level.met,
                missed: service_level.missed,
                wait_answered: totals.wait_answered,
                wait_abandoned: totals.wait_abandoned,
                handle: totals.handle,
                first_response: totals.first_response,
                resolution: totals.resolution,
                not_answered: contacts.not_answered,
                transfers: contacts.transfers,
                reopened: contacts.reopened,
                survey: totals.survey,
            }
        }
    }
}
