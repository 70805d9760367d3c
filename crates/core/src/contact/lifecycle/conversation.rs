//! The conversations between answers and ends, and the handle times that follow from them.

use crate::contact::contact_context::ContactContext;
use crate::contact::effects::{CallChange, CallEffect};
use crate::contact::ending::Ending;
use crate::contact::event_context::EventContext;
use crate::contact::model::{Conversation, EarlyEnd, EndStage, HandleParts, NO_AGENT, Talk};
use crate::event::{EndedBy, TransferKind};
use crate::ids::{AgentKey, CallId, QueueId, SeriesId};
use crate::measures::{ApplyOutcome, FactKind, WindowScope};
use crate::time::{Millis, Timestamp};

/// Bound on the conversations of one contact; past it, the first one is dropped.
const CONVERSATIONS_MAX: usize = 8;

/// The answer that a record implies where none is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Implied {
    pub(crate) agent: Option<AgentKey>,
    pub(crate) wait: Millis,
    /// Whether the wait was negative, and is read as 0.
    pub(crate) is_negative: bool,
}

impl ContactContext<'_> {
    /// Begins the conversation of an answered visit. An early end ends it at once.
    pub(super) fn begin_conversation(&mut self, conversation: Conversation) {
        let start = conversation.start;
        self.drop_conversations(start, |known| known.queue == conversation.queue);
        if self.contact.conversations.len() >= CONVERSATIONS_MAX {
            let first = self.contact.conversations.remove(0);
            self.leave_service(&first, start);
        }
        self.effects.live(conversation.series).in_service += 1;
        let max_service = self.registry.info(conversation.series).max_service;
        let until = start.saturating_add(max_service);
        let queue = conversation.queue;
        self.push_call(&conversation, start, |id| CallChange::Begun { id, queue, until });
        // The pending ending of an open visit, which began after this answer, stays.
        let is_of_visit = self.contact.pending_end().is_some();
        let early = self.contact.early_end.take_if(|end| {
            !is_of_visit
                && end.event_time >= start
                && end.queue.is_none_or(|queue| queue == conversation.queue)
        });
        let Some(end) = early else {
            self.contact.conversations.push(conversation);
            return;
        };
        let scope = self.event.scope_of(end.event_time, end.lateness);
        if !(end.is_settled() && end.parts.talk.is_some()) {
            self.handle(&conversation, end.event_time, scope, end.parts);
        }
        self.count_end(conversation.series, end.event_time, scope, end.uncounted_party());
        self.finish(&conversation, end.event_time);
    }

    /// Drops the conversations for which `is_gone` holds, without a handle time.
    pub(in crate::contact) fn drop_conversations(
        &mut self,
        time: Timestamp,
        is_gone: impl Fn(&Conversation) -> bool,
    ) {
        while let Some(index) = self.contact.conversations.iter().position(&is_gone) {
            let conversation = self.contact.conversations.remove(index);
            self.leave_service(&conversation, time);
        }
    }

    /// Drops the conversations that have exceeded `max_service` at stream time, each at its own
    /// last instant. The contact is remembered from there on, because their ends may still come.
    pub(super) fn drop_exceeded_conversations(&mut self) {
        let mut index = 0;
        while let Some(&conversation) = self.contact.conversations.get(index) {
            let max_service = self.registry.info(conversation.series).max_service;
            if self.event.stream_time < conversation.start.just_after(max_service) {
                index += 1;
                continue;
            }
            self.contact.conversations.remove(index);
            let end = conversation.start.saturating_add(max_service);
            self.leave_service(&conversation, end);
            self.contact.last_record = self.contact.last_record.max(end);
        }
    }

    /// Takes a conversation that was removed out of the gauges, and frees its agent.
    fn leave_service(&mut self, conversation: &Conversation, time: Timestamp) {
        self.effects.live(conversation.series).in_service -= 1;
        self.push_call(conversation, time.max(conversation.start), |id| CallChange::Ended { id });
    }

    /// Ends a conversation that was removed: a later end of it is a duplicate.
    fn finish(&mut self, conversation: &Conversation, time: Timestamp) {
        self.leave_service(conversation, time);
        if let Some(past) = self.contact.past_visit_mut(conversation.queue) {
            past.talk = Talk::Ended;
        }
    }

    /// Adds the begin or the end of the call of a conversation's agent, if it has one.
    fn push_call(
        &mut self,
        conversation: &Conversation,
        event_time: Timestamp,
        change: impl Fn(CallId) -> CallChange,
    ) {
        let agent = conversation.agent;
        if agent != NO_AGENT {
            let id = CallId { contact: self.contact.key, record: conversation.call };
            self.effects.calls.push(CallEffect { agent, event_time, change: change(id) });
        }
    }

    /// Counts the handle time of a conversation. Without a talk time, talk is end minus answer
    /// minus hold; a negative difference is 0 and counts as clock skew.
    fn handle(
        &mut self,
        conversation: &Conversation,
        end: Timestamp,
        scope: WindowScope,
        parts: HandleParts,
    ) {
        let talk = parts.talk.unwrap_or_else(|| {
            self.effects.difference(conversation.start, end.saturating_sub(parts.hold))
        });
        self.fact(conversation.series, end, scope, handled(&parts, talk));
    }

    /// Counts an end under its party, if it tells one.
    pub(super) fn count_end(
        &mut self,
        series: SeriesId,
        time: Timestamp,
        scope: WindowScope,
        party: Option<EndedBy>,
    ) {
        if let Some(by) = party {
            self.fact(series, time, scope, FactKind::Ended { by });
        }
    }

    /// Applies `contact.ended`.
    pub(crate) fn ended(
        &mut self,
        queue: Option<QueueId>,
        parts: HandleParts,
        ended_by: Option<EndedBy>,
        implied: Option<Implied>,
    ) -> ApplyOutcome {
        let agent = implied.and_then(|implied| implied.agent);
        let EventContext { event_time, scope, .. } = *self.event;
        if let Some(series) = self.end_conversations(queue, parts, agent) {
            self.count_end(series, event_time, scope, ended_by);
            if queue.is_none() {
                self.end_visit_beside_conversations(ended_by);
            }
            return ApplyOutcome::Applied;
        }
        let visit_start = self
            .contact
            .visit
            .filter(|visit| queue.is_none_or(|queue| queue == visit.queue))
            .map(|visit| visit.start)
            .filter(|start| *start <= event_time);
        if visit_start.is_none()
            && let Some(outcome) = self.end_past_visit(queue, parts, ended_by)
        {
            return outcome;
        }
        if let (Some(implied), Some(queue)) = (implied, queue) {
            return self.end_with_answer(queue, parts, ended_by, implied);
        }
        let is_repeated = self.contact.early_end.as_ref().is_some_and(|known| {
            let may_be_same = known.queue == queue || known.queue.is_none() || queue.is_none();
            let is_older = visit_start.is_some_and(|start| known.event_time < start);
            !known.is_settled() && may_be_same && !is_older
        });
        if is_repeated {
            return ApplyOutcome::Duplicate;
        }
        self.keep_early_end(queue, parts, ended_by, EndStage::Open);
        ApplyOutcome::Applied
    }

    /// Keeps the end at hand for an answer or an open visit, in place of the one before.
    fn keep_early_end(
        &mut self,
        queue: Option<QueueId>,
        parts: HandleParts,
        ended_by: Option<EndedBy>,
        stage: EndStage,
    ) {
        self.settle_early_end();
        let EventContext { event_time, stream_time, lateness, .. } = *self.event;
        let end = EarlyEnd { event_time, stream_time, queue, parts, ended_by, lateness, stage };
        self.contact.early_end = Some(Box::new(end));
        self.await_implied_ending();
    }

    /// Makes an end that has ended all conversations the pending ending of an open visit too. Its
    /// talk and its agent are those of the conversations.
    fn end_visit_beside_conversations(&mut self, ended_by: Option<EndedBy>) {
        let event_time = self.event.event_time;
        let visit =
            self.contact.visit.filter(|visit| visit.start <= event_time && !visit.marks.is_pending);
        if let Some(visit) = visit {
            let ended_by = ended_by.filter(|by| *by != EndedBy::Agent);
            let (queue, parts) = (Some(visit.queue), HandleParts::default());
            self.keep_early_end(queue, parts, ended_by, EndStage::OpenBeside);
        }
    }

    /// Ends the conversations that an end concerns, and returns the series of the newest one. The
    /// parts of the handle time are those of that one. `agent`, which the end names, is freed where
    /// the agent of a conversation is not known, as in older ledgers.
    fn end_conversations(
        &mut self,
        queue: Option<QueueId>,
        parts: HandleParts,
        agent: Option<AgentKey>,
    ) -> Option<SeriesId> {
        let EventContext { event_time, scope, .. } = *self.event;
        let conversations = &self.contact.conversations;
        let started_by_then = |known: &Conversation| known.start <= event_time;
        let first = conversations.iter().min_by_key(|known| known.start).map(|known| known.queue);
        let any_by_then = conversations.iter().any(started_by_then);
        let is_concerned = |known: &Conversation| match queue {
            Some(queue) => known.queue == queue,
            None if any_by_then => started_by_then(known),
            None => first == Some(known.queue),
        };
        let concerned = conversations.iter().filter(|known| is_concerned(known));
        let (newest, series) =
            concerned.max_by_key(|known| known.start).map(|known| (known.queue, known.series))?;
        while let Some(index) = self.contact.conversations.iter().position(is_concerned) {
            let mut conversation = self.contact.conversations.remove(index);
            if let (NO_AGENT, Some(agent)) = (conversation.agent, agent) {
                conversation.agent = agent;
            }
            let is_newest = conversation.queue == newest;
            let parts = if is_newest { parts } else { HandleParts::default() };
            self.handle(&conversation, event_time, scope, parts);
            self.finish(&conversation, event_time);
        }
        Some(series)
    }

    /// Applies an end without a conversation to the last visit that ended in its queue. Returns
    /// `None` if that visit has no conversation that it could end.
    fn end_past_visit(
        &mut self,
        queue: Option<QueueId>,
        parts: HandleParts,
        ended_by: Option<EndedBy>,
    ) -> Option<ApplyOutcome> {
        let past = match queue {
            Some(queue) => self.contact.past_visit_mut(queue),
            None => self.contact.last_end.as_mut(),
        }?;
        match past.talk {
            Talk::None => None,
            Talk::Ended => Some(ApplyOutcome::Duplicate),
            // The conversation was dropped.
            Talk::Begun => {
                past.talk = Talk::Ended;
                let (queue, channel) = (past.queue, past.channel);
                let EventContext { event_time, scope, .. } = *self.event;
                let series = self.registry.series(queue, channel);
                if let Some(talk) = parts.talk {
                    self.fact_now(series, handled(&parts, talk));
                }
                self.count_end(series, event_time, scope, ended_by);
                Some(ApplyOutcome::Applied)
            }
        }
    }

    /// Applies an end that carries its own answer: the visit is answered first. That is never a
    /// visit that began after the end.
    fn end_with_answer(
        &mut self,
        queue: QueueId,
        parts: HandleParts,
        ended_by: Option<EndedBy>,
        implied: Implied,
    ) -> ApplyOutcome {
        let EventContext { event_time, scope, .. } = *self.event;
        self.effects.clock_skew += u64::from(implied.is_negative);
        let is_before_visit = self.contact.waits_since_after(event_time);
        let served = parts.sum(parts.talk.unwrap_or_default());
        let answer = EventContext { event_time: event_time.saturating_sub(served), ..*self.event };
        let ContactContext { contact, handle, effects, registry, .. } = self;
        let mut at_answer =
            ContactContext { contact, handle: *handle, effects, registry, event: &answer };
        let (ending, wait) = (Ending::Answered(implied.agent), Some(implied.wait));
        let outcome = match is_before_visit {
            true => at_answer.ending_without_visit(queue, None, ending, wait),
            false => at_answer.ending(queue, None, ending, wait),
        };
        if outcome == ApplyOutcome::Applied
            && let Some(series) = self.end_begun_conversation(queue, event_time, scope, parts)
        {
            self.count_end(series, event_time, scope, ended_by);
        }
        outcome
    }

    /// Ends the conversation that an implied answer has begun in a queue, unless an early end has
    /// ended it already, and returns its series. It has a handle time if there is a talk time.
    pub(super) fn end_begun_conversation(
        &mut self,
        queue: QueueId,
        event_time: Timestamp,
        scope: WindowScope,
        parts: HandleParts,
    ) -> Option<SeriesId> {
        let begun = self.contact.conversations.iter().position(|known| known.queue == queue)?;
        let conversation = self.contact.conversations.remove(begun);
        if parts.talk.is_some() {
            self.handle(&conversation, event_time, scope, parts);
        }
        self.finish(&conversation, event_time);
        Some(conversation.series)
    }

    /// Ends the visit of a pending ending. Without one, counts an early end whose answer has not
    /// come, and its talk time.
    pub(in crate::contact) fn settle_early_end(&mut self) {
        self.end_as_implied();
        let Some(end) = self.contact.early_end.as_mut().filter(|end| !end.is_settled()) else {
            return;
        };
        let party = end.uncounted_party();
        end.stage = EndStage::Settled;
        let EarlyEnd { event_time, queue, parts, lateness, .. } = **end;
        if parts.talk.is_none() && party.is_none() {
            return;
        }
        let series = self.contact_series(queue, None);
        let scope = self.event.scope_of(event_time, lateness);
        if let Some(talk) = parts.talk {
            self.fact(series, event_time, scope, handled(&parts, talk));
        }
        self.count_end(series, event_time, scope, party);
    }

    /// Applies `contact.transferred`: a blind one ends a conversation.
    pub(crate) fn transferred(
        &mut self,
        from_queue: Option<QueueId>,
        kind: Option<TransferKind>,
    ) -> ApplyOutcome {
        let EventContext { event_time, scope, .. } = *self.event;
        let series: SeriesId = self.contact_series(from_queue, None);
        self.fact_now(series, FactKind::Transferred);
        if kind == Some(TransferKind::Blind) {
            let conversations = &self.contact.conversations;
            let newest = || conversations.iter().max_by_key(|known| known.start);
            let from = from_queue.or_else(|| newest().map(|known| known.queue));
            if let Some(index) = conversations.iter().position(|known| Some(known.queue) == from) {
                let conversation = self.contact.conversations.remove(index);
                self.handle(&conversation, event_time, scope, HandleParts::default());
                self.finish(&conversation, event_time);
            }
        }
        ApplyOutcome::Applied
    }
}

/// Returns the fact of a handle time: `talk`, plus hold and wrap-up of `parts`.
fn handled(parts: &HandleParts, talk: Millis) -> FactKind {
    FactKind::Handled { duration: parts.sum(talk) }
}
