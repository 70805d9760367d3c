//! The sentences of docs/spec/events.md and measures.md as small cases with numbers worked out by
//! hand. Each case runs on the core and on the oracle, and everything else of both is compared too.
//!
//! All times are of Monday 2026-01-05 in Istanbul. Queues: `fault` T 20 s, S 5 s, alias `600`;
//! `billing` T 10 s; `mail` e-mail, T 1 h, resolution in 8 h; `office` the same in opening hours
//! (Mo-Fr 08:00-17:30). Windows 1m, 5m.

use std::collections::BTreeMap;
use std::sync::Arc;

use Verdict::{Applied, Duplicate, Held, Ignored, Late};
use nabiz_core::decode::Format;
use nabiz_core::event::{
    AgentState, ChannelId, Channels, EndedBy, EventPayload, LeftReason, OptionalField, Reason,
    SelfServiceOutcome, TransferKind,
};
use nabiz_core::measures::{BucketHistogram, IntervalCounts, IntervalDelta};
use nabiz_core::settings::Settings;
use nabiz_core::shard::Shard;
use nabiz_core::snapshot::Snapshot;
use nabiz_core::time::{Millis, Timestamp};
use serde_json::{Value, json};

use crate::oracle::compare::{differences, history_differences};
use crate::oracle::flaws::Flaw;
use crate::oracle::log::{Content, Event, Step, step_oracle, step_shard};
use crate::oracle::store::Store;
use crate::oracle::world::{DAY, HOUR, MINUTE, MONDAY, SECOND, settings};
use crate::oracle::{Oracle, Verdict};

/// Returns the instant of `HH:MM:SS`, optionally with `.mmm`, and with days before it (`1d
/// 00:00:00`).
fn instant(text: &str) -> i64 {
    let (days, clock) = text.split_once("d ").unwrap_or(("0", text));
    let (clock, millis) = clock.split_once('.').unwrap_or((clock, "0"));
    let parts: Vec<i64> = clock.split(':').map(|part| part.parse().unwrap()).collect();
    let [hours, minutes, seconds] = parts[..] else { panic!("not a time: {text}") };
    let (days, millis): (i64, i64) = (days.parse().unwrap(), millis.parse().unwrap());
    MONDAY + days * DAY + hours * HOUR + minutes * MINUTE + seconds * SECOND + millis
}

pub(crate) struct Case {
    settings: Arc<Settings>,
    shard: Shard,
    oracle: Oracle,
    steps: Vec<Step>,
    time_ms: i64,
    log_time_ms: Option<i64>,
    source: &'static str,
    id: Option<&'static str>,
    flaws: Vec<Flaw>,
    outcome: Option<Verdict>,
}

pub(crate) fn case() -> Case {
    case_with(|_| {})
}

pub(crate) fn case_with(change: impl FnOnce(&mut Settings)) -> Case {
    let mut settings = settings();
    change(&mut settings);
    let settings = Arc::new(settings);
    Case {
        shard: Shard::new(Arc::clone(&settings), [1; 16]),
        oracle: Oracle::new(Arc::clone(&settings)),
        settings,
        steps: Vec::new(),
        time_ms: MONDAY,
        log_time_ms: None,
        source: "acd",
        id: None,
        flaws: Vec::new(),
        outcome: None,
    }
}

impl Case {
    /// Sets the event time of the following events.
    pub(crate) fn at(mut self, time: &str) -> Self {
        self.time_ms = instant(time);
        self
    }

    /// Sets the record timestamp of the following records. Before the first use, there is none, as
    /// in a replay.
    pub(crate) fn logged_at(mut self, time: &str) -> Self {
        self.log_time_ms = Some(instant(time));
        self
    }

    pub(crate) fn from(mut self, source: &'static str) -> Self {
        self.source = source;
        self
    }

    /// Sets the id of the next record. Other records have ids of their own.
    pub(crate) fn id(mut self, id: &'static str) -> Self {
        self.id = Some(id);
        self
    }

    /// Sets a wrong value of an optional field of the next event.
    pub(crate) fn with(mut self, field: &'static str, value: Value) -> Self {
        self.flaws.push(Flaw { field, value });
        self
    }

    /// Reads a whole line of a queue_log, with its own time, in any encoding.
    fn bytes(self, line: &[u8]) -> Self {
        let content = Content::QueueLog(line.to_vec());
        self.step(Step::Read { content, timestamp_ms: None })
    }

    pub(crate) fn step(mut self, step: Step) -> Self {
        let position = self.steps.len() as i64;
        let core = step_shard(&mut self.shard, &step, position);
        let oracle = step_oracle(&mut self.oracle, &self.settings, &step, position);
        self.steps.push(step);
        assert_eq!(
            core.as_ref().map(Verdict::from),
            oracle,
            "outcome by core and oracle after\n{}",
            self.log_text()
        );
        self.outcome = oracle;
        let found = differences(&self.settings, &self.shard.snapshot(), &self.oracle.snapshot());
        assert!(found.is_empty(), "{}\nafter\n{}", found.join("\n"), self.log_text());
        self
    }

    pub(crate) fn say(mut self, payload: EventPayload<'static>) -> Self {
        let id = self.id.take().map_or_else(|| format!("n{}", self.steps.len()), str::to_string);
        let (source, flaws) = (self.source.to_string(), std::mem::take(&mut self.flaws));
        let event = Event { source, id, time_ms: Some(self.time_ms), payload, flaws };
        let timestamp_ms = self.log_time_ms;
        self.step(Step::Read { content: Content::Event(event), timestamp_ms })
    }

    pub(crate) fn log_text(&self) -> String {
        self.steps.iter().map(|step| format!("  {step}\n")).collect()
    }

    pub(crate) fn advance(self, time: &str) -> Self {
        self.step(Step::Advance(instant(time)))
    }

    /// Returns the interval history, which core and oracle agree on.
    pub(crate) fn history(mut self) -> History {
        let mut store = Store::default();
        store.apply(self.shard.checkpoint());
        let found = history_differences(&self.settings, &store, &self.oracle);
        assert!(found.is_empty(), "{}\nafter\n{}", found.join("\n"), self.log_text());
        History { settings: self.settings, deltas: store.intervals }
    }

    pub(crate) fn end_of_replay(self) -> Self {
        self.step(Step::RejectHeld)
    }

    pub(crate) fn invalid(self, bytes: &str, reason: Reason) -> Self {
        let timestamp_ms = self.log_time_ms;
        self.step(Step::Read {
            content: Content::Invalid(bytes.as_bytes().to_vec(), reason),
            timestamp_ms,
        })
    }

    /// Reads a `contact.queued` with the flaws. One of them is in a required field.
    fn rejected_queued(mut self, reason: Reason) -> Self {
        let mut data = json!({"contact_id": "c", "queue": "fault"});
        for flaw in std::mem::take(&mut self.flaws) {
            data[flaw.field] = flaw.value;
        }
        let event = json!({
            "specversion": "1.0",
            "id": "rejected",
            "source": self.source,
            "type": "contact.queued",
            "time": "2026-01-05T10:00:00+03:00",
            "data": data,
        });
        self.invalid(&event.to_string(), reason)
    }

    pub(crate) fn started(self, contact: &'static str, channel: &str) -> Self {
        let channel = Channels::default().id(channel).unwrap();
        self.say(EventPayload::ContactStarted {
            contact: contact.into(),
            channel,
            entry_point: None,
        })
    }

    pub(crate) fn self_service(self, contact: &'static str, outcome: SelfServiceOutcome) -> Self {
        self.say(EventPayload::SelfService { contact: contact.into(), outcome, entry_point: None })
    }

    pub(crate) fn queued(self, contact: &'static str, queue: &'static str) -> Self {
        self.say(EventPayload::Queued {
            contact: contact.into(),
            queue: queue.into(),
            channel: None,
            is_callback: false,
        })
    }

    pub(crate) fn called_back(self, contact: &'static str, queue: &'static str) -> Self {
        self.say(EventPayload::Queued {
            contact: contact.into(),
            queue: queue.into(),
            channel: None,
            is_callback: true,
        })
    }

    pub(crate) fn queued_as(
        self,
        contact: &'static str,
        queue: &'static str,
        channel: &str,
    ) -> Self {
        let channel = Channels::default().id(channel);
        self.say(EventPayload::Queued {
            contact: contact.into(),
            queue: queue.into(),
            channel,
            is_callback: false,
        })
    }

    pub(crate) fn answered(self, contact: &'static str, queue: &'static str) -> Self {
        self.say(EventPayload::Answered {
            contact: contact.into(),
            queue: queue.into(),
            agent: None,
            wait: None,
            channel: None,
        })
    }

    pub(crate) fn answered_by(
        self,
        contact: &'static str,
        queue: &'static str,
        agent: &'static str,
    ) -> Self {
        self.say(EventPayload::Answered {
            contact: contact.into(),
            queue: queue.into(),
            agent: Some(agent.into()),
            wait: None,
            channel: None,
        })
    }

    pub(crate) fn answered_after(
        self,
        contact: &'static str,
        queue: &'static str,
        wait_ms: u64,
    ) -> Self {
        self.say(EventPayload::Answered {
            contact: contact.into(),
            queue: queue.into(),
            agent: None,
            wait: Some(Millis(wait_ms)),
            channel: None,
        })
    }

    pub(crate) fn abandoned(self, contact: &'static str, queue: &'static str) -> Self {
        self.say(EventPayload::Abandoned {
            contact: contact.into(),
            queue: queue.into(),
            wait: None,
            channel: None,
        })
    }

    pub(crate) fn abandoned_after(
        self,
        contact: &'static str,
        queue: &'static str,
        wait_ms: u64,
    ) -> Self {
        self.say(EventPayload::Abandoned {
            contact: contact.into(),
            queue: queue.into(),
            wait: Some(Millis(wait_ms)),
            channel: None,
        })
    }

    pub(crate) fn left(
        self,
        contact: &'static str,
        queue: &'static str,
        reason: LeftReason,
    ) -> Self {
        self.say(EventPayload::LeftQueue {
            contact: contact.into(),
            queue: queue.into(),
            reason,
            wait: None,
            channel: None,
        })
    }

    pub(crate) fn replied(self, contact: &'static str) -> Self {
        self.say(EventPayload::Replied { contact: contact.into(), queue: None })
    }

    pub(crate) fn ended(self, contact: &'static str) -> Self {
        self.ended_with(contact, None, None, None)
    }

    pub(crate) fn ended_with(
        self,
        contact: &'static str,
        talk_ms: Option<u64>,
        hold_ms: Option<u64>,
        wrap_up_ms: Option<u64>,
    ) -> Self {
        self.say(EventPayload::Ended {
            contact: contact.into(),
            queue: None,
            talk: talk_ms.map(Millis),
            hold: hold_ms.map(Millis),
            wrap_up: wrap_up_ms.map(Millis),
            ended_by: None,
            implied: None,
        })
    }

    pub(crate) fn ended_by(self, contact: &'static str, by: EndedBy) -> Self {
        self.say(EventPayload::Ended {
            contact: contact.into(),
            queue: None,
            talk: None,
            hold: None,
            wrap_up: None,
            ended_by: Some(by),
            implied: None,
        })
    }

    pub(crate) fn replied_in(self, contact: &'static str, queue: &'static str) -> Self {
        self.say(EventPayload::Replied { contact: contact.into(), queue: Some(queue.into()) })
    }

    pub(crate) fn ended_in(
        self,
        contact: &'static str,
        queue: &'static str,
        talk_ms: Option<u64>,
    ) -> Self {
        self.say(EventPayload::Ended {
            contact: contact.into(),
            queue: Some(queue.into()),
            talk: talk_ms.map(Millis),
            hold: None,
            wrap_up: None,
            ended_by: None,
            implied: None,
        })
    }

    pub(crate) fn transferred(
        self,
        contact: &'static str,
        from: Option<&'static str>,
        kind: TransferKind,
    ) -> Self {
        self.say(EventPayload::Transferred {
            contact: contact.into(),
            from_queue: from.map(Into::into),
            to_queue: None,
            kind: Some(kind),
        })
    }

    /// Reads a line of a queue_log, without its time.
    pub(crate) fn line(self, rest: &str) -> Self {
        let (seconds, millis) = (self.time_ms.div_euclid(1000), self.time_ms.rem_euclid(1000));
        let content = Content::QueueLog(format!("{seconds}.{millis:03}|{rest}").into_bytes());
        self.step(Step::Read { content, timestamp_ms: None })
    }

    pub(crate) fn resolved(self, contact: &'static str) -> Self {
        self.say(EventPayload::Resolved { contact: contact.into(), queue: None })
    }

    pub(crate) fn reopened(self, contact: &'static str) -> Self {
        self.say(EventPayload::Reopened { contact: contact.into(), queue: None, channel: None })
    }

    pub(crate) fn alerted(self, contact: &'static str, queue: &'static str) -> Self {
        self.say(EventPayload::Alerted { contact: contact.into(), queue: queue.into() })
    }

    pub(crate) fn agent(
        self,
        agent: &'static str,
        state: AgentState,
        queues: &[&'static str],
    ) -> Self {
        let queues =
            (!queues.is_empty()).then(|| queues.iter().map(|queue| (*queue).into()).collect());
        self.say(EventPayload::AgentStateChanged {
            agent: agent.into(),
            state,
            reason: None,
            queues,
        })
    }

    pub(crate) fn followup_opened(self, followup: &'static str, due: Option<&str>) -> Self {
        let due = due.map(instant).map(Timestamp);
        self.say(EventPayload::FollowupOpened {
            followup: followup.into(),
            unit: Some("callback".into()),
            due,
        })
    }

    pub(crate) fn followup_informed(self, followup: &'static str) -> Self {
        self.say(EventPayload::FollowupInformed {
            followup: followup.into(),
            unit: Some("callback".into()),
        })
    }

    pub(crate) fn outcome(self, expected: Verdict) -> Self {
        assert_eq!(self.outcome, Some(expected), "outcome of the last of\n{}", self.log_text());
        self
    }

    /// Checks a number in core and oracle, by its name in [`number`].
    pub(crate) fn expect(mut self, name: &str, expected: u64) -> Self {
        let (core, oracle) = (self.shard.snapshot(), self.oracle.snapshot().snapshot);
        for (side, snapshot) in [("core", core), ("oracle", oracle)] {
            let found = number(&self.settings, &snapshot, name);
            assert_eq!(found, expected, "{name} of the {side} after\n{}", self.log_text());
        }
        self
    }
}

fn state_index(word: &str) -> usize {
    AgentState::from_wire(word).unwrap().index()
}

/// The interval history of a case.
pub(crate) struct History {
    settings: Arc<Settings>,
    deltas: Vec<IntervalDelta>,
}

impl History {
    /// Asserts the sums of a queue in the interval that begins at `time`, by the names of the
    /// columns. A name that is not given is not compared.
    pub(crate) fn expect(self, time: &str, queue: &str, expected: &[(&str, u64)]) -> Self {
        let start = Timestamp(instant(time));
        let channel = self.settings.queue(queue).channel;
        let mut counts = IntervalCounts::default();
        for delta in &self.deltas {
            if (delta.start, &*delta.queue, delta.channel) == (start, queue, channel) {
                counts.add_increment(&delta.counts);
            }
        }
        let names = counts.visits.iter().chain(counts.cohort.iter()).chain(counts.waits.iter());
        let known: BTreeMap<&str, u64> = names.chain(counts.responses.iter()).collect();
        for (name, value) in expected {
            assert_eq!(known.get(name), Some(value), "{name} of {queue} at {time}");
        }
        self
    }
}

fn window_index(settings: &Settings, label: &str) -> Option<usize> {
    let lengths = &settings.windows.lengths;
    let configured = lengths.iter().position(|length| length.label == label);
    configured.or((label == "today").then_some(lengths.len()))
}

/// Returns a number by its name: `records NAME`, `dropped [FIELD]`, `skew`, `started CHANNEL`,
/// `followup NAME`, `agents QUEUE STATE`, `agent_ms QUEUE [WINDOW] STATE`, or
/// `QUEUE[/CHANNEL] [WINDOW] NAME`.
pub(crate) fn number(settings: &Settings, snapshot: &Snapshot, name: &str) -> u64 {
    let words: Vec<&str> = name.split(' ').collect();
    let queue = |id: &str| snapshot.queues.iter().find(|queue| queue.queue.as_ref() == id).unwrap();
    match words[..] {
        ["skew"] => snapshot.clock_skew,
        ["records", "ignored"] => snapshot.records.ignored,
        ["dropped"] => snapshot.records.fields_dropped.values().sum(),
        ["dropped", field] => {
            let field = OptionalField::from_wire(field).unwrap();
            snapshot.records.fields_dropped.get(&field).copied().unwrap_or(0)
        }
        ["records", "applied"] => snapshot.records.applied,
        ["records", "duplicate"] => snapshot.records.duplicate,
        ["records", "late"] => snapshot.records.late,
        ["records", "held"] => snapshot.records.held,
        ["records", "orphan"] => {
            snapshot.records.rejected.get(&Reason::Orphan).copied().unwrap_or(0)
        }
        ["records", "rejected"] => snapshot.records.rejected_sum(),
        ["started", channel] => {
            snapshot.contacts_started[usize::from(settings.channels.id(channel).unwrap().0)]
        }
        ["followup", name] => {
            let unit = &snapshot.followups["callback"];
            match name {
                "opened" => unit.opened,
                "informed" => unit.informed,
                "open" => unit.open,
                "overdue" => unit.overdue,
                "sum_ms" => unit.duration.sum.get(),
                _ => panic!("no number {name}"),
            }
        }
        ["observed", id] => queue(id).observed.unwrap().waiting,
        ["agents", id, state] => queue(id).agents[state_index(state)],
        ["agent_ms", id, state] => queue(id).agent_ms[state_index(state)],
        ["paused_ms", id, reason] => queue(id).paused_ms.get(reason).copied().unwrap_or(0),
        ["agent_ms", id, window, state] => {
            queue(id).windows[window_index(settings, window).unwrap()].state_ms[state_index(state)]
        }
        [series, ref rest @ ..] => series_number(settings, snapshot, series, rest),
        [] => panic!("no name"),
    }
}

fn series_number(settings: &Settings, snapshot: &Snapshot, series: &str, words: &[&str]) -> u64 {
    let (queue, channel) = series.split_once('/').unwrap_or((series, ""));
    let channel = settings.channels.id(channel).unwrap_or(settings.queue(queue).channel);
    let Some(series) = snapshot
        .series
        .iter()
        .find(|series| series.queue.as_ref() == queue && series.channel == channel)
    else {
        return 0;
    };
    let of = |histogram: &BucketHistogram| histogram.count();
    let (totals, live) = (&series.totals, &series.live);
    match *words {
        ["offered"] => totals.visits.offered,
        ["answered"] => totals.visits.answered,
        ["answered_in_target"] => totals.visits.answered_in_target,
        ["abandoned"] => totals.visits.abandoned,
        ["abandoned_in_target"] => totals.visits.abandoned_in_target,
        ["abandoned_short"] => totals.visits.abandoned_short,
        ["left"] => totals.left.iter().sum(),
        ["left_transfer"] => totals.left[LeftReason::Transfer.index()],
        ["lost"] => totals.lost,
        ["met"] => totals.service_level.met,
        ["missed"] => totals.service_level.missed,
        ["revoked"] => totals.contacts.service_level_revoked,
        ["wait_ms"] => totals.wait_answered.sum.get(),
        ["abandon_wait_ms"] => totals.wait_abandoned.sum.get(),
        ["handled"] => of(&totals.handle),
        ["handle_ms"] => totals.handle.sum.get(),
        ["first_responses"] => of(&totals.first_response),
        ["first_response_ms"] => totals.first_response.sum.get(),
        ["resolutions"] => of(&totals.resolution),
        ["resolution_ms"] => totals.resolution.sum.get(),
        ["callbacks"] => totals.contacts.callbacks,
        ["ended", by] => totals.contacts.ended(EndedBy::from_wire(by).unwrap()),
        ["not_answered"] => totals.contacts.not_answered,
        ["transfers"] => totals.contacts.transfers,
        ["reopened"] => totals.contacts.reopened,
        ["survey_4"] => totals.survey.get(&4).copied().unwrap_or(0),
        ["waiting"] => live.waiting,
        ["waiting_over_target"] => live.waiting_over_target,
        ["longest_wait_ms"] => live.longest_wait.get(),
        ["oldest_waiting_ms"] => live.oldest_waiting.get(),
        ["in_service"] => live.in_service,
        ["open"] => live.open,
        ["open_overdue"] => live.open_overdue,
        ["oldest_open_ms"] => live.oldest_open.get(),
        [window, name] => {
            let window = &series.windows[window_index(settings, window).unwrap()];
            let counts = &window.counts;
            match name {
                "offered" => counts.visits.offered,
                "answered" => counts.visits.answered,
                "answered_in_target" => counts.visits.answered_in_target,
                "abandoned" => counts.visits.abandoned,
                "left" => counts.left,
                "met" => counts.service_level.met,
                "missed" => counts.service_level.missed,
                "wait_sum_ms" => counts.sums.wait_sum_ms,
                "wait_max_ms" => counts.wait_max.get(),
                "abandon_wait_sum_ms" => counts.sums.abandon_wait_sum_ms,
                "handled" => counts.sums.handled,
                "handle_sum_ms" => counts.sums.handle_sum_ms,
                _ => panic!("no number {name}"),
            }
        }
        _ => panic!("no number {words:?}"),
    }
}

mod contact {
    use super::*;

    #[test]
    fn second_start_is_a_duplicate() {
        case()
            .at("10:00:00")
            .started("c", "phone")
            .started("c", "phone")
            .outcome(Duplicate)
            .expect("started phone", 1);
    }

    #[test]
    fn self_service_that_contains_ends_a_message_contact() {
        case()
            .at("10:00:00")
            .started("c", "email")
            .expect("none/email open", 1)
            .self_service("c", SelfServiceOutcome::Contained)
            .expect("none/email open", 0);
    }

    #[test]
    fn self_service_to_a_queue_does_not_end_the_contact() {
        case()
            .at("10:00:00")
            .started("c", "email")
            .self_service("c", SelfServiceOutcome::ToQueue)
            .expect("none/email open", 1);
    }

    #[test]
    fn start_after_containment_is_counted_and_opens_nothing() {
        case()
            .at("10:00:01")
            .self_service("c", SelfServiceOutcome::Contained)
            .at("10:00:00")
            .started("c", "email")
            .outcome(Applied)
            .expect("started email", 1)
            .expect("none/email open", 0);
    }

    #[test]
    fn contact_that_is_over_is_forgotten_past_the_horizon() {
        // At exactly one hour the start is still known; one millisecond later it is not.
        case()
            .at("10:00:00")
            .started("c", "phone")
            .at("11:00:00")
            .started("c", "phone")
            .outcome(Duplicate)
            .advance("11:00:00.001")
            .started("c", "phone")
            .outcome(Applied)
            .expect("started phone", 2);
    }

    #[test]
    fn record_of_the_contact_itself_comes_before_it_is_forgotten() {
        case()
            .at("10:00:00")
            .started("c", "phone")
            .at("11:00:00.001")
            .started("c", "phone")
            .outcome(Duplicate);
    }

    #[test]
    fn waiting_contact_is_not_forgotten() {
        case()
            .at("10:00:00")
            .started("c", "phone")
            .queued("c", "fault")
            .advance("11:59:00")
            .at("11:59:00")
            .started("c", "phone")
            .outcome(Duplicate);
    }

    #[test]
    fn unanswered_message_is_not_forgotten() {
        case()
            .at("10:00:00")
            .started("c", "email")
            .advance("20:00:00")
            .at("20:00:00")
            .started("c", "email")
            .outcome(Duplicate)
            .replied("c")
            .expect("none/email first_response_ms", 10 * 3_600_000)
            .resolved("c")
            .advance("21:00:00.001")
            .at("21:00:00.001")
            .started("c", "email")
            .outcome(Applied);
    }

    #[test]
    fn resolved_message_is_forgotten_when_no_reply_came() {
        case()
            .at("10:00:00")
            .started("c", "email")
            .resolved("c")
            .at("11:00:00")
            .started("c", "email")
            .outcome(Duplicate)
            .advance("11:00:00.001")
            .at("11:00:00.001")
            .started("c", "email")
            .outcome(Applied)
            .expect("started email", 2);
    }

    #[test]
    fn in_service_is_answered_and_not_yet_ended() {
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .expect("fault in_service", 0)
            .at("10:00:10")
            .answered("c", "fault")
            .expect("fault in_service", 1)
            .at("10:05:00")
            .ended("c")
            .expect("fault in_service", 0)
            .expect("fault handle_ms", 290_000);
    }

    #[test]
    fn service_without_an_end_is_dropped_past_four_hours() {
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .answered("c", "fault")
            .advance("14:00:00")
            .expect("fault in_service", 1)
            .advance("14:00:00.001")
            .expect("fault in_service", 0)
            .expect("fault answered", 1);
    }

    #[test]
    fn missing_queue_is_that_of_the_last_visit_else_none() {
        case()
            .at("10:00:00")
            .started("c", "email")
            .replied("c")
            .expect("none/email first_responses", 1)
            .queued("c", "mail")
            .reopened("c")
            .expect("mail reopened", 1)
            .expect("none/email reopened", 0);
    }

    #[test]
    fn first_response_is_counted_once() {
        case()
            .at("10:00:00")
            .started("c", "email")
            .queued("c", "mail")
            .at("10:07:00")
            .replied("c")
            .at("10:09:00")
            .replied("c")
            .outcome(Applied)
            .expect("mail first_responses", 1)
            .expect("mail first_response_ms", 420_000);
    }

    #[test]
    fn reply_read_before_the_start_counts_when_the_start_comes() {
        case()
            .at("10:07:00")
            .replied("c")
            .expect("none/email first_responses", 0)
            .at("10:00:00")
            .started("c", "email")
            .expect("none/email first_response_ms", 420_000);
    }

    #[test]
    fn reply_before_the_start_is_zero_and_clock_skew() {
        case()
            .at("10:00:00")
            .replied("c")
            .at("10:00:01")
            .started("c", "email")
            .expect("none/email first_responses", 1)
            .expect("none/email first_response_ms", 0)
            .expect("skew", 1);
    }

    #[test]
    fn reopening_starts_a_new_resolution_clock() {
        case()
            .at("10:00:00")
            .started("c", "email")
            .queued("c", "mail")
            .at("11:00:00")
            .resolved("c")
            .resolved("c")
            .outcome(Applied)
            .expect("mail resolutions", 1)
            .expect("mail open", 0)
            .at("12:00:00")
            .reopened("c")
            .expect("mail open", 1)
            .at("12:30:00")
            .resolved("c")
            .expect("mail resolutions", 2)
            .expect("mail resolution_ms", 5_400_000)
            .expect("mail reopened", 1);
    }

    #[test]
    fn open_is_overdue_past_the_target_resolution() {
        // 8 h from 10:00 elapsed.
        case()
            .at("10:00:00")
            .started("c", "email")
            .queued("c", "mail")
            .advance("18:00:00")
            .expect("mail open_overdue", 0)
            .expect("mail oldest_open_ms", 28_800_000)
            .advance("18:00:00.001")
            .expect("mail open_overdue", 1);
    }

    #[test]
    fn clock_of_opening_hours_stands_still_at_night() {
        // Monday 16:30 to 17:30 is one hour, then Tuesday 08:00 to 15:00 seven more.
        case()
            .at("16:30:00")
            .started("c", "email")
            .queued("c", "office")
            .advance("23:00:00")
            .expect("office oldest_open_ms", 3_600_000)
            .expect("office oldest_waiting_ms", 3_600_000)
            .expect("office longest_wait_ms", 23_400_000)
            .advance("1d 15:00:00")
            .expect("office open_overdue", 0)
            .advance("1d 15:00:00.001")
            .expect("office open_overdue", 1)
            .at("1d 16:00:00")
            .resolved("c")
            .expect("office resolution_ms", 9 * 3_600_000);
    }

    #[test]
    fn phone_and_chat_contacts_are_never_open() {
        case()
            .at("10:00:00")
            .started("p", "phone")
            .started("c", "chat")
            .expect("none/phone open", 0)
            .expect("none/chat open", 0)
            .started("w", "walk_in")
            .expect("none/walk_in open", 1);
    }

    #[test]
    fn handle_time_is_talk_hold_and_wrap_up() {
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .answered("c", "fault")
            .at("10:03:00")
            .ended_with("c", Some(100_000), Some(20_000), Some(30_000))
            .expect("fault handle_ms", 150_000)
            .expect("fault 5m handle_sum_ms", 150_000);
    }

    #[test]
    fn talk_without_its_own_number_is_end_minus_answer_minus_hold() {
        // 180 s - 20 s of hold = 160 s of talk; 160 + 20 + 30 = 210.
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .answered("c", "fault")
            .at("10:03:00")
            .ended_with("c", None, Some(20_000), Some(30_000))
            .expect("fault handle_ms", 210_000);
    }

    #[test]
    fn end_without_service_or_talk_has_no_handle_time() {
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .ended("c")
            .outcome(Applied)
            .expect("fault waiting", 0)
            .end_of_replay()
            .expect("fault handled", 0)
            .expect("fault abandoned", 1);
    }

    #[test]
    fn offers_that_are_not_taken_and_transfers_are_counted() {
        case()
            .at("10:00:00")
            .queued("c", "600")
            .say(EventPayload::NotAnswered { contact: "c".into(), queue: "600".into() })
            .expect("fault not_answered", 1)
            .expect("fault waiting", 1)
            .answered("c", "fault")
            .say(EventPayload::Transferred {
                contact: "c".into(),
                from_queue: None,
                to_queue: Some("billing".into()),
                kind: None,
            })
            .expect("fault transfers", 1);
    }

    #[test]
    fn survey_counts_in_its_own_channel() {
        let survey = |channel| EventPayload::SurveyAnswered {
            contact: "c".into(),
            score: 4,
            queue: None,
            channel,
        };
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .say(survey(None))
            .expect("fault survey_4", 1)
            .say(survey(Channels::default().id("web")))
            .expect("fault/web survey_4", 1);
    }
}

mod visit {
    use super::*;

    #[test]
    fn answer_within_the_target_is_met() {
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .expect("fault waiting", 1)
            .at("10:00:20")
            .answered("c", "fault")
            .expect("fault waiting", 0)
            .expect("fault offered", 1)
            .expect("fault answered", 1)
            .expect("fault answered_in_target", 1)
            .expect("fault met", 1)
            .expect("fault wait_ms", 20_000)
            .expect("fault 1m met", 1);
    }

    #[test]
    fn waiting_visit_is_missed_at_its_target_once_the_grace_is_over() {
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .advance("10:00:20.001")
            .expect("fault waiting_over_target", 1)
            .advance("10:00:21.999")
            .expect("fault missed", 0)
            .advance("10:00:22")
            .expect("fault missed", 1)
            .expect("fault waiting", 1)
            // A later ending with a wait past the target changes nothing.
            .at("10:00:23")
            .answered("c", "fault")
            .expect("fault answered_in_target", 0)
            .expect("fault met", 0)
            .expect("fault missed", 1)
            .expect("fault revoked", 0)
            .expect("fault 1m missed", 1);
    }

    #[test]
    fn miss_is_placed_at_the_target_and_not_at_its_detection() {
        // Missed at 10:00:20. At 10:01:19 the 1m window covers 10:00:20 to 10:01:19 (c = 10:01:15,
        // twelve panes).
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .advance("10:01:19.999")
            .expect("fault 1m missed", 1)
            .advance("10:01:20")
            .expect("fault 1m missed", 0)
            .expect("fault 5m missed", 1);
    }

    #[test]
    fn long_wait_is_missed_at_the_end_if_that_is_earlier_than_the_target() {
        // The source gives a wait of 25 s for 10 s between the times: missed at the end.
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .at("10:00:10")
            .abandoned_after("c", "fault", 25_000)
            .expect("fault missed", 1)
            .expect("fault abandon_wait_ms", 25_000)
            .advance("10:01:09.999")
            .expect("fault 1m missed", 1)
            .advance("10:01:10")
            .expect("fault 1m missed", 0);
    }

    #[test]
    fn leaving_within_the_target_makes_no_service_level_event() {
        case()
            .at("10:00:00")
            .queued("a", "fault")
            .queued("b", "fault")
            .queued("c", "fault")
            .at("10:00:05")
            .abandoned("a", "fault")
            .at("10:00:05.001")
            .abandoned("b", "fault")
            .at("10:00:20")
            .left("c", "fault", LeftReason::ExitKey)
            .advance("10:05:00")
            .expect("fault abandoned", 2)
            .expect("fault abandoned_in_target", 2)
            .expect("fault abandoned_short", 1)
            .expect("fault left", 1)
            .expect("fault met", 0)
            .expect("fault missed", 0);
    }

    #[test]
    fn records_slightly_out_of_order_are_seen_before_the_miss() {
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .at("10:00:21.999")
            .alerted("x", "fault")
            .at("10:00:19")
            .answered("c", "fault")
            .expect("fault met", 1)
            .expect("fault missed", 0);
    }

    #[test]
    fn timeouts_of_others_apply_before_a_record_and_of_its_contact_after() {
        // The same instant makes a miss of the other contact and a met answer of its own.
        case()
            .at("10:00:00")
            .queued("own", "fault")
            .queued("other", "fault")
            .at("10:00:30")
            .answered_after("own", "fault", 20_000)
            .expect("fault met", 1)
            .expect("fault missed", 1);
    }

    #[test]
    fn miss_of_a_delayed_start_waits_for_its_ending() {
        // Stream time is past 10:00:20 when the start arrives: the miss waits until it is past
        // 10:00:52.
        case()
            .at("10:00:22")
            .alerted("x", "fault")
            .at("10:00:00")
            .queued("c", "fault")
            .expect("fault missed", 0)
            .expect("fault waiting_over_target", 1)
            .advance("10:00:52")
            .expect("fault missed", 0)
            .advance("10:00:52.001")
            .expect("fault missed", 1)
            .expect("fault 1m missed", 1)
            .expect("fault waiting", 1);
    }

    #[test]
    fn miss_of_a_start_at_its_target_does_not_wait() {
        case()
            .at("10:00:20")
            .alerted("x", "fault")
            .at("10:00:00")
            .queued("c", "fault")
            .advance("10:00:22")
            .expect("fault missed", 1);
    }

    #[test]
    fn miss_of_a_delayed_start_waits_for_the_miss_grace_when_that_is_later() {
        case_with(|settings| settings.windows.miss_grace = Millis(60_000))
            .at("10:00:22")
            .alerted("x", "fault")
            .at("10:00:00")
            .queued("c", "fault")
            .advance("10:01:19.999")
            .expect("fault missed", 0)
            .advance("10:01:20")
            .expect("fault missed", 1);
    }

    #[test]
    fn batch_of_a_stalled_source_is_counted_as_it_was() {
        // Everything of 10:00 arrives at 13:00, an hour past the longest wait of a call.
        case()
            .at("13:00:00")
            .alerted("x", "fault")
            .at("10:00:00")
            .queued("a", "fault")
            .queued("b", "fault")
            .at("10:00:10")
            .answered("a", "fault")
            .at("10:00:25")
            .abandoned("b", "fault")
            .at("10:01:00")
            .queued("c", "fault")
            .advance("13:00:30")
            .expect("fault met", 1)
            .expect("fault missed", 1)
            .expect("fault abandoned", 1)
            .expect("fault lost", 0)
            .expect("fault waiting", 1)
            .expect("fault today met", 1)
            .expect("fault today missed", 1)
            // The third caller's ending never comes: lost at 12:01:00, missed at 10:01:20.
            .advance("13:00:30.001")
            .expect("fault lost", 1)
            .expect("fault missed", 2)
            .expect("fault revoked", 0)
            .expect("fault waiting", 0);
    }

    #[test]
    fn start_that_arrives_at_its_longest_wait_is_lost_without_delay() {
        // T is 20 s, the longest wait 30 s. At 10:00:30 the target has passed, the wait has not.
        case_with(|settings| settings.queues[1].1.max_wait = Some(Millis(30_000)))
            .at("10:00:30")
            .alerted("x", "fault")
            .at("10:00:00")
            .queued("c", "fault")
            .expect("fault missed", 0)
            .expect("fault lost", 0)
            .advance("10:00:30.001")
            .expect("fault lost", 1)
            .expect("fault missed", 1);
    }

    #[test]
    fn delayed_start_with_a_wait_below_its_target_is_lost_without_a_miss() {
        case_with(|settings| settings.queues[1].1.max_wait = Some(Millis(8_000)))
            .at("10:00:10")
            .alerted("x", "fault")
            .at("10:00:00")
            .queued("c", "fault")
            .advance("10:00:40")
            .expect("fault waiting", 1)
            .expect("fault missed", 0)
            .advance("10:00:40.001")
            .expect("fault lost", 1)
            .expect("fault missed", 0);
    }

    #[test]
    fn delayed_answer_within_the_target_revokes_the_miss() {
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .advance("10:00:40")
            .expect("fault missed", 1)
            .at("10:00:20")
            .answered("c", "fault")
            .expect("fault missed", 1)
            .expect("fault revoked", 1)
            .expect("fault met", 1)
            .expect("fault answered_in_target", 1)
            .expect("fault 1m missed", 0)
            .expect("fault 1m met", 1)
            .expect("fault today missed", 0);
    }

    #[test]
    fn delayed_answer_past_the_target_leaves_the_miss() {
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .advance("10:00:40")
            .at("10:00:20.001")
            .answered("c", "fault")
            .expect("fault missed", 1)
            .expect("fault revoked", 0)
            .expect("fault met", 0)
            .expect("fault 1m missed", 1);
    }

    #[test]
    fn delayed_abandonment_and_leaving_within_the_target_revoke_the_miss() {
        case()
            .at("10:00:00")
            .queued("a", "fault")
            .queued("b", "fault")
            .queued("c", "fault")
            .advance("10:00:40")
            .at("10:00:05")
            .abandoned("a", "fault")
            .at("10:00:06")
            .left("b", "fault", LeftReason::ExitKey)
            // Another queue ends the visit as a transfer.
            .at("10:00:07")
            .queued("c", "billing")
            .expect("fault left_transfer", 1)
            .expect("fault missed", 3)
            .expect("fault revoked", 3)
            .expect("fault met", 0)
            .expect("fault 1m missed", 0);
    }

    #[test]
    fn wait_of_the_source_within_the_target_revokes_the_miss() {
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .at("10:00:23")
            .alerted("x", "fault")
            .answered_after("c", "fault", 19_000)
            .expect("fault answered_in_target", 1)
            .expect("fault met", 1)
            .expect("fault missed", 1)
            .expect("fault revoked", 1)
            .expect("fault 1m missed", 0);
    }

    #[test]
    fn loss_within_the_target_revokes_nothing() {
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .advance("10:00:40")
            .at("10:00:10")
            .say(EventPayload::SourceRestarted)
            .expect("fault lost", 1)
            .expect("fault missed", 1)
            .expect("fault revoked", 0)
            .expect("fault 1m missed", 1);
    }

    #[test]
    fn late_answer_revokes_the_miss_in_every_window_that_has_it() {
        // T is two minutes: missed at 10:02:00. At 10:06:30 the 5m window still covers that, but an
        // answer of 10:00:10 is late.
        case_with(|settings| settings.queues[1].1.target_wait = Millis(120_000))
            .at("10:00:00")
            .queued("c", "fault")
            .advance("10:06:30")
            .expect("fault 5m missed", 1)
            .expect("fault today missed", 1)
            .at("10:00:10")
            .answered("c", "fault")
            .outcome(Late)
            .expect("fault missed", 1)
            .expect("fault revoked", 1)
            .expect("fault met", 1)
            .expect("fault 5m missed", 0)
            .expect("fault 5m met", 0)
            .expect("fault today missed", 0)
            .expect("fault today met", 1);
    }

    #[test]
    fn revocation_takes_one_miss_when_its_pane_has_several() {
        case()
            .at("10:00:00")
            .queued("a", "fault")
            .queued("b", "fault")
            .at("10:00:01")
            .queued("c", "fault")
            .advance("10:00:40")
            .expect("fault 1m missed", 3)
            .at("10:00:10")
            .answered("b", "fault")
            .expect("fault 1m missed", 2)
            .advance("10:01:14.999")
            .expect("fault 1m missed", 2)
            .advance("10:01:20")
            .expect("fault 1m missed", 0)
            .expect("fault 5m missed", 2);
    }

    #[test]
    fn rejected_record_does_not_move_stream_time() {
        let far = r#"{"specversion":"1.0","id":"r","source":"s","type":"x","time":"2030-01-01T00:00:00Z","data":{}}"#;
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .invalid(far, Reason::UnknownType)
            .invalid("{", Reason::NotJson)
            .expect("fault longest_wait_ms", 0)
            .expect("records rejected", 2);
    }

    #[test]
    fn duplicate_moves_stream_time() {
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .at("10:00:09")
            .queued("c", "fault")
            .outcome(Duplicate)
            .expect("fault longest_wait_ms", 9_000)
            .expect("fault offered", 1);
    }

    #[test]
    fn end_is_never_before_its_start() {
        // Two seconds before: wait 0, clock skew, and the service begins at the start.
        case()
            .at("10:00:02")
            .queued("c", "fault")
            .at("10:00:00")
            .answered("c", "fault")
            .expect("fault wait_ms", 0)
            .expect("skew", 1)
            .at("10:00:12")
            .ended("c")
            .expect("fault handle_ms", 10_000);
    }

    #[test]
    fn another_queue_ends_the_open_visit_as_a_transfer() {
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .at("10:00:08")
            .queued("c", "billing")
            .expect("fault left_transfer", 1)
            .expect("fault waiting", 0)
            .expect("billing waiting", 1)
            .expect("billing offered", 1);
    }

    #[test]
    fn alias_is_the_same_queue() {
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .queued("c", "600")
            .outcome(Duplicate)
            .expect("fault offered", 1);
    }

    #[test]
    fn ending_of_another_queue_with_a_wait_is_a_complete_visit_after_a_transfer() {
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .at("10:00:12")
            .answered_after("c", "billing", 4_000)
            .outcome(Applied)
            .expect("fault left_transfer", 1)
            .expect("billing offered", 1)
            .expect("billing met", 1)
            .expect("billing wait_ms", 4_000);
    }

    #[test]
    fn start_before_the_last_end_is_stale() {
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .at("10:00:10")
            .abandoned("c", "fault")
            .at("10:00:09.999")
            .queued("c", "fault")
            .outcome(Duplicate)
            .at("10:00:10")
            .queued("c", "fault")
            .outcome(Applied)
            .expect("fault offered", 2);
    }

    #[test]
    fn start_equal_to_both_start_and_end_is_stale() {
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .abandoned("c", "fault")
            .queued("c", "fault")
            .outcome(Duplicate)
            .expect("fault offered", 1);
    }

    #[test]
    fn stale_record_does_not_end_the_visit_in_another_queue() {
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .at("10:00:10")
            .queued("c", "billing")
            .at("10:00:05")
            .queued("c", "fault")
            .outcome(Duplicate)
            .at("10:00:12")
            .answered_after("c", "fault", 3_000)
            .outcome(Duplicate)
            .expect("billing waiting", 1)
            .expect("fault answered", 0);
    }

    #[test]
    fn ending_with_a_wait_and_no_visit_is_a_complete_visit() {
        case()
            .at("10:00:30")
            .answered_after("c", "fault", 30_000)
            .outcome(Applied)
            .expect("fault offered", 1)
            .expect("fault answered", 1)
            .expect("fault answered_in_target", 0)
            .expect("fault missed", 1)
            .expect("fault in_service", 1)
            // Offered at 10:00:00, missed at 10:00:20, answered at 10:00:30.
            .advance("10:01:00")
            .expect("fault 1m offered", 0)
            .expect("fault 1m missed", 1)
            .advance("10:01:20")
            .expect("fault 1m missed", 0)
            .expect("fault 1m answered", 1);
    }

    #[test]
    fn ending_without_a_visit_is_held_until_its_start_comes() {
        case()
            .at("10:00:10")
            .answered("c", "fault")
            .outcome(Held)
            .expect("records held", 1)
            .expect("fault answered", 0)
            .at("10:00:03")
            .queued("c", "fault")
            .outcome(Applied)
            .expect("records held", 0)
            .expect("records applied", 2)
            .expect("fault wait_ms", 7_000)
            .expect("fault met", 1)
            .expect("fault in_service", 1);
    }

    #[test]
    fn start_after_the_held_ending_does_not_complete_it() {
        case()
            .at("10:00:10")
            .abandoned("c", "fault")
            .at("10:00:10.001")
            .queued("c", "fault")
            .expect("records held", 1)
            .expect("fault waiting", 1);
    }

    #[test]
    fn start_in_another_queue_does_not_complete_a_held_ending() {
        case()
            .at("10:00:10")
            .abandoned("c", "fault")
            .at("10:00:05")
            .queued("c", "billing")
            .expect("records held", 1)
            .expect("fault abandoned", 0);
    }

    #[test]
    fn held_ending_is_an_orphan_past_the_reorder_grace() {
        case()
            .at("10:00:10")
            .abandoned("c", "fault")
            .advance("10:00:40")
            .expect("records held", 1)
            .advance("10:00:40.001")
            .expect("records held", 0)
            .expect("records orphan", 1)
            .expect("fault abandoned", 0);
    }

    #[test]
    fn grace_counts_from_stream_time_at_arrival() {
        // The ending is 20 s old when it arrives at stream time 10:00:30.
        case()
            .at("10:00:30")
            .alerted("x", "fault")
            .at("10:00:10")
            .abandoned("c", "fault")
            .advance("10:01:00")
            .expect("records held", 1)
            .advance("10:01:00.001")
            .expect("records orphan", 1);
    }

    #[test]
    fn second_held_ending_is_a_duplicate_before_it_ends_any_visit() {
        case()
            .at("10:00:10")
            .abandoned("c", "fault")
            .outcome(Held)
            .at("10:00:11")
            .queued("c", "billing")
            .at("10:00:12")
            .answered("c", "fault")
            .outcome(Duplicate)
            .expect("billing waiting", 1)
            .expect("billing left", 0);
    }

    #[test]
    fn end_of_a_replay_makes_orphans() {
        case()
            .at("10:00:10")
            .abandoned("c", "fault")
            .end_of_replay()
            .expect("records held", 0)
            .expect("records orphan", 1);
    }

    #[test]
    fn channel_of_a_visit_is_its_own_else_that_of_the_start_else_the_queues() {
        case()
            .at("10:00:00")
            .started("a", "chat")
            .queued_as("a", "fault", "web")
            .expect("fault/web waiting", 1)
            .started("b", "chat")
            .queued("b", "fault")
            .expect("fault/chat waiting", 1)
            .queued("c", "fault")
            .expect("fault/phone waiting", 1);
    }

    #[test]
    fn start_after_the_visit_opened_does_not_change_its_channel() {
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .started("c", "chat")
            .answered("c", "fault")
            .expect("fault/phone answered", 1)
            .expect("fault/chat answered", 0);
    }

    #[test]
    fn same_id_within_the_horizon_is_a_duplicate() {
        case()
            .at("10:00:00")
            .id("same")
            .alerted("a", "fault")
            .at("11:00:00")
            .id("same")
            .queued("b", "fault")
            .outcome(Duplicate)
            .at("11:00:00.001")
            .id("same")
            .queued("b", "fault")
            .outcome(Applied);
    }

    #[test]
    fn same_id_of_another_source_is_another_record() {
        case()
            .at("10:00:00")
            .id("same")
            .queued("a", "fault")
            .from("other")
            .id("same")
            .queued("b", "fault")
            .outcome(Applied)
            .expect("fault waiting", 2);
    }

    #[test]
    fn visit_is_lost_past_its_longest_wait() {
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .advance("12:00:00")
            .expect("fault waiting", 1)
            .expect("fault missed", 1)
            .advance("12:00:00.001")
            .expect("fault waiting", 0)
            .expect("fault lost", 1)
            .expect("fault missed", 1)
            .expect("fault abandoned", 0)
            .expect("fault answered", 0);
    }

    #[test]
    fn lost_visit_is_remembered_as_ended() {
        // Ten minutes of longest wait: lost at 10:10:00.
        case_with(|settings| settings.queues[1].1.max_wait = Some(Millis(600_000)))
            .at("10:00:00")
            .queued("c", "fault")
            .advance("10:10:00.001")
            .expect("fault lost", 1)
            .at("10:09:59")
            .queued("c", "fault")
            .outcome(Duplicate)
            .at("10:10:05")
            .answered_after("c", "fault", 6_000)
            .outcome(Duplicate)
            .at("10:10:00")
            .queued("c", "fault")
            .outcome(Applied);
    }

    #[test]
    fn visit_lost_before_its_target_makes_no_service_level_event() {
        case_with(|settings| settings.queues[1].1.max_wait = Some(Millis(15_000)))
            .at("10:00:00")
            .queued("c", "fault")
            .advance("10:05:00")
            .expect("fault lost", 1)
            .expect("fault missed", 0);
    }

    #[test]
    fn count_of_the_source_ends_no_visit() {
        case()
            .at("10:00:05")
            .queued("c", "fault")
            .say(EventPayload::QueueObserved { queue: "600".into(), waiting: 7, oldest_wait: None })
            .expect("observed fault", 7)
            .expect("fault waiting", 1)
            // An older observation does not replace a newer one.
            .at("10:00:04")
            .say(EventPayload::QueueObserved {
                queue: "fault".into(),
                waiting: 3,
                oldest_wait: None,
            })
            .expect("observed fault", 7);
    }

    #[test]
    fn restarted_source_loses_its_own_visits() {
        case()
            .at("10:00:00")
            .queued("a", "fault")
            .from("other")
            .queued("b", "fault")
            .at("10:00:10")
            .say(EventPayload::SourceRestarted)
            .expect("fault lost", 1)
            .expect("fault waiting", 1)
            .expect("fault missed", 0)
            // Remembered as ended at 10:00:10.
            .at("10:00:09")
            .queued("b", "fault")
            .outcome(Duplicate);
    }

    #[test]
    fn resumed_visit_is_a_new_one() {
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .at("10:00:03")
            .abandoned("c", "fault")
            .at("10:00:08")
            .queued("c", "fault")
            .at("10:00:10")
            .answered("c", "fault")
            .expect("fault offered", 2)
            .expect("fault abandoned", 1)
            .expect("fault answered", 1)
            .expect("fault wait_ms", 2_000);
    }

    #[test]
    fn late_record_counts_in_counters_and_today_only() {
        // Longest window 5 m, lateness 1 m: late is older than 10:04:00 at 10:10:00.
        case()
            .at("10:10:00")
            .alerted("x", "fault")
            .at("10:04:00")
            .answered_after("a", "fault", 1_000)
            .outcome(Applied)
            .at("10:03:59.999")
            .answered_after("b", "fault", 1_000)
            .outcome(Late)
            .expect("fault answered", 2)
            .expect("fault 5m answered", 0)
            .expect("fault today answered", 2);
    }

    #[test]
    fn late_record_of_yesterday_is_not_in_today() {
        case()
            .at("1d 00:10:00")
            .alerted("x", "fault")
            .at("23:59:59")
            .answered_after("a", "fault", 1_000)
            .outcome(Late)
            .expect("fault answered", 1)
            .expect("fault today answered", 0);
    }

    #[test]
    fn miss_by_timeout_is_placed_by_its_own_time() {
        // A late start at 10:03:40, target 2 minutes: missed at 10:05:40, which the 5m window
        // covers at 10:10:31.
        case_with(|settings| settings.queues[1].1.target_wait = Millis(120_000))
            .at("10:10:00")
            .alerted("x", "fault")
            .at("10:03:40")
            .queued("c", "fault")
            .outcome(Late)
            .advance("10:10:31")
            .expect("fault 5m offered", 0)
            .expect("fault 5m missed", 1);
    }

    #[test]
    fn time_ahead_of_the_log_is_clamped() {
        case()
            .logged_at("10:00:00")
            .at("10:01:00")
            .queued("a", "fault")
            .expect("skew", 0)
            .expect("fault longest_wait_ms", 0)
            .logged_at("10:00:00")
            .at("10:01:00.001")
            .queued("b", "fault")
            .expect("skew", 1)
            // b waits since 10:00:00, at stream time 10:01:00.
            .expect("fault longest_wait_ms", 60_000);
    }
}

mod window {
    use super::*;

    #[test]
    fn window_covers_whole_panes_up_to_stream_time() {
        // At 10:01:04.999 the current pane begins at 10:01:00; twelve panes begin at 10:00:05.
        case()
            .at("10:00:04.999")
            .queued("a", "fault")
            .at("10:00:05")
            .queued("b", "fault")
            .advance("10:01:04.999")
            .expect("fault 1m offered", 1)
            .advance("10:01:05")
            .expect("fault 1m offered", 0)
            .expect("fault 5m offered", 2);
    }

    #[test]
    fn today_is_the_business_day_of_the_zone() {
        case()
            .at("23:59:59.999")
            .queued("a", "fault")
            .expect("fault today offered", 1)
            .at("1d 00:00:00")
            .queued("b", "fault")
            .expect("fault today offered", 1)
            .expect("fault 1m offered", 2)
            .expect("fault offered", 2);
    }

    #[test]
    fn sums_and_the_maximum_are_of_answered_visits() {
        case()
            .at("10:00:00")
            .answered_after("a", "fault", 4_000)
            .answered_after("b", "fault", 11_000)
            .abandoned_after("c", "fault", 50_000)
            .expect("fault 1m wait_sum_ms", 15_000)
            .expect("fault 1m wait_max_ms", 11_000)
            .expect("fault 1m abandon_wait_sum_ms", 50_000);
    }

    #[test]
    fn maximum_leaves_with_its_visit() {
        case()
            .at("10:00:00")
            .answered_after("a", "fault", 11_000)
            .at("10:00:30")
            .answered_after("b", "fault", 4_000)
            .advance("10:01:00")
            .expect("fault 1m wait_max_ms", 4_000)
            .expect("fault 5m wait_max_ms", 11_000);
    }

    #[test]
    fn stream_time_never_goes_back() {
        case()
            .at("10:00:10")
            .queued("c", "fault")
            .advance("10:00:00")
            .expect("fault longest_wait_ms", 0);
    }
}

mod agent {
    use super::*;
    use AgentState::{Available, Busy, Offline};

    #[test]
    fn time_is_booked_up_to_the_allowed_lateness() {
        case()
            .at("10:00:00")
            .agent("a", Available, &["fault"])
            .at("10:00:30")
            .agent("a", Busy, &[])
            .advance("10:02:00")
            // Booked up to 10:01:00; the window covers up to 10:02:00, from 10:01:05 and 09:57:05.
            .expect("agent_ms fault available", 30_000)
            .expect("agent_ms fault busy", 30_000)
            .expect("agent_ms fault 1m busy", 55_000)
            .expect("agent_ms fault 5m busy", 90_000)
            .expect("agents fault busy", 1)
            .expect("agents fault available", 0);
    }

    #[test]
    fn late_change_moves_only_what_is_not_booked() {
        // At 10:02:00 all before 10:01:00 is booked; a change of 10:00:10 works from 10:01:00.
        case()
            .at("10:00:00")
            .agent("a", Available, &["fault"])
            .advance("10:02:00")
            .at("10:00:10")
            .agent("a", Busy, &[])
            .advance("10:03:00")
            .expect("agent_ms fault available", 60_000)
            .expect("agent_ms fault busy", 60_000);
    }

    #[test]
    fn older_change_does_not_replace_a_newer_state() {
        case()
            .at("10:00:30")
            .agent("a", Busy, &["fault"])
            .at("10:00:20")
            .agent("a", Available, &["fault"])
            .expect("agents fault busy", 1)
            .advance("10:02:00")
            .expect("agent_ms fault available", 10_000)
            .expect("agent_ms fault busy", 30_000);
    }

    #[test]
    fn late_pause_and_late_wrap_up_are_over_when_an_unpausing_is_newer() {
        case()
            .at("10:00:00")
            .line("NONE|fault|ann|ADDMEMBER|")
            .at("10:05:00")
            .line("NONE|fault|ann|UNPAUSE|")
            .advance("10:10:00")
            .at("10:04:00")
            .line("NONE|fault|ann|PAUSE|")
            .expect("agents fault available", 1)
            .at("10:04:30")
            .line("NONE|fault|ann|WRAPUPSTART|3600")
            .expect("agents fault available", 1)
            .at("10:04:40")
            .line("NONE|fault|ann|REMOVEMEMBER|")
            .expect("agents fault offline", 1)
            .at("10:06:00")
            .line("NONE|fault|ann|PAUSE|")
            .expect("agents fault paused", 1);
    }

    #[test]
    fn agent_counts_in_each_queue_and_new_queues_replace_old_ones() {
        case()
            .at("10:00:00")
            .agent("a", Available, &["fault", "billing"])
            .expect("agents fault available", 1)
            .expect("agents billing available", 1)
            .at("10:00:10")
            .agent("a", Available, &["billing"])
            .expect("agents fault available", 0)
            .at("10:00:20")
            .agent("a", Offline, &[])
            .expect("agents billing offline", 1)
            .expect("agents billing available", 0);
    }

    #[test]
    fn time_in_no_queue_counts_before_it_is_booked() {
        case()
            .at("10:00:00")
            .agent("a", Available, &[])
            .at("10:00:30")
            .agent("a", Available, &["fault"])
            .advance("10:00:40")
            .expect("agent_ms none 1m available", 30_000)
            .expect("agent_ms fault 1m available", 10_000);
    }

    #[test]
    fn agent_without_queues_counts_in_none() {
        case().at("10:00:00").agent("a", Available, &[]).expect("agents none available", 1);
    }
}

mod followup {
    use super::*;

    #[test]
    fn followup_is_open_until_the_citizen_is_informed() {
        case()
            .at("10:00:00")
            .followup_opened("f", Some("10:30:00"))
            .expect("followup open", 1)
            .advance("10:30:00")
            .expect("followup overdue", 0)
            .advance("10:30:00.001")
            .expect("followup overdue", 1)
            .at("10:40:00")
            .followup_informed("f")
            .expect("followup open", 0)
            .expect("followup overdue", 0)
            .expect("followup informed", 1)
            .expect("followup sum_ms", 2_400_000);
    }

    #[test]
    fn repeated_followup_events_are_duplicates() {
        case()
            .at("10:00:00")
            .followup_opened("f", None)
            .followup_opened("f", None)
            .outcome(Duplicate)
            .followup_informed("f")
            .followup_informed("f")
            .outcome(Duplicate)
            .expect("followup opened", 1)
            .expect("followup informed", 1);
    }

    #[test]
    fn informed_before_opened_is_never_open() {
        case()
            .at("10:00:05")
            .followup_informed("f")
            .expect("followup informed", 1)
            .at("10:00:00")
            .followup_opened("f", None)
            .outcome(Applied)
            .expect("followup open", 0)
            .expect("followup sum_ms", 5_000);
    }
}

mod field {
    use super::*;

    #[test]
    fn tombstone_is_ignored_and_moves_no_time() {
        let tombstone = |format| Content::Tombstone(format);
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .step(Step::Read {
                content: tombstone(Format::CloudEvents),
                timestamp_ms: Some(instant("12:00:00")),
            })
            .outcome(Ignored)
            .expect("fault waiting", 1)
            .expect("fault missed", 0)
            .expect("records ignored", 1)
            .expect("records rejected", 0)
            .step(Step::Read { content: tombstone(Format::AsteriskQueueLog), timestamp_ms: None })
            .expect("records ignored", 2)
            .expect("records applied", 1);
    }

    #[test]
    fn null_in_an_optional_field_is_absence() {
        case()
            .at("10:00:00")
            .with("channel", json!(null))
            .queued_as("c", "fault", "email")
            .at("10:00:07")
            .with("wait_ms", json!(null))
            .with("agent", json!(null))
            .answered("c", "fault")
            .outcome(Applied)
            .expect("fault answered", 1)
            .expect("fault wait_ms", 7_000)
            .expect("dropped", 0)
            .expect("skew", 0);
    }

    #[test]
    fn optional_field_is_left_out_and_counted_when_it_has_a_fault() {
        case()
            .at("10:00:00")
            .with("channel", json!("smoke signal"))
            .with("priority", json!(-1))
            .with("position", json!("third"))
            .with("is_callback", json!("no"))
            .queued("c", "fault")
            .outcome(Applied)
            .expect("dropped channel", 1)
            .expect("dropped priority", 1)
            .expect("dropped position", 1)
            .expect("dropped is_callback", 1)
            .at("10:00:07")
            .with("wait_ms", json!(7.5))
            .with("agent", json!(""))
            .answered("c", "fault")
            .outcome(Applied)
            .expect("fault wait_ms", 7_000)
            .expect("dropped wait_ms", 1)
            .expect("dropped agent", 1)
            .at("10:01:07")
            .with("queue", json!(7))
            .with("talk_ms", json!((1_u64 << 40) + 1))
            .with("ended_by", json!("nobody"))
            .ended("c")
            .expect("fault handled", 1)
            .expect("dropped queue", 1)
            .expect("dropped talk_ms", 1)
            .expect("dropped ended_by", 1)
            .expect("dropped", 9)
            .expect("records rejected", 0)
            .expect("skew", 0);
    }

    #[test]
    fn negative_duration_is_zero_and_clock_skew() {
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .at("10:00:30")
            .with("wait_ms", json!(-1))
            .answered("c", "fault")
            .expect("fault wait_ms", 0)
            .expect("fault met", 1)
            .expect("skew", 1)
            .at("10:00:40")
            .with("talk_ms", json!(-5))
            .with("hold_ms", json!(-5))
            .with("wrap_up_ms", json!(-5))
            .ended("c")
            .expect("fault handled", 1)
            .expect("skew", 4)
            .expect("dropped", 0);
    }

    #[test]
    fn faults_count_when_the_record_says_nothing_new_but_not_when_seen_before_or_rejected() {
        case()
            .at("10:00:00")
            .queued("c", "fault")
            .id("twice")
            .with("priority", json!(-1))
            .queued("c", "fault")
            .outcome(Duplicate)
            .expect("dropped priority", 1)
            .id("twice")
            .with("priority", json!(-1))
            .queued("c", "fault")
            .outcome(Duplicate)
            .expect("dropped priority", 1)
            .with("channel", json!(7))
            .with("contact_id", json!(7))
            .rejected_queued(Reason::WrongType)
            .expect("dropped", 1);
    }

    #[test]
    fn held_ending_counts_its_faults_when_it_arrives() {
        case()
            .at("10:00:10")
            .with("wait_ms", json!("ten"))
            .answered("c", "fault")
            .outcome(Held)
            .expect("dropped wait_ms", 1)
            .at("10:00:00")
            .queued("c", "fault")
            .expect("fault wait_ms", 10_000)
            .expect("dropped", 1);
    }

    #[test]
    fn hold_and_talk_of_a_queue_log_are_fields_and_cost_no_line() {
        case()
            .bytes(b"1767601000|1.1|fault|NONE|ENTERQUEUE||x|1")
            .bytes(b"1767601004|1.1|fault|SIP/1|CONNECT|soon|1.2|1")
            .outcome(Applied)
            .expect("fault wait_ms", 4_000)
            .bytes(b"1767601064|1.1|fault|SIP/1|COMPLETECALLER|4|1.5|1")
            .outcome(Applied)
            .expect("fault handled", 1)
            .expect("dropped wait_ms", 1)
            .expect("dropped talk_ms", 1)
            .bytes(b"1767601100|1.3|fault|NONE|ENTERQUEUE||x|1")
            .bytes(b"1767601099|1.3|fault|NONE|ABANDON|1|1|-1")
            .expect("fault abandoned", 1)
            .expect("skew", 1)
            .expect("dropped", 2)
            .expect("records rejected", 0);
    }

    #[test]
    fn hold_of_an_end_is_skew_only_when_it_implies_the_answer() {
        case()
            .bytes(b"1767601000|1.1|fault|NONE|ENTERQUEUE||x|1")
            .bytes(b"1767601004|1.1|fault|SIP/1|CONNECT|4|1.2|1")
            .bytes(b"1767601064|1.1|fault|SIP/1|COMPLETECALLER|-4|60|1")
            .expect("skew", 0)
            .bytes(b"1767601164|1.3|fault|SIP/1|COMPLETECALLER|-4|60|1")
            .outcome(Applied)
            .expect("fault answered", 2)
            .expect("fault wait_ms", 4_000)
            .expect("skew", 1)
            .expect("dropped", 0);
    }

    #[test]
    fn name_in_another_encoding_costs_no_line_and_agents_stay_apart() {
        case()
            .bytes(b"1767601000|NONE|caf\xe9|Ren\xe9|ADDMEMBER|")
            .bytes(b"1767601000|NONE|caf\xe9|Ren\xe8|ADDMEMBER|")
            .outcome(Applied)
            .expect("agents caf\u{fffd} available", 2)
            .bytes(b"1767601001|NONE|caf\xe9|Ren\xe9|PAUSE|lunch")
            .expect("agents caf\u{fffd} available", 1)
            .expect("agents caf\u{fffd} paused", 1)
            .expect("dropped queue", 3)
            .expect("dropped agent", 3)
            .expect("records applied", 3);
    }
}

#[test]
fn channel_numbers_match_the_contract() {
    assert_eq!(Channels::default().id("phone"), Some(ChannelId::PHONE));
    assert_eq!(Channels::default().id("email"), Some(crate::oracle::world::EMAIL));
    assert_eq!(Channels::default().id("web"), Some(crate::oracle::world::WEB));
}
