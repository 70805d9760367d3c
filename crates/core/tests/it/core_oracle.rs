//! Random logs, folded by the core and counted by the oracle: every number of every snapshot must
//! be the same.
//!
//! `NABIZ_ORACLE_CASES` sets the number of logs (default 3000), `NABIZ_ORACLE_SEED` the seed
//! (default 0).

use std::sync::Arc;

use nabiz_core::decode::Format;
use nabiz_core::event::{
    AgentState, ChannelId, EndedBy, EventPayload, LeftReason, Reason, SelfServiceOutcome, Text,
    TransferKind,
};
use nabiz_core::settings::Settings;
use nabiz_core::shard::{AheadRule, Ceiling};
use nabiz_core::time::{Millis, Timestamp, WallTime};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::oracle::crash::CheckpointStep;
use crate::oracle::flaws::{Flaw, flaws_of, optional_fields};
use crate::oracle::late::late_log;
use crate::oracle::log::{Content, Event, Step, type_and_data};
use crate::oracle::run::{Run, disagreement};
use crate::oracle::world::{DAY, EMAIL, HOUR, MINUTE, MONDAY, SECOND, WEB, variant};

/// The relation between the event time and the timestamp of the record in the log.
#[derive(Clone, Copy, Debug)]
enum Stamp {
    /// No timestamp, as in a replay.
    Absent,
    /// The timestamp is the event time.
    Exact,
    /// The event has no time, the record has a timestamp.
    InsteadOfTime,
    /// The event time is this much ahead of the timestamp.
    Ahead(i64),
    /// Neither has a time.
    Neither,
    /// The timestamp is in seconds.
    Seconds,
}

/// The clock at the reading of a record.
#[derive(Clone, Copy, Debug)]
struct Host {
    /// Its error against the world's clock.
    error_ms: i64,
    rule: AheadRule,
}

#[derive(Clone, Debug)]
enum Act {
    Say(EventPayload<'static>),
    Repeat(usize),
    Invalid(String, Reason),
    Tombstone,
    Advance,
    RejectHeld,
}

#[derive(Clone, Debug)]
struct Op {
    act: Act,
    source: u8,
    /// The advance of the world's clock before the operation.
    step_ms: i64,
    /// The lag of the event time behind that clock.
    back_ms: i64,
    stamp: Stamp,
    host: Option<Host>,
    /// An optional field and a wrong value for it.
    flaw: Option<(Index, Index)>,
    swap_with_next: bool,
}

#[derive(Clone, Debug)]
struct Log {
    variant: u8,
    begins_ms: i64,
    compare_every: usize,
    ops: Vec<Op>,
}

/// Returns values that are no valid event, each with the reason of its rejection. Their time would
/// move stream time far ahead if it counted.
fn invalid() -> Vec<(String, Reason)> {
    let event = |kind: &str, data: Value| {
        json!({
            "specversion": "1.0",
            "id": "r",
            "source": "s0",
            "type": kind,
            "time": "2030-01-01T00:00:00Z",
            "data": data,
        })
        .to_string()
    };
    let queued = |data| event("contact.queued", data);
    let too_many = json!({"queue": "fault", "waiting": 1_099_511_627_777_u64});
    vec![
        ("{".to_string(), Reason::NotJson),
        (String::new(), Reason::NotJson),
        ("[1]".to_string(), Reason::NotObject),
        (event("contact.fed", json!({})), Reason::UnknownType),
        (queued(json!({"contact_id": "p0"})), Reason::MissingField),
        (queued(json!({"contact_id": null, "queue": "fault"})), Reason::WrongType),
        (queued(json!({"contact_id": "", "queue": "fault"})), Reason::TextLength),
        (
            event("contact.started", json!({"contact_id": "p0", "channel": "smoke"})),
            Reason::UnknownValue,
        ),
        (event("queue.observed", too_many), Reason::OutOfRange),
    ]
}

fn text(value: &str) -> Text<'static> {
    value.to_string().into()
}

/// A contact with its possible queues and channels.
type Contact = (Text<'static>, &'static [&'static str], &'static [ChannelId]);

/// Telephone contacts, mail contacts, and one of both kinds.
fn contact() -> impl Strategy<Value = Contact> {
    const PHONE_QUEUES: &[&str] = &["fault", "600", "billing", "fault", "desk"];
    const MAIL_QUEUES: &[&str] = &["mail", "office"];
    const ALL_QUEUES: &[&str] = &["fault", "mail", "office", "desk"];
    let mut kinds: Vec<(&str, &[&str], &[ChannelId])> = vec![
        ("p0", PHONE_QUEUES, &[ChannelId::PHONE]),
        ("p1", PHONE_QUEUES, &[ChannelId::PHONE, ChannelId::CHAT]),
        ("p2", PHONE_QUEUES, &[ChannelId::PHONE]),
        ("m0", MAIL_QUEUES, &[EMAIL]),
        ("m1", MAIL_QUEUES, &[EMAIL, WEB]),
    ];
    if std::env::var_os("NABIZ_ORACLE_UNMIXED").is_none() {
        kinds.push(("x0", ALL_QUEUES, &[EMAIL, ChannelId::PHONE]));
    }
    select(kinds).prop_map(|(id, queues, channels)| (text(id), queues, channels))
}

fn wait() -> impl Strategy<Value = Option<Millis>> {
    let edges =
        vec![0, 1, 4_999, 5_000, 5_001, 9_999, 10_001, 19_999, 20_000, 20_001, 60_000, 700_000];
    prop_oneof![
        3 => Just(None),
        1 => select(edges).prop_map(|wait_ms| Some(Millis(wait_ms))),
        1 => (0u64..40_000).prop_map(|wait_ms| Some(Millis(wait_ms))),
    ]
}

fn duration() -> impl Strategy<Value = Option<Millis>> {
    let durations = [0, 1, 1_000, 30_000, 400_000].map(Millis).to_vec();
    prop_oneof![Just(None), select(durations).prop_map(Some)]
}

fn entry_point() -> impl Strategy<Value = Option<Text<'static>>> {
    select(vec![None, Some(text("ivr")), Some(text("menu#top"))])
}

fn contact_payload() -> impl Strategy<Value = EventPayload<'static>> {
    (contact(), any::<prop::sample::Index>(), any::<prop::sample::Index>()).prop_flat_map(
        |((contact, queues, channels), queue, channel)| {
            let queue = text(queues[queue.index(queues.len())]);
            let channel = channels[channel.index(channels.len())];
            let c = move || contact.clone();
            let q = move || queue.clone();
            let given = || prop_oneof![2 => Just(None), 1 => Just(Some(channel))];
            let named = |queue: Text<'static>| prop_oneof![2 => Just(None), 1 => Just(Some(queue))];
            prop_oneof![
                3 => select(vec![None, Some(text("menu")), Some(text("menu?id=1"))]).prop_map({
                    let c = c.clone();
                    move |entry_point| EventPayload::ContactStarted {
                        contact: c(), channel, entry_point,
                    }
                }),
                1 => (select(SelfServiceOutcome::ALL), entry_point()).prop_map({
                    let c = c.clone();
                    move |(outcome, entry_point)| EventPayload::SelfService {
                        contact: c(), outcome, entry_point,
                    }
                }),
                8 => (prop_oneof![2 => Just(None), 1 => Just(Some(channel))], any::<bool>()).prop_map({
                    let (c, q) = (c.clone(), q.clone());
                    move |(channel, is_callback)| EventPayload::Queued {
                        contact: c(), queue: q(), channel, is_callback,
                    }
                }),
                1 => Just(EventPayload::Alerted { contact: c(), queue: q() }),
                1 => Just(EventPayload::NotAnswered { contact: c(), queue: q() }),
                6 => (given(), agent_if_any(), wait()).prop_map({
                    let (c, q) = (c.clone(), q.clone());
                    move |(channel, agent, wait)| EventPayload::Answered {
                        contact: c(), queue: q(), channel, agent, wait,
                    }
                }),
                3 => (given(), wait()).prop_map({
                    let (c, q) = (c.clone(), q.clone());
                    move |(channel, wait)| EventPayload::Abandoned {
                        contact: c(), queue: q(), channel, wait,
                    }
                }),
                2 => (given(), wait(), select(LeftReason::ALL)).prop_map({
                    let (c, q) = (c.clone(), q.clone());
                    move |(channel, wait, reason)| EventPayload::LeftQueue {
                        contact: c(), queue: q(), channel, reason, wait,
                    }
                }),
                2 => named(q()).prop_map({
                    let c = c.clone();
                    move |queue| EventPayload::Replied { contact: c(), queue }
                }),
                1 => (named(q()), select(TransferKind::ALL), any::<bool>()).prop_map({
                    let c = c.clone();
                    move |(from_queue, kind, is_known)| EventPayload::Transferred {
                        contact: c(), from_queue, to_queue: None, kind: is_known.then_some(kind),
                    }
                }),
                3 => (named(q()), duration(), duration(), duration(), ended_by()).prop_map({
                    let c = c.clone();
                    move |(queue, talk, hold, wrap_up, ended_by)| EventPayload::Ended {
                        contact: c(), queue, talk, hold, wrap_up, ended_by, implied: None,
                    }
                }),
                2 => named(q()).prop_map({
                    let c = c.clone();
                    move |queue| EventPayload::Resolved { contact: c(), queue }
                }),
                1 => (named(q()), given()).prop_map({
                    let c = c.clone();
                    move |(queue, channel)| EventPayload::Reopened { contact: c(), queue, channel }
                }),
                1 => (1u16..=5, named(q()), select(vec![None, Some(channel)])).prop_map({
                    let c = c.clone();
                    move |(score, queue, channel)| EventPayload::SurveyAnswered {
                        contact: c(), score, queue, channel,
                    }
                }),
            ]
        },
    )
}

fn ended_by() -> impl Strategy<Value = Option<EndedBy>> {
    prop_oneof![2 => Just(None), 1 => select(EndedBy::ALL).prop_map(Some)]
}

fn agent_if_any() -> impl Strategy<Value = Option<Text<'static>>> {
    select(vec![None, Some(text("a0")), Some(text("a1"))])
}

fn other_payload() -> impl Strategy<Value = EventPayload<'static>> {
    let agent = || select(vec![text("a0"), text("a1")]);
    let queue = || select(vec![text("fault"), text("600"), text("billing"), text("desk")]);
    let queues = || {
        select(vec![
            vec!["fault"],
            vec!["600", "billing"],
            vec!["billing", "desk"],
            vec!["fault", "600"],
        ])
        .prop_map(|queues| queues.into_iter().map(text).collect::<Vec<_>>())
    };
    // The last one is as long as a reason can be.
    let reason = || select(vec![None, Some(text("lunch")), Some(text(&"x".repeat(64)))]);
    let followup = || select(vec![text("f0"), text("f1"), text("f2")]);
    let unit = || select(vec![Some(text("callback")), Some(text("field"))]);
    prop_oneof![
        4 => (agent(), select(AgentState::ALL), reason(), prop::option::of(queues()))
            .prop_map(|(agent, state, reason, queues)| EventPayload::AgentStateChanged {
                agent, state, reason, queues,
            }),
        2 => (followup(), unit(), prop::option::of(select(vec![0, 1, 30_000, HOUR]))).prop_map(
            |(followup, unit, due)| {
                let due = due.map(|due| Timestamp(MONDAY + due));
                EventPayload::FollowupOpened { followup, unit, due }
            }
        ),
        1 => (followup(), unit())
            .prop_map(|(followup, unit)| EventPayload::FollowupWorkDone { followup, unit }),
        2 => (followup(), unit())
            .prop_map(|(followup, unit)| EventPayload::FollowupInformed { followup, unit }),
        1 => (queue(), 0u64..5, prop::option::of(0u64..60_000)).prop_map(
            |(queue, waiting, oldest)| {
                let oldest_wait = oldest.map(Millis);
                EventPayload::QueueObserved { queue, waiting, oldest_wait }
            }
        ),
        1 => Just(EventPayload::SourceRestarted),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let act = prop_oneof![
        30 => contact_payload().prop_map(Act::Say),
        6 => other_payload().prop_map(Act::Say),
        2 => (0usize..20).prop_map(Act::Repeat),
        1 => select(invalid()).prop_map(|(text, reason)| Act::Invalid(text, reason)),
        1 => Just(Act::Tombstone),
        3 => Just(Act::Advance),
        1 => Just(Act::RejectHeld),
    ];
    let step_ms = prop_oneof![
        6 => select(vec![0, 1, 999, 1_000, 2_000, 3_000, 4_999, 5_000, 5_001]),
        2 => 0i64..30_000,
        3 => select(vec![
            7_999, 8_000, 8_001, 10_000, 12_000, 19_999, 20_000, 20_001, 21_000, 21_001, 21_999,
            22_000, 22_001, 29_999, 30_000, 30_001,
        ]),
        1 => select(vec![
            MINUTE, MINUTE + 1, 2 * MINUTE, 2 * MINUTE + 1, 5 * MINUTE, 5 * MINUTE + 1,
            10 * MINUTE, 10 * MINUTE + 1,
        ]),
        1 => select(vec![HOUR, HOUR + 1, 2 * HOUR, 2 * HOUR + 1, 4 * HOUR + 1, 9 * HOUR, DAY]),
    ];
    let back_ms = prop_oneof![
        10 => Just(0),
        3 => select(vec![1, 1_000, 2_000, 5_000, 20_000, 30_000, 45_000]),
        2 => select(vec![60_000, 60_001, 200_000, 360_000, 360_001, 400_000, HOUR, 4 * HOUR]),
    ];
    let stamp = prop_oneof![
        8 => Just(Stamp::Absent),
        8 => Just(Stamp::Exact),
        2 => Just(Stamp::InsteadOfTime),
        1 => select(vec![59_999, 60_000, 60_001, HOUR]).prop_map(Stamp::Ahead),
        1 => Just(Stamp::Neither),
        1 => Just(Stamp::Seconds),
    ];
    let errors = vec![0, -1, -59_999, -60_000, -60_001, -61_000, 61_000, -3 * HOUR, 2 * DAY];
    let rule = select(vec![AheadRule::Clamp, AheadRule::Keep, AheadRule::Reject]);
    let host = (select(errors), rule).prop_map(|(error_ms, rule)| Host { error_ms, rule });
    let host = prop_oneof![2 => Just(None), 1 => host.prop_map(Some)];
    let flaw = prop::option::weighted(0.1, any::<(Index, Index)>());
    (act, 0u8..3, step_ms, back_ms, stamp, (host, flaw), prop::bool::weighted(0.15)).prop_map(
        |(act, source, step_ms, back_ms, stamp, (host, flaw), swap_with_next)| Op {
            act,
            source,
            step_ms,
            back_ms,
            stamp,
            host,
            flaw,
            swap_with_next,
        },
    )
}

fn log() -> impl Strategy<Value = Log> {
    // Before midnight, before the offices open, and in the middle of the day.
    let begins =
        select(vec![-5 * MINUTE, -10 * SECOND, 6 * HOUR - MINUTE, 8 * HOUR - MINUTE, 12 * HOUR]);
    (0u8..4, begins, compare_every(), prop::collection::vec(op(), 1..70)).prop_map(
        |(variant, begins, compare_every, ops)| Log {
            variant,
            begins_ms: MONDAY + begins,
            compare_every,
            ops,
        },
    )
}

/// Lines of a queue_log: a line may mean two events, and may concern a single queue of an agent.
fn queue_log_line() -> impl Strategy<Value = (i64, i64, String)> {
    const VERBS: &[&str] = &[
        "ENTERQUEUE||caller|1",
        "CONNECT|{n}|c|2",
        "CONNECT|",
        "ABANDON|1|1|{n}",
        "EXITWITHTIMEOUT|1|1|{n}",
        "AGENTDUMP|",
        "SYSCOMPAT|",
        "FULL|",
        "RINGNOANSWER|1000",
        "COMPLETEAGENT|{n}|{t}|1",
        "COMPLETECALLER|1|{t}|1",
        "COMPLETECALLER|1",
        "COMPLETECALLER|",
        "WRAPUPSTART|{n}",
        "WRAPUPSTART|",
        "BLINDTRANSFER|x|y|1|{t}|1",
        "ATTENDEDTRANSFER|BRIDGE|z|1|{t}|1",
        "ATTENDEDTRANSFER|LINK|z|z|{n}|{t}|1|",
        "TRANSFER|x|y|{n}|{t}|1",
        "ADDMEMBER|",
        "ADDMEMBER|PAUSED",
        "PAUSE|",
        "PAUSE|lunch",
        "UNPAUSE|",
        "REMOVEMEMBER|",
        "PAUSEALL|",
        "PAUSEALL|caf\u{e9}",
        "UNPAUSEALL|",
        "AGENTLOGIN|x",
        "AGENTLOGOFF|x|1",
        "QUEUESTART|",
        "CONFIGRELOAD|",
        "NOSUCHVERB|",
    ];
    let step_ms = prop_oneof![
        4 => select(vec![0, 1, 1_000, 2_000, 5_000, 19_999, 22_000]),
        1 => 0i64..40_000,
        1 => select(vec![30_001, MINUTE, 5 * MINUTE, 10 * MINUTE + 1, HOUR, 5 * HOUR]),
    ];
    let back_ms = prop_oneof![6 => Just(0), 1 => select(vec![1, 1_000, 20_000, 38_000])];
    let call = select(vec!["1.1", "1.2", "1.3"]);
    // The names with an é are in Latin-1, which is no UTF-8.
    let queue = select(vec!["fault", "600", "billing", "desk", "caf\u{e9}"]);
    let agent = select(vec!["SIP/1", "SIP/2", "NONE", "Ren\u{e9}", "Ren\u{e8}"]);
    let seconds = select(vec!["0", "3", "20", "21", "700", "-7", "soon", "1.5", "99999999999"]);
    // An implied answer is this much earlier than its line, and is not late either.
    let talk = select(vec!["0", "1", "20", "21", "-7", "soon"]);
    let words = (call, queue, agent, select(VERBS), seconds, talk);
    (step_ms, back_ms, words).prop_map(
        |(step_ms, back_ms, (call, queue, agent, verb, seconds, talk))| {
            let verb = verb.replace("{n}", seconds).replace("{t}", talk);
            (step_ms, back_ms, format!("{call}|{queue}|{agent}|{verb}"))
        },
    )
}

/// Queue logs whose lines, and the answers that they imply, are never later than the allowed
/// lateness: the contract does not define the order of a call and a membership that arrive after
/// their time was booked.
fn queue_log() -> impl Strategy<Value = (u8, usize, Vec<Step>)> {
    (0u8..3, compare_every(), prop::collection::vec(queue_log_line(), 1..60)).prop_map(
        |(variant, compare_every, lines)| {
            let mut clock = MONDAY - 5 * MINUTE;
            let steps = lines.into_iter().map(|(step_ms, back_ms, rest)| {
                clock += step_ms;
                let time = clock - back_ms;
                let line =
                    format!("{}.{:03}|{rest}", time.div_euclid(SECOND), time.rem_euclid(SECOND));
                let latin_1 = line.chars().map(|char| u32::from(char) as u8).collect();
                Step::Read { content: Content::QueueLog(latin_1), timestamp_ms: None }
            });
            (variant, compare_every, steps.collect())
        },
    )
}

/// Lines of a queue_log about agents alone, however late, no two of the same time: the contract
/// does not define what a late line finds out about the order of those.
fn late_agent_lines() -> impl Strategy<Value = (u8, usize, Vec<Step>)> {
    const VERBS: &[&str] = &[
        "ADDMEMBER|",
        "PAUSE|",
        "PAUSE|lunch",
        "UNPAUSE|",
        "UNPAUSE|",
        "REMOVEMEMBER|",
        "PAUSEALL|meeting",
        "UNPAUSEALL|",
        "UNPAUSEALL|",
        "WRAPUPSTART|20",
        "WRAPUPSTART|700",
        "AGENTLOGIN|x",
        "AGENTLOGOFF|x|1",
    ];
    let step_ms = select(vec![0, 1_000, 20_000, MINUTE, 3 * MINUTE]);
    let back_ms = prop_oneof![
        1 => Just(0),
        1 => select(vec![1_000, 20_000, MINUTE, 61_000, 3 * MINUTE, 10 * MINUTE]),
    ];
    let queue = select(vec!["fault", "billing"]);
    let line = (step_ms, back_ms, queue, select(vec!["A", "B"]), select(VERBS));
    (0u8..4, compare_every(), prop::collection::vec(line, 1..30)).prop_map(
        |(variant, compare_every, lines)| {
            let mut clock = MONDAY + 12 * HOUR;
            let steps = (0..).zip(lines).map(|(number, (step_ms, back_ms, queue, agent, verb))| {
                clock += step_ms;
                let time = clock - back_ms + number;
                let (seconds, millis) = (time.div_euclid(SECOND), time.rem_euclid(SECOND));
                let line = format!("{seconds}.{millis:03}|NONE|{queue}|{agent}|{verb}");
                let content = Content::QueueLog(line.into_bytes());
                Step::Read { content, timestamp_ms: None }
            });
            (variant, compare_every, steps.collect())
        },
    )
}

impl Op {
    /// Returns the flaws of an event with a payload.
    fn flaws(&self, payload: &EventPayload<'_>) -> Vec<Flaw> {
        let fields = optional_fields(type_and_data(payload).0);
        let Some((field, value)) = self.flaw.filter(|_| !fields.is_empty()) else {
            return Vec::new();
        };
        let flaws = flaws_of(fields[field.index(fields.len())]);
        vec![flaws[value.index(flaws.len())].clone()]
    }
}

impl Log {
    fn steps(&self) -> Vec<Step> {
        let mut clock = self.begins_ms;
        let mut steps: Vec<Step> = Vec::new();
        for (number, op) in self.ops.iter().enumerate() {
            clock += op.step_ms;
            let time = clock - op.back_ms;
            let step = match &op.act {
                Act::Say(body) => {
                    let (time_ms, timestamp_ms) = match op.stamp {
                        Stamp::Absent => (Some(time), None),
                        Stamp::Exact => (Some(time), Some(clock)),
                        Stamp::InsteadOfTime => (None, Some(time)),
                        Stamp::Ahead(ahead) => (Some(time), Some(time - ahead)),
                        Stamp::Neither => (None, None),
                        Stamp::Seconds => (Some(time), Some(clock / SECOND)),
                    };
                    let event = Event {
                        source: format!("s{}", op.source),
                        id: number.to_string(),
                        time_ms,
                        payload: body.clone(),
                        flaws: op.flaws(body),
                    };
                    let content = Content::Event(event);
                    match op.host {
                        None => Step::Read { content, timestamp_ms },
                        Some(Host { error_ms, rule }) => {
                            let ceiling = Ceiling { clock: WallTime(clock + error_ms), rule };
                            Step::ReadByClock { content, timestamp_ms, ceiling }
                        }
                    }
                }
                Act::Repeat(back) => {
                    let Some(index) = steps.len().checked_sub(back + 1) else { continue };
                    match steps[index].clone() {
                        // The log received the record again, now.
                        Step::Read { content, timestamp_ms } => {
                            Step::Read { content, timestamp_ms: timestamp_ms.map(|_| clock) }
                        }
                        step => step,
                    }
                }
                Act::Invalid(text, reason) => Step::Read {
                    content: Content::Invalid(text.clone().into_bytes(), *reason),
                    timestamp_ms: Some(clock),
                },
                Act::Tombstone => Step::Read {
                    content: Content::Tombstone(Format::CloudEvents),
                    timestamp_ms: Some(clock),
                },
                Act::Advance if steps.is_empty() => continue,
                Act::Advance => Step::Advance(time),
                Act::RejectHeld => Step::RejectHeld,
            };
            steps.push(step);
        }
        for index in 1..steps.len() {
            if self.ops[index].swap_with_next && index > 1 {
                steps.swap(index - 1, index);
            }
        }
        steps
    }
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// The number of steps between snapshots. Sometimes the only snapshot is that at the end, so that
/// many facts are pending.
fn compare_every() -> impl Strategy<Value = usize> {
    prop_oneof![3 => 1usize..8, 1 => Just(1000)]
}

/// The checkpoint steps along a log.
fn checkpoint_steps() -> impl Strategy<Value = Vec<Vec<CheckpointStep>>> {
    let step = select(vec![
        CheckpointStep::Capture,
        CheckpointStep::Capture,
        CheckpointStep::Capture,
        CheckpointStep::Store,
        CheckpointStep::Store,
        CheckpointStep::RollBack,
        CheckpointStep::Crash,
        CheckpointStep::CrashAfterStore,
    ]);
    let checkpoint_steps =
        prop_oneof![2 => Just(Vec::new()), 3 => prop::collection::vec(step, 1..4)];
    prop::collection::vec(checkpoint_steps, 1..70)
}

/// Settings with an interval history.
fn with_history(number: u8) -> Arc<Settings> {
    Arc::new(Settings {
        history_interval: Some(Millis(15 * MINUTE as u64)),
        ..Settings::clone(&variant(number))
    })
}

/// Compares core and oracle on random logs, as many as the environment says. Reports a difference
/// with the smallest log that has it.
fn compare_on_logs<T: std::fmt::Debug>(logs: impl Strategy<Value = T>, of: impl Fn(&T) -> Run) {
    let seed = from_environment("NABIZ_ORACLE_SEED", 0);
    let cases = from_environment("NABIZ_ORACLE_CASES", 3000) as u32;
    let config =
        Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let outcome =
        TestRunner::new_with_rng(config, rng).run(&logs, |log| match disagreement(&of(&log)) {
            None => Ok(()),
            Some(found) => Err(TestCaseError::fail(found.join("\n"))),
        });
    if let Err(error) = outcome {
        let TestError::Fail(reason, log) = error else { panic!("{error}") };
        let Run { settings, compare_every, steps, checkpoint_steps } = of(&log);
        let lines: Vec<String> = (steps.iter().enumerate())
            .map(|(index, step)| {
                format!(
                    "{index:3} {step} {:?}",
                    checkpoint_steps.get(index).map_or(&[][..], Vec::as_slice)
                )
            })
            .collect();
        panic!(
            "seed {seed}, snapshot every {compare_every}:\n{}\n{reason}\n{settings:?}",
            lines.join("\n")
        );
    }
}

#[test]
fn core_equals_oracle_on_generated_events() {
    compare_on_logs(log(), |log| Run {
        settings: variant(log.variant),
        compare_every: log.compare_every,
        steps: log.steps(),
        checkpoint_steps: Vec::new(),
    });
}

#[test]
fn core_equals_oracle_on_generated_queue_logs() {
    compare_on_logs(queue_log(), |(number, compare_every, steps)| Run {
        settings: variant(*number),
        compare_every: *compare_every,
        steps: steps.clone(),
        checkpoint_steps: Vec::new(),
    });
}

#[test]
fn core_equals_oracle_on_late_lines_of_agents() {
    compare_on_logs(late_agent_lines(), |(number, compare_every, steps)| Run {
        settings: variant(*number),
        compare_every: *compare_every,
        steps: steps.clone(),
        checkpoint_steps: Vec::new(),
    });
}

#[test]
fn core_equals_oracle_on_late_batches() {
    let noise = prop_oneof![contact_payload(), other_payload()];
    compare_on_logs(late_log(noise, compare_every()), |log| Run {
        settings: variant(log.variant),
        compare_every: log.compare_every,
        steps: log.steps(),
        checkpoint_steps: Vec::new(),
    });
}

#[test]
fn core_equals_oracle_on_late_batches_when_checkpoints_fail_and_processes_crash() {
    let noise = prop_oneof![contact_payload(), other_payload()];
    compare_on_logs(
        (late_log(noise, compare_every()), checkpoint_steps()),
        |(log, checkpoint_steps)| Run {
            settings: with_history(log.variant),
            compare_every: log.compare_every,
            steps: log.steps(),
            checkpoint_steps: checkpoint_steps.clone(),
        },
    );
}

#[test]
fn core_equals_oracle_on_events_when_checkpoints_fail_and_processes_crash() {
    compare_on_logs((log(), checkpoint_steps()), |(log, checkpoint_steps)| Run {
        settings: with_history(log.variant),
        compare_every: log.compare_every,
        steps: log.steps(),
        checkpoint_steps: checkpoint_steps.clone(),
    });
}

#[test]
fn core_equals_oracle_on_queue_logs_when_checkpoints_fail_and_processes_crash() {
    compare_on_logs(
        (queue_log(), checkpoint_steps()),
        |((number, compare_every, steps), checkpoint_steps)| Run {
            settings: with_history(*number),
            compare_every: *compare_every,
            steps: steps.clone(),
            checkpoint_steps: checkpoint_steps.clone(),
        },
    );
}
