//! Each recorded record becomes exactly the expected events.

use nabiz_mapping::Output;
use serde_json::Value;

use crate::story_files::{lines, mapping, names, records};

fn outputs_of(name: &str) -> Vec<Value> {
    let mapping = mapping(name);
    let json = |output: Output| match output {
        Output::Event(event) => serde_json::from_str(&event).unwrap(),
        Output::Line(line) => Value::String(line),
    };
    let outputs = records(name).into_iter().map(|record| match record.apply(&mapping) {
        Ok(outputs) => Value::Array(outputs.into_iter().map(json).collect()),
        Err(fault) => Value::String(fault.to_string()),
    });
    outputs.collect()
}

#[test]
fn records_become_the_expected_events() {
    for name in names() {
        let (actual, expected) = (outputs_of(name), lines(name, "events.ndjson"));
        for (line, (actual, expected)) in actual.iter().zip(&expected).enumerate() {
            let expected: Value = serde_json::from_str(expected)
                .unwrap_or_else(|error| panic!("{name}, line {}: {error}", line + 1));
            assert_eq!(*actual, expected, "{name}, line {}", line + 1);
        }
        assert_eq!(actual.len(), expected.len(), "{name}: number of records");
        assert!(actual.len() >= 8, "{name}: a story has several calls");
    }
}

#[test]
fn outputs_hold_nothing_private() {
    for name in names() {
        for (line, outputs) in outputs_of(name).iter().enumerate() {
            let text = outputs.to_string();
            assert!(!text.contains("private"), "{name}, line {}: {text}", line + 1);
        }
    }
}
