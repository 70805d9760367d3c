//! Reads the files of a story.

use std::path::PathBuf;

use jiff::tz::{TimeZone, TimeZoneDatabase};
use nabiz_mapping::{Fault, Mapping, Output, SHIPPED, SourceRecord};
use serde::Deserialize;
use serde_json::Value;

/// A recorded record.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Recorded {
    value: Option<Value>,
    text: Option<String>,
    key: Option<String>,
    #[serde(default)]
    headers: std::collections::BTreeMap<String, String>,
    timestamp: Option<i64>,
}

impl Recorded {
    pub(crate) fn timestamp(&self) -> Option<i64> {
        self.timestamp
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        match (&self.value, &self.text) {
            (Some(value), None) => value.to_string().into_bytes(),
            (None, Some(text)) => text.clone().into_bytes(),
            _ => panic!("a record has either `value` or `text`: {self:?}"),
        }
    }

    pub(crate) fn apply(&self, mapping: &Mapping) -> Result<Vec<Output>, Fault> {
        self.apply_bytes(mapping, &self.bytes())
    }

    pub(crate) fn apply_bytes(
        &self,
        mapping: &Mapping,
        value: &[u8],
    ) -> Result<Vec<Output>, Fault> {
        let headers: Vec<_> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        mapping.apply(&SourceRecord {
            value,
            key: self.key.as_deref().map(str::as_bytes),
            headers: &headers,
            timestamp: self.timestamp,
            topic: "source",
        })
    }
}

/// Names of the shipped mappings.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|shipped| shipped.name)
}

pub(crate) fn time_zone() -> TimeZone {
    TimeZoneDatabase::bundled().get("Europe/Istanbul").unwrap()
}

pub(crate) fn mapping(name: &str) -> Mapping {
    let shipped = nabiz_mapping::shipped(name).unwrap();
    Mapping::compile(name, shipped.code, time_zone(), [7; 16])
        .unwrap_or_else(|mistakes| panic!("{name}: {mistakes:?}"))
}

pub(crate) fn lines(name: &str, file: &str) -> Vec<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name).join(file);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

pub(crate) fn records(name: &str) -> Vec<Recorded> {
    let parse = |line: &String| {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{name}: {error}: {line}"))
    };
    lines(name, "records.ndjson").iter().map(parse).collect()
}
