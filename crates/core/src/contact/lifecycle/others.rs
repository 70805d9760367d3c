//! Events of a contact that are about no visit, conversation or issue.

use crate::contact::contact_context::ContactContext;
use crate::contact::model::{Issue, Reply};
use crate::event::ChannelId;
use crate::ids::{NO_QUEUE, QueueId};
use crate::measures::{ApplyOutcome, FactKind};

impl ContactContext<'_> {
    /// Returns the channel of the contact: that of its start, else that of its last visit, else
    /// the default channel of a queue.
    pub(crate) fn channel(&self) -> ChannelId {
        let started = self.contact.started.map(|started| started.channel);
        started
            .or(self.contact.last_visit.map(|(_, channel)| channel))
            .unwrap_or_else(|| self.registry.queue_settings(NO_QUEUE).channel)
    }

    /// Applies `contact.self_service` with any outcome but `to_queue`: the contact is over.
    pub(crate) fn ended_in_self_service(&mut self) -> ApplyOutcome {
        self.drop_conversations(self.event.event_time, |_| true);
        self.close_issue();
        self.contact.issue = Issue::Resolved;
        self.contact.reply = Reply::Done;
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
