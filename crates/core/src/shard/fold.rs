//! The fold: a shard applies one record after the other.

use std::sync::Arc;

use crate::agent::{AgentChange, Agents};
use crate::bounded_labels::BoundedLabels;
use crate::contact::{Contacts, EventContext, Lateness, Origin};
use crate::decode::{Format, Message, decode};
use crate::dedup::DedupWindow;
use crate::event::{Event, EventPayload, Rejection};
use crate::followup::Followups;
use crate::ids::{ContactKey, IdHasher, Offset, SourceKey};
use crate::measures::{ApplyOutcome, FurtherIncrements, Observation, RecordTotals, WindowScope};
use crate::registry::LabelRegistry;
use crate::settings::Settings;
use crate::shard::arrivals::ENTRY_POINTS_MAX;
use crate::shard::event_time::{Ceiling, JudgedTime, Standing, judge};
use crate::shard::record::{FoldResult, Orphan, RecordMeta, RecordOutcome, Witness};
use crate::shard::series::Bounds;
use crate::shard::state::State;
use crate::time::{Millis, TimeRange, Timestamp};
use crate::window::{PaneIndex, PaneLayout, WindowCursor};

/// Whether the calls of contacts are calls of the agents in the same partition.
///
/// Where agents have a partition of their own, a call would make an agent known here whose states
/// are known there, and the agent would count twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    /// A call makes its agent busy.
    DriveAgents,
    /// Only events about agents change agents.
    Apart,
}

/// Returns whether the effects of an event depend on its source: it can begin a visit or a
/// conversation, or end those of its source.
fn needs_source(payload: &EventPayload<'_>) -> bool {
    matches!(
        payload,
        EventPayload::Queued { .. }
            | EventPayload::Answered { .. }
            | EventPayload::Ended { implied: Some(_), .. }
            | EventPayload::SourceRestarted
    )
}

/// The state of one partition: a pure fold of its log and of the idle advances of stream time.
pub struct Shard {
    pub(crate) settings: Arc<Settings>,
    hasher: IdHasher,
    calls: Calls,
    pub(crate) state: State,
}

impl Shard {
    /// Returns a shard without records. `hash_key` is the key of the hashes of contact, agent,
    /// follow-up, source and record ids.
    pub fn new(settings: Arc<Settings>, hash_key: [u8; 16]) -> Self {
        let windows = &settings.windows;
        let limits = &settings.limits;
        let pane_width = windows.pane.max(Millis(1));
        let layout = PaneLayout {
            pane_width,
            panes: windows
                .lengths
                .iter()
                .map(|window| (window.length.get() / pane_width.get()) as i64)
                .collect(),
            interval: settings.history_interval.map(|interval| interval.max(Millis(1))),
        };
        let bounds = Bounds::new(&settings);
        let hasher = IdHasher::new(hash_key);
        let state = State {
            next_offset: Offset(0),
            checkpoint: 0,
            nothing_stored: true,
            stream_time: None,
            cursor: WindowCursor {
                pane: PaneIndex(0),
                today: TimeRange { start: Timestamp(0), end: Timestamp(0) },
            },
            pane_end: Timestamp::MIN,
            layout,
            lateness: settings.longest_window().saturating_add(windows.allowed_lateness),
            registry: LabelRegistry::new(settings.clone(), hasher.clone()),
            contacts: Contacts::new(windows, limits.open_contacts),
            agents: Agents::new(windows.allowed_lateness, limits.open_contacts),
            followups: Followups::new(
                bounds.response.clone(),
                windows.dedup_horizon,
                limits.open_contacts,
                limits.series,
            ),
            bounds,
            ids: DedupWindow::new(windows.dedup_horizon, limits.remembered_ids),
            series: Vec::new(),
            unsaved_intervals: 0,
            further: FurtherIncrements::default(),
            contacts_started: vec![0; settings.channels.len()],
            entry_points: BoundedLabels::new(ENTRY_POINTS_MAX),
            self_service: BoundedLabels::new(limits.series),
            observed: Vec::new(),
            records: RecordTotals::default(),
            clock_skew: 0,
        };
        Shard { settings, hasher, calls: Calls::DriveAgents, state }
    }

    /// Sets whether calls drive agents from now on. A new or restored shard has
    /// [`Calls::DriveAgents`].
    pub fn set_calls(&mut self, calls: Calls) {
        self.calls = calls;
    }

    /// Returns the largest size of a record that is read, in bytes.
    pub fn record_bytes_max(&self) -> usize {
        self.settings.limits.record_bytes
    }

    /// Returns the number of record identities in memory.
    pub fn remembered_ids(&self) -> usize {
        self.state.ids.len()
    }

    /// Returns stream time; `None` before the first record.
    pub fn stream_time(&self) -> Option<Timestamp> {
        self.state.stream_time
    }

    /// Decodes and folds one record. The next checkpoint contains it, whatever its result.
    pub fn fold(
        &mut self,
        format: Format,
        message: &Message<'_>,
        meta: RecordMeta,
    ) -> RecordOutcome {
        self.fold_by_clock(format, message, meta, None).outcome
    }

    /// Does the same as [`Self::fold`], and judges the time of the record by a clock. Where
    /// [`Standing::Ahead`] is returned, a second reading with another clock can have another
    /// effect: do not show this one before it is stored with an offset past the record.
    pub fn fold_by_clock<'m>(
        &mut self,
        format: Format,
        message: &Message<'m>,
        meta: RecordMeta,
        ceiling: Option<Ceiling>,
    ) -> FoldResult<'m> {
        self.state.next_offset = meta.offset.next();
        let (outcome, witness) = self.fold_message(format, message, meta, ceiling, Origin::Record);
        self.state.count_record(&outcome);
        FoldResult { outcome, witness }
    }

    /// Folds the messages that a mapping made of one record, in their order. Each stands alone; the
    /// record is rejected if one of them is, and says something new if one of them does. Without
    /// messages the record is ignored.
    ///
    /// The messages are those of this record whatever the state, so that the state stays a fold.
    pub fn fold_mapped<'m>(
        &mut self,
        messages: &[(Format, Message<'m>)],
        meta: RecordMeta,
        ceiling: Option<Ceiling>,
    ) -> FoldResult<'m> {
        self.state.next_offset = meta.offset.next();
        let mut result = FoldResult { outcome: RecordOutcome::Ignored, witness: None };
        for (index, (format, message)) in messages.iter().enumerate() {
            // The record counts as held where nothing but held endings came of it: the last one
            // then stands for the record.
            let is_last = index + 1 == messages.len();
            let origin = match &result.outcome {
                RecordOutcome::Ignored | RecordOutcome::Held if is_last => Origin::Record,
                _ => Origin::Part,
            };
            let (outcome, witness) = self.fold_message(*format, message, meta, ceiling, origin);
            let outcome = match outcome {
                RecordOutcome::Rejected(rejection) => {
                    RecordOutcome::Rejected(rejection.of_output(index))
                }
                other => other,
            };
            result.outcome = result.outcome.with_part(outcome);
            result.witness = FoldResult::first_ahead(result.witness, witness);
        }
        self.state.count_record(&result.outcome);
        result
    }

    /// Counts a record that is rejected before it can be decoded, because its mapping failed.
    pub fn reject(&mut self, rejection: Rejection, meta: RecordMeta) -> RecordOutcome {
        self.state.next_offset = meta.offset.next();
        let outcome = RecordOutcome::Rejected(rejection);
        self.state.count_record(&outcome);
        outcome
    }

    /// Decodes, folds and counts one message of a record.
    fn fold_message<'m>(
        &mut self,
        format: Format,
        message: &Message<'m>,
        meta: RecordMeta,
        ceiling: Option<Ceiling>,
        origin: Origin,
    ) -> (RecordOutcome, Option<Witness<'m>>) {
        let decoded =
            decode(format, message, &self.settings.channels, self.settings.limits.record_bytes);
        let (outcome, witness) = match decoded {
            Ok(Some(record)) => {
                let (outcome, standing) = self.judge_and_fold(&record, meta, ceiling, origin);
                (outcome, Some(Witness { source: record.source, standing }))
            }
            Ok(None) => (RecordOutcome::Ignored, None),
            Err(rejection) => (RecordOutcome::Rejected(rejection), None),
        };
        self.state.count_event(&outcome);
        (outcome, witness)
    }

    /// Judges the time of a decoded event, and folds it at that time.
    fn judge_and_fold(
        &mut self,
        record: &Event<'_>,
        meta: RecordMeta,
        ceiling: Option<Ceiling>,
        origin: Origin,
    ) -> (RecordOutcome, Standing) {
        match judge(record.time, meta.event_time(), ceiling, self.settings.windows.max_ahead) {
            Ok(judged) => (self.fold_record(record, meta, judged, origin), judged.standing),
            Err((rejection, standing)) => (RecordOutcome::Rejected(rejection), standing),
        }
    }

    /// Folds a decoded record: moves stream time, drops a duplicate, applies the timeouts of other
    /// contacts, and then the record.
    fn fold_record(
        &mut self,
        record: &Event<'_>,
        meta: RecordMeta,
        time: JudgedTime,
        origin: Origin,
    ) -> RecordOutcome {
        let event_time = time.event_time;
        let stream_time = self.state.move_stream(&self.settings, event_time);
        let mut context = EventContext {
            stream_time,
            event_time,
            lateness: match event_time < stream_time.saturating_sub(self.state.lateness) {
                true => Lateness::Late,
                false => Lateness::InTime,
            },
            scope: WindowScope::Windows,
            today: self.state.today(),
            offset: meta.offset,
            source: SourceKey::default(),
            origin,
        };
        context.scope = context.scope_of(context.event_time, context.lateness);

        if !self
            .state
            .ids
            .insert(self.hasher.record(&record.source, &record.id), context.stream_time)
        {
            self.state.pass_time(&context, None);
            return RecordOutcome::Duplicate;
        }
        self.state.clock_skew += u64::from(time.is_skewed);
        self.state.count_faults(record.faults);
        if needs_source(&record.payload) {
            context.source = self.hasher.source(&record.source);
        }
        let own = record.payload.contact().map(|contact| self.hasher.contact(contact));
        self.state.pass_time(&context, own);
        let outcome = self.apply(&record.payload, &context, own);
        if outcome != ApplyOutcome::Duplicate {
            for payload in &record.extra_payloads {
                self.apply(payload, &context, own);
            }
        }
        if let Some(own) = own {
            self.state.contacts.apply_timeouts_of(&mut self.state.registry, &context, own);
        }
        self.state.apply_effects(context.stream_time);
        match outcome {
            ApplyOutcome::Duplicate => RecordOutcome::Duplicate,
            ApplyOutcome::Held => RecordOutcome::Held,
            ApplyOutcome::Applied if context.lateness == Lateness::Late => RecordOutcome::Late,
            ApplyOutcome::Applied => RecordOutcome::Applied,
        }
    }

    /// Applies one payload of a record to the part of the state that it changes. `own` is the
    /// contact of the record.
    fn apply(
        &mut self,
        payload: &EventPayload<'_>,
        context: &EventContext,
        own: Option<ContactKey>,
    ) -> ApplyOutcome {
        let state = &mut self.state;
        match payload {
            EventPayload::AgentStateChanged { agent, state: agent_state, reason, queues } => {
                let queues = queues.as_ref().map(|names| state.distinct_queues(names));
                let reasoned = state.agents.reasoned(*agent_state, reason.as_deref());
                let change = AgentChange::State { state: reasoned, queues };
                return state.change_agent(self.hasher.agent(agent), context.times(), change);
            }
            EventPayload::AgentQueueState { agent, queue, state: agent_state, reason } => {
                let change = AgentChange::InQueue {
                    queue: state.registry.queue(queue),
                    state: state.agents.reasoned(*agent_state, reason.as_deref()),
                };
                return state.change_agent(self.hasher.agent(agent), context.times(), change);
            }
            EventPayload::AgentUnpaused { agent, queue } => {
                let queue = queue.as_ref().map(|queue| state.registry.queue(queue));
                let change = AgentChange::Unpaused { queue };
                return state.change_agent(self.hasher.agent(agent), context.times(), change);
            }
            EventPayload::AgentWrapUp { agent, duration } => {
                let until = context.event_time.saturating_add(*duration);
                let change = AgentChange::WrapUp { until };
                return state.change_agent(self.hasher.agent(agent), context.times(), change);
            }
            EventPayload::FollowupOpened { followup, unit, due } => {
                let key = self.hasher.followup(followup);
                let (followups, context) = state.followups(context.times());
                return followups.opened(key, unit.as_deref(), *due, context);
            }
            EventPayload::FollowupInformed { followup, unit } => {
                let key = self.hasher.followup(followup);
                let (followups, context) = state.followups(context.times());
                return followups.informed(key, unit.as_deref(), context);
            }
            EventPayload::QueueObserved { queue, waiting, oldest_wait } => {
                let queue = state.registry.queue(queue);
                let (event_time, waiting, oldest_wait) =
                    (context.event_time, *waiting, *oldest_wait);
                state.observe(queue, Observation { event_time, waiting, oldest_wait });
            }
            EventPayload::SourceRestarted => {
                state.contacts.end_visits_of_source(&mut state.registry, context)
            }
            _ => {}
        }
        match own {
            Some(key) => {
                let agent = payload.answering_agent().filter(|_| self.calls == Calls::DriveAgents);
                let agent = agent.map(|agent| self.hasher.agent(agent));
                state.change_contact(payload, context, key, agent)
            }
            None => ApplyOutcome::Applied,
        }
    }

    /// Advances stream time without a record and applies the timeouts. An instant `to` that is not
    /// after stream time has no effect.
    pub fn advance(&mut self, to: Timestamp) {
        if self.state.stream_time.is_some_and(|stream_time| to <= stream_time) {
            return;
        }
        let stream_time = self.state.move_stream(&self.settings, to);
        let context = self.state.context_of_time(stream_time);
        self.state.pass_time(&context, None);
    }

    /// Rejects all held endings, and counts ends whose answers did not come. A replay calls this at
    /// its end, when no start and no answer can follow.
    pub fn reject_held(&mut self) {
        let context = self.state.context_of_time(self.state.stream_time.unwrap_or_default());
        self.state.contacts.reject_held(&mut self.state.registry, &context);
        self.state.apply_effects(context.stream_time);
    }

    /// Removes and returns the endings that became orphans since the last call, for the dead-letter
    /// topic.
    pub fn take_orphans(&mut self) -> Vec<Orphan> {
        let offsets = std::mem::take(&mut self.state.contacts.effects.held_outcomes.orphans);
        offsets.into_iter().map(|offset| Orphan { offset }).collect()
    }
}
