//! Calls and chats: the IVR, the queues, ringing, conversations, transfers, and what follows them.

use rand::RngExt;

use super::Scenario;
use super::arrivals::local_day;
use super::behaviour::{
    between_ms, chance, hold_ms, lognormal_ms, patience_ms, survey_score, talk_ms, wrap_up_ms,
};
use super::centre::{
    CALLBACK_UNIT, CALLS_A_YEAR, CHAT, CONTAINED_A_YEAR, Channel, EMAIL, FAULT, HOUR_MS,
    IVR_ABANDONED, IVR_FAILED, MINUTE_MS, MOBILE_APP, PETITION, QUEUES, QueueId, SOCIAL, TEAMS,
    intents,
};
use super::tally::{AgentState, Left};
use super::wire::Id;
use super::world::{ACD, AgentIndex, CRM, ContactRef, Outcome, Place, Step, World};

/// How a visit ends if no agent answers first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Abandoned,
    Left(Left),
}

/// A caller is sent away after this wait, far below the two hours after which a visit counts as lost.
const PHONE_TIMEOUT_MS: i64 = 30 * MINUTE_MS;
const CHAT_TIMEOUT_MS: i64 = 20 * MINUTE_MS;
const EXIT_KEY: f64 = 0.012;
const CALLBACK_ACCEPTED: f64 = 0.10;
const RING_NOT_TAKEN: f64 = 0.02;
const TRANSFERRED: f64 = 0.045;
const SURVEYED: f64 = 0.16;
/// Share of events that carry the wait which can be computed from the event times as well.
const WAIT_GIVEN: f64 = 1.0 / 3.0;

impl World {
    /// A citizen reaches the centre.
    pub(super) fn arrive(&mut self, channel: Channel, is_burst: bool) {
        match channel {
            Channel::Phone => {
                let queue = if is_burst { FAULT } else { self.draw_intent() };
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

    fn draw_intent(&mut self) -> QueueId {
        let hour = local_day(self.now_ms).1 / HOUR_MS;
        let is_night = self.scenario == Scenario::Overnight || !(8..20).contains(&hour);
        let mut left: f64 = self.rng.random();
        for (queue, share) in intents(is_night) {
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

    fn draw_self_service(&mut self) -> (Outcome, i64) {
        let contained = CONTAINED_A_YEAR / CALLS_A_YEAR;
        let left: f64 = self.rng.random();
        let (outcome, median_ms) = if left < contained {
            (Outcome::Contained, 75_000.0)
        } else if left < contained + IVR_ABANDONED {
            (Outcome::Abandoned, 20_000.0)
        } else if left < contained + IVR_ABANDONED + IVR_FAILED {
            (Outcome::Failed, 12_000.0)
        } else {
            (Outcome::ToQueue, 34_000.0)
        };
        (outcome, lognormal_ms(&mut self.rng, median_ms, 0.5, 2_000))
    }

    pub(super) fn self_service_ends(&mut self, contact: ContactRef, outcome: Outcome) {
        let Some(it) = self.contacts.get(contact) else { return };
        let (number, queue, entry_point) =
            (it.number, it.queue, it.entry_point.unwrap_or("main_line"));
        let word = match outcome {
            Outcome::Contained => "contained",
            Outcome::ToQueue => "to_queue",
            Outcome::Abandoned => "abandoned",
            Outcome::Failed => "failed",
        };
        let mut draft = self.begin_contact(ACD, "contact.self_service", number);
        draft.word("outcome", word);
        draft.word("entry_point", entry_point);
        if outcome == Outcome::Contained {
            let menus = ["outage_information", "debt_inquiry", "meter_reading"];
            draft.word("menu", menus[self.rng.random_range(0..menus.len())]);
        }
        self.emit(draft);
        self.tally.self_service(entry_point, word);
        match outcome {
            Outcome::ToQueue => self.enter(contact, queue),
            Outcome::Contained | Outcome::Abandoned | Outcome::Failed => {
                self.contacts.remove(contact)
            }
        }
    }

    /// A visit opens.
    pub(super) fn enter(&mut self, contact: ContactRef, queue: QueueId) {
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
        let source = if channel.is_immediate() { ACD } else { CRM };
        let mut draft = self.begin_contact(source, "contact.queued", number);
        draft.word("queue", QUEUES[queue].id);
        draft.word("channel", channel.as_str());
        if channel == Channel::Phone {
            draft.number("position", position);
        }
        self.emit(draft);
        self.tally.offered(queue);

        if QUEUES[queue]
            .capacity
            .is_some_and(|capacity| position as f64 > (capacity * self.rate_scale).max(10.0))
        {
            self.visit_ends(contact, visit, Ending::Left(Left::Full));
            return;
        }
        if let Some((ending, delay_ms)) = self.draw_ending(channel, queue) {
            self.plan_in(delay_ms, Step::VisitEnds { contact, visit, ending });
        }
        if self.is_open(queue) {
            self.lines[queue].places.push_back(Place { contact, visit, offer, entered_ms: now_ms });
            self.offer_contact(contact);
        }
    }

    /// Whether a queue takes contacts now. At night only those do that are open at all hours.
    pub(super) fn is_open(&self, queue: QueueId) -> bool {
        let (_, of_day_ms) = local_day(self.now_ms);
        QUEUES[queue].open.is_none_or(|(from_ms, to_ms)| {
            self.scenario != Scenario::Overnight && (from_ms..to_ms).contains(&of_day_ms)
        })
    }

    /// How and when a visit that opens now ends if nobody answers; `None` where the citizen does not wait on a line.
    fn draw_ending(&mut self, channel: Channel, queue: QueueId) -> Option<(Ending, i64)> {
        if !channel.is_immediate() {
            let is_spam = chance(&mut self.rng, 0.02);
            return is_spam.then(|| {
                (
                    Ending::Left(Left::Withdrawn),
                    between_ms(&mut self.rng, MINUTE_MS, 40 * MINUTE_MS),
                )
            });
        }
        let mut first = (Ending::Abandoned, patience_ms(&mut self.rng, channel));
        let mut or = |ending, delay_ms| {
            if delay_ms < first.1 {
                first = (Ending::Left(ending), delay_ms);
            }
        };
        if !self.is_open(queue) {
            or(Left::Closed, between_ms(&mut self.rng, 6_000, 11_000));
            return Some(first);
        }
        or(
            Left::Timeout,
            if channel == Channel::Phone { PHONE_TIMEOUT_MS } else { CHAT_TIMEOUT_MS },
        );
        if channel == Channel::Phone {
            if chance(&mut self.rng, EXIT_KEY) {
                or(Left::ExitKey, between_ms(&mut self.rng, 15_000, 90_000));
            }
            if chance(&mut self.rng, CALLBACK_ACCEPTED) {
                or(Left::Callback, between_ms(&mut self.rng, 75_000, 150_000));
            }
        }
        Some(first)
    }

    /// The first in line who is not ringing, after dropping outdated places.
    pub(super) fn first_in_line(&mut self, queue: QueueId) -> Option<Place> {
        while let Some(place) = self.lines[queue].places.front().copied() {
            let is_current = self.contacts.get(place.contact).is_some_and(|it| {
                it.is_waiting
                    && it.ringing.is_none()
                    && it.visit == place.visit
                    && it.offer == place.offer
            });
            if is_current {
                return Some(place);
            }
            self.lines[queue].places.pop_front();
        }
        None
    }

    /// Offers a waiting contact to the longest idle agent who may take it.
    fn offer_contact(&mut self, contact: ContactRef) {
        let Some(queue) = self.contacts.get(contact).map(|it| it.queue) else { return };
        if let Some(agent) = self.longest_idle(queue) {
            self.offer(contact, agent);
        }
    }

    /// Offers the longest waiting contact of the agent's queues; false where nobody waits.
    pub(super) fn offer_agent(&mut self, agent: AgentIndex) -> bool {
        let mut oldest: Option<Place> = None;
        for queue in TEAMS[self.agents[agent].team].iter().copied() {
            if let Some(place) = self.first_in_line(queue)
                && oldest.is_none_or(|known| place.entered_ms < known.entered_ms)
            {
                oldest = Some(place);
            }
        }
        if let Some(place) = oldest {
            self.offer(place.contact, agent);
        }
        oldest.is_some()
    }

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
        self.wire.id(&mut draft, "agent", Id::Agent(self.agents[agent].number));
        self.emit(draft);
        let is_taken = !chance(&mut self.rng, RING_NOT_TAKEN);
        let ring_ms = if is_taken {
            between_ms(&mut self.rng, 1_200, 5_000)
        } else {
            between_ms(&mut self.rng, 15_000, 20_000)
        };
        self.plan_in(ring_ms, Step::RingEnds { contact, offer, is_taken });
    }

    pub(super) fn ring_ends(&mut self, contact: ContactRef, offer: u32, is_taken: bool) {
        let Some(it) = self.contacts.get_mut(contact) else { return };
        let Some(agent) = it.ringing.filter(|_| it.offer == offer) else { return };
        if is_taken {
            self.answer(contact, agent);
            return;
        }
        it.ringing = None;
        let (number, queue) = (it.number, it.queue);
        let place = Place { contact, visit: it.visit, offer, entered_ms: it.entered_ms };
        let mut draft = self.begin_contact(ACD, "contact.not_answered", number);
        draft.word("queue", QUEUES[queue].id);
        self.wire.id(&mut draft, "agent", Id::Agent(self.agents[agent].number));
        self.emit(draft);
        self.tally.queues[queue].not_answered += 1;
        // Back to where the start of the visit puts it, which is at or near the front.
        let places = &mut self.lines[queue].places;
        let ahead = places.iter().take_while(|other| other.entered_ms <= place.entered_ms).count();
        places.insert(ahead, place);
        self.pause(agent, "ring_no_answer");
        let away_ms = between_ms(&mut self.rng, 30_000, 120_000);
        self.plan_in(away_ms, Step::BreakEnds { agent });
        self.offer_contact(contact);
    }

    fn answer(&mut self, contact: ContactRef, agent: AgentIndex) {
        let now_ms = self.now_ms;
        let Some(it) = self.contacts.get_mut(contact) else { return };
        let wait_ms = now_ms - it.entered_ms;
        it.is_waiting = false;
        it.ringing = None;
        it.answered_ms = now_ms;
        it.waited_ms = wait_ms;
        let (number, queue, channel) = (it.number, it.queue, it.channel);
        it.will_be_transferred = channel == Channel::Phone
            && it.transferred_from.is_none()
            && chance(&mut self.rng, TRANSFERRED);
        let talk_ms = talk_ms(&mut self.rng, channel);
        let talk_ms = if it.will_be_transferred { talk_ms / 2 } else { talk_ms };
        let hold_ms = hold_ms(&mut self.rng, channel);
        it.leg_wrap_up_ms = wrap_up_ms(&mut self.rng, channel);
        it.talk_ms += talk_ms;
        it.hold_ms += hold_ms;
        it.wrap_up_ms += it.leg_wrap_up_ms;
        self.lines[queue].waiting -= 1;

        let source = if channel.is_immediate() { ACD } else { CRM };
        let mut draft = self.begin_contact(source, "contact.answered", number);
        draft.word("queue", QUEUES[queue].id);
        self.wire.id(&mut draft, "agent", Id::Agent(self.agents[agent].number));
        if chance(&mut self.rng, WAIT_GIVEN) {
            draft.duration("wait_ms", wait_ms);
        }
        self.emit(draft);
        self.tally.answered(queue, wait_ms);
        self.set_state(agent, AgentState::Busy, None);
        self.plan_in(talk_ms + hold_ms, Step::ServiceEnds { contact, agent });
    }

    pub(super) fn service_ends(&mut self, contact: ContactRef, agent: AgentIndex) {
        let Some(it) = self.contacts.get(contact) else { return };
        let (channel, leg_wrap_up_ms, will_be_transferred) =
            (it.channel, it.leg_wrap_up_ms, it.will_be_transferred);
        if !channel.is_immediate() {
            self.message_answered(contact, agent);
        } else if !(will_be_transferred && self.transfer(contact)) {
            self.conversation_ends(contact);
        }
        if leg_wrap_up_ms > 0 {
            self.set_state(agent, AgentState::WrapUp, None);
            self.plan_in(leg_wrap_up_ms, Step::WrapUpEnds { agent });
        } else {
            self.release(agent);
        }
    }

    /// Hands a conversation over to another queue; false where no other is open.
    fn transfer(&mut self, contact: ContactRef) -> bool {
        let Some(it) = self.contacts.get(contact) else { return false };
        let (number, from) = (it.number, it.queue);
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
        draft.word("kind", if chance(&mut self.rng, 0.3) { "attended" } else { "blind" });
        self.emit(draft);
        self.tally.queues[from].transfers += 1;
        if let Some(it) = self.contacts.get_mut(contact) {
            it.transferred_from = Some(from);
            it.will_be_transferred = false;
        }
        self.enter(contact, to);
        true
    }

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

    /// Writes and books the end of a conversation that `queue` served.
    fn ended(&mut self, contact: ContactRef, queue: QueueId, ended_by: &str) {
        let Some(it) = self.contacts.get(contact) else { return };
        let (number, talk_ms, hold_ms, wrap_up_ms) =
            (it.number, it.talk_ms, it.hold_ms, it.wrap_up_ms);
        let is_transferred = it.transferred_from.is_some();
        let mut draft = self.begin_contact(ACD, "contact.ended", number);
        if is_transferred || chance(&mut self.rng, 0.8) {
            draft.word("queue", QUEUES[queue].id);
        }
        // Without talk time a reader takes it from the event times, which do not tell the legs of a transfer apart.
        if is_transferred || chance(&mut self.rng, 0.75) {
            draft.duration("talk_ms", talk_ms);
        }
        if hold_ms > 0 {
            draft.duration("hold_ms", hold_ms);
        }
        draft.duration("wrap_up_ms", wrap_up_ms);
        draft.word("ended_by", ended_by);
        self.emit(draft);
        self.tally.handled(queue, talk_ms + hold_ms + wrap_up_ms);
    }

    /// A visit ends without an answer.
    pub(super) fn visit_ends(&mut self, contact: ContactRef, visit: u32, ending: Ending) {
        let Some(it) = self.contacts.get_mut(contact) else { return };
        if !it.is_waiting || it.visit != visit {
            return;
        }
        it.is_waiting = false;
        let (number, queue, wait_ms) = (it.number, it.queue, self.now_ms - it.entered_ms);
        let (ringing, channel, transferred_from) =
            (it.ringing.take(), it.channel, it.transferred_from);
        self.lines[queue].waiting -= 1;
        let source = if channel.is_immediate() { ACD } else { CRM };
        let kind =
            if ending == Ending::Abandoned { "contact.abandoned" } else { "contact.left_queue" };
        let mut draft = self.begin_contact(source, kind, number);
        draft.word("queue", QUEUES[queue].id);
        if let Ending::Left(reason) = ending {
            draft.word("reason", reason.as_str());
        }
        if chance(&mut self.rng, WAIT_GIVEN) {
            draft.duration("wait_ms", wait_ms);
        }
        self.emit(draft);
        match ending {
            Ending::Abandoned => self.tally.abandoned(queue, wait_ms),
            Ending::Left(reason) => self.tally.left(queue, reason, wait_ms),
        }
        if let Some(served_by) = transferred_from {
            self.ended(
                contact,
                served_by,
                if ending == Ending::Abandoned { "customer" } else { "system" },
            );
        }
        if ending == Ending::Left(Left::Callback) {
            self.open_followup(CALLBACK_UNIT, number);
        }
        if channel.is_immediate() {
            self.contacts.remove(contact);
        } else {
            self.close_matter(contact);
        }
        if let Some(agent) = ringing {
            self.release_from_ring(agent);
        }
    }

    pub(super) fn survey(&mut self, contact: ContactRef) {
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
        self.tally.surveyed(queue, score);
        self.contacts.remove(contact);
    }
}
