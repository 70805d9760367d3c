//! Storing the contacts: a log of what changed, and a picture of all that is renewed part after part.

use crate::contact::arena::PART_SLOTS;
use crate::contact::event_context::Moment;
use crate::contact::model::{Contact, Counted, Matter, OpenMatter};
use crate::contact::table::Contacts;
use crate::registry::Registry;
use crate::state::{Checkpoint, Piece, PieceKind, RestoreError, append, take};

/// In one round over the picture the log grows by about this many times the picture, where much changes; it goes a round
/// later. A longer log is read at a start, a shorter one makes the picture be written more often.
const LOG_SHARE: usize = 2;

/// A piece that names a place past the table.
fn misplaced(piece: &Piece) -> RestoreError {
    RestoreError::Inconsistent { kind: piece.kind, number: piece.number }
}

impl Contacts {
    /// Contacts that differ from what is stored.
    pub(crate) fn changed_count(&self) -> usize {
        self.changes.slots.len()
    }

    /// Adds what changed since the last checkpoint, this being the one of `number`.
    pub(crate) fn capture(&mut self, number: i64, checkpoint: &mut Checkpoint) {
        let mut log = Vec::with_capacity(self.changes.slots.len() * 64);
        for slot in &self.changes.slots {
            log = append(log, &(*slot, self.slots.get(*slot).unwrap_or(&None)));
        }
        self.changes.clear();
        if log.is_empty() {
            return;
        }
        self.changes.owed_bytes += log.len().div_ceil(LOG_SHARE);
        checkpoint.put_bytes(PieceKind::ContactLog, number, log);
        // At most one round: for contacts that are gone more can be owed than the whole picture has.
        for _ in 0..self.slots.parts() {
            if self.changes.owed_bytes == 0 {
                return;
            }
            if self.changes.next_part >= self.slots.parts() {
                checkpoint.delete(PieceKind::ContactLog, i64::MIN, self.changes.round_began);
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
    pub(crate) fn capture_all(&mut self, number: i64, checkpoint: &mut Checkpoint) {
        self.changes.clear();
        checkpoint.delete(PieceKind::ContactLog, i64::MIN, i64::MAX);
        checkpoint.delete(PieceKind::ContactPart, i64::MIN, i64::MAX);
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
        checkpoint.put_bytes(PieceKind::ContactPart, part as i64, bytes);
        written
    }

    /// Puts stored contacts into an empty table. `pieces` are those of the two kinds, in any order. Whether they are as
    /// they were stored: other settings may bring sooner what time brings.
    pub(crate) fn restore(
        &mut self,
        pieces: &[&Piece],
        registry: &mut Registry,
        moment: &Moment,
    ) -> Result<bool, RestoreError> {
        let mut part_numbers: Vec<i64> = Vec::new();
        // Parts are written from the first on, and every slot after them was new in some entry of the log.
        let of_kind = |kind: PieceKind| pieces.iter().filter(move |piece| piece.kind == kind);
        let parts_max = of_kind(PieceKind::ContactPart).count();
        let log_bytes: usize = of_kind(PieceKind::ContactLog).map(|piece| piece.bytes.len()).sum();
        let slots_max = parts_max * PART_SLOTS + log_bytes;
        for piece in pieces.iter().filter(|piece| piece.kind == PieceKind::ContactPart) {
            let mut bytes = piece.bytes.as_slice();
            let number: i64 = take(piece, &mut bytes)?;
            let part = usize::try_from(piece.number)
                .ok()
                .filter(|part| *part < parts_max)
                .ok_or_else(|| misplaced(piece))?;
            if part_numbers.len() <= part {
                part_numbers.resize(part + 1, i64::MIN);
            }
            part_numbers[part] = number;
            while !bytes.is_empty() {
                let (slot, contact) = take(piece, &mut bytes)?;
                self.put_slot(slot, contact, slots_max).ok_or_else(|| misplaced(piece))?;
            }
        }
        let mut log: Vec<&&Piece> =
            pieces.iter().filter(|piece| piece.kind == PieceKind::ContactLog).collect();
        log.sort_by_key(|piece| piece.number);
        // The first round from here on writes all that is in these, so that they can go when it ends.
        self.changes.round_began = log.last().map_or(0, |piece| piece.number);
        for piece in log {
            let mut bytes = piece.bytes.as_slice();
            while !bytes.is_empty() {
                let (slot, contact): (u32, Option<(u32, Contact)>) = take(piece, &mut bytes)?;
                let part = slot as usize / PART_SLOTS;
                if part_numbers.get(part).is_none_or(|number| *number < piece.number) {
                    self.put_slot(slot, contact, slots_max).ok_or_else(|| misplaced(piece))?;
                }
            }
        }
        self.derive(registry, moment)
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
    fn derive(&mut self, registry: &mut Registry, moment: &Moment) -> Result<bool, RestoreError> {
        let handles = self.handles();
        let stored = handles.len();
        for handle in handles {
            let Some(case) = self.case(registry, moment, handle) else { continue };
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
                return Err(RestoreError::Inconsistent { kind: PieceKind::ContactPart, number: 0 });
            }
            if let Some(visit) = case.contact.visit {
                let live = case.tally.live(visit.series);
                live.waiting += 1;
                live.over_target += u64::from(visit.over_target);
                live.waits.push(visit.start_ms, handle);
            }
            if let Some(service) = case.contact.service {
                case.tally.live(service.series).in_service += 1;
            }
            if let Matter::Open(OpenMatter {
                since_ms,
                counted: Some(Counted { series, overdue, .. }),
            }) = case.contact.matter
            {
                let live = case.tally.live(series);
                live.open += 1;
                live.overdue += u64::from(overdue);
                live.opens.push(since_ms, handle);
            }
            case.tally.held += u64::from(case.contact.held.is_some());
            let key = case.contact.key;
            self.put_index(key, handle);
            self.settle_at(registry, moment, handle);
        }
        self.fill_free();
        self.changes.clear();
        Ok(self.len() == stored
            && self.tally.facts.is_empty()
            && self.tally.settled.new_orphans == 0)
    }
}
