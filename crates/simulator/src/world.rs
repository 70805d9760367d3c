//! The centre in motion: its state, and the dispatch of what happens next.

use std::collections::VecDeque;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::agenda::Agenda;
use super::agents::{Agent, IdleAgents};
use super::arrivals::{self, Stream, local_day};
use super::centre::{Channel, HOUR_MS, MINUTE_MS, QUEUES, QueueId};
use super::followups::Followup;
use super::service::Ending;
use super::tally::{Stretch, Tally};
use super::truth::{self, Truth};
use super::wire::{Draft, Id, Wire};
use super::{Options, RATE_SCALE_MAX, RATE_SCALE_MIN, Scenario, SimulatedEvent};

/// The telephone system: calls, chats, agents, and its own counts.
pub(super) const ACD: &str = "acd";
/// The system of messages, petitions and surveys.
pub(super) const CRM: &str = "crm";
/// The system of field work.
pub(super) const FIELD: &str = "field";

/// Index of an agent.
pub(super) type AgentIndex = usize;

/// A contact of the slab; outdated once the contact is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ContactRef {
    index: usize,
    generation: u32,
}

/// How the IVR part ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Contained,
    ToQueue,
    Abandoned,
    Failed,
}

/// Something that happens at a planned time. Steps that name a contact, a visit or an offer do nothing where that is
/// over by then.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    DayBegins { day: i64 },
    Arrival { stream: usize },
    SelfServiceEnds { contact: ContactRef, outcome: Outcome },
    VisitEnds { contact: ContactRef, visit: u32, ending: Ending },
    RingEnds { contact: ContactRef, offer: u32, is_taken: bool },
    ServiceEnds { contact: ContactRef, agent: AgentIndex },
    Survey { contact: ContactRef },
    Resolution { contact: ContactRef },
    Reopening { contact: ContactRef },
    ShiftBegins { agent: AgentIndex, ends_ms: i64 },
    ShiftEnds { agent: AgentIndex },
    BreakDue { agent: AgentIndex, length_ms: i64 },
    BreakEnds { agent: AgentIndex },
    WrapUpEnds { agent: AgentIndex },
    FieldWorkDone { followup: Followup },
    CitizenInformed { followup: Followup },
    Observation { queue: QueueId },
}

/// A citizen's matter, from its start until nothing more comes of it.
#[derive(Debug)]
pub(super) struct Contact {
    pub(super) number: u64,
    pub(super) channel: Channel,
    pub(super) entry_point: Option<&'static str>,
    pub(super) started_ms: i64,
    /// The queue that it wants, is in, or was in last.
    pub(super) queue: QueueId,
    /// Start of the last visit.
    pub(super) entered_ms: i64,
    /// Number of the last visit.
    pub(super) visit: u32,
    pub(super) is_waiting: bool,
    pub(super) ringing: Option<AgentIndex>,
    /// Times it was offered to an agent.
    pub(super) offer: u32,
    pub(super) answered_ms: i64,
    /// Wait of the last visit that was answered.
    pub(super) waited_ms: i64,
    /// Talk, hold and wrap-up of the conversation, over all its legs.
    pub(super) talk_ms: i64,
    pub(super) hold_ms: i64,
    pub(super) wrap_up_ms: i64,
    /// Wrap-up of the present leg.
    pub(super) leg_wrap_up_ms: i64,
    pub(super) will_be_transferred: bool,
    /// Where it was served before a transfer.
    pub(super) transferred_from: Option<QueueId>,
    pub(super) is_replied: bool,
    pub(super) is_reopened: bool,
    /// Since when the matter is open: the start, or the reopening.
    pub(super) open_since_ms: i64,
}

#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    contact: Option<Contact>,
}

/// The contacts that are going on.
#[derive(Debug, Default)]
pub(super) struct Contacts {
    slots: Vec<Slot>,
    free: Vec<usize>,
    made: u64,
}

impl Contacts {
    fn add(
        &mut self,
        channel: Channel,
        queue: QueueId,
        entry_point: Option<&'static str>,
        now_ms: i64,
    ) -> ContactRef {
        self.made += 1;
        let contact = Contact {
            number: self.made,
            channel,
            entry_point,
            started_ms: now_ms,
            queue,
            entered_ms: now_ms,
            visit: 0,
            is_waiting: false,
            ringing: None,
            offer: 0,
            answered_ms: now_ms,
            waited_ms: 0,
            talk_ms: 0,
            hold_ms: 0,
            wrap_up_ms: 0,
            leg_wrap_up_ms: 0,
            will_be_transferred: false,
            transferred_from: None,
            is_replied: false,
            is_reopened: false,
            open_since_ms: now_ms,
        };
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() - 1
        });
        let slot = &mut self.slots[index];
        slot.contact = Some(contact);
        ContactRef { index, generation: slot.generation }
    }

    pub(super) fn get(&self, contact: ContactRef) -> Option<&Contact> {
        let slot = self.slots.get(contact.index)?;
        if slot.generation == contact.generation { slot.contact.as_ref() } else { None }
    }

    pub(super) fn get_mut(&mut self, contact: ContactRef) -> Option<&mut Contact> {
        let slot = self.slots.get_mut(contact.index)?;
        if slot.generation == contact.generation { slot.contact.as_mut() } else { None }
    }

    pub(super) fn remove(&mut self, contact: ContactRef) {
        if let Some(slot) = self.slots.get_mut(contact.index)
            && slot.generation == contact.generation
            && slot.contact.take().is_some()
        {
            slot.generation = slot.generation.wrapping_add(1);
            self.free.push(contact.index);
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Contact> {
        self.slots.iter().filter_map(|slot| slot.contact.as_ref())
    }
}

/// A contact in the line of a queue. Outdated once the contact is offered, or its visit is over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) contact: ContactRef,
    pub(super) visit: u32,
    pub(super) offer: u32,
    pub(super) entered_ms: i64,
}

/// Who waits in a queue.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// In the order of their starts; outdated places are dropped when they come to the front.
    pub(super) places: VecDeque<Place>,
    /// Open visits, ringing ones included.
    pub(super) waiting: u64,
}

/// Everything that the simulation is.
#[derive(Debug)]
pub(super) struct World {
    pub(super) rng: ChaCha8Rng,
    pub(super) rate_scale: f64,
    pub(super) scenario: Scenario,
    pub(super) now_ms: i64,
    end_ms: i64,
    pub(super) agenda: Agenda,
    streams: Vec<Stream>,
    pub(super) contacts: Contacts,
    pub(super) lines: [Line; QUEUES.len()],
    pub(super) agents: Vec<Agent>,
    pub(super) idle: IdleAgents,
    pub(super) followups: u64,
    pub(super) wire: Wire,
    pub(super) tally: Tally,
    out: VecDeque<SimulatedEvent>,
    largest_ms: i64,
}

impl World {
    pub(super) fn new(scenario: Scenario, options: &Options) -> Self {
        let rate_scale = if options.rate_scale.is_nan() {
            1.0
        } else {
            options.rate_scale.clamp(RATE_SCALE_MIN, RATE_SCALE_MAX)
        };
        let start_ms = options.start_ms;
        let agents = super::agents::hire(scenario, rate_scale);
        let mut world = World {
            rng: ChaCha8Rng::seed_from_u64(options.seed),
            rate_scale,
            scenario,
            now_ms: start_ms,
            end_ms: options
                .duration_ms
                .map_or(i64::MAX, |duration_ms| start_ms.saturating_add_unsigned(duration_ms)),
            agenda: Agenda::default(),
            streams: arrivals::streams(scenario, start_ms, options.burst_start_ms, rate_scale),
            contacts: Contacts::default(),
            lines: Default::default(),
            wire: Wire::new(start_ms, options.seed, agents.len(), options.shift_ms),
            agents,
            idle: IdleAgents::default(),
            followups: 0,
            tally: Tally::default(),
            out: VecDeque::new(),
            largest_ms: start_ms,
        };
        world.agenda.plan(start_ms, Step::DayBegins { day: local_day(start_ms).0 });
        for stream in 0..world.streams.len() {
            world.plan_arrival(stream);
        }
        for queue in 0..QUEUES.len() {
            world.plan_observation(queue);
        }
        world
    }

    /// The next event before the end.
    pub(super) fn next_event(&mut self) -> Option<SimulatedEvent> {
        loop {
            if let Some(event) = self.out.pop_front() {
                return Some(event);
            }
            let (time_ms, step) = self.agenda.next_before(self.end_ms)?;
            self.now_ms = time_ms;
            self.take(step);
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::DayBegins { day } => {
                self.agenda
                    .plan(arrivals::day_begins_ms(day + 1), Step::DayBegins { day: day + 1 });
                self.plan_shifts(day);
                self.withdraw_forgotten_messages();
            }
            Step::Arrival { stream } => {
                self.plan_arrival(stream);
                self.arrive(self.streams[stream].channel, self.streams[stream].is_burst);
            }
            Step::SelfServiceEnds { contact, outcome } => self.self_service_ends(contact, outcome),
            Step::VisitEnds { contact, visit, ending } => self.visit_ends(contact, visit, ending),
            Step::RingEnds { contact, offer, is_taken } => self.ring_ends(contact, offer, is_taken),
            Step::ServiceEnds { contact, agent } => self.service_ends(contact, agent),
            Step::Survey { contact } => self.survey(contact),
            Step::Resolution { contact } => self.resolve(contact),
            Step::Reopening { contact } => self.reopen(contact),
            Step::ShiftBegins { agent, ends_ms } => self.shift_begins(agent, ends_ms),
            Step::ShiftEnds { agent } => self.shift_ends(agent),
            Step::BreakDue { agent, length_ms } => self.break_due(agent, length_ms),
            Step::BreakEnds { agent } | Step::WrapUpEnds { agent } => self.release(agent),
            Step::FieldWorkDone { followup } => self.field_work_done(followup),
            Step::CitizenInformed { followup } => self.citizen_informed(followup),
            Step::Observation { queue } => {
                self.plan_observation(queue);
                let event = self.observation(queue);
                self.emit(event);
            }
        }
    }

    fn plan_arrival(&mut self, stream: usize) {
        if let Some(time_ms) = self.streams[stream].next_ms(&mut self.rng) {
            self.agenda.plan(time_ms, Step::Arrival { stream });
        }
    }

    /// Plans `step` for this much later than now.
    pub(super) fn plan_in(&mut self, delay_ms: i64, step: Step) {
        self.agenda.plan(self.now_ms.saturating_add(delay_ms.max(0)), step);
    }

    /// A new contact, with its first event.
    pub(super) fn start_contact(
        &mut self,
        channel: Channel,
        queue: QueueId,
        entry_point: Option<&'static str>,
    ) -> ContactRef {
        let contact = self.contacts.add(channel, queue, entry_point, self.now_ms);
        let source = if channel.is_immediate() { ACD } else { CRM };
        let mut draft = self.begin_contact(source, "contact.started", self.contacts.made);
        draft.word("channel", channel.as_str());
        if let Some(entry_point) = entry_point {
            draft.word("entry_point", entry_point);
        }
        self.emit(draft);
        self.tally.started(channel);
        contact
    }

    /// Begins an event of the contact with this number.
    pub(super) fn begin_contact(&mut self, source: &str, kind: &str, number: u64) -> Draft {
        let mut draft = self.begin(source, kind, Id::Contact(number));
        self.wire.id(&mut draft, "contact_id", Id::Contact(number));
        draft
    }

    /// Begins an event of now.
    pub(super) fn begin(&mut self, source: &str, kind: &str, key: Id) -> Draft {
        self.wire.begin(self.now_ms, source, kind, key)
    }

    /// Writes an event.
    pub(super) fn emit(&mut self, draft: Draft) {
        let event = draft.finish();
        self.largest_ms = event.time_ms;
        self.out.push_back(event);
    }

    /// Each queue reports itself at whole minutes, or quarters of an hour where nobody waits on a line.
    fn plan_observation(&mut self, queue: QueueId) {
        let every_ms = if QUEUES[queue].channel.is_immediate() { MINUTE_MS } else { HOUR_MS / 4 };
        let next_ms = (self.now_ms.div_euclid(every_ms) + 1).saturating_mul(every_ms);
        self.agenda.plan(next_ms, Step::Observation { queue });
    }

    fn observation(&mut self, queue: QueueId) -> Draft {
        let oldest_ms = self.first_in_line(queue).map(|place| place.entered_ms);
        let mut draft =
            self.wire.begin(self.now_ms, ACD, "queue.observed", Id::Queue(QUEUES[queue].id));
        draft.word("queue", QUEUES[queue].id);
        draft.number("waiting", self.lines[queue].waiting);
        if let Some(oldest_ms) = oldest_ms {
            draft.duration("oldest_wait_ms", self.now_ms - oldest_ms);
        }
        draft
    }

    pub(super) fn closing_event(&mut self) -> SimulatedEvent {
        let queue = super::centre::FAULT;
        let mut draft =
            self.wire.begin(self.largest_ms, ACD, "queue.observed", Id::Queue(QUEUES[queue].id));
        draft.word("queue", QUEUES[queue].id);
        draft.number("waiting", self.lines[queue].waiting);
        draft.finish()
    }

    pub(super) fn largest_time_ms(&self) -> i64 {
        self.largest_ms
    }

    pub(super) fn truth(&self) -> Truth {
        let open_visits = self
            .contacts
            .iter()
            .filter(|contact| contact.is_waiting)
            .map(|contact| (contact.queue, contact.entered_ms));
        let agents = self.agents.iter().filter_map(|agent| {
            let (state, from_ms) = agent.reported?;
            Some(Stretch { team: agent.team, state, from_ms, to_ms: i64::MAX })
        });
        truth::draw_up(&self.tally, self.wire.events(), self.largest_ms, open_visits, agents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_to_a_contact_that_is_over_finds_nothing() {
        let mut contacts = Contacts::default();
        let first = contacts.add(Channel::Phone, 0, None, 0);
        contacts.remove(first);
        let second = contacts.add(Channel::Chat, 8, None, 1);
        assert_eq!(first.index, second.index, "the slot is used again");
        assert!(contacts.get(first).is_none() && contacts.get_mut(first).is_none());
        contacts.remove(first);
        assert_eq!(contacts.get(second).map(|contact| contact.number), Some(2));
    }

    #[test]
    fn what_is_planned_and_remembered_stays_bounded_over_days() {
        let options = Options {
            duration_ms: Some(21 * super::super::DAY_MS),
            rate_scale: 0.2,
            ..Options::default()
        };
        let mut world = World::new(Scenario::OrdinaryDay, &options);
        let mut peaks = Vec::new();
        let mut peak = 0;
        let mut day = 0;
        while let Some(event) = world.next_event() {
            let event_day =
                (event.time_ms - super::super::DEFAULT_START_MS) / super::super::DAY_MS as i64;
            if event_day != day {
                day = event_day;
                peaks.push(std::mem::take(&mut peak));
            }
            peak = peak.max(world.agenda.len() + world.contacts.slots.len());
        }
        let second_week = peaks[7..14].iter().max().expect("days");
        let third_week = peaks[14..].iter().max().expect("days");
        assert!(third_week * 2 < second_week * 3, "{peaks:?}");
    }
}
