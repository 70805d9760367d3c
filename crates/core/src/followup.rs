//! Follow-ups: word that the callback unit owes a citizen.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::bounded_labels::BoundedLabels;
use crate::ids::BuildHashedKey;
use crate::measures::{ApplyOutcome, BucketHistogram, FollowupSnapshot, NativeCounts};
use crate::state::{Checkpoint, ChunkKind, PartSet, RestoreError, StateChunk, read};

/// Counts of one unit since the beginning.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct UnitTotals {
    pub(crate) opened: u64,
    pub(crate) informed: u64,
    pub(crate) duration: BucketHistogram,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Followup {
    /// Label of the unit that opened it, or that informed where the opening is not known.
    unit: Arc<str>,
    opened_ms: Option<i64>,
    due_ms: Option<i64>,
    informed_ms: Option<i64>,
    /// Stream time just after its last record.
    last_record_ms: i64,
}

/// The follow-ups of one partition.
#[derive(Debug)]
pub(crate) struct Followups {
    known: HashMap<u128, Followup, BuildHashedKey>,
    /// Informed follow-ups in order of their last record, to be forgotten.
    over: VecDeque<(i64, u128)>,
    units: BoundedLabels<UnitTotals>,
    bounds_ms: Vec<u64>,
    horizon_ms: u64,
    limit: usize,
    /// Follow-ups not remembered because of the bound.
    pub(crate) refused: u64,
    /// Parts that differ from what is stored.
    changed: PartSet,
}

/// What is stored of the follow-ups besides themselves.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FollowupsHeader {
    units: BoundedLabels<UnitTotals>,
    refused: u64,
}

impl Followups {
    pub(crate) fn new(
        bounds_ms: Vec<u64>,
        horizon_ms: u64,
        limit: usize,
        units_max: usize,
    ) -> Self {
        Followups {
            known: HashMap::default(),
            over: VecDeque::new(),
            units: BoundedLabels::new(units_max),
            bounds_ms,
            horizon_ms,
            limit,
            refused: 0,
            changed: PartSet::default(),
        }
    }

    /// What is stored besides the follow-ups themselves.
    pub(crate) fn header(&self) -> FollowupsHeader {
        FollowupsHeader { units: self.units.clone(), refused: self.refused }
    }

    /// Takes over what [`Self::header`] gave; its histograms have the bounds `stored_bounds_ms`.
    pub(crate) fn set_header(&mut self, header: FollowupsHeader, stored_bounds_ms: &[u64]) {
        self.units.take_over(header.units);
        for totals in self.units.values_mut() {
            totals.duration.move_to(stored_bounds_ms, &self.bounds_ms);
            totals.duration.native_from_classic(&self.bounds_ms);
        }
        self.refused = header.refused;
    }

    /// Adds the parts that changed; all where nothing is stored.
    pub(crate) fn write_checkpoint(&mut self, all: bool, checkpoint: &mut Checkpoint) {
        if all || !self.changed.is_empty() {
            let natives: Vec<_> =
                self.units.iter().map(|(unit, totals)| (unit, &totals.duration.native)).collect();
            checkpoint.put(ChunkKind::UnitNative, 0, &natives);
        }
        self.changed.write_checkpoint(ChunkKind::Followups, &self.known, all, checkpoint);
    }

    /// Puts a stored part back.
    pub(crate) fn restore(&mut self, chunk: &StateChunk) -> Result<(), RestoreError> {
        self.known.extend(PartSet::restore::<Followup>(chunk)?);
        Ok(())
    }

    /// Puts the stored native counts of the units in the place of those that [`Self::set_header`] made.
    pub(crate) fn restore_natives(&mut self, chunk: &StateChunk) -> Result<(), RestoreError> {
        for (unit, native) in read::<Vec<(Arc<str>, NativeCounts)>>(chunk)? {
            self.units.entry(Some(&unit)).1.duration.native = native;
        }
        Ok(())
    }

    /// Rebuilds what follows from the follow-ups.
    pub(crate) fn derive(&mut self) {
        let over = self.known.iter().filter(|(_, followup)| followup.informed_ms.is_some());
        let mut over: Vec<(i64, u128)> =
            over.map(|(key, followup)| (followup.last_record_ms, *key)).collect();
        over.sort_unstable();
        self.over = over.into();
    }

    /// Forgets what is over for longer than the horizon.
    pub(crate) fn pass_time(&mut self, stream_ms: i64) {
        while let Some(&(last_record_ms, key)) = self.over.front()
            && stream_ms.saturating_sub(last_record_ms) > self.horizon_ms as i64
        {
            self.over.pop_front();
            if self
                .known
                .get(&key)
                .is_some_and(|followup| followup.last_record_ms == last_record_ms)
            {
                self.known.remove(&key);
                self.changed.mark(key);
            }
        }
    }

    /// `followup.opened`. Its information may have come before; then `skew` counts a negative difference.
    pub(crate) fn opened(
        &mut self,
        key: u128,
        unit: Option<&str>,
        (at_ms, stream_ms): (i64, i64),
        due_ms: Option<i64>,
        skew: &mut u64,
    ) -> ApplyOutcome {
        let known = self.known.get(&key);
        if known.is_some_and(|followup| followup.opened_ms.is_some()) {
            return ApplyOutcome::Duplicate;
        }
        let informed_ms = known.and_then(|followup| followup.informed_ms);
        let (unit, totals) = self.units.entry(unit);
        totals.opened += 1;
        if let Some(informed_ms) = informed_ms {
            *skew += u64::from(informed_ms < at_ms);
            totals
                .duration
                .observe(informed_ms.saturating_sub(at_ms).max(0) as u64, &self.bounds_ms);
        }
        let opened_ms = Some(at_ms);
        self.remember(
            key,
            Followup { unit, opened_ms, due_ms, informed_ms, last_record_ms: stream_ms },
        );
        ApplyOutcome::Applied
    }

    /// `followup.informed`. Counts under the unit that opened it, where that is known.
    pub(crate) fn informed(
        &mut self,
        key: u128,
        unit: Option<&str>,
        (at_ms, stream_ms): (i64, i64),
        skew: &mut u64,
    ) -> ApplyOutcome {
        let known = self.known.get(&key);
        if known.is_some_and(|followup| followup.informed_ms.is_some()) {
            return ApplyOutcome::Duplicate;
        }
        let (opened_ms, due_ms) =
            known.map_or((None, None), |followup| (followup.opened_ms, followup.due_ms));
        let opened_by = known.map(|followup| followup.unit.clone());
        let (unit, totals) = self.units.entry(opened_by.as_deref().or(unit));
        totals.informed += 1;
        if let Some(opened_ms) = opened_ms {
            *skew += u64::from(at_ms < opened_ms);
            totals.duration.observe(at_ms.saturating_sub(opened_ms).max(0) as u64, &self.bounds_ms);
        }
        let informed_ms = Some(at_ms);
        self.remember(
            key,
            Followup { unit, opened_ms, due_ms, informed_ms, last_record_ms: stream_ms },
        );
        ApplyOutcome::Applied
    }

    fn remember(&mut self, key: u128, followup: Followup) {
        if self.known.len() >= self.limit && !self.known.contains_key(&key) {
            self.refused += 1;
            return;
        }
        if followup.informed_ms.is_some() {
            self.over.push_back((followup.last_record_ms, key));
        }
        self.known.insert(key, followup);
        self.changed.mark(key);
    }

    /// Label sets that were folded into `other`.
    pub(crate) fn labels_refused(&self) -> u64 {
        self.units.refused()
    }

    /// The numbers of each unit at stream time.
    pub(crate) fn snapshot(
        &self,
        stream_ms: i64,
    ) -> impl Iterator<Item = (Arc<str>, FollowupSnapshot)> {
        let mut open: HashMap<Arc<str>, (u64, u64)> = HashMap::new();
        for followup in self.known.values() {
            if followup.opened_ms.is_some() && followup.informed_ms.is_none() {
                let (open, overdue) = open.entry(followup.unit.clone()).or_default();
                *open += 1;
                *overdue += u64::from(followup.due_ms.is_some_and(|due_ms| stream_ms > due_ms));
            }
        }
        self.units.iter().map(move |(unit, totals)| {
            let (open, overdue) = open.get(unit).copied().unwrap_or_default();
            let UnitTotals { opened, informed, duration } = totals.clone();
            (unit.clone(), FollowupSnapshot { opened, informed, duration, open, overdue })
        })
    }
}
