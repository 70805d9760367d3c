//! Records that the Kafka bindings of the CloudEvents SDKs of Python and Java wrote.
//!
//! `tests/cloudevents_sdks/records.ndjson` is what `scripts/cloudevents-records` prints. The test
//! that needs the SDKs compares the two.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use nabiz_core::decode::{Format, Message, decode};
use nabiz_core::event::{Channels, EventPayload};
use nabiz_core::time::Timestamp;
use serde::Deserialize;

const RECORDS: &str = include_str!("../cloudevents_sdks/records.ndjson");

/// 2026-01-05T08:30:00.250+03:00 in milliseconds since the Unix epoch.
const TIME: Timestamp = Timestamp(1_767_591_000_250);

/// The SDKs and their interfaces, each with the number of records.
const SDKS: [(&str, usize); 3] = [("java ", 10), ("python core ", 10), ("python v1 ", 10)];

#[derive(Debug, Deserialize)]
struct Record {
    /// The SDK, the way of giving the data, and the mode.
    name: String,
    headers: BTreeMap<String, String>,
    /// Hexadecimal digits; `None` for a record without a value.
    value: Option<String>,
}

impl Record {
    fn value(&self) -> Option<Vec<u8>> {
        let digits = self.value.as_ref()?.as_bytes();
        let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair).expect("digits"));
        Some(pairs.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal")).collect())
    }
}

#[test]
fn records_of_the_sdks_are_read_in_both_modes() {
    let records: Vec<Record> =
        RECORDS.lines().map(|line| serde_json::from_str(line).expect("a record")).collect();
    for (sdk, count) in SDKS {
        let of_sdk = records.iter().filter(|record| record.name.starts_with(sdk));
        assert_eq!(of_sdk.count(), count, "{sdk}");
    }
    let in_binary_mode = records.iter().filter(|record| record.headers.contains_key("ce_id"));
    assert_eq!(in_binary_mode.count(), 15);
    assert!(records.iter().any(|record| record.value.is_none()), "an event without a value");
    let with_base64 = records.iter().filter(|record| {
        let value = record.value().unwrap_or_default();
        String::from_utf8_lossy(&value).contains("data_base64")
    });
    assert_eq!(with_base64.count(), 3, "one from each interface");

    for record in &records {
        let value = record.value();
        let headers: Vec<(&str, &[u8])> =
            record.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let message = Message { value: value.as_deref(), headers: &headers };
        let event = decode(Format::CloudEvents, &message, &Channels::default(), 1 << 20)
            .unwrap_or_else(|rejection| panic!("{}: {rejection}", record.name))
            .unwrap_or_else(|| panic!("{} is no tombstone", record.name));
        let expected = match record.name.contains(" nothing ") {
            true => EventPayload::SourceRestarted,
            false => EventPayload::Queued {
                contact: "c-1".into(),
                queue: "arıza".into(),
                channel: None,
                is_callback: false,
            },
        };
        assert_eq!(event.payload, expected, "{}", record.name);
        assert_eq!((&*event.source, event.time), ("/pbx/1", Some(TIME)), "{}", record.name);
        assert!(record.name.contains(&*event.id), "{}: {}", record.name, event.id);
        assert!(event.faults.is_empty(), "{}: null is absence", record.name);
    }
}

#[test]
#[ignore = "needs Python, a JDK, Maven and the CloudEvents SDKs (make test)"]
fn stored_records_are_those_that_the_sdks_write() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/cloudevents-records");
    let output = Command::new(script).output().expect("the script starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let written = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(written == RECORDS, "write them to tests/cloudevents_sdks/records.ndjson: {written}");
}
