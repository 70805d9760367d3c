//! The reasons of pauses: a bounded list of words of the organisation.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::bounded_labels::OTHER_LABEL;

/// The most reasons of one partition, without those that stand for several.
const REASONS_MAX: usize = 32;

/// The longest reason, in bytes. A longer one is a text and no word.
const REASON_BYTES_MAX: usize = 64;

/// The label of a pause without a reason.
const NONE_LABEL: &str = "none";

/// The reason of a pause, by its place in [`PauseReasons`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PauseReason(pub(super) u16);

impl PauseReason {
    /// No reason was given.
    pub(crate) const NONE: Self = PauseReason(0);
    /// A reason past a bound.
    const OTHER: Self = PauseReason(1);
    /// The first one of the list.
    const FIRST_LISTED: u16 = 2;

    /// Returns the place of the reason in a list with `none` and `other` at its beginning.
    pub(super) fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// The reasons of one partition, in the order in which they came.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct PauseReasons {
    names: Vec<Arc<str>>,
    /// How often a reason was counted as `other`.
    refused: u64,
    /// Whether the list differs from the ledger.
    #[serde(skip)]
    pub(super) changed: bool,
}

impl PauseReasons {
    /// Returns the reason of that name, which is listed until the bound is reached.
    pub(crate) fn reason(&mut self, name: Option<&str>) -> PauseReason {
        let Some(name) = name.filter(|name| *name != NONE_LABEL) else { return PauseReason::NONE };
        let place = match self.names.iter().position(|known| **known == *name) {
            Some(place) => place,
            None if name == OTHER_LABEL => return PauseReason::OTHER,
            None if name.len() > REASON_BYTES_MAX || self.names.len() >= REASONS_MAX => {
                self.refused += 1;
                self.changed = true;
                return PauseReason::OTHER;
            }
            None => {
                self.names.push(name.into());
                self.changed = true;
                self.names.len() - 1
            }
        };
        PauseReason(PauseReason::FIRST_LISTED + place as u16)
    }

    /// Returns the label of a reason.
    pub(super) fn label(&self, index: usize) -> Arc<str> {
        let listed = index.checked_sub(usize::from(PauseReason::FIRST_LISTED));
        match listed {
            Some(place) => match self.names.get(place) {
                Some(name) => Arc::clone(name),
                None => OTHER_LABEL.into(),
            },
            None if index == PauseReason::NONE.index() => NONE_LABEL.into(),
            None => OTHER_LABEL.into(),
        }
    }

    /// Returns the times of a list by the label of the reason, without those that are 0.
    pub(super) fn by_label(&self, times: &[u64]) -> BTreeMap<Arc<str>, u64> {
        let mut labelled = BTreeMap::new();
        for (index, time) in times.iter().enumerate().filter(|(_, time)| **time > 0) {
            *labelled.entry(self.label(index)).or_default() += time;
        }
        labelled
    }

    /// Returns how often a reason was counted as `other`.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    /// Returns whether no pause has had a reason.
    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty() && self.refused == 0
    }
}

/// Adds the time of a pause to a list of times by reason.
pub(super) fn add_pause(times: &mut Vec<u64>, reason: PauseReason, time: u64) {
    if times.len() <= reason.index() {
        times.resize(reason.index() + 1, 0);
    }
    times[reason.index()] += time;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_count_as_other_when_there_are_too_many_or_one_is_too_long() {
        let mut reasons = PauseReasons::default();
        let known: Vec<_> =
            (0..REASONS_MAX).map(|n| reasons.reason(Some(&format!("break {n}")))).collect();
        assert_eq!(reasons.reason(Some("one more")), PauseReason::OTHER);
        assert_eq!(reasons.reason(Some(&"x".repeat(65))), PauseReason::OTHER);
        assert_eq!(reasons.refused(), 2);
        assert_eq!(reasons.reason(Some("break 31")), known[31]);
        assert_eq!(reasons.reason(None), PauseReason::NONE);
        assert_eq!(reasons.reason(Some("none")), PauseReason::NONE);
        assert_eq!(reasons.reason(Some("other")), PauseReason::OTHER);
        assert_eq!(reasons.refused(), 2);

        let mut times = Vec::new();
        for (reason, time) in [(PauseReason::NONE, 1), (PauseReason::OTHER, 2), (known[31], 3)] {
            add_pause(&mut times, reason, time);
        }
        let labelled = reasons.by_label(&times);
        let labelled: Vec<_> = labelled.iter().map(|(label, time)| (&**label, *time)).collect();
        assert_eq!(labelled, [("break 31", 3), ("none", 1), ("other", 2)]);
    }

    #[test]
    fn longest_reason_is_listed() {
        let mut reasons = PauseReasons::default();
        let reason = reasons.reason(Some(&"x".repeat(64)));
        assert_eq!(reason, PauseReason(PauseReason::FIRST_LISTED));
    }
}
