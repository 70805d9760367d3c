//! Records that a mapping has made into several messages: each stands alone, and each record and
//! each event counts exactly once.

use std::sync::Arc;

use nabiz_core::decode::{Format, Message};
use nabiz_core::event::{Reason, Rejection};
use nabiz_core::ids::Offset;
use nabiz_core::measures::EventTotals;
use nabiz_core::settings::Settings;
use nabiz_core::shard::{RecordMeta, RecordOutcome, Shard};
use nabiz_core::time::{Timestamp, parse_rfc3339};

use crate::oracle::store::Store;

const HASH_KEY: [u8; 16] = [7; 16];

struct Log {
    shard: Shard,
    offset: i64,
}

impl Log {
    fn new() -> Self {
        Log { shard: Shard::new(Arc::new(Settings::builder().build()), HASH_KEY), offset: 0 }
    }

    fn meta(&mut self) -> RecordMeta {
        self.offset += 1;
        RecordMeta { offset: Offset(self.offset), timestamp: None }
    }

    fn fold(&mut self, events: &[String]) -> RecordOutcome {
        let messages: Vec<_> = events
            .iter()
            .map(|event| {
                let message = Message { value: Some(event.as_bytes()), headers: &[] };
                (Format::CloudEvents, message)
            })
            .collect();
        let meta = self.meta();
        self.shard.fold_mapped(&messages, meta, None).outcome
    }

    /// Stores the state and reads it back.
    fn restore(&mut self) {
        let mut store = Store::default();
        store.apply(self.shard.checkpoint());
        let settings = Arc::new(Settings::builder().build());
        self.shard = Shard::restore(settings, HASH_KEY, &store.chunks()).unwrap();
    }

    fn counts(&mut self) -> (u64, u64, u64, u64, EventTotals) {
        let records = self.shard.snapshot().records;
        assert_eq!(records.read_sum(), self.offset as u64, "each record counts once");
        let rejected = records.rejected_sum();
        (records.applied, records.ignored, rejected, records.held, records.events)
    }
}

fn event(second: u32, kind: &str, contact: &str, rest: &str) -> String {
    let head = format!(r#""specversion":"1.0","id":"{kind}{contact}{second}","source":"s""#);
    let time = format!("2026-01-05T09:{:02}:{:02}Z", second / 60, second % 60);
    let data = format!(r#"{{"contact_id":"{contact}","queue":"fault"{rest}}}"#);
    format!(r#"{{{head},"type":"{kind}","time":"{time}","data":{data}}}"#)
}

fn totals(applied: u64, duplicate: u64, rejected: u64) -> EventTotals {
    EventTotals { applied, duplicate, late: 0, rejected }
}

#[test]
fn record_without_messages_is_ignored() {
    let mut log = Log::new();
    assert_eq!(log.fold(&[]), RecordOutcome::Ignored);
    assert_eq!(log.counts(), (0, 1, 0, 0, totals(0, 0, 0)));
}

#[test]
fn record_is_applied_when_one_of_its_events_says_something_new() {
    let mut log = Log::new();
    let first = event(0, "contact.queued", "a", "");
    assert_eq!(log.fold(std::slice::from_ref(&first)), RecordOutcome::Applied);
    assert_eq!(
        log.fold(&[first.clone(), event(1, "contact.queued", "b", "")]),
        RecordOutcome::Applied
    );
    assert_eq!(log.fold(&[first.clone(), first]), RecordOutcome::Duplicate);
    assert_eq!(log.counts(), (2, 0, 0, 0, totals(2, 3, 0)));
}

#[test]
fn record_is_rejected_when_one_of_its_events_is_and_the_others_are_applied() {
    let mut log = Log::new();
    let events = [event(0, "contact.queued", "a", ""), event(1, "contact.unknown", "a", "")];
    let RecordOutcome::Rejected(rejection) = log.fold(&events) else { panic!("rejected") };
    assert_eq!(rejection.reason, Reason::UnknownType);
    assert!(rejection.detail.starts_with("output 1: "), "{rejection}");
    assert_eq!(log.counts(), (0, 0, 1, 0, totals(1, 0, 1)));
    let waiting = log.shard.snapshot().series.iter().map(|series| series.live.waiting).sum::<u64>();
    assert_eq!(waiting, 1);
}

#[test]
fn failed_mapping_rejects_the_record() {
    let mut log = Log::new();
    let meta = log.meta();
    let rejection = Rejection::new(Reason::MappingFailed, "the program raised an error");
    assert!(matches!(log.shard.reject(rejection, meta), RecordOutcome::Rejected(_)));
    assert_eq!(log.counts(), (0, 0, 1, 0, totals(0, 0, 0)));
}

#[test]
fn held_endings_of_one_record_count_once_for_the_record_and_each_for_itself() {
    let mut log = Log::new();
    let endings = [event(9, "contact.answered", "a", ""), event(9, "contact.answered", "b", "")];
    assert_eq!(log.fold(&endings), RecordOutcome::Held);
    log.restore();
    let starts = [event(0, "contact.queued", "a", ""), event(0, "contact.queued", "b", "")];
    assert_eq!(log.fold(&starts), RecordOutcome::Applied);
    assert_eq!(log.counts(), (2, 0, 0, 0, totals(4, 0, 0)));
}

#[test]
fn held_ending_beside_an_applied_event_counts_for_itself_alone() {
    let mut log = Log::new();
    let events = [event(9, "contact.queued", "a", ""), event(9, "contact.answered", "b", "")];
    assert_eq!(log.fold(&events), RecordOutcome::Applied);
    log.restore();
    log.shard.advance(parse_rfc3339("2026-01-05T12:00:00Z").unwrap_or(Timestamp(0)));
    assert_eq!(log.shard.take_orphans().len(), 1, "the record goes to the dead letters");
    let (applied, _, rejected, ..) = log.counts();
    assert_eq!((applied, rejected), (1, 0));
    assert_eq!(log.counts().4, totals(1, 0, 1));
}

#[test]
fn fault_of_an_optional_field_costs_the_field_of_its_event_alone() {
    let mut log = Log::new();
    let events = [
        event(0, "contact.queued", "a", r#","is_callback":"yes","channel":"smoke""#),
        event(9, "contact.answered", "a", r#","wait_ms":"nine""#),
        event(29, "contact.ended", "a", r#","ended_by":7,"talk_ms":20000"#),
    ];
    assert_eq!(log.fold(&events), RecordOutcome::Applied);
    assert_eq!(log.counts(), (1, 0, 0, 0, totals(3, 0, 0)));
    let snapshot = log.shard.snapshot();
    let dropped = snapshot.records.fields_dropped.iter();
    let dropped: Vec<_> = dropped.map(|(field, count)| (field.as_str(), *count)).collect();
    let expected = [("channel", 1), ("is_callback", 1), ("wait_ms", 1), ("ended_by", 1)];
    assert_eq!(dropped, expected);
    let totals = &snapshot.series.iter().find(|series| *series.queue == *"fault").unwrap().totals;
    assert_eq!((totals.visits.answered, totals.wait_answered.sum.get()), (1, 9_000));
    assert_eq!((totals.contacts.callbacks, totals.handle.sum.get()), (0, 20_000));
}
