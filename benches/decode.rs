//! Time to decode one event. `cargo bench --bench decode`

#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub, missing_docs)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nabiz_core::decode::{Format, Message, decode};
use nabiz_core::event::Channels;
use nabiz_core::time::parse_rfc3339;

const QUEUED: &str = r#"{"specversion":"1.0","id":"01JGV7Z3M4Q8X2N5R6T9W0Y1A2","source":"/pbx/istanbul-1","type":"contact.queued","time":"2026-01-05T08:30:00.250+03:00","datacontenttype":"application/json","data":{"contact_id":"7f9c24e8-3b12-4a6d-9e01-5c8d7a2b4f60","queue":"fault","channel":"phone","priority":0,"position":3}}"#;
const ANSWERED: &str = r#"{"specversion":"1.0","id":"01JGV7Z3M4Q8X2N5R6T9W0Y1A3","source":"/pbx/istanbul-1","type":"contact.answered","time":"2026-01-05T08:30:18.500+03:00","data":{"contact_id":"7f9c24e8-3b12-4a6d-9e01-5c8d7a2b4f60","queue":"fault","agent":"agent-17","wait_ms":18250}}"#;
const DATA: &str = r#"{"contact_id":"7f9c24e8-3b12-4a6d-9e01-5c8d7a2b4f60","queue":"fault","agent":"agent-17","wait_ms":18250}"#;
const HEADERS: &[(&str, &[u8])] = &[
    ("ce_specversion", b"1.0"),
    ("ce_id", b"01JGV7Z3M4Q8X2N5R6T9W0Y1A3"),
    ("ce_source", b"/pbx/istanbul-1"),
    ("ce_type", b"contact.answered"),
    ("ce_time", b"2026-01-05T08:30:18.500+03:00"),
];
const LINE: &str = "1366720340|1366720340.303267|fault|SIP/8007|CONNECT|17|1366720340.303268|4";

fn benches(c: &mut Criterion) {
    let channels = Channels::default();
    let mut group = c.benchmark_group("decode");
    group.throughput(Throughput::Elements(1));
    let mut bench = |name: &str, format, value: &str, headers| {
        let message = Message { value: Some(value.as_bytes()), headers };
        assert!(decode(format, &message, &channels, 1 << 20).is_ok(), "{name}");
        group.bench_function(format!("{name} ({} bytes)", value.len()), |b| {
            b.iter(|| black_box(decode(format, black_box(&message), &channels, 1 << 20).is_ok()))
        });
    };
    bench("structured queued", Format::CloudEvents, QUEUED, &[]);
    bench("structured answered", Format::CloudEvents, ANSWERED, &[]);
    bench("binary answered", Format::CloudEvents, DATA, HEADERS);
    bench("queue_log connect", Format::AsteriskQueueLog, LINE, &[]);
    group.finish();
    c.bench_function("rfc3339", |b| {
        b.iter(|| parse_rfc3339(black_box("2026-01-05T08:30:00.250+03:00")))
    });
}

criterion_group!(decoding, benches);
criterion_main!(decoding);
