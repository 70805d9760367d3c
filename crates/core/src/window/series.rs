//! The sliding windows of one (queue, channel): the panes with facts, and the sums of each window.
//!
//! A fact is added to its pane and to each window that covers the pane. When a pane leaves a
//! window, its counts are subtracted from the window. So a fact costs O(windows), and a fact out of
//! order is added to the pane of its own event time. A maximum cannot be subtracted, so the panes
//! that can still have the longest wait of a window are kept in order.

use std::collections::{BTreeSet, VecDeque};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::measures::{SparseHdrCounts, WindowCounts, WindowScope, WindowSnapshot, WindowUpdate};
use crate::state::{CheckpointExtent, RestoreError, StateChunk, append, take};
use crate::time::{Millis, Timestamp};
use crate::window::layout::{PaneIndex, PaneLayout, WindowCursor};
use crate::window::pane::{Pane, StoredPane};
use crate::window::wait_counts::WaitCounts;

/// The sums of one window.
#[derive(Debug, Default)]
struct Window {
    counts: WindowCounts,
    waits: WaitCounts,
    /// Number of panes in [`SeriesWindows::panes`] that are older than the window. Not used for the
    /// business day.
    older: usize,
}

impl Window {
    /// Adds a fact; `cell` is the HDR cell of the wait of an answered visit.
    fn add(&mut self, update: WindowUpdate, cell: Option<u16>) {
        update.add_to(&mut self.counts);
        if let Some(cell) = cell {
            self.waits.add(cell, 1);
        }
    }

    /// Adds all facts of a pane. The maximum of these counts is not valid; the longest wait comes
    /// from [`SeriesWindows::maxima`].
    fn add_pane(&mut self, pane: &Pane) {
        pane.sparse().for_each(|update| self.add(update, update.cell()));
        let Some(totals) = pane.dense() else { return };
        self.counts.add_without_maximum(&totals.counts);
        totals.waits.counts.iter().for_each(|(cell, count)| self.waits.add(*cell, *count));
    }

    /// Subtracts all facts of a pane that leaves the window.
    fn subtract(&mut self, pane: &Pane) {
        for update in pane.sparse() {
            update.take_from(&mut self.counts);
            if let Some(cell) = update.cell() {
                self.waits.subtract(cell, 1);
            }
        }
        let Some(totals) = pane.dense() else { return };
        self.counts.subtract(&totals.counts);
        totals.waits.counts.iter().for_each(|(cell, count)| self.waits.subtract(*cell, *count));
    }

    /// Takes one miss out of the window.
    fn revoke_miss(&mut self) {
        let missed = &mut self.counts.service_level.missed;
        *missed = missed.saturating_sub(1);
    }

    /// Returns the numbers of the window, with its longest wait.
    fn snapshot(&self, wait_max: Millis) -> WindowSnapshot {
        WindowSnapshot {
            counts: WindowCounts { wait_max, ..self.counts },
            waits: SparseHdrCounts { counts: self.waits.used() },
        }
    }
}

/// The stored form of the business day of a series, with its counts in the form `C`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredDay<C = WindowCounts> {
    start: Timestamp,
    counts: C,
    waits: Vec<(u16, u32)>,
}

impl<C> StoredDay<C> {
    /// Returns the same day with its counts in another form.
    pub(crate) fn map<D>(self, counts: impl FnOnce(C) -> D) -> StoredDay<D> {
        StoredDay { start: self.start, counts: counts(self.counts), waits: self.waits }
    }
}

/// Bits of the pane in the number of a chunk of one pane; the bits above are the series. Ledgers up
/// to the second version have such chunks.
const PANE_BITS: u32 = 40;

/// Returns the index of the series from the number of a chunk of one pane.
pub(crate) fn series_of_pane(number: i64) -> usize {
    (number >> PANE_BITS).max(0) as usize
}

/// Converts a slice of all series into the chunks of the first two versions of the ledger.
#[cfg(test)]
pub(crate) fn panes_of_slice(slice: &StateChunk) -> Result<Vec<StateChunk>, RestoreError> {
    use crate::state::{ChunkKind, PositionalWindowCounts};

    let mut panes = Vec::new();
    let mut bytes = slice.bytes.as_slice();
    while !bytes.is_empty() {
        let (series, pane): (u32, StoredPane) = take(slice, &mut bytes)?;
        let number = (i64::from(series) << PANE_BITS) | (pane.index.get() + (1 << (PANE_BITS - 1)));
        panes.push(StateChunk {
            kind: ChunkKind::Pane,
            number,
            bytes: append(Vec::new(), &pane.map(PositionalWindowCounts::from)),
        });
    }
    Ok(panes)
}

/// The panes of all series that a checkpoint writes and deletes.
#[derive(Debug, Default)]
pub(crate) struct ChangedPanes {
    /// Indexes of the panes that differ from the ledger in at least one series.
    pub(crate) indexes: BTreeSet<PaneIndex>,
    /// Stored panes before this one are to be deleted.
    pub(crate) dropped_before: Option<PaneIndex>,
}

/// The windows of one series.
#[derive(Debug)]
pub(crate) struct SeriesWindows {
    /// The current pane at the last [`Self::roll`].
    current: PaneIndex,
    /// Panes with facts, ascending by index.
    panes: VecDeque<Pane>,
    /// Windows in configured order.
    windows: Vec<Window>,
    today: Window,
    today_start: Timestamp,
    /// Pairs of a pane and its longest wait. A pane is left out if a later pane has
    /// a wait as long, so the panes ascend and the waits descend: the first pane that a window
    /// covers has the longest wait of the window.
    maxima: VecDeque<(PaneIndex, Millis)>,
    /// The oldest pane that differs from the ledger.
    changed_from: Option<PaneIndex>,
    /// Panes before this one were dropped since the last checkpoint.
    dropped_before: Option<PaneIndex>,
}

impl SeriesWindows {
    /// Returns windows without facts.
    pub(crate) fn new(layout: &PaneLayout, cursor: &WindowCursor) -> Self {
        SeriesWindows {
            current: cursor.pane,
            panes: VecDeque::new(),
            windows: layout.panes.iter().map(|_| Window::default()).collect(),
            today: Window::default(),
            today_start: cursor.today.start,
            maxima: VecDeque::new(),
            changed_from: None,
            dropped_before: None,
        }
    }

    /// Drops all panes, and the business day unless it is that of `cursor`.
    pub(crate) fn rewind(&mut self, layout: &PaneLayout, cursor: &WindowCursor) {
        let empty = SeriesWindows::new(layout, cursor);
        let SeriesWindows { today, today_start, .. } = std::mem::replace(self, empty);
        if today_start == self.today_start {
            self.today = today;
        }
    }

    /// Returns the stored form of the business day.
    pub(crate) fn stored_day(&self) -> StoredDay {
        StoredDay {
            start: self.today_start,
            counts: self.today.counts,
            waits: self.today.waits.used(),
        }
    }

    /// Restores a stored business day.
    pub(crate) fn set_day(&mut self, day: StoredDay) {
        self.today_start = day.start;
        self.today = Window { counts: day.counts, ..Window::default() };
        for (cell, count) in day.waits {
            self.today.waits.add(cell, count);
        }
    }

    /// Adds the panes that a checkpoint of `extent` writes to `panes`, with the bound before which
    /// the ledger deletes panes. Marks these panes as stored.
    pub(crate) fn write_checkpoint(&mut self, extent: CheckpointExtent, panes: &mut ChangedPanes) {
        panes.dropped_before = panes.dropped_before.max(self.dropped_before.take());
        let all = extent == CheckpointExtent::Everything;
        let from = if all { Some(PaneIndex::MIN) } else { self.changed_from };
        self.changed_from = None;
        let Some(from) = from else { return };
        let place = self.panes.partition_point(|pane| pane.index < from);
        for pane in self.panes.range_mut(place..).filter(|pane| pane.changed || all) {
            pane.changed = false;
            panes.indexes.insert(pane.index);
        }
    }

    /// Appends each pane that is listed in `indexes` to the slice at the same position. `indexes`
    /// ascends.
    pub(crate) fn append_panes(&self, series: u32, indexes: &[PaneIndex], slices: &mut [Vec<u8>]) {
        let Some(first) = indexes.first() else { return };
        // One search, then a walk through both lists: a search for each index would miss the cache
        // at every step.
        let place = self.panes.partition_point(|pane| pane.index < *first);
        let mut wanted = indexes.iter().zip(slices).peekable();
        for pane in self.panes.range(place..) {
            while wanted.next_if(|(index, _)| **index < pane.index).is_some() {}
            match wanted.next_if(|(index, _)| **index == pane.index) {
                Some((_, slice)) => {
                    *slice = append(std::mem::take(slice), &(series, pane.stored()))
                }
                None if wanted.peek().is_none() => return,
                None => {}
            }
        }
    }

    /// Restores a stored pane, with its counts in the form `C`, from the front of `bytes`. The
    /// panes of a series come oldest first. A pane that no window covers any more is skipped.
    pub(crate) fn restore_pane<C: Into<WindowCounts> + DeserializeOwned>(
        &mut self,
        layout: &PaneLayout,
        chunk: &StateChunk,
        bytes: &mut &[u8],
    ) -> Result<(), RestoreError> {
        let stored = take::<StoredPane<C>>(chunk, bytes)?.map(C::into);
        let wait_max = stored.wait_max();
        let pane = Pane::from(stored);
        let (last, oldest) =
            (self.panes.back().map(|pane| pane.index), layout.oldest_pane(self.current));
        if last.is_some_and(|last| last >= pane.index) || pane.index > self.current {
            return Err(RestoreError::Inconsistent { kind: chunk.kind, number: chunk.number });
        }
        if pane.index < oldest {
            self.dropped_before = Some(oldest);
            return Ok(());
        }
        for (window, panes) in self.windows.iter_mut().zip(&layout.panes) {
            match pane.index >= self.current.first_of_window(*panes) {
                true => window.add_pane(&pane),
                false => window.older = self.panes.len() + 1,
            }
        }
        self.note_maximum(pane.index, wait_max);
        self.panes.push_back(pane);
        Ok(())
    }

    /// Moves the windows to the current pane and business day, and drops the panes that no window
    /// covers any more.
    pub(crate) fn roll(&mut self, layout: &PaneLayout, cursor: &WindowCursor) {
        if self.today_start != cursor.today.start {
            self.today_start = cursor.today.start;
            self.today = Window::default();
        }
        if self.current == cursor.pane {
            return;
        }
        for (window, panes) in self.windows.iter_mut().zip(&layout.panes) {
            let first = cursor.pane.first_of_window(*panes);
            while let Some(pane) = self.panes.get(window.older)
                && pane.index < first
            {
                window.subtract(pane);
                window.older += 1;
            }
        }
        self.current = cursor.pane;
        let oldest = layout.oldest_pane(cursor.pane);
        let mut dropped = 0;
        while self.panes.front().is_some_and(|pane| pane.index < oldest) {
            self.panes.pop_front();
            self.dropped_before = Some(oldest);
            dropped += 1;
        }
        while self.maxima.front().is_some_and(|(index, _)| *index < oldest) {
            self.maxima.pop_front();
        }
        // A dropped pane is older than the longest window, so every window has counted it as older.
        self.windows.iter_mut().for_each(|window| window.older -= dropped);
    }

    /// Adds a fact to its pane and to the windows of `scope` that cover it. Its event time is
    /// not after stream time.
    pub(crate) fn add(
        &mut self,
        layout: &PaneLayout,
        cursor: &WindowCursor,
        event_time: Timestamp,
        scope: WindowScope,
        update: WindowUpdate,
    ) {
        if scope == WindowScope::Nothing {
            return;
        }
        self.roll(layout, cursor);
        let cell = update.cell();
        if cursor.today.contains(event_time) {
            self.today.add(update, cell);
        }
        let index = layout.pane_of(event_time);
        if scope == WindowScope::Today || index < layout.oldest_pane(self.current) {
            return;
        }
        for (window, panes) in self.windows.iter_mut().zip(&layout.panes) {
            if index >= self.current.first_of_window(*panes) {
                window.add(update, cell);
            }
        }
        if let WindowUpdate::Answered { wait, .. } = update {
            self.note_maximum(index, wait);
        }
        let pane = self.pane(layout, index);
        pane.add(update);
        if !std::mem::replace(&mut pane.changed, true) {
            self.mark_changed(index);
        }
    }

    /// Takes a miss of an event time out of its pane, and out of the windows that contain it.
    pub(crate) fn revoke_miss(
        &mut self,
        layout: &PaneLayout,
        cursor: &WindowCursor,
        event_time: Timestamp,
    ) {
        self.roll(layout, cursor);
        if cursor.today.contains(event_time) {
            self.today.revoke_miss();
        }
        let index = layout.pane_of(event_time);
        let Ok(place) = self.panes.binary_search_by_key(&index, |pane| pane.index) else { return };
        let pane = &mut self.panes[place];
        // A pane lacks the miss if a change of the window lengths dropped its stored facts.
        if !pane.revoke_miss() {
            return;
        }
        if !std::mem::replace(&mut pane.changed, true) {
            self.mark_changed(index);
        }
        for (window, panes) in self.windows.iter_mut().zip(&layout.panes) {
            if index >= self.current.first_of_window(*panes) {
                window.revoke_miss();
            }
        }
    }

    /// Remembers that a pane differs from the ledger.
    fn mark_changed(&mut self, index: PaneIndex) {
        self.changed_from = Some(self.changed_from.map_or(index, |oldest| oldest.min(index)));
    }

    /// Updates `maxima` with a wait of pane `index`.
    fn note_maximum(&mut self, index: PaneIndex, wait: Millis) {
        let mut after = self.maxima.partition_point(|(known, _)| *known < index);
        if self.maxima.get(after).is_some_and(|(_, longest)| *longest >= wait) {
            return;
        }
        if self.maxima.get(after).is_some_and(|(known, _)| *known == index) {
            self.maxima.remove(after);
        }
        while after > 0 && self.maxima[after - 1].1 <= wait {
            after -= 1;
            self.maxima.remove(after);
        }
        self.maxima.insert(after, (index, wait));
    }

    /// Returns the longest wait in the last `panes` panes; 0 without an answer.
    fn maximum(&self, panes: i64) -> Millis {
        let first = self.current.first_of_window(panes);
        let place = self.maxima.partition_point(|(index, _)| *index < first);
        self.maxima.get(place).map_or(Millis::ZERO, |(_, longest)| *longest)
    }

    /// Returns the pane of an index, and inserts it if it is absent.
    fn pane(&mut self, layout: &PaneLayout, index: PaneIndex) -> &mut Pane {
        let after = match self.panes.back() {
            Some(last) if last.index == index => self.panes.len(),
            Some(last) if last.index > index => {
                self.panes.partition_point(|pane| pane.index <= index)
            }
            _ => self.panes.len(),
        };
        let place = match after.checked_sub(1) {
            Some(before) if self.panes[before].index == index => before,
            _ => {
                self.panes.insert(after, Pane::new(index));
                for (window, panes) in self.windows.iter_mut().zip(&layout.panes) {
                    window.older += usize::from(index < self.current.first_of_window(*panes));
                }
                after
            }
        };
        &mut self.panes[place]
    }

    /// Returns the windows in configured order, then `today`.
    pub(crate) fn snapshot(
        &mut self,
        layout: &PaneLayout,
        cursor: &WindowCursor,
    ) -> Vec<WindowSnapshot> {
        self.roll(layout, cursor);
        let windows = self
            .windows
            .iter()
            .zip(&layout.panes)
            .map(|(window, panes)| window.snapshot(self.maximum(*panes)));
        windows.chain([self.today.snapshot(self.today.counts.wait_max)]).collect()
    }
}
