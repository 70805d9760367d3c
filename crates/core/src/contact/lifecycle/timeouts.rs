//! What time brings to contacts: misses, losses, orphans, and forgetting.

use crate::contact::contact_context::ContactContext;
use crate::contact::ending::Ending;
use crate::contact::event_context::EventContext;
use crate::contact::handle::Handle;
use crate::contact::model::{Issue, OpenIssue};
use crate::contact::table::Contacts;
use crate::ids::ContactKey;
use crate::measures::{FactKind, WindowScope};
use crate::registry::LabelRegistry;

/// The first instant that is more than `duration_ms` after `from_ms`.
fn past(from_ms: i64, duration_ms: u64) -> i64 {
    from_ms.saturating_add_unsigned(duration_ms).saturating_add(1)
}

impl Contacts {
    /// Lets time act on all contacts but the record's own.
    pub(crate) fn pass_time(
        &mut self,
        registry: &mut LabelRegistry,
        context: &EventContext,
        own: Option<ContactKey>,
    ) {
        // Mostly nothing is due, and then nobody has to be looked up.
        if !self.timers.is_due(context.stream_ms) {
            return;
        }
        let own = own.and_then(|key| self.find(key));
        while let Some((due_ms, handle)) = self.timers.pop_due(context.stream_ms) {
            let Some(case) = self.case(registry, context, handle) else { continue };
            // An entry of another instant than the armed one was overtaken by an earlier one.
            if case.contact.armed_ms != due_ms {
                continue;
            }
            case.contact.armed_ms = i64::MAX;
            if Some(handle) != own {
                self.apply_timeouts_at(registry, context, handle);
            }
        }
    }

    /// Lets time act on the record's own contact, after the record was applied.
    pub(crate) fn apply_timeouts(
        &mut self,
        registry: &mut LabelRegistry,
        context: &EventContext,
        key: ContactKey,
    ) {
        if let Some(handle) = self.find(key) {
            self.apply_timeouts_at(registry, context, handle);
        }
        self.clean_live();
    }

    pub(crate) fn apply_timeouts_at(
        &mut self,
        registry: &mut LabelRegistry,
        context: &EventContext,
        handle: Handle,
    ) {
        self.changes.mark(handle.slot);
        let Some(mut case) = self.case(registry, context, handle) else { return };
        match case.run_timeouts() {
            None => self.remove(handle),
            Some(next_ms) if next_ms < case.contact.armed_ms => {
                case.contact.armed_ms = next_ms;
                self.timers.push(next_ms, handle);
            }
            Some(_) => {}
        }
    }

    /// Rejects what is still held, as at the end of a replay.
    pub(crate) fn reject_held(&mut self, registry: &mut LabelRegistry, context: &EventContext) {
        for handle in self.handles() {
            if let Some(mut case) = self.case(registry, context, handle)
                && case.contact.held.is_some()
            {
                case.reject_held();
                self.changes.mark(handle.slot);
            }
        }
    }
}

impl ContactContext<'_> {
    /// Does what is due at stream time; the instant of what is due next, `None` where the contact is to be forgotten.
    fn run_timeouts(&mut self) -> Option<i64> {
        let stream_ms = self.context.stream_ms;
        let mut next_ms = i64::MAX;
        // True where the instant has come; else it is one to wake up for.
        let mut is_due = |due_ms: i64| {
            if due_ms > stream_ms {
                next_ms = next_ms.min(due_ms);
            }
            due_ms <= stream_ms
        };

        if let Some(held) = &self.contact.held
            && is_due(past(held.stream_ms, self.effects.timeouts.reorder_grace_ms))
        {
            self.reject_held();
        }
        if let Some(visit) = self.contact.visit {
            let info = *self.registry.info(visit.series);
            let target_ms = visit.start_ms.saturating_add_unsigned(info.target_wait.get());
            let lost_at_ms = visit.start_ms.saturating_add_unsigned(info.max_wait.get());
            if is_due(lost_at_ms.saturating_add(1)) {
                self.end_visit(Ending::Lost, lost_at_ms, None, WindowScope::Windows);
            } else {
                if !visit.over_target && is_due(target_ms.saturating_add(1)) {
                    self.count_over_target();
                }
                let can_miss = !visit.missed && info.target_wait < info.max_wait;
                if can_miss
                    && is_due(
                        target_ms.saturating_add_unsigned(self.effects.timeouts.miss_grace_ms),
                    )
                {
                    self.miss_while_waiting(target_ms);
                }
            }
        }
        if let Some(service) = self.contact.service
            && is_due(past(service.since_ms, self.registry.info(service.series).max_service.get()))
        {
            self.leave_service();
        }
        if let Issue::Open(OpenIssue { counted: Some(counted), .. }) = &mut self.contact.issue
            && !counted.overdue
            && is_due(counted.due_ms.saturating_add(1))
        {
            counted.overdue = true;
            self.effects.live(counted.series).overdue += 1;
        }
        let forgotten = self.contact.is_idle()
            && is_due(past(self.contact.last_record_ms, self.effects.timeouts.dedup_horizon_ms));
        (!forgotten).then_some(next_ms)
    }

    fn count_over_target(&mut self) {
        if let Some(visit) = &mut self.contact.visit {
            visit.over_target = true;
            self.effects.live(visit.series).over_target += 1;
        }
    }

    /// The miss of a visit that goes on, placed by its own time.
    fn miss_while_waiting(&mut self, target_ms: i64) {
        if let Some(visit) = &mut self.contact.visit {
            visit.missed = true;
            let series = visit.series;
            self.fact(series, target_ms, WindowScope::Windows, FactKind::Missed);
        }
    }

    /// The held ending, if any, becomes an orphan.
    pub(crate) fn reject_held(&mut self) {
        if let Some(held) = self.contact.held.take() {
            self.effects.held -= 1;
            self.effects.held_outcomes.new_orphans += 1;
            self.effects.held_outcomes.orphans.push(held.log_position);
        }
    }
}
