//! Times that are far ahead: their cost has a bound.

use std::sync::Arc;

use nabiz_core::decode::{Format, Message};
use nabiz_core::ids::Offset;
use nabiz_core::settings::Settings;
use nabiz_core::shard::{RecordMeta, RecordOutcome, Shard};

use crate::oracle::world::{defaults, settings};

/// Returns a shard that keeps a history and has an agent in two queues, a waiting caller and an
/// open petition on the clock of opening hours.
fn busy_shard() -> Shard {
    let settings = Settings { history_interval: defaults().history_interval, ..settings() };
    let mut shard = Shard::new(Arc::new(settings), [3; 16]);
    let events = [
        ("agent.state_changed", r#""agent":"a","state":"available","queues":["fault","billing"]"#),
        ("contact.queued", r#""contact_id":"c","queue":"fault""#),
        ("contact.started", r#""contact_id":"m","channel":"email""#),
        ("contact.queued", r#""contact_id":"m","queue":"office""#),
    ];
    for (number, (kind, data)) in (0..).zip(events) {
        assert_eq!(
            fold(&mut shard, number, kind, "2026-01-05T09:00:00Z", data),
            RecordOutcome::Applied
        );
    }
    shard
}

fn fold(shard: &mut Shard, number: i64, kind: &str, time: &str, data: &str) -> RecordOutcome {
    let head = format!(r#""specversion":"1.0","id":"{number}","source":"s","type":"{kind}""#);
    let json = format!(r#"{{{head},"time":"{time}","data":{{{data}}}}}"#);
    let message = Message { value: Some(json.as_bytes()), headers: &[] };
    let meta = RecordMeta { offset: Offset(number), timestamp: None };
    shard.fold(Format::CloudEvents, &message, meta)
}

#[test]
fn history_has_a_bounded_number_of_rows_when_an_event_is_far_ahead() {
    for far in ["2029-01-05T09:00:00Z", "9999-12-31T23:59:59Z"] {
        let mut shard = busy_shard();
        shard.checkpoint();
        let data = r#""contact_id":"x","queue":"fault""#;
        assert_eq!(fold(&mut shard, 10, "contact.queued", far, data), RecordOutcome::Applied);
        let rows = shard.checkpoint().agent_intervals.len();
        // A month of quarter hours in each of two queues.
        assert_eq!(rows, 2 * 3_000, "{far}");
        assert_eq!(shard.snapshot().evicted, 2, "both stretches were cut");
    }
}
