//! The contacts that are under way, in a slab with generations.

use crate::site::{Channel, QueueId};
use crate::staff::AgentIndex;

/// Reference to a contact of the slab; outdated once the contact is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ContactRef {
    index: usize,
    generation: u32,
}

/// One contact, from its start until nothing more can happen to it.
#[derive(Debug)]
pub(crate) struct Contact {
    pub(crate) number: u64,
    pub(crate) channel: Channel,
    pub(crate) entry_point: Option<&'static str>,
    pub(crate) started_ms: i64,
    /// The queue that the contact wants, is in, or was in last.
    pub(crate) queue: QueueId,
    /// Start of the last visit.
    pub(crate) entered_ms: i64,
    /// Number of the last visit.
    pub(crate) visit: u32,
    pub(crate) is_waiting: bool,
    pub(crate) ringing: Option<AgentIndex>,
    /// How many times the contact was offered to an agent.
    pub(crate) offer: u32,
    pub(crate) answered_ms: i64,
    /// Wait of the last visit that was answered.
    pub(crate) waited_ms: i64,
    /// Talk time of the present conversation.
    pub(crate) talk_ms: i64,
    /// Hold time of the present conversation.
    pub(crate) hold_ms: i64,
    /// Wrap-up after the present conversation.
    pub(crate) wrap_up_ms: i64,
    pub(crate) will_be_transferred: bool,
    pub(crate) is_transferred: bool,
    pub(crate) is_replied: bool,
    pub(crate) is_reopened: bool,
    /// Start of the open issue: the start of the contact, or its reopening.
    pub(crate) open_since_ms: i64,
}

#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    contact: Option<Contact>,
}

/// The contacts that are under way.
#[derive(Debug, Default)]
pub(crate) struct Contacts {
    slots: Vec<Slot>,
    free: Vec<usize>,
    /// Contacts added so far.
    added: u64,
}

impl Contacts {
    /// Adds a contact that starts now. Returns its reference and its number.
    pub(crate) fn add(
        &mut self,
        channel: Channel,
        queue: QueueId,
        entry_point: Option<&'static str>,
        now_ms: i64,
    ) -> (ContactRef, u64) {
        self.added += 1;
        let contact = Contact {
            number: self.added,
            channel,
            entry_point,
            started_ms: now_ms,
            queue,
            entered_ms: now_ms,
            visit: 0,
            is_waiting: false,
            ringing: None,
            offer: 0,
            answered_ms: now_ms,
            waited_ms: 0,
            talk_ms: 0,
            hold_ms: 0,
            wrap_up_ms: 0,
            will_be_transferred: false,
            is_transferred: false,
            is_replied: false,
            is_reopened: false,
            open_since_ms: now_ms,
        };
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() - 1
        });
        let slot = &mut self.slots[index];
        slot.contact = Some(contact);
        (ContactRef { index, generation: slot.generation }, self.added)
    }

    /// Returns the contact, or `None` if it is over.
    pub(crate) fn get(&self, contact: ContactRef) -> Option<&Contact> {
        let slot = self.slots.get(contact.index)?;
        if slot.generation == contact.generation { slot.contact.as_ref() } else { None }
    }

    /// Returns the contact for changes, or `None` if it is over.
    pub(crate) fn get_mut(&mut self, contact: ContactRef) -> Option<&mut Contact> {
        let slot = self.slots.get_mut(contact.index)?;
        if slot.generation == contact.generation { slot.contact.as_mut() } else { None }
    }

    /// Removes the contact; does nothing if it is over.
    pub(crate) fn remove(&mut self, contact: ContactRef) {
        if let Some(slot) = self.slots.get_mut(contact.index)
            && slot.generation == contact.generation
            && slot.contact.take().is_some()
        {
            slot.generation = slot.generation.wrapping_add(1);
            self.free.push(contact.index);
        }
    }

    /// Returns an iterator over the contacts.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Contact> {
        self.slots.iter().filter_map(|slot| slot.contact.as_ref())
    }

    /// Returns how many slots the slab has.
    #[cfg(test)]
    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reference_finds_nothing_when_its_contact_is_over() {
        let mut contacts = Contacts::default();
        let (first, _) = contacts.add(Channel::Phone, 0, None, 0);
        contacts.remove(first);
        let (second, _) = contacts.add(Channel::Chat, 8, None, 1);
        assert_eq!(first.index, second.index, "the slot is used again");
        assert!(contacts.get(first).is_none() && contacts.get_mut(first).is_none());
        contacts.remove(first);
        assert_eq!(contacts.get(second).map(|contact| contact.number), Some(2));
    }
}
