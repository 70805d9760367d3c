//! E-mails, social messages, reports of the mobile app, and petitions: received, answered,
//! resolved, and sometimes reopened.

use crate::behaviour::{between_ms, chance, lognormal_ms};
use crate::contacts::ContactRef;
use crate::event_writer::Id;
use crate::ground_truth::LeftReason;
use crate::local_time::{HOUR_MS, MINUTE_MS};
use crate::simulation::Simulation;
use crate::site::{CRM, Channel, QUEUES, QueueId};
use crate::staff::AgentIndex;
use crate::steps::{Step, VisitEnding};

/// Wait after which an unanswered message is withdrawn, well before it would count as lost
/// (60 days).
const WITHDRAWN_AFTER_MS: i64 = 30 * 24 * HOUR_MS;
/// Share of issues that the first answer closes. The others need some work first.
const CLOSED_BY_ANSWER: f64 = 0.68;
/// Share of replied issues that are reopened.
const REOPENED: f64 = 0.06;

impl Simulation {
    /// Starts the contact of a message, which waits for an agent.
    pub(crate) fn receive(&mut self, channel: Channel, queue: QueueId) {
        let contact = self.start_contact(channel, queue, None);
        self.enter(contact, queue);
    }

    /// Writes and counts the agent's answer to a message, and closes the issue now or later.
    pub(crate) fn message_answered(&mut self, contact: ContactRef, agent: AgentIndex) {
        let Some(it) = self.contacts.get(contact) else { return };
        let (number, queue, handle_ms) = (it.number, it.queue, self.now_ms - it.answered_ms);
        let (channel, is_reopened) = (it.channel, it.is_reopened);
        self.reply(contact, Some(agent));
        let mut draft = self.begin_contact(CRM, "contact.ended", number);
        draft.word("queue", QUEUES[queue].id);
        draft.word("ended_by", "agent");
        self.emit(draft);
        self.ground_truth.handled(self.now_ms, queue, handle_ms);
        if let Some((unit, share)) = QUEUES[queue].followup
            && !is_reopened
            && chance(&mut self.rng, share)
        {
            self.open_followup(unit, number);
        }
        if chance(&mut self.rng, CLOSED_BY_ANSWER) {
            self.close_issue(contact);
        } else {
            let median_ms = if channel == Channel::Petition { 40 * HOUR_MS } else { 6 * HOUR_MS };
            let delay_ms = lognormal_ms(&mut self.rng, median_ms as f64, 0.8, 5 * MINUTE_MS);
            self.plan_in(delay_ms, Step::Resolution { contact });
        }
    }

    fn reply(&mut self, contact: ContactRef, agent: Option<AgentIndex>) {
        let now_ms = self.now_ms;
        let Some(it) = self.contacts.get_mut(contact) else { return };
        let is_first = !it.is_replied;
        it.is_replied = true;
        let (number, queue, since_start_ms) = (it.number, it.queue, now_ms - it.started_ms);
        let mut draft = self.begin_contact(CRM, "contact.replied", number);
        if let Some(agent) = agent {
            self.writer.id(&mut draft, "agent", Id::Agent(self.agents[agent].number));
        }
        if chance(&mut self.rng, 0.6) {
            draft.word("queue", QUEUES[queue].id);
        }
        self.emit(draft);
        if is_first {
            self.ground_truth.first_response(now_ms, queue, since_start_ms);
        }
    }

    /// Replies to the citizen after the work on the issue, and closes it.
    pub(crate) fn resolve(&mut self, contact: ContactRef) {
        self.reply(contact, None);
        self.close_issue(contact);
    }

    /// Writes and counts the resolution. A few issues are reopened, soon enough that every reader
    /// still knows the contact.
    pub(crate) fn close_issue(&mut self, contact: ContactRef) {
        let Some(it) = self.contacts.get(contact) else { return };
        let (number, queue, open_ms) = (it.number, it.queue, self.now_ms - it.open_since_ms);
        let may_reopen = it.is_replied && !it.is_reopened;
        let mut draft = self.begin_contact(CRM, "contact.resolved", number);
        if chance(&mut self.rng, 0.6) {
            draft.word("queue", QUEUES[queue].id);
        }
        self.emit(draft);
        self.ground_truth.resolved(self.now_ms, queue, open_ms);
        if may_reopen && chance(&mut self.rng, REOPENED) {
            let delay_ms = between_ms(&mut self.rng, 3 * MINUTE_MS, 50 * MINUTE_MS);
            self.plan_in(delay_ms, Step::Reopening { contact });
        } else {
            self.contacts.remove(contact);
        }
    }

    /// Reopens the issue of a dissatisfied citizen, which enters its queue again.
    pub(crate) fn reopen(&mut self, contact: ContactRef) {
        let now_ms = self.now_ms;
        let Some(it) = self.contacts.get_mut(contact) else { return };
        it.is_reopened = true;
        it.open_since_ms = now_ms;
        let (number, queue) = (it.number, it.queue);
        let mut draft = self.begin_contact(CRM, "contact.reopened", number);
        if chance(&mut self.rng, 0.5) {
            draft.word("queue", QUEUES[queue].id);
        }
        self.emit(draft);
        self.ground_truth.reopened(now_ms, queue);
        self.enter(contact, queue);
    }

    /// Ends the visits of messages that have waited for `WITHDRAWN_AFTER_MS`.
    pub(crate) fn withdraw_forgotten_messages(&mut self) {
        for (queue, of) in QUEUES.iter().enumerate() {
            if of.channel.is_immediate() {
                continue;
            }
            while let Some(queued) = self.first_in_line(queue) {
                if self.now_ms - queued.entered_ms < WITHDRAWN_AFTER_MS {
                    break;
                }
                let ending = VisitEnding::Left(LeftReason::Withdrawn);
                self.visit_ends(queued.contact, queued.visit, ending);
            }
        }
    }
}
