//! A shard that is stored and brought back goes on as if nothing had happened.

use std::collections::BTreeMap;
use std::sync::Arc;

use nabiz::config::Config;
use nabiz::event::decode::{Format, Message};
use nabiz::shard::{Arrival, Checkpoint, IntervalDelta, Piece, PieceKind, Settings, Shard};
use nabiz::simulate::{DEFAULT_START_MS, Options, Scenario, Simulation};
use rand::RngExt;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const KEY: [u8; 16] = [3; 16];

/// A ledger in memory.
#[derive(Default)]
struct Store {
    pieces: BTreeMap<(PieceKind, i64), Vec<u8>>,
    intervals: Vec<IntervalDelta>,
    bytes_written: usize,
}

impl Store {
    fn apply(&mut self, checkpoint: Checkpoint) {
        for deletion in checkpoint.deletions {
            let (first, last) = ((deletion.kind, deletion.first), (deletion.kind, deletion.last));
            let gone: Vec<_> = self.pieces.range(first..=last).map(|(key, _)| *key).collect();
            for key in gone {
                self.pieces.remove(&key);
            }
        }
        for piece in checkpoint.pieces {
            self.bytes_written += piece.bytes.len();
            self.pieces.insert((piece.kind, piece.number), piece.bytes);
        }
        self.intervals.extend(checkpoint.intervals);
    }

    fn pieces(&self) -> Vec<Piece> {
        let pieces = self.pieces.iter();
        pieces.map(|((kind, number), bytes)| Piece { kind: *kind, number: *number, bytes: bytes.clone() }).collect()
    }

    fn size(&self) -> usize {
        self.pieces.values().map(Vec::len).sum()
    }
}

fn settings() -> Settings {
    let mut settings = Config::defaults().settings();
    settings.history_interval_ms = Some(900_000);
    settings
}

fn events(count: usize, rate_scale: f64) -> Vec<String> {
    let start_ms = DEFAULT_START_MS + 7 * 3_600_000;
    let options = Options { start_ms, rate_scale, seed: 11, duration_ms: None, ..Options::default() };
    Simulation::new(Scenario::PipeBurst, options).take(count).map(|event| event.json).collect()
}

fn fold(shard: &mut Shard, position: usize, event: &str) {
    let message = Message { value: Some(event.as_bytes()), headers: &[] };
    shard.fold(Format::CloudEvents, &message, Arrival { position: position as i64, timestamp_ms: None });
}

fn answered_in_history(store: &Store) -> u64 {
    store.intervals.iter().map(|delta| delta.counts.answered).sum()
}

#[test]
fn a_shard_brought_back_at_any_point_goes_on_the_same() {
    let events = events(40_000, 3.0);
    let settings = Arc::new(settings());
    let mut plain = Shard::new(settings.clone(), KEY);
    let mut stored = Shard::new(settings.clone(), KEY);
    let mut store = Store::default();
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut restores = 0;
    for (position, event) in events.iter().enumerate() {
        fold(&mut plain, position, event);
        fold(&mut stored, position, event);
        if rng.random_bool(0.002) {
            let to_ms = plain.stream_time_ms().unwrap() + rng.random_range(0..90_000);
            plain.advance(to_ms);
            stored.advance(to_ms);
        }
        if rng.random_bool(0.02) {
            let checkpoint = stored.checkpoint();
            if rng.random_bool(0.1) {
                stored.give_back(checkpoint);
            } else {
                assert_eq!(checkpoint.next_offset, position as i64 + 1);
                store.apply(checkpoint);
                if rng.random_bool(0.1) {
                    stored = Shard::restore(settings.clone(), KEY, &store.pieces()).unwrap();
                    restores += 1;
                    assert_eq!(stored.snapshot(), plain.snapshot(), "after restore at {position}");
                }
            }
        }
    }
    assert!(restores > 30, "{restores} restores");
    assert_eq!(stored.snapshot(), plain.snapshot());
    store.apply(stored.checkpoint());
    let answered: u64 = plain.snapshot().series.iter().map(|series| series.totals.answered).sum();
    assert_eq!(answered_in_history(&store), answered);
}

#[test]
fn a_checkpoint_costs_what_changed() {
    let events = events(60_000, 20.0);
    let mut shard = Shard::new(Arc::new(settings()), KEY);
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
    assert!(written * 20 < size, "a checkpoint after one record wrote {written} bytes of a state of {size}");
}

#[test]
fn a_target_that_changes_keeps_what_was_counted() {
    let events = events(10_000, 1.0);
    let before = Arc::new(settings());
    let mut shard = Shard::new(before.clone(), KEY);
    for (position, event) in events.iter().enumerate() {
        fold(&mut shard, position, event);
    }
    let mut store = Store::default();
    store.apply(shard.checkpoint());

    let mut changed = settings();
    changed.queue_defaults.target_wait_ms = 25_000;
    changed.windows.pane_ms = 10_000;
    let changed = Arc::new(changed);
    let mut restored = Shard::restore(changed.clone(), KEY, &store.pieces()).unwrap();
    let (was, is) = (shard.snapshot(), restored.snapshot());
    for (was, is) in was.series.iter().zip(&is.series) {
        assert_eq!(was.totals.answered, is.totals.answered);
        assert_eq!(was.totals.wait_answered.count(), is.totals.wait_answered.count());
        assert_eq!(was.totals.wait_answered.sum_ms, is.totals.wait_answered.sum_ms);
        let within = |series: &nabiz::view::SeriesSnapshot, bounds: &[u64], at_ms: u64| -> u64 {
            let bucket = bounds.iter().position(|bound| *bound == at_ms).unwrap();
            series.totals.wait_answered.counts.iter().take(bucket + 1).sum()
        };
        assert_eq!(within(was, &before.wait_bounds_ms(), 30_000), within(is, &changed.wait_bounds_ms(), 30_000));
        assert_eq!(was.live.waiting, is.live.waiting);
    }
}

#[test]
fn torn_pieces_are_errors() {
    let events = events(5_000, 1.0);
    let settings = Arc::new(settings());
    let mut shard = Shard::new(settings.clone(), KEY);
    for (position, event) in events.iter().enumerate() {
        fold(&mut shard, position, event);
    }
    let mut store = Store::default();
    store.apply(shard.checkpoint());
    let pieces = store.pieces();
    for index in 0..pieces.len() {
        let mut torn = pieces.clone();
        let half = torn[index].bytes.len() / 2;
        torn[index].bytes.truncate(half);
        // Half of a list of whole entries may still be readable; what counts is that nothing panics.
        let restored = Shard::restore(settings.clone(), KEY, &torn);
        if pieces[index].kind == PieceKind::Core {
            assert!(restored.is_err());
        }
    }
}

#[test]
fn a_state_from_before_native_histograms_gets_as_many_native_counts_as_classic_ones() {
    let events = events(20_000, 3.0);
    let settings = Arc::new(settings());
    let mut shard = Shard::new(settings.clone(), KEY);
    for (position, event) in events.iter().enumerate() {
        fold(&mut shard, position, event);
    }
    let mut store = Store::default();
    store.apply(shard.checkpoint());
    let older: Vec<Piece> = store
        .pieces()
        .into_iter()
        .filter(|piece| !matches!(piece.kind, PieceKind::SeriesNative | PieceKind::UnitNative))
        .collect();
    assert!(older.len() < store.pieces.len(), "there are pieces to leave out");
    let snapshot = Shard::restore(settings, KEY, &older).unwrap().snapshot();
    let waits: Vec<_> = snapshot.series.iter().map(|series| &series.totals.wait_answered).collect();
    assert!(waits.iter().any(|wait| wait.count() > 100));
    for (wait, of_shard) in waits.iter().zip(shard.snapshot().series.iter().map(|series| &series.totals.wait_answered))
    {
        assert_eq!((wait.native.count(), wait.count()), (of_shard.native.count(), of_shard.count()));
    }
    for followups in snapshot.followups.values() {
        assert_eq!(followups.duration.native.count(), followups.duration.count());
    }
}

#[test]
fn forgetting_many_contacts_at_once_writes_no_part_twice() {
    let settings = Arc::new(settings());
    let mut shard = Shard::new(settings.clone(), KEY);
    let mut store = Store::default();
    for contact in 0..20_000 {
        let event = format!(
            r#"{{"specversion":"1.0","id":"{contact}","source":"s","type":"contact.started","time":"2026-01-05T10:00:00Z","data":{{"contact_id":"{contact}","channel":"phone"}}}}"#
        );
        fold(&mut shard, contact, &event);
    }
    store.apply(shard.checkpoint());
    let later_ms = shard.stream_time_ms().unwrap() + 2 * 3_600_000;
    shard.advance(later_ms);
    let checkpoint = shard.checkpoint();
    let parts = checkpoint.pieces.iter().filter(|piece| piece.kind == PieceKind::ContactPart).count();
    assert!(parts <= 20_000_usize.div_ceil(1024), "{parts} parts");
    store.apply(checkpoint);
    let mut restored = Shard::restore(settings, KEY, &store.pieces()).unwrap();
    assert_eq!(restored.snapshot().open_contacts, 0);
}
