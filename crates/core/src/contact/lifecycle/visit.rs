//! The life of a visit: one stay of one contact in one queue.

use crate::contact::contact_context::ContactContext;
use crate::contact::ending::Ending;
use crate::contact::event_context::EventContext;
use crate::contact::model::{
    Conversation, HeldCount, HeldEnding, Miss, NO_AGENT, PastVisit, Talk, Visit, VisitMarks,
};
use crate::event::{ChannelId, LeftReason};
use crate::ids::{QueueId, SeriesId};
use crate::measures::{ApplyOutcome, FactKind, VisitEnd, VisitOutcome, WindowScope};
use crate::time::{Millis, Timestamp};

/// The wait of a visit that ended.
#[derive(Clone, Copy, Debug)]
enum Wait {
    /// The event gives it, or it is the difference of the times.
    Known(Millis),
    /// The end is before the start, because clocks differ. It counts as no wait, and does not prove
    /// that the visit was in target.
    Negative,
}

impl Wait {
    fn length(self) -> Millis {
        match self {
            Wait::Known(wait) => wait,
            Wait::Negative => Millis::ZERO,
        }
    }
}

impl ContactContext<'_> {
    /// Applies `contact.queued`: opens a visit, and ends it at once if its ending is held.
    pub(crate) fn queued(
        &mut self,
        queue: QueueId,
        channel: Option<ChannelId>,
        is_callback: bool,
    ) -> ApplyOutcome {
        let start = self.event.event_time;
        let is_open = |visit: &Visit| visit.queue == queue;
        if self.contact.visit.as_ref().is_some_and(is_open)
            && self.contact.pending_end().is_some_and(|end| end.event_time < start)
        {
            self.end_as_implied();
        }
        let is_stale = self
            .contact
            .past_visit(queue)
            .is_some_and(|past| start < past.end || (start == past.start && start == past.end));
        let completes = |held: &HeldEnding| held.queue == queue && start <= held.event_time;
        let is_over = self.contact.held.as_deref().is_some_and(completes);
        if is_stale
            || self.contact.visit.as_ref().is_some_and(is_open)
            || (self.contact.waits_since_after(start) && !is_over)
        {
            return ApplyOutcome::Duplicate;
        }
        self.leave_for_another_queue();
        let mut visit = self.enter(queue, channel, start);
        if is_callback {
            visit.marks.is_callback = true;
            self.fact_now(visit.series, FactKind::Callback);
        }
        match self.contact.held.take_if(|_| is_over) {
            Some(held) => self.complete_by_held_ending(visit, &held),
            None => self.open(visit),
        }
        ApplyOutcome::Applied
    }

    /// Opens a visit. An end or a reply that was read before can end it.
    fn open(&mut self, visit: Visit) {
        self.contact.visit = Some(visit);
        self.effects.open_visits.push(visit.source, self.handle);
        let live = self.effects.live(visit.series);
        live.waiting += 1;
        live.oldest_waiting.push(visit.start, self.handle);
        if live.oldest_waiting.is_bloated(live.waiting) {
            self.effects.bloated = Some(visit.series);
        }
        self.await_implied_ending();
        self.answer_by_early_reply();
    }

    /// Ends a visit, which never waits, by the ending that was held for it.
    fn complete_by_held_ending(&mut self, visit: Visit, held: &HeldEnding) {
        self.effects.held -= held.count.of_records();
        let lateness = held.count.lateness();
        self.effects.held_outcomes.applied(lateness, held.count.origin());
        let scope = self.event.scope_of(held.event_time, lateness);
        let wait = Wait::Known(held.event_time.since(visit.start));
        self.complete(visit, held.ending, held.event_time, wait, scope);
    }

    /// Applies `contact.answered`, `contact.abandoned` or `contact.left_queue`.
    ///
    /// An ending without an open visit is a complete visit if it carries its wait, on the channel
    /// that the event may give; else it is held until its start comes.
    pub(crate) fn ending(
        &mut self,
        queue: QueueId,
        channel: Option<ChannelId>,
        ending: Ending,
        wait: Option<Millis>,
    ) -> ApplyOutcome {
        let EventContext { event_time, scope, .. } = *self.event;
        if let Some(visit) = self.contact.visit.filter(|visit| visit.queue == queue) {
            if !matches!(ending, Ending::Answered(_)) {
                self.replace_pending_ending(&visit);
            }
            self.end_visit(ending, event_time, wait, scope);
            return ApplyOutcome::Applied;
        }
        self.ending_without_visit(queue, channel, ending, wait)
    }

    /// Applies an ending that does not end an open visit of its queue.
    pub(super) fn ending_without_visit(
        &mut self,
        queue: QueueId,
        channel: Option<ChannelId>,
        ending: Ending,
        wait: Option<Millis>,
    ) -> ApplyOutcome {
        let EventContext { event_time, scope, .. } = *self.event;
        // Agents of a chat answer again and again.
        if matches!(ending, Ending::Answered(_)) && self.contact.is_in_service(queue) {
            return ApplyOutcome::Duplicate;
        }
        let start = event_time.saturating_sub(wait.unwrap_or_default());
        let is_stale = self.contact.past_visit(queue).is_some_and(|past| {
            start < past.end || (start == past.start && event_time == past.end)
        });
        if is_stale {
            return ApplyOutcome::Duplicate;
        }
        let Some(wait) = wait else { return self.hold(queue, ending) };
        self.leave_for_another_queue();
        let visit = self.enter(queue, channel, start);
        self.complete(visit, ending, event_time, Wait::Known(wait), scope);
        ApplyOutcome::Applied
    }

    /// Ends a visit that never waits.
    fn complete(
        &mut self,
        visit: Visit,
        ending: Ending,
        end: Timestamp,
        wait: Wait,
        scope: WindowScope,
    ) {
        if matches!(ending, Ending::Answered(_)) {
            self.effects.open_visits.push(visit.source, self.handle);
        }
        self.close(visit, ending, end, wait, scope);
    }

    /// Holds an ending until its start comes. A contact has at most one held ending.
    fn hold(&mut self, queue: QueueId, ending: Ending) -> ApplyOutcome {
        if self.contact.held.is_some() {
            return ApplyOutcome::Duplicate;
        }
        self.leave_for_another_queue();
        let EventContext { event_time, stream_time, lateness, offset, origin, .. } = *self.event;
        let count = HeldCount::new(lateness, origin);
        let held = HeldEnding { queue, ending, event_time, stream_time, count, offset };
        self.contact.held = Some(Box::new(held));
        self.effects.held += count.of_records();
        ApplyOutcome::Held
    }

    /// Rejects the held ending, if any, as an orphan.
    pub(in crate::contact) fn reject_held_ending(&mut self) {
        if let Some(held) = self.contact.held.take() {
            self.effects.held -= held.count.of_records();
            self.effects.held_outcomes.orphan(held.offset, held.count.origin());
        }
    }

    /// Ends the open visit, if any, because the event is about another queue: as its pending ending
    /// implies, if that is not later, else as left/transfer. A visit that began after the event
    /// stays: the contact was in the other queue before.
    fn leave_for_another_queue(&mut self) {
        let EventContext { event_time, scope, .. } = *self.event;
        if self.contact.waits_since_after(event_time) {
            return;
        }
        if self.contact.pending_end().is_some_and(|end| end.event_time <= event_time) {
            self.end_as_implied();
        }
        self.end_visit(Ending::Left(LeftReason::Transfer), event_time, None, scope);
    }

    /// Counts the entry into a queue, and moves an open issue there unless a later visit is open.
    /// Returns the new visit.
    fn enter(&mut self, queue: QueueId, channel: Option<ChannelId>, start: Timestamp) -> Visit {
        let channel = channel
            .or(self.contact.started.map(|started| started.channel))
            .unwrap_or_else(|| self.registry.queue_settings(queue).channel);
        let series: SeriesId = self.registry.series(queue, channel);
        self.fact(series, start, self.event.scope, FactKind::Offered);
        // An open visit began later than this one, which is over.
        if self.contact.visit.is_none() {
            self.contact.last_visit = Some((queue, channel));
            self.move_open_issue(series);
        }
        let source = self.event.source;
        let info = self.registry.info(series);
        let first_timeout = start.saturating_add(info.target_wait.min(info.max_wait));
        let arrival = self.event.stream_time;
        let miss = match arrival > first_timeout {
            true => Miss::Delayed { arrival },
            false => Miss::NotRecorded,
        };
        let (over_target, marks) = (false, VisitMarks::ENTERED);
        Visit { queue, series, start, source, miss, over_target, marks }
    }

    /// Ends the open visit, if any. An end before the start is moved to the start.
    pub(in crate::contact) fn end_visit(
        &mut self,
        ending: Ending,
        end: Timestamp,
        wait: Option<Millis>,
        scope: WindowScope,
    ) {
        let Some(visit) = self.contact.visit.take() else { return };
        if !visit.marks.is_pending {
            let live = self.effects.live(visit.series);
            live.waiting -= 1;
            live.over_target -= u64::from(visit.over_target);
        }
        let wait = match wait {
            Some(wait) => Wait::Known(wait),
            None if end < visit.start => Wait::Negative,
            None => Wait::Known(end.since(visit.start)),
        };
        self.effects.clock_skew += u64::from(matches!(wait, Wait::Negative));
        self.close(visit, ending, end.max(visit.start), wait, scope);
    }

    /// Adds the facts of an ended visit and its service-level event, and begins the conversation
    /// of an answered one.
    fn close(
        &mut self,
        visit: Visit,
        ending: Ending,
        end: Timestamp,
        wait: Wait,
        scope: WindowScope,
    ) {
        let proves_target = matches!(wait, Wait::Known(_));
        let wait = wait.length();
        let outcome = match ending {
            Ending::Answered(_) | Ending::Replied => VisitOutcome::Answered,
            Ending::Abandoned => VisitOutcome::Abandoned,
            Ending::Left(reason) => VisitOutcome::Left(reason),
            Ending::Lost => VisitOutcome::Lost,
        };
        let visit_end = VisitEnd {
            outcome,
            wait,
            entered: visit.start,
            has_entry: !visit.marks.has_no_entry,
            waits_on_line: visit.marks.knows_callback && !visit.marks.is_callback,
        };
        self.fact(visit.series, end, scope, FactKind::VisitEnded(visit_end));
        let target_wait = self.registry.info(visit.series).target_wait;
        let target = visit.start.saturating_add(target_wait);
        let is_in_target = wait <= target_wait;
        let revoked = visit
            .revocable_miss(target)
            .filter(|_| is_in_target && proves_target && ending != Ending::Lost);
        if let Some(missed_at) = revoked {
            // Windows contain the miss whether or not this record is late.
            self.fact(visit.series, missed_at, WindowScope::Windows, FactKind::MissRevoked);
        }
        let stays_missed = visit.is_missed() && revoked.is_none();
        if !is_in_target && !visit.is_missed() {
            self.fact(visit.series, target.min(end), scope, FactKind::Missed);
        }
        let is_answer = matches!(ending, Ending::Answered(_) | Ending::Replied);
        if is_answer && is_in_target && !stays_missed {
            self.fact(visit.series, end, scope, FactKind::Met);
        }
        let Visit { queue, series, start, source, .. } = visit;
        let channel = self.registry.info(series).channel;
        let talk = if matches!(ending, Ending::Answered(_)) { Talk::Begun } else { Talk::None };
        self.contact.remember_end(PastVisit { queue, channel, talk, start, end });
        if let Ending::Answered(agent) = ending {
            let (agent, call) = (agent.unwrap_or(NO_AGENT), self.event.offset);
            self.begin_conversation(Conversation {
                start: end,
                queue,
                series,
                source,
                agent,
                call,
            });
        }
    }
}
