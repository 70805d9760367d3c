//! Life of a visit: one stay of one contact in one queue.

use crate::contact::contact_context::Case;
use crate::contact::ending::Ending;
use crate::contact::model::{Held, PastVisit, Service, Visit};
use crate::event::{ChannelId, LeftReason};
use crate::ids::{QueueRef, SeriesId};
use crate::measures::{FactKind, Reach, Verdict};

impl Case<'_> {
    /// `contact.queued`.
    pub(crate) fn queued(&mut self, queue: QueueRef, channel: Option<ChannelId>) -> Verdict {
        let at_ms = self.moment.at_ms;
        let is_stale = self.contact.past_visit(queue).is_some_and(|past| {
            at_ms < past.end_ms || (at_ms == past.start_ms && at_ms == past.end_ms)
        });
        if is_stale || self.contact.visit.is_some_and(|visit| visit.queue == queue) {
            return Verdict::Duplicate;
        }
        self.leave_for_another_queue();
        let series = self.enter(queue, channel, at_ms);
        let source = self.moment.source;
        self.contact.visit = Some(Visit {
            queue,
            series,
            start_ms: at_ms,
            source,
            missed: false,
            over_target: false,
        });
        let live = self.tally.live(series);
        live.waiting += 1;
        live.waits.push(at_ms, self.handle);
        if live.waits.is_bloated(live.waiting) {
            self.tally.bloated = Some(series);
        }
        if let Some(held) =
            self.contact.held.take_if(|held| held.queue == queue && at_ms <= held.at_ms)
        {
            self.tally.held -= 1;
            if held.late {
                self.tally.settled.late += 1;
            } else {
                self.tally.settled.applied += 1;
            }
            let reach = self.moment.reach_of(held.at_ms, held.late);
            self.end_visit(held.ending, held.at_ms, None, reach);
        }
        Verdict::Applied
    }

    /// `contact.answered`, `contact.abandoned`, `contact.left_queue`.
    pub(crate) fn ending(
        &mut self,
        queue: QueueRef,
        ending: Ending,
        wait_ms: Option<u64>,
    ) -> Verdict {
        let (at_ms, reach) = (self.moment.at_ms, self.moment.reach);
        if self.contact.visit.is_some_and(|visit| visit.queue == queue) {
            self.end_visit(ending, at_ms, wait_ms, reach);
            return Verdict::Applied;
        }
        let start_ms = at_ms.saturating_sub_unsigned(wait_ms.unwrap_or(0));
        if self.contact.past_visit(queue).is_some_and(|past| start_ms < past.end_ms) {
            return Verdict::Duplicate;
        }
        let Some(wait_ms) = wait_ms else { return self.hold(queue, ending) };
        self.leave_for_another_queue();
        let series = self.enter(queue, None, start_ms);
        let source = self.moment.source;
        let visit = Visit { queue, series, start_ms, source, missed: false, over_target: false };
        self.close(visit, ending, at_ms, wait_ms, reach);
        Verdict::Applied
    }

    /// Keeps an ending until its start comes. One is held per contact.
    fn hold(&mut self, queue: QueueRef, ending: Ending) -> Verdict {
        if self.contact.held.is_some() {
            return Verdict::Duplicate;
        }
        self.leave_for_another_queue();
        let moment = self.moment;
        self.contact.held = Some(Box::new(Held {
            queue,
            ending,
            at_ms: moment.at_ms,
            stream_ms: moment.stream_ms,
            late: moment.late,
            log_position: moment.log_position,
        }));
        self.tally.held += 1;
        Verdict::Held
    }

    /// The open visit, if any, which is in another queue than the record's, ends as left/transfer.
    fn leave_for_another_queue(&mut self) {
        self.end_visit(
            Ending::Left(LeftReason::Transfer),
            self.moment.at_ms,
            None,
            self.moment.reach,
        );
    }

    /// Counts the entry into a queue, and lets an open matter follow the contact there.
    fn enter(&mut self, queue: QueueRef, channel: Option<ChannelId>, at_ms: i64) -> SeriesId {
        let channel = channel
            .or(self.contact.started.map(|started| started.channel))
            .unwrap_or_else(|| self.registry.queue_settings(queue).channel);
        let series = self.registry.series(queue, channel);
        self.fact(series, at_ms, self.moment.reach, FactKind::Offered);
        self.contact.last_visit = Some((queue, channel));
        self.move_open_matter(series);
        series
    }

    /// Ends the open visit, if any. An end is never before its start: it is moved to it.
    pub(crate) fn end_visit(
        &mut self,
        ending: Ending,
        at_ms: i64,
        wait_ms: Option<u64>,
        reach: Reach,
    ) {
        let Some(visit) = self.contact.visit.take() else { return };
        let live = self.tally.live(visit.series);
        live.waiting -= 1;
        live.over_target -= u64::from(visit.over_target);
        let wait_ms = wait_ms.unwrap_or_else(|| self.tally.difference_ms(visit.start_ms, at_ms));
        self.close(visit, ending, at_ms.max(visit.start_ms), wait_ms, reach);
    }

    /// Books the end of a visit and its service-level event, and what follows from them.
    fn close(&mut self, visit: Visit, ending: Ending, end_ms: i64, wait_ms: u64, reach: Reach) {
        let kind = match ending {
            Ending::Answered => FactKind::Answered { wait_ms },
            Ending::Abandoned => FactKind::Abandoned { wait_ms },
            Ending::Left(reason) => FactKind::Left { reason },
            Ending::Lost => FactKind::Lost,
        };
        self.fact(visit.series, end_ms, reach, kind);
        if !visit.missed {
            let target_wait_ms = self.registry.info(visit.series).target_wait_ms;
            if wait_ms > target_wait_ms {
                let at_ms = visit.start_ms.saturating_add_unsigned(target_wait_ms).min(end_ms);
                self.fact(visit.series, at_ms, reach, FactKind::Missed);
            } else if ending == Ending::Answered {
                self.fact(visit.series, end_ms, reach, FactKind::Met);
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
