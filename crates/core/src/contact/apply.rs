//! Applying an event to its contact, which is created if needed, and to the visits of a source.

use crate::contact::contact_context::ContactContext;
use crate::contact::ending::Ending;
use crate::contact::event_context::EventContext;
use crate::contact::handle::Handle;
use crate::contact::model::Conversation;
use crate::contact::table::Contacts;
use crate::ids::ContactKey;
use crate::measures::{ApplyOutcome, WindowScope};
use crate::registry::LabelRegistry;
use crate::time::Timestamp;

impl Contacts {
    /// Applies `change` to the contact of a key, which is created if it is unknown.
    pub(crate) fn change(
        &mut self,
        registry: &mut LabelRegistry,
        event: &EventContext,
        key: ContactKey,
        change: impl FnOnce(&mut ContactContext<'_>) -> ApplyOutcome,
    ) -> ApplyOutcome {
        let handle = self.find_or_insert(registry, event, key);
        self.dirty.mark(handle.slot);
        match self.contact_context(registry, event, handle) {
            Some(mut context) => {
                context.settle_early_end_in_time();
                let outcome = change(&mut context);
                if outcome != ApplyOutcome::Duplicate {
                    context.contact.last_record = event.stream_time;
                }
                outcome
            }
            None => ApplyOutcome::Duplicate,
        }
    }

    /// Applies `source.restarted`: ends, as lost, every open visit that the source has opened, and
    /// drops the conversations of its visits.
    pub(crate) fn end_visits_of_source(
        &mut self,
        registry: &mut LabelRegistry,
        event: &EventContext,
    ) {
        for handle in self.effects.open_visits.take(event.source) {
            let Some(mut context) = self.contact_context(registry, event, handle) else { continue };
            let stands = (context.contact.pending_end())
                .is_some_and(|pending| pending.event_time <= event.event_time);
            if context.contact.visit.is_none_or(|visit| visit.source != event.source) {
                // Only its conversations may end.
            } else if stands {
                context.effects.open_visits.push(event.source, handle);
            } else {
                context.end_visit(Ending::Lost, event.event_time, None, event.scope);
                context.contact.last_record = event.stream_time;
            }
            let is_of_source = |one: &Conversation| one.source == event.source;
            if context.contact.conversations.iter().any(is_of_source) {
                context.drop_conversations(event.event_time, is_of_source);
                // The end of the conversation may still come.
                context.contact.last_record = event.stream_time;
            }
            // An idle contact has another timeout than a waiting one.
            self.apply_timeouts(registry, event, handle);
        }
    }

    fn find_or_insert(
        &mut self,
        registry: &mut LabelRegistry,
        event: &EventContext,
        key: ContactKey,
    ) -> Handle {
        if let Some(handle) = self.find(key) {
            return handle;
        }
        if self.is_full() {
            self.evict_one(registry, event);
        }
        self.insert(key, event.stream_time)
    }

    /// Evicts one contact to make room for another.
    ///
    /// Looks at the next few contacts after the clock hand, and takes the idle one with the oldest
    /// record; if none is idle, the one with the oldest record.
    fn evict_one(&mut self, registry: &mut LabelRegistry, event: &EventContext) {
        const CANDIDATES: usize = 32;
        let mut best: Option<((bool, Timestamp), Handle)> = None;
        let mut seen = 0;
        for _ in 0..self.slots.len() {
            self.clock_hand = (self.clock_hand + 1) % self.slots.len();
            let slot = self.clock_hand as u32;
            let Some((generation, contact)) = self.slots.contact(slot) else { continue };
            let handle = Handle { slot, generation: *generation };
            let rank = (!contact.is_idle(), contact.last_record);
            if best.is_none_or(|(best_rank, _)| rank < best_rank) {
                best = Some((rank, handle));
            }
            seen += 1;
            if seen == CANDIDATES {
                break;
            }
        }
        let Some((_, handle)) = best else { return };
        if let Some(mut context) = self.contact_context(registry, event, handle) {
            context.close_for_eviction();
        }
        self.remove(handle);
        self.evicted += 1;
    }
}

impl ContactContext<'_> {
    /// Ends everything that is open, before the contact is evicted: its visit is lost, and a held
    /// ending becomes an orphan.
    fn close_for_eviction(&mut self) {
        self.settle_early_end();
        self.end_visit(Ending::Lost, self.event.stream_time, None, WindowScope::Windows);
        self.drop_conversations(self.event.event_time, |_| true);
        self.close_issue();
        self.reject_held_ending();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::contact::event_context::{Lateness, Origin};
    use crate::ids::{IdHasher, Offset, SourceKey};
    use crate::measures::{FactKind, VisitOutcome};
    use crate::settings::Settings;
    use crate::time::TimeRange;

    const BUSY_SOURCE: SourceKey = SourceKey(1);
    const RESTARTED_SOURCE: SourceKey = SourceKey(2);

    fn contacts() -> (Contacts, LabelRegistry) {
        let settings = Settings::builder().build();
        let contacts = Contacts::new(&settings.windows, usize::MAX);
        (contacts, LabelRegistry::new(Arc::new(settings), IdHasher::new([0; 16])))
    }

    fn event(source: SourceKey) -> EventContext {
        EventContext {
            stream_time: Timestamp(1_000),
            event_time: Timestamp(1_000),
            lateness: Lateness::InTime,
            scope: WindowScope::Windows,
            today: TimeRange { start: Timestamp(0), end: Timestamp(86_400_000) },
            offset: Offset(0),
            source,
            origin: Origin::Record,
        }
    }

    fn enter_queue(
        (contacts, registry): &mut (Contacts, LabelRegistry),
        source: SourceKey,
        contact: u128,
        queue: &str,
    ) {
        let queue = registry.queue(queue);
        let outcome = contacts.change(registry, &event(source), ContactKey(contact), |contact| {
            contact.queued(queue, None, false)
        });
        assert_eq!(outcome, ApplyOutcome::Applied);
        contacts.apply_timeouts_of(registry, &event(source), ContactKey(contact));
    }

    #[test]
    fn restart_visits_only_contacts_of_its_source_when_there_are_many() {
        let mut table = contacts();
        for contact in 0..20_000 {
            let is_restarted = contact % 5_000 == 17;
            let source = if is_restarted { RESTARTED_SOURCE } else { BUSY_SOURCE };
            enter_queue(&mut table, source, contact, "service");
        }
        let visited = table.0.effects.open_visits.take(RESTARTED_SOURCE);
        assert_eq!(
            visited.iter().map(|handle| handle.slot).collect::<Vec<_>>(),
            [17, 5_017, 10_017, 15_017]
        );
    }

    #[test]
    fn restart_loses_visits_in_order_of_slots_when_they_began_in_another_order() {
        let mut table = contacts();
        enter_queue(&mut table, BUSY_SOURCE, 1, "first");
        enter_queue(&mut table, RESTARTED_SOURCE, 2, "second");
        enter_queue(&mut table, RESTARTED_SOURCE, 3, "third");
        enter_queue(&mut table, RESTARTED_SOURCE, 1, "fourth");
        // The visit of the third contact has another source now.
        enter_queue(&mut table, BUSY_SOURCE, 3, "fifth");
        let (mut contacts, mut registry) = table;
        contacts.effects.facts.clear();
        contacts.end_visits_of_source(&mut registry, &event(RESTARTED_SOURCE));

        let is_lost =
            |kind| matches!(kind, FactKind::VisitEnded(end) if end.outcome == VisitOutcome::Lost);
        let lost = contacts.effects.facts.iter().filter(|fact| is_lost(fact.kind));
        let queues: Vec<_> = lost.map(|fact| registry.labels(fact.series).0.to_string()).collect();
        assert_eq!(queues, ["fourth", "second"]);
    }

    #[test]
    fn table_evicts_an_idle_contact_when_it_is_full() {
        let settings = Settings::builder().build();
        let contacts = Contacts::new(&settings.windows, 2);
        let mut table = (contacts, LabelRegistry::new(Arc::new(settings), IdHasher::new([0; 16])));
        enter_queue(&mut table, BUSY_SOURCE, 1, "service");
        let (contacts, registry) = &mut table;
        contacts.change(registry, &event(BUSY_SOURCE), ContactKey(2), |_| ApplyOutcome::Applied);
        enter_queue(&mut table, BUSY_SOURCE, 3, "service");

        let (contacts, _) = table;
        assert_eq!((contacts.len(), contacts.evicted), (2, 1));
        let found = [1, 2, 3].map(|key| contacts.find(ContactKey(key)).is_some());
        assert_eq!(found, [true, false, true]);
    }
}
