//! What a fact adds to a window.

use crate::measures::hdr_counts::hdr_index;
use crate::measures::window_counts::WindowCounts;

/// What a fact adds to a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WindowUpdate {
    Offered,
    Answered { wait_ms: u64, in_target: bool },
    Abandoned { wait_ms: u64, in_target: bool, short: bool },
    Left,
    Met,
    Missed,
    Handled { handle_ms: u64 },
}

impl WindowUpdate {
    pub(crate) fn add_to(self, counts: &mut WindowCounts) {
        match self {
            WindowUpdate::Offered => counts.offered += 1,
            WindowUpdate::Answered { wait_ms, in_target } => {
                counts.answered += 1;
                counts.answered_in_target += u64::from(in_target);
                counts.wait_sum_ms += wait_ms;
                counts.wait_max_ms = counts.wait_max_ms.max(wait_ms);
            }
            WindowUpdate::Abandoned { wait_ms, in_target, short } => {
                counts.abandoned += 1;
                counts.abandoned_in_target += u64::from(in_target);
                counts.abandoned_short += u64::from(short);
                counts.abandon_wait_sum_ms += wait_ms;
            }
            WindowUpdate::Left => counts.left += 1,
            WindowUpdate::Met => counts.met += 1,
            WindowUpdate::Missed => counts.missed += 1,
            WindowUpdate::Handled { handle_ms } => {
                counts.handled += 1;
                counts.handle_sum_ms += handle_ms;
            }
        }
    }

    /// The inverse of [`Self::add_to`], but for the maximum.
    pub(crate) fn take_from(self, counts: &mut WindowCounts) {
        match self {
            WindowUpdate::Offered => counts.offered -= 1,
            WindowUpdate::Answered { wait_ms, in_target } => {
                counts.answered -= 1;
                counts.answered_in_target -= u64::from(in_target);
                counts.wait_sum_ms -= wait_ms;
            }
            WindowUpdate::Abandoned { wait_ms, in_target, short } => {
                counts.abandoned -= 1;
                counts.abandoned_in_target -= u64::from(in_target);
                counts.abandoned_short -= u64::from(short);
                counts.abandon_wait_sum_ms -= wait_ms;
            }
            WindowUpdate::Left => counts.left -= 1,
            WindowUpdate::Met => counts.met -= 1,
            WindowUpdate::Missed => counts.missed -= 1,
            WindowUpdate::Handled { handle_ms } => {
                counts.handled -= 1;
                counts.handle_sum_ms -= handle_ms;
            }
        }
    }

    pub(crate) fn cell(self) -> Option<u16> {
        match self {
            WindowUpdate::Answered { wait_ms, .. } => Some(hdr_index(wait_ms) as u16),
            _ => None,
        }
    }
}
