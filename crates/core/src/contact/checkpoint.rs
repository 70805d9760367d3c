//! The stored form of the contacts: a log of changes, and a base image that is rewritten part by
//! part.
//!
//! Each checkpoint appends the changed contacts to the log. It also rewrites parts of the base
//! image, in proportion to the bytes of the log, so that older chunks of the log can go.

use crate::contact::arena::{PART_SLOTS, Slot};
use crate::contact::event_context::EventContext;
use crate::contact::handle::Handle;
use crate::contact::model::{Counted, Issue, OpenIssue};
use crate::contact::older::SingleContact;
use crate::contact::table::Contacts;
use crate::registry::LabelRegistry;
use crate::state::{Checkpoint, ChunkKind, RestoreError, StateChunk, append, take};

/// In one compaction cycle, the log grows by about this many times the base image. A larger share
/// makes a restore read more log, a smaller one makes checkpoints rewrite the image more often.
const LOG_SHARE: usize = 2;

/// Returns the error of a chunk that names a slot past the table.
fn misplaced(chunk: &StateChunk) -> RestoreError {
    RestoreError::Inconsistent { kind: chunk.kind, number: chunk.number }
}

/// Reads a slot with its number, in the form of the chunk's kind.
fn take_slot(chunk: &StateChunk, bytes: &mut &[u8]) -> Result<(u32, Slot), RestoreError> {
    match chunk.kind {
        ChunkKind::SingleContactLog | ChunkKind::SingleContactPart => {
            let (slot, contact): (u32, Option<(u32, SingleContact)>) = take(chunk, bytes)?;
            Ok((slot, contact.map(|(generation, contact)| (generation, contact.into()))))
        }
        _ => take(chunk, bytes),
    }
}

impl Contacts {
    /// Returns how many slots differ from what is stored.
    pub(crate) fn changed_count(&self) -> usize {
        self.dirty.slots.len()
    }

    /// Adds what changed since the last checkpoint. `number` is that of this checkpoint.
    pub(crate) fn write_checkpoint(&mut self, number: i64, checkpoint: &mut Checkpoint) {
        let mut log = Vec::with_capacity(self.dirty.slots.len() * 64);
        for slot in &self.dirty.slots {
            log = append(log, &(*slot, self.slots.get(*slot).unwrap_or(&None)));
        }
        self.dirty.clear();
        if log.is_empty() {
            return;
        }
        self.dirty.owed_bytes += log.len().div_ceil(LOG_SHARE);
        checkpoint.put_bytes(ChunkKind::ContactLog, number, log);
        // At most one cycle: removed contacts can leave more bytes owed than the image has.
        for _ in 0..self.slots.parts() {
            if self.dirty.owed_bytes == 0 {
                return;
            }
            if self.dirty.next_part >= self.slots.parts() {
                checkpoint.delete(ChunkKind::ContactLog, i64::MIN, self.dirty.cycle_start);
                self.dirty.cycle_start = number;
                self.dirty.next_part = 0;
            }
            let written = self.write_part(self.dirty.next_part, number, checkpoint);
            self.dirty.next_part += 1;
            self.dirty.owed_bytes = self.dirty.owed_bytes.saturating_sub(written);
        }
        self.dirty.owed_bytes = 0;
    }

    /// Adds all contacts, and deletes what the ledger holds of them.
    pub(crate) fn write_whole_checkpoint(&mut self, number: i64, checkpoint: &mut Checkpoint) {
        self.dirty.clear();
        checkpoint.delete(ChunkKind::ContactLog, i64::MIN, i64::MAX);
        checkpoint.delete(ChunkKind::ContactPart, i64::MIN, i64::MAX);
        checkpoint.delete(ChunkKind::SingleContactLog, i64::MIN, i64::MAX);
        checkpoint.delete(ChunkKind::SingleContactPart, i64::MIN, i64::MAX);
        for part in 0..self.slots.parts() {
            self.write_part(part, number, checkpoint);
        }
        self.dirty.next_part = 0;
        self.dirty.cycle_start = number;
        self.dirty.owed_bytes = 0;
    }

    /// Adds one part of the base image. Returns how many bytes it has.
    fn write_part(&self, part: usize, number: i64, checkpoint: &mut Checkpoint) -> usize {
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

    /// Reads stored contacts into an empty table; `chunks` may hold other kinds too, in any order.
    /// Returns whether the contacts are as they were stored: under changed settings, timeouts may
    /// be due that were not due before, and an older ledger has them in another form.
    pub(crate) fn restore(
        &mut self,
        chunks: &[&StateChunk],
        registry: &mut LabelRegistry,
        event: &EventContext,
    ) -> Result<bool, RestoreError> {
        // A ledger has its contacts in one of the two forms.
        let is_older = chunks.iter().any(|chunk| {
            matches!(chunk.kind, ChunkKind::SingleContactLog | ChunkKind::SingleContactPart)
        });
        let (log_kind, part_kind) = match is_older {
            true => (ChunkKind::SingleContactLog, ChunkKind::SingleContactPart),
            false => (ChunkKind::ContactLog, ChunkKind::ContactPart),
        };
        let of_kind = |kind: ChunkKind| chunks.iter().filter(move |chunk| chunk.kind == kind);
        // The parts are numbered without gaps, and each later slot has an entry in the log: this
        // bounds what a damaged chunk can make the table allocate.
        let parts_max = of_kind(part_kind).count();
        let log_bytes: usize = of_kind(log_kind).map(|chunk| chunk.bytes.len()).sum();
        let slots_max = parts_max * PART_SLOTS + log_bytes;
        // By part, the number of the checkpoint that wrote it.
        let mut part_numbers: Vec<i64> = Vec::new();
        for chunk in of_kind(part_kind) {
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
                let (slot, contact) = take_slot(chunk, &mut bytes)?;
                self.put_slot(slot, contact, slots_max).ok_or_else(|| misplaced(chunk))?;
            }
        }
        let mut log: Vec<&&StateChunk> = of_kind(log_kind).collect();
        log.sort_by_key(|chunk| chunk.number);
        // The first cycle from here on rewrites all that these chunks contain.
        self.dirty.cycle_start = log.last().map_or(0, |chunk| chunk.number);
        for chunk in log {
            let mut bytes = chunk.bytes.as_slice();
            while !bytes.is_empty() {
                let (slot, contact) = take_slot(chunk, &mut bytes)?;
                let part = slot as usize / PART_SLOTS;
                if part_numbers.get(part).is_none_or(|number| *number < chunk.number) {
                    self.put_slot(slot, contact, slots_max).ok_or_else(|| misplaced(chunk))?;
                }
            }
        }
        Ok(self.rebuild_indexes(registry, event)? && !is_older)
    }

    /// Sets a slot. Returns `None` if the slot is past the table.
    fn put_slot(&mut self, slot: u32, contact: Slot, slots_max: usize) -> Option<()> {
        if slot as usize >= slots_max {
            return None;
        }
        while self.slots.len() <= slot as usize {
            self.slots.push(None);
        }
        *self.slots.get_mut(slot)? = contact;
        Some(())
    }

    /// Rebuilds what follows from the contacts: indexes, live gauges and timers. Returns whether
    /// no timeout was due.
    fn rebuild_indexes(
        &mut self,
        registry: &mut LabelRegistry,
        event: &EventContext,
    ) -> Result<bool, RestoreError> {
        let handles = self.handles();
        let stored = handles.len();
        for handle in handles {
            self.rebuild_gauges(registry, event, handle)?;
            self.apply_timeouts(registry, event, handle);
        }
        self.rebuild_free();
        self.dirty.clear();
        Ok(self.len() == stored
            && self.effects.facts.is_empty()
            && self.effects.held_outcomes.new_orphans == 0)
    }

    /// Adds a restored contact to the indexes and live gauges.
    fn rebuild_gauges(
        &mut self,
        registry: &mut LabelRegistry,
        event: &EventContext,
        handle: Handle,
    ) -> Result<(), RestoreError> {
        let Some(context) = self.contact_context(registry, event, handle) else { return Ok(()) };
        let (contact, effects) = (context.contact, context.effects);
        let of_conversations = contact.conversations.iter().map(|conversation| conversation.series);
        let series = [contact.visit.map(|visit| visit.series), contact.open_series()];
        let series_count = context.registry.series_count();
        if series
            .into_iter()
            .flatten()
            .chain(of_conversations)
            .any(|series| series.index() >= series_count)
        {
            return Err(RestoreError::Inconsistent { kind: ChunkKind::ContactPart, number: 0 });
        }
        if let Some(visit) = contact.visit {
            effects.open_visits.push(visit.source, handle);
            if !visit.marks.is_pending {
                let live = effects.live(visit.series);
                live.waiting += 1;
                live.over_target += u64::from(visit.over_target);
                live.oldest_waiting.push(visit.start, handle);
            }
        }
        for conversation in &contact.conversations {
            effects.open_visits.push(conversation.source, handle);
            effects.live(conversation.series).in_service += 1;
        }
        if let Issue::Open(OpenIssue { since, counted: Some(counted) }) = contact.issue {
            let Counted { series, overdue, .. } = counted;
            let live = effects.live(series);
            live.open += 1;
            live.overdue += u64::from(overdue);
            live.oldest_open.push(since, handle);
        }
        effects.held += contact.held.as_ref().map_or(0, |held| held.count.of_records());
        let key = contact.key;
        self.put_index(key, handle);
        Ok(())
    }
}
