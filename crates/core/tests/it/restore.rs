//! A shard that is stored and restored continues as if it had never stopped.

use std::collections::BTreeMap;
use std::sync::Arc;

use nabiz_core::decode::{Format, Message};
use nabiz_core::ids::Offset;
use nabiz_core::measures::IntervalCounts;
use nabiz_core::settings::Settings;
use nabiz_core::shard::{RecordMeta, Shard};
use nabiz_core::snapshot::SeriesSnapshot;
use nabiz_core::state::{ChunkKind, StateChunk};
use nabiz_core::time::{Millis, Timestamp};
use nabiz_simulator::{DEFAULT_START_MS, Options, Scenario, Simulation};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::oracle::store::Store;
use crate::oracle::world::defaults;

const KEY: [u8; 16] = [3; 16];

fn events(count: usize, rate_scale: f64) -> Vec<String> {
    let start_ms = DEFAULT_START_MS + 7 * 3_600_000;
    let options =
        Options { start_ms, rate_scale, seed: 11, duration_ms: None, ..Options::default() };
    Simulation::new(Scenario::PipeBurst, options).take(count).map(|event| event.json).collect()
}

fn fold(shard: &mut Shard, position: usize, event: &str) {
    let message = Message { value: Some(event.as_bytes()), headers: &[] };
    shard.fold(
        Format::CloudEvents,
        &message,
        RecordMeta { offset: Offset(position as i64), timestamp: None },
    );
}

/// Returns a shard that has folded events, and its first checkpoint.
fn stored_once(count: usize, rate_scale: f64) -> (Arc<Settings>, Shard, Store) {
    let settings = Arc::new(defaults());
    let mut shard = Shard::new(settings.clone(), KEY);
    for (position, event) in events(count, rate_scale).iter().enumerate() {
        fold(&mut shard, position, event);
    }
    let mut store = Store::default();
    store.apply(shard.checkpoint());
    (settings, shard, store)
}

fn answered_in_history(store: &Store) -> u64 {
    store.intervals.iter().map(|delta| delta.counts.visits.answered).sum()
}

#[test]
fn restored_shard_continues_identically_from_any_point() {
    let events = events(40_000, 3.0);
    let settings = Arc::new(defaults());
    let mut plain = Shard::new(settings.clone(), KEY);
    let mut stored = Shard::new(settings.clone(), KEY);
    let mut store = Store::default();
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut restores = 0;
    for (position, event) in events.iter().enumerate() {
        fold(&mut plain, position, event);
        fold(&mut stored, position, event);
        if rng.random_bool(0.002) {
            let ahead = Millis(rng.random_range(0..90_000));
            let to = plain.stream_time().unwrap().saturating_add(ahead);
            plain.advance(to);
            stored.advance(to);
        }
        if rng.random_bool(0.02) {
            let checkpoint = stored.checkpoint();
            if rng.random_bool(0.1) {
                stored.rollback(checkpoint);
            } else {
                assert_eq!(checkpoint.next_offset, Offset(position as i64 + 1));
                store.apply(checkpoint);
                if rng.random_bool(0.1) {
                    stored = Shard::restore(settings.clone(), KEY, &store.chunks()).unwrap();
                    restores += 1;
                    assert_eq!(stored.snapshot(), plain.snapshot(), "after restore at {position}");
                }
            }
        }
    }
    assert!(restores > 30, "{restores} restores");
    assert_eq!(stored.snapshot(), plain.snapshot());
    store.apply(stored.checkpoint());
    let answered: u64 =
        plain.snapshot().series.iter().map(|series| series.totals.visits.answered).sum();
    assert_eq!(answered_in_history(&store), answered);
}

#[test]
fn checkpoint_size_follows_what_changed() {
    let events = events(60_000, 20.0);
    let mut shard = Shard::new(Arc::new(defaults()), KEY);
    let mut store = Store::default();
    for (position, event) in events.iter().enumerate() {
        fold(&mut shard, position, event);
        if position % 1_000 == 999 {
            store.apply(shard.checkpoint());
        }
    }
    let size = store.size();
    fold(&mut shard, events.len(), &events[events.len() - 1]);
    let before = store.bytes_written;
    store.apply(shard.checkpoint());
    let written = store.bytes_written - before;
    assert!(
        written * 20 < size,
        "a checkpoint after one record wrote {written} bytes of a state of {size}"
    );
}

#[test]
fn counts_are_kept_when_a_target_changes() {
    let events = events(10_000, 1.0);
    let before = Arc::new(defaults());
    let mut shard = Shard::new(before.clone(), KEY);
    for (position, event) in events.iter().enumerate() {
        fold(&mut shard, position, event);
    }
    let mut store = Store::default();
    store.apply(shard.checkpoint());

    let mut changed = defaults();
    changed.queue_defaults.target_wait = Millis(25_000);
    changed.windows.pane = Millis(10_000);
    let changed = Arc::new(changed);
    let mut restored = Shard::restore(changed.clone(), KEY, &store.chunks()).unwrap();
    let (was, is) = (shard.snapshot(), restored.snapshot());
    for (was, is) in was.series.iter().zip(&is.series) {
        assert_eq!(was.totals.visits.answered, is.totals.visits.answered);
        assert_eq!(was.totals.wait_answered.count(), is.totals.wait_answered.count());
        assert_eq!(was.totals.wait_answered.sum, is.totals.wait_answered.sum);
        let within = |series: &SeriesSnapshot, bounds: &[Millis]| -> u64 {
            let bucket = bounds.iter().position(|bound| *bound == Millis(30_000)).unwrap();
            series.totals.wait_answered.counts.iter().take(bucket + 1).sum()
        };
        assert_eq!(within(was, &before.wait_bounds()), within(is, &changed.wait_bounds()));
        assert_eq!(was.live.waiting, is.live.waiting);
    }
}

#[test]
fn restore_rejects_torn_chunks() {
    let (settings, _, store) = stored_once(5_000, 1.0);
    let chunks = store.chunks();
    for index in 0..chunks.len() {
        let mut torn = chunks.clone();
        let half = torn[index].bytes.len() / 2;
        torn[index].bytes.truncate(half);
        // Half of a list of entries may still be readable. The test only requires that nothing
        // panics.
        let restored = Shard::restore(settings.clone(), KEY, &torn);
        if chunks[index].kind == ChunkKind::ShardHeader {
            assert!(restored.is_err());
        }
    }
}

#[test]
fn state_without_native_histograms_gets_as_many_native_counts_as_classic_ones() {
    let (settings, mut shard, store) = stored_once(20_000, 3.0);
    let older: Vec<StateChunk> = store
        .chunks()
        .into_iter()
        .filter(|chunk| !matches!(chunk.kind, ChunkKind::SeriesNative | ChunkKind::UnitNative))
        .collect();
    assert!(older.len() < store.chunks().len(), "there are chunks to leave out");
    let snapshot = Shard::restore(settings, KEY, &older).unwrap().snapshot();
    let waits: Vec<_> = snapshot.series.iter().map(|series| &series.totals.wait_answered).collect();
    assert!(waits.iter().any(|wait| wait.count() > 100));
    for (wait, of_shard) in
        waits.iter().zip(shard.snapshot().series.iter().map(|series| &series.totals.wait_answered))
    {
        assert_eq!(
            (wait.native.count(), wait.count()),
            (of_shard.native.count(), of_shard.count())
        );
    }
    for followups in snapshot.followups.values() {
        assert_eq!(followups.duration.native.count(), followups.duration.count());
    }
}

#[test]
fn checkpoint_writes_no_part_twice_when_many_contacts_are_forgotten_at_once() {
    let settings = Arc::new(defaults());
    let mut shard = Shard::new(settings.clone(), KEY);
    let mut store = Store::default();
    for contact in 0..20_000 {
        let event = format!(
            r#"{{"specversion":"1.0","id":"{contact}","source":"s","type":"contact.started","time":"2026-01-05T10:00:00Z","data":{{"contact_id":"{contact}","channel":"phone"}}}}"#
        );
        fold(&mut shard, contact, &event);
    }
    store.apply(shard.checkpoint());
    let later = shard.stream_time().unwrap().saturating_add(Millis::from_hours(2));
    shard.advance(later);
    let checkpoint = shard.checkpoint();
    let parts =
        checkpoint.chunks.iter().filter(|chunk| chunk.kind == ChunkKind::ContactPart).count();
    assert!(parts <= 20_000_usize.div_ceil(1024), "{parts} parts");
    store.apply(checkpoint);
    let mut restored = Shard::restore(settings, KEY, &store.chunks()).unwrap();
    assert_eq!(restored.snapshot().open_contacts, 0);
}

#[test]
fn restore_rejects_lost_totals_and_an_index_past_the_table() {
    let (settings, _, store) = stored_once(5_000, 1.0);
    let without_totals: Vec<StateChunk> =
        store.chunks().into_iter().filter(|chunk| chunk.kind != ChunkKind::Series).collect();
    let error = Shard::restore(settings.clone(), KEY, &without_totals).err().unwrap();
    assert!(error.to_string().contains("does not fit the others"), "{error}");

    let mut far = store.chunks();
    // Slot 4 294 967 295, which is empty: a table with so many slots would be larger than the
    // memory.
    let bytes = vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0];
    far.push(StateChunk { kind: ChunkKind::ContactLog, number: i64::MAX, bytes });
    let error = Shard::restore(settings.clone(), KEY, &far).err().unwrap();
    assert!(error.to_string().contains("does not fit the others"), "{error}");

    let mut negative = store.chunks();
    negative
        .iter_mut()
        .filter(|chunk| chunk.kind == ChunkKind::Ids)
        .for_each(|chunk| chunk.number = -1);
    assert!(negative.iter().any(|chunk| chunk.kind == ChunkKind::Ids));
    let error = Shard::restore(settings, KEY, &negative).err().unwrap();
    assert!(error.to_string().contains("does not fit the others"), "{error}");
}

fn event_of(id: &str, kind: &str, time_ms: i64, data: &str) -> String {
    let time = jiff::Timestamp::from_millisecond(time_ms).unwrap();
    format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"/test","type":"{kind}","time":"{time}","data":{data}}}"#
    )
}

fn stored(shard: &mut Shard, store: &mut Store, settings: &Settings) -> Shard {
    store.apply(shard.checkpoint());
    Shard::restore(Arc::new(settings.clone()), KEY, &store.chunks()).unwrap()
}

#[test]
fn identity_is_remembered_when_it_comes_again_after_it_was_forgotten() {
    const MINUTE_MS: i64 = 60_000;
    let settings = defaults();
    let mut shard = Shard::new(Arc::new(settings.clone()), KEY);
    let mut store = Store::default();
    let mut position = 0;
    let mut survey = |shard: &mut Shard, id: &str, minutes: i64| {
        let time_ms = DEFAULT_START_MS + minutes * MINUTE_MS;
        fold(
            shard,
            position,
            &event_of(id, "survey.answered", time_ms, r#"{"contact_id":"c","score":5,"scale":5}"#),
        );
        position += 1;
        shard.snapshot().records.applied
    };
    survey(&mut shard, "again", 0);
    survey(&mut shard, "other", 50);
    shard = stored(&mut shard, &mut store, &settings);
    // The horizon is an hour: the first is forgotten, the two after it are not.
    assert_eq!(survey(&mut shard, "again", 61), 3);
    shard = stored(&mut shard, &mut store, &settings);
    assert_eq!(survey(&mut shard, "new", 62), 4);
    assert_eq!(survey(&mut shard, "again", 63), 4, "a duplicate");
}

#[test]
fn misses_of_a_shorter_target_are_counted_once() {
    let before = defaults();
    let mut after = before.clone();
    after.queue_defaults.target_wait = Millis(5_000);
    let mut shard = Shard::new(Arc::new(before.clone()), KEY);
    let mut store = Store::default();
    let queued =
        event_of("q", "contact.queued", DEFAULT_START_MS, r#"{"contact_id":"c","queue":"fault"}"#);
    fold(&mut shard, 0, &queued);
    shard.advance(Timestamp(DEFAULT_START_MS + 15_000));
    let missed = |shard: &mut Shard| -> u64 {
        shard.snapshot().series.iter().map(|series| series.totals.service_level.missed).sum()
    };
    assert_eq!(missed(&mut shard), 0);
    for restart in 0..3 {
        shard = stored(&mut shard, &mut store, &after);
        assert_eq!(missed(&mut shard), 1, "restart {restart}");
    }
    store.apply(shard.checkpoint());
    assert_eq!(
        store.intervals.iter().map(|delta| delta.counts.service_level.missed).sum::<u64>(),
        1
    );
}

#[test]
fn contact_stays_forgotten_when_a_shorter_horizon_forgets_it() {
    let before = defaults();
    let mut after = before.clone();
    after.windows.dedup_horizon = Millis(60_000);
    let mut shard = Shard::new(Arc::new(before.clone()), KEY);
    let mut store = Store::default();
    // More contacts than a checkpoint rewrites of the base image for one change.
    const CONTACTS: usize = 2_000;
    for contact in 0..CONTACTS {
        let data = format!(r#"{{"contact_id":"{contact}","score":5,"scale":5}}"#);
        fold(
            &mut shard,
            contact,
            &event_of(&contact.to_string(), "survey.answered", DEFAULT_START_MS, &data),
        );
    }
    shard.advance(Timestamp(DEFAULT_START_MS + 120_000));
    assert_eq!(shard.snapshot().open_contacts, CONTACTS as u64);
    shard = stored(&mut shard, &mut store, &after);
    assert_eq!(shard.snapshot().open_contacts, 0);
    // The last contact comes again, in the slot of the first. With the old horizon, the others must
    // not come back.
    let last = format!(r#"{{"contact_id":"{}","queue":"fault"}}"#, CONTACTS - 1);
    fold(&mut shard, CONTACTS, &event_of("q", "contact.queued", DEFAULT_START_MS + 120_000, &last));
    shard = stored(&mut shard, &mut store, &before);
    assert_eq!(shard.snapshot().open_contacts, 1);
    fold(
        &mut shard,
        CONTACTS + 1,
        &event_of("w", "contact.answered", DEFAULT_START_MS + 130_000, &last),
    );
    assert_eq!(
        shard.snapshot().series.iter().map(|series| series.totals.visits.answered).sum::<u64>(),
        1
    );
}

#[test]
fn facts_before_their_contact_start_count_in_their_own_interval() {
    let settings = defaults();
    let mut shard = Shard::new(Arc::new(settings), KEY);
    let mut store = Store::default();
    // The start is 20 minutes older than the following events, which are read first.
    let starts_ms = DEFAULT_START_MS + 13 * 60_000;
    let ends_ms = starts_ms + 20 * 60_000;
    let events = [
        event_of("r", "contact.replied", ends_ms, r#"{"contact_id":"m","queue":"mail"}"#),
        event_of("d", "contact.resolved", ends_ms, r#"{"contact_id":"m","queue":"mail"}"#),
        event_of("s", "contact.started", starts_ms, r#"{"contact_id":"m","channel":"email"}"#),
    ];
    for (position, event) in events.iter().enumerate() {
        fold(&mut shard, position, event);
    }
    store.apply(shard.checkpoint());
    let counted: Vec<(Timestamp, u64, u64)> = store
        .intervals
        .iter()
        .map(|delta| {
            (
                delta.start,
                delta.counts.responses.first_responses,
                delta.counts.responses.resolutions,
            )
        })
        .collect();
    assert_eq!(counted, [(Timestamp(DEFAULT_START_MS + 30 * 60_000), 1, 1)]);
}

#[test]
fn revocation_finds_its_miss_when_the_target_has_changed_since() {
    let before = defaults();
    let mut after = before.clone();
    after.queue_defaults.target_wait = Millis(15 * 60_000);
    let mut shard = Shard::new(Arc::new(before.clone()), KEY);
    let mut store = Store::default();
    let data = r#"{"contact_id":"c","queue":"fault"}"#;
    fold(&mut shard, 0, &event_of("q", "contact.queued", DEFAULT_START_MS, data));
    // Missed at 20 s, which is another interval than that of the new target.
    shard.advance(Timestamp(DEFAULT_START_MS + 60_000));
    shard = stored(&mut shard, &mut store, &after);
    let answer = event_of("a", "contact.answered", DEFAULT_START_MS + 10_000, data);
    fold(&mut shard, 1, &answer);
    let snapshot = shard.snapshot();
    let windows = &snapshot.series.iter().find(|series| &*series.queue == "fault").unwrap().windows;
    assert!(windows.iter().all(|window| window.counts.service_level.missed == 0));
    store.apply(shard.checkpoint());
    let mut rows: BTreeMap<Timestamp, IntervalCounts> = BTreeMap::new();
    for delta in &store.intervals {
        rows.entry(delta.start).or_default().add_increment(&delta.counts);
    }
    let revoked: Vec<_> = rows
        .values()
        .map(|row| (row.service_level.missed, row.contacts.service_level_revoked))
        .collect();
    assert_eq!(revoked, [(0, 1)]);
}
