//! The running simulation: its state, its main loop, and the writing of events.

use std::collections::VecDeque;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::arrivals::{self, Stream};
use crate::contacts::{ContactRef, Contacts};
use crate::event_queue::EventQueue;
use crate::event_writer::{EventDraft, EventWriter, Id, SimulatedEvent};
use crate::ground_truth::{GroundTruth, HistoryTruth, Stretch, Truth};
use crate::local_time::{HOUR_MS, MINUTE_MS, day_begins_ms, local_day};
use crate::options::{Options, RATE_SCALE_MAX, RATE_SCALE_MIN, Scenario};
use crate::site::{ACD, Channel, FAULT, QUEUES, QueueId};
use crate::staff::{self, Agent, IdleAgents};
use crate::steps::Step;
use crate::waiting_line::{QueuedVisit, WaitingLine};

/// A running simulation: an iterator over its events in event-time order.
///
/// Events are created on demand. Memory is bounded by what is under way at one time in the
/// simulated site, not by the duration. The same scenario and options give the same events, byte
/// for byte.
#[derive(Debug)]
pub struct Simulation {
    pub(crate) rng: ChaCha8Rng,
    pub(crate) rate_scale: f64,
    pub(crate) scenario: Scenario,
    pub(crate) now_ms: i64,
    end_ms: i64,
    pub(crate) event_queue: EventQueue,
    streams: Vec<Stream>,
    pub(crate) contacts: Contacts,
    /// Lines by queue.
    pub(crate) lines: [WaitingLine; QUEUES.len()],
    pub(crate) agents: Vec<Agent>,
    pub(crate) idle: IdleAgents,
    /// Follow-ups opened so far.
    pub(crate) followups: u64,
    pub(crate) writer: EventWriter,
    pub(crate) ground_truth: GroundTruth,
    /// Written events that the caller has not taken yet.
    out: VecDeque<SimulatedEvent>,
    largest_ms: i64,
}

impl Simulation {
    /// Creates a simulation at its start.
    pub fn new(scenario: Scenario, options: Options) -> Self {
        let rate_scale = if options.rate_scale.is_nan() {
            1.0
        } else {
            options.rate_scale.clamp(RATE_SCALE_MIN, RATE_SCALE_MAX)
        };
        let start_ms = options.start_ms;
        let agents = staff::hire(scenario, rate_scale);
        let mut simulation = Simulation {
            rng: ChaCha8Rng::seed_from_u64(options.seed),
            rate_scale,
            scenario,
            now_ms: start_ms,
            end_ms: options
                .duration_ms
                .map_or(i64::MAX, |duration_ms| start_ms.saturating_add_unsigned(duration_ms)),
            event_queue: EventQueue::default(),
            streams: arrivals::streams(scenario, start_ms, options.burst_start_ms, rate_scale),
            contacts: Contacts::default(),
            lines: Default::default(),
            writer: EventWriter::new(start_ms, options.seed, agents.len(), options.shift_ms),
            agents,
            idle: IdleAgents::default(),
            followups: 0,
            ground_truth: GroundTruth::new(options.history_interval_ms, options.shift_ms),
            out: VecDeque::new(),
            largest_ms: start_ms,
        };
        simulation.event_queue.plan(start_ms, Step::DayBegins { day: local_day(start_ms).0 });
        for stream in 0..simulation.streams.len() {
            simulation.plan_arrival(stream);
        }
        for queue in 0..QUEUES.len() {
            simulation.plan_observation(queue);
        }
        simulation
    }

    /// Returns a `queue.observed` at the largest event time so far, with an id of its own.
    ///
    /// A caller writes one to each partition of a topic at the end, which brings all partitions to
    /// one stream time. The event counts in the truth's `events`.
    pub fn closing_event(&mut self) -> SimulatedEvent {
        let mut draft = self.begin_observation(self.largest_ms, FAULT);
        draft.number("waiting", self.lines[FAULT].waiting);
        draft.finish()
    }

    /// Returns the largest event time so far, in milliseconds since the Unix epoch; the start
    /// before the first event.
    pub fn time_ms(&self) -> i64 {
        self.largest_ms
    }

    /// Returns the counts that a correct reader of all events so far must reach, as of the largest
    /// event time.
    ///
    /// Events of one instant are counted together, so between two events of the same instant the
    /// truth is ahead of the events taken.
    pub fn truth(&self) -> Truth {
        let (open_visits, agents) = (open_visits(&self.contacts), open_stretches(&self.agents));
        self.ground_truth.report(self.writer.events(), self.largest_ms, open_visits, agents)
    }

    /// Takes the counts by interval that a correct reader of all events so far must reach, as of the
    /// largest event time. Nothing is counted by interval any more afterwards.
    ///
    /// Returns `None` if [`Options::history_interval_ms`] asks for none, or they are taken.
    pub fn take_history_truth(&mut self) -> Option<HistoryTruth> {
        let (open_visits, agents) = (open_visits(&self.contacts), open_stretches(&self.agents));
        self.ground_truth.take_history(self.largest_ms, open_visits, agents)
    }

    fn perform(&mut self, step: Step) {
        match step {
            Step::DayBegins { day } => {
                self.event_queue.plan(day_begins_ms(day + 1), Step::DayBegins { day: day + 1 });
                self.plan_shifts(day);
                self.withdraw_forgotten_messages();
            }
            Step::Arrival { stream } => {
                self.plan_arrival(stream);
                self.arrive(self.streams[stream].channel, self.streams[stream].queue);
            }
            Step::SelfServiceEnds { contact, outcome } => self.self_service_ends(contact, outcome),
            Step::VisitEnds { contact, visit, ending } => self.visit_ends(contact, visit, ending),
            Step::RingEnds { contact, offer, outcome } => self.ring_ends(contact, offer, outcome),
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
                self.observe(queue);
            }
        }
    }

    fn plan_arrival(&mut self, stream: usize) {
        if let Some(time_ms) = self.streams[stream].next_ms(&mut self.rng) {
            self.event_queue.plan(time_ms, Step::Arrival { stream });
        }
    }

    /// Plans `step` for `delay_ms` from now.
    pub(crate) fn plan_in(&mut self, delay_ms: i64, step: Step) {
        self.event_queue.plan(self.now_ms.saturating_add(delay_ms.max(0)), step);
    }

    /// Adds a contact and writes its first event.
    pub(crate) fn start_contact(
        &mut self,
        channel: Channel,
        queue: QueueId,
        entry_point: Option<&'static str>,
    ) -> ContactRef {
        let (contact, number) = self.contacts.add(channel, queue, entry_point, self.now_ms);
        let source = channel.source();
        let mut draft = self.begin_contact(source, "contact.started", number);
        draft.word("channel", channel.as_str());
        if let Some(entry_point) = entry_point {
            draft.word("entry_point", entry_point);
        }
        self.emit(draft);
        self.ground_truth.started(self.now_ms, channel, entry_point);
        contact
    }

    /// Begins an event of the contact with this number.
    pub(crate) fn begin_contact(&mut self, source: &str, kind: &str, number: u64) -> EventDraft {
        let mut draft = self.begin(source, kind, Id::Contact(number));
        self.writer.id(&mut draft, "contact_id", Id::Contact(number));
        draft
    }

    /// Begins an event at the present time.
    pub(crate) fn begin(&mut self, source: &str, kind: &str, key: Id) -> EventDraft {
        self.writer.begin(self.now_ms, source, kind, key)
    }

    /// Writes an event.
    pub(crate) fn emit(&mut self, draft: EventDraft) {
        let event = draft.finish();
        self.largest_ms = event.time_ms;
        self.out.push_back(event);
    }

    /// Plans the next observation of a queue: at each whole minute if citizens wait on the line,
    /// else at each quarter of an hour.
    fn plan_observation(&mut self, queue: QueueId) {
        let every_ms = if QUEUES[queue].channel.is_immediate() { MINUTE_MS } else { HOUR_MS / 4 };
        let next_ms = (self.now_ms.div_euclid(every_ms) + 1).saturating_mul(every_ms);
        self.event_queue.plan(next_ms, Step::Observation { queue });
    }

    fn observe(&mut self, queue: QueueId) {
        let oldest_ms = self.first_in_line(queue).map(|queued| queued.entered_ms);
        let mut draft = self.begin_observation(self.now_ms, queue);
        draft.number("waiting", self.lines[queue].waiting);
        if let Some(oldest_ms) = oldest_ms {
            draft.duration("oldest_wait_ms", self.now_ms - oldest_ms);
        }
        self.emit(draft);
    }

    fn begin_observation(&mut self, time_ms: i64, queue: QueueId) -> EventDraft {
        let id = QUEUES[queue].id;
        let mut draft = self.writer.begin(time_ms, ACD, "queue.observed", Id::Queue(id));
        draft.word("queue", id);
        draft
    }

    /// Returns the first visit in line that does not ring, after dropping outdated entries.
    pub(crate) fn first_in_line(&mut self, queue: QueueId) -> Option<QueuedVisit> {
        while let Some(queued) = self.lines[queue].visits.front().copied() {
            let is_current = self.contacts.get(queued.contact).is_some_and(|it| {
                it.is_waiting
                    && it.ringing.is_none()
                    && it.visit == queued.visit
                    && it.offer == queued.offer
            });
            if is_current {
                return Some(queued);
            }
            self.lines[queue].visits.pop_front();
        }
        None
    }
}

/// Returns the queues and starts of the visits that wait.
fn open_visits(contacts: &Contacts) -> impl Iterator<Item = (QueueId, i64)> {
    let waiting = contacts.iter().filter(|contact| contact.is_waiting);
    waiting.map(|contact| (contact.queue, contact.entered_ms))
}

/// Returns the time ranges that agents spend in a state now.
fn open_stretches(agents: &[Agent]) -> impl Iterator<Item = Stretch> {
    agents.iter().filter_map(|agent| {
        let (state, reason, from_ms) = agent.reported?;
        Some(Stretch { team: agent.team, state, reason, from_ms, to_ms: i64::MAX })
    })
}

impl Iterator for Simulation {
    type Item = SimulatedEvent;

    fn next(&mut self) -> Option<SimulatedEvent> {
        loop {
            if let Some(event) = self.out.pop_front() {
                return Some(event);
            }
            let (time_ms, step) = self.event_queue.next_before(self.end_ms)?;
            self.now_ms = time_ms;
            self.perform(step);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local_time::DAY_MS;
    use crate::options::DEFAULT_START_MS;

    #[test]
    fn memory_stays_bounded_when_the_simulation_runs_for_weeks() {
        let options =
            Options { duration_ms: Some(21 * DAY_MS), rate_scale: 0.2, ..Options::default() };
        let mut simulation = Simulation::new(Scenario::OrdinaryDay, options);
        let mut peaks = Vec::new();
        let mut peak = 0;
        let mut day = 0;
        while let Some(event) = simulation.next() {
            let event_day = (event.time_ms - DEFAULT_START_MS) / DAY_MS as i64;
            if event_day != day {
                day = event_day;
                peaks.push(std::mem::take(&mut peak));
            }
            peak = peak.max(simulation.event_queue.len() + simulation.contacts.slots());
        }
        let second_week = peaks[7..14].iter().max().expect("days");
        let third_week = peaks[14..].iter().max().expect("days");
        assert!(third_week * 2 < second_week * 3, "{peaks:?}");
    }
}
