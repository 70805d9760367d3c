//! A second, naive reading of docs/spec/events.md and measures.md: everything is kept in plain
//! lists and counted again for each snapshot. It shares no code with the core but the types, so
//! that where both agree, both are likely right.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use agents::Agents;
use contact::{Books, Contact, Context, Outcome};
use facts::{Cause, Interval, IntervalKey, What};
use followups::Followups;
use nabiz_core::event::{
    ChannelId, Event, EventPayload, OptionalField, Reason, SelfServiceOutcome,
};
use nabiz_core::measures::{
    AgentWindow, EventTotals, FurtherIncrements, Live, Observation, RecordTotals, WindowSnapshot,
};
use nabiz_core::settings::Settings;
use nabiz_core::shard::{AheadRule, Ceiling, RecordOutcome};
use nabiz_core::snapshot::{QueueSnapshot, SeriesSnapshot, Snapshot};
use nabiz_core::time::{Millis, Timestamp};

mod agents;
pub mod compare;
mod contact;
pub mod crash;
pub mod facts;
pub mod flaws;
mod followups;
pub mod late;
pub mod log;
pub mod run;
pub mod store;
pub mod world;

/// 2000-01-01 and the first instant of the year 10000: a timestamp outside is not plausible.
const STAMPS_MS: std::ops::Range<i64> = 946_684_800_000..253_402_300_800_000;

/// The outcome of a record, without the text of a rejection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Applied,
    Duplicate,
    Late,
    Held,
    Ignored,
    Rejected(Reason),
}

impl From<&RecordOutcome> for Verdict {
    fn from(outcome: &RecordOutcome) -> Self {
        match outcome {
            RecordOutcome::Applied => Verdict::Applied,
            RecordOutcome::Duplicate => Verdict::Duplicate,
            RecordOutcome::Late => Verdict::Late,
            RecordOutcome::Held => Verdict::Held,
            RecordOutcome::Ignored => Verdict::Ignored,
            RecordOutcome::Rejected(rejection) => Verdict::Rejected(rejection.reason),
        }
    }
}

/// A snapshot whose wait distributions are the plain sorted waits, by series and window.
pub struct Exact {
    pub snapshot: Snapshot,
    pub waits: BTreeMap<(String, ChannelId), Vec<Vec<u64>>>,
}

struct Seen {
    source: String,
    id: String,
    stream_ms: i64,
}

pub struct Oracle {
    settings: Arc<Settings>,
    now: Option<i64>,
    seen: Vec<Seen>,
    contacts: BTreeMap<String, Contact>,
    books: Books,
    followups: Followups,
    agents: Agents,
    observed: BTreeMap<String, Observation>,
    applied: u64,
    duplicate: u64,
    late: u64,
    ignored: u64,
    rejected: BTreeMap<Reason, u64>,
    fields_dropped: BTreeMap<OptionalField, u64>,
    clock_skew: u64,
}

/// Returns the contact of an event.
pub fn contact_of<'a>(body: &'a EventPayload<'_>) -> Option<&'a str> {
    match body {
        EventPayload::ContactStarted { contact, .. }
        | EventPayload::SelfService { contact, .. }
        | EventPayload::Queued { contact, .. }
        | EventPayload::Alerted { contact, .. }
        | EventPayload::NotAnswered { contact, .. }
        | EventPayload::Answered { contact, .. }
        | EventPayload::Abandoned { contact, .. }
        | EventPayload::LeftQueue { contact, .. }
        | EventPayload::Replied { contact, .. }
        | EventPayload::Transferred { contact, .. }
        | EventPayload::Ended { contact, .. }
        | EventPayload::Resolved { contact, .. }
        | EventPayload::Reopened { contact, .. }
        | EventPayload::SurveyAnswered { contact, .. } => Some(contact),
        _ => None,
    }
}

impl Oracle {
    pub fn new(settings: Arc<Settings>) -> Self {
        Oracle {
            settings,
            now: None,
            seen: Vec::new(),
            contacts: BTreeMap::new(),
            books: Books::default(),
            followups: Followups::default(),
            agents: Agents::default(),
            observed: BTreeMap::new(),
            applied: 0,
            duplicate: 0,
            late: 0,
            ignored: 0,
            rejected: BTreeMap::new(),
            fields_dropped: BTreeMap::new(),
            clock_skew: 0,
        }
    }

    /// Reads a record, or the reason of its rejection.
    pub fn read(
        &mut self,
        record: Result<&Event<'_>, Reason>,
        position: i64,
        timestamp_ms: Option<i64>,
        ceiling: Option<Ceiling>,
    ) -> Verdict {
        let checked = record.and_then(|record| {
            let time = record.time.map(Timestamp::get);
            let (time, skewed) = self.time_of(time, timestamp_ms, ceiling)?;
            Ok((record, time, skewed))
        });
        let (record, time, skewed) = match checked {
            Ok(checked) => checked,
            Err(reason) => {
                *self.rejected.entry(reason).or_default() += 1;
                return Verdict::Rejected(reason);
            }
        };
        let now = self.now.map_or(time, |now| now.max(time));
        self.now = Some(now);
        let contact = contact_of(&record.payload).map(str::to_string);
        self.apply_timeouts(now, contact.as_deref());
        let verdict = if self.is_repeated(record, now) {
            Verdict::Duplicate
        } else {
            self.clock_skew += u64::from(skewed) + record.faults.negative_durations();
            for field in record.faults.dropped() {
                *self.fields_dropped.entry(field).or_default() += 1;
            }
            self.seen.push(Seen {
                source: record.source.to_string(),
                id: record.id.to_string(),
                stream_ms: now,
            });
            let windows = &self.settings.windows;
            let oldest = now
                - self.settings.longest_window().get() as i64
                - windows.allowed_lateness.get() as i64;
            let cause = if time < oldest { Cause::Late(time) } else { Cause::InTime };
            match (self.apply_all(record, position, time, now, cause), cause) {
                (Outcome::Duplicate, _) => Verdict::Duplicate,
                (Outcome::Held, _) => Verdict::Held,
                (Outcome::Applied, Cause::Late(_)) => Verdict::Late,
                (Outcome::Applied, Cause::InTime) => Verdict::Applied,
            }
        };
        self.apply_timeouts(now, None);
        match verdict {
            Verdict::Applied => self.applied += 1,
            Verdict::Duplicate => self.duplicate += 1,
            Verdict::Late => self.late += 1,
            Verdict::Held | Verdict::Ignored | Verdict::Rejected(_) => {}
        }
        verdict
    }

    /// Reads a tombstone: it is counted, and nothing else.
    pub fn ignore(&mut self) -> Verdict {
        self.ignored += 1;
        Verdict::Ignored
    }

    /// Returns the event time, and whether it counts as clock skew.
    fn time_of(
        &self,
        time: Option<i64>,
        timestamp: Option<i64>,
        ceiling: Option<Ceiling>,
    ) -> Result<(i64, bool), Reason> {
        let ahead = self.settings.windows.max_ahead.get() as i64;
        let limit = |rule: AheadRule| {
            let ceiling = ceiling.filter(|ceiling| ceiling.rule == rule);
            ceiling.map_or(i64::MAX, |ceiling| ceiling.clock.get() + ahead)
        };
        let (clamp_above, reject_above) = (limit(AheadRule::Clamp), limit(AheadRule::Reject));
        let possible = timestamp.filter(|timestamp| STAMPS_MS.contains(timestamp));
        let plausible =
            possible.filter(|timestamp| *timestamp <= clamp_above && *timestamp <= reject_above);
        let mut skewed = possible != timestamp;
        let mut event_time = time.or(plausible).ok_or(Reason::MissingTime)?;
        if let Some(timestamp) = plausible
            && event_time > timestamp + ahead
        {
            event_time = timestamp;
            skewed = true;
        }
        if event_time > reject_above {
            return Err(Reason::FutureTime);
        }
        if event_time > clamp_above {
            let clock = clamp_above - ahead;
            event_time = plausible.map_or(clock, |timestamp| timestamp.min(clock));
            skewed = true;
        }
        Ok((event_time, skewed))
    }

    fn is_repeated(&self, record: &Event<'_>, now: i64) -> bool {
        let horizon = self.settings.windows.dedup_horizon.get() as i64;
        let newest = self.seen.iter().rev().take(self.settings.limits.remembered_ids);
        let mut same = newest.filter(|seen| seen.source == record.source && seen.id == record.id);
        same.any(|seen| now - seen.stream_ms <= horizon)
    }

    /// Applies the timeouts that are due, except those of the record's own contact.
    fn apply_timeouts(&mut self, now: i64, own_contact: Option<&str>) {
        self.agents.book(&self.settings, now);
        let (settings, books) = (&self.settings, &mut self.books);
        self.contacts.retain(|id, contact| {
            own_contact == Some(id.as_str()) || {
                let forgotten = contact.apply_timeouts(settings, books, now);
                !forgotten
            }
        });
        self.followups.apply_timeouts(&self.settings, now);
        self.apply_calls();
    }

    /// Hands calls that began or ended over to the agents.
    fn apply_calls(&mut self) {
        for (agent, time, change) in std::mem::take(&mut self.books.calls) {
            self.agents.apply_call(&agent, time, change);
        }
    }

    /// Applies all payloads of a record. The first decides the outcome.
    fn apply_all(
        &mut self,
        record: &Event<'_>,
        position: i64,
        time: i64,
        now: i64,
        cause: Cause,
    ) -> Outcome {
        let first = self.apply(&record.source, &record.payload, position, time, now, cause);
        // A duplicate has no other effect.
        for body in record.extra_payloads.iter().filter(|_| first != Outcome::Duplicate) {
            self.apply(&record.source, body, position, time, now, cause);
        }
        first
    }

    fn apply(
        &mut self,
        source: &str,
        body: &EventPayload<'_>,
        position: i64,
        time: i64,
        now: i64,
        cause: Cause,
    ) -> Outcome {
        let settings = Arc::clone(&self.settings);
        let context = Context { settings: &settings, source, position, time, now, cause };
        if let Some(id) = contact_of(body) {
            if let Some(contact) = self.contacts.get_mut(id) {
                contact.settle_end_before_record(&context, &mut self.books);
            }
            let mut contact = self.contacts.get(id).cloned().unwrap_or_default();
            let facts_before = self.books.facts.len();
            let outcome = contact.apply(&context, &mut self.books, body);
            if outcome == Outcome::Duplicate {
                assert_eq!(self.books.facts.len(), facts_before, "a duplicate has no effect");
            } else {
                self.contacts.insert(id.to_string(), contact);
            }
            self.apply_calls();
            return outcome;
        }
        if let Some(outcome) = self.followups.apply(time, now, body) {
            return outcome;
        }
        if self.agents.apply(&settings, time, body) {
            return Outcome::Applied;
        }
        match body {
            EventPayload::QueueObserved { queue, waiting, oldest_wait } => {
                let observation = Observation {
                    event_time: Timestamp(time),
                    waiting: *waiting,
                    oldest_wait: *oldest_wait,
                };
                let known =
                    self.observed.entry(settings.resolve(queue).to_string()).or_insert(observation);
                if time >= known.event_time.get() {
                    *known = observation;
                }
            }
            EventPayload::SourceRestarted => {
                for contact in self.contacts.values_mut() {
                    contact.source_restarted(&context, &mut self.books);
                }
                self.apply_calls();
            }
            EventPayload::Nothing => {}
            other => panic!("no rule for {other:?}"),
        }
        Outcome::Applied
    }

    /// Advances stream time without a record, also before the first one.
    pub fn advance(&mut self, to_ms: i64) {
        let now = self.now.map_or(to_ms, |now| now.max(to_ms));
        self.now = Some(now);
        self.apply_timeouts(now, None);
    }

    /// Rejects all held endings, as the end of a replay does.
    pub fn reject_held(&mut self) {
        for contact in self.contacts.values_mut() {
            contact.reject_held(&self.settings, &mut self.books);
        }
        if let Some(now) = self.now {
            self.apply_timeouts(now, None);
        }
    }

    /// Returns the interval history so far.
    pub fn history(&self, interval_ms: i64) -> BTreeMap<IntervalKey, Interval> {
        facts::intervals(interval_ms, &self.books.facts)
    }

    /// Returns the visits without an ending by the interval in which they entered.
    pub fn still_waiting(&self, interval_ms: i64) -> BTreeMap<IntervalKey, u64> {
        let mut still_waiting = BTreeMap::new();
        for (queue, channel, start) in self.contacts.values().filter_map(Contact::open_visit) {
            let start_ms = start - start.rem_euclid(interval_ms);
            *still_waiting.entry((start_ms, queue, channel)).or_default() += 1;
        }
        still_waiting
    }

    /// Returns the booked agent time by interval and queue.
    pub fn agent_history(&self, interval_ms: i64) -> BTreeMap<(i64, String), [u64; 5]> {
        self.agents.intervals(interval_ms)
    }

    /// Returns the further tables of the interval history so far.
    pub fn further_history(&self, interval_ms: i64) -> FurtherIncrements {
        let start = |time: i64| Timestamp(time - time.rem_euclid(interval_ms));
        let mut further = FurtherIncrements {
            units: self.followups.intervals(interval_ms),
            heads: self.agents.head_intervals(interval_ms),
            pauses: self.agents.pause_intervals(interval_ms),
            ..FurtherIncrements::default()
        };
        for arrival in &self.books.arrivals {
            let entry_point = arrival.entry_point.as_str().into();
            let key = (start(arrival.time), arrival.channel, entry_point);
            let counts = further.arrivals.entry(key).or_default();
            *match arrival.outcome {
                None => &mut counts.contacts,
                Some(SelfServiceOutcome::Contained) => &mut counts.self_service_contained,
                Some(SelfServiceOutcome::ToQueue) => &mut counts.self_service_to_queue,
                Some(SelfServiceOutcome::Abandoned) => &mut counts.self_service_abandoned,
                Some(SelfServiceOutcome::Failed) => &mut counts.self_service_failed,
            } += 1;
        }
        for fact in &self.books.facts {
            if let What::Survey { score } = fact.what {
                let key = (start(fact.time), fact.queue.as_str().into(), fact.channel, score);
                *further.scores.entry(key).or_default() += 1;
            }
        }
        further
    }

    /// Returns the positions of all orphans so far, in no order.
    pub fn orphans(&self) -> &[i64] {
        &self.books.orphans
    }

    fn records(&self) -> RecordTotals {
        let mut rejected = self.rejected.clone();
        if !self.books.orphans.is_empty() {
            rejected.insert(Reason::Orphan, self.books.orphans.len() as u64);
        }
        let (applied, late) =
            (self.applied + self.books.completed, self.late + self.books.completed_late);
        RecordTotals {
            applied,
            duplicate: self.duplicate,
            late,
            // Each record of the log is one event.
            events: EventTotals {
                applied,
                duplicate: self.duplicate,
                late,
                rejected: rejected.values().sum(),
            },
            rejected,
            held: self.contacts.values().filter(|contact| contact.holds()).count() as u64,
            ignored: self.ignored,
            fields_dropped: self.fields_dropped.clone(),
        }
    }

    fn live(&self, now: i64) -> BTreeMap<(String, ChannelId), Live> {
        let mut series: BTreeMap<(String, ChannelId), Live> = BTreeMap::new();
        for contact in self.contacts.values() {
            let contact = contact.live(&self.settings);
            if let Some((queue, channel, start)) = contact.waiting {
                let settings = self.settings.queue(&queue);
                let target = settings.target_wait;
                let waited = Millis((now - start) as u64);
                let age = settings.clock_between(Timestamp(start), Timestamp(now));
                let live = series.entry((queue, channel)).or_default();
                live.waiting += 1;
                live.waiting_over_target += u64::from(waited > target);
                live.longest_wait = live.longest_wait.max(waited);
                live.oldest_waiting = live.oldest_waiting.max(age);
            }
            for key in contact.in_service {
                series.entry(key).or_default().in_service += 1;
            }
            if let Some((queue, channel, since)) = contact.open {
                let settings = self.settings.queue(&queue);
                let due = settings.clock_due(Timestamp(since), settings.target_resolution);
                let age = settings.clock_between(Timestamp(since), Timestamp(now));
                let live = series.entry((queue, channel)).or_default();
                live.open += 1;
                live.open_overdue += u64::from(due.is_some_and(|due| now > due.get()));
                live.oldest_open = live.oldest_open.max(age);
            }
        }
        series
    }

    /// Returns all numbers at stream time.
    pub fn snapshot(&self) -> Exact {
        let settings = &self.settings;
        let by_series = facts::by_series(&self.books.facts);
        let ranges = self.now.map_or(Vec::new(), |now| facts::ranges(settings, now));
        let live = self.now.map_or(BTreeMap::new(), |now| self.live(now));
        let mut keys: BTreeSet<(String, ChannelId)> = settings
            .queues
            .iter()
            .map(|(queue, settings)| (queue.clone(), settings.channel))
            .collect();
        keys.extend(by_series.keys().cloned());
        keys.extend(live.keys().cloned());

        let mut waits = BTreeMap::new();
        let mut series = Vec::new();
        for key in keys {
            let of_series = by_series.get(&key).cloned().unwrap_or_default();
            let (windows, series_waits): (Vec<WindowSnapshot>, Vec<Vec<u64>>) = ranges
                .iter()
                .map(|range| facts::window(range, of_series.iter().copied()))
                .map(|(counts, waits)| {
                    (WindowSnapshot { counts, ..WindowSnapshot::default() }, waits)
                })
                .unzip();
            series.push(Arc::new(SeriesSnapshot {
                queue: key.0.as_str().into(),
                channel: key.1,
                totals: facts::totals(settings, of_series.iter().copied()),
                live: live.get(&key).copied().unwrap_or_default(),
                windows,
            }));
            waits.insert(key, series_waits);
        }
        let channels = settings.channels.len();
        let snapshot = Snapshot {
            stream_time: self.now.map(Timestamp),
            series,
            queues: self.queues(&ranges),
            contacts_started: (0..channels)
                .map(|index| {
                    self.books.contacts_started.get(&ChannelId(index as u8)).copied().unwrap_or(0)
                })
                .collect(),
            self_service: self
                .books
                .self_service
                .iter()
                .map(|(entry, n)| (entry.as_str().into(), *n))
                .collect(),
            followups: self.now.map_or(BTreeMap::new(), |now| {
                let units = self.followups.snapshot(settings, now);
                units.into_iter().map(|(unit, numbers)| (unit.as_str().into(), numbers)).collect()
            }),
            records: self.records(),
            clock_skew: self.clock_skew + self.books.clock_skew + self.followups.clock_skew,
            series_refused: 0,
            open_contacts: self.contacts.len() as u64,
            evicted: 0,
        };
        Exact { snapshot, waits }
    }

    fn queues(&self, ranges: &[facts::Range]) -> Vec<QueueSnapshot> {
        let (gauge, booked) = (self.agents.gauge(self.now.unwrap_or(0)), self.agents.booked_ms());
        let paused = self.agents.paused_ms();
        let windows: Vec<BTreeMap<String, [u64; 5]>> = ranges
            .iter()
            .map(|range| self.agents.window_ms(range, self.now.unwrap_or(range.to_inclusive)))
            .collect();
        let mut names: BTreeSet<String> =
            self.settings.queues.iter().map(|(queue, _)| queue.clone()).collect();
        names.extend(gauge.keys().chain(booked.keys()).chain(self.observed.keys()).cloned());
        names.extend(windows.iter().flat_map(|window| window.keys()).cloned());
        names
            .into_iter()
            .map(|queue| QueueSnapshot {
                observed: self.observed.get(&queue).copied(),
                agents: gauge.get(&queue).copied().unwrap_or_default(),
                agent_ms: booked.get(&queue).copied().unwrap_or_default(),
                paused_ms: paused.get(&queue).cloned().unwrap_or_default(),
                windows: windows
                    .iter()
                    .map(|window| AgentWindow {
                        state_ms: window.get(&queue).copied().unwrap_or_default(),
                    })
                    .collect(),
                queue: queue.as_str().into(),
            })
            .collect()
    }
}
