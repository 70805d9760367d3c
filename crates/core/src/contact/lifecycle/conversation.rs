//! The conversation between answer and end, and the other events outside of visits and backlog.

use crate::contact::contact_context::ContactContext;
use crate::contact::event_context::EventContext;
use crate::contact::model::{EarlyEnd, Issue, Reply, Service};
use crate::event::ChannelId;
use crate::ids::QueueId;
use crate::measures::{ApplyOutcome, FactKind};
use crate::time::{Millis, Timestamp};

/// Durations that `contact.ended` may carry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handling {
    pub(crate) talk: Option<Millis>,
    pub(crate) hold: Option<Millis>,
    pub(crate) wrap_up: Option<Millis>,
}

impl ContactContext<'_> {
    /// Applies `contact.self_service` with any outcome but `to_queue`: the contact is over.
    pub(crate) fn ended_in_self_service(&mut self) -> ApplyOutcome {
        self.leave_service();
        self.close_issue();
        self.contact.issue = Issue::Resolved;
        self.contact.reply = Reply::Done;
        ApplyOutcome::Applied
    }

    /// Begins the conversation of an answered visit, unless its end has come before.
    pub(super) fn enter_service(&mut self, service: Service) {
        self.leave_service();
        if let Some(end) = self.contact.early_end.take_if(|end| end.event_time >= service.start) {
            if !end.handled {
                let talk = self.talk(&service, end.event_time, end.hold);
                let series = self.contact_series(end.queue, None);
                let scope = self.event.scope_of(end.event_time, end.lateness);
                let kind = handled(talk, end.hold, end.wrap_up);
                self.fact(series, end.event_time, scope, kind);
            }
            return;
        }
        self.contact.service = Some(service);
        self.effects.live(service.series).in_service += 1;
    }

    /// Takes the contact out of service, if it is in service.
    pub(in crate::contact) fn leave_service(&mut self) -> Option<Service> {
        let service = self.contact.service.take()?;
        self.effects.live(service.series).in_service -= 1;
        Some(service)
    }

    /// Applies `contact.ended`. Talk is that of the event, else end minus answer minus hold.
    pub(crate) fn ended(&mut self, queue: Option<QueueId>, handling: Handling) -> ApplyOutcome {
        let EventContext { event_time, lateness, .. } = *self.event;
        let hold = handling.hold.unwrap_or_default();
        let wrap_up = handling.wrap_up.unwrap_or_default();
        let service = self.leave_service();
        if service.is_none() {
            let handled = handling.talk.is_some();
            let end = EarlyEnd { event_time, queue, hold, wrap_up, lateness, handled };
            self.contact.early_end = Some(Box::new(end));
        }
        let talk = match (handling.talk, service) {
            (Some(talk), _) => talk,
            (None, Some(service)) => self.talk(&service, event_time, hold),
            (None, None) => return ApplyOutcome::Applied,
        };
        let series = self.contact_series(queue, None);
        self.fact_now(series, handled(talk, hold, wrap_up));
        ApplyOutcome::Applied
    }

    /// Returns end minus answer minus hold. A negative difference is 0 and counts as clock skew.
    fn talk(&mut self, service: &Service, end: Timestamp, hold: Millis) -> Millis {
        self.effects.difference(service.start, end.saturating_sub(hold))
    }

    /// Applies `contact.transferred`.
    pub(crate) fn transferred(&mut self, from_queue: Option<QueueId>) -> ApplyOutcome {
        let series = self.contact_series(from_queue, None);
        self.fact_now(series, FactKind::Transferred);
        ApplyOutcome::Applied
    }

    /// Applies `contact.not_answered`.
    pub(crate) fn not_answered(&mut self, queue: QueueId) -> ApplyOutcome {
        let series = self.contact_series(Some(queue), None);
        self.fact_now(series, FactKind::NotAnswered);
        ApplyOutcome::Applied
    }

    /// Applies `survey.answered`.
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
}

/// Returns the fact of a handle time: talk plus hold plus wrap-up.
fn handled(talk: Millis, hold: Millis, wrap_up: Millis) -> FactKind {
    FactKind::Handled { duration: talk.saturating_add(hold).saturating_add(wrap_up) }
}
