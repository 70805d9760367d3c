//! The contacts of one partition: storage, identity and bounds.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hashbrown::HashTable;
use serde::{Deserialize, Serialize};

use crate::contact::arena::ContactArena;
use crate::contact::contact_context::ContactContext;
use crate::contact::dirty_slots::DirtySlots;
use crate::contact::effects::Effects;
use crate::contact::event_context::EventContext;
use crate::contact::handle::Handle;
use crate::contact::model::Contact;
use crate::contact::timer_wheel::TimerWheel;
use crate::ids::{ContactKey, HashedId, Offset};
use crate::registry::LabelRegistry;
use crate::settings::WindowSettings;
use crate::time::Timestamp;

/// The contacts of one partition.
#[derive(Debug)]
pub(crate) struct Contacts {
    pub(super) slots: ContactArena,
    /// Empty slots, the lowest first, so that the slot of a new contact depends on the state alone.
    free: BinaryHeap<Reverse<u32>>,
    /// Slots of the contacts, found by the key in the slot.
    index: HashTable<u32>,
    pub(super) timers: TimerWheel,
    generation: u32,
    limit: usize,
    /// The slot at which the next search for a contact to evict begins.
    pub(super) clock_hand: usize,
    /// Contacts that were evicted because of the bound.
    pub(crate) evicted: u64,
    pub(crate) effects: Effects,
    pub(super) dirty: DirtySlots,
}

/// The stored form of everything but the contacts themselves.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct ContactsHeader {
    generation: u32,
    clock_hand: usize,
    evicted: u64,
    clock_skew: u64,
    orphans: Vec<Offset>,
}

impl Contacts {
    /// Creates an empty table of at most `limit` contacts.
    pub(crate) fn new(windows: &WindowSettings, limit: usize) -> Self {
        Contacts {
            slots: ContactArena::default(),
            free: BinaryHeap::new(),
            index: HashTable::new(),
            timers: TimerWheel::default(),
            generation: 0,
            limit: limit.max(1),
            clock_hand: 0,
            evicted: 0,
            effects: Effects::new(windows),
            dirty: DirtySlots::default(),
        }
    }

    /// Returns the stored form of everything but the contacts themselves.
    pub(crate) fn header(&self) -> ContactsHeader {
        ContactsHeader {
            generation: self.generation,
            clock_hand: self.clock_hand,
            evicted: self.evicted,
            clock_skew: self.effects.clock_skew,
            orphans: self.effects.held_outcomes.orphans.clone(),
        }
    }

    /// Restores a header.
    pub(crate) fn set_header(&mut self, header: ContactsHeader) {
        self.generation = header.generation;
        self.clock_hand = header.clock_hand;
        self.evicted = header.evicted;
        self.effects.clock_skew = header.clock_skew;
        self.effects.held_outcomes.orphans = header.orphans;
    }

    /// Returns how many contacts the table holds.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// Returns whether a further contact needs the eviction of another.
    pub(super) fn is_full(&self) -> bool {
        self.index.len() >= self.limit
    }

    /// Returns the contact of a key.
    pub(super) fn find(&self, key: ContactKey) -> Option<Handle> {
        let slot =
            *self.index.find(key.table_hash(), |slot| key_of(&self.slots, *slot) == Some(key))?;
        self.slots.contact(slot).map(|(generation, _)| Handle { slot, generation: *generation })
    }

    /// Returns a contact with everything that may change together with it, or `None` if the
    /// contact was removed.
    pub(super) fn contact_context<'a>(
        &'a mut self,
        registry: &'a mut LabelRegistry,
        event: &'a EventContext,
        handle: Handle,
    ) -> Option<ContactContext<'a>> {
        match self.slots.get_mut(handle.slot) {
            Some(Some((generation, contact))) if *generation == handle.generation => {
                let effects = &mut self.effects;
                Some(ContactContext { contact, handle, effects, registry, event })
            }
            _ => None,
        }
    }

    /// Returns every contact, in order of slots.
    pub(super) fn handles(&self) -> Vec<Handle> {
        let occupied =
            self.slots.iter().filter_map(|(slot, contact)| Some((slot, contact.as_ref()?.0)));
        occupied.map(|(slot, generation)| Handle { slot, generation }).collect()
    }

    /// Adds a contact in the lowest empty slot.
    pub(super) fn insert(&mut self, key: ContactKey, stream_time: Timestamp) -> Handle {
        self.generation = self.generation.wrapping_add(1);
        let contact = Some((self.generation, Contact::new(key, stream_time)));
        let slot = self.free.pop().map_or(self.slots.len() as u32, |Reverse(slot)| slot);
        match self.slots.get_mut(slot) {
            Some(free) => *free = contact,
            None => self.slots.push(contact),
        }
        let handle = Handle { slot, generation: self.generation };
        self.put_index(key, handle);
        handle
    }

    /// Removes a contact.
    pub(super) fn remove(&mut self, handle: Handle) {
        if let Some((_, contact)) = self.slots.get_mut(handle.slot).and_then(Option::take) {
            if let Ok(entry) =
                self.index.find_entry(contact.key.table_hash(), |slot| *slot == handle.slot)
            {
                entry.remove();
            }
            self.free.push(Reverse(handle.slot));
            self.dirty.mark(handle.slot);
        }
    }

    /// Adds a contact that is in its slot to the index.
    pub(super) fn put_index(&mut self, key: ContactKey, handle: Handle) {
        let slots = &self.slots;
        // A slot in the index is never empty: `remove` empties both.
        let hash_of = |slot: &u32| key_of(slots, *slot).map_or(0, HashedId::table_hash);
        self.index.insert_unique(key.table_hash(), handle.slot, hash_of);
    }

    /// Rebuilds the list of empty slots after a restore.
    pub(super) fn rebuild_free(&mut self) {
        let empty = self.slots.iter().filter(|(_, slot)| slot.is_none());
        self.free = empty.map(|(slot, _)| Reverse(slot)).collect();
    }
}

/// Returns the key of the contact in a slot.
fn key_of(slots: &ContactArena, slot: u32) -> Option<ContactKey> {
    slots.contact(slot).map(|(_, contact)| contact.key)
}
