//! Endings of an open visit that do not say so themselves: ends of contacts, and replies.

use crate::contact::contact_context::ContactContext;
use crate::contact::ending::Ending;
use crate::contact::event_context::EventContext;
use crate::contact::model::{EarlyReply, Visit};
use crate::ids::QueueId;

impl ContactContext<'_> {
    /// Makes the early end the pending ending of the open visit, if it concerns it: the visit does
    /// not wait any more.
    pub(super) fn await_implied_ending(&mut self) {
        let Some(end) = self.contact.early_end.as_deref() else { return };
        if let Some(visit) = &mut self.contact.visit
            && !visit.marks.is_pending
            && end.concerns(visit)
        {
            visit.marks.is_pending = true;
            let live = self.effects.live(visit.series);
            live.waiting -= 1;
            live.over_target -= u64::from(std::mem::take(&mut visit.over_target));
        }
    }

    /// Ends the open visit as its pending ending implies, if it has one.
    pub(super) fn end_as_implied(&mut self) {
        let Some(visit) = self.contact.visit.filter(|visit| visit.marks.is_pending) else { return };
        // Taken first, so that the conversation of an implied answer does not find it.
        let Some(end) = self.contact.early_end.take() else { return };
        let scope = self.event.scope_of(end.event_time, end.lateness);
        let ending = end.implied_ending();
        self.end_visit(ending, end.implied_time(&visit), None, scope);
        self.count_end(visit.series, end.event_time, scope, end.uncounted_party());
        if matches!(ending, Ending::Answered(_)) {
            self.end_begun_conversation(visit.queue, end.event_time, scope, end.parts);
        }
    }

    /// Drops the pending ending of a visit, which another ending replaces. The end counts.
    pub(super) fn replace_pending_ending(&mut self, visit: &Visit) {
        if let Some(end) = self.contact.early_end.take_if(|_| visit.marks.is_pending) {
            let scope = self.event.scope_of(end.event_time, end.lateness);
            self.count_end(visit.series, end.event_time, scope, end.uncounted_party());
        }
    }

    /// Applies a reply to the open visit, which it answers, or remembers it for a visit whose start
    /// is read afterwards.
    pub(super) fn answer_by_reply(&mut self, queue: Option<QueueId>) {
        let EventContext { event_time, stream_time, scope, lateness, .. } = *self.event;
        let reply = EarlyReply { event_time, stream_time, queue, lateness };
        if self.is_answered_by(&reply) {
            self.end_visit(Ending::Replied, event_time, None, scope);
            return;
        }
        let grace = self.effects.timeouts.reorder_grace;
        match &mut self.contact.early_reply {
            Some(known)
                if stream_time < known.stream_time.just_after(grace)
                    && known.event_time <= event_time => {}
            // Most contacts with one reply have many: the allocation is used again.
            Some(known) => **known = reply,
            None => self.contact.early_reply = Some(Box::new(reply)),
        }
    }

    /// Answers the visit that has just opened by a reply that was read before.
    pub(super) fn answer_by_early_reply(&mut self) {
        let Some(reply) = self.contact.early_reply.as_deref().copied() else { return };
        let grace = self.effects.timeouts.reorder_grace;
        if self.event.stream_time < reply.stream_time.just_after(grace)
            && self.is_answered_by(&reply)
        {
            self.contact.early_reply = None;
            let scope = self.event.scope_of(reply.event_time, reply.lateness);
            self.end_visit(Ending::Replied, reply.event_time, None, scope);
        }
    }

    /// Returns whether a reply answers the open visit.
    fn is_answered_by(&self, reply: &EarlyReply) -> bool {
        let Some(visit) = &self.contact.visit else { return false };
        visit.start <= reply.event_time
            && reply.queue.is_none_or(|queue| queue == visit.queue)
            && self.contact.pending_end().is_none_or(|end| reply.event_time <= end.event_time)
    }
}
