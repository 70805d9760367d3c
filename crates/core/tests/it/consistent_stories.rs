//! Stories whose visits have one ending each give the same counts when their records are read in
//! another order, within the grace, and some of them twice.

use std::sync::Arc;

use nabiz_core::event::{ChannelId, EndedBy, EventPayload, LeftReason, TransferKind};
use nabiz_core::settings::Settings;
use nabiz_core::shard::{RecordOutcome, Shard};
use nabiz_core::snapshot::Snapshot;
use nabiz_core::time::{Millis, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::oracle::log::{Content, Event, Step, step_shard};
use crate::oracle::world::{EMAIL, HOUR, MONDAY, SECOND, settings};

/// What ends a visit, and what follows.
#[derive(Clone, Debug)]
enum Ending {
    /// Answered, with so many offers that nobody took before, and then one of these.
    Answered {
        by: Option<&'static str>,
        offers: u8,
        then: Service,
    },
    Abandoned {
        ended_by: Option<EndedBy>,
    },
    Left {
        reason: LeftReason,
    },
    /// The source tells no more than the end.
    Ended {
        talk_s: Option<i64>,
        by: Option<EndedBy>,
    },
    /// Answered by the first of ten replies.
    Replied,
}

/// A conversation, and its end. In a chat the agent replies ten times, and answers as often.
#[derive(Clone, Debug)]
enum Service {
    Ended {
        is_chat: bool,
        gives_talk: bool,
        by: Option<EndedBy>,
    },
    /// A blind transfer to the next visit.
    Transferred,
}

/// A visit and its conversation.
#[derive(Clone, Debug)]
struct Leg {
    is_mail: bool,
    queue: usize,
    is_callback: bool,
    wait_s: i64,
    gives_wait: bool,
    names_queue: bool,
    ending: Ending,
}

/// One contact.
#[derive(Clone, Debug)]
struct Story {
    begins_s: i64,
    is_started: bool,
    legs: Vec<Leg>,
}

/// A record with its time.
#[derive(Clone, Debug)]
struct Told {
    time: i64,
    payload: EventPayload<'static>,
}

/// How far apart two records are that cannot change places, in seconds.
const APART_S: i64 = 31;

fn ended_by() -> impl Strategy<Value = Option<EndedBy>> {
    select(vec![None, Some(EndedBy::Agent), Some(EndedBy::Customer), Some(EndedBy::System)])
}

fn ending() -> impl Strategy<Value = Ending> {
    let service = prop_oneof![
        3 => (any::<bool>(), any::<bool>(), ended_by())
            .prop_map(|(is_chat, gives_talk, by)| Service::Ended { is_chat, gives_talk, by }),
        1 => Just(Service::Transferred),
    ];
    prop_oneof![
        4 => (select(vec![None, Some("ann"), Some("bob")]), 0u8..3, service)
            .prop_map(|(by, offers, then)| Ending::Answered { by, offers, then }),
        2 => ended_by().prop_map(|ended_by| Ending::Abandoned { ended_by }),
        1 => select(LeftReason::ALL).prop_map(|reason| Ending::Left { reason }),
        2 => (select(vec![None, Some(0), Some(7), Some(50)]), ended_by())
            .prop_map(|(talk_s, by)| Ending::Ended { talk_s, by }),
        1 => Just(Ending::Replied),
    ]
}

fn leg() -> impl Strategy<Value = Leg> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (flags, 0usize..2, select(vec![0, 1, 4, 9, 11, 19, 21, 25, 40]), ending()).prop_map(
        |((is_mail, is_callback, gives_wait, names_queue), queue, wait_s, ending)| Leg {
            is_mail,
            queue,
            is_callback,
            wait_s,
            // The start of a visit that is complete with its ending says nothing new any more.
            gives_wait: gives_wait && !is_callback,
            names_queue,
            ending,
        },
    )
}

fn story() -> impl Strategy<Value = Story> {
    (0i64..120, any::<bool>(), prop::collection::vec(leg(), 1..4))
        .prop_map(|(begins_s, is_started, legs)| Story { begins_s, is_started, legs })
}

impl Story {
    /// Returns the records in the order in which they happened.
    fn told(&self, number: usize) -> Vec<Told> {
        let contact = || format!("c{number}").into();
        let mut told = Vec::new();
        let mut now = MONDAY + 12 * HOUR + self.begins_s * SECOND;
        // A contact has one channel, which is that of its queues.
        let is_mail = self.legs[0].is_mail;
        let queues = if is_mail { ["mail", "office"] } else { ["fault", "billing"] };
        if self.is_started {
            let channel = if is_mail { EMAIL } else { ChannelId::PHONE };
            let payload =
                EventPayload::ContactStarted { contact: contact(), channel, entry_point: None };
            told.push(Told { time: now, payload });
        }
        let mut has_talked = false;
        let mut transferred_from = None;
        for leg in &self.legs {
            // A transfer leads to another queue.
            let place = transferred_from.take().map_or(leg.queue, |from: usize| 1 - from);
            let queue = || queues[place].into();
            // An end after another ending counts in the last visit, which may be the next one.
            let names_queue = leg.names_queue || matches!(leg.ending, Ending::Abandoned { .. });
            let ended = |talk_s: Option<i64>, ended_by| EventPayload::Ended {
                contact: contact(),
                queue: names_queue.then(queue),
                talk: talk_s.map(|seconds| Millis((seconds * SECOND) as u64)),
                hold: None,
                wrap_up: None,
                ended_by,
                implied: None,
            };
            let mut say = |time: i64, payload| told.push(Told { time, payload });
            let start = now;
            say(
                start,
                EventPayload::Queued {
                    contact: contact(),
                    queue: queue(),
                    channel: None,
                    is_callback: leg.is_callback,
                },
            );
            now += leg.wait_s * SECOND;
            // An end that is read before the start of its visit is taken for a second end where the
            // contact has ended a conversation before. So it cannot change places then.
            let end_s = if has_talked { APART_S } else { 0 };
            let wait = leg.gives_wait.then_some(Millis((now - start) as u64));
            let mut gap_s = 2 * APART_S;
            match leg.ending.clone() {
                Ending::Answered { by, offers, then } => {
                    for _ in 0..offers {
                        say(
                            start,
                            EventPayload::NotAnswered { contact: contact(), queue: queue() },
                        );
                    }
                    say(
                        now,
                        EventPayload::Answered {
                            contact: contact(),
                            queue: queue(),
                            agent: by.map(Into::into),
                            wait,
                            channel: None,
                        },
                    );
                    match then {
                        Service::Ended { is_chat, gives_talk, by: ended_by } => {
                            for _ in 0..if is_chat { 10 } else { 0 } {
                                now += APART_S * SECOND;
                                say(
                                    now,
                                    EventPayload::Replied {
                                        contact: contact(),
                                        queue: Some(queue()),
                                    },
                                );
                                say(
                                    now,
                                    EventPayload::Answered {
                                        contact: contact(),
                                        queue: queue(),
                                        agent: by.map(Into::into),
                                        wait: None,
                                        channel: None,
                                    },
                                );
                            }
                            now += if is_chat { APART_S * SECOND } else { 0 };
                            now += end_s.max(20) * SECOND;
                            say(now, ended(gives_talk.then_some(18), ended_by));
                        }
                        Service::Transferred => {
                            now += APART_S * SECOND;
                            say(
                                now,
                                EventPayload::Transferred {
                                    contact: contact(),
                                    from_queue: Some(queue()),
                                    to_queue: None,
                                    kind: Some(TransferKind::Blind),
                                },
                            );
                            gap_s = 1;
                            transferred_from = Some(place);
                        }
                    }
                }
                Ending::Abandoned { ended_by } => {
                    say(
                        now,
                        EventPayload::Abandoned {
                            contact: contact(),
                            queue: queue(),
                            wait,
                            channel: None,
                        },
                    );
                    // Many sources write the end of the call too.
                    if ended_by.is_some() {
                        now += end_s * SECOND;
                        say(now, ended(None, ended_by));
                    }
                }
                Ending::Left { reason } => say(
                    now,
                    EventPayload::LeftQueue {
                        contact: contact(),
                        queue: queue(),
                        reason,
                        wait,
                        channel: None,
                    },
                ),
                Ending::Ended { talk_s, by } => {
                    now += end_s.max(talk_s.unwrap_or(0)) * SECOND;
                    say(now, ended(talk_s, by));
                }
                Ending::Replied => {
                    // A first response without a queue counts where the contact is known to be.
                    for _ in 0..10 {
                        say(
                            now,
                            EventPayload::Replied { contact: contact(), queue: Some(queue()) },
                        );
                        now += APART_S * SECOND;
                    }
                }
            }
            has_talked |= matches!(leg.ending, Ending::Answered { .. } | Ending::Ended { .. });
            now += gap_s * SECOND;
        }
        told
    }
}

/// Reads records, and then lets two hours pass, in which everything is decided.
fn read(settings: &Arc<Settings>, log: &[(usize, Told)]) -> Snapshot {
    let mut shard = Shard::new(Arc::clone(settings), [1; 16]);
    for (position, (id, told)) in (0..).zip(log) {
        let event = Event {
            source: "acd".to_string(),
            id: format!("r{id}"),
            time_ms: Some(told.time),
            payload: told.payload.clone(),
            flaws: Vec::new(),
        };
        let step = Step::Read { content: Content::Event(event), timestamp_ms: None };
        let outcome = step_shard(&mut shard, &step, position);
        assert!(!matches!(outcome, Some(RecordOutcome::Rejected(_))), "{told:?}");
    }
    shard.advance(Timestamp(MONDAY + 15 * HOUR));
    let mut snapshot = shard.snapshot();
    assert_eq!(snapshot.records.rejected_sum(), 0, "no orphan");
    assert_eq!(snapshot.records.held, 0);
    // A record that comes twice counts there.
    snapshot.records = Default::default();
    for series in &mut snapshot.series {
        let totals = &mut Arc::make_mut(series).totals;
        // A miss that one order records and revokes is not recorded in another one.
        let revoked = std::mem::take(&mut totals.contacts.service_level_revoked);
        totals.service_level.missed -= revoked;
    }
    // A contact whose start is read before its queue is open in `none` for a moment.
    snapshot.series.retain(|series| {
        (&series.totals, &series.live) != (&Default::default(), &Default::default())
    });
    snapshot
}

/// Returns the first difference, which is short.
fn difference(actual: &Snapshot, expected: &Snapshot) -> String {
    for (actual, expected) in actual.series.iter().zip(&expected.series) {
        if actual != expected {
            let lines = |snapshot| format!("{snapshot:#?}");
            let (actual, expected) = (lines(actual), lines(expected));
            let pairs = actual.lines().zip(expected.lines()).filter(|(a, b)| a != b);
            return pairs.map(|(a, b)| format!("{a}, in order {b}\n")).take(12).collect();
        }
    }
    format!("{:?}\n{:?}", actual.queues, expected.queues)
}

fn text(log: &[(usize, Told)]) -> String {
    log.iter().map(|(id, told)| format!("{id} {told:?}\n")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn consistent_story_gives_the_same_counts_when_records_change_places_or_come_twice(
        stories in prop::collection::vec(story(), 1..5),
        seed: u64,
    ) {
        let settings = Arc::new(settings());
        let told = stories.iter().enumerate().flat_map(|(number, story)| story.told(number));
        let mut log: Vec<(usize, Told)> = told.enumerate().collect();
        log.sort_by_key(|(_, told)| told.time);
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut read_at = Vec::new();
        for (id, told) in &log {
            let copies = 1 + u8::from(random.random_bool(0.5));
            for _ in 0..copies {
                // A record is read at most half the grace before or after its time.
                let delay = random.random_range(-15_000..=15_000);
                read_at.push((told.time + delay, (*id, told.clone())));
            }
        }
        read_at.sort_by_key(|(time, _)| *time);
        let shuffled: Vec<_> = read_at.into_iter().map(|(_, record)| record).collect();
        let (expected, actual) = (read(&settings, &log), read(&settings, &shuffled));
        prop_assert!(
            actual == expected,
            "{}\nin order\n{}\nread as\n{}",
            difference(&actual, &expected),
            text(&log),
            text(&shuffled)
        );
    }
}
