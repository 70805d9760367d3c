//! Life of a contact outside its visits: start, self-service, conversation, replies, resolution, surveys.

use crate::contact::contact_context::ContactContext;
use crate::contact::ending::Ending;
use crate::contact::model::{Counted, EarlyEnd, Issue, OpenIssue, Reply, Service, Started};
use crate::event::ChannelId;
use crate::ids::{QueueId, SeriesId};
use crate::measures::{ApplyOutcome, FactKind, WindowScope};
use crate::time::Timestamp;

/// Durations that `contact.ended` may carry, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handling {
    pub(crate) talk_ms: Option<u64>,
    pub(crate) hold_ms: Option<u64>,
    pub(crate) wrap_up_ms: Option<u64>,
}

impl ContactContext<'_> {
    /// `contact.started`. What came before its start is completed now.
    pub(crate) fn started(&mut self, channel: ChannelId) -> ApplyOutcome {
        if self.contact.started.is_some() {
            return ApplyOutcome::Duplicate;
        }
        let start_ms = self.context.at_ms;
        self.contact.started = Some(Started { at_ms: start_ms, channel });
        if let Reply::BeforeStart { at_ms, queue } = self.contact.reply {
            self.contact.reply = Reply::Done;
            let series = self.contact_series(queue, None);
            let response_ms = self.clock_difference_ms(series, start_ms, at_ms);
            self.fact_before(series, at_ms, FactKind::FirstResponse { response_ms });
        }
        match self.contact.issue {
            Issue::None => {
                // No series is made for a issue that is not counted.
                let series = (!channel.is_immediate()).then(|| self.contact_series(None, None));
                self.open_issue(series);
            }
            Issue::ResolvedBeforeStart { at_ms, queue } => {
                self.contact.issue = Issue::Resolved;
                let series = self.contact_series(queue, None);
                let resolution_ms = self.clock_difference_ms(series, start_ms, at_ms);
                self.fact_before(series, at_ms, FactKind::Resolution { resolution_ms });
            }
            Issue::Open(_) | Issue::Resolved => {}
        }
        ApplyOutcome::Applied
    }

    /// What came before its start counts at its own time.
    fn fact_before(&mut self, series: SeriesId, at_ms: i64, kind: FactKind) {
        let scope = self.context.scope_of(at_ms, self.context.late);
        self.fact(series, at_ms, scope, kind);
    }

    /// `contact.self_service` with any outcome but `to_queue`: the contact is over.
    pub(crate) fn ended_in_self_service(&mut self) -> ApplyOutcome {
        self.leave_service();
        self.close_issue();
        self.contact.issue = Issue::Resolved;
        self.contact.reply = Reply::Done;
        ApplyOutcome::Applied
    }

    /// A visit was answered: the conversation begins, unless its end has come before.
    pub(crate) fn enter_service(&mut self, service: Service) {
        self.leave_service();
        if let Some(end) = self.contact.early_end.take_if(|end| end.at_ms >= service.since_ms) {
            if !end.handled {
                let talk_ms = self.talk_ms(&service, end.at_ms, end.hold_ms);
                let series = self.contact_series(end.queue, None);
                let scope = self.context.scope_of(end.at_ms, end.late);
                let handle_ms = talk_ms + end.hold_ms + end.wrap_up_ms;
                self.fact(series, end.at_ms, scope, FactKind::Handled { handle_ms });
            }
            return;
        }
        self.contact.service = Some(service);
        self.effects.live(service.series).in_service += 1;
    }

    /// Takes the contact out of service, if it is in service.
    pub(crate) fn leave_service(&mut self) -> Option<Service> {
        let service = self.contact.service.take()?;
        self.effects.live(service.series).in_service -= 1;
        Some(service)
    }

    /// `contact.ended`. Talk is what the event says, else end minus answer minus hold.
    pub(crate) fn ended(&mut self, queue: Option<QueueId>, handling: Handling) -> ApplyOutcome {
        let end_ms = self.context.at_ms;
        let (hold_ms, wrap_up_ms) =
            (handling.hold_ms.unwrap_or(0), handling.wrap_up_ms.unwrap_or(0));
        let service = self.leave_service();
        if service.is_none() {
            let (late, handled) = (self.context.late, handling.talk_ms.is_some());
            let end = EarlyEnd { at_ms: end_ms, queue, hold_ms, wrap_up_ms, late, handled };
            self.contact.early_end = Some(Box::new(end));
        }
        let talk_ms = match (handling.talk_ms, service) {
            (Some(talk_ms), _) => talk_ms,
            (None, Some(service)) => self.talk_ms(&service, end_ms, hold_ms),
            (None, None) => return ApplyOutcome::Applied,
        };
        let series = self.contact_series(queue, None);
        self.fact_now(series, FactKind::Handled { handle_ms: talk_ms + hold_ms + wrap_up_ms });
        ApplyOutcome::Applied
    }

    /// End minus answer minus hold; a negative difference is 0 and counts as clock skew.
    fn talk_ms(&mut self, service: &Service, end_ms: i64, hold_ms: u64) -> u64 {
        self.effects.difference_ms(service.since_ms, end_ms.saturating_sub_unsigned(hold_ms))
    }

    /// `contact.replied`: the first one is the first response.
    pub(crate) fn replied(&mut self, queue: Option<QueueId>) -> ApplyOutcome {
        if self.contact.reply == Reply::None {
            let at_ms = self.context.at_ms;
            match self.contact.started {
                Some(started) => {
                    self.contact.reply = Reply::Done;
                    let series = self.contact_series(queue, None);
                    let response_ms = self.clock_difference_ms(series, started.at_ms, at_ms);
                    self.fact_now(series, FactKind::FirstResponse { response_ms });
                }
                None => self.contact.reply = Reply::BeforeStart { at_ms, queue },
            }
        }
        ApplyOutcome::Applied
    }

    /// `contact.resolved`.
    pub(crate) fn resolved(&mut self, queue: Option<QueueId>) -> ApplyOutcome {
        let at_ms = self.context.at_ms;
        match self.contact.issue {
            Issue::Open(issue) => {
                self.close_issue();
                self.contact.issue = Issue::Resolved;
                let series = self.contact_series(queue, None);
                let resolution_ms = self.clock_difference_ms(series, issue.since_ms, at_ms);
                self.fact_now(series, FactKind::Resolution { resolution_ms });
            }
            Issue::None => self.contact.issue = Issue::ResolvedBeforeStart { at_ms, queue },
            Issue::ResolvedBeforeStart { .. } | Issue::Resolved => {}
        }
        ApplyOutcome::Applied
    }

    /// `contact.reopened`: a new resolution clock starts.
    pub(crate) fn reopened(&mut self, queue: Option<QueueId>) -> ApplyOutcome {
        let series = self.contact_series(queue, None);
        self.fact_now(series, FactKind::Reopened);
        self.close_issue();
        let is_counted = !self.registry.info(series).channel.is_immediate();
        self.open_issue(is_counted.then_some(series));
        ApplyOutcome::Applied
    }

    /// `contact.transferred`.
    pub(crate) fn transferred(&mut self, from_queue: Option<QueueId>) -> ApplyOutcome {
        let series = self.contact_series(from_queue, None);
        self.fact_now(series, FactKind::Transferred);
        ApplyOutcome::Applied
    }

    /// `contact.not_answered`.
    pub(crate) fn not_answered(&mut self, queue: QueueId) -> ApplyOutcome {
        let series = self.contact_series(Some(queue), None);
        self.fact_now(series, FactKind::NotAnswered);
        ApplyOutcome::Applied
    }

    /// `survey.answered`.
    pub(crate) fn surveyed(
        &mut self,
        queue: Option<QueueId>,
        channel: Option<ChannelId>,
        score: u16,
    ) -> ApplyOutcome {
        let series = self.contact_series(queue, channel);
        self.fact_now(series, FactKind::Survey { score });
        ApplyOutcome::Applied
    }

    /// Opens the issue at the time of the record, counted in a series or not.
    fn open_issue(&mut self, series: Option<SeriesId>) {
        let since_ms = self.context.at_ms;
        self.contact.issue = Issue::Open(OpenIssue { since_ms, counted: None });
        if let Some(series) = series {
            self.count_matter(series, since_ms);
        }
    }

    /// Counts the open issue in a series.
    fn count_matter(&mut self, series: SeriesId, since_ms: i64) {
        let target_resolution = self.registry.info(series).target_resolution;
        let due =
            self.registry.series_settings(series).clock_due(Timestamp(since_ms), target_resolution);
        let due_ms = due.unwrap_or(Timestamp::MAX).get();
        let counted = Counted { series, due_ms, overdue: false };
        self.contact.issue = Issue::Open(OpenIssue { since_ms, counted: Some(counted) });
        let live = self.effects.live(series);
        live.open += 1;
        live.opens.push(since_ms, self.handle);
        if live.opens.is_bloated(live.open) {
            self.effects.bloated = Some(series);
        }
    }

    /// Takes the open issue, if any, out of the gauges.
    pub(crate) fn close_issue(&mut self) {
        if let Issue::Open(OpenIssue { counted: Some(counted), .. }) = self.contact.issue {
            let live = self.effects.live(counted.series);
            live.open -= 1;
            live.overdue -= u64::from(counted.overdue);
            self.contact.issue = Issue::None;
        }
    }

    /// Lets an open issue follow the contact into a queue.
    pub(crate) fn move_open_issue(&mut self, series: SeriesId) {
        if let Issue::Open(OpenIssue { since_ms, counted: Some(counted) }) = self.contact.issue
            && counted.series != series
        {
            self.close_issue();
            self.count_matter(series, since_ms);
        }
    }

    /// Lets go of a contact that is to be forgotten before its time: its visit is lost, its ending an orphan.
    pub(crate) fn let_go(&mut self) {
        self.end_visit(Ending::Lost, self.context.stream_ms, None, WindowScope::Windows);
        self.leave_service();
        self.close_issue();
        self.reject_held();
    }
}
