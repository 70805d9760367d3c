//! The facts of one pane of one series.
//!
//! A queue has 720 panes per hour, and most contain one or two facts. A pane with few facts keeps
//! them one by one in eight bytes each, which needs less memory than sums. A pane with more facts
//! keeps only their sums.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::measures::{SparseHdrCounts, WindowCounts, WindowUpdate};
use crate::time::Millis;
use crate::window::layout::PaneIndex;

/// A window update in eight bytes: its variant, two flags and a duration.
#[derive(Clone, Copy, Debug)]
struct PackedUpdate(u64);

impl PackedUpdate {
    const FLAG: u64 = 1 << 3;
    const SHORT: u64 = 1 << 4;
    const VALUE_SHIFT: u32 = 5;

    /// Packs an update. Returns `None` for a duration of 2^59 milliseconds (18 million years) or
    /// more.
    fn of(update: WindowUpdate) -> Option<PackedUpdate> {
        let (number, value, in_target, short) = match update {
            WindowUpdate::Offered => (0, 0, false, false),
            WindowUpdate::Answered { wait, in_target } => (1, wait.get(), in_target, false),
            WindowUpdate::Abandoned { wait, in_target, short } => (2, wait.get(), in_target, short),
            WindowUpdate::Left => (3, 0, false, false),
            WindowUpdate::Met => (4, 0, false, false),
            WindowUpdate::Missed => (5, 0, false, false),
            WindowUpdate::Handled { duration } => (6, duration.get(), false, false),
        };
        let flags = (u64::from(in_target) * Self::FLAG) | (u64::from(short) * Self::SHORT);
        (value >> (u64::BITS - Self::VALUE_SHIFT) == 0)
            .then_some(PackedUpdate((value << Self::VALUE_SHIFT) | flags | number))
    }

    /// Unpacks the update.
    fn update(self) -> WindowUpdate {
        let (value, in_target, short) =
            (self.0 >> Self::VALUE_SHIFT, self.0 & Self::FLAG != 0, self.0 & Self::SHORT != 0);
        match self.0 & (Self::FLAG - 1) {
            0 => WindowUpdate::Offered,
            1 => WindowUpdate::Answered { wait: Millis(value), in_target },
            2 => WindowUpdate::Abandoned { wait: Millis(value), in_target, short },
            3 => WindowUpdate::Left,
            4 => WindowUpdate::Met,
            5 => WindowUpdate::Missed,
            6 => WindowUpdate::Handled { duration: Millis(value) },
            number => unreachable!("`of` packs no update as {number}"),
        }
    }
}

/// The sums of the facts of a pane.
#[derive(Clone, Debug, Default)]
pub(crate) struct PaneTotals {
    pub(crate) counts: WindowCounts,
    /// Waits of answered visits, in milliseconds.
    pub(crate) waits: SparseHdrCounts,
}

impl PaneTotals {
    fn add(&mut self, update: WindowUpdate) {
        update.add_to(&mut self.counts);
        if let WindowUpdate::Answered { wait, .. } = update {
            self.waits.increment(wait.get());
        }
    }

    /// Returns the facts one by one. Returns `None` if there are more than [`SPARSE_MAX`], if one
    /// sum contains several durations, or if a duration is too long to be packed.
    fn entries(&self) -> Option<SmallVec<[PackedUpdate; INLINE]>> {
        let WindowCounts { visits, service_level, left, sums, .. } = self.counts;
        let (offered, answered, abandoned) = (visits.offered, visits.answered, visits.abandoned);
        let (met, missed, handled) = (service_level.met, service_level.missed, sums.handled);
        let sum = [offered, answered, abandoned, left, met, missed, handled]
            .into_iter()
            .fold(0, u64::saturating_add);
        if sum > SPARSE_MAX as u64 || answered.max(abandoned).max(handled) > 1 {
            return None;
        }
        let answer = WindowUpdate::Answered {
            wait: Millis(sums.wait_sum_ms),
            in_target: visits.answered_in_target > 0,
        };
        let abandonment = WindowUpdate::Abandoned {
            wait: Millis(sums.abandon_wait_sum_ms),
            in_target: visits.abandoned_in_target > 0,
            short: visits.abandoned_short > 0,
        };
        let handling = WindowUpdate::Handled { duration: Millis(sums.handle_sum_ms) };
        let entries = [
            (WindowUpdate::Offered, offered),
            (answer, answered),
            (abandonment, abandoned),
            (WindowUpdate::Left, left),
            (WindowUpdate::Met, met),
            (WindowUpdate::Missed, missed),
            (handling, handled),
        ];
        let entries = entries
            .into_iter()
            .flat_map(|(update, dense)| std::iter::repeat_n(update, dense as usize));
        entries.map(PackedUpdate::of).collect()
    }
}

/// The most facts that a pane keeps one by one.
const SPARSE_MAX: usize = 12;

/// The most facts that a pane stores without an allocation.
const INLINE: usize = 3;

/// The facts of a pane: one by one, or as sums.
#[derive(Clone, Debug)]
enum Facts {
    Sparse(SmallVec<[PackedUpdate; INLINE]>),
    Dense(Box<PaneTotals>),
}

/// One pane of one series.
#[derive(Clone, Debug)]
pub(crate) struct Pane {
    pub(crate) index: PaneIndex,
    facts: Facts,
    /// Whether the pane differs from the ledger.
    pub(crate) changed: bool,
}

/// The stored form of a pane, with its counts in the form `C`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredPane<C = WindowCounts> {
    pub(crate) index: PaneIndex,
    counts: C,
    waits: Vec<(u16, u32)>,
}

impl Pane {
    /// Returns a pane without facts.
    pub(crate) fn new(index: PaneIndex) -> Self {
        Pane { index, facts: Facts::Sparse(SmallVec::new()), changed: false }
    }

    /// Adds a fact. When a fact exceeds [`SPARSE_MAX`] or cannot be packed, the pane changes to
    /// sums.
    pub(crate) fn add(&mut self, update: WindowUpdate) {
        if let Facts::Sparse(entries) = &mut self.facts {
            match PackedUpdate::of(update) {
                Some(packed) if entries.len() < SPARSE_MAX => return entries.push(packed),
                _ => self.facts = Facts::Dense(Box::new(self.sums())),
            }
        }
        if let Facts::Dense(sums) = &mut self.facts {
            sums.add(update);
        }
    }

    /// Takes one miss out of the pane. Returns whether the pane has one.
    pub(crate) fn revoke_miss(&mut self) -> bool {
        match &mut self.facts {
            Facts::Sparse(entries) => {
                let is_miss = |packed: &PackedUpdate| packed.update() == WindowUpdate::Missed;
                let miss = entries.iter().position(is_miss);
                miss.map(|place| entries.remove(place)).is_some()
            }
            Facts::Dense(sums) => {
                let missed = &mut sums.counts.service_level.missed;
                let has_miss = *missed > 0;
                *missed -= u64::from(has_miss);
                has_miss
            }
        }
    }

    /// Returns the facts of a pane that keeps them one by one; nothing for a pane with sums.
    pub(crate) fn sparse(&self) -> impl Iterator<Item = WindowUpdate> + '_ {
        let sparse = match &self.facts {
            Facts::Sparse(entries) => entries.as_slice(),
            Facts::Dense(_) => &[],
        };
        sparse.iter().map(|packed| packed.update())
    }

    /// Returns the sums of a pane that keeps sums; `None` for a pane with facts one by one.
    pub(crate) fn dense(&self) -> Option<&PaneTotals> {
        match &self.facts {
            Facts::Sparse(_) => None,
            Facts::Dense(sums) => Some(sums),
        }
    }

    /// Returns the sums of all facts, however the pane keeps them.
    fn sums(&self) -> PaneTotals {
        let mut sums = self.dense().cloned().unwrap_or_default();
        self.sparse().for_each(|update| sums.add(update));
        sums
    }

    /// Returns the stored form of the pane.
    pub(crate) fn stored(&self) -> StoredPane {
        let PaneTotals { counts, waits } = self.sums();
        StoredPane { index: self.index, counts, waits: waits.counts }
    }
}

impl<C> StoredPane<C> {
    /// Returns the same pane with its counts in another form.
    pub(crate) fn map<D>(self, counts: impl FnOnce(C) -> D) -> StoredPane<D> {
        StoredPane { index: self.index, counts: counts(self.counts), waits: self.waits }
    }
}

impl StoredPane {
    /// Returns the longest wait of an answered visit.
    pub(crate) fn wait_max(&self) -> Millis {
        self.counts.wait_max
    }
}

impl From<StoredPane> for Pane {
    fn from(stored: StoredPane) -> Self {
        let sums =
            PaneTotals { counts: stored.counts, waits: SparseHdrCounts { counts: stored.waits } };
        let facts = sums.entries().map_or_else(|| Facts::Dense(Box::new(sums)), Facts::Sparse);
        Pane { index: stored.index, facts, changed: false }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::measures::{ServiceLevelCounts, VisitCounts};

    fn update() -> impl Strategy<Value = WindowUpdate> {
        let duration =
            prop_oneof![0_u64..100_000, Just(1 << 40), Just((1 << 59) - 1), Just(1 << 59)];
        (0..7, duration, any::<bool>(), any::<bool>()).prop_map(|(which, ms, in_target, short)| {
            let duration = Millis(ms);
            match which {
                0 => WindowUpdate::Offered,
                1 => WindowUpdate::Answered { wait: duration, in_target },
                2 => WindowUpdate::Abandoned { wait: duration, in_target, short },
                3 => WindowUpdate::Left,
                4 => WindowUpdate::Met,
                5 => WindowUpdate::Missed,
                _ => WindowUpdate::Handled { duration },
            }
        })
    }

    proptest! {
        #[test]
        fn packed_update_is_unchanged_when_it_is_unpacked(update in update()) {
            let long = matches!(update,
                WindowUpdate::Answered { wait: duration, .. }
                | WindowUpdate::Abandoned { wait: duration, .. }
                | WindowUpdate::Handled { duration }
                if duration.get() >> 59 > 0);
            let unpacked = PackedUpdate::of(update).map(PackedUpdate::update);
            prop_assert_eq!(unpacked, (!long).then_some(update));
        }

        /// Compares the sums of a pane with its facts, before and after it is stored.
        #[test]
        fn pane_has_the_sums_of_its_facts(updates in prop::collection::vec(update(), 0..20)) {
            let (mut pane, mut expected) = (Pane::new(PaneIndex(7)), PaneTotals::default());
            for update in updates {
                pane.add(update);
                expected.add(update);
                let restored = Pane::from(pane.stored());
                for pane in [&pane, &restored] {
                    let actual = pane.sums();
                    prop_assert_eq!(pane.index, PaneIndex(7));
                    prop_assert_eq!(actual.counts, expected.counts);
                    prop_assert_eq!(&actual.waits, &expected.waits);
                }
            }
        }
    }

    #[test]
    fn pane_loses_one_miss_for_each_revocation_when_it_has_one() {
        // With few facts a pane keeps them one by one, with many it keeps sums.
        for others in [0, SPARSE_MAX] {
            let mut pane = Pane::new(PaneIndex(1));
            for update in [WindowUpdate::Met, WindowUpdate::Missed, WindowUpdate::Missed] {
                pane.add(update);
            }
            (0..others).for_each(|_| pane.add(WindowUpdate::Offered));
            assert_eq!(pane.dense().is_some(), others > 0);
            for (is_taken, left) in [(true, 1), (true, 0), (false, 0)] {
                assert_eq!(pane.revoke_miss(), is_taken);
                let due = WindowCounts {
                    visits: VisitCounts { offered: others as u64, ..VisitCounts::default() },
                    service_level: ServiceLevelCounts { met: 1, missed: left },
                    ..WindowCounts::default()
                };
                assert_eq!(pane.sums().counts, due);
            }
        }
    }

    #[test]
    fn counts_keep_only_the_maximum_when_each_update_is_subtracted() {
        let entries = [
            WindowUpdate::Offered,
            WindowUpdate::Answered { wait: Millis(5), in_target: true },
            WindowUpdate::Abandoned { wait: Millis(6), in_target: true, short: true },
            WindowUpdate::Left,
            WindowUpdate::Met,
            WindowUpdate::Missed,
            WindowUpdate::Handled { duration: Millis(7) },
        ];
        let mut counts = WindowCounts::default();
        entries.iter().for_each(|update| update.add_to(&mut counts));
        entries.iter().for_each(|update| update.take_from(&mut counts));
        assert_eq!(counts, WindowCounts { wait_max: Millis(5), ..WindowCounts::default() });
    }

    #[test]
    fn pane_needs_no_allocation_when_it_has_few_facts() {
        assert!(size_of::<Pane>() <= 64, "{}", size_of::<Pane>());
        let mut pane = Pane::new(PaneIndex(1));
        for update in [
            WindowUpdate::Offered,
            WindowUpdate::Answered { wait: Millis(12), in_target: true },
            WindowUpdate::Met,
        ] {
            pane.add(update);
        }
        let restored = Pane::from(pane.stored());
        assert!(
            matches!(&restored.facts, Facts::Sparse(entries) if !entries.spilled()),
            "also after a restart"
        );
    }
}
