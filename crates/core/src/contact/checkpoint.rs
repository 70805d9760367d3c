//! Storing the contacts: a log of what changed, and a picture of all that is renewed part after part.

use crate::contact::arena::PART_SLOTS;
use crate::contact::event_context::EventContext;
use crate::contact::model::{Contact, Counted, Issue, OpenIssue};
use crate::contact::table::Contacts;
use crate::registry::LabelRegistry;
use crate::state::{Checkpoint, ChunkKind, RestoreError, StateChunk, append, take};

/// In one round over the picture the log grows by about this many times the picture, where much changes; it goes a round
/// later. A longer log is read at a start, a shorter one makes the picture be written more often.
const LOG_SHARE: usize = 2;

/// A chunk that names a place past the table.
fn misplaced(chunk: &StateChunk) -> RestoreError {
    RestoreError::Inconsistent { kind: chunk.kind, number: chunk.number }
}

impl Contacts {
    /// Contacts that differ from what is stored.
    pub(crate) fn changed_count(&self) -> usize {
        self.changes.slots.len()
    }

    /// Adds what changed since the last checkpoint, this being the one of `number`.
    pub(crate) fn write_checkpoint(&mut self, number: i64, checkpoint: &mut Checkpoint) {
        let mut log = Vec::with_capacity(self.changes.slots.len() * 64);
        for slot in &self.changes.slots {
            log = append(log, &(*slot, self.slots.get(*slot).unwrap_or(&None)));
        }
        self.changes.clear();
        if log.is_empty() {
            return;
        }
        self.changes.owed_bytes += log.len().div_ceil(LOG_SHARE);
        checkpoint.put_bytes(ChunkKind::ContactLog, number, log);
        // At most one round: for contacts that are gone more can be owed than the whole picture has.
        for _ in 0..self.slots.parts() {
            if self.changes.owed_bytes == 0 {
                return;
            }
            if self.changes.next_part >= self.slots.parts() {
                checkpoint.delete(ChunkKind::ContactLog, i64::MIN, self.changes.round_began);
                self.changes.round_began = number;
                self.changes.next_part = 0;
            }
            let written = self.capture_part(self.changes.next_part, number, checkpoint);
            self.changes.next_part += 1;
            self.changes.owed_bytes = self.changes.owed_bytes.saturating_sub(written);
        }
        self.changes.owed_bytes = 0;
    }

    /// Adds all contacts, whatever is stored.
    pub(crate) fn write_whole_checkpoint(&mut self, number: i64, checkpoint: &mut Checkpoint) {
        self.changes.clear();
        checkpoint.delete(ChunkKind::ContactLog, i64::MIN, i64::MAX);
        checkpoint.delete(ChunkKind::ContactPart, i64::MIN, i64::MAX);
        for part in 0..self.slots.parts() {
            self.capture_part(part, number, checkpoint);
        }
        self.changes.next_part = 0;
        self.changes.round_began = number;
        self.changes.owed_bytes = 0;
    }

    /// Adds one part of the picture; how many bytes it has.
    fn capture_part(&self, part: usize, number: i64, checkpoint: &mut Checkpoint) -> usize {
        let mut bytes = append(Vec::new(), &number);
        for (slot, contact) in self.slots.part(part) {
            if contact.is_some() {
                bytes = append(bytes, &(slot, contact));
            }
        }
        let written = bytes.len();
        checkpoint.put_bytes(ChunkKind::ContactPart, part as i64, bytes);
        written
    }

    /// Puts stored contacts into an empty table. `chunks` are those of the two kinds, in any order. Whether they are as
    /// they were stored: other settings may bring sooner what time brings.
    pub(crate) fn restore(
        &mut self,
        chunks: &[&StateChunk],
        registry: &mut LabelRegistry,
        context: &EventContext,
    ) -> Result<bool, RestoreError> {
        let mut part_numbers: Vec<i64> = Vec::new();
        // Parts are written from the first on, and every slot after them was new in some entry of the log.
        let of_kind = |kind: ChunkKind| chunks.iter().filter(move |chunk| chunk.kind == kind);
        let parts_max = of_kind(ChunkKind::ContactPart).count();
        let log_bytes: usize = of_kind(ChunkKind::ContactLog).map(|chunk| chunk.bytes.len()).sum();
        let slots_max = parts_max * PART_SLOTS + log_bytes;
        for chunk in chunks.iter().filter(|chunk| chunk.kind == ChunkKind::ContactPart) {
            let mut bytes = chunk.bytes.as_slice();
            let number: i64 = take(chunk, &mut bytes)?;
            let part = usize::try_from(chunk.number)
                .ok()
                .filter(|part| *part < parts_max)
                .ok_or_else(|| misplaced(chunk))?;
            if part_numbers.len() <= part {
                part_numbers.resize(part + 1, i64::MIN);
            }
            part_numbers[part] = number;
            while !bytes.is_empty() {
                let (slot, contact) = take(chunk, &mut bytes)?;
                self.put_slot(slot, contact, slots_max).ok_or_else(|| misplaced(chunk))?;
            }
        }
        let mut log: Vec<&&StateChunk> =
            chunks.iter().filter(|chunk| chunk.kind == ChunkKind::ContactLog).collect();
        log.sort_by_key(|chunk| chunk.number);
        // The first round from here on writes all that is in these, so that they can go when it ends.
        self.changes.round_began = log.last().map_or(0, |chunk| chunk.number);
        for chunk in log {
            let mut bytes = chunk.bytes.as_slice();
            while !bytes.is_empty() {
                let (slot, contact): (u32, Option<(u32, Contact)>) = take(chunk, &mut bytes)?;
                let part = slot as usize / PART_SLOTS;
                if part_numbers.get(part).is_none_or(|number| *number < chunk.number) {
                    self.put_slot(slot, contact, slots_max).ok_or_else(|| misplaced(chunk))?;
                }
            }
        }
        self.derive(registry, context)
    }

    /// `None` where the slot is past the table.
    fn put_slot(
        &mut self,
        slot: u32,
        contact: Option<(u32, Contact)>,
        slots_max: usize,
    ) -> Option<()> {
        if slot as usize >= slots_max {
            return None;
        }
        while self.slots.len() <= slot as usize {
            self.slots.push(None);
        }
        *self.slots.get_mut(slot)? = contact;
        Some(())
    }

    /// Rebuilds what follows from the contacts: index, live gauges, timers. Whether nothing became of them by that.
    fn derive(
        &mut self,
        registry: &mut LabelRegistry,
        context: &EventContext,
    ) -> Result<bool, RestoreError> {
        let handles = self.handles();
        let stored = handles.len();
        for handle in handles {
            let Some(case) = self.case(registry, context, handle) else { continue };
            let series = [
                case.contact.visit.map(|visit| visit.series),
                case.contact.service.map(|service| service.series),
                case.contact.open_series(),
            ];
            if series
                .into_iter()
                .flatten()
                .any(|series| series.index() >= case.registry.series_count())
            {
                return Err(RestoreError::Inconsistent { kind: ChunkKind::ContactPart, number: 0 });
            }
            if let Some(visit) = case.contact.visit {
                let live = case.effects.live(visit.series);
                live.waiting += 1;
                live.over_target += u64::from(visit.over_target);
                live.waits.push(visit.start_ms, handle);
            }
            if let Some(service) = case.contact.service {
                case.effects.live(service.series).in_service += 1;
            }
            if let Issue::Open(OpenIssue {
                since_ms,
                counted: Some(Counted { series, overdue, .. }),
            }) = case.contact.issue
            {
                let live = case.effects.live(series);
                live.open += 1;
                live.overdue += u64::from(overdue);
                live.opens.push(since_ms, handle);
            }
            case.effects.held += u64::from(case.contact.held.is_some());
            let key = case.contact.key;
            self.put_index(key, handle);
            self.apply_timeouts_at(registry, context, handle);
        }
        self.fill_free();
        self.changes.clear();
        Ok(self.len() == stored
            && self.effects.facts.is_empty()
            && self.effects.held_outcomes.new_orphans == 0)
    }
}
