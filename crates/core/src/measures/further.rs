//! Increments of the tables of the interval history that are not about one queue and channel with
//! its visits: arrivals, units, scores, pauses, heads.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::event::{AgentState, ChannelId};
use crate::measures::counters::{ArrivalCounts, UnitCounts};
use crate::time::Timestamp;

/// Increments since the last checkpoint, by the start of the interval and the labels of a row.
///
/// The labels are names and no numbers of a registry, so that increments that were not stored can
/// be added to later ones as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FurtherIncrements {
    /// Contacts and self-service outcomes, by channel and entry point.
    pub arrivals: BTreeMap<(Timestamp, ChannelId, Arc<str>), ArrivalCounts>,
    /// Follow-ups, by unit.
    pub units: BTreeMap<(Timestamp, Arc<str>), UnitCounts>,
    /// Survey answers, by queue, channel and score.
    pub scores: BTreeMap<(Timestamp, Arc<str>, ChannelId, u16), u64>,
    /// Milliseconds in which heads were paused, by reason.
    pub pauses: BTreeMap<(Timestamp, Arc<str>), u64>,
    /// Milliseconds of heads, by [`AgentState::index`].
    pub heads: BTreeMap<Timestamp, [u64; AgentState::ALL.len()]>,
}

impl FurtherIncrements {
    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        let FurtherIncrements { arrivals, units, scores, pauses, heads } = self;
        arrivals.len() + units.len() + scores.len() + pauses.len() + heads.len()
    }

    /// Returns whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds other increments, row by row.
    pub fn add(&mut self, more: FurtherIncrements) {
        let FurtherIncrements { arrivals, units, scores, pauses, heads } = more;
        for (row, counts) in arrivals {
            self.arrivals.entry(row).or_default().add(&counts);
        }
        for (row, counts) in units {
            self.units.entry(row).or_default().add(&counts);
        }
        for (row, count) in scores {
            add(self.scores.entry(row).or_default(), count);
        }
        for (row, paused_ms) in pauses {
            add(self.pauses.entry(row).or_default(), paused_ms);
        }
        for (start, state_ms) in heads {
            let sums = self.heads.entry(start).or_default();
            sums.iter_mut().zip(state_ms).for_each(|(sum, more)| add(sum, more));
        }
    }
}

fn add(sum: &mut u64, more: u64) {
    *sum = sum.saturating_add(more);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn increments(start: i64, count: u64) -> FurtherIncrements {
        let start = Timestamp(start);
        let contacts = ArrivalCounts { contacts: count, ..ArrivalCounts::default() };
        let units = UnitCounts { opened: count, ..UnitCounts::default() };
        FurtherIncrements {
            arrivals: BTreeMap::from([((start, ChannelId::PHONE, "main".into()), contacts)]),
            units: BTreeMap::from([((start, "north".into()), units)]),
            scores: BTreeMap::from([((start, "fault".into(), ChannelId::PHONE, 5), count)]),
            pauses: BTreeMap::from([((start, "lunch".into()), count)]),
            heads: BTreeMap::from([(start, [0, 0, 0, count, 0])]),
        }
    }

    #[test]
    fn increments_add_row_by_row_when_they_are_rolled_back() {
        let mut sum = increments(0, 2);
        sum.add(increments(0, 3));
        assert_eq!(sum, increments(0, 5));
        assert_eq!(sum.len(), 5);
        sum.add(increments(900_000, 7));
        assert_eq!(sum.len(), 10);
        assert!(!sum.is_empty() && FurtherIncrements::default().is_empty());
    }
}
