//! E-mails, social messages, reports of the mobile app, and petitions: received, answered, resolved, and sometimes
//! opened again.

use super::behaviour::{between_ms, chance, lognormal_ms};
use super::centre::{Channel, HOUR_MS, MINUTE_MS, QUEUES, QueueId};
use super::service::Ending;
use super::tally::Left;
use super::wire::Id;
use super::world::{AgentIndex, CRM, ContactRef, Step, World};

/// A message that nobody has taken by then is withdrawn, well before it would count as lost (60 days).
const WITHDRAWN_AFTER_MS: i64 = 30 * 24 * HOUR_MS;
/// Share of matters that the first answer closes; of the others, somebody has work to do first.
const CLOSED_BY_ANSWER: f64 = 0.68;
const REOPENED: f64 = 0.06;

impl World {
    /// A message comes in and waits for an agent.
    pub(super) fn receive(&mut self, channel: Channel, queue: QueueId) {
        let contact = self.start_contact(channel, queue, None);
        self.enter(contact, queue);
    }

    /// An agent has answered a message.
    pub(super) fn message_answered(&mut self, contact: ContactRef, agent: AgentIndex) {
        let Some(it) = self.contacts.get(contact) else { return };
        let (number, queue, handle_ms) = (it.number, it.queue, self.now_ms - it.answered_ms);
        let (channel, is_reopened) = (it.channel, it.is_reopened);
        self.reply(contact, Some(agent));
        let mut draft = self.begin_contact(CRM, "contact.ended", number);
        draft.word("queue", QUEUES[queue].id);
        draft.word("ended_by", "agent");
        self.emit(draft);
        self.tally.handled(queue, handle_ms);
        if let Some((unit, share)) = QUEUES[queue].followup
            && !is_reopened
            && chance(&mut self.rng, share)
        {
            self.open_followup(unit, number);
        }
        if chance(&mut self.rng, CLOSED_BY_ANSWER) {
            self.close_matter(contact);
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
            self.wire.id(&mut draft, "agent", Id::Agent(self.agents[agent].number));
        }
        if chance(&mut self.rng, 0.6) {
            draft.word("queue", QUEUES[queue].id);
        }
        self.emit(draft);
        if is_first {
            self.tally.first_response(queue, since_start_ms);
        }
    }

    /// The work behind a matter is done: the citizen is told, and it is closed.
    pub(super) fn resolve(&mut self, contact: ContactRef) {
        self.reply(contact, None);
        self.close_matter(contact);
    }

    /// Writes and books the resolution. A few matters are opened again, soon enough that every reader still knows them.
    pub(super) fn close_matter(&mut self, contact: ContactRef) {
        let Some(it) = self.contacts.get(contact) else { return };
        let (number, queue, open_ms) = (it.number, it.queue, self.now_ms - it.open_since_ms);
        let may_reopen = it.is_replied && !it.is_reopened;
        let mut draft = self.begin_contact(CRM, "contact.resolved", number);
        if chance(&mut self.rng, 0.6) {
            draft.word("queue", QUEUES[queue].id);
        }
        self.emit(draft);
        self.tally.resolved(queue, open_ms);
        if may_reopen && chance(&mut self.rng, REOPENED) {
            let delay_ms = between_ms(&mut self.rng, 3 * MINUTE_MS, 50 * MINUTE_MS);
            self.plan_in(delay_ms, Step::Reopening { contact });
        } else {
            self.contacts.remove(contact);
        }
    }

    /// The citizen is not satisfied: the matter is open again, and in its queue.
    pub(super) fn reopen(&mut self, contact: ContactRef) {
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
        self.tally.queues[queue].reopened += 1;
        self.enter(contact, queue);
    }

    /// Takes messages out of their queues that nobody has taken for a month.
    pub(super) fn withdraw_forgotten_messages(&mut self) {
        for (queue, of) in QUEUES.iter().enumerate() {
            if of.channel.is_immediate() {
                continue;
            }
            while let Some(place) = self.first_in_line(queue) {
                if self.now_ms - place.entered_ms < WITHDRAWN_AFTER_MS {
                    break;
                }
                self.visit_ends(place.contact, place.visit, Ending::Left(Left::Withdrawn));
            }
        }
    }
}
