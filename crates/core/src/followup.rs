//! Follow-ups: promises of a callback unit to call a citizen back.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::bounded_labels::BoundedLabels;
use crate::ids::{BuildHashedKey, FollowupKey};
use crate::measures::{
    ApplyOutcome, BucketHistogram, FollowupSnapshot, FurtherIncrements, NativeCounts, UnitCounts,
};
use crate::state::{
    Checkpoint, CheckpointExtent, ChunkKind, PartSet, RestoreError, StateChunk, read,
};
use crate::time::{EventTimes, Millis, Timestamp};
use crate::window::PaneLayout;

/// What an event of a follow-up changes besides the follow-ups.
pub(crate) struct FollowupContext<'a> {
    /// The event time of the record, and stream time.
    pub(crate) times: EventTimes,
    pub(crate) layout: &'a PaneLayout,
    /// The increments of the interval history.
    pub(crate) further: &'a mut FurtherIncrements,
    pub(crate) clock_skew: &'a mut u64,
}

impl FollowupContext<'_> {
    /// Returns the increments of a unit in the interval of an instant; `None` without a history.
    fn interval(&mut self, time: Timestamp, unit: &Arc<str>) -> Option<&mut UnitCounts> {
        let start = self.layout.interval_of(time)?;
        Some(self.further.units.entry((start, Arc::clone(unit))).or_default())
    }

    /// Counts the time of a follow-up for the unit that opened it. A negative one is 0 and clock
    /// skew.
    fn observe(&mut self, unit: &Arc<str>, opened: Timestamp, informed: Timestamp) -> Millis {
        let duration = informed.since(opened);
        *self.clock_skew += u64::from(informed < opened);
        if let Some(counts) = self.interval(informed, unit) {
            counts.timed += 1;
            counts.informed_sum_ms += duration.get();
        }
        duration
    }
}

/// Counts of one unit since the beginning.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct UnitTotals {
    pub(crate) opened: u64,
    pub(crate) informed: u64,
    pub(crate) duration: BucketHistogram,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Followup {
    /// Label of the unit that opened it; of the unit that informed while the opening is unknown.
    unit: Arc<str>,
    opened: Option<Timestamp>,
    due: Option<Timestamp>,
    informed: Option<Timestamp>,
    /// Stream time just after its last record.
    last_record: Timestamp,
}

/// The follow-ups of one partition.
#[derive(Debug)]
pub(crate) struct Followups {
    followups: HashMap<FollowupKey, Followup, BuildHashedKey>,
    /// Informed follow-ups with their last record, in that order, to be dropped after the horizon.
    informed: VecDeque<(Timestamp, FollowupKey)>,
    units: BoundedLabels<UnitTotals>,
    /// Bounds of the classic buckets of durations.
    bounds: Vec<Millis>,
    horizon: Millis,
    limit: usize,
    /// Follow-ups that were not kept because of the bound.
    pub(crate) refused: u64,
    /// Parts that differ from what is stored.
    changed: PartSet,
}

/// The stored form of everything but the follow-ups themselves.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FollowupsHeader {
    units: BoundedLabels<UnitTotals>,
    refused: u64,
}

impl Followups {
    /// Creates an empty table of at most `limit` follow-ups and `units_max` units.
    pub(crate) fn new(
        bounds: Vec<Millis>,
        horizon: Millis,
        limit: usize,
        units_max: usize,
    ) -> Self {
        Followups {
            followups: HashMap::default(),
            informed: VecDeque::new(),
            units: BoundedLabels::new(units_max),
            bounds,
            horizon,
            limit,
            refused: 0,
            changed: PartSet::default(),
        }
    }

    /// Drops informed follow-ups whose last record is older than the horizon.
    pub(crate) fn apply_timeouts(&mut self, stream_time: Timestamp) {
        while let Some(&(last_record, key)) = self.informed.front()
            && stream_time.since(last_record) > self.horizon
        {
            self.informed.pop_front();
            // A later record has put the follow-up into the queue once more.
            if self.followups.get(&key).is_some_and(|known| known.last_record == last_record) {
                self.followups.remove(&key);
                self.changed.mark(key);
            }
        }
    }

    /// Applies `followup.opened`. If the follow-up was informed before, the duration is counted
    /// now, and a negative one adds to the clock skew.
    pub(crate) fn opened(
        &mut self,
        key: FollowupKey,
        unit: Option<&str>,
        due: Option<Timestamp>,
        mut context: FollowupContext<'_>,
    ) -> ApplyOutcome {
        let known = self.followups.get(&key);
        if known.is_some_and(|known| known.opened.is_some()) {
            return ApplyOutcome::Duplicate;
        }
        let EventTimes { event_time, stream_time } = context.times;
        let informed = known.and_then(|known| known.informed);
        let (unit, totals) = self.units.entry(unit);
        totals.opened += 1;
        if let Some(counts) = context.interval(event_time, &unit) {
            counts.opened += 1;
        }
        if let Some(informed) = informed {
            let duration = context.observe(&unit, event_time, informed);
            totals.duration.observe(duration, &self.bounds);
        }
        let (opened, last_record) = (Some(event_time), stream_time);
        self.keep(key, Followup { unit, opened, due, informed, last_record });
        ApplyOutcome::Applied
    }

    /// Applies `followup.informed`. Counts for the unit that opened the follow-up if that is known.
    pub(crate) fn informed(
        &mut self,
        key: FollowupKey,
        unit: Option<&str>,
        mut context: FollowupContext<'_>,
    ) -> ApplyOutcome {
        let known = self.followups.get(&key);
        if known.is_some_and(|known| known.informed.is_some()) {
            return ApplyOutcome::Duplicate;
        }
        let EventTimes { event_time, stream_time } = context.times;
        let (opened, due) = known.map_or((None, None), |known| (known.opened, known.due));
        let opened_by = known.map(|known| known.unit.clone());
        let (unit, totals) = self.units.entry(opened_by.as_deref().or(unit));
        totals.informed += 1;
        if let Some(counts) = context.interval(event_time, &unit) {
            counts.informed += 1;
        }
        if let Some(opened) = opened {
            let duration = context.observe(&unit, opened, event_time);
            totals.duration.observe(duration, &self.bounds);
        }
        let (informed, last_record) = (Some(event_time), stream_time);
        self.keep(key, Followup { unit, opened, due, informed, last_record });
        ApplyOutcome::Applied
    }

    fn keep(&mut self, key: FollowupKey, followup: Followup) {
        if self.followups.len() >= self.limit && !self.followups.contains_key(&key) {
            self.refused += 1;
            return;
        }
        if followup.informed.is_some() {
            self.informed.push_back((followup.last_record, key));
        }
        self.followups.insert(key, followup);
        self.changed.mark(key);
    }

    /// Returns how often a new unit was folded into the label `other`.
    pub(crate) fn labels_refused(&self) -> u64 {
        self.units.refused()
    }

    /// Returns the numbers of each unit at stream time.
    pub(crate) fn snapshot(
        &self,
        stream_time: Timestamp,
    ) -> impl Iterator<Item = (Arc<str>, FollowupSnapshot)> {
        let mut open: HashMap<Arc<str>, (u64, u64)> = HashMap::new();
        for followup in self.followups.values() {
            if followup.opened.is_some() && followup.informed.is_none() {
                let (open, overdue) = open.entry(followup.unit.clone()).or_default();
                *open += 1;
                *overdue += u64::from(followup.due.is_some_and(|due| stream_time > due));
            }
        }
        self.units.iter().map(move |(unit, totals)| {
            let (open, overdue) = open.get(unit).copied().unwrap_or_default();
            let UnitTotals { opened, informed, duration } = totals.clone();
            (unit.clone(), FollowupSnapshot { opened, informed, duration, open, overdue })
        })
    }

    /// Returns the stored form of everything but the follow-ups themselves.
    pub(crate) fn header(&self) -> FollowupsHeader {
        FollowupsHeader { units: self.units.clone(), refused: self.refused }
    }

    /// Restores a header whose histograms have the bounds `stored_bounds`.
    pub(crate) fn set_header(&mut self, header: FollowupsHeader, stored_bounds: &[Millis]) {
        self.units.restore(header.units);
        for totals in self.units.values_mut() {
            totals.duration.move_to(stored_bounds, &self.bounds);
            totals.duration.native_from_classic(&self.bounds);
        }
        self.refused = header.refused;
    }

    /// Adds the changed parts, or all parts.
    pub(crate) fn write_checkpoint(
        &mut self,
        extent: CheckpointExtent,
        checkpoint: &mut Checkpoint,
    ) {
        if extent == CheckpointExtent::Everything || !self.changed.is_empty() {
            let natives: Vec<_> =
                self.units.iter().map(|(unit, totals)| (unit, &totals.duration.native)).collect();
            checkpoint.put(ChunkKind::UnitNative, 0, &natives);
        }
        self.changed.write_checkpoint(ChunkKind::Followups, &self.followups, extent, checkpoint);
    }

    /// Restores a stored part.
    pub(crate) fn restore(&mut self, chunk: &StateChunk) -> Result<(), RestoreError> {
        self.followups.extend(PartSet::restore::<FollowupKey, Followup>(chunk)?);
        Ok(())
    }

    /// Restores the native counts of the units, which replace those of [`Self::set_header`].
    pub(crate) fn restore_natives(&mut self, chunk: &StateChunk) -> Result<(), RestoreError> {
        for (unit, native) in read::<Vec<(Arc<str>, NativeCounts)>>(chunk)? {
            self.units.entry(Some(&unit)).1.duration.native = native;
        }
        Ok(())
    }

    /// Sets times after `to` back to it. A due date stays.
    pub(crate) fn rewind(&mut self, to: Timestamp) {
        for followup in self.followups.values_mut() {
            let Followup { opened, informed, last_record, .. } = followup;
            let times = opened.iter_mut().chain(informed).chain([last_record]);
            times.for_each(|time| *time = (*time).min(to));
        }
    }

    /// Rebuilds the queue of informed follow-ups after all parts are restored.
    pub(crate) fn rebuild_indexes(&mut self) {
        let informed = self.followups.iter().filter(|(_, followup)| followup.informed.is_some());
        let mut informed: Vec<(Timestamp, FollowupKey)> =
            informed.map(|(key, followup)| (followup.last_record, *key)).collect();
        informed.sort_unstable();
        self.informed = informed.into();
    }
}
