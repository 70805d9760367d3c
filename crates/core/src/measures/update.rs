//! Window updates: the contributions of facts to windows.

use crate::measures::counters::{DurationSums, ServiceLevelCounts, VisitCounts};
use crate::measures::hdr_counts::hdr_index;
use crate::measures::window_counts::WindowCounts;
use crate::time::Millis;

/// The contribution of a fact to a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WindowUpdate {
    Offered,
    Answered { wait: Millis, in_target: bool },
    Abandoned { wait: Millis, in_target: bool, short: bool },
    Left,
    Met,
    Missed,
    Handled { duration: Millis },
}

impl WindowUpdate {
    /// Counts the update among the visits or among the service-level events.
    pub(crate) fn count(self, visits: &mut VisitCounts, service_level: &mut ServiceLevelCounts) {
        match self {
            WindowUpdate::Offered => visits.offered += 1,
            WindowUpdate::Answered { in_target, .. } => {
                visits.answered += 1;
                visits.answered_in_target += u64::from(in_target);
            }
            WindowUpdate::Abandoned { in_target, short, .. } => {
                visits.abandoned += 1;
                visits.abandoned_in_target += u64::from(in_target);
                visits.abandoned_short += u64::from(short);
            }
            WindowUpdate::Met => service_level.met += 1,
            WindowUpdate::Missed => service_level.missed += 1,
            WindowUpdate::Left | WindowUpdate::Handled { .. } => {}
        }
    }

    /// Adds the duration of the update, if it has one.
    pub(crate) fn sum(self, sums: &mut DurationSums) {
        match self {
            WindowUpdate::Answered { wait, .. } => sums.wait_sum_ms += wait.get(),
            WindowUpdate::Abandoned { wait, .. } => sums.abandon_wait_sum_ms += wait.get(),
            WindowUpdate::Handled { duration } => {
                sums.handled += 1;
                sums.handle_sum_ms += duration.get();
            }
            _ => {}
        }
    }

    /// Adds the update to the counts of a window or pane.
    pub(crate) fn add_to(self, counts: &mut WindowCounts) {
        self.count(&mut counts.visits, &mut counts.service_level);
        self.sum(&mut counts.sums);
        match self {
            WindowUpdate::Left => counts.left += 1,
            WindowUpdate::Answered { wait, .. } => {
                counts.wait_max = counts.wait_max.max(wait);
            }
            _ => {}
        }
    }

    /// Subtracts the update from counts that contain it. The maximum stays, because the next lower
    /// value is not known.
    pub(crate) fn take_from(self, counts: &mut WindowCounts) {
        let mut one = WindowCounts::default();
        self.add_to(&mut one);
        counts.subtract(&one);
    }

    /// Returns the HDR cell of the wait of an answered visit; `None` for every other update.
    pub(crate) fn cell(self) -> Option<u16> {
        match self {
            WindowUpdate::Answered { wait, .. } => Some(hdr_index(wait.get()) as u16),
            _ => None,
        }
    }
}
