//! Life of a visit: one stay of one contact in one queue.

use crate::contact::contact_context::ContactContext;
use crate::contact::ending::Ending;
use crate::contact::model::{Held, PastVisit, Service, Visit};
use crate::event::{ChannelId, LeftReason};
use crate::ids::{QueueId, SeriesId};
use crate::measures::{ApplyOutcome, FactKind, WindowScope};

impl ContactContext<'_> {
    /// `contact.queued`.
    pub(crate) fn queued(&mut self, queue: QueueId, channel: Option<ChannelId>) -> ApplyOutcome {
        let at_ms = self.context.at_ms;
        let is_stale = self.contact.past_visit(queue).is_some_and(|past| {
            at_ms < past.end_ms || (at_ms == past.start_ms && at_ms == past.end_ms)
        });
        if is_stale || self.contact.visit.is_some_and(|visit| visit.queue == queue) {
            return ApplyOutcome::Duplicate;
        }
        self.leave_for_another_queue();
        let series = self.enter(queue, channel, at_ms);
        let source = self.context.source;
        self.contact.visit = Some(Visit {
            queue,
            series,
            start_ms: at_ms,
            source,
            missed: false,
            over_target: false,
        });
        let live = self.effects.live(series);
        live.waiting += 1;
        live.waits.push(at_ms, self.handle);
        if live.waits.is_bloated(live.waiting) {
            self.effects.bloated = Some(series);
        }
        if let Some(held) =
            self.contact.held.take_if(|held| held.queue == queue && at_ms <= held.at_ms)
        {
            self.effects.held -= 1;
            if held.late {
                self.effects.held_outcomes.late += 1;
            } else {
                self.effects.held_outcomes.applied += 1;
            }
            let scope = self.context.scope_of(held.at_ms, held.late);
            self.end_visit(held.ending, held.at_ms, None, scope);
        }
        ApplyOutcome::Applied
    }

    /// `contact.answered`, `contact.abandoned`, `contact.left_queue`.
    pub(crate) fn ending(
        &mut self,
        queue: QueueId,
        ending: Ending,
        wait_ms: Option<u64>,
    ) -> ApplyOutcome {
        let (at_ms, scope) = (self.context.at_ms, self.context.scope);
        if self.contact.visit.is_some_and(|visit| visit.queue == queue) {
            self.end_visit(ending, at_ms, wait_ms, scope);
            return ApplyOutcome::Applied;
        }
        let start_ms = at_ms.saturating_sub_unsigned(wait_ms.unwrap_or(0));
        if self.contact.past_visit(queue).is_some_and(|past| start_ms < past.end_ms) {
            return ApplyOutcome::Duplicate;
        }
        let Some(wait_ms) = wait_ms else { return self.hold(queue, ending) };
        self.leave_for_another_queue();
        let series = self.enter(queue, None, start_ms);
        let source = self.context.source;
        let visit = Visit { queue, series, start_ms, source, missed: false, over_target: false };
        self.close(visit, ending, at_ms, wait_ms, scope);
        ApplyOutcome::Applied
    }

    /// Keeps an ending until its start comes. One is held per contact.
    fn hold(&mut self, queue: QueueId, ending: Ending) -> ApplyOutcome {
        if self.contact.held.is_some() {
            return ApplyOutcome::Duplicate;
        }
        self.leave_for_another_queue();
        let context = self.context;
        self.contact.held = Some(Box::new(Held {
            queue,
            ending,
            at_ms: context.at_ms,
            stream_ms: context.stream_ms,
            late: context.late,
            log_position: context.log_position,
        }));
        self.effects.held += 1;
        ApplyOutcome::Held
    }

    /// The open visit, if any, which is in another queue than the record's, ends as left/transfer.
    fn leave_for_another_queue(&mut self) {
        self.end_visit(
            Ending::Left(LeftReason::Transfer),
            self.context.at_ms,
            None,
            self.context.scope,
        );
    }

    /// Counts the entry into a queue, and lets an open issue follow the contact there.
    fn enter(&mut self, queue: QueueId, channel: Option<ChannelId>, at_ms: i64) -> SeriesId {
        let channel = channel
            .or(self.contact.started.map(|started| started.channel))
            .unwrap_or_else(|| self.registry.queue_settings(queue).channel);
        let series = self.registry.series(queue, channel);
        self.fact(series, at_ms, self.context.scope, FactKind::Offered);
        self.contact.last_visit = Some((queue, channel));
        self.move_open_issue(series);
        series
    }

    /// Ends the open visit, if any. An end is never before its start: it is moved to it.
    pub(crate) fn end_visit(
        &mut self,
        ending: Ending,
        at_ms: i64,
        wait_ms: Option<u64>,
        scope: WindowScope,
    ) {
        let Some(visit) = self.contact.visit.take() else { return };
        let live = self.effects.live(visit.series);
        live.waiting -= 1;
        live.over_target -= u64::from(visit.over_target);
        let wait_ms = wait_ms.unwrap_or_else(|| self.effects.difference_ms(visit.start_ms, at_ms));
        self.close(visit, ending, at_ms.max(visit.start_ms), wait_ms, scope);
    }

    /// Books the end of a visit and its service-level event, and what follows from them.
    fn close(
        &mut self,
        visit: Visit,
        ending: Ending,
        end_ms: i64,
        wait_ms: u64,
        scope: WindowScope,
    ) {
        let kind = match ending {
            Ending::Answered => FactKind::Answered { wait_ms },
            Ending::Abandoned => FactKind::Abandoned { wait_ms },
            Ending::Left(reason) => FactKind::Left { reason },
            Ending::Lost => FactKind::Lost,
        };
        self.fact(visit.series, end_ms, scope, kind);
        if !visit.missed {
            let target_wait_ms = self.registry.info(visit.series).target_wait.get();
            if wait_ms > target_wait_ms {
                let at_ms = visit.start_ms.saturating_add_unsigned(target_wait_ms).min(end_ms);
                self.fact(visit.series, at_ms, scope, FactKind::Missed);
            } else if ending == Ending::Answered {
                self.fact(visit.series, end_ms, scope, FactKind::Met);
            }
        }
        self.contact.remember_end(PastVisit {
            queue: visit.queue,
            start_ms: visit.start_ms,
            end_ms,
        });
        if ending == Ending::Answered {
            self.enter_service(Service { since_ms: end_ms, series: visit.series });
        }
    }
}
