//! The fold: a shard applies one record after the other.

use std::sync::Arc;

use crate::agent::{AgentChange, Agents};
use crate::bounded_labels::BoundedLabels;
use crate::contact::{Contacts, EventContext, Lateness};
use crate::decode::{Format, Message, decode};
use crate::dedup::DedupWindow;
use crate::event::{Event, EventPayload, Reason, Rejection};
use crate::followup::Followups;
use crate::ids::{ContactKey, IdHasher, Offset, SourceKey};
use crate::measures::{ApplyOutcome, Observation, RecordTotals, WindowScope};
use crate::registry::LabelRegistry;
use crate::settings::Settings;
use crate::shard::record::{Orphan, RecordMeta, RecordOutcome};
use crate::shard::series::Bounds;
use crate::shard::state::State;
use crate::time::Timestamp;
use crate::window::{PaneLayout, WindowCursor};

/// The most milliseconds that an event time may be ahead of the Kafka timestamp of its record.
const AHEAD_MAX_MS: i64 = 60_000;

/// The state of one partition: a pure fold of its log and of the idle advances of stream time.
pub struct Shard {
    pub(crate) settings: Arc<Settings>,
    hasher: IdHasher,
    pub(crate) state: State,
}

impl Shard {
    /// Returns a shard without records. `hash_key` is the key of the hashes of contact, agent,
    /// follow-up, source and record ids.
    pub fn new(settings: Arc<Settings>, hash_key: [u8; 16]) -> Self {
        let windows = &settings.windows;
        let limits = &settings.limits;
        let layout = PaneLayout {
            pane_ms: windows.pane.get().max(1) as i64,
            panes: windows
                .lengths
                .iter()
                .map(|window| (window.length.get() / windows.pane.get().max(1)) as i64)
                .collect(),
            interval_ms: settings.history_interval.map(|interval| interval.get().max(1) as i64),
        };
        let bounds = Bounds::new(&settings);
        let hasher = IdHasher::new(hash_key);
        let state = State {
            next_position: 0,
            checkpoint: 0,
            nothing_stored: true,
            stream_ms: None,
            position: WindowCursor { pane: 0, today_start_ms: 0, today_end_ms: 0 },
            pane_end_ms: i64::MIN,
            layout,
            lateness_ms: settings.longest_window().get() + windows.allowed_lateness.get(),
            registry: LabelRegistry::new(settings.clone(), hasher.clone()),
            contacts: Contacts::new(windows, limits.open_contacts),
            agents: Agents::new(windows.allowed_lateness, limits.open_contacts),
            followups: Followups::new(
                bounds.response_ms.clone(),
                windows.dedup_horizon,
                limits.open_contacts,
                limits.series,
            ),
            bounds,
            ids: DedupWindow::new(windows.dedup_horizon, limits.remembered_ids),
            series: Vec::new(),
            unsaved_intervals: 0,
            contacts_started: vec![0; settings.channels.len()],
            self_service: BoundedLabels::new(limits.series),
            observed: Vec::new(),
            records: RecordTotals::default(),
            clock_skew: 0,
        };
        Shard { settings, hasher, state }
    }

    /// Returns the number of record identities in memory.
    pub fn remembered_ids(&self) -> usize {
        self.state.ids.len()
    }

    /// Returns stream time in milliseconds since the Unix epoch; `None` before the first record.
    pub fn stream_time_ms(&self) -> Option<i64> {
        self.state.stream_ms
    }

    /// Decodes and folds one record. The next checkpoint contains it, whatever its result.
    pub fn fold(
        &mut self,
        format: Format,
        message: &Message<'_>,
        meta: RecordMeta,
    ) -> RecordOutcome {
        self.state.next_position = meta.position.saturating_add(1);
        let decoded =
            decode(format, message, &self.settings.channels, self.settings.limits.record_bytes);
        let outcome = match decoded {
            Ok(record) => self.fold_record(&record, meta),
            Err(rejection) => RecordOutcome::Rejected(rejection),
        };
        let records = &mut self.state.records;
        match &outcome {
            RecordOutcome::Applied => records.applied += 1,
            RecordOutcome::Duplicate => records.duplicate += 1,
            RecordOutcome::Late => records.late += 1,
            RecordOutcome::Rejected(rejection) => {
                *records.rejected.entry(rejection.reason).or_default() += 1
            }
            // The contacts count it as held, until a later record or a timeout decides.
            RecordOutcome::Held => {}
        }
        outcome
    }

    /// Folds a decoded record: moves stream time, drops a duplicate, applies the timeouts of other
    /// contacts, and then the record.
    fn fold_record(&mut self, record: &Event<'_>, meta: RecordMeta) -> RecordOutcome {
        let Some(mut at_ms) = record.time.map(Timestamp::get).or(meta.timestamp_ms) else {
            let detail = "neither the event nor the record has a time";
            return RecordOutcome::Rejected(Rejection::new(Reason::MissingTime, detail));
        };
        let latest_ms = meta
            .timestamp_ms
            .map_or(i64::MAX, |timestamp_ms| timestamp_ms.saturating_add(AHEAD_MAX_MS));
        let is_ahead = at_ms > latest_ms;
        if let (true, Some(timestamp_ms)) = (is_ahead, meta.timestamp_ms) {
            at_ms = timestamp_ms;
        }

        let stream_ms = self.state.move_stream(&self.settings, at_ms);
        let mut context = EventContext {
            stream_time: Timestamp(stream_ms),
            event_time: Timestamp(at_ms),
            lateness: match at_ms < stream_ms.saturating_sub_unsigned(self.state.lateness_ms) {
                true => Lateness::Late,
                false => Lateness::InTime,
            },
            scope: WindowScope::Windows,
            today: self.state.today(),
            offset: Offset(meta.position),
            source: SourceKey::default(),
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
        self.state.clock_skew += u64::from(is_ahead);
        if matches!(record.payload, EventPayload::Queued { .. } | EventPayload::SourceRestarted) {
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
        self.state.apply_facts();
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
            EventPayload::SelfService { outcome, entry_point, .. } => {
                state.self_service.entry(entry_point.as_deref()).1[outcome.index()] += 1;
            }
            EventPayload::AgentStateChanged { agent, state: agent_state, queues } => {
                let queues = queues.as_ref().map(|names| state.distinct_queues(names));
                let change = AgentChange::State { state: *agent_state, queues };
                return state.change_agent(self.hasher.agent(agent), context, change);
            }
            EventPayload::AgentQueueState { agent, queue, state: agent_state } => {
                let change = AgentChange::InQueue {
                    queue: state.registry.queue(queue),
                    state: *agent_state,
                };
                return state.change_agent(self.hasher.agent(agent), context, change);
            }
            EventPayload::AgentCallStarted { agent, queue } => {
                let change = AgentChange::CallStarted { queue: state.registry.queue(queue) };
                return state.change_agent(self.hasher.agent(agent), context, change);
            }
            EventPayload::AgentCallEnded { agent } => {
                return state.change_agent(
                    self.hasher.agent(agent),
                    context,
                    AgentChange::CallEnded,
                );
            }
            EventPayload::FollowupOpened { followup, unit, due } => {
                let (key, times) = (self.hasher.followup(followup), context.times());
                return state.followups.opened(
                    key,
                    unit.as_deref(),
                    times,
                    *due,
                    &mut state.clock_skew,
                );
            }
            EventPayload::FollowupInformed { followup, unit } => {
                let (key, times) = (self.hasher.followup(followup), context.times());
                return state.followups.informed(
                    key,
                    unit.as_deref(),
                    times,
                    &mut state.clock_skew,
                );
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
            Some(key) => state.change_contact(payload, context, key),
            None => ApplyOutcome::Applied,
        }
    }

    /// Advances stream time without a record and applies the timeouts. `to_ms` is in milliseconds
    /// since the Unix epoch; an instant that is not after stream time has no effect.
    pub fn advance(&mut self, to_ms: i64) {
        if self.state.stream_ms.is_some_and(|stream_ms| to_ms <= stream_ms) {
            return;
        }
        let stream_ms = self.state.move_stream(&self.settings, to_ms);
        let context = self.state.context_of_time(stream_ms);
        self.state.pass_time(&context, None);
    }

    /// Rejects all held endings. A replay calls this at its end, when no start can follow.
    pub fn reject_held(&mut self) {
        let context = self.state.context_of_time(self.state.stream_ms.unwrap_or(0));
        self.state.contacts.reject_held(&mut self.state.registry, &context);
        self.state.apply_facts();
    }

    /// Removes and returns the endings that became orphans since the last call, for the dead-letter
    /// topic.
    pub fn take_orphans(&mut self) -> Vec<Orphan> {
        let positions = std::mem::take(&mut self.state.contacts.effects.held_outcomes.orphans);
        positions.into_iter().map(|offset| Orphan { position: offset.0 }).collect()
    }
}
