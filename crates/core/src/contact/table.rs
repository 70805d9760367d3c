//! The contacts of one partition: storage, identity and bounds.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hashbrown::HashTable;
use serde::{Deserialize, Serialize};

use crate::contact::arena::ContactArena;
use crate::contact::contact_context::ContactContext;
use crate::contact::dirty_slots::DirtySlots;
use crate::contact::effects::{Effects, HeldOutcomes, Timeouts};
use crate::contact::ending::Ending;
use crate::contact::event_context::EventContext;
use crate::contact::handle::Handle;
use crate::contact::model::{Contact, Counted, Issue, OpenIssue};
use crate::contact::timer_wheel::TimerWheel;
use crate::ids::{ContactKey, HashedId, SeriesId};
use crate::measures::{ApplyOutcome, Live};
use crate::registry::LabelRegistry;
use crate::settings::WindowSettings;
use crate::time::Timestamp;

/// The contacts of one partition.
#[derive(Debug)]
pub(crate) struct Contacts {
    pub(crate) slots: ContactArena,
    /// Empty slots, the lowest first: where a contact goes follows from the state alone.
    free: BinaryHeap<Reverse<u32>>,
    /// ContactArena of the contacts, found by the key that stands there.
    index: HashTable<u32>,
    pub(crate) timers: TimerWheel,
    generation: u32,
    limit: usize,
    /// Where the search for a contact to forget goes on when the bound is reached.
    clock_hand: usize,
    /// Contacts forgotten because of the bound.
    pub(crate) evicted: u64,
    pub(crate) effects: Effects,
    pub(crate) changes: DirtySlots,
}

/// What is stored of the contacts besides themselves.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct ContactsHeader {
    generation: u32,
    clock_hand: usize,
    evicted: u64,
    clock_skew: u64,
    orphans: Vec<i64>,
}

impl Contacts {
    /// No contacts; at most `limit` later.
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
            effects: Effects {
                facts: Vec::new(),
                live: Vec::new(),
                bloated: None,
                clock_skew: 0,
                held: 0,
                held_outcomes: HeldOutcomes::default(),
                timeouts: Timeouts {
                    miss_grace_ms: windows.miss_grace.get(),
                    reorder_grace_ms: windows.reorder_grace.get(),
                    dedup_horizon_ms: windows.dedup_horizon.get(),
                },
            },
            changes: DirtySlots::default(),
        }
    }

    /// What is stored besides the contacts themselves.
    pub(crate) fn header(&self) -> ContactsHeader {
        ContactsHeader {
            generation: self.generation,
            clock_hand: self.clock_hand,
            evicted: self.evicted,
            clock_skew: self.effects.clock_skew,
            orphans: self.effects.held_outcomes.orphans.clone(),
        }
    }

    /// Takes over what [`Self::header`] gave.
    pub(crate) fn set_header(&mut self, header: ContactsHeader) {
        self.generation = header.generation;
        self.clock_hand = header.clock_hand;
        self.evicted = header.evicted;
        self.effects.clock_skew = header.clock_skew;
        self.effects.held_outcomes.orphans = header.orphans;
    }

    /// Contacts in memory.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    pub(crate) fn find(&self, key: ContactKey) -> Option<Handle> {
        let slot =
            *self.index.find(key.table_hash(), |slot| key_of(&self.slots, *slot) == Some(key))?;
        self.slots.contact(slot).map(|(generation, _)| Handle { slot, generation: *generation })
    }

    fn get(slots: &ContactArena, handle: Handle) -> Option<&Contact> {
        match slots.contact(handle.slot) {
            Some((generation, contact)) if *generation == handle.generation => Some(contact),
            _ => None,
        }
    }

    /// A contact with everything that may change together with it.
    pub(crate) fn case<'a>(
        &'a mut self,
        registry: &'a mut LabelRegistry,
        context: &'a EventContext,
        handle: Handle,
    ) -> Option<ContactContext<'a>> {
        match self.slots.get_mut(handle.slot) {
            Some(Some((generation, contact))) if *generation == handle.generation => {
                Some(ContactContext {
                    contact,
                    handle,
                    effects: &mut self.effects,
                    registry,
                    context,
                })
            }
            _ => None,
        }
    }

    /// Every contact.
    pub(crate) fn handles(&self) -> Vec<Handle> {
        let occupied =
            self.slots.iter().filter_map(|(slot, contact)| Some((slot, contact.as_ref()?.0)));
        occupied.map(|(slot, generation)| Handle { slot, generation }).collect()
    }

    /// The contact of a key, made where there is none.
    fn find_or_insert(
        &mut self,
        registry: &mut LabelRegistry,
        context: &EventContext,
        key: ContactKey,
    ) -> Handle {
        if let Some(handle) = self.find(key) {
            return handle;
        }
        if self.index.len() >= self.limit {
            self.evict_one(registry, context);
        }
        self.generation = self.generation.wrapping_add(1);
        let contact = Some((self.generation, Contact::new(key, context.stream_ms)));
        let slot = self.free.pop().map_or(self.slots.len() as u32, |Reverse(slot)| slot);
        match self.slots.get_mut(slot) {
            Some(free) => *free = contact,
            None => self.slots.push(contact),
        }
        let handle = Handle { slot, generation: self.generation };
        self.put_index(key, handle);
        handle
    }

    /// Forgets a contact.
    pub(crate) fn remove(&mut self, handle: Handle) {
        if let Some((_, contact)) = self.slots.get_mut(handle.slot).and_then(Option::take) {
            if let Ok(entry) =
                self.index.find_entry(contact.key.table_hash(), |slot| *slot == handle.slot)
            {
                entry.remove();
            }
            self.free.push(Reverse(handle.slot));
            self.changes.mark(handle.slot);
        }
    }

    /// Makes a contact findable that stands in its slot.
    pub(crate) fn put_index(&mut self, key: ContactKey, handle: Handle) {
        let slots = &self.slots;
        // A slot in the table is never empty: what leaves it leaves the table first.
        let hash_of = |slot: &u32| key_of(slots, *slot).map_or(0, HashedId::table_hash);
        self.index.insert_unique(key.table_hash(), handle.slot, hash_of);
    }

    /// Finds the empty slots of a restored table.
    pub(crate) fn fill_free(&mut self) {
        let empty = self.slots.iter().filter(|(_, slot)| slot.is_none());
        self.free = empty.map(|(slot, _)| Reverse(slot)).collect();
    }

    /// Makes room for one contact: of the next few in turn, the idle one with the oldest record, else the one with the
    /// oldest record, whose visit then is lost.
    fn evict_one(&mut self, registry: &mut LabelRegistry, context: &EventContext) {
        const LOOK_AT: usize = 32;
        let mut best: Option<((bool, i64), Handle)> = None;
        let mut seen = 0;
        for _ in 0..self.slots.len() {
            self.clock_hand = (self.clock_hand + 1) % self.slots.len();
            let slot = self.clock_hand as u32;
            let Some((generation, contact)) = self.slots.contact(slot) else { continue };
            let handle = Handle { slot, generation: *generation };
            let rank = (!contact.is_idle(), contact.last_record_ms);
            if best.is_none_or(|(best_rank, _)| rank < best_rank) {
                best = Some((rank, handle));
            }
            seen += 1;
            if seen == LOOK_AT {
                break;
            }
        }
        let Some((_, handle)) = best else { return };
        if let Some(mut case) = self.case(registry, context, handle) {
            case.let_go();
        }
        self.remove(handle);
        self.evicted += 1;
    }

    /// DirtySlots a contact by a record; makes the contact where there is none.
    pub(crate) fn change(
        &mut self,
        registry: &mut LabelRegistry,
        context: &EventContext,
        key: ContactKey,
        change: impl FnOnce(&mut ContactContext<'_>) -> ApplyOutcome,
    ) -> ApplyOutcome {
        let handle = self.find_or_insert(registry, context, key);
        self.changes.mark(handle.slot);
        match self.case(registry, context, handle) {
            Some(mut case) => {
                let outcome = change(&mut case);
                if outcome != ApplyOutcome::Duplicate {
                    case.contact.last_record_ms = context.stream_ms;
                }
                outcome
            }
            None => ApplyOutcome::Duplicate,
        }
    }

    /// Ends, as lost, every open visit that the source of the record opened.
    pub(crate) fn end_visits_of_source(
        &mut self,
        registry: &mut LabelRegistry,
        context: &EventContext,
    ) {
        for handle in self.handles() {
            if let Some(mut case) = self.case(registry, context, handle)
                && case.contact.visit.is_some_and(|visit| visit.source == context.source)
            {
                case.end_visit(Ending::Lost, context.at_ms, None, context.scope);
                // Its timer may now be due sooner: idle contacts are forgotten.
                self.apply_timeouts_at(registry, context, handle);
            }
        }
    }

    /// Live gauges of a series at `stream_ms`.
    pub(crate) fn live(
        &mut self,
        registry: &LabelRegistry,
        series: SeriesId,
        stream_ms: i64,
    ) -> Live {
        let slots = &self.slots;
        let live = self.effects.live(series);
        let waits_since_ms =
            live.waits.oldest_ms(|since_ms, handle| is_waiting(slots, series, since_ms, handle));
        let open_since_ms =
            live.opens.oldest_ms(|since_ms, handle| is_open(slots, series, since_ms, handle));
        let settings = registry.series_settings(series);
        let clock_ms =
            |since_ms| settings.clock_between(Timestamp(since_ms), Timestamp(stream_ms)).get();
        Live {
            waiting: live.waiting,
            waiting_over_target: live.over_target,
            longest_wait_ms: waits_since_ms
                .map_or(0, |since_ms| stream_ms.saturating_sub(since_ms).max(0) as u64),
            oldest_waiting_ms: waits_since_ms.map_or(0, |since_ms| clock_ms(since_ms)),
            in_service: live.in_service,
            open: live.open,
            open_overdue: live.overdue,
            oldest_open_ms: open_since_ms.map_or(0, |since_ms| clock_ms(since_ms)),
        }
    }

    /// Cleans the lists of the oldest where that is due.
    pub(crate) fn clean_live(&mut self) {
        let Some(series) = self.effects.bloated.take() else { return };
        let slots = &self.slots;
        let live = self.effects.live(series);
        live.waits.retain(|since_ms, handle| is_waiting(slots, series, since_ms, handle));
        live.opens.retain(|since_ms, handle| is_open(slots, series, since_ms, handle));
    }
}

/// The key of the contact in a slot.
fn key_of(slots: &ContactArena, slot: u32) -> Option<ContactKey> {
    slots.contact(slot).map(|(_, contact)| contact.key)
}

fn is_waiting(slots: &ContactArena, series: SeriesId, since_ms: i64, handle: Handle) -> bool {
    Contacts::get(slots, handle)
        .and_then(|contact| contact.visit)
        .is_some_and(|visit| visit.series == series && visit.start_ms == since_ms)
}

fn is_open(slots: &ContactArena, series: SeriesId, since_ms: i64, handle: Handle) -> bool {
    let Some(Issue::Open(OpenIssue {
        since_ms: opened_ms,
        counted: Some(Counted { series: counted, .. }),
    })) = Contacts::get(slots, handle).map(|contact| contact.issue)
    else {
        return false;
    };
    counted == series && opened_ms == since_ms
}
