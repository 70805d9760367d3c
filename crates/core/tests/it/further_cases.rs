//! The further tables of the interval history as small cases with numbers worked out by hand:
//! arrivals, units, scores, pauses, heads. Intervals are quarters of an hour; all times are of
//! Monday 2026-01-05 in Istanbul.

use std::collections::BTreeMap;
use std::sync::Arc;

use nabiz_core::event::{AgentState, ChannelId, EventPayload, SelfServiceOutcome};
use nabiz_core::measures::{ArrivalCounts, FurtherIncrements, UnitCounts};
use nabiz_core::settings::Settings;
use nabiz_core::shard::Shard;
use nabiz_core::time::Timestamp;

use crate::oracle::log::{Content, Event, Step, step_shard};
use crate::oracle::store::Store;
use crate::oracle::world::{DAY, EMAIL, HOUR, MINUTE, MONDAY, defaults, settings};

const KEY: [u8; 16] = [5; 16];

fn with_history() -> Arc<Settings> {
    Arc::new(Settings { history_interval: defaults().history_interval, ..settings() })
}

/// Returns an instant of the Monday.
fn at(hour: i64, minute: i64) -> Timestamp {
    Timestamp(MONDAY + hour * HOUR + minute * MINUTE)
}

/// A shard that reads events, each with an id of its own.
struct Log {
    shard: Shard,
    store: Store,
    position: i64,
}

impl Log {
    fn new() -> Log {
        Log::of(with_history())
    }

    fn of(settings: Arc<Settings>) -> Log {
        Log { shard: Shard::new(settings, KEY), store: Store::default(), position: 0 }
    }

    fn say(self, time: Timestamp, payload: EventPayload<'static>) -> Log {
        let event = Event {
            source: "acd".to_string(),
            id: format!("n{}", self.position),
            time_ms: Some(time.get()),
            payload,
            flaws: Vec::new(),
        };
        self.read(Content::Event(event))
    }

    fn read(mut self, content: Content) -> Log {
        let step = Step::Read { content, timestamp_ms: None };
        step_shard(&mut self.shard, &step, self.position);
        self.position += 1;
        self
    }

    fn started(self, time: Timestamp, contact: &'static str, channel: ChannelId) -> Log {
        let entry_point = Some("main".into());
        self.say(
            time,
            EventPayload::ContactStarted { contact: contact.into(), channel, entry_point },
        )
    }

    fn self_service(
        self,
        time: Timestamp,
        contact: &'static str,
        outcome: SelfServiceOutcome,
        entry_point: Option<&'static str>,
    ) -> Log {
        let entry_point = entry_point.map(Into::into);
        self.say(time, EventPayload::SelfService { contact: contact.into(), outcome, entry_point })
    }

    fn opened(self, time: Timestamp, followup: &'static str, unit: &'static str) -> Log {
        let unit = Some(unit.into());
        self.say(time, EventPayload::FollowupOpened { followup: followup.into(), unit, due: None })
    }

    fn informed(self, time: Timestamp, followup: &'static str, unit: &'static str) -> Log {
        let unit = Some(unit.into());
        self.say(time, EventPayload::FollowupInformed { followup: followup.into(), unit })
    }

    fn surveyed(self, time: Timestamp, contact: &'static str, score: u16) -> Log {
        let queue = Some("fault".into());
        self.say(
            time,
            EventPayload::SurveyAnswered { contact: contact.into(), score, queue, channel: None },
        )
    }

    /// Reads a line of a queue_log about the agent: the queue, and the verb with its data.
    fn agent(self, time: Timestamp, queue: &str, verb: &str) -> Log {
        let seconds = time.get() / 1_000;
        let line = format!("{seconds}|NONE|{queue}|SIP/1|{verb}");
        self.read(Content::QueueLog(line.into_bytes()))
    }

    /// Stores a checkpoint and returns its increments.
    fn further(&mut self) -> FurtherIncrements {
        let checkpoint = self.shard.checkpoint();
        let further = checkpoint.further.clone();
        self.store.apply(checkpoint);
        further
    }

    /// Stores the shard and restores it from there.
    fn restored(mut self) -> Log {
        self.store.apply(self.shard.checkpoint());
        let shard = Shard::restore(with_history(), KEY, &self.store.chunks()).unwrap();
        Log { shard, ..self }
    }
}

fn arrivals(
    rows: &[(Timestamp, ChannelId, &str, ArrivalCounts)],
) -> BTreeMap<(Timestamp, ChannelId, Arc<str>), ArrivalCounts> {
    rows.iter()
        .map(|(start, channel, entry_point, counts)| {
            ((*start, *channel, Arc::from(*entry_point)), *counts)
        })
        .collect()
}

fn units(rows: &[(Timestamp, &str, UnitCounts)]) -> BTreeMap<(Timestamp, Arc<str>), UnitCounts> {
    rows.iter().map(|(start, unit, counts)| ((*start, Arc::from(*unit)), *counts)).collect()
}

fn pauses(rows: &[(Timestamp, &str, u64)]) -> BTreeMap<(Timestamp, Arc<str>), u64> {
    rows.iter().map(|(start, reason, ms)| ((*start, Arc::from(*reason)), *ms)).collect()
}

const NO_ARRIVAL: ArrivalCounts = ArrivalCounts {
    contacts: 0,
    self_service_contained: 0,
    self_service_to_queue: 0,
    self_service_abandoned: 0,
    self_service_failed: 0,
};
const NO_UNIT: UnitCounts = UnitCounts { opened: 0, informed: 0, timed: 0, informed_sum_ms: 0 };

mod arrival {
    use super::*;

    #[test]
    fn arrival_counts_by_its_own_time_entry_point_and_channel() {
        let mut log = Log::new()
            .started(at(10, 14), "c", ChannelId::PHONE)
            // A second start of the contact is a duplicate.
            .started(at(10, 14), "c", ChannelId::PHONE)
            .self_service(at(10, 15), "c", SelfServiceOutcome::Contained, None)
            .started(at(10, 16), "m", EMAIL)
            .self_service(at(10, 17), "m", SelfServiceOutcome::ToQueue, Some("main"))
            // Nothing is known of this contact.
            .self_service(at(10, 18), "u", SelfServiceOutcome::Failed, Some("main"));
        let expected = arrivals(&[
            (at(10, 0), ChannelId::PHONE, "main", ArrivalCounts { contacts: 1, ..NO_ARRIVAL }),
            (
                at(10, 15),
                ChannelId::PHONE,
                "unknown",
                ArrivalCounts { self_service_contained: 1, ..NO_ARRIVAL },
            ),
            (
                at(10, 15),
                EMAIL,
                "main",
                ArrivalCounts { contacts: 1, self_service_to_queue: 1, ..NO_ARRIVAL },
            ),
            (
                at(10, 15),
                ChannelId::PHONE,
                "main",
                ArrivalCounts { self_service_failed: 1, ..NO_ARRIVAL },
            ),
        ]);
        assert_eq!(log.further().arrivals, expected);
        assert_eq!(log.further(), FurtherIncrements::default(), "each increment is stored once");
    }

    #[test]
    fn arrival_counts_at_its_time_when_its_record_is_late() {
        let day_after = Timestamp(MONDAY + DAY);
        let mut log = Log::new().started(day_after, "d", ChannelId::PHONE).started(
            at(9, 59),
            "c",
            ChannelId::PHONE,
        );
        let contacts = ArrivalCounts { contacts: 1, ..NO_ARRIVAL };
        let expected = arrivals(&[
            (at(9, 45), ChannelId::PHONE, "main", contacts),
            (day_after, ChannelId::PHONE, "main", contacts),
        ]);
        assert_eq!(log.further().arrivals, expected);
    }

    #[test]
    fn start_without_self_service_makes_no_counter_of_its_entry_point() {
        let mut log = Log::new().started(at(10, 0), "c", ChannelId::PHONE);
        assert!(log.shard.snapshot().self_service.is_empty());
    }

    #[test]
    fn entry_points_of_self_service_past_the_bound_are_other() {
        let mut settings = Settings::clone(&with_history());
        settings.limits.series = 1;
        let mut log = Log::of(Arc::new(settings))
            .started(at(10, 0), "c", ChannelId::PHONE)
            .self_service(at(10, 0), "c", SelfServiceOutcome::ToQueue, Some("first"))
            .self_service(at(10, 0), "c", SelfServiceOutcome::ToQueue, Some("second"));
        let to_queue = ArrivalCounts { self_service_to_queue: 1, ..NO_ARRIVAL };
        let expected = arrivals(&[
            (at(10, 0), ChannelId::PHONE, "main", ArrivalCounts { contacts: 1, ..NO_ARRIVAL }),
            (at(10, 0), ChannelId::PHONE, "first", to_queue),
            (at(10, 0), ChannelId::PHONE, "other", to_queue),
        ]);
        assert_eq!(log.further().arrivals, expected);
        assert_eq!(log.shard.snapshot().series_refused, 1);
    }

    #[test]
    fn starts_on_many_pages_leave_room_for_the_numbers_of_self_service() {
        let mut settings = Settings::clone(&with_history());
        settings.limits.series = 2;
        let mut log = Log::of(Arc::new(settings));
        let start = |log: Log, number: usize, page: String| {
            let contact = format!("c{number}").into();
            let entry_point = Some(page.into());
            let channel = ChannelId::PHONE;
            log.say(at(10, 0), EventPayload::ContactStarted { contact, channel, entry_point })
        };
        for number in 0..70 {
            log = start(log, number, format!("/page/{number}?id=5"));
        }
        log = start(log.restored(), 70, "/page/70".to_string());
        log = start(log, 71, "/page/3?id=6".to_string());
        log = log.self_service(at(10, 0), "c1", SelfServiceOutcome::ToQueue, Some("ivr"));
        assert_eq!(log.shard.snapshot().series_refused, 7);
        let _ = log.further();
        let rows = &log.store.further.arrivals;
        let row = |page: &str| rows[&(at(10, 0), ChannelId::PHONE, page.into())];
        assert_eq!(rows.len(), 64 + 2, "64 pages, other, and the number of the voice menu");
        assert_eq!(row("/page/3").contacts, 2);
        assert_eq!(row("other").contacts, 7);
        assert_eq!(row("ivr").self_service_to_queue, 1);
    }
}

mod unit {
    use super::*;

    const FORTY_MINUTES: u64 = 40 * 60_000;

    #[test]
    fn followup_is_timed_when_its_citizen_is_informed() {
        let mut log = Log::new().opened(at(10, 0), "f", "north").restored().informed(
            at(10, 40),
            "f",
            "south",
        );
        let informed =
            UnitCounts { informed: 1, timed: 1, informed_sum_ms: FORTY_MINUTES, ..NO_UNIT };
        assert_eq!(log.further().units, units(&[(at(10, 30), "north", informed)]));
    }

    #[test]
    fn time_belongs_to_the_informing_when_the_opening_is_read_later() {
        let mut log = Log::new().informed(at(10, 40), "f", "south");
        let informed = UnitCounts { informed: 1, ..NO_UNIT };
        assert_eq!(log.further().units, units(&[(at(10, 30), "south", informed)]));
        let mut log = log.restored().opened(at(10, 0), "f", "north").opened(at(10, 1), "f", "x");
        let expected = units(&[
            (at(10, 0), "north", UnitCounts { opened: 1, ..NO_UNIT }),
            (
                at(10, 30),
                "north",
                UnitCounts { timed: 1, informed_sum_ms: FORTY_MINUTES, ..NO_UNIT },
            ),
        ]);
        assert_eq!(log.further().units, expected);
    }
}

#[test]
fn score_has_a_row_of_its_own() {
    let mut log = Log::new()
        .surveyed(at(10, 0), "c", 5)
        .surveyed(at(10, 1), "d", 5)
        .surveyed(at(10, 2), "e", 1)
        .surveyed(at(10, 15), "f", 5);
    let row = |time, score, count| ((time, "fault".into(), ChannelId::PHONE, score), count);
    let expected =
        BTreeMap::from([row(at(10, 0), 1, 1), row(at(10, 0), 5, 2), row(at(10, 15), 5, 1)]);
    assert_eq!(log.further().scores, expected);
}

mod head {
    use super::*;

    const MINUTE_MS: u64 = 60_000;

    /// Advances past the lateness of 1 minute, so that time up to 10:30 is booked.
    fn booked(mut log: Log) -> FurtherIncrements {
        log.shard.advance(at(10, 31));
        log.further()
    }

    #[test]
    fn agent_of_two_queues_counts_once_with_the_first_state_of_the_order() {
        let further = booked(
            Log::new()
                .agent(at(10, 0), "fault", "ADDMEMBER|")
                .agent(at(10, 0), "billing", "ADDMEMBER|")
                .agent(at(10, 5), "fault", "PAUSE|lunch")
                .agent(at(10, 20), "billing", "PAUSE|training"),
        );
        let heads = BTreeMap::from([
            (at(10, 0), [15 * MINUTE_MS, 0, 0, 0, 0]),
            (at(10, 15), [5 * MINUTE_MS, 0, 0, 10 * MINUTE_MS, 0]),
        ]);
        assert_eq!(further.heads, heads);
        let expected = pauses(&[(at(10, 15), "training", 10 * MINUTE_MS)]);
        assert_eq!(further.pauses, expected, "the newest pause");
    }

    #[test]
    fn reason_of_a_head_is_that_of_an_older_pause_once_the_newest_is_over() {
        let further = booked(
            Log::new()
                .agent(at(10, 0), "fault", "PAUSE|")
                .agent(at(10, 5), "billing", "PAUSE|lunch")
                .agent(at(10, 10), "billing", "REMOVEMEMBER|"),
        );
        let expected = pauses(&[
            (at(10, 0), "lunch", 5 * MINUTE_MS),
            (at(10, 0), "none", 10 * MINUTE_MS),
            (at(10, 15), "none", 15 * MINUTE_MS),
        ]);
        assert_eq!(further.pauses, expected);
    }

    #[test]
    fn reason_that_was_listed_last_counts_when_pauses_have_the_same_time() {
        for [first, second] in [["lunch", "training"], ["training", "lunch"]] {
            let further = booked(
                Log::new()
                    .agent(at(10, 0), "fault", &format!("PAUSE|{first}"))
                    .agent(at(10, 0), "billing", &format!("PAUSE|{second}"))
                    // Said again in the first queue, at the same time.
                    .agent(at(10, 0), "fault", &format!("PAUSE|{first}")),
            );
            let expected = pauses(&[
                (at(10, 0), second, 15 * MINUTE_MS),
                (at(10, 15), second, 15 * MINUTE_MS),
            ]);
            assert_eq!(further.pauses, expected);
        }
    }

    #[test]
    fn head_has_no_time_without_a_queue() {
        let state = |queues| EventPayload::AgentStateChanged {
            agent: "a".into(),
            state: AgentState::Available,
            reason: None,
            queues,
        };
        let further = booked(
            Log::new()
                .say(at(10, 0), state(Some(vec!["fault".into()])))
                .say(at(10, 5), state(Some(Vec::new()))),
        );
        assert_eq!(further.heads, BTreeMap::from([(at(10, 0), [5 * MINUTE_MS, 0, 0, 0, 0])]));
        let unlisted = booked(Log::new().say(at(10, 0), state(None)));
        assert_eq!(unlisted.heads[&at(10, 0)], [15 * MINUTE_MS, 0, 0, 0, 0]);
    }
}

#[test]
fn increments_are_in_the_next_checkpoint_when_one_fails() {
    let mut log = Log::new()
        .agent(at(10, 0), "fault", "PAUSE|lunch")
        .started(at(10, 31), "c", ChannelId::PHONE)
        .self_service(at(10, 31), "c", SelfServiceOutcome::Abandoned, Some("main"))
        .opened(at(10, 31), "f", "north")
        .surveyed(at(10, 31), "c", 4);
    let first = log.shard.checkpoint();
    let expected = first.further.clone();
    assert_eq!(expected.len(), 7, "{expected:?}");
    log.shard.rollback(first);
    assert_eq!(log.further(), expected);

    let failed = log.shard.checkpoint();
    let mut log = log.started(at(10, 32), "d", ChannelId::PHONE);
    log.shard.rollback(failed);
    let contacts: u64 = log.further().arrivals.values().map(|counts| counts.contacts).sum();
    assert_eq!(contacts, 1);
}

#[test]
fn nothing_is_kept_without_a_history() {
    let mut log = Log::of(Arc::new(settings()))
        .agent(at(10, 0), "fault", "PAUSE|lunch")
        .started(at(10, 31), "c", ChannelId::PHONE)
        .opened(at(10, 31), "f", "north")
        .surveyed(at(10, 31), "c", 4);
    log.shard.advance(Timestamp(MONDAY + DAY));
    assert_eq!(log.shard.unsaved_intervals(), 0);
    assert!(log.further().is_empty());
}
