//! The slots in which the contacts of a partition stand.

use crate::contact::model::Contact;

/// A contact and its generation, or nothing.
pub(crate) type Slot = Option<(u32, Contact)>;

/// ContactArena of one part. The ledger stores part by part, so that another number would need another version of it.
pub(crate) const PART_SLOTS: usize = 1024;

/// ContactArena by number, in parts that stay where they are. One list of them all would be copied whenever it grows, and need up
/// to three times the memory meanwhile.
#[derive(Debug, Default)]
pub(crate) struct ContactArena {
    /// All but the last are full.
    parts: Vec<Vec<Slot>>,
}

impl ContactArena {
    pub(crate) fn len(&self) -> usize {
        match self.parts.split_last() {
            Some((last, full)) => full.len() * PART_SLOTS + last.len(),
            None => 0,
        }
    }

    /// The slot of a number; `None` past the last.
    #[inline]
    pub(crate) fn get(&self, slot: u32) -> Option<&Slot> {
        self.parts.get(slot as usize / PART_SLOTS)?.get(slot as usize % PART_SLOTS)
    }

    /// As [`Self::get`], to be changed.
    #[inline]
    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut Slot> {
        self.parts.get_mut(slot as usize / PART_SLOTS)?.get_mut(slot as usize % PART_SLOTS)
    }

    /// The contact in a slot, with its generation.
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

    /// The slots by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Slot)> {
        (0..).zip(self.parts.iter().flatten())
    }

    /// How many parts there are.
    pub(crate) fn parts(&self) -> usize {
        self.parts.len()
    }

    /// The slots of a part, with their numbers.
    pub(crate) fn part(&self, part: usize) -> impl Iterator<Item = (u32, &Slot)> {
        let slots = self.parts.get(part).map_or(&[][..], Vec::as_slice);
        ((part * PART_SLOTS) as u32..).zip(slots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ContactKey;

    #[test]
    fn slots_are_where_they_were_put_across_parts() {
        let mut slots = ContactArena::default();
        let count = 2 * PART_SLOTS + 3;
        for slot in 0..count {
            assert_eq!(slots.len(), slot);
            slots.push(
                (!slot.is_multiple_of(3))
                    .then(|| (slot as u32, Contact::new(ContactKey(slot as u128), 0))),
            );
        }
        assert_eq!((slots.len(), slots.parts()), (count, 3));
        let due =
            |slot: u32| (!slot.is_multiple_of(3)).then_some((slot, ContactKey(u128::from(slot))));
        let told =
            |slot: &Slot| slot.as_ref().map(|(generation, contact)| (*generation, contact.key));
        for slot in 0..count as u32 {
            assert_eq!(slots.get(slot).map(told), Some(due(slot)));
        }
        assert!(slots.get(count as u32).is_none());
        assert!(slots.iter().all(|(number, slot)| told(slot) == due(number)));
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
