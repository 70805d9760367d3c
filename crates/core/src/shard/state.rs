//! The state of a shard, and the changes to it.

use crate::agent::{AgentChange, Agents, BookingContext, QueueList};
use crate::bounded_labels::BoundedLabels;
use crate::contact::{
    CallChange, CallEffect, Contacts, Ending, EventContext, HandleParts, Implied, Lateness, Origin,
};
use crate::dedup::DedupWindow;
use crate::event::{EventPayload, FieldFaults, Reason, SelfServiceOutcome, Text};
use crate::followup::{FollowupContext, Followups};
use crate::ids::{AgentKey, ContactKey, Offset, QueueId, SourceKey};
use crate::measures::{
    ApplyOutcome, FactKind, FurtherIncrements, Observation, RecordTotals, WindowScope,
};
use crate::registry::LabelRegistry;
use crate::settings::Settings;
use crate::shard::arrivals::Arrivals;
use crate::shard::record::RecordOutcome;
use crate::shard::series::{Bounds, Series};
use crate::time::{EventTimes, Millis, TimeRange, Timestamp};
use crate::window::{PaneLayout, WindowCursor};

/// The state of a shard: everything that a checkpoint stores, and its derived values.
pub(crate) struct State {
    /// Offset after the last record.
    pub(crate) next_offset: Offset,
    /// Number of the last checkpoint.
    pub(crate) checkpoint: i64,
    /// Whether the next checkpoint contains everything, because the ledger does not hold this
    /// state.
    pub(crate) nothing_stored: bool,
    /// Stream time; `None` before the first record.
    pub(crate) stream_time: Option<Timestamp>,
    /// Current pane and business day.
    pub(crate) cursor: WindowCursor,
    /// First instant after the current pane.
    pub(crate) pane_end: Timestamp,
    /// Widths of panes, windows and intervals, by the settings.
    pub(crate) layout: PaneLayout,
    /// Age past which a record is late: the longest window and `allowed_lateness`.
    pub(crate) lateness: Millis,
    /// Bounds of the classic buckets, by the settings.
    pub(crate) bounds: Bounds,
    pub(crate) registry: LabelRegistry,
    pub(crate) contacts: Contacts,
    pub(crate) agents: Agents,
    pub(crate) followups: Followups,
    /// Identities of records within the dedup horizon.
    pub(crate) ids: DedupWindow,
    /// By [`crate::ids::SeriesId`].
    pub(crate) series: Vec<Series>,
    /// Rows of the interval history in `series` that no checkpoint contains yet.
    pub(crate) unsaved_intervals: usize,
    /// Increments of the further tables of the interval history that no checkpoint contains yet,
    /// without the time of heads, which `agents` has.
    pub(crate) further: FurtherIncrements,
    /// By [`crate::event::ChannelId`].
    pub(crate) contacts_started: Vec<u64>,
    /// The entry points of starts.
    pub(crate) entry_points: BoundedLabels<()>,
    /// By entry point and [`SelfServiceOutcome::index`].
    pub(crate) self_service: BoundedLabels<[u64; SelfServiceOutcome::ALL.len()]>,
    /// By [`LabelRegistry::label_index`].
    pub(crate) observed: Vec<Option<Observation>>,
    /// Records by result; the contacts count those that are held.
    pub(crate) records: RecordTotals,
    /// Event times too far ahead, negative durations in events, and those of follow-ups. Contacts
    /// have their own count.
    pub(crate) clock_skew: u64,
}

impl State {
    /// Counts a record by its result.
    pub(crate) fn count_record(&mut self, outcome: &RecordOutcome) {
        let records = &mut self.records;
        match outcome {
            RecordOutcome::Applied => records.applied += 1,
            RecordOutcome::Duplicate => records.duplicate += 1,
            RecordOutcome::Late => records.late += 1,
            RecordOutcome::Ignored => records.ignored += 1,
            RecordOutcome::Rejected(rejection) => {
                *records.rejected.entry(rejection.reason).or_default() += 1
            }
            // The contacts count it as held, until a later record or a timeout decides.
            RecordOutcome::Held => {}
        }
    }

    /// Counts an event by its result.
    pub(crate) fn count_event(&mut self, outcome: &RecordOutcome) {
        let events = &mut self.records.events;
        match outcome {
            RecordOutcome::Applied => events.applied += 1,
            RecordOutcome::Duplicate => events.duplicate += 1,
            RecordOutcome::Late => events.late += 1,
            RecordOutcome::Rejected(_) => events.rejected += 1,
            // A tombstone is no event. A held ending counts when it is decided.
            RecordOutcome::Ignored | RecordOutcome::Held => {}
        }
    }

    /// Counts the faults that cost a field and not its record.
    pub(crate) fn count_faults(&mut self, faults: FieldFaults) {
        if faults.is_empty() {
            return;
        }
        self.clock_skew += faults.negative_durations();
        for field in faults.dropped() {
            *self.records.fields_dropped.entry(field).or_default() += 1;
        }
    }

    /// Adds an empty series for each one that only the registry has.
    pub(crate) fn add_missing_series(&mut self) {
        while self.series.len() < self.registry.series_count() {
            self.series.push(Series::new(&self.layout, &self.cursor));
        }
    }

    /// Moves stream time to `event_time`, if that is later, and returns stream time.
    pub(crate) fn move_stream(&mut self, settings: &Settings, event_time: Timestamp) -> Timestamp {
        let stream_time = self.stream_time.map_or(event_time, |known| known.max(event_time));
        if self.stream_time.is_none() || stream_time >= self.pane_end {
            self.cursor.pane = self.layout.pane_of(stream_time);
            self.pane_end = self.layout.pane_start(self.cursor.pane.next());
        }
        if self.stream_time.is_none() || stream_time >= self.cursor.today.end {
            self.cursor.today = settings.windows.business_day.around(stream_time);
        }
        self.stream_time = Some(stream_time);
        stream_time
    }

    /// Returns the business day at stream time.
    pub(crate) fn today(&self) -> TimeRange {
        self.cursor.today
    }

    /// Returns the context of a change without a record, with `stream_time` as its stream time
    /// and event time.
    pub(crate) fn context_of_time(&self, stream_time: Timestamp) -> EventContext {
        EventContext {
            stream_time,
            event_time: stream_time,
            lateness: Lateness::InTime,
            scope: WindowScope::Windows,
            today: self.today(),
            offset: self.next_offset,
            source: SourceKey::default(),
            origin: Origin::Record,
        }
    }

    /// Applies the timeouts that are due at stream time, except those of `own`: the contact of the
    /// record gets its timeouts after the record is applied.
    pub(crate) fn pass_time(&mut self, context: &EventContext, own: Option<ContactKey>) {
        self.contacts.apply_timeouts_of_others(&mut self.registry, context, own);
        self.followups.apply_timeouts(context.stream_time);
        self.apply_effects(context.stream_time);
    }

    /// Returns the follow-ups, and what their events change besides.
    pub(crate) fn followups(&mut self, times: EventTimes) -> (&mut Followups, FollowupContext<'_>) {
        let State { followups, layout, further, clock_skew, .. } = self;
        (followups, FollowupContext { times, layout, further, clock_skew })
    }

    /// Returns the queues of `names`, each once, in the order of `names`.
    pub(crate) fn distinct_queues(&mut self, names: &[Text<'_>]) -> QueueList {
        let mut queues = QueueList::new();
        for name in names {
            let queue = self.registry.queue(name);
            if !queues.contains(&queue) {
                queues.push(queue);
            }
        }
        queues
    }

    /// Applies a change to an agent, and books the agent's time up to the allowed lateness.
    pub(crate) fn change_agent(
        &mut self,
        key: AgentKey,
        times: EventTimes,
        change: AgentChange,
    ) -> ApplyOutcome {
        let booking =
            BookingContext { registry: &self.registry, layout: &self.layout, cursor: &self.cursor };
        self.agents.change(booking, key, times, change);
        ApplyOutcome::Applied
    }

    /// Keeps an observation, unless the known one has a later event time. At equal event times, the
    /// later one in the log counts.
    pub(crate) fn observe(&mut self, queue: QueueId, observation: Observation) {
        let index = self.registry.label_index(queue);
        if self.observed.len() <= index {
            self.observed.resize(index + 1, None);
        }
        if self.observed[index].is_none_or(|known| known.event_time <= observation.event_time) {
            self.observed[index] = Some(observation);
        }
    }

    /// Applies a payload to the contact `key`. `agent` is the one that answers it.
    pub(crate) fn change_contact(
        &mut self,
        body: &EventPayload<'_>,
        context: &EventContext,
        key: ContactKey,
        agent: Option<AgentKey>,
    ) -> ApplyOutcome {
        let State { contacts, registry, contacts_started, .. } = self;
        let mut arrivals = Arrivals {
            layout: &self.layout,
            entry_points: &mut self.entry_points,
            labels: &mut self.self_service,
            further: &mut self.further,
        };
        let queue = body.queue().map(|name| registry.queue(name));
        contacts.change(registry, context, key, |contact| match (body, queue) {
            (EventPayload::ContactStarted { channel, entry_point, .. }, _) => {
                let outcome = contact.started(*channel);
                if let (ApplyOutcome::Applied, Some(count)) =
                    (outcome, contacts_started.get_mut(usize::from(channel.0)))
                {
                    *count += 1;
                    arrivals.started(context.event_time, *channel, entry_point.as_deref());
                }
                outcome
            }
            (EventPayload::SelfService { outcome, entry_point, .. }, _) => {
                let channel = contact.channel();
                arrivals.self_service(
                    context.event_time,
                    channel,
                    entry_point.as_deref(),
                    *outcome,
                );
                match outcome {
                    SelfServiceOutcome::ToQueue => ApplyOutcome::Applied,
                    _ => contact.ended_in_self_service(),
                }
            }
            (EventPayload::Alerted { .. }, _) => ApplyOutcome::Applied,
            (EventPayload::Queued { channel, is_callback, .. }, Some(queue)) => {
                contact.queued(queue, *channel, *is_callback)
            }
            (EventPayload::NotAnswered { .. }, Some(queue)) => contact.not_answered(queue),
            (EventPayload::Answered { channel, wait, .. }, Some(queue)) => {
                contact.ending(queue, *channel, Ending::Answered(agent), *wait)
            }
            (EventPayload::Abandoned { channel, wait, .. }, Some(queue)) => {
                contact.ending(queue, *channel, Ending::Abandoned, *wait)
            }
            (EventPayload::LeftQueue { channel, reason, wait, .. }, Some(queue)) => {
                contact.ending(queue, *channel, Ending::Left(*reason), *wait)
            }
            (EventPayload::Replied { .. }, queue) => contact.replied(queue),
            (EventPayload::Transferred { kind, .. }, queue) => contact.transferred(queue, *kind),
            (EventPayload::Ended { talk, hold, wrap_up, ended_by, implied, .. }, queue) => {
                let (hold, wrap_up) = (hold.unwrap_or_default(), wrap_up.unwrap_or_default());
                let implied = implied.as_ref().map(|implied| Implied {
                    agent,
                    wait: implied.wait,
                    is_negative: implied.is_negative,
                });
                let parts = HandleParts { talk: *talk, hold, wrap_up };
                contact.ended(queue, parts, *ended_by, implied)
            }
            (EventPayload::Resolved { .. }, queue) => contact.resolved(queue),
            (EventPayload::Reopened { channel, .. }, queue) => contact.reopened(queue, *channel),
            (EventPayload::SurveyAnswered { channel, score, .. }, queue) => {
                contact.surveyed(queue, *channel, *score)
            }
            _ => ApplyOutcome::Applied,
        })
    }

    /// Applies what contacts have caused: calls of agents, facts, results of held endings.
    pub(crate) fn apply_effects(&mut self, stream_time: Timestamp) {
        if !self.contacts.effects.calls.is_empty() {
            let mut calls = std::mem::take(&mut self.contacts.effects.calls);
            for CallEffect { agent, event_time, change } in calls.drain(..) {
                let change = match change {
                    CallChange::Begun { id, queue, until } => {
                        AgentChange::CallBegun { id, queue, until }
                    }
                    CallChange::Ended { id } => AgentChange::CallEnded { id },
                };
                self.change_agent(agent, EventTimes { event_time, stream_time }, change);
            }
            self.contacts.effects.calls = calls;
        }
        self.apply_facts();
    }

    /// Adds the facts of contacts to their series, and counts the results of held endings.
    fn apply_facts(&mut self) {
        if !self.contacts.effects.facts.is_empty() {
            self.add_missing_series();
            for fact in self.contacts.effects.facts.drain(..) {
                if let FactKind::Survey { score } = fact.kind
                    && let Some(start) = self.layout.interval_of(fact.event_time)
                {
                    let (queue, channel) = self.registry.labels(fact.series);
                    *self.further.scores.entry((start, queue, channel, score)).or_default() += 1;
                }
                let series = &mut self.series[fact.series.index()];
                if series.add(fact) {
                    let info = self.registry.info(fact.series);
                    self.unsaved_intervals +=
                        series.apply_facts(info, &self.bounds, &self.layout, &self.cursor);
                }
            }
        }
        let held_outcomes = &mut self.contacts.effects.held_outcomes;
        self.records.applied += std::mem::take(&mut held_outcomes.applied);
        self.records.late += std::mem::take(&mut held_outcomes.late);
        self.records.events.add(&std::mem::take(&mut held_outcomes.events));
        let orphans = std::mem::take(&mut held_outcomes.new_orphans);
        if orphans > 0 {
            *self.records.rejected.entry(Reason::Orphan).or_default() += orphans;
        }
    }
}
