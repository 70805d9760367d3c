//! A record, and the key that its value names.

use serde_json::Value;

use crate::config::RecordKey;

/// A record for Kafka.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) key: Option<String>,
    pub(super) value: Vec<u8>,
}

/// Returns the key of a record. Only texts and numbers are keys: an absent id is no key, and must
/// not put all records without one into the same partition.
pub(super) fn key_of(rule: Option<&RecordKey>, value: &Value) -> Option<String> {
    match rule? {
        RecordKey::Field(name) => value.get(name).and_then(key_text),
        RecordKey::Pointers(pointers) => {
            pointers.iter().find_map(|pointer| value.pointer(pointer).and_then(key_text))
        }
    }
}

fn key_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn key_is_the_first_text_or_number_that_a_rule_finds() {
        let pointers = |all: &[&str]| {
            RecordKey::Pointers(all.iter().map(|one| one.to_string()).collect::<Vec<_>>())
        };
        let either = pointers(&["/conversation/id", "/id"]);
        let key = |rule: &RecordKey, value: Value| key_of(Some(rule), &value);
        assert_eq!(key(&either, json!({"id": 7, "conversation": {"id": 3}})), Some("3".into()));
        assert_eq!(key(&either, json!({"id": 7, "conversation": null})), Some("7".into()));
        assert_eq!(key(&either, json!({"id": ""})), None);
        assert_eq!(key(&either, json!([1])), None);
        let field = RecordKey::Field("CallSid".into());
        assert_eq!(key(&field, json!({"CallSid": "CA1"})), Some("CA1".into()));
        assert_eq!(key(&field, json!({"callsid": "CA1"})), None);
        assert_eq!(key_of(None, &json!({"id": 1})), None);
    }
}
