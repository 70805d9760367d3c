//! The storage of contacts: numbered slots in parts.

use crate::contact::model::Contact;

/// A contact with its generation, or nothing.
pub(crate) type Slot = Option<(u32, Contact)>;

/// Slots of one part. The ledger stores the base image part by part, so that another number would
/// need another version of the ledger.
pub(crate) const PART_SLOTS: usize = 1024;

/// Slots by number, in parts that never move.
///
/// One large vector would be copied whenever it grows, and the copy would need up to three times
/// the memory.
#[derive(Debug, Default)]
pub(crate) struct ContactArena {
    /// All parts but the last are full.
    parts: Vec<Vec<Slot>>,
}

impl ContactArena {
    /// Returns how many slots there are, empty ones included.
    pub(crate) fn len(&self) -> usize {
        match self.parts.split_last() {
            Some((last, full)) => full.len() * PART_SLOTS + last.len(),
            None => 0,
        }
    }

    /// Returns the slot of a number, or `None` past the last.
    #[inline]
    pub(crate) fn get(&self, slot: u32) -> Option<&Slot> {
        self.parts.get(slot as usize / PART_SLOTS)?.get(slot as usize % PART_SLOTS)
    }

    /// Returns the slot of a number to be changed, or `None` past the last.
    #[inline]
    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut Slot> {
        self.parts.get_mut(slot as usize / PART_SLOTS)?.get_mut(slot as usize % PART_SLOTS)
    }

    /// Returns the contact in a slot, with its generation.
    #[inline]
    pub(crate) fn contact(&self, slot: u32) -> Option<&(u32, Contact)> {
        self.get(slot)?.as_ref()
    }

    /// Adds a slot; its number is the length before.
    pub(crate) fn push(&mut self, slot: Slot) {
        match self.parts.last_mut() {
            Some(last) if last.len() < PART_SLOTS => last.push(slot),
            _ => {
                let mut part = Vec::with_capacity(PART_SLOTS);
                part.push(slot);
                self.parts.push(part);
            }
        }
    }

    /// Returns the slots with their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Slot)> {
        (0..).zip(self.parts.iter().flatten())
    }

    /// Returns how many parts there are.
    pub(crate) fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Returns the slots of a part, with their numbers.
    pub(crate) fn part(&self, part: usize) -> impl Iterator<Item = (u32, &Slot)> {
        let slots = self.parts.get(part).map_or(&[][..], Vec::as_slice);
        ((part * PART_SLOTS) as u32..).zip(slots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ContactKey;
    use crate::time::Timestamp;

    /// Every third slot is empty.
    fn expected(slot: u32) -> Option<(u32, ContactKey)> {
        (!slot.is_multiple_of(3)).then_some((slot, ContactKey(u128::from(slot))))
    }

    fn actual(slot: &Slot) -> Option<(u32, ContactKey)> {
        slot.as_ref().map(|(generation, contact)| (*generation, contact.key))
    }

    #[test]
    fn slots_keep_their_numbers_across_parts() {
        let mut slots = ContactArena::default();
        let count = 2 * PART_SLOTS + 3;
        for slot in 0..count {
            assert_eq!(slots.len(), slot);
            let contact = expected(slot as u32)
                .map(|(generation, key)| (generation, Contact::new(key, Timestamp(0))));
            slots.push(contact);
        }
        assert_eq!((slots.len(), slots.parts()), (count, 3));
        for slot in 0..count as u32 {
            assert_eq!(slots.get(slot).map(actual), Some(expected(slot)));
        }
        assert!(slots.get(count as u32).is_none());
        assert!(slots.iter().all(|(number, slot)| actual(slot) == expected(number)));
        assert_eq!(slots.iter().count(), count);
        let parts: Vec<Vec<u32>> =
            (0..4).map(|part| slots.part(part).map(|(number, _)| number).collect()).collect();
        assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [PART_SLOTS, PART_SLOTS, 3, 0]);
        assert!(parts.into_iter().flatten().eq(0..count as u32));
        if let Some(slot) = slots.get_mut(PART_SLOTS as u32) {
            *slot = None;
        }
        assert!(slots.contact(PART_SLOTS as u32).is_none());
    }
}
