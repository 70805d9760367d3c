//! Timeouts: what happens because stream time passes. Misses, losses, orphans, and forgetting.

use crate::contact::contact_context::ContactContext;
use crate::contact::effects::Timeouts;
use crate::contact::ending::Ending;
use crate::contact::event_context::EventContext;
use crate::contact::handle::Handle;
use crate::contact::model::{Conversation, EarlyEnd, Issue, Miss, OpenIssue, Visit};
use crate::contact::table::Contacts;
use crate::ids::ContactKey;
use crate::measures::{FactKind, WindowScope};
use crate::registry::LabelRegistry;
use crate::time::{Millis, Timestamp};

impl Contacts {
    /// Applies the timeouts that are due, but not those of the record's own contact: the record
    /// may still be in time.
    pub(crate) fn apply_timeouts_of_others(
        &mut self,
        registry: &mut LabelRegistry,
        event: &EventContext,
        own: Option<ContactKey>,
    ) {
        // Mostly nothing is due: then the own contact is not looked up.
        if !self.timers.is_due(event.stream_time) {
            return;
        }
        let own = own.and_then(|key| self.find(key));
        while let Some((due, handle)) = self.timers.pop_due(event.stream_time) {
            let Some(context) = self.contact_context(registry, event, handle) else { continue };
            // A timer is stale if the contact has set an earlier one since.
            if context.contact.next_timer != due {
                continue;
            }
            context.contact.next_timer = Timestamp::MAX;
            if Some(handle) != own {
                self.apply_timeouts(registry, event, handle);
            }
        }
    }

    /// Applies the timeouts of the record's own contact, after the record was applied.
    pub(crate) fn apply_timeouts_of(
        &mut self,
        registry: &mut LabelRegistry,
        event: &EventContext,
        own: ContactKey,
    ) {
        if let Some(handle) = self.find(own) {
            self.apply_timeouts(registry, event, handle);
        }
        self.drop_stale_entries();
    }

    /// Applies the timeouts of a contact, then sets its next timer or removes it.
    pub(in crate::contact) fn apply_timeouts(
        &mut self,
        registry: &mut LabelRegistry,
        event: &EventContext,
        handle: Handle,
    ) {
        self.dirty.mark(handle.slot);
        let Some(mut context) = self.contact_context(registry, event, handle) else { return };
        match context.run_timeouts() {
            None => self.remove(handle),
            Some(next) if next < context.contact.next_timer => {
                context.contact.next_timer = next;
                self.timers.push(next, handle);
            }
            Some(_) => {}
        }
    }

    /// Applies the end of a replay: rejects all held endings, and counts early ends.
    pub(crate) fn reject_held(&mut self, registry: &mut LabelRegistry, event: &EventContext) {
        for handle in self.handles() {
            if let Some(mut context) = self.contact_context(registry, event, handle)
                && (context.contact.held.is_some() || context.contact.early_end.is_some())
            {
                context.reject_held_ending();
                context.settle_early_end();
                self.dirty.mark(handle.slot);
            }
        }
    }
}

impl ContactContext<'_> {
    /// Settles an early end whose grace is over at stream time.
    pub(in crate::contact) fn settle_early_end_in_time(&mut self) {
        let grace = self.effects.timeouts.reorder_grace;
        let now = self.event.stream_time;
        let is_over =
            |end: &EarlyEnd| !end.is_settled() && end.stream_time.just_after(grace) <= now;
        if self.contact.early_end.as_deref().is_some_and(is_over) {
            self.settle_early_end();
        }
    }

    /// Applies what is due at stream time. Returns when the next timeout is due, or `None` if the
    /// contact is to be forgotten.
    fn run_timeouts(&mut self) -> Option<Timestamp> {
        let now = self.event.stream_time;
        let mut next = Timestamp::MAX;
        // Returns whether a timeout is due, and remembers the earliest one that is not.
        let mut is_due = |due: Timestamp| {
            if due > now {
                next = next.min(due);
            }
            due <= now
        };

        if let Some(held) = &self.contact.held
            && is_due(held.stream_time.just_after(self.effects.timeouts.reorder_grace))
        {
            self.reject_held_ending();
        }
        if let Some(end) = &self.contact.early_end
            && !end.is_settled()
            && is_due(end.stream_time.just_after(self.effects.timeouts.reorder_grace))
        {
            self.settle_early_end();
        }
        if let Some(visit) = self.contact.visit {
            let info = *self.registry.info(visit.series);
            let Timeouts { miss_grace, reorder_grace, .. } = self.effects.timeouts;
            let pending = self.contact.pending_end();
            let implied_time = pending.map(|end| end.implied_time(&visit));
            let end = visit.start.saturating_add(info.max_wait);
            let stands = pending.is_some_and(|pending| pending.event_time <= end);
            let due = visit.timeout(end, end.just_after(Millis::ZERO), reorder_grace);
            if is_due(due) && !stands {
                self.end_visit(Ending::Lost, end, None, WindowScope::Windows);
                self.contact.last_record = self.contact.last_record.max(end);
            } else {
                let target = visit.start.saturating_add(info.target_wait);
                if !visit.over_target
                    && !visit.marks.is_pending
                    && is_due(target.just_after(Millis::ZERO))
                {
                    self.count_over_target();
                }
                let can_miss = !visit.is_missed()
                    && info.target_wait < info.max_wait
                    && implied_time.is_none_or(|implied_time| target < implied_time);
                let due = target.saturating_add(miss_grace);
                if can_miss && is_due(visit.timeout(target, due, reorder_grace)) {
                    self.miss_while_waiting(target);
                }
            }
        }
        let mut is_exceeded = false;
        for Conversation { start, series, .. } in &self.contact.conversations {
            is_exceeded |= is_due(start.just_after(self.registry.info(*series).max_service));
        }
        if is_exceeded {
            self.drop_exceeded_conversations();
        }
        if let Issue::Open(OpenIssue { counted: Some(counted), .. }) = &mut self.contact.issue
            && !counted.overdue
            && is_due(counted.due.just_after(Millis::ZERO))
        {
            counted.overdue = true;
            self.effects.live(counted.series).overdue += 1;
        }
        let horizon = self.effects.timeouts.dedup_horizon;
        let is_forgotten =
            self.contact.is_idle() && is_due(self.contact.last_record.just_after(horizon));
        (!is_forgotten).then_some(next)
    }

    fn count_over_target(&mut self) {
        if let Some(visit) = &mut self.contact.visit {
            visit.over_target = true;
            self.effects.live(visit.series).over_target += 1;
        }
    }

    /// Records the miss of an open visit at the instant at which its target passed.
    fn miss_while_waiting(&mut self, target: Timestamp) {
        if let Some(Visit { miss, series, .. }) = &mut self.contact.visit {
            *miss = Miss::RecordedAt { time: target };
            let series = *series;
            self.fact(series, target, WindowScope::Windows, FactKind::Missed);
        }
    }
}
