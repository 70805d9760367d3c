//! Calls and chats: self-service, queues, ringing, conversations, transfers, and surveys.

use rand::RngExt;

use crate::behaviour::{
    between_ms, chance, hold_ms, lognormal_ms, patience_ms, survey_score, talk_ms, wrap_up_ms,
};
use crate::contacts::ContactRef;
use crate::event_writer::Id;
use crate::ground_truth::{AgentState, LeftReason, SelfServiceOutcome};
use crate::local_time::{HOUR_MS, MINUTE_MS, local_day};
use crate::options::Scenario;
use crate::simulation::Simulation;
use crate::site::{
    ACD, CALLBACK_UNIT, CALLS_A_YEAR, CHAT, CONTAINED_A_YEAR, CRM, Channel, DAY_INTENTS, EMAIL,
    FAULT, IVR_ABANDONED, IVR_FAILED, MOBILE_APP, NIGHT_INTENTS, PETITION, QUEUES, QueueId, SOCIAL,
    TEAMS,
};
use crate::staff::AgentIndex;
use crate::steps::{RingOutcome, Step, VisitEnding};
use crate::waiting_line::QueuedVisit;

/// Wait after which a caller is sent away, far below the two hours after which a visit counts as
/// lost.
const PHONE_TIMEOUT_MS: i64 = 30 * MINUTE_MS;
/// Wait after which a chat is closed.
const CHAT_TIMEOUT_MS: i64 = 20 * MINUTE_MS;
/// Share of callers who leave the queue with a key.
const EXIT_KEY: f64 = 0.012;
/// Share of callers who accept a callback.
const CALLBACK_ACCEPTED: f64 = 0.10;
/// Share of offers that the agent does not answer.
const RING_NOT_ANSWERED: f64 = 0.02;
/// Share of calls that are transferred.
const TRANSFERRED: f64 = 0.045;
/// Share of conversations with a survey.
const SURVEYED: f64 = 0.16;
/// Share of events that carry their wait. A reader computes the others from the event times.
const WAIT_GIVEN: f64 = 1.0 / 3.0;

impl Simulation {
    /// Starts the contact of a citizen who reaches the site. A caller without a given queue draws
    /// one.
    pub(crate) fn arrive(&mut self, channel: Channel, queue: Option<QueueId>) {
        match channel {
            Channel::Phone => {
                let queue = queue.unwrap_or_else(|| self.draw_intent());
                let entry_point = self.draw_entry_point(queue);
                let contact = self.start_contact(Channel::Phone, queue, Some(entry_point));
                let (outcome, delay_ms) = self.draw_self_service();
                self.plan_in(delay_ms, Step::SelfServiceEnds { contact, outcome });
            }
            Channel::Chat => {
                let contact = self.start_contact(Channel::Chat, CHAT, Some("web_chat"));
                self.enter(contact, CHAT);
            }
            Channel::Email => self.receive(Channel::Email, EMAIL),
            Channel::Social => self.receive(Channel::Social, SOCIAL),
            Channel::MobileApp => self.receive(Channel::MobileApp, MOBILE_APP),
            Channel::Petition => self.receive(Channel::Petition, PETITION),
        }
    }

    /// Draws the phone queue that a caller wants.
    fn draw_intent(&mut self) -> QueueId {
        let hour = local_day(self.now_ms).1 / HOUR_MS;
        let is_night = self.scenario == Scenario::Overnight || !(8..20).contains(&hour);
        let mut left: f64 = self.rng.random();
        for (queue, share) in if is_night { NIGHT_INTENTS } else { DAY_INTENTS } {
            if left < share {
                return queue;
            }
            left -= share;
        }
        FAULT
    }

    fn draw_entry_point(&mut self, queue: QueueId) -> &'static str {
        match queue {
            FAULT if chance(&mut self.rng, 0.5) => "fault_line",
            _ if chance(&mut self.rng, 0.85) => "main_line",
            _ => "subscriber_line",
        }
    }

    fn draw_self_service(&mut self) -> (SelfServiceOutcome, i64) {
        let contained = CONTAINED_A_YEAR / CALLS_A_YEAR;
        let left: f64 = self.rng.random();
        let (outcome, median_ms) = if left < contained {
            (SelfServiceOutcome::Contained, 75_000.0)
        } else if left < contained + IVR_ABANDONED {
            (SelfServiceOutcome::Abandoned, 20_000.0)
        } else if left < contained + IVR_ABANDONED + IVR_FAILED {
            (SelfServiceOutcome::Failed, 12_000.0)
        } else {
            (SelfServiceOutcome::ToQueue, 34_000.0)
        };
        (outcome, lognormal_ms(&mut self.rng, median_ms, 0.5, 2_000))
    }

    /// Writes and counts the end of self-service. The call enters its queue or is over.
    pub(crate) fn self_service_ends(&mut self, contact: ContactRef, outcome: SelfServiceOutcome) {
        let Some(it) = self.contacts.get(contact) else { return };
        let (number, queue, entry_point) =
            (it.number, it.queue, it.entry_point.unwrap_or("main_line"));
        let mut draft = self.begin_contact(ACD, "contact.self_service", number);
        draft.word("outcome", outcome.as_str());
        draft.word("entry_point", entry_point);
        if outcome == SelfServiceOutcome::Contained {
            let menus = ["outage_information", "debt_inquiry", "meter_reading"];
            draft.word("menu", menus[self.rng.random_range(0..menus.len())]);
        }
        self.emit(draft);
        self.ground_truth.self_service(self.now_ms, entry_point, outcome);
        match outcome {
            SelfServiceOutcome::ToQueue => self.enter(contact, queue),
            SelfServiceOutcome::Contained
            | SelfServiceOutcome::Abandoned
            | SelfServiceOutcome::Failed => self.contacts.remove(contact),
        }
    }

    /// Opens a visit of the contact in `queue`.
    pub(crate) fn enter(&mut self, contact: ContactRef, queue: QueueId) {
        let now_ms = self.now_ms;
        let line = &mut self.lines[queue];
        line.waiting += 1;
        let position = line.waiting;
        let Some(it) = self.contacts.get_mut(contact) else { return };
        it.queue = queue;
        it.entered_ms = now_ms;
        it.visit += 1;
        it.is_waiting = true;
        let (number, channel, visit, offer) = (it.number, it.channel, it.visit, it.offer);
        let source = channel.source();
        let mut draft = self.begin_contact(source, "contact.queued", number);
        draft.word("queue", QUEUES[queue].id);
        draft.word("channel", channel.as_str());
        if channel == Channel::Phone {
            draft.number("position", position);
        }
        self.emit(draft);
        self.ground_truth.offered(now_ms, queue);

        if QUEUES[queue]
            .capacity
            .is_some_and(|capacity| position as f64 > (capacity * self.rate_scale).max(10.0))
        {
            self.visit_ends(contact, visit, VisitEnding::Left(LeftReason::Full));
            return;
        }
        if let Some((ending, delay_ms)) = self.draw_ending(channel, queue) {
            self.plan_in(delay_ms, Step::VisitEnds { contact, visit, ending });
        }
        if self.is_open(queue) {
            let queued = QueuedVisit { contact, visit, offer, entered_ms: now_ms };
            self.lines[queue].visits.push_back(queued);
            self.offer_contact(contact);
        }
    }

    /// Returns whether a queue takes contacts now. In the overnight scenario only queues without
    /// opening hours do.
    pub(crate) fn is_open(&self, queue: QueueId) -> bool {
        let (_, of_day_ms) = local_day(self.now_ms);
        QUEUES[queue].open.is_none_or(|(from_ms, to_ms)| {
            self.scenario != Scenario::Overnight && (from_ms..to_ms).contains(&of_day_ms)
        })
    }

    /// Draws how and when a visit that opens now ends if nobody answers. A visit without such an
    /// ending waits until an agent answers.
    fn draw_ending(&mut self, channel: Channel, queue: QueueId) -> Option<(VisitEnding, i64)> {
        if !channel.is_immediate() {
            let is_spam = chance(&mut self.rng, 0.02);
            return is_spam.then(|| {
                (
                    VisitEnding::Left(LeftReason::Withdrawn),
                    between_ms(&mut self.rng, MINUTE_MS, 40 * MINUTE_MS),
                )
            });
        }
        let mut earliest = (VisitEnding::Abandoned, patience_ms(&mut self.rng, channel));
        let mut consider = |reason, delay_ms| {
            if delay_ms < earliest.1 {
                earliest = (VisitEnding::Left(reason), delay_ms);
            }
        };
        if !self.is_open(queue) {
            consider(LeftReason::Closed, between_ms(&mut self.rng, 6_000, 11_000));
            return Some(earliest);
        }
        consider(
            LeftReason::Timeout,
            if channel == Channel::Phone { PHONE_TIMEOUT_MS } else { CHAT_TIMEOUT_MS },
        );
        if channel == Channel::Phone {
            if chance(&mut self.rng, EXIT_KEY) {
                consider(LeftReason::ExitKey, between_ms(&mut self.rng, 15_000, 90_000));
            }
            if chance(&mut self.rng, CALLBACK_ACCEPTED) {
                consider(LeftReason::Callback, between_ms(&mut self.rng, 75_000, 150_000));
            }
        }
        Some(earliest)
    }

    /// Offers a waiting contact to the longest idle agent that serves its queue.
    fn offer_contact(&mut self, contact: ContactRef) {
        let Some(queue) = self.contacts.get(contact).map(|it| it.queue) else { return };
        if let Some(agent) = self.idle.longest(&self.agents, queue) {
            self.offer(contact, agent);
        }
    }

    /// Offers the longest waiting contact of the agent's queues. Returns false if nobody waits.
    pub(crate) fn offer_agent(&mut self, agent: AgentIndex) -> bool {
        let mut oldest: Option<QueuedVisit> = None;
        for queue in TEAMS[self.agents[agent].team].iter().copied() {
            if let Some(queued) = self.first_in_line(queue)
                && oldest.is_none_or(|known| queued.entered_ms < known.entered_ms)
            {
                oldest = Some(queued);
            }
        }
        if let Some(queued) = oldest {
            self.offer(queued.contact, agent);
        }
        oldest.is_some()
    }

    /// Offers a contact to an agent. A call or chat rings first; a message is answered at once.
    fn offer(&mut self, contact: ContactRef, agent: AgentIndex) {
        let Some(it) = self.contacts.get_mut(contact) else { return };
        it.offer += 1;
        it.ringing = Some(agent);
        let (number, queue, offer, channel) = (it.number, it.queue, it.offer, it.channel);
        self.agents[agent].is_idle = false;
        if !channel.is_immediate() {
            self.answer(contact, agent);
            return;
        }
        let mut draft = self.begin_contact(ACD, "contact.alerted", number);
        draft.word("queue", QUEUES[queue].id);
        self.writer.id(&mut draft, "agent", Id::Agent(self.agents[agent].number));
        self.emit(draft);
        let (outcome, ring_ms) = if chance(&mut self.rng, RING_NOT_ANSWERED) {
            (RingOutcome::NotAnswered, between_ms(&mut self.rng, 15_000, 20_000))
        } else {
            (RingOutcome::Answered, between_ms(&mut self.rng, 1_200, 5_000))
        };
        self.plan_in(ring_ms, Step::RingEnds { contact, offer, outcome });
    }

    /// Ends the ringing of an offer: the agent answers, or the contact goes back to its line.
    pub(crate) fn ring_ends(&mut self, contact: ContactRef, offer: u32, outcome: RingOutcome) {
        let Some(it) = self.contacts.get_mut(contact) else { return };
        let Some(agent) = it.ringing.filter(|_| it.offer == offer) else { return };
        if outcome == RingOutcome::Answered {
            self.answer(contact, agent);
            return;
        }
        it.ringing = None;
        let (number, queue) = (it.number, it.queue);
        let queued = QueuedVisit { contact, visit: it.visit, offer, entered_ms: it.entered_ms };
        let mut draft = self.begin_contact(ACD, "contact.not_answered", number);
        draft.word("queue", QUEUES[queue].id);
        self.writer.id(&mut draft, "agent", Id::Agent(self.agents[agent].number));
        self.emit(draft);
        self.ground_truth.not_answered(self.now_ms, queue);
        // The line is ordered by the starts of visits: the visit returns to the front or near it.
        let visits = &mut self.lines[queue].visits;
        let ahead = visits.iter().take_while(|other| other.entered_ms <= queued.entered_ms).count();
        visits.insert(ahead, queued);
        self.pause(agent, "ring_no_answer");
        let away_ms = between_ms(&mut self.rng, 30_000, 120_000);
        self.plan_in(away_ms, Step::BreakEnds { agent });
        self.offer_contact(contact);
    }

    /// Ends the visit with an answer, and draws the length of the service.
    fn answer(&mut self, contact: ContactRef, agent: AgentIndex) {
        let now_ms = self.now_ms;
        let Some(it) = self.contacts.get_mut(contact) else { return };
        let wait_ms = now_ms - it.entered_ms;
        it.is_waiting = false;
        it.ringing = None;
        it.answered_ms = now_ms;
        it.waited_ms = wait_ms;
        let (number, queue, channel) = (it.number, it.queue, it.channel);
        it.will_be_transferred =
            channel == Channel::Phone && !it.is_transferred && chance(&mut self.rng, TRANSFERRED);
        let talk_ms = talk_ms(&mut self.rng, channel);
        let talk_ms = if it.will_be_transferred { talk_ms / 2 } else { talk_ms };
        let hold_ms = hold_ms(&mut self.rng, channel);
        it.wrap_up_ms = wrap_up_ms(&mut self.rng, channel);
        it.talk_ms = talk_ms;
        it.hold_ms = hold_ms;
        self.lines[queue].waiting -= 1;

        let source = channel.source();
        let mut draft = self.begin_contact(source, "contact.answered", number);
        draft.word("queue", QUEUES[queue].id);
        self.writer.id(&mut draft, "agent", Id::Agent(self.agents[agent].number));
        if chance(&mut self.rng, WAIT_GIVEN) {
            draft.duration("wait_ms", wait_ms);
        }
        self.emit(draft);
        self.ground_truth.answered(now_ms, queue, wait_ms);
        self.set_state(agent, AgentState::Busy, None);
        self.plan_in(talk_ms + hold_ms, Step::ServiceEnds { contact, agent });
    }

    /// Ends the conversation, or the work on a message. The agent wraps up or is free.
    pub(crate) fn service_ends(&mut self, contact: ContactRef, agent: AgentIndex) {
        let Some(it) = self.contacts.get(contact) else { return };
        let (channel, wrap_up_ms, will_be_transferred) =
            (it.channel, it.wrap_up_ms, it.will_be_transferred);
        if !channel.is_immediate() {
            self.message_answered(contact, agent);
        } else if !(will_be_transferred && self.transfer(contact)) {
            self.conversation_ends(contact);
        }
        if wrap_up_ms > 0 {
            self.set_state(agent, AgentState::WrapUp, None);
            self.plan_in(wrap_up_ms, Step::WrapUpEnds { agent });
        } else {
            self.release(agent);
        }
    }

    /// Transfers a conversation to another phone queue. Returns false if no other is open.
    fn transfer(&mut self, contact: ContactRef) -> bool {
        let Some(it) = self.contacts.get(contact) else { return false };
        let (number, from, served_ms) = (it.number, it.queue, self.now_ms - it.answered_ms);
        let targets: Vec<QueueId> = (0..QUEUES.len())
            .filter(|queue| {
                *queue != from && QUEUES[*queue].channel == Channel::Phone && self.is_open(*queue)
            })
            .collect();
        if targets.is_empty() {
            return false;
        }
        let to = targets[self.rng.random_range(0..targets.len())];
        let mut draft = self.begin_contact(ACD, "contact.transferred", number);
        draft.word("from_queue", QUEUES[from].id);
        draft.word("to_queue", QUEUES[to].id);
        let is_attended = chance(&mut self.rng, 0.3);
        draft.word("kind", if is_attended { "attended" } else { "blind" });
        self.emit(draft);
        self.ground_truth.transferred(self.now_ms, from);
        if let Some(it) = self.contacts.get_mut(contact) {
            it.is_transferred = true;
            it.will_be_transferred = false;
        }
        if is_attended {
            // An attended transfer ends no conversation: the agent leaves it afterwards.
            self.ended(contact, from, "agent");
        } else {
            self.ground_truth.handled(self.now_ms, from, served_ms);
        }
        self.enter(contact, to);
        true
    }

    /// Ends a conversation. A follow-up or a survey may come of it.
    fn conversation_ends(&mut self, contact: ContactRef) {
        let Some(it) = self.contacts.get(contact) else { return };
        let (number, queue) = (it.number, it.queue);
        let ended_by = match self.rng.random::<f64>() {
            left if left < 0.35 => "agent",
            left if left < 0.99 => "customer",
            _ => "system",
        };
        self.ended(contact, queue, ended_by);
        if let Some((unit, share)) = QUEUES[queue].followup
            && chance(&mut self.rng, share)
        {
            self.open_followup(unit, number);
        }
        if chance(&mut self.rng, SURVEYED) {
            let delay_ms = between_ms(&mut self.rng, 8_000, 3 * MINUTE_MS);
            self.plan_in(delay_ms, Step::Survey { contact });
        } else {
            self.contacts.remove(contact);
        }
    }

    /// Writes and counts the end of a conversation that `queue` served.
    fn ended(&mut self, contact: ContactRef, queue: QueueId, ended_by: &str) {
        let Some(it) = self.contacts.get(contact) else { return };
        let (number, talk_ms, hold_ms, wrap_up_ms) =
            (it.number, it.talk_ms, it.hold_ms, it.wrap_up_ms);
        let is_transferred = it.is_transferred;
        let mut draft = self.begin_contact(ACD, "contact.ended", number);
        if is_transferred || chance(&mut self.rng, 0.8) {
            draft.word("queue", QUEUES[queue].id);
        }
        if is_transferred || chance(&mut self.rng, 0.75) {
            draft.duration("talk_ms", talk_ms);
        }
        if hold_ms > 0 {
            draft.duration("hold_ms", hold_ms);
        }
        draft.duration("wrap_up_ms", wrap_up_ms);
        draft.word("ended_by", ended_by);
        self.emit(draft);
        self.ground_truth.handled(self.now_ms, queue, talk_ms + hold_ms + wrap_up_ms);
    }

    /// Ends a visit without an answer; does nothing if it is over.
    pub(crate) fn visit_ends(&mut self, contact: ContactRef, visit: u32, ending: VisitEnding) {
        let Some(it) = self.contacts.get_mut(contact) else { return };
        if !it.is_waiting || it.visit != visit {
            return;
        }
        it.is_waiting = false;
        let (number, queue, wait_ms) = (it.number, it.queue, self.now_ms - it.entered_ms);
        let (ringing, channel) = (it.ringing.take(), it.channel);
        self.lines[queue].waiting -= 1;
        let source = channel.source();
        let kind = if ending == VisitEnding::Abandoned {
            "contact.abandoned"
        } else {
            "contact.left_queue"
        };
        let mut draft = self.begin_contact(source, kind, number);
        draft.word("queue", QUEUES[queue].id);
        if let VisitEnding::Left(reason) = ending {
            draft.word("reason", reason.as_str());
        }
        if chance(&mut self.rng, WAIT_GIVEN) {
            draft.duration("wait_ms", wait_ms);
        }
        self.emit(draft);
        match ending {
            VisitEnding::Abandoned => self.ground_truth.abandoned(self.now_ms, queue, wait_ms),
            VisitEnding::Left(reason) => {
                self.ground_truth.left(self.now_ms, queue, reason, wait_ms);
            }
        }
        if ending == VisitEnding::Left(LeftReason::Callback) {
            self.open_followup(CALLBACK_UNIT, number);
        }
        if channel.is_immediate() {
            self.contacts.remove(contact);
        } else {
            self.close_issue(contact);
        }
        if let Some(agent) = ringing {
            self.release_from_ring(agent);
        }
    }

    /// Writes and counts the answer to a survey.
    pub(crate) fn survey(&mut self, contact: ContactRef) {
        let Some(it) = self.contacts.get(contact) else { return };
        let (number, queue, channel, waited_ms) = (it.number, it.queue, it.channel, it.waited_ms);
        let score = survey_score(&mut self.rng, waited_ms);
        let mut draft = self.begin_contact(CRM, "survey.answered", number);
        draft.number("score", u64::from(score));
        draft.number("scale", 5);
        if chance(&mut self.rng, 0.5) {
            draft.word("queue", QUEUES[queue].id);
            draft.word("channel", channel.as_str());
        }
        self.emit(draft);
        self.ground_truth.surveyed(self.now_ms, queue, score);
        self.contacts.remove(contact);
    }
}
