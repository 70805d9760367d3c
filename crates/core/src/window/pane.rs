//! What happened in one pane of one series.
//!
//! A queue has 720 panes an hour and most of them hold a fact or two, so that these are kept as they are, eight bytes
//! each. Where there are more, they are added up.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::measures::{Cells, Entry, WindowCounts};

/// An entry in eight bytes: which it is, two flags, and a duration.
#[derive(Clone, Copy, Debug)]
struct Packed(u64);

impl Packed {
    const FLAG: u64 = 1 << 3;
    const SHORT: u64 = 1 << 4;
    const VALUE_SHIFT: u32 = 5;

    /// `None` where the duration is too long: 18 million years.
    fn of(entry: Entry) -> Option<Packed> {
        let (number, value, in_target, short) = match entry {
            Entry::Offered => (0, 0, false, false),
            Entry::Answered { wait_ms, in_target } => (1, wait_ms, in_target, false),
            Entry::Abandoned { wait_ms, in_target, short } => (2, wait_ms, in_target, short),
            Entry::Left => (3, 0, false, false),
            Entry::Met => (4, 0, false, false),
            Entry::Missed => (5, 0, false, false),
            Entry::Handled { handle_ms } => (6, handle_ms, false, false),
        };
        let flags = (u64::from(in_target) * Self::FLAG) | (u64::from(short) * Self::SHORT);
        (value >> (u64::BITS - Self::VALUE_SHIFT) == 0)
            .then_some(Packed((value << Self::VALUE_SHIFT) | flags | number))
    }

    fn entry(self) -> Entry {
        let (value, in_target, short) =
            (self.0 >> Self::VALUE_SHIFT, self.0 & Self::FLAG != 0, self.0 & Self::SHORT != 0);
        match self.0 & (Self::FLAG - 1) {
            0 => Entry::Offered,
            1 => Entry::Answered { wait_ms: value, in_target },
            2 => Entry::Abandoned { wait_ms: value, in_target, short },
            3 => Entry::Left,
            4 => Entry::Met,
            5 => Entry::Missed,
            _ => Entry::Handled { handle_ms: value },
        }
    }
}

/// Facts added up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sums {
    pub(crate) counts: WindowCounts,
    /// Wait of answered visits.
    pub(crate) waits: Cells,
}

impl Sums {
    fn add(&mut self, entry: Entry) {
        entry.add_to(&mut self.counts);
        if let Entry::Answered { wait_ms, .. } = entry {
            self.waits.increment(wait_ms);
        }
    }

    /// The facts one by one, if they are few and can still be told apart.
    fn entries(&self) -> Option<SmallVec<[Packed; INLINE]>> {
        let WindowCounts { offered, answered, abandoned, left, met, missed, handled, .. } =
            self.counts;
        let sum = [offered, answered, abandoned, left, met, missed, handled]
            .into_iter()
            .fold(0, u64::saturating_add);
        if sum > FEW as u64 || answered.max(abandoned).max(handled) > 1 {
            return None;
        }
        let counts = &self.counts;
        let answer = Entry::Answered {
            wait_ms: counts.wait_sum_ms,
            in_target: counts.answered_in_target > 0,
        };
        let abandonment = Entry::Abandoned {
            wait_ms: counts.abandon_wait_sum_ms,
            in_target: counts.abandoned_in_target > 0,
            short: counts.abandoned_short > 0,
        };
        let handling = Entry::Handled { handle_ms: counts.handle_sum_ms };
        let entries = [
            (Entry::Offered, offered),
            (answer, answered),
            (abandonment, abandoned),
            (Entry::Left, left),
            (Entry::Met, met),
            (Entry::Missed, missed),
            (handling, handled),
        ];
        let entries =
            entries.into_iter().flat_map(|(entry, many)| std::iter::repeat_n(entry, many as usize));
        entries.map(Packed::of).collect()
    }
}

/// Facts of a pane that are kept one by one.
const FEW: usize = 12;

/// Facts that need no memory of their own.
const INLINE: usize = 3;

#[derive(Clone, Debug)]
enum Facts {
    Few(SmallVec<[Packed; INLINE]>),
    Many(Box<Sums>),
}

/// One pane of one series.
#[derive(Clone, Debug)]
pub(crate) struct Pane {
    pub(crate) index: i64,
    facts: Facts,
    /// Differs from what is stored.
    pub(crate) changed: bool,
}

/// A pane as the ledger has it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredPane {
    pub(crate) index: i64,
    counts: WindowCounts,
    waits: Vec<(u16, u32)>,
}

impl Pane {
    /// One without facts.
    pub(crate) fn new(index: i64) -> Self {
        Pane { index, facts: Facts::Few(SmallVec::new()), changed: false }
    }

    pub(crate) fn add(&mut self, entry: Entry) {
        if let Facts::Few(entries) = &mut self.facts {
            match Packed::of(entry) {
                Some(packed) if entries.len() < FEW => return entries.push(packed),
                _ => self.facts = Facts::Many(Box::new(self.sums())),
            }
        }
        if let Facts::Many(sums) = &mut self.facts {
            sums.add(entry);
        }
    }

    /// The facts, where they are kept one by one.
    pub(crate) fn few(&self) -> impl Iterator<Item = Entry> + '_ {
        let few = match &self.facts {
            Facts::Few(entries) => entries.as_slice(),
            Facts::Many(_) => &[],
        };
        few.iter().map(|packed| packed.entry())
    }

    /// The facts, where they are added up.
    pub(crate) fn many(&self) -> Option<&Sums> {
        match &self.facts {
            Facts::Few(_) => None,
            Facts::Many(sums) => Some(sums),
        }
    }

    fn sums(&self) -> Sums {
        let mut sums = self.many().cloned().unwrap_or_default();
        self.few().for_each(|entry| sums.add(entry));
        sums
    }

    /// As it is to be stored.
    pub(crate) fn stored(&self) -> StoredPane {
        let Sums { counts, waits } = self.sums();
        StoredPane { index: self.index, counts, waits: waits.counts }
    }
}

impl StoredPane {
    pub(crate) fn wait_max_ms(&self) -> u64 {
        self.counts.wait_max_ms
    }
}

impl From<StoredPane> for Pane {
    fn from(stored: StoredPane) -> Self {
        let sums = Sums { counts: stored.counts, waits: Cells { counts: stored.waits } };
        let facts = sums.entries().map_or_else(|| Facts::Many(Box::new(sums)), Facts::Few);
        Pane { index: stored.index, facts, changed: false }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry() -> impl Strategy<Value = Entry> {
        let duration =
            prop_oneof![0_u64..100_000, Just(1 << 40), Just((1 << 59) - 1), Just(1 << 59)];
        (0..7, duration, any::<bool>(), any::<bool>()).prop_map(|(which, ms, in_target, short)| {
            match which {
                0 => Entry::Offered,
                1 => Entry::Answered { wait_ms: ms, in_target },
                2 => Entry::Abandoned { wait_ms: ms, in_target, short },
                3 => Entry::Left,
                4 => Entry::Met,
                5 => Entry::Missed,
                _ => Entry::Handled { handle_ms: ms },
            }
        })
    }

    proptest! {
        #[test]
        fn an_entry_is_unpacked_as_it_was(entry in entry()) {
            let long = matches!(entry,
                Entry::Answered { wait_ms: ms, .. } | Entry::Abandoned { wait_ms: ms, .. } | Entry::Handled { handle_ms: ms }
                if ms >> 59 > 0);
            prop_assert_eq!(Packed::of(entry).map(Packed::entry), (!long).then_some(entry));
        }

        /// However its facts are kept, before and after it was stored.
        #[test]
        fn a_pane_has_the_sums_of_its_facts(entries in prop::collection::vec(entry(), 0..20)) {
            let (mut pane, mut due) = (Pane::new(7), Sums::default());
            for entry in entries {
                pane.add(entry);
                due.add(entry);
                let restored = Pane::from(pane.stored());
                for pane in [&pane, &restored] {
                    let told = pane.sums();
                    prop_assert_eq!((pane.index, told.counts, &told.waits), (7, due.counts, &due.waits));
                }
            }
        }
    }

    #[test]
    fn taking_out_undoes_adding() {
        let entries = [
            Entry::Offered,
            Entry::Answered { wait_ms: 5, in_target: true },
            Entry::Abandoned { wait_ms: 6, in_target: true, short: true },
            Entry::Left,
            Entry::Met,
            Entry::Missed,
            Entry::Handled { handle_ms: 7 },
        ];
        let mut counts = WindowCounts::default();
        entries.iter().for_each(|entry| entry.add_to(&mut counts));
        entries.iter().for_each(|entry| entry.take_from(&mut counts));
        assert_eq!(counts, WindowCounts { wait_max_ms: 5, ..WindowCounts::default() });
    }

    #[test]
    fn a_pane_with_little_in_it_is_small() {
        assert!(size_of::<Pane>() <= 64, "{}", size_of::<Pane>());
        let mut pane = Pane::new(1);
        for entry in [Entry::Offered, Entry::Answered { wait_ms: 12, in_target: true }, Entry::Met]
        {
            pane.add(entry);
        }
        let restored = Pane::from(pane.stored());
        assert!(
            matches!(&restored.facts, Facts::Few(entries) if !entries.spilled()),
            "also after a restart"
        );
    }
}
