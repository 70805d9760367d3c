//! Stream time that was moved ahead, and is set back.

use std::sync::Arc;

use nabiz_core::decode::{Format, Message};
use nabiz_core::ids::Offset;
use nabiz_core::measures::IntervalCounts;
use nabiz_core::settings::Settings;
use nabiz_core::shard::{RecordMeta, RecordOutcome, Shard};
use nabiz_core::snapshot::Snapshot;
use nabiz_core::time::Timestamp;
use nabiz_simulator::{DEFAULT_START_MS, Options, Scenario, SimulatedEvent, Simulation};

use crate::oracle::store::Store;
use crate::oracle::world::{HOUR, MINUTE, defaults};

const KEY: [u8; 16] = [3; 16];
const DAY: i64 = 24 * HOUR;

fn events() -> Vec<SimulatedEvent> {
    let start_ms = DEFAULT_START_MS + 9 * HOUR;
    let options = Options {
        start_ms,
        rate_scale: 3.0,
        seed: 11,
        duration_ms: Some(2 * HOUR as u64),
        ..Options::default()
    };
    Simulation::new(Scenario::PipeBurst, options).collect()
}

fn fold(shard: &mut Shard, position: i64, json: &str) -> RecordOutcome {
    let message = Message { value: Some(json.as_bytes()), headers: &[] };
    shard.fold(
        Format::CloudEvents,
        &message,
        RecordMeta { offset: Offset(position), timestamp: None },
    )
}

/// Sets the shard back and restores it from what is stored then.
fn rewound(settings: &Arc<Settings>, mut shard: Shard, to: i64) -> Shard {
    let mut store = Store::default();
    store.apply(shard.checkpoint());
    store.apply(shard.rewind(Timestamp(to)));
    Shard::restore(Arc::clone(settings), KEY, &store.chunks()).expect("the stored state")
}

fn counters(snapshot: &Snapshot) -> Vec<(Arc<str>, [u64; 8])> {
    let of_series = snapshot.series.iter().map(|series| {
        let totals = &series.totals;
        let (visits, level) = (totals.visits, totals.service_level);
        let counts = [
            visits.offered,
            visits.answered,
            visits.abandoned,
            totals.lost,
            level.met,
            level.missed,
            totals.left.iter().sum(),
            series.live.in_service,
        ];
        (Arc::clone(&series.queue), counts)
    });
    of_series.collect()
}

#[test]
fn counters_and_open_visits_stay_and_events_are_in_time_when_stream_time_is_set_back() {
    let settings = Arc::new(defaults());
    for ahead in [55 * MINUTE, 9 * HOUR, 3 * 365 * DAY] {
        let events = events();
        let (before, after) = events.split_at(events.len() / 2);
        let now = before.last().expect("an event").time_ms;
        let mut shard = Shard::new(Arc::clone(&settings), KEY);
        for (position, event) in (0..).zip(before) {
            fold(&mut shard, position, &event.json);
            if position == before.len() as i64 - 100 {
                // A wall clock that was believed.
                shard.advance(Timestamp(now + ahead));
            }
        }
        let (poisoned, remembered) = (shard.snapshot(), shard.remembered_ids());
        let mut shard = rewound(&settings, shard, now);
        let snapshot = shard.snapshot();
        assert_eq!(snapshot.stream_time, Some(Timestamp(now)));
        assert_eq!(counters(&snapshot), counters(&poisoned));
        assert_eq!(snapshot.open_contacts, poisoned.open_contacts);
        assert_eq!(snapshot.queues[0].agent_ms, poisoned.queues[0].agent_ms);
        assert_eq!(shard.remembered_ids(), remembered);
        let last = before.last().expect("an event");
        let repeated = fold(&mut shard, before.len() as i64, &last.json);
        assert_eq!(repeated, RecordOutcome::Duplicate);

        let mut late = 0;
        for (position, event) in (before.len() as i64 + 1..).zip(after) {
            let outcome = fold(&mut shard, position, &event.json);
            late += u64::from(outcome == RecordOutcome::Late);
        }
        let end = shard.snapshot();
        assert_eq!(late, 0, "{ahead} ms ahead");
        let answered = |snapshot: &Snapshot| -> u64 {
            snapshot.series.iter().map(|series| series.windows[4].counts.visits.answered).sum()
        };
        assert!(answered(&end) > 100, "the hour fills again: {}", answered(&end));
        let busy = |snapshot: &Snapshot| -> u64 {
            snapshot.queues.iter().map(|queue| queue.agent_ms[1]).sum()
        };
        assert!(busy(&end) > busy(&poisoned), "agent time goes on");
    }
}

#[test]
fn stream_time_stays_when_it_is_not_after_the_time_to_set() {
    let settings = Arc::new(defaults());
    let at = |time: i64, to: i64| {
        let mut shard = Shard::new(Arc::clone(&settings), KEY);
        shard.advance(Timestamp(time));
        shard.rewind(Timestamp(to)).stream_time
    };
    assert_eq!(Shard::new(Arc::clone(&settings), KEY).rewind(Timestamp(0)).stream_time, None);
    assert_eq!(
        [at(1_000, 1_001), at(1_000, 1_000), at(1_000, 999)],
        [1_000, 1_000, 999].map(|time| Some(Timestamp(time)))
    );
}

#[test]
fn contacts_wait_and_are_forgotten_from_the_time_that_is_set() {
    let settings = Arc::new(defaults());
    let event = |id: &str, kind: &str, time: &str| {
        format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"s","type":"contact.{kind}","time":"{time}","data":{{"contact_id":"{id}","queue":"fault"}}}}"#
        )
    };
    let mut shard = Shard::new(Arc::clone(&settings), KEY);
    fold(&mut shard, 0, &event("ahead", "queued", "2029-01-05T09:00:00Z"));
    for (position, contact) in [(1, "b"), (2, "c")] {
        let over = event(contact, "answered", "2026-01-05T09:00:00Z");
        let over = over.replace(r#""queue""#, r#""wait_ms":1000,"queue""#);
        assert_eq!(fold(&mut shard, position, &over), RecordOutcome::Late);
        let ended =
            event(contact, "ended", "2026-01-05T09:00:30Z").replace(r#""id":""#, r#""id":"e"#);
        assert_eq!(fold(&mut shard, position + 2, &ended), RecordOutcome::Late);
    }

    let to = "2026-01-05T09:01:00Z".parse::<jiff::Timestamp>().expect("a time").as_millisecond();
    let mut shard = rewound(&settings, shard, to);
    let live = |shard: &mut Shard| {
        let snapshot = shard.snapshot();
        let fault = snapshot.series.iter().find(|series| &*series.queue == "fault");
        (fault.expect("the queue").live, snapshot.open_contacts)
    };
    let (waiting, contacts) = live(&mut shard);
    assert_eq!((waiting.waiting, waiting.longest_wait.get(), contacts), (1, 0, 3));
    shard.advance(Timestamp(to + 30_000));
    let (waiting, _) = live(&mut shard);
    assert_eq!((waiting.longest_wait.get(), waiting.waiting_over_target), (30_000, 1));
    shard.advance(Timestamp(to + HOUR + 1));
    let (waiting, contacts) = live(&mut shard);
    assert_eq!((waiting.waiting, contacts), (1, 1), "contacts that are over are forgotten");
    shard.advance(Timestamp(to + 2 * HOUR + 1));
    assert_eq!(live(&mut shard).0.waiting, 0, "lost after max_wait");
}

#[test]
fn miss_from_before_is_not_revoked_when_stream_time_is_set_back() {
    let settings = Arc::new(defaults());
    let nine = "2026-01-05T09:00:00Z".parse::<jiff::Timestamp>().expect("a time").as_millisecond();
    let at = |seconds: i64| Timestamp(nine + seconds * 1_000);
    let event = |kind: &str, contact: &str, seconds: i64| {
        let time = jiff::Timestamp::from_millisecond(at(seconds).get()).expect("a time");
        format!(
            r#"{{"specversion":"1.0","id":"{kind} {contact}","source":"s","type":"contact.{kind}","time":"{time}","data":{{"contact_id":"{contact}","queue":"fault"}}}}"#
        )
    };
    let misses = |shard: &mut Shard| {
        let snapshot = shard.snapshot();
        let series = &snapshot.series[0];
        let (level, today) = (series.totals.service_level, series.windows.len() - 1);
        let in_window = |index: usize| series.windows[index].counts.service_level.missed;
        let revoked = series.totals.contacts.service_level_revoked;
        ([level.met, level.missed, revoked], [in_window(0), in_window(today)])
    };
    let mut shard = Shard::new(Arc::clone(&settings), KEY);
    fold(&mut shard, 0, &event("queued", "a", 0));
    shard.advance(at(3_300));
    assert_eq!(misses(&mut shard), ([0, 1, 0], [0, 1]));

    let mut shard = rewound(&settings, shard, at(10).get());
    // The target of this visit passes at the time that is set.
    fold(&mut shard, 1, &event("queued", "b", -10));
    shard.advance(at(12));
    assert_eq!(misses(&mut shard), ([0, 2, 0], [1, 2]));
    fold(&mut shard, 2, &event("answered", "a", 13));
    assert_eq!(misses(&mut shard), ([0, 2, 0], [1, 2]), "the miss of the other visit stays");
    fold(&mut shard, 3, &event("answered", "b", 5));
    assert_eq!(misses(&mut shard), ([1, 2, 1], [0, 1]), "its own miss can be revoked");
}

#[test]
fn history_has_no_more_endings_than_entries_when_stream_time_is_set_back() {
    let settings = Arc::new(defaults());
    let quarter = 15 * MINUTE;
    let base = DEFAULT_START_MS - DEFAULT_START_MS.rem_euclid(quarter) + 9 * HOUR;
    let event = |id: &str, kind: &str, time_ms: i64, contact: &str| {
        let time = jiff::Timestamp::from_millisecond(time_ms).expect("a time");
        format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"acd","type":"{kind}","time":"{time}",
               "data":{{"contact_id":"{contact}","queue":"fault"}}}}"#
        )
    };
    // A visit of the interval in which stream time is set back, one before that instant and one
    // after it, and one of a later interval, which the history loses.
    let to = base + 5 * MINUTE;
    let entries = [base + MINUTE, base + 10 * MINUTE, base + 20 * MINUTE];
    let mut shard = Shard::new(Arc::clone(&settings), KEY);
    for (position, entered) in (0..).zip(entries) {
        let contact = format!("c{position}");
        fold(&mut shard, position, &event(&contact, "contact.queued", entered, &contact));
    }
    let mut store = Store::default();
    store.apply(shard.checkpoint());
    store.intervals.retain(|delta| delta.start < Timestamp(to));
    store.apply(shard.rewind(Timestamp(to)));
    let mut shard = Shard::restore(settings, KEY, &store.chunks()).expect("the stored state");
    for position in 0..entries.len() as i64 {
        let (id, contact) = (format!("e{position}"), format!("c{position}"));
        let end = event(&id, "contact.answered", to + MINUTE, &contact);
        assert_eq!(fold(&mut shard, 3 + position, &end), RecordOutcome::Applied);
    }
    store.apply(shard.checkpoint());
    let mut row = IntervalCounts::default();
    for delta in &store.intervals {
        assert_eq!(delta.start, Timestamp(base));
        row.add_increment(&delta.counts);
    }
    assert_eq!((row.visits.offered, row.visits.answered), (2, 3));
    assert_eq!(row.cohort.arrived_answered, 2);
}

#[test]
fn history_has_no_agent_time_twice_when_stream_time_is_set_back() {
    let settings = Arc::new(defaults());
    let quarter = 15 * MINUTE;
    let base = DEFAULT_START_MS - DEFAULT_START_MS.rem_euclid(quarter) + 9 * HOUR;
    let event = |id: &str, time_ms: i64, state: &str| {
        let time = jiff::Timestamp::from_millisecond(time_ms).expect("a time");
        format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"acd","type":"agent.state_changed",
               "time":"{time}","data":{{"agent":"a","queues":["fault"],{state}}}}}"#
        )
    };
    let paused = r#""state":"paused","reason":"lunch""#;
    // The instant that is set: within an interval and at its boundary, with time that is booked up
    // to the false future, and up to the middle of the interval.
    for (set, ahead) in [(7, DAY), (0, DAY), (7, 12 * MINUTE)] {
        let to = base + set * MINUTE;
        let mut shard = Shard::new(Arc::clone(&settings), KEY);
        fold(&mut shard, 0, &event("begin", base - quarter, paused));
        shard.advance(Timestamp(base + ahead));
        let mut store = Store::default();
        // This change waits in the future for its time to be booked.
        fold(&mut shard, 1, &event("future", base + ahead, paused));
        store.apply(shard.checkpoint());
        store.intervals.retain(|delta| delta.start < Timestamp(to));
        store.agent_intervals.retain(|delta| delta.start < Timestamp(to));
        store.further.heads.retain(|start, _| *start < Timestamp(to));
        store.further.pauses.retain(|(start, _), _| *start < Timestamp(to));
        store.apply(shard.rewind(Timestamp(to)));

        let mut shard = Shard::restore(Arc::clone(&settings), KEY, &store.chunks()).expect("state");
        let state = r#""state":"available""#;
        fold(&mut shard, 2, &event("end", base + quarter + 5 * MINUTE, state));
        shard.advance(Timestamp(base + 3 * quarter));
        store.apply(shard.checkpoint());

        let minutes = |ms: u64| ms / MINUTE as u64;
        for (start, [available, paused]) in
            [(base - quarter, [0, 15]), (base, [0, 15]), (base + quarter, [10, 5])]
        {
            let start = Timestamp(start);
            let mut queue = [0; 5];
            for delta in store.agent_intervals.iter().filter(|delta| delta.start == start) {
                queue.iter_mut().zip(delta.state_ms).for_each(|(sum, ms)| *sum += ms);
            }
            let expected = [available, 0, 0, paused, 0];
            assert_eq!(queue.map(minutes), expected, "queue, set {set}, ahead {ahead}");
            let head = store.further.heads.get(&start).copied().unwrap_or_default();
            assert_eq!(head.map(minutes), expected, "head, set {set}, ahead {ahead}");
            let lunch = store.further.pauses.get(&(start, "lunch".into())).copied();
            assert_eq!(lunch.map(minutes), Some(paused), "pauses, set {set}, ahead {ahead}");
        }
    }
}

#[test]
fn change_counts_from_the_next_interval_on_when_its_own_is_booked_already() {
    let settings = Arc::new(defaults());
    let quarter = 15 * MINUTE;
    let base = DEFAULT_START_MS - DEFAULT_START_MS.rem_euclid(quarter) + 9 * HOUR;
    let event = |id: &str, time_ms: i64, state: &str| {
        let time = jiff::Timestamp::from_millisecond(time_ms).expect("a time");
        format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"acd","type":"agent.state_changed",
               "time":"{time}","data":{{"agent":"a","queues":["fault"],"state":"{state}"}}}}"#
        )
    };
    let to = base + 7 * MINUTE;
    let mut shard = Shard::new(Arc::clone(&settings), KEY);
    fold(&mut shard, 0, &event("begin", base, "available"));
    shard.advance(Timestamp(base + DAY));
    let mut shard = rewound(&settings, shard, to);
    fold(&mut shard, 1, &event("pause", to + MINUTE, "paused"));
    let counts = |shard: &mut Shard| shard.snapshot().queues[0].agents;
    shard.advance(Timestamp(to + 2 * MINUTE));
    assert_eq!(counts(&mut shard)[3], 1, "the state is shown at once");
    let mut store = Store::default();
    shard.advance(Timestamp(base + 3 * quarter));
    store.apply(shard.checkpoint());
    assert!(store.further.heads.keys().all(|start| *start >= Timestamp(base + quarter)));
    let head = store.further.heads[&Timestamp(base + quarter)];
    assert_eq!(head[3], quarter as u64);
}
